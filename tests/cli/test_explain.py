"""verify --explain: which files the damage lies in, as debugfs says where their blocks are."""

import random
import re
import subprocess

import pytest
import rig

from images import CHUNK, MIB
from volumes import run, sized

pytestmark = pytest.mark.full

BLOCK = 4096
START = MIB  # of the volume in the disk


def blocks_of(volume, path) -> list:
    """Physical blocks of the file's content in their order."""
    told = run("debugfs", "-R", f"blocks {path}", volume)
    return [int(word) for word in told.split()]


@pytest.fixture(scope="module")
def case(tmp_path_factory):
    """A GPT disk with one ext4 volume; one of its files is deleted."""
    folder = tmp_path_factory.mktemp("explain")
    root = folder / "root"
    for name, size in {"etc/passwd": 60, "var/log/big": 3 * MIB, "var/log/other": 2 * MIB, "home/deleted": 2 * MIB}.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(random.Random(name).randbytes(size))
    part = sized(folder / "part", 62 * MIB)
    run("mke2fs", "-q", "-t", "ext4", "-b", BLOCK, "-O", "^has_journal", "-d", root, part)
    blocks = {name: blocks_of(part, f"/{name}") for name in ("etc/passwd", "var/log/big", "var/log/other", "home/deleted")}
    disk = sized(folder / "disk", 64 * MIB)
    subprocess.run(["sfdisk", "-q", disk], check=True, input=b"label: gpt\nstart=2048,size=126976\n")
    run("dd", f"if={part}", f"of={disk}", "bs=1M", "seek=1", "conv=notrunc,sparse")
    return disk, blocks


def flip(path, offset):
    path.chmod(0o600)
    with open(path, "r+b") as file:
        file.seek(offset)
        byte = file.read(1)[0]
        file.seek(offset)
        file.write(bytes([byte ^ 1]))


def covered(files, ranges) -> dict:
    """path -> bytes of it that are named."""
    out = {}
    for each in ranges:
        for file in each["files"]:
            out[file["path"]] = out.get(file["path"], 0) + file["size"]
    return out


def explained(kanshiki, image, code=10):
    done = kanshiki("verify", image, "--explain", "--json").expect(code).json
    return done["explained"]


def test_a_chunk_inside_a_file(kanshiki, case, tmp_path):
    disk, blocks = case
    image = tmp_path / "d.img"
    kanshiki("acquire", disk, "-o", image).expect(0)
    at = START + blocks["var/log/big"][300] * BLOCK
    flip(image, at)
    [told] = explained(kanshiki, image)["ranges"]
    chunk = at // CHUNK * CHUNK
    assert (told["offset"], told["size"]) == (chunk, CHUNK)
    # Each block of the chunk is whose debugfs says it is.
    whose = {START + block * BLOCK: (f"/{name}", number * BLOCK) for name, list_ in blocks.items() for number, block in enumerate(list_)}
    expected = {place: owner for place, owner in whose.items() if chunk <= place < chunk + CHUNK}
    assert expected
    seen = {}
    for file in told["files"]:
        assert file["volume"] == 1 and not file["deleted"]
        for done in range(0, file["size"], BLOCK):
            seen[file["offset"] + done] = (file["path"], file["offset_in_file"] + done)
    assert {place: owner for place, owner in seen.items() if owner[0] in {f"/{name}" for name in blocks}} == expected
    assert sum(file["size"] for file in told["files"]) + sum(rest["size"] for rest in told["elsewhere"]) == CHUNK
    text = kanshiki("verify", image, "--explain").expect(10).stdout
    assert re.search(r"EXPLAINED +bytes %d to %d:" % (chunk, chunk + CHUNK - 1), text) and "/var/log/big: its bytes" in text


