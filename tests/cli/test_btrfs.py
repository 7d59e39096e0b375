"""Btrfs where it is not whole, or where more is there than the kernel shows: made and broken here, and read."""

import hashlib
import json
import os
import random
import re
import shutil
import struct

import pytest
import rig
from filesystem_proof import MIB, assert_same, new
from filesystems import fill, kanshiki_view, kernel_view, mounted, run, sized
from rig import LoopDevice

pytestmark = pytest.mark.full

SIZE = 256 * MIB
DICE = random.Random(7)


def ls(image, *options):
    return rig.kanshiki("ls", "-R", "--json", "--hash", *options, image, timeout=120)


def entries(done) -> list:
    return [json.loads(line) for line in done.stdout.splitlines()]


def sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def super_field(image, place: int, at: int) -> int:
    with open(image, "rb") as file:
        file.seek(place + at)
        return struct.unpack("<Q", file.read(8))[0]


def flip(image, offset: int, size: int = 16) -> None:
    with open(image, "r+b") as file:
        file.seek(offset)
        content = file.read(size)
        file.seek(offset)
        file.write(bytes(byte ^ 0xFF for byte in content))


def sync_folder(path) -> None:
    folder = os.open(path, os.O_RDONLY)
    os.fsync(folder)
    os.close(folder)


def write(path, content: bytes, fsync: bool = False, at: int | None = None) -> None:
    with open(path, "r+b" if at is not None else "wb") as file:
        if at is not None:
            file.seek(at)
        file.write(content)
        if fsync:
            file.flush()
            os.fsync(file.fileno())


def change_and_fsync(top) -> None:
    """All that the kernel logs, after everything before it was committed."""
    write(top / "a/new", DICE.randbytes(70_001), fsync=True)
    write(top / "a/inline", b"small", fsync=True)
    write(top / "a/big", DICE.randbytes(30_000), fsync=True, at=100_001)  # in the midst of an extent
    with open(top / "a/big2", "ab") as file:
        file.write(DICE.randbytes(5000))
        file.flush()
        os.fsync(file.fileno())
    with open(top / "a/short", "r+b") as file:
        file.truncate(10_000)
        os.fsync(file.fileno())
    with open(top / "a/holes", "r+b") as file:
        run("fallocate", "-p", "-o", 40_960, "-l", 81_920, top / "a/holes")
        os.fsync(file.fileno())
    os.setxattr(top / "a/attributes", "user.fresh", b"value")
    os.removexattr(top / "a/attributes", "user.old")
    os.chmod(top / "a/attributes", 0o600)
    sync_folder(top / "a/attributes")
    os.mkdir(top / "b/folder")
    write(top / "b/folder/inside", b"in a new folder", fsync=True)
    os.rename(top / "b/from", top / "b/to")
    os.remove(top / "b/gone")
    os.symlink("where/to", top / "b/symlink")
    write(top / "b/kept", b"replaced")
    sync_folder(top / "b")
    os.link(top / "a/linked", top / "b/second name")
    sync_folder(top / "a/linked")


def logged_but_not_committed(tmp_path, options: str, mount: str):
    """A copy of a file system in use, whose last changes are in its log alone. The copy is made while it is mounted: a commit
    of the kernel's own (under pressure for space or memory) tears it."""
    image = new(tmp_path, SIZE, "mkfs.btrfs", "-q", *options.split())
    with mounted(image, "-o", "commit=300" + ("," + mount if mount else "")) as top:
        os.mkdir(top / "a")
        os.mkdir(top / "b")
        for name in ("big", "big2", "short", "holes", "linked", "attributes"):
            write(top / "a" / name, DICE.randbytes(300_000))
        write(top / "a/inline", b"before")
        os.setxattr(top / "a/attributes", "user.old", b"1")
        os.setxattr(top / "a/attributes", "user.kept", b"2")
        for name in ("from", "gone", "kept", "untouched"):
            write(top / "b" / name, name.encode() * 3)
        run("btrfs", "filesystem", "sync", top)
        change_and_fsync(top)
        shutil.copyfile(image, tmp_path / "unclean")
    return tmp_path / "unclean"


