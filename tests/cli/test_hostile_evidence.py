"""kanshiki verify on files that were made to hurt it: an exit code of its own, the place named, and little memory."""

import os
import struct
import subprocess

import pytest

from images import CHUNK, MIB, make_disk

pytestmark = pytest.mark.full

SIZE = 3 * MIB + 512
MEMORY = 1_500_000_000  # address space, threads' stacks and arenas among it
SKIPPABLE, FOOTER = 0x184D2A5E, 0x8F92EAB1


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    from rig import kanshiki
    folder = tmp_path_factory.mktemp("hostile")
    kanshiki("acquire", make_disk(folder / "disk", SIZE), "-o", folder / "disk.img.zst").expect(0)
    return folder / "disk.img.zst"


@pytest.fixture
def image(made, tmp_path):
    for path in made.parent.glob(f"{made.name}*"):
        (tmp_path / path.name).write_bytes(path.read_bytes())
    return tmp_path / made.name


def verify(kanshiki, image, code):
    """In bounded memory; no message is longer than a terminal's worth."""
    limited = [] if "asan" in os.environ.get("KANSHIKI", "") else ["prlimit", f"--as={MEMORY}"]
    done = kanshiki("verify", image, "--json", "--no-record", "--threads", "2", wrapper=limited)
    assert done.code == code, (done.code, done.stdout[-500:], done.stderr[-500:])
    assert len(done.stderr) < 2000
    return done


def damaged(done, name):
    return [one for one in done.json["damage"] if one["file"] == name]


def table(entries):
    rows = b"".join(struct.pack("<II", stored, content) for stored, content in entries)
    return struct.pack("<II", SKIPPABLE, len(rows) + 9) + rows + struct.pack("<IBI", len(entries), 0, FOOTER)


@pytest.mark.parametrize("frames", [1 << 27, (1 << 27) + 1, 0xFFFFFFFF])
def test_a_seek_table_that_claims_more_frames_than_there_are(kanshiki, image, frames):
    with open(image, "r+b") as file:
        file.seek(-9, os.SEEK_END)
        file.write(struct.pack("<I", frames))
    assert damaged(verify(kanshiki, image, 10), image.name)


def test_a_seek_table_of_2_to_the_27_empty_frames(kanshiki, image):
    frames = 1 << 27
    with open(image, "wb") as file:  # sparse: takes no room
        file.write(struct.pack("<II", SKIPPABLE, 8 * frames + 9))
        file.seek(8 + 8 * frames)
        file.write(struct.pack("<IBI", frames, 0, FOOTER))
    assert damaged(verify(kanshiki, image, 10), image.name)


def test_a_frame_stored_in_more_than_there_is_memory(kanshiki, image):
    stored = 1600 * MIB  # a hole
    with open(image, "wb") as file:
        file.seek(stored)
        file.write(table([(stored, CHUNK)]))
    assert damaged(verify(kanshiki, image, 10), image.name)


@pytest.mark.parametrize("claimed", [CHUNK, 16 * MIB, 0xFFFFFFFF])
def test_a_frame_that_decompresses_to_a_gibibyte(kanshiki, image, claimed):
    zeros = subprocess.Popen(["head", "-c", str(1 << 30), "/dev/zero"], stdout=subprocess.PIPE)
    bomb = subprocess.run(["zstd", "-1qc"], stdin=zeros.stdout, stdout=subprocess.PIPE, check=True).stdout
    zeros.wait()
    image.write_bytes(bomb + table([(len(bomb), claimed)]))
    assert damaged(verify(kanshiki, image, 10), image.name)


def test_a_chunk_list_of_a_gibibyte(kanshiki, image):
    path = image.with_name(image.name + ".chunks")
    os.truncate(path, 1 << 30)
    assert damaged(verify(kanshiki, image, 10), path.name)


@pytest.mark.parametrize("rows", ["0x0 ?\n" + "0xFFFFFFFFFFFFFFFF 0xFFFFFFFFFFFFFFFF +\n" * 3,
                                  "0x0 ? 1\n" + "0x99999999999999999999 0x1 +\n",
                                  "#" * (64 * MIB), "0x0 + 1\n" + "0x0 0x0 -\n" * 2_000_000], ids=["wraps", "too long", "one line", "empty rows"])
def test_a_hostile_map(kanshiki, image, rows):
    path = image.with_name(image.name + ".map")
    path.write_text(rows)
    assert damaged(verify(kanshiki, image, 10), path.name)
    image.with_name(image.name + ".manifest.json").unlink()  # nothing binds it now: it is read
    image.with_name(image.name + ".sha256").unlink()
    verify(kanshiki, image, 10)


def nested(depth):
    return '{"format": "kanshiki manifest", "x": ' + "[" * depth + "]" * depth + "}"


@pytest.mark.parametrize("make", [lambda whole: nested(20_000_000), lambda whole: "[" * (64 * MIB),
                                  lambda whole: whole.replace(f'"size": {SIZE}', '"size": ' + "9" * 400, 1),
                                  lambda whole: whole.replace(f'"size": {SIZE}', '"size": 18446744073709551615', 1),
                                  lambda whole: whole.replace(f'"size": {SIZE}', '"size": -1', 1)],
                         ids=["nested", "64 MiB of brackets", "400 digits", "2^64-1", "negative"])
def test_a_hostile_manifest_beside_a_whole_image(kanshiki, image, make):
    path = image.with_name(image.name + ".manifest.json")
    whole = path.read_text()
    changed = make(whole)
    assert changed != whole, "the manifest gives its size as expected"
    path.write_text(changed)
    assert damaged(verify(kanshiki, image, 10), path.name)