def test_a_file_that_ends_inside_its_block(kanshiki, case, tmp_path):
    disk, blocks = case
    image = tmp_path / "d.img.zst"
    with rig.BadDisk(disk, bad=[(START + blocks["etc/passwd"][0] * BLOCK, 512)]) as bad:
        kanshiki("acquire", bad.path, "-o", image).expect(4)
    [told] = explained(kanshiki, image, code=0)["ranges"]  # unreadable at the source: no damage, and named all the same
    [file] = told["files"]
    assert (file["path"], file["offset_in_file"], file["size"]) == ("/etc/passwd", 0, 60)
    assert [rest["size"] for rest in told["elsewhere"]] == [452] and "slack" in told["elsewhere"][0]["what"]


def test_outside_of_files_and_of_volumes(kanshiki, case, tmp_path):
    disk, blocks = case
    image = tmp_path / "d.img"
    kanshiki("acquire", disk, "-o", image).expect(0)
    flip(image, 100)              # the boot sector's code
    flip(image, 63 * MIB + 5000)  # behind the volume
    last, gap = explained(kanshiki, image)["ranges"]
    assert last["files"] == gap["files"] == []
    assert [(rest["what"].split(":")[0], rest["size"]) for rest in last["elsewhere"]] == [("in no volume", CHUNK)]
    assert [(rest["what"].split(":")[0], rest["size"]) for rest in gap["elsewhere"]] == [("in no volume", CHUNK)]


def test_a_deleted_file_is_told_as_such(kanshiki, tmp_path):
    volume = sized(tmp_path / "volume", 16 * MIB)
    run("mkfs.vfat", "-F", "16", volume)
    (tmp_path / "gone").write_bytes(random.Random(1).randbytes(MIB))
    run("mcopy", "-i", volume, tmp_path / "gone", "::GONE.BIN")
    place = volume.read_bytes().index((tmp_path / "gone").read_bytes()[:512])
    run("mdel", "-i", volume, "::GONE.BIN")
    image = tmp_path / "v.img"
    kanshiki("acquire", volume, "-o", image).expect(0)
    flip(image, place + 10)
    [told] = explained(kanshiki, image)["ranges"]
    [file] = [file for file in told["files"] if file["path"].endswith("ONE.BIN")]
    assert file["deleted"]
    assert sum(rest["size"] for rest in told["elsewhere"]) == CHUNK, "a deleted file owns nothing any more"


@pytest.mark.parametrize("kind", ["superblock", "root directory", "truncated", "compressed"])
def test_damage_of_the_metadata_itself(kanshiki, case, tmp_path, kind):
    disk, _ = case
    image = tmp_path / ("d.img.zst" if kind == "compressed" else "d.img")
    kanshiki("acquire", disk, "-o", image).expect(0)
    image.chmod(0o600)
    if kind == "superblock":
        with open(image, "r+b") as file:
            file.seek(START + 1024)
            file.write(b"\xff" * 1024)
    elif kind == "root directory":
        inode_table = int(re.search(r"Inode table at (\d+)", run("dumpe2fs", disk.parent / "part")).group(1))
        with open(image, "r+b") as file:
            file.seek(START + inode_table * BLOCK + 256)  # inode 2
            file.write(b"\xff" * 256)
    elif kind == "truncated":
        with open(image, "r+b") as file:
            file.truncate(30 * MIB + 77)
    else:
        flip(image, image.stat().st_size // 2)
    done = kanshiki("verify", image, "--explain", "--json").expect(10)
    assert done.json["verdict"] == "altered" and done.json["explained"]["ranges"]
    told = done.json["explained"]
    if kind in ("superblock", "root directory"):
        assert told["not_looked_at"] or any("without a file system" in rest["what"] for each in told["ranges"] for rest in each["elsewhere"])
    assert "Traceback" not in done.stderr and "internal error" not in done.stderr


def test_whole_evidence_has_nothing_to_explain(kanshiki, case, tmp_path):
    kanshiki("acquire", case[0], "-o", tmp_path / "d.img").expect(0)
    assert explained(kanshiki, tmp_path / "d.img", code=0) is None
    assert "EXPLAINED" not in kanshiki("verify", tmp_path / "d.img", "--explain").expect(0).stdout