@pytest.mark.parametrize("options", ["", "-O ^no-holes -n 4096 --csum sha256"])
@pytest.mark.parametrize("mount", ["", "compress-force=zstd"])
def test_what_was_fsynced_after_the_last_commit_is_shown_as_the_kernel_replays_it(tmp_path, options, mount):
    for _ in range(5):  # until the kernel did not commit of its own accord while the copy was made
        image = logged_but_not_committed(tmp_path, options, mount)
        if super_field(image, 65536, 0x48) == super_field(image, 64 * MIB, 0x48) and super_field(image, 65536, 0x60) != 0:
            break
        image.unlink()
    shutil.copyfile(tmp_path / "unclean", tmp_path / "replayed")
    assert super_field(tmp_path / "unclean", 65536, 0x60) != 0, "no log was written"
    with mounted(tmp_path / "replayed"):
        pass
    with mounted(tmp_path / "replayed", read_only=True) as top:
        expected = kernel_view(top)
    assert expected[b"/b/to"]["sha256"] == sha256(b"from" * 3) and b"/b/gone" not in expected and b"/a/new" in expected
    renamed_by_replay = lambda path, field: (path, field) == (b"/b/to", "changed")  # noqa: E731  (the kernel stamps it when it replays)
    assert_same(expected, kanshiki_view(tmp_path / "unclean", says="was not replayed on disk"), unless=renamed_by_replay)
    assert "was not replayed on disk" in ls(tmp_path / "unclean").stderr


def test_files_of_older_commits_are_found_with_their_content(tmp_path):
    image = new(tmp_path, SIZE, "mkfs.btrfs", "-q")
    contents = {f"file {number}": DICE.randbytes(50_000 + number) for number in range(20)}
    with mounted(image) as top:
        os.mkdir(top / "folder")
        for name, content in contents.items():
            write(top / "folder" / name, content)
        for number in range(400):
            write(top / f"kept {number}", b"kept")
    with mounted(image, "-o", "nodiscard") as top:
        shutil.rmtree(top / "folder")
        run("btrfs", "filesystem", "sync", top)
        write(top / "kept 3", b"later")
    found = entries(ls(image, "--deleted").expect(0))
    lost = {entry["path"].rsplit("/", 1)[1]: entry for entry in found if entry["deleted"]}
    for name, content in contents.items():
        assert lost[name]["sha256"] == sha256(content), name
        assert not lost[name]["allocated"] and lost[name]["certainty"] == "likely"
        assert "/folder/" in lost[name]["path"].replace("-folder/", "/folder/")
    assert not any("kept" in name for name in lost)


def test_a_file_of_an_older_commit_whose_content_is_overwritten_is_only_possible(tmp_path):
    image = new(tmp_path, SIZE, "mkfs.btrfs", "-q")
    with mounted(image) as top:
        write(top / "lost", b"LOSTLOST" * 4096)
        write(top / "kept", b"kept")
    with mounted(image, "-o", "nodiscard") as top:
        os.remove(top / "lost")
    with open(image, "rb") as file:
        at = file.read().index(b"LOSTLOST")
    flip(image, at + 8192)
    done = ls(image, "--deleted").expect(0)
    lost = [entry for entry in entries(done) if entry["path"].endswith("-lost")]
    assert [entry["certainty"] for entry in lost] == ["possible"]
    assert "wrong checksum" in done.stderr


def test_a_file_that_was_open_when_it_was_unlinked(tmp_path):
    image = new(tmp_path, SIZE, "mkfs.btrfs", "-q")
    with mounted(image) as top:
        write(top / "open", b"still open " * 1000)
        run("btrfs", "filesystem", "sync", top)
        with open(top / "open", "rb"):  # keeps the inode
            os.remove(top / "open")
            run("btrfs", "filesystem", "sync", top)
            shutil.copyfile(image, tmp_path / "copy")
    found = [entry for entry in entries(ls(tmp_path / "copy", "--deleted").expect(0)) if entry["deleted"]]
    assert [entry["sha256"] for entry in found] == [sha256(b"still open " * 1000)]
    assert found[0]["links"] == 0 and found[0]["certainty"] == "certain"


def test_a_deleted_subvolume_is_an_orphan_until_it_is_cleaned(tmp_path):
    image = new(tmp_path, SIZE, "mkfs.btrfs", "-q")
    with mounted(image) as top:
        run("btrfs", "subvolume", "create", top / "doomed")
        write(top / "doomed/inside", b"in a deleted subvolume" * 300)
    with mounted(image) as top:
        run("btrfs", "subvolume", "delete", top / "doomed")
        run("btrfs", "filesystem", "sync", top)
        shutil.copyfile(image, tmp_path / "copy")
    found = entries(ls(tmp_path / "copy", "--deleted").expect(0))
    lost = [entry for entry in found if entry["path"].endswith("/inside")]
    assert [entry["sha256"] for entry in lost] == [sha256(b"in a deleted subvolume" * 300)]
    assert "OrphanSubvolume-256" in lost[0]["path"] and lost[0]["deleted"]


def crc32c_table() -> list:
    table = []
    for value in range(256):
        for _ in range(8):
            value = value >> 1 ^ (0x82F63B78 if value & 1 else 0)
        table.append(value)
    return table


