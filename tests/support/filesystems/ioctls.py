"""System calls that Python has no function for."""

import ctypes
import errno
import fcntl
import os
import struct

FICLONE, FICLONERANGE = 0x40049409, 0x4020940D
FS_IOC_GETFLAGS, FS_IOC_SETFLAGS = 0x80086601, 0x40086602
IMMUTABLE, APPEND, NODUMP, NOATIME, NOCOW, CASEFOLD = 0x10, 0x20, 0x40, 0x80, 0x800000, 0x40000000
KEEP_SIZE, PUNCH_HOLE, COLLAPSE, ZERO_RANGE, INSERT = 1, 2, 8, 16, 32

_libc = ctypes.CDLL(None, use_errno=True)
_libc.fallocate.argtypes = [ctypes.c_int, ctypes.c_int, ctypes.c_int64, ctypes.c_int64]
_libc.statx.argtypes = [ctypes.c_int, ctypes.c_char_p, ctypes.c_int, ctypes.c_uint, ctypes.c_void_p]
_statx_buffer = ctypes.create_string_buffer(256)


def fallocate(file: int, mode: int, offset: int, size: int) -> None:
    if _libc.fallocate(file, mode, offset, size) != 0:
        raise OSError(ctypes.get_errno(), "fallocate")


def set_flags(path: bytes, flags: int) -> None:
    """Adds inode flags (chattr)."""
    file = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_NOFOLLOW)
    try:
        had, = struct.unpack("l", fcntl.ioctl(file, FS_IOC_GETFLAGS, struct.pack("l", 0)))
        fcntl.ioctl(file, FS_IOC_SETFLAGS, struct.pack("l", had | flags))
    finally:
        os.close(file)


def reflink(source: bytes, target: bytes) -> None:
    with open(source, "rb") as from_, open(target, "wb") as to:
        fcntl.ioctl(to, FICLONE, from_.fileno())


def statx(folder: int, name: bytes) -> dict:
    """lstat with what only statx tells: btime (None where the file system keeps none) and the attributes."""
    no_follow, empty_path = 0x100, 0x1000
    if _libc.statx(folder, name, no_follow | (0 if name else empty_path), 0xFFF, _statx_buffer) != 0:
        number = ctypes.get_errno()
        raise OSError(number, errno.errorcode.get(number, "statx"), name)
    mask, _, attributes, links, uid, gid, mode, _, inode, size, blocks, known = struct.unpack_from("=IIQIIIHHQQQQ", _statx_buffer)
    accessed, created, changed, modified = (seconds * 10**9 + nanoseconds for seconds, nanoseconds in
                                            struct.iter_unpack("=qI4x", _statx_buffer[64:128]))
    major, minor = struct.unpack_from("=II", _statx_buffer, 128)
    return {"mode": mode, "inode": inode, "links": links, "uid": uid, "gid": gid, "size": size, "attributes": attributes & known, "known": known,
            "accessed": accessed, "modified": modified, "changed": changed, "created": created if mask & 0x800 else None, "device": (major, minor),
            "blocks": blocks}
