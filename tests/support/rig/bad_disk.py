"""Disks with faults, as files: nbdkit's filters behind nbdfuse. No kernel module and no root needed, only /dev/fuse.

Only O_DIRECT reads see single bad sectors: the page cache reads whole pages around them.
"""

import os
import random
import subprocess
import tempfile
from pathlib import Path

from .wait import wait_until


def write_mapfile(path, size: int, bad) -> Path:
    """A GNU ddrescue mapfile of a disk of `size` bytes; `bad` is a list of (offset, size)."""
    lines = ["# Mapfile. Created by kanshiki's tests", "0x00000000     +               1"]
    position = 0
    for offset, length in sorted(bad):
        if offset > position:
            lines.append(f"0x{position:08X}  0x{offset - position:08X}  +")
        lines.append(f"0x{offset:08X}  0x{length:08X}  -")
        position = offset + length
    if position < size:
        lines.append(f"0x{position:08X}  0x{size - position:08X}  +")
    Path(path).write_text("\n".join(lines) + "\n")
    return Path(path)


def scattered(size: int, rate: float, seed: int, sector: int = 512) -> list:
    """Bad ranges for about `rate` of the sectors: the same for the same seed, so that a failed run can be repeated."""
    random_ = random.Random(seed)
    count = max(1, round(size // sector * rate))
    return [(number * sector, sector) for number in sorted(random_.sample(range(size // sector), count))]


FUSE_CONTROL = Path("/sys/fs/fuse/connections")


class BadDisk:
    """`path` is a read-only file that behaves like `base` with faults.

    mapfile      ranges that are not `+` give EIO, to the sector
    bad          the same as a list of (offset, size)
    delay        seconds added to each read
    failing_while  path of a file: while that file exists, every read gives EIO (a fault that comes and goes)
    rate         bytes a second that it gives at most
    parallel     how many reads are served at a time (else as many as happens, about four); needs root
    """

    def __init__(self, base, mapfile=None, bad=None, delay: float = 0, failing_while=None, rate: int | None = None,
                 parallel: int | None = None):
        self._folder = Path(tempfile.mkdtemp(prefix="kanshiki-disk-"))
        self._mount = self._folder / "mount"
        self._log = self._folder / "log"
        self.path = self._mount / "disk"
        self.mapfile = mapfile
        if bad is not None:
            self.mapfile = write_mapfile(self._folder / "map", os.path.getsize(base), bad)
        filters, parameters = [], []
        if self.mapfile:
            filters += ["--filter=ddrescue"]
            parameters += [f"ddrescue-mapfile={Path(self.mapfile).resolve()}"]
        if failing_while:
            filters += ["--filter=error"]
            parameters += ["error-pread=EIO", "error-pread-rate=100%", f"error-pread-file={failing_while}"]
        if delay:
            filters += ["--filter=delay"]
            parameters += [f"rdelay={round(delay * 1000)}ms"]
        if rate:
            filters += ["--filter=rate"]
            parameters += [f"rate={8 * rate}"]
        disk = ["-r", *filters, "file", str(Path(base).resolve()), *parameters]
        self._parallel = parallel
        self._server = self._process = None
        self._socket = self._folder / "socket"
        self._serve = ["nbdkit", "-f", "-U", str(self._socket), "-t", "1", *disk]
        self._command = ["nbdfuse", "-r", str(self.path), "[", "nbdkit", *disk, "]"]
        if parallel:  # nbdfuse has about one read under way on each connection
            self._command = ["nbdfuse", "-r", "-C", str(parallel), str(self.path), f"nbd+unix:///?socket={self._socket}"]

    def start(self) -> "BadDisk":
        self._mount.mkdir()
        with open(self._log, "wb") as log:
            silent = {"stdin": subprocess.DEVNULL, "stdout": log, "stderr": log}
            if self._parallel:
                self._server = subprocess.Popen(self._serve, **silent)
                wait_until(self._socket.exists, " ".join(self._serve), 30)
            self._process = subprocess.Popen(self._command, env=self._environment(), **silent)
        wait_until(self._ready, f"{' '.join(self._command)}", 30)
        if self._parallel:
            self._let_the_kernel_ask(self._parallel)
        return self

    def _environment(self) -> dict:
        if not self._parallel:
            return dict(os.environ)
        library = self._folder / "fuse_threads.so"
        subprocess.run(["cc", "-shared", "-fPIC", "-o", library, Path(__file__).with_name("fuse_threads.c")], check=True)
        return {**os.environ, "LD_PRELOAD": str(library), "FUSE_THREADS": str(self._parallel)}

    def _let_the_kernel_ask(self, parallel: int):
        """It has at most 12 direct reads of a FUSE file under way unless told otherwise. Needs root."""
        if not os.path.ismount(FUSE_CONTROL):
            subprocess.run(["mount", "-t", "fusectl", "fusectl", FUSE_CONTROL], check=True)
        for name in ("max_background", "congestion_threshold"):
            (FUSE_CONTROL / str(os.minor(os.stat(self._mount).st_dev)) / name).write_text(str(parallel))

    def _ready(self) -> bool:
        if self._process.poll() is not None:
            raise RuntimeError(f"{' '.join(self._command)} ended with {self._process.returncode}: {self._log.read_text()}")
        return os.path.ismount(self._mount) and self.path.exists()

    def crash(self):
        """The disk is gone in mid-read: every later read gives ENOTCONN."""
        self._process.kill()
        self._process.wait()

    def stop(self):
        if self._process is not None:
            if os.path.ismount(self._mount):
                subprocess.run(["fusermount3", "-u", "-z", self._mount], check=False)
            try:
                self._process.wait(10)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()
            self._process = None
        if self._server is not None:
            self._server.kill()
            self._server.wait()
            self._server = None
        for left in (self._log, self._folder / "map", self._folder / "fuse_threads.so", self._socket):
            left.unlink(missing_ok=True)
        if self._mount.exists():
            self._mount.rmdir()
        if self._folder.exists():
            self._folder.rmdir()

    def __enter__(self):
        try:
            return self.start()
        except BaseException:
            self.stop()
            raise

    def __exit__(self, *_):
        self.stop()
