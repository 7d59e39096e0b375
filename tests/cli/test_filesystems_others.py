"""NTFS, FAT, exFAT and ISO 9660, which this kernel does not mount: compared with their FUSE drivers, or with the tree that went in."""

import contextlib
import os

import pytest
import rig
from filesystem_proof import MIB, assert_same, new
from filesystems import fill, kanshiki_view, kernel_view, mounted, run

MADE_UP = ("mode", "uid", "gid", "attributes", "xattrs")  # by the driver: the file system has no such thing


@pytest.fixture(autouse=True)
def in_utc(monkeypatch):
    """FAT keeps local times."""
    monkeypatch.setenv("TZ", "UTC")


def without_system_files(view: dict) -> dict:
    """libtsk shows the files that the file system keeps for itself, and NTFS's streams as "name:stream"."""
    return {path: entry for path, entry in view.items() if not path.startswith(b"/$") and b":" not in path}


def in_two_seconds(view: dict) -> dict:
    """As FAT has them; exFAT's hundredths beside them libtsk leaves out."""
    for entry in view.values():
        for time in ("modified", "accessed"):
            entry[time] = entry[time] // (2 * 10**9) * 2 * 10**9
    return view


@contextlib.contextmanager
def exfat_mounted(image, folder, read_only: bool):
    folder.mkdir(exist_ok=True)
    with rig.LoopDevice(image, read_only=read_only) as device:
        run("mount.exfat-fuse", *(["-o", "ro"] if read_only else []), device.path, folder)
        try:
            yield folder
        finally:
            run("umount", folder)  # waits until the driver has written all


@pytest.mark.parametrize("cluster", [512, 4096, 65536])
def test_ntfs_is_what_ntfs_3g_shows(tmp_path, cluster):
    image = new(tmp_path, 64 * MIB, "mkntfs", "-q", "-F", "-c", cluster)
    with mounted(image, "-t", "ntfs-3g") as top:
        fill(top, 7, 1000, portable=True)
        os.link(top / "files/size-700", top / "again")
    with mounted(image, "-t", "ntfs-3g", read_only=True) as top:
        expected = kernel_view(top)
    assert_same(expected, without_system_files(kanshiki_view(image)), without=MADE_UP,
                unless=lambda path, field: expected[path]["type"] == "directory" and field in ("size", "links"))


def test_exfat_is_what_its_fuse_driver_shows(tmp_path):
    image = new(tmp_path, 64 * MIB, "mkfs.exfat")
    with exfat_mounted(image, tmp_path / "mount", False) as top:
        fill(top, 8, 1000, portable=True)
    with exfat_mounted(image, tmp_path / "mount", True) as top:
        expected = in_two_seconds(kernel_view(top, xattrs=False))
    assert_same(expected, without_system_files(kanshiki_view(image, says="the 10 ms parts")), without=(*MADE_UP, "inode", "links", "changed"),
                unless=lambda path, field: path == b"/" or expected[path]["type"] == "directory" and field == "size")


def tree_without(folder, *names):
    """The tree that goes in, but for names that the format's writer or libtsk cannot do."""
    folder.mkdir()
    fill(folder, 9, 300, portable=True)
    for name in names:
        os.remove(folder / "names" / name)
    return folder


# mtools writes no surrogate pairs, and what fits 8.3 in code page 850 gets no long name; libtsk cuts a long name at 195 characters.
@pytest.mark.parametrize("bits,size,cluster", [(12, 12, 8), (16, 24, 2), (32, 96, 1)])
def test_fat_is_what_went_in(tmp_path, bits, size, cluster):
    tree = tree_without(tmp_path / "tree", "emoji 🔍", "ünïcödé.txt", "e\u0301", "a" * 200 + ".x")
    image = new(tmp_path, size * MIB, "mkfs.vfat", "-F", bits, "-s", cluster)
    run("mcopy", "-s", "-m", "-Q", "-i", image, *sorted(tree.iterdir()), "::/", env={**os.environ, "LC_ALL": "C.UTF-8"})
    expected = in_two_seconds(kernel_view(tree, xattrs=False))
    assert_same(expected, without_system_files(kanshiki_view(image)), without=(*MADE_UP, "inode", "links", "changed", "accessed", "created"),
                unless=lambda path, field: expected[path]["type"] == "directory" and field in ("size", "modified"))


# libtsk reads the names of Joliet, and of Rock Ridge neither names nor owners.
def test_iso_9660_with_joliet_is_what_went_in(tmp_path):
    tree = tree_without(tmp_path / "tree", "emoji 🔍", "semi;colon", "a" * 200 + ".x")
    run("genisoimage", "-quiet", "-J", "-joliet-long", "-input-charset", "utf-8", "-o", tmp_path / "image", tree)
    expected = kernel_view(tree, xattrs=False)
    assert_same(expected, without_system_files(kanshiki_view(tmp_path / "image")), without=(*MADE_UP, "inode", "links", "changed", "accessed", "created", "modified"),
                unless=lambda path, field: expected[path]["type"] == "directory" and field == "size")
