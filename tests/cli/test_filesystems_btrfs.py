"""Btrfs: what kanshiki ls shows is what the kernel shows, subvolumes and snapshots too."""

import os
import random

import pytest
from filesystem_proof import MIB, assert_same, new, prove
from filesystems import fill, kanshiki_view, kernel_view, mounted, run

pytestmark = pytest.mark.full

EVERYTHING = ("hard link", "symlink", "device", "socket", "xattr user", "xattr system", "xattr security", "xattr trusted", "flag immutable", "flag append",
              "fallocate kept size", "hostile name", "reflink")
SIZE = 256 * MIB

# mkfs options, mount options
BTRFS = {
    "default": ("", ""),
    "xxhash": ("--csum xxhash", ""),
    "sha256": ("--csum sha256", ""),
    "blake2": ("--csum blake2", ""),
    "zlib": ("", "compress-force=zlib"),
    "lzo": ("", "compress-force=lzo"),
    "zstd": ("", "compress-force=zstd:15"),
    "compressed where it pays": ("", "compress=zstd"),
    "nodes of 4k": ("-n 4096", ""),
    "nodes of 8k": ("-n 8192", ""),
    "nodes of 32k": ("-n 32768", ""),
    "nodes of 64k": ("-n 65536", ""),
    "single metadata": ("-m single -d single", ""),
    "dup everything": ("-m dup -d dup", ""),
    "mixed groups": ("-M -n 4096", ""),
    "holes as extents": ("-O ^no-holes", ""),
    "thin metadata off": ("-O ^skinny-metadata", ""),
    "space cache of old": ("-R ^free-space-tree", ""),
    "no checksums of data": ("", "nodatasum"),
    "no inline files": ("", "max_inline=0"),
    "everything inline that may": ("-n 65536", "max_inline=4095"),
    "quotas": ("-R quota", ""),
    "zlib in nodes of 4k": ("-n 4096 --csum sha256", "compress-force=zlib:9"),
}


def mount_options(text: str) -> list:
    return ["-o", text] if text else []


@pytest.mark.parametrize("options,mount", BTRFS.values(), ids=BTRFS.keys())
def test_btrfs_is_what_the_kernel_shows(tmp_path, options, mount):
    needs = [need for need in EVERYTHING if need != "reflink" or "nodatasum" not in mount]
    prove(new(tmp_path, SIZE, "mkfs.btrfs", "-q", *options.split()), mount=mount_options(mount), needs=needs)


def test_with_another_uuid_than_it_was_made_with(tmp_path):
    """The metadata keeps the first one: incompat bit METADATA_UUID."""
    prove(new(tmp_path, SIZE, "mkfs.btrfs", "-q"), tune=("btrfstune", "-M", "4f5b0b0c-6a3e-4e0e-9d5b-0123456789ab"))


@pytest.mark.parametrize("options,mount", [("", ""), ("-n 4096", "compress-force=lzo")])
def test_directories_of_5000_entries_and_files_of_1200_extents(tmp_path, options, mount):
    prove(new(tmp_path, 2 * SIZE, "mkfs.btrfs", "-q", *options.split()), mount=mount_options(mount), entries=5000, seed=2)


@pytest.mark.full
@pytest.mark.parametrize("options,mount", [("-n 4096", "compress-force=zstd")])
def test_directories_of_100_000_entries(tmp_path, options, mount):
    prove(new(tmp_path, 1024 * MIB, "mkfs.btrfs", "-q", *options.split()), mount=mount_options(mount), entries=100_000, seed=3)


def in_subvolumes(path: bytes, field: str) -> bool:
    """The kernel makes up the times of the empty folder that stands for a subvolume inside of a snapshot."""
    return path.endswith(b"/inner") and b"snapshot" in path and field in ("modified", "accessed", "changed", "created")


@pytest.mark.parametrize("read_only", [False, True])
def test_subvolumes_and_snapshots(tmp_path, read_only):
    image = new(tmp_path, SIZE, "mkfs.btrfs", "-q")
    with mounted(image) as top:
        run("btrfs", "subvolume", "create", top / "home")
        run("btrfs", "subvolume", "create", top / "home/inner")
        fill(top / "home", 5, 200)
        (top / "home/inner/deep").write_text("inside of the subvolume inside")
        (top / "folder").mkdir()
        run("btrfs", "subvolume", "snapshot", *(["-r"] if read_only else []), top / "home", top / "folder/snapshot 1")
        (top / "home/files/size-5000").write_bytes(random.Random(1).randbytes(9000))
        os.remove(top / "home/files/size-4096")
        (top / "home/new").write_text("after the snapshot")
        run("btrfs", "subvolume", "snapshot", top / "home", top / "folder/snapshot 2")
        run("btrfs", "subvolume", "create", top / "doomed")
        (top / "doomed/file").write_text("gone")
        run("btrfs", "subvolume", "delete", "-c", top / "doomed")
    with mounted(image, read_only=True) as top:
        expected = kernel_view(top)
    assert b"/folder/snapshot 1/files/size-4096" in expected and b"/folder/snapshot 2/new" in expected
    assert_same(expected, kanshiki_view(image), unless=in_subvolumes)


def test_another_default_subvolume_hides_nothing(tmp_path):
    """mount shows the default subvolume; an examiner wants all of them."""
    image = new(tmp_path, SIZE, "mkfs.btrfs", "-q")
    with mounted(image) as top:
        run("btrfs", "subvolume", "create", top / "@")
        (top / "@/etc").mkdir()
        (top / "outside").write_text("not in the default subvolume")
        run("btrfs", "subvolume", "set-default", top / "@")
    with mounted(image, "-o", "subvolid=5", read_only=True) as top:
        expected = kernel_view(top)
    assert b"/@/etc" in expected and b"/outside" in expected
    assert_same(expected, kanshiki_view(image))


@pytest.mark.parametrize("sector", [8192, 16384, 65536])
def test_what_the_kernel_refuses_is_what_went_in(tmp_path, sector):
    """Sectors larger than a page: filled by mkfs.btrfs from a tree, times in whole seconds."""
    tree = tmp_path / "tree"
    tree.mkdir()
    fill(tree, 6, 300, portable=True)
    for length in (1, 100, 1000):
        os.symlink("t" * length, tree / f"link {length}")
    os.setxattr(tree / "files/size-700", "user.some", b"value")
    image = new(tmp_path, SIZE, "mkfs.btrfs", "-q", "-s", sector, "-n", 65536, "--rootdir", tree)
    expected = kernel_view(tree)
    for entry in expected.values():
        entry["modified"] = entry["modified"] // 10**9 * 10**9
        for field in ("inode", "created", "accessed", "changed", "attributes", *(["size", "links"] if entry["type"] == "directory" else [])):
            del entry[field]
    assert_same(expected, kanshiki_view(image), unless=lambda path, field: path == b"/")
