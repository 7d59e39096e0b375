"""What the tests of the SSH routes share: volumes, the call (by dd, unless it says otherwise), and how a refusal must look."""

import json
import random
from pathlib import Path

import pytest
import rig

MIB = 1 << 20
SECTOR = 512

# A dd that is not GNU's: counts in blocks only, and says nothing of a version.
PLAIN_DD = """#!/bin/sh
for word; do case $word in *skip_bytes*|*count_bytes*|*fullblock*|--version) echo "dd: unknown operand '$word'" >&2; exit 1;; esac; done
exec /bin/dd "$@"
"""


@pytest.fixture(scope="module")
def volume(tmp_path_factory):
    """12 MiB and a bit: random, compressible and zero parts; its size is no multiple of anything but a sector."""
    path = tmp_path_factory.mktemp("volume") / "volume"
    chance = random.Random(1)
    text = b"".join(b"line %d of some text\n" % number for number in range(200_000))[: 4 * MIB]
    path.write_bytes(chance.randbytes(4 * MIB) + text + bytes(3 * MIB) + chance.randbytes(MIB + 7 * SECTOR))
    return path


@pytest.fixture(scope="module")
def incompressible(tmp_path_factory):
    path = tmp_path_factory.mktemp("random") / "volume"
    path.write_bytes(random.Random(2).randbytes(100 * MIB))
    return path


@pytest.fixture
def image(tmp_path):
    return tmp_path / "evidence" / "disk.img"


def acquire(sshd, source, image, *options, port=None, transport="dd", **keywords):
    return rig.kanshiki("acquire", sshd.url(source, port), "-o", image, "--transport", transport, *sshd.options(), *options,
                        "--json", "--progress", "none", **keywords)


def log_of(image):
    return [json.loads(line) for line in Path(f"{image}.log.jsonl").read_text().splitlines()]


def manifest_of(image):
    return json.loads(Path(f"{image}.manifest.json").read_text())


def ranges(result):
    return [(bad["offset"], bad["size"]) for bad in result.json["unreadable"]]


def refused(result, *words, code=6):
    """One line, with its exit code, that says what is asked for; and nothing left behind that looks like evidence."""
    result.expect(code)
    lines = result.stderr.strip().splitlines()
    assert len(lines) == 1, result.stderr
    for word in words:
        assert word in lines[0], lines[0]
