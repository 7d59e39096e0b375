"""What needs root: loop devices, and small tmpfs to run out of space on."""

import os
import subprocess
import tempfile
from pathlib import Path


def _run(*command) -> str:
    done = subprocess.run([str(part) for part in command], capture_output=True, text=True)
    if done.returncode != 0:
        raise RuntimeError(f"{' '.join(map(str, command))}: {done.stderr.strip()}")
    return done.stdout.strip()


class LoopDevice:
    """A block device over a file; read-only unless asked otherwise. `direct_io` lets single bad sectors through."""

    def __init__(self, file, read_only: bool = True, direct_io: bool = False, partitions: bool = False):
        self._options = [*(["--read-only"] if read_only else []), *(["--direct-io=on"] if direct_io else []),
                         *(["--partscan"] if partitions else [])]
        self._file = file
        self.path = None

    def __enter__(self):
        self.path = Path(_run("losetup", "--show", "--find", *self._options, self._file))
        if "--read-only" not in self._options:  # the kernel keeps a device's BLKROSET beyond its detaching
            _run("blockdev", "--setrw", self.path)
        return self

    def __exit__(self, *_):
        _run("losetup", "--detach", self.path)


class Tmpfs:
    """A file system of `size` bytes in memory, mounted at `path`."""

    def __init__(self, size: int):
        self._size = size
        self.path = None

    def __enter__(self):
        self.path = Path(tempfile.mkdtemp(prefix="kanshiki-tmpfs-"))
        try:
            _run("mount", "-t", "tmpfs", "-o", f"size={self._size},mode=0700", "tmpfs", self.path)
        except BaseException:
            self.path.rmdir()
            raise
        return self

    def __exit__(self, *_):
        if os.path.ismount(self.path):
            _run("umount", "--lazy", self.path)
        self.path.rmdir()
