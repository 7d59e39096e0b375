"""What the kernel shows of a mounted tree: one dict for each path."""

import hashlib
import os
import stat

from .ioctls import statx

TYPES = {stat.S_IFREG: "file", stat.S_IFDIR: "directory", stat.S_IFLNK: "symlink", stat.S_IFCHR: "character device", stat.S_IFBLK: "block device",
         stat.S_IFIFO: "fifo", stat.S_IFSOCK: "socket"}
ATTRIBUTES = 0x4 | 0x10 | 0x20 | 0x40 | 0x800 | 0x100000  # those that file_system.h has


def _sha256(name: bytes, folder: int) -> str:
    file = os.open(name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NOATIME, dir_fd=folder)
    with open(file, "rb", buffering=0) as opened:
        return hashlib.file_digest(opened, "sha256").hexdigest()


def _xattrs(folder: int, name: bytes) -> dict:
    path = b"/proc/self/fd/%d/%s" % (folder, name)
    return {os.fsencode(each): os.getxattr(path, each, follow_symlinks=False) for each in os.listxattr(path, follow_symlinks=False)}


def _entry(folder: int, name: bytes, hash_: bool, xattrs: bool) -> dict:
    entry = statx(folder, name)
    entry["type"] = TYPES[stat.S_IFMT(entry["mode"])]
    entry["mode"] = stat.S_IMODE(entry["mode"])
    entry["attributes"] &= ATTRIBUTES
    if entry["type"] not in ("character device", "block device"):
        del entry["device"]
    if entry["type"] == "symlink":
        entry["target"] = os.readlink(name, dir_fd=folder)
    if entry["type"] == "file" and hash_:
        entry["sha256"] = _sha256(name, folder)
    if xattrs:
        entry["xattrs"] = _xattrs(folder, name)
    return entry


def kernel_view(top, hash_: bool = True, xattrs: bool = True) -> dict:
    """path (bytes, the top is "/") -> what stat, readlink, getxattr and read give. Works by folder handles: no path is too deep."""
    seen = {}

    def descend(folder: int, path: bytes):
        with os.scandir(folder) as entries:
            names = [os.fsencode(entry.name) for entry in entries]
        for name in names:
            entry = seen[path + b"/" + name] = _entry(folder, name, hash_, xattrs)
            if entry["type"] == "directory":
                below = os.open(name, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_NOATIME, dir_fd=folder)
                try:
                    descend(below, path + b"/" + name)
                finally:
                    os.close(below)

    folder = os.open(top, os.O_RDONLY | os.O_DIRECTORY)
    try:
        seen[b"/"] = _entry(folder, b".", hash_, xattrs)
        descend(folder, b"")
    finally:
        os.close(folder)
    return seen
