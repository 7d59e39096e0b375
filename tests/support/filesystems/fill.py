"""A seeded generator of file-system contents: all that a reader may get wrong, the same for the same seed.

What this file system cannot hold (no xattrs, no symlinks, names of 255 bytes …) is left out where the kernel refuses it, and counted
in the tally: a test that needs a thing asserts that the tally has it."""

import contextlib
import errno
import os
import random
import socket
import stat
import struct
from collections import Counter

from . import ioctls

REFUSALS = {errno.EOPNOTSUPP, errno.ENOTTY, errno.EINVAL, errno.EPERM, errno.ENAMETOOLONG, errno.E2BIG, errno.ERANGE, errno.EILSEQ, errno.ENOSYS,
            errno.EACCES, errno.EMLINK}
HOSTILE_NAMES = [
    b"new\nline", b"tab\tbell\x07esc\x1b[31mred\x1b[0m", b"\x1b]0;title\x07", b"not utf-8 \xff\xfe\x80", b"overlong \xc0\xaf", b"surrogate \xed\xa0\x80",
    "right to left \u202egpj.exe".encode(), "\u00e9 composed".encode(), "e\u0301 decomposed".encode(), "鑑識 🔍".encode(), b"-rf", b"--help", b" leading",
    b"trailing ", b"...", b".hidden", b"..x", b"~", b"*", b"?", b"$(reboot)", b"`id`", b"a|b", b"quote'\"", b"back\\slash", b"\\x41", b"\\", b"%s%n", b"%2e%2e%2f",
    b"=cmd|'C calc'!A0", b"<script>alert(1)<script>", b"a,b;c", b"CON", b"aux.txt", b"x" * 255, "é".encode() * 127, b"\x01", b"\x7f", b"\xff" * 255, b"cr\r", b"colon:path"]
PORTABLE_NAMES = ["lower.txt", "UPPER.TXT", "Mixed Case long name.text", "ünïcödé.txt", "鑑識.bin", "a" * 200 + ".x", "many.dots.in.it.tar.gz", "no extension",
                  "semi;colon", "plus+", "[brackets]", "x.y", "1", "~tilde", "$dollar", "e\u0301", "emoji 🔍"]


def acl(entries) -> bytes:
    """system.posix_acl_*, version 2: (tag, permissions, id) each."""
    return struct.pack("<I", 2) + b"".join(struct.pack("<HHI", *entry) for entry in entries)


NOBODY = 0xFFFFFFFF
ACCESS_ACL = [(1, 6, NOBODY), (2, 4, 1000), (2, 7, 4000000000), (4, 4, NOBODY), (8, 5, 50), (16, 7, NOBODY), (32, 0, NOBODY)]
CAPABILITY_2 = struct.pack("<IIIII", 0x02000001, 1 << 10 | 1 << 13, 0, 0, 0)
CAPABILITY_3 = struct.pack("<IIIIII", 0x03000000, 1 << 21, 1 << 21, 1 << 6, 0, 100000)


