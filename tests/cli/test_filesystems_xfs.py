"""XFS: what kanshiki ls shows is what the kernel shows, whatever mkfs was asked for."""

import os
import random
import stat
from datetime import datetime, timezone

import pytest
from filesystem_proof import MIB, assert_same, new, prove
from filesystems import kanshiki_view, kernel_view, not_mountable, run

pytestmark = pytest.mark.full

EVERYTHING = ("hard link", "symlink", "device", "socket", "xattr user", "xattr system", "xattr security", "xattr trusted", "flag immutable", "flag append",
              "fallocate kept size", "hostile name")
SIZE = 320 * MIB  # mkfs.xfs makes none below 300

XFS = {
    "default": "",
    "sectors of 4096": "-s size=4096",
    "as Amazon Linux 2 has it": "-m reflink=0,finobt=0,bigtime=0,inobtcount=0 -i sparse=0",
    "1k blocks": "-b size=1024",
    "2k blocks": "-b size=2048",
    "8k blocks": "-b size=8192",
    "64k blocks": "-b size=65536",
    "1k inodes": "-i size=1024",
    "2k inodes": "-i size=2048",
    "8k directory blocks": "-n size=8192",
    "64k directory blocks": "-n size=65536",
    "1k blocks, 4k directory blocks": "-b size=1024 -n size=4096",
    "no sparse inodes": "-i sparse=0",
    "old times": "-m bigtime=0",
    "no counts of inodes": "-m inobtcount=0",
    "no free-inode tree": "-m finobt=0,inobtcount=0",
    "no reflink": "-m reflink=0",
    "reverse map": "-m rmapbt=1",
    "large extent counts": "-i nrext64=1",
    "large extent counts, old times": "-i nrext64=1 -m bigtime=0",
    "many groups": "-d agcount=16",
    "all at once": "-s size=4096 -b size=4096 -n size=16384 -i size=1024,nrext64=1 -m rmapbt=1",
}


@pytest.mark.parametrize("options", XFS.values(), ids=XFS.keys())
def test_xfs_is_what_the_kernel_shows(tmp_path, options):
    reflink = [] if "reflink=0" in options else ["reflink"]
    size = 1200 * MIB if "agcount" in options else SIZE  # of its 16 groups one holds the log of 64 MiB
    prove(new(tmp_path, size, "mkfs.xfs", "-q", *options.split()), needs=(*EVERYTHING, *reflink))


def test_with_another_uuid_than_it_was_made_with(tmp_path):
    """The metadata keeps the first one: incompat bit META_UUID."""
    prove(new(tmp_path, SIZE, "mkfs.xfs", "-q"), tune=("xfs_admin", "-U", "4f5b0b0c-6a3e-4e0e-9d5b-0123456789ab"))


@pytest.mark.parametrize("options", ["", "-b size=1024", "-n size=65536", "-i nrext64=1 -m rmapbt=1"])
def test_directories_of_5000_entries_and_files_of_1200_extents(tmp_path, options):
    prove(new(tmp_path, SIZE, "mkfs.xfs", "-q", *options.split()), entries=5000, seed=2)


@pytest.mark.full
@pytest.mark.parametrize("options", ["", "-b size=1024"])
def test_directories_of_100_000_entries(tmp_path, options):
    prove(new(tmp_path, 700 * MIB, "mkfs.xfs", "-q", *options.split()), entries=100_000, seed=3)


# What this kernel refuses to mount: filled by mkfs itself from a tree, and compared with that tree and with xfs_db.
V4 = {"v4": "-m crc=0", "v4 without types": "-m crc=0 -n ftype=0", "v4, 512-byte blocks, small inodes": "-m crc=0 -b size=512 -i size=256",
      "v4, sectors of 4096": "-m crc=0 -s size=4096", "v4, 64k blocks": "-m crc=0 -b size=65536", "v4, attr 1": "-m crc=0 -i attr=1",
      "v4, 32-bit projects off": "-m crc=0 -i projid32bit=0", "names without case": "-n version=ci"}


