"""The agent's protocol from its specification (docs/formats/agent-protocol.md), to talk to agents and to play false ones."""

import struct
from dataclasses import dataclass

HELLO = struct.Struct("<8sHHIQII32x")
REQUEST = struct.Struct("<IIQQBBbBI")
REPLY = struct.Struct("<IIQIIBBHIQIIII8x")
REQUEST_MAGIC, REPLY_MAGIC = 0x5152534B, 0x5052534B
READ, EXTENTS, ALIVE = 1, 2, 3
ZERO, RAW, ZSTD, EXTENT_LIST, IS_ALIVE, FAILED = 1, 2, 3, 4, 5, 6


@dataclass
class Reply:
    id: int
    offset: int
    got: int
    type: int
    bad: list
    digest: bytes
    body: bytes
    xxh64: int


def hello(size, version=1, flags=4, sector=512, cores=2, process=1) -> bytes:
    return HELLO.pack(b"KANSHIKI", version, flags, sector, size, cores, process)


def request(id, offset, size, type=READ, priority=1, level=1, compress=True, sha256=False) -> bytes:
    return REQUEST.pack(REQUEST_MAGIC, id, offset, size, type, priority, level, (1 if compress else 0) | (2 if sha256 else 0), 0)


def reply(id, offset, type, got=0, body=b"", bad=(), digest=b"", xxh64=0, payload=None) -> bytes:
    lists = digest + b"".join(struct.pack("<III", *one) for one in bad)
    size = len(lists) + len(body) if payload is None else payload
    return REPLY.pack(REPLY_MAGIC, id, offset, got, size, type, 1 if digest else 0, 0, len(bad), xxh64, 1, 1, 1, 0) + lists + body


def read_exactly(stream, size) -> bytes:
    out = b""
    while len(out) < size:
        piece = stream.read(size - len(out))
        if not piece:
            raise EOFError(f"{len(out)} of {size} bytes came")
        out += piece
    return out


def read_reply(stream) -> Reply:
    magic, id, offset, got, payload, type, flags, _, bad, xxh64, *_times = REPLY.unpack(read_exactly(stream, REPLY.size))
    assert magic == REPLY_MAGIC
    rest = read_exactly(stream, payload)
    digest, rest = (rest[:32], rest[32:]) if flags & 1 else (b"", rest)
    ranges = [struct.unpack_from("<III", rest, 12 * i) for i in range(bad)]
    return Reply(id, offset, got, type, ranges, digest, rest[12 * bad:], xxh64)
