"""Volumes with file systems in them, made by the systems' own tools and filled by the kernel."""

import os

from filesystems import MIB, mounted, run, sized

__all__ = ["MIB", "mounted", "put", "run", "sized", "walk"]


def put(image, offset: int, content: bytes) -> None:
    with open(image, "r+b") as file:
        file.seek(offset)
        file.write(content)


def walk(folder) -> dict:
    """What the kernel shows: path as bytes -> lstat, symlink target."""
    seen = {}
    top = os.fsencode(folder)
    for place, folders, files in os.walk(top):
        for name in folders + files:
            path = os.path.join(place, name)
            target = os.readlink(path) if os.path.islink(path) else b""
            seen[path[len(top):]] = (os.lstat(path), target)
    return seen