def protofile(tree, place: bytes = b"") -> str:
    """mkfs.xfs -p: the tree, its names without blanks."""
    def mode(status):
        kind = {stat.S_IFREG: "-", stat.S_IFDIR: "d", stat.S_IFLNK: "l", stat.S_IFCHR: "c", stat.S_IFBLK: "b", stat.S_IFIFO: "p"}[stat.S_IFMT(status.st_mode)]
        bits = status.st_mode
        return f"{kind}{'u' if bits & 0o4000 else '-'}{'g' if bits & 0o2000 else '-'}{bits & 0o777:03o} {status.st_uid} {status.st_gid}"

    lines = [mode(os.lstat(tree))] if not place else []
    for name in sorted(os.listdir(tree)):
        path = os.path.join(tree, name)
        status = os.lstat(path)
        more = {stat.S_IFREG: path, stat.S_IFLNK: os.readlink(path) if stat.S_ISLNK(status.st_mode) else "",
                stat.S_IFCHR: f"{os.major(status.st_rdev)} {os.minor(status.st_rdev)}"}.get(stat.S_IFMT(status.st_mode), "")
        lines.append(f"{name} {mode(status)} {more}")
        if stat.S_ISDIR(status.st_mode):
            lines.append(protofile(path, b"/"))
    return "\n".join(lines + ["$"])


def plain_tree(top, links):
    for folder, count in (("empty", 0), ("short", 3), ("block", 40), ("leaf", 300), ("node", 900)):
        (top / folder).mkdir()
        for number in range(count):
            (top / folder / f"entry-{number:x}{'-' * (number % 40)}").touch()
    for size in (1, 100, 4096, 70_001, 2_000_000):
        (top / f"file-{size}").write_bytes(random.Random(size).randbytes(size))
    for length in links:
        os.symlink("t" * length, top / f"link-{length}")
    os.mknod(top / "null", 0o666 | stat.S_IFCHR, os.makedev(1, 3))
    os.mkfifo(top / "fifo")
    os.chown(top / "file-1", 1000, 70000)
    os.chmod(top / "file-100", 0o6755)


def xfs_db_view(image, paths) -> dict:
    """path -> what xfs_db says of its inode."""
    fields = "core.size core.mtime core.atime core.ctime"
    commands = [part for path in paths for part in ("-c", f"path {path}", "-c", "inode", "-c", f"p {fields}")]
    names = {"m": "modified", "a": "accessed", "c": "changed"}
    seen = []
    for line in run("xfs_db", "-r", *commands, image, env={**os.environ, "TZ": "UTC", "LC_ALL": "C"}).splitlines():
        key, _, value = line.partition(" = ")
        if line.startswith("current inode number is"):
            seen.append({"inode": int(line.split()[4].rstrip(","))})
        elif key == "core.size":
            seen[-1]["size"] = int(value)
        elif key.endswith("time.sec"):
            told = datetime.strptime(value, "%a %b %d %H:%M:%S %Y").replace(tzinfo=timezone.utc)
            seen[-1][names[key[5]]] = int(told.timestamp()) * 10**9
        elif key.endswith("time.nsec"):
            seen[-1][names[key[5]]] += int(value)
    return {os.fsencode(path): entry for path, entry in zip(paths, seen, strict=True)}


@pytest.mark.parametrize("options", V4.values(), ids=V4.keys())
def test_what_the_kernel_refuses_is_what_went_in_and_what_xfs_db_says(tmp_path, options):
    tree = tmp_path / "tree"
    tree.mkdir()
    # mkfs writes the remote symlinks of version 5 without their headers; no kernel reads those
    plain_tree(tree, (1, 100, 155, 156, 400, 1000) if "crc=0" in options else (1, 100, 155))
    (tmp_path / "proto").write_text("/stand\n0 0\n" + protofile(str(tree)) + "\n")
    image = new(tmp_path, SIZE, "mkfs.xfs", "-q", *options.split(), "-p", tmp_path / "proto")
    assert not_mountable(image), "the kernel mounts this: compare with that"
    expected = kernel_view(tree, xattrs=False)
    for entry in expected.values():
        for field in ("inode", "modified", "accessed", "changed", "created", "attributes"):
            del entry[field]
        if entry["type"] == "directory":
            del entry["size"], entry["links"]
    found = kanshiki_view(image)
    assert_same(expected, found)
    told = xfs_db_view(image, [os.fsdecode(path) for path in expected if b"/" not in path[1:]])
    assert len(told) > 15
    assert_same(told, {path: found[path] for path in told})