def same_hash(prefix: bytes) -> tuple:
    """Two names with the hash that Btrfs files them under."""
    table, seen = crc32c_table(), {}
    while True:
        name = prefix + b"%016x" % DICE.getrandbits(64)
        state = 0xFFFFFFFE
        for byte in name:
            state = state >> 8 ^ table[(state ^ byte) & 0xFF]
        if seen.setdefault(state, name) != name:
            return seen[state], name


def test_names_and_attributes_with_the_same_hash(tmp_path):
    image = new(tmp_path, SIZE, "mkfs.btrfs", "-q")
    names, attributes = same_hash(b""), same_hash(b"user.")
    with mounted(image) as top:
        for name in names:
            write(top / os.fsdecode(name), name)
            for attribute in attributes:
                os.setxattr(top / os.fsdecode(name), attribute, attribute)
    dump = run("btrfs", "inspect-internal", "dump-tree", "-t", "5", image)
    assert len(re.findall(r"DIR_ITEM \d+\) itemoff \d+ itemsize 92", dump)) == 1, "one item has both names"
    with mounted(image, read_only=True) as top:
        expected = kernel_view(top)
    assert len(expected) == 3 and len(expected[b"/" + names[0]]["xattrs"]) >= 2
    assert_same(expected, kanshiki_view(image))


def metadata_stripes(image) -> list:
    """(logical, size, offsets of the copies) of each metadata and system chunk."""
    dump = run("btrfs", "inspect-internal", "dump-tree", "-t", "chunk", image)
    chunks = []
    for part in re.split(r"item \d+ key ", dump)[1:]:
        head = re.match(r"\(FIRST_CHUNK_TREE CHUNK_ITEM (\d+)\)", part)
        if head and re.search(r"type (METADATA|SYSTEM)", part):
            chunks.append((int(head[1]), int(re.search(r"length (\d+)", part)[1]), [int(at) for at in re.findall(r"stripe \d+ devid \d+ offset (\d+)", part)]))
    return chunks


def filled(tmp_path, *mkfs, seed: int = 3):
    image = new(tmp_path, SIZE, "mkfs.btrfs", "-q", *mkfs)
    with mounted(image) as top:
        fill(top, seed, 100)
    with mounted(image, read_only=True) as top:
        return image, kernel_view(top)


@pytest.mark.parametrize("csum", ["crc32c", "xxhash", "sha256", "blake2"])
@pytest.mark.parametrize("copy", [0, 1])
def test_metadata_that_is_damaged_in_one_of_two_copies_is_read_from_the_other(tmp_path, csum, copy):
    image, expected = filled(tmp_path, "--csum", csum)
    for _, size, copies in metadata_stripes(image):
        assert len(copies) == 2
        for at in range(0, size, 16384):
            flip(image, copies[copy] + at + 200)
    assert_same(expected, kanshiki_view(image, says="has a wrong checksum" if copy == 0 else ""))
    said = ls(image).stderr
    assert ("has a wrong checksum" in said and "is used" in said) == (copy == 0)


@pytest.mark.parametrize("mkfs,recovered", [("-d single", False), ("-d dup", True)])
def test_data_with_a_wrong_checksum_is_given_and_told(tmp_path, mkfs, recovered):
    image = new(tmp_path, SIZE, "mkfs.btrfs", "-q", *mkfs.split())
    content = b"MARKMARK" + DICE.randbytes(100_000)
    with mounted(image) as top:
        write(top / "file", content)
    with open(image, "rb") as file:
        at = file.read().index(b"MARKMARK")
    flip(image, at + 5000)
    damaged = bytearray(content)
    damaged[5000:5016] = bytes(byte ^ 0xFF for byte in damaged[5000:5016])
    done = ls(image).expect(0)
    (entry,) = [each for each in entries(done) if each["path"] == "/file"]
    assert entry["sha256"] == sha256(content if recovered else bytes(damaged))
    assert re.search(r"inode 257 of subvolume 5: logical bytes \d+ to \d+ " + ("are taken from another copy" if recovered else "have a wrong checksum"), done.stderr)


@pytest.mark.parametrize("damage", ["checksum", "magic"])
def test_the_superblock_s_mirror_is_used_where_the_first_is_damaged(tmp_path, damage):
    image, expected = filled(tmp_path)
    flip(image, 65536 + (0x40 if damage == "magic" else 0x300), 8)
    assert_same(expected, kanshiki_view(image, says="superblock"))
    said = ls(image).stderr
    assert "the superblock at byte 67108864" in said and "65536" in said


