"""Volumes with file systems in them, made by the systems' own tools and filled by the kernel."""

import contextlib
import os
import subprocess
import tempfile
from pathlib import Path

import rig

MIB = 1 << 20


def run(*command, **options) -> str:
    done = subprocess.run([str(part) for part in command], capture_output=True, text=True, errors="surrogateescape", **options)
    assert done.returncode == 0, f"{' '.join(map(str, command))}: {done.stderr.strip()}"
    return done.stdout


def sized(path, size: int) -> Path:
    with open(path, "wb") as file:
        file.truncate(size)
    return Path(path)


@contextlib.contextmanager
def mounted(image, *options):
    """The image, mounted for writing at the path given."""
    device = run("losetup", "--show", "--find", image).strip()
    folder = Path(tempfile.mkdtemp(prefix="kanshiki-mount-"))
    try:
        run("blockdev", "--setrw", device)  # a loop device keeps the mark of who used it before
        run("mount", *options, device, folder)
        try:
            yield folder
        finally:
            run("umount", folder)
    finally:
        run("losetup", "--detach", device)
        folder.rmdir()
        # Detached when the last one who looks at it lets go: until then the image is in use.
        rig.wait_until(lambda: not run("losetup", "--associated", image), f"the end of {device}")


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
