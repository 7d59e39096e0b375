"""A medium that gives back something else than was written to it, as a mounted file system."""

import os
import shlex
import subprocess
import tempfile
from pathlib import Path

from .mounts import LoopDevice, _run
from .wait import wait_until


class LyingDisk:
    """An ext4 of `size` bytes at `path`. Wherever `written` was stored, every read from the medium gives `read` (of the
    same length); the page cache still holds what was written. Both are plain words, without a newline. Needs root.
    """

    def __init__(self, size: int, written: str, read: str):
        if len(written) != len(read) or not (written + read).replace("-", "").isalnum():
            raise ValueError("two plain words of the same length")
        self._folder = Path(tempfile.mkdtemp(prefix="kanshiki-liar-"))
        self.path = self._folder / "top"
        self._mount, self._store = self._folder / "mount", self._folder / "store"
        store = shlex.quote(str(self._store))
        self._command = [
            "nbdfuse", self._mount / "disk", "[", "nbdkit", "eval", f"get_size=echo {size}", "can_write=exit 0",
            f"pread=dd if={store} iflag=skip_bytes,count_bytes skip=$4 count=$3 bs=1M status=none | LC_ALL=C sed s/{written}/{read}/g",
            f"pwrite=dd of={store} oflag=seek_bytes seek=$4 bs=1M conv=notrunc status=none", "]"]
        self._process = self._loop = None
        self._size = size

    def __enter__(self):
        try:
            for folder in (self.path, self._mount):
                folder.mkdir()
            with open(self._store, "wb") as store:
                store.truncate(self._size)
            self._process = subprocess.Popen(self._command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
            wait_until(self._ready, "nbdfuse to serve the disk", 30)
            # Direct, or the pages of the FUSE file would hide the medium.
            loop = LoopDevice(self._mount / "disk", read_only=False, direct_io=True)
            loop.__enter__()
            self._loop = loop
            _run("mkfs.ext4", "-q", loop.path)
            _run("mount", loop.path, self.path)
            return self
        except BaseException:
            self.__exit__()
            raise

    def _ready(self) -> bool:
        if self._process.poll() is not None:
            raise RuntimeError(f"nbdfuse ended with {self._process.returncode}")
        return os.path.ismount(self._mount)

    def __exit__(self, *_):
        if os.path.ismount(self.path):
            _run("umount", self.path)
        if self._loop is not None:
            self._loop.__exit__()
        if self._process is not None:
            if os.path.ismount(self._mount):
                subprocess.run(["fusermount3", "-u", "-z", self._mount], check=False)
            try:
                self._process.wait(10)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()
        self._store.unlink(missing_ok=True)
        for folder in (self.path, self._mount, self._folder):
            if folder.exists():
                folder.rmdir()
