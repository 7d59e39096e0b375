"""Builds an ext4 file system inside an image without mounting it: mke2fs, then debugfs.

debugfs and not `mke2fs -d`: it takes names in the order we give, so that the same input makes the same bytes; owner and
all four times of every inode can be set; files can be deleted; and no privilege is needed.
"""

import os
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path

MIB = 1 << 20


@dataclass
class Entry:
    path: bytes
    mode: int  # with the file type
    uid: int
    gid: int
    times: tuple  # (access, modify, change, birth)
    source: str | None = None  # a file's content, or a link's target


class Ext4:
    def __init__(self, install_time: int):
        self._install_time = install_time
        self._entries = {b"/": Entry(b"/", 0o40755, 0, 0, (install_time,) * 4)}
        self._gaps = {}
        self._scratch = tempfile.TemporaryDirectory(prefix="kanshiki-volume-")

    def close(self):
        self._scratch.cleanup()

    # -- what the tree holds ------------------------------------------------------------------------------------

    def _add(self, path, mode, source, uid, gid, mtime, birth):
        path = os.fsencode(path)
        self._parents(path, birth)
        birth = self._install_time if birth is None else birth
        mtime = birth if mtime is None else mtime
        self._entries[path] = Entry(path, mode, uid, gid, (max(birth, mtime), mtime, max(birth, mtime), birth), source)

    def _parents(self, path: bytes, birth):
        parent = os.path.dirname(path)
        if parent not in self._entries:
            self.folder(parent, birth=birth)

    def folder(self, path, mode=0o755, uid=0, gid=0, birth=None, mtime=None):
        self._add(path, 0o40000 | mode, None, uid, gid, mtime, birth)

    def write(self, path, content, mode=0o644, uid=0, gid=0, mtime=None, birth=None):
        """A file with this content (str or bytes)."""
        source = os.path.join(self._scratch.name, str(len(self._entries)))
        Path(source).write_bytes(content.encode() if isinstance(content, str) else content)
        self._add(path, 0o100000 | mode, source, uid, gid, mtime, birth)

    def copy(self, source, path, mode=0o644, uid=0, gid=0, mtime=None, birth=None):
        """A file with the content of a file of this machine."""
        self._add(path, 0o100000 | mode, str(source), uid, gid, mtime, birth)

    def link(self, path, target, mtime=None, birth=None):
        self._add(path, 0o120777, target, 0, 0, mtime, birth)

    def has(self, path) -> bool:
        return os.fsencode(path) in self._entries

    def gap(self, blocks: int):
        """Free space, never written, between what was added before and after."""
        path = b"/.gap-%d" % len(self._gaps)
        self._gaps[path] = blocks
        self.write(path, b"")

    # -- making it ----------------------------------------------------------------------------------------------

    def make(self, image, offset: int, size: int, uuid: str, label: str, journal: int = 4):
        """Writes the file system into `image` at `offset`; `journal` in MiB."""
        self._run(["mke2fs", "-q", "-F", "-t", "ext4", "-b", "4096", "-m", "1", "-U", uuid, "-L", label, "-i", "16384",
                   "-J", f"size={journal}", "-E",
                   f"offset={offset},hash_seed={uuid},root_owner=0:0,lazy_itable_init=0,lazy_journal_init=0,nodiscard",
                   str(image), f"{size // 1024}k"], self._install_time)
        self._volume = f"{image}?offset={offset}"
        plain, odd = [], []
        for entry in self._entries.values():
            (odd if b"\n" in entry.path else plain).append(entry)
        self._debugfs_file([line for entry in plain for line in self._create(entry)])
        for entry in odd:  # a request from a file ends at the newline; one from an argument does not
            for line in self._create(entry):
                self._debugfs(line)
        # After all names are in place, since adding one changes its folder.
        self._debugfs_file([line for entry in plain for line in self._set(entry)])
        for entry in odd:
            for line in self._set(entry):
                self._debugfs(line)
        if self._gaps:
            self._debugfs_file([b"rm " + _quoted(path) for path in self._gaps])

    def delete(self, path: str, when: int):
        """Removes a file as unlink(2) would; its name, inode and blocks stay to be found."""
        self._debugfs(b"rm " + _quoted(path), when)

    def extents(self, path: str) -> list:
        """[(first logical block, first block on the volume, count)]"""
        text = self._debugfs(b"dump_extents " + _quoted(path)).decode()
        found = []
        for line in text.splitlines()[1:]:
            part = line.replace("-", " ").replace("/", " ").split()
            # level of depth, number of count, logical first-last, physical first-last, length; an index row has no last
            if len(part) >= 9 and part[0] == part[1]:
                found.append((int(part[4]), int(part[6]), int(part[8])))
        return found

    def inode(self, path: str) -> int:
        text = self._debugfs(b"stat " + _quoted(path)).decode("utf-8", "replace")
        return int(text.split("Inode:", 1)[1].split()[0])

    def _create(self, entry: Entry) -> list:
        if entry.path == b"/":
            return []
        if entry.mode & 0o170000 == 0o40000:
            return [b"mkdir " + _quoted(entry.path)]
        if entry.mode & 0o170000 == 0o120000:
            return [b"symlink " + _quoted(entry.path) + b" " + _quoted(entry.source)]
        written = [b"write " + _quoted(entry.source) + b" " + _quoted(entry.path)]
        if entry.path in self._gaps:
            written.append(b"fallocate %s 0 %d" % (_quoted(entry.path), self._gaps[entry.path] - 1))
        return written

    @staticmethod
    def _set(entry: Entry) -> list:
        values = {"mode": f"0{entry.mode:o}", "uid": entry.uid, "gid": entry.gid}
        values |= {name: f"@{time}" for name, time in zip(("atime", "mtime", "ctime", "crtime"), entry.times)}
        return [b"sif %s %s %s" % (_quoted(entry.path), name.encode(), str(value).encode()) for name, value in values.items()]

    def _debugfs(self, request: bytes, when: int | None = None) -> bytes:
        return self._run(["debugfs", "-w", "-R", request, self._volume], when or self._install_time)

    def _debugfs_file(self, lines: list):
        requests = os.path.join(self._scratch.name, "requests")
        Path(requests).write_bytes(b"\n".join(lines) + b"\n")
        self._run(["debugfs", "-w", "-f", requests, self._volume], self._install_time)

    @staticmethod
    def _run(command: list, now: int) -> bytes:
        env = {**os.environ, "E2FSPROGS_FAKE_TIME": str(now), "TZ": "UTC", "LC_ALL": "C",
               "PATH": os.environ.get("PATH", "") + ":/usr/sbin:/sbin"}
        done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, env=env)
        # debugfs ends with 0 whatever happened; what went wrong is on stderr, behind its one-line banner.
        wrong = [line for line in done.stderr.decode("utf-8", "replace").splitlines()
                 if line and not line.startswith(("debugfs 1.", "mke2fs 1."))]
        if done.returncode != 0 or wrong:
            raise RuntimeError(f"{command[0]}: {wrong[0] if wrong else done.returncode}")
        return done.stdout


def _quoted(name) -> bytes:
    name = os.fsencode(name)
    return b'"' + name.replace(b'"', b'""') + b'"'