def root_of_top_level(image) -> int:
    return int(re.search(r"fs tree key \(FS_TREE ROOT_ITEM 0\) (\d+)", run("btrfs", "inspect-internal", "dump-tree", "-r", image))[1])


@pytest.mark.parametrize("root_of", [lambda image: super_field(image, 65536, 0x50), root_of_top_level], ids=["tree of trees", "top-level subvolume"])
def test_a_root_that_is_gone_leaves_the_commit_before(tmp_path, root_of):
    image, _ = filled(tmp_path)
    with mounted(image, "-o", "nodiscard") as top:
        write(top / "the last", b"x")
    root = root_of(image)
    for logical, size, copies in metadata_stripes(image):
        for copy in copies if logical <= root < logical + size else []:
            flip(image, copy + root - logical, 16384)
    found = kanshiki_view(image, says="is shown instead of")
    assert b"/files/size-5000" in found and b"/the last" not in found
    assert "is shown instead of" in ls(image).stderr


def test_one_of_two_devices_gives_what_it_has(tmp_path):
    first, second = sized(tmp_path / "first", SIZE), sized(tmp_path / "second", SIZE)
    with LoopDevice(first, read_only=False) as one, LoopDevice(second, read_only=False) as two:
        run("mkfs.btrfs", "-q", "-m", "raid1", "-d", "single", one.path, two.path)
        top = tmp_path / "mount"
        top.mkdir()
        run("btrfs", "device", "scan", one.path, two.path)
        run("mount", one.path, top)
        try:
            for number in range(40):
                write(top / f"file {number}", DICE.randbytes(4 << 20))
            write(top / "inline", b"inline")
        finally:
            run("umount", top)
        run("mount", "-o", "ro", one.path, top)
        try:
            expected = kernel_view(top)
        finally:
            run("umount", top)
        run("btrfs", "device", "scan", "--forget")
    there = missing = 0
    for image, other in ((first, 2), (second, 1)):
        done = ls(image)
        assert f"device {other} (" in done.stderr and "is not here" in done.stderr
        found = {entry["path"]: entry for entry in entries(done)}
        assert len(found) == len(expected)
        for path, entry in expected.items():
            ours = found[path.decode()]
            assert (ours["size"], int(ours["mode"], 8)) == (entry["size"], entry["mode"])
            if entry["type"] == "file":
                there += ours.get("sha256") == entry["sha256"]
                missing += "sha256" not in ours
        assert found["/inline"]["sha256"] == sha256(b"inline")
    assert there == 42 and missing == 40  # every file on one of them, what is inline on both


def test_where_compressed_content_lies_and_what_a_bad_sector_spoils(tmp_path, bad_disk):
    image = new(tmp_path, SIZE, "mkfs.btrfs", "-q", "--csum", "crc32c", "-d", "single")
    text = b"".join(b"line %d of a text\n" % number for number in range(30_000))
    with mounted(image, "-o", "compress-force=zstd") as top:
        write(top / "text", text)
    extents = rig.kanshiki("stat", "--json", f"{image}:/text").expect(0).json["extents"]
    assert [extent["offset"] for extent in extents] == list(range(0, len(text), 128 * 1024))
    assert sum(extent["size"] for extent in extents) >= len(text) and all(extent["compressed"] for extent in extents)
    second = extents[1]
    place, = second["image"]
    assert place["size"] < second["size"] // 2
    assert ", compressed\n" in rig.kanshiki("stat", f"{image}:/text").expect(0).stdout
    disk = bad_disk(image, bad=[(place["offset"], 512)])
    done = rig.kanshiki("ls", "-R", "--json", "--hash", disk.path).expect(4)
    assert f"/text: bytes {second['offset']} to {second['offset'] + second['size'] - 1} (source bytes {place['offset']} to" in done.stderr


def test_proofs_and_explanations_know_compressed_content(tmp_path):
    image = new(tmp_path, SIZE, "mkfs.btrfs", "-q")
    text, plain = b"some text that gets short\n" * 20_000, DICE.randbytes(300_000)
    with mounted(image, "-o", "compress-force=zstd") as top:
        write(top / "text", text)
        run("btrfs", "filesystem", "sync", top)
        write(top / "text", DICE.randbytes(5000), at=140_001)
    with mounted(image) as top:
        write(top / "plain", plain)
    rig.kanshiki("acquire", image, "-o", tmp_path / "evidence.img").expect(0)
    for path, in_extents in (("/text", False), ("/plain", True)):
        proof = tmp_path / f"{path[1:]}.proof"
        rig.kanshiki("prove", tmp_path / "evidence.img", path, "-o", proof).expect(0)
        assert json.loads(proof.read_text())["file"]["content_in_extents"] == in_extents
        rig.kanshiki("check", proof).expect(0)
