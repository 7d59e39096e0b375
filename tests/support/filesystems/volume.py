"""Images with file systems, and the kernel's mounts of them. Needs root."""

import contextlib
import os
import subprocess
import tempfile
from pathlib import Path

from rig import LoopDevice, wait_until

MIB = 1 << 20


def run(*command, **options) -> str:
    done = subprocess.run([str(part) for part in command], capture_output=True, text=True, errors="surrogateescape", **options)
    assert done.returncode == 0, f"{' '.join(map(str, command))}: {done.stderr.strip() or done.stdout.strip()}"
    return done.stdout


def sized(path, size: int) -> Path:
    with open(path, "wb") as file:
        file.truncate(size)
    return Path(path)


def made(path, size: int, *mkfs) -> Path:
    """A new image of `size` bytes with what mkfs makes of it."""
    run(*mkfs, sized(path, size))
    return Path(path)


@contextlib.contextmanager
def mounted(image, *options, read_only: bool = False):
    """The image, mounted at the path given; read-only on a read-only device too, so that not a byte of it changes."""
    folder = Path(tempfile.mkdtemp(prefix="kanshiki-mount-"))
    try:
        with LoopDevice(image, read_only=read_only) as device:
            run("mount", *(["-o", "ro"] if read_only else []), *options, device.path, folder)
            try:
                yield folder
            finally:
                run("umount", folder)
        # Detached when the last one who looks at it lets go: until then the image is in use.
        wait_until(lambda: f"{device.path}:" not in run("losetup", "--associated", image), f"the end of {device.path}")
    finally:
        folder.rmdir()


def not_mountable(image, *options) -> str:
    """Why the kernel does not mount it; empty when it does."""
    try:
        with mounted(image, *options, read_only=True):
            return ""
    except AssertionError as error:
        return str(error)
