"""Trees that have no end and numbers that make no sense, edited into real images: an answer in bounded time and memory, the rest of the tree,
and a word of it on standard error."""

import json
import os
import resource
import struct

import pytest
import rig
from filesystem_proof import MIB, new
from filesystems import fill, mounted, run

pytestmark = pytest.mark.full

MKFS = {"ext4": ["mkfs.ext4", "-q", "-b", 4096], "xfs": ["mkfs.xfs", "-q"], "btrfs": ["mkfs.btrfs", "-q", "-n", 4096, "-m", "single"]}
SIZES = {"ext4": 64 * MIB, "xfs": 320 * MIB, "btrfs": 128 * MIB}
LIMIT = 512 * MIB


def listed(image, *options, codes=(0, 4, 11), timeout=60) -> tuple:
    """What ls -R prints, hashes too; it must end in time and within memory, and never die of a signal."""
    with rig.Running("ls", "-R", "--json", "--hash", "--xattrs", *options, image) as running:
        done = running.finish(timeout)
    assert done.code in codes, done
    # The kernel counts what this process had when it forked, too.
    own = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    assert done.peak_rss < max(LIMIT, own + LIMIT // 4), done.peak_rss
    return [json.loads(line) for line in done.stdout.splitlines()], done


def plain(tmp_path, kind: str):
    image = new(tmp_path, SIZES[kind], *MKFS[kind])
    with mounted(image) as top:
        (top / "a/b/c").mkdir(parents=True)
        (top / "file").write_bytes(b"content" * 1000)
        for number in range(100):
            (top / f"a/entry {number}").write_text("x")
    return image


def ext4_circle(image, tmp_path):
    (tmp_path / "script").write_text("ln / a/b/root\nln a a/b/again\nln a/b/c a/b/c/self\n")
    run("debugfs", "-w", "-f", tmp_path / "script", image)


def xfs_circle(image, _):
    """The only name in the short-form folder /a/b, "c", leads to / instead."""
    root = int(run("xfs_db", "-r", "-c", "path /", "-c", "inode", image).split()[-1])
    run("xfs_db", "-x", "-c", "path /a/b", "-c", f"write -d u3.sfdir3.list[0].inumber.i4 {root}", image)


@pytest.mark.parametrize("kind,edit", [("ext4", ext4_circle), ("xfs", xfs_circle)])
def test_folders_inside_of_themselves_end(tmp_path, kind, edit):
    image = plain(tmp_path, kind)
    edit(image, tmp_path)
    entries, done = listed(image, codes=(4,))
    paths = [entry["path"] for entry in entries]
    assert "/file" in paths and "/a/entry 99" in paths
    assert len(paths) < 130 and not [path for path in paths if path.count("/") > 5]
    assert "already listed" in done.stderr, done.stderr


# A file of 2^63 bytes, one less, one more, and such that an end wraps round.
@pytest.mark.parametrize("size", [1 << 63, (1 << 63) - 1, (1 << 64) - 1, 1 << 50])
@pytest.mark.parametrize("kind", ["ext4", "xfs"])
def test_files_of_sizes_that_cannot_be(tmp_path, kind, size):
    image = plain(tmp_path, kind)
    if kind == "ext4":
        (tmp_path / "script").write_text(f"sif /file size {size}\n")
        run("debugfs", "-w", "-f", tmp_path / "script", image)
    else:
        run("xfs_db", "-x", "-c", "path /file", "-c", f"write -d core.size {size}", image)
    entries, done = listed(image, codes=(4,))
    assert "/a/entry 99" in [entry["path"] for entry in entries]
    assert "/file" in done.stderr
    assert not [entry for entry in entries if entry["path"] == "/file" and "sha256" in entry], "of bytes that are not there it would be no hash"


def used_sectors(image) -> list:
    """Those that are not all zero."""
    used = []
    with open(image, "rb") as file:
        at = 0
        while True:
            try:
                at = os.lseek(file.fileno(), at, os.SEEK_DATA)
            except OSError:
                return used
            end = os.lseek(file.fileno(), at, os.SEEK_HOLE)
            piece = os.pread(file.fileno(), end - at, at)
            used += [at + sector for sector in range(0, len(piece), 512) if any(piece[sector:sector + 512])]
            at = end


# A word of each 41st sector that holds anything, in an image with everything in it; the superblock is left alone.
@pytest.mark.parametrize("kind", MKFS)
@pytest.mark.parametrize("value", [b"\xff" * 8, bytes(8), struct.pack("<Q", 1 << 63), struct.pack(">Q", 1 << 63)], ids=["ones", "zeros", "little 2^63", "big 2^63"])
def test_a_word_overwritten_at_many_places_at_once(tmp_path, kind, value):
    image = new(tmp_path, max(SIZES[kind], 96 * MIB), *MKFS[kind])
    with mounted(image) as top:
        fill(top, 11, 100)
    used = [at for at in used_sectors(image) if at >= (69632 if kind == "btrfs" else 4096)]
    told = 0
    for round_ in range(3):
        hurt = tmp_path / "hurt"
        run("cp", "--sparse=always", image, hurt)
        with open(hurt, "r+b") as file:
            for at in used[round_ * 7::41]:
                file.seek(at + (round_ * 24 + at // 512 * 8) % 504)
                file.write(value)
        _, done = listed(hurt, "--deleted")
        told += bool(done.stderr)
    assert told, "nothing that matters was hit"


def test_images_cut_short(tmp_path):
    for kind in MKFS:
        image = plain(tmp_path, kind)
        for size in (1, 511, 1024, 2048, 4096, 65536, 70_000, MIB, SIZES[kind] // 2, SIZES[kind] - 1):
            cut = tmp_path / "cut"
            run("cp", "--sparse=always", image, cut)
            os.truncate(cut, size)
            listed(cut)
        image.unlink()
