"""Small volumes for tests, the same for the same seed, and what an acquisition of them must have written."""

import hashlib
import json
import os
import random
import subprocess
from pathlib import Path

import ewf

CHUNK = 512 * 1024
MIB = 1 << 20


def disk_bytes(size: int, seed: int = 1) -> bytes:
    """Random bytes, text-like bytes and runs of zeros, in pieces of 256 KiB: what a disk looks like."""
    dice, out = random.Random(seed), bytearray()
    while len(out) < size:
        kind = dice.randrange(4)
        if kind == 0:
            out += dice.randbytes(256 * 1024)
        elif kind == 1:
            out += bytes(256 * 1024)
        else:
            out += (dice.randbytes(1024) * 256)
    return bytes(out[:size])


def make_disk(path, size: int = 24 * MIB + 3 * 512, seed: int = 1) -> Path:
    Path(path).write_bytes(disk_bytes(size, seed))
    return Path(path)


def content(image) -> bytes:
    """The image as any tool restores it."""
    if str(image).endswith(".zst"):
        return subprocess.run(["zstd", "-dc", image], check=True, capture_output=True).stdout
    if str(image).endswith(".E01"):
        return ewf.content(image)
    if str(image).endswith(".001"):
        return b"".join(path.read_bytes() for path in sorted(Path(image).parent.glob(f"{Path(image).stem}.0??")))
    return Path(image).read_bytes()


def leaves(data: bytes) -> list:
    return [hashlib.sha256(data[at:at + CHUNK]).digest() for at in range(0, len(data), CHUNK)]


def root(entries: list) -> bytes:
    """RFC 9162, 2.1.1, over the chunk list."""
    if not entries:
        return hashlib.sha256().digest()
    if len(entries) == 1:
        return hashlib.sha256(b"\0" + entries[0]).digest()
    split = 1 << (len(entries) - 1).bit_length() - 1
    return hashlib.sha256(b"\1" + root(entries[:split]) + root(entries[split:])).digest()


def log_entries(image) -> list:
    """The log, its chain checked with hashlib alone."""
    previous, entries = "0" * 64, []
    for number, line in enumerate(Path(f"{image}.log.jsonl").read_bytes().splitlines()):
        entry = json.loads(line)
        assert entry["seq"] == number and entry["prev"] == previous, f"line {number + 1} of the log"
        previous = hashlib.sha256(line).hexdigest()
        entries.append(entry)
    return entries


def check_evidence(image, expected: bytes):
    """Everything about a finished image that can be checked without kanshiki. Returns the manifest."""
    image = Path(image)
    data = content(image)
    assert data == expected, f"{image} differs first at byte {next(i for i, (a, b) in enumerate(zip(data, expected)) if a != b)}" \
        if len(data) == len(expected) else f"{image} has {len(data)} bytes, not {len(expected)}"
    subprocess.run(["sha256sum", "--check", "--strict", "--quiet", f"{image.name}.sha256"], cwd=image.parent, check=True)
    subprocess.run(["ddrescuelog", "--list-blocks=?", f"{image}.map"], check=True, capture_output=True)
    manifest = json.loads(Path(f"{image}.manifest.json").read_text())
    entries = leaves(expected)
    assert Path(f"{image}.chunks").read_bytes() == b"".join(entries)
    assert manifest["image"]["root"] == root(entries).hex()
    assert manifest["image"]["size"] == len(expected)
    for name, digest in manifest["image"]["digests"].items():
        assert digest == hashlib.new(name, expected).hexdigest(), name
    log = log_entries(image)
    assert log[0]["event"] == "start" and log[-1]["event"] == "complete"
    last = Path(f"{image}.log.jsonl").read_bytes().splitlines()[-1]
    assert manifest["log"] == {"head": hashlib.sha256(last).hexdigest(), "entries": len(log)}
    assert not os.path.exists(f"{image}.partial")
    for companion in (".manifest.json", ".chunks", ".map", ".log.jsonl", ".sha256", ""):
        assert os.stat(f"{image}{companion}").st_mode & 0o777 == 0o400, companion
    return manifest
