"""Large images for scripts/bench, made once by the kernel and kept. Needs root."""

import os
import subprocess
from pathlib import Path

from .volume import made, mounted, run

MIB = 1 << 20


def many_entries(path: Path, kind: str, entries: int) -> Path:
    """`entries` names in folders of 1,000; each eighth file has content, each twentieth name is a symlink."""
    if path.exists():
        return path
    new = path.with_suffix(".new")
    made(new, (512 if entries <= 50_000 else 3072) * MIB, f"mkfs.{kind}", "-q", *(["-N", str(entries + 20_000)] if kind == "ext4" else []))
    with mounted(new) as top:
        for first in range(0, entries, 1000):
            folder = os.fsencode(top / f"folder-{first // 1000:04}")
            os.mkdir(folder)
            for number in range(first, min(first + 999, entries - 1)):
                name = b"%s/entry-%07d.log" % (folder, number)
                if number % 20 == 7:
                    os.symlink(b"../target-%d" % number, name)
                    continue
                file = os.open(name, os.O_CREAT | os.O_WRONLY, 0o644)
                if number % 8 == 0:
                    os.write(file, b"x" * (number % 5000))
                os.close(file)
    os.rename(new, path)
    return path


def many_folders(path: Path, kind: str, folders: int) -> Path:
    """`folders` of seven files each, in sixty: what they say lies in many places."""
    if path.exists():
        return path
    new = path.with_suffix(".new")
    made(new, 1024 * MIB, f"mkfs.{kind}", "-q", *(["-N", str(folders * 9)] if kind == "ext4" else []))
    with mounted(new) as top:
        for number in range(folders):
            folder = top / f"part{number % 60}" / f"folder{number}"
            folder.mkdir(parents=True)
            for file in range(7):
                (folder / f"name{file}").write_bytes(b"x" * (file * 700))
    os.rename(new, path)
    return path


def debian_roots(path: Path, tar: Path, copies: int) -> Path:
    """ext4 with Debian's minbase `copies` times; beside it .content.N, what its files hold, a part for each core."""
    if path.exists():
        return path
    new = path.with_suffix(".new")
    made(new, 512 * MIB * copies, "mkfs.ext4", "-q")
    with mounted(new) as top:
        for copy in range(copies):
            (top / f"root{copy}").mkdir()
            run("tar", "-xpf", tar, "--numeric-owner", "-C", top / f"root{copy}")
    with mounted(new, read_only=True) as top:
        for core in range(os.cpu_count()):
            folders = " ".join(f"root{copy}" for copy in range(core, copies, os.cpu_count()))
            subprocess.run(f"find {folders} -type f -print0 | sort -z | xargs -0 cat > {content_of(path, core)}", shell=True, check=True, cwd=top)
    os.rename(new, path)
    return path


def content_of(image: Path, core: int) -> Path:
    return image.with_suffix(f".content.{core}")
