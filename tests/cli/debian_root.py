"""Debian 12 as debootstrap leaves it: a tar, made once and kept outside of the tree. Needs root, and the mirror the first time."""

import fcntl
import os
import tempfile
from pathlib import Path

from volumes import run

CACHE = Path(os.environ.get("KANSHIKI_TEST_CACHE", Path.home() / ".cache/kanshiki/test"))


def tarball() -> Path:
    kept = CACHE / "bookworm-minbase.tar"
    CACHE.mkdir(parents=True, exist_ok=True)
    with open(CACHE / "lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # several tests want it at once
        if not kept.exists():
            with tempfile.TemporaryDirectory() as folder:
                root = Path(folder) / "root"
                run("debootstrap", "--variant=minbase", "bookworm", root)
                run("tar", "-cf", f"{kept}.new", "--numeric-owner", "-C", root, ".")
                os.rename(f"{kept}.new", kept)
    return kept


def unpack(folder) -> None:
    run("tar", "-xpf", tarball(), "--numeric-owner", "-C", folder)