class Filler:
    def __init__(self, top, seed: int, size: int):
        self.top, self.dice, self.size, self.tally = os.fsencode(top), random.Random(seed), size, Counter()

    @contextlib.contextmanager
    def may_refuse(self, what: str):
        try:
            yield
            self.tally[what] += 1
        except OSError as error:
            if error.errno not in REFUSALS and not (error.errno == errno.ENOSPC and "xattr" in what):
                raise
            self.tally[f"no {what}"] += 1

    def path(self, *parts) -> bytes:
        return os.path.join(self.top, *(os.fsencode(part) for part in parts))

    def write(self, path: bytes, content: bytes = b""):
        with open(path, "xb") as file:
            file.write(content)

    def folder(self, *parts) -> bytes:
        path = self.path(*parts)
        os.mkdir(path)
        return path

    def content(self, size: int) -> bytes:
        """Random, text-like or zero bytes."""
        kind = self.dice.randrange(4)
        if kind == 0:
            return bytes(size)
        if kind == 1:
            return (self.dice.randbytes(61) * (size // 61 + 1))[:size]
        return self.dice.randbytes(size)

    def name(self, number: int) -> str:
        """Different for each number, of 1 to about 60 characters."""
        return f"{number:x}" + self.dice.choice(["", ".txt", "-", "_" * self.dice.randrange(40), ".long-extension.tar.gz"])

    # Directories of all sizes, all forms of storage.
    def directories(self):
        for count in sorted({0, 1, 2, 5, 20, 100, 400, self.size}):
            folder = self.folder(f"dir-{count}")
            made = []
            for number in range(count):
                name = os.fsencode(self.name(number))
                made.append(name)
                if number % 50 == 7:
                    os.mkdir(os.path.join(folder, name))
                elif number % 40 == 3:
                    with self.may_refuse("symlink"):
                        os.symlink(b"x" * (number % 90 + 1), os.path.join(folder, name))
                elif number % 17 == 5:
                    self.write(os.path.join(folder, name), self.dice.randbytes(number % 300))
                else:
                    os.close(os.open(os.path.join(folder, name), os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o640))
            self.tally["entries"] += count
        deep = os.open(self.folder("deep"), os.O_RDONLY)
        for level in range(20):  # longer than PATH_MAX: only reached step by step
            name = b"%02d-" % level + b"d" * 240
            os.mkdir(name, dir_fd=deep)
            next_ = os.open(name, os.O_RDONLY, dir_fd=deep)
            os.close(deep)
            deep = next_
        os.close(os.open(b"bottom", os.O_CREAT | os.O_WRONLY, 0o600, dir_fd=deep))
        os.close(deep)
        path = self.folder("narrow")
        for _ in range(60):
            path = os.path.join(path, b"n")
            os.mkdir(path)

    def hostile_names(self):
        self.folder("names")
        for name in HOSTILE_NAMES:
            with self.may_refuse("hostile name"):
                self.write(self.path("names", name), name)
        with self.may_refuse("hostile folder"):
            os.mkdir(self.path("names", b"folder\n\xff"))
            self.write(self.path("names", b"folder\n\xff", b"in\x1bside"))

    # Files of all shapes.
    def files(self):
        self.folder("files")
        for size in (0, 1, 15, 59, 60, 61, 100, 155, 156, 160, 511, 512, 513, 1000, 1023, 1024, 2048, 3800, 4095, 4096, 4097, 5000, 8191, 65536, 65537, 200_001, 1_500_000):
            self.write(self.path("files", f"size-{size}"), self.content(size))
        extents = 40 if self.size < 1000 else 1200
        with open(self.path("files", "fragmented"), "xb") as file:
            for number in range(extents):
                file.seek(number * 8192)
                file.write(bytes([number % 251]) * 4096)
            file.write(b"partial tail")
        with open(self.path("files", "sparse"), "xb") as file:
            for at in (0, 1 << 20, (20 << 20) + 12345):
                file.seek(at)
                file.write(self.dice.randbytes(5000))
            file.truncate((24 << 20) + 77)
        with open(self.path("files", "all hole"), "xb") as file:
            file.truncate(1_000_001)
        with open(self.path("files", "only the last byte"), "xb") as file:
            file.seek((4 << 20) - 1)
            file.write(b"!")
        self.interleaved()
        self.preallocated()

    def interleaved(self):
        """Two files that grow in turns, their blocks forced out each time."""
        with open(self.path("files", "turn-a"), "xb", buffering=0) as first, open(self.path("files", "turn-b"), "xb", buffering=0) as second:
            for _ in range(12):
                for file in (first, second):
                    file.write(self.dice.randbytes(self.dice.choice([3000, 4096, 9000])))
                    os.fdatasync(file.fileno())

    def preallocated(self):
        for name, mode, offset, size in (("fallocated", 0, 0, 300_000), ("kept size", ioctls.KEEP_SIZE, 0, 300_000), ("punched", ioctls.PUNCH_HOLE | ioctls.KEEP_SIZE, 8192, 50_000),
                                         ("punched tail", ioctls.PUNCH_HOLE | ioctls.KEEP_SIZE, 190_000, 50_000), ("zeroed", ioctls.ZERO_RANGE, 4096, 40_000),
                                         ("collapsed", ioctls.COLLAPSE, 65536, 65536), ("inserted", ioctls.INSERT, 65536, 65536)):
            with open(self.path("files", name), "xb", buffering=0) as file:
                file.write(self.dice.randbytes(10_000 if "size" in name or "fall" in name else 200_000))
                with self.may_refuse(f"fallocate {name}"):
                    ioctls.fallocate(file.fileno(), mode, offset, size)
        with self.may_refuse("written inside fallocated"):
            with open(self.path("files", "written inside"), "xb", buffering=0) as file:
                ioctls.fallocate(file.fileno(), 0, 0, 400_000)
                file.seek(100_001)
                file.write(self.dice.randbytes(50_000))

    def reflinks(self):
        self.folder("shared")
        self.write(self.path("shared", "original"), self.dice.randbytes(300_000))
        self.write(self.path("shared", "short"), b"inline, perhaps")
        for name in ("copy", "changed copy"):
            with self.may_refuse("reflink"):
                ioctls.reflink(self.path("shared", "original"), self.path("shared", name))
        if self.tally["reflink"]:
            with open(self.path("shared", "changed copy"), "r+b") as file:
                file.seek(100_000)
                file.write(self.dice.randbytes(10_000))

    def links(self):
        self.folder("links")
        self.folder("links/elsewhere")
        self.write(self.path("links", "one"), b"many names")
        with self.may_refuse("hard link"):
            for number in range(30):
                os.link(self.path("links", "one"), self.path("links" if number % 2 else "links/elsewhere", f"again {number}"))
        for length in (1, 30, 58, 59, 60, 61, 62, 99, 155, 156, 255, 300, 500, 1000, 1023, 1024, 2000, 3000, 4000, 4095):
            with self.may_refuse("symlink"):
                os.symlink(self.dice.randbytes(length).replace(b"\0", b"/"), self.path("links", f"to {length}"))
        with self.may_refuse("symlink"):
            os.symlink(b"../../../../etc/\x1b[2Jshadow\n", self.path("links", "up"))

    def nodes(self):
        self.folder("nodes")
        for name, kind, device in (("null", stat.S_IFCHR, (1, 3)), ("disk", stat.S_IFBLK, (259, 70000)), ("big", stat.S_IFCHR, (4095, 1048575)),
                                   ("zero", stat.S_IFBLK, (0, 0)), ("edge", stat.S_IFCHR, (255, 255)), ("past", stat.S_IFCHR, (256, 256)), ("whiteout", stat.S_IFCHR, (0, 0))):
            with self.may_refuse("device"):
                os.mknod(self.path("nodes", name), 0o660 | kind, os.makedev(*device))
        with self.may_refuse("fifo"):
            os.mkfifo(self.path("nodes", "fifo"))
        with self.may_refuse("socket"), socket.socket(socket.AF_UNIX) as made:
            folder = os.open(self.path("nodes"), os.O_RDONLY)
            try:
                made.bind(f"/proc/self/fd/{folder}/socket")
            finally:
                os.close(folder)

    def xattr(self, path: bytes, name, value: bytes):
        with self.may_refuse(f"xattr {os.fsdecode(name).split('.')[0]}"):
            os.setxattr(path, name, value, follow_symlinks=False)

    def xattrs(self):
        self.folder("xattrs")
        for size in (0, 1, 31, 64, 255, 256, 500, 1000, 2000, 3000, 4000, 20_000, 65536):
            path = self.path("xattrs", f"value of {size}")
            self.write(path, b"x" * 100)
            self.xattr(path, "user.value", self.dice.randbytes(size))
        many = self.path("xattrs", "many")
        self.write(many, b"")
        for number in range(60 if self.size < 1000 else 400):
            self.xattr(many, f"user.{number:03}{'n' * (number % 40)}", self.dice.randbytes(number % 30))
        names = self.path("xattrs", "names")
        self.write(names, b"")
        for name in (b"user.n", b"user." + b"l" * 250, b"user.esc\x1b[31m\n", b"user.\xff\xfe", b"trusted.overlay.opaque", b"trusted.t", b"user.same", b"trusted.same", b"security.same"):
            self.xattr(names, name, b"value of " + name)
        for kind, value in (("capability", CAPABILITY_2), ("capability3", CAPABILITY_3)):
            self.write(self.path("xattrs", kind), b"#!/bin/true\n")
            self.xattr(self.path("xattrs", kind), "security.capability", value)
        self.write(self.path("xattrs", "labelled"), b"")
        self.xattr(self.path("xattrs", "labelled"), "security.selinux", b"system_u:object_r:shadow_t:s0\0")
        self.write(self.path("xattrs", "ima"), b"")
        self.xattr(self.path("xattrs", "ima"), "security.ima", b"\x04\x04" + self.dice.randbytes(32))
        folder = self.folder("xattrs/folder")
        for where, name in ((self.path("xattrs", "many"), "system.posix_acl_access"), (folder, "system.posix_acl_access"), (folder, "system.posix_acl_default")):
            self.xattr(where, name, acl(ACCESS_ACL))
        self.write(self.path("xattrs", "long acl"), b"")
        self.xattr(self.path("xattrs", "long acl"), "system.posix_acl_access", acl(
            [(1, 7, NOBODY), *((2, number % 8, 1000 + number) for number in range(20)), (4, 7, NOBODY), (16, 7, NOBODY), (32, 7, NOBODY)]))
        with self.may_refuse("symlink"):
            os.symlink(b"nowhere", self.path("xattrs", "symlink"))
            os.symlink(b"t" * 300, self.path("xattrs", "long symlink"))
            self.xattr(self.path("xattrs", "symlink"), "trusted.on-link", b"v" * 100)
            self.xattr(self.path("xattrs", "long symlink"), "security.on-link", b"v" * 100)
        with self.may_refuse("fifo"):
            os.mkfifo(self.path("xattrs", "fifo"))
            self.xattr(self.path("xattrs", "fifo"), "trusted.on-fifo", b"f")
        gone = self.path("xattrs", "removed")
        self.write(gone, b"")
        for number in range(20):
            self.xattr(gone, f"user.r{number}", b"r" * 50 * number)
        for number in range(0, 20, 2):
            with contextlib.suppress(OSError):
                os.removexattr(gone, f"user.r{number}")

    def owners_and_modes(self):
        self.folder("modes")
        for mode in (0, 0o1, 0o644, 0o4755, 0o2755, 0o1777, 0o7777):
            self.write(self.path("modes", f"{mode:o}"))
            os.chmod(self.path("modes", f"{mode:o}"), mode)
        for owner in ((0, 1), (1000, 1000), (65534, 65535), (65536, 65537), (4294967294, 2147483648)):
            self.write(self.path("modes", f"owner {owner[0]}"))
            os.chown(self.path("modes", f"owner {owner[0]}"), *owner)
        os.mkdir(self.path("modes", "sticky"))
        os.chmod(self.path("modes", "sticky"), 0o1777)

    def deletions(self):
        victims = self.folder("deletions")
        for number in range(120):
            self.write(os.path.join(victims, b"victim %d" % number), self.dice.randbytes(number * 50))
        for number in range(0, 120, 3):
            os.remove(os.path.join(victims, b"victim %d" % number))
        for number in range(1, 120, 12):
            os.rename(os.path.join(victims, b"victim %d" % number), os.path.join(victims, b"victim %d" % (number + 1)))
        os.rename(os.path.join(victims, b"victim 5"), self.path("moved here"))
        doomed = self.folder("doomed")
        for number in range(50):
            self.write(os.path.join(doomed, b"%d" % number), b"gone")
        for name in os.listdir(doomed):
            os.remove(os.path.join(doomed, name))
        os.rmdir(doomed)
        half = self.path(f"dir-{max(400, self.size)}")
        for number, name in enumerate(sorted(os.listdir(half))):
            path = os.path.join(half, name)
            if number % 3 == 0 and not os.path.isdir(path):
                os.remove(path)
        shrunk = self.path("files", "size-1500000")
        os.truncate(shrunk, 70_000)
        emptied = self.folder("emptied")
        for number in range(300):
            self.write(os.path.join(emptied, b"a name of some length %d" % number))
        for name in os.listdir(emptied):
            os.remove(os.path.join(emptied, name))

    def times(self):
        self.folder("times")
        for number, seconds in enumerate((0, 1, -1, -86400 * 365 * 30, -2**31, -2**31 + 1, 2**31 - 1, 2**31, 2**32 - 1, 2**32, 2**33 + 5, 2**34 - 2**31 - 1, 4354819200, 15032385535, 16299260425)):
            for what in ("file", "folder"):
                path = self.path("times", f"{what} {number}")
                os.mkdir(path) if what == "folder" else self.write(path)
                with self.may_refuse("time"):
                    os.utime(path, ns=(seconds * 10**9 + self.dice.randrange(10**9), seconds * 10**9 + 999_999_999))
        with self.may_refuse("symlink"):
            os.symlink(b"t", self.path("times", "symlink"))
            os.utime(self.path("times", "symlink"), ns=(123_456_789_012_345_678, 1), follow_symlinks=False)

    def flags(self):
        """Last: nothing can be changed after it."""
        self.folder("flags")
        for name, flag in (("immutable", ioctls.IMMUTABLE), ("append", ioctls.APPEND), ("nodump", ioctls.NODUMP), ("noatime", ioctls.NOATIME),
                           ("both", ioctls.IMMUTABLE | ioctls.APPEND | ioctls.NODUMP)):
            for path in (self.path("flags", name), self.path("flags", name + " folder")):
                os.mkdir(path) if path.endswith(b"folder") else self.write(path, b"cannot be changed")
                with self.may_refuse(f"flag {name}"):
                    ioctls.set_flags(path, flag)

    def everything(self) -> Counter:
        for part in (self.directories, self.hostile_names, self.files, self.reflinks, self.links, self.nodes, self.xattrs, self.owners_and_modes, self.deletions,
                     self.times, self.flags):
            part()
        return self.tally

    def portable(self) -> Counter:
        """What any file system holds: no Unix metadata, no hostile names."""
        for count in sorted({0, 1, 5, 100, self.size}):
            folder = self.folder(f"dir-{count}")
            for number in range(count):
                if number % 50 == 7:
                    os.mkdir(os.path.join(folder, b"folder %d" % number))
                else:
                    self.write(os.path.join(folder, b"a longer file name %d.txt" % number), self.dice.randbytes(number % 300 if number % 17 == 5 else 0))
        self.folder("names")
        for name in PORTABLE_NAMES:
            with self.may_refuse("name"):
                self.write(self.path("names", name), name.encode())
        self.folder("files")
        for size in (0, 1, 511, 512, 513, 700, 4095, 4096, 4097, 65536, 200_001, 1_500_000):
            self.write(self.path("files", f"size-{size}"), self.content(size))
        self.interleaved()
        victims = self.folder("deletions")
        for number in range(60):
            self.write(os.path.join(victims, b"victim %d" % number), self.dice.randbytes(number * 50))
        for number in range(0, 60, 3):
            os.remove(os.path.join(victims, b"victim %d" % number))
        return self.tally


def fill(top, seed: int = 1, size: int = 1000, portable: bool = False) -> Counter:
    """Fills the file system mounted at `top`; its largest directory gets `size` entries. Returns what was made, and "no …" for what was refused."""
    filler = Filler(top, seed, size)
    return filler.portable() if portable else filler.everything()
