"""E01 and split raw: others must accept ours, and theirs must be read, verified, and told damaged where they are."""

import hashlib
import json
import os
import re
import signal
import subprocess
from pathlib import Path

import pytest

import ewf
from images import CHUNK, MIB, check_evidence, disk_bytes, make_disk

pytestmark = pytest.mark.full

SIZE = 6 * MIB + 3 * 512
CASE = ("--case", "42", "--evidence", "E-1", "--examiner", "A. Itō", "--note", "a note\twith a tab", "--authority", "warrant 7")


@pytest.fixture(scope="module")
def disk(tmp_path_factory):
    return make_disk(tmp_path_factory.mktemp("source") / "disk", SIZE)


@pytest.fixture(scope="module")
def ours(disk, tmp_path_factory):
    """An E01 of ours in several segments."""
    import rig
    image = tmp_path_factory.mktemp("ours") / "disk.E01"
    rig.kanshiki("acquire", disk, "-o", image, "--split", "1M", "--hash", "sha256,sha1", *CASE).expect(0)
    return image


def copy(image, folder) -> Path:
    for file in Path(image).parent.iterdir():
        (folder / file.name).write_bytes(file.read_bytes())
    return folder / Path(image).name


def flip(path, at):
    data = bytearray(Path(path).read_bytes())
    data[at] ^= 0x10
    os.chmod(path, 0o600)
    Path(path).write_bytes(data)


def test_the_tools_of_others_accept_it(disk, ours):
    data = disk.read_bytes()
    assert len(ewf.segments(ours)) >= 2
    assert all(path.stat().st_size <= MIB and path.stat().st_mode & 0o777 == 0o400 for path in ewf.segments(ours))
    assert ewf.verifies(ours)
    assert ewf.content(ours) == data
    about = ewf.info(ours)
    assert about["MD5"] == ewf.md5(data) and about["SHA1"] == hashlib.sha1(data).hexdigest()
    assert about["Case number"] == "42" and about["Evidence number"] == "E-1" and about["Examiner name"] == "A. Itō"
    assert about["Notes"] == "a note with a tab" and about["Description"] == "warrant 7"
    assert about["Software version used"].startswith("kanshiki ") and about["Number of sectors"] == str(SIZE // 512)
    # The Sleuth Kit reads it through its own use of libewf.
    read = subprocess.run(["img_cat", "-i", "ewf", ours], check=True, capture_output=True).stdout
    assert read == data


def test_the_date_is_utc(disk, kanshiki, tmp_path):
    image = tmp_path / "disk.E01"
    kanshiki("acquire", disk, "-o", image, env={"TZ": "America/New_York"}).expect(0)
    started = json.loads(Path(f"{image}.manifest.json").read_text())["time"]["started"]
    _, at, size = next(section for section in ewf.sections(image) if section[0] == "header")
    import zlib
    row = zlib.decompress(image.read_bytes()[at + 76:at + size]).decode().split("\r\n")[3].split("\t")
    assert row[7] == " ".join(str(int(part)) for part in (started[:4], started[5:7], started[8:10], started[11:13], started[14:16], started[17:19]))


def test_the_manifest_binds_every_segment(disk, ours):
    manifest = json.loads(Path(f"{ours}.manifest.json").read_text())
    assert [(file["name"], file["size"], file["sha256"]) for file in manifest["files"] if file["role"] == "image"] == [
        (path.name, path.stat().st_size, hashlib.sha256(path.read_bytes()).hexdigest()) for path in ewf.segments(ours)]
    assert manifest["image"]["format"] == "e01" and manifest["image"]["digests"]["md5"] == ewf.md5(disk.read_bytes())
    subprocess.run(["sha256sum", "--check", "--strict", "--quiet", "disk.E01.sha256"], cwd=ours.parent, check=True)


def test_md5_is_always_there(disk, kanshiki, tmp_path):
    kanshiki("acquire", disk, "-o", tmp_path / "disk.E01", "--hash", "none").expect(0)
    assert ewf.info(tmp_path / "disk.E01")["MD5"] == ewf.md5(disk.read_bytes())


@pytest.mark.parametrize("size", [0, 512, 513, CHUNK - 1, CHUNK, CHUNK + 40_000])
def test_odd_sizes_from_a_pipe(kanshiki, tmp_path, size):
    """The size is known only at the end, and need not be whole sectors."""
    data = disk_bytes(CHUNK * 2, 5)[:size]
    image = tmp_path / "disk.E01"
    kanshiki("acquire", "-", "-o", image, stdin=data).expect(0)
    kanshiki("verify", image).expect(0)
    if size:
        assert ewf.content(image) == data and ewf.verifies(image)


def test_unreadable_sectors_are_in_its_error_table(kanshiki, bad_disk, disk, tmp_path):
    bad = bad_disk(disk, bad=[(2 * CHUNK + 512, 1024), (5 * MIB, 4096)])
    kanshiki("acquire", bad.path, "-o", tmp_path / "disk.E01").expect(4)
    text = subprocess.run(["ewfinfo", tmp_path / "disk.E01"], check=True, capture_output=True, text=True).stdout
    assert re.findall(r"at sector\(s\): (\d+) - \d+ number: (\d+)", text) == [("2049", "2"), ("10240", "8")], text
    done = kanshiki("verify", tmp_path / "disk.E01", "--json").expect(0)
    assert done.json["verdict"] == "consistent only" and any("error table lists 2 ranges" in note for note in done.json["notes"])
    assert "zeros at unreadable ranges" in done.json["checked"] and "md5 stored in the image" in done.json["checked"]


def test_it_goes_on_after_a_kill(kanshiki, start, bad_disk, tmp_path):
    disk = make_disk(tmp_path / "disk", 96 * MIB + 512, seed=3)
    slow = bad_disk(disk, delay=0.002)
    for name in ("disk.E01", "disk.001"):
        image = tmp_path / name
        options = ("--split", "16M", "--hash", "sha256,md5")
        run = start("acquire", slow.path, "-o", image, *options, "--progress", "json")
        run.wait_size(f"{image}.chunks", 80 * 32)
        run.signal(signal.SIGKILL)
        assert run.finish().code == -signal.SIGKILL
        partial = tmp_path / name.replace(".", ".partial.")
        assert partial.exists() and not image.exists()
        assert str(partial) in kanshiki("acquire", slow.path, "-o", image, *options).expect(2).stderr
        assert kanshiki("acquire", slow.path, "-o", image, *options, "--resume", "--json").expect(0).json["resumed_at"] >= 40 * MIB
        kanshiki("verify", image).expect(0)
        assert not list(tmp_path.glob("*.partial.*"))
    assert ewf.verifies(tmp_path / "disk.E01") and ewf.content(tmp_path / "disk.E01") == disk.read_bytes()
    pieces = sorted(tmp_path.glob("disk.0??"))
    assert len(pieces) == 7 and b"".join(path.read_bytes() for path in pieces) == disk.read_bytes()


def test_another_split_is_not_resumed(kanshiki, start, bad_disk, disk, tmp_path):
    slow = bad_disk(disk, delay=0.05)
    run = start("acquire", slow.path, "-o", tmp_path / "disk.001", "--split", "1M", "--progress", "json")
    run.wait_for(lambda: (tmp_path / "disk.partial.001").exists(), "a partial image")
    run.signal(signal.SIGKILL)
    run.finish()
    assert "another split" in kanshiki("acquire", slow.path, "-o", tmp_path / "disk.001", "--resume").expect(6).stderr


def test_force_takes_every_old_segment_away(disk, ours, kanshiki, tmp_path):
    image = copy(ours, tmp_path)
    kanshiki("acquire", disk, "-o", image, "--force").expect(0)
    assert ewf.segments(image) == [image]


def test_segments_of_another_image_are_not_overwritten(disk, kanshiki, tmp_path):
    (tmp_path / "disk.E02").write_bytes(b"somebody's evidence")
    done = kanshiki("acquire", disk, "-o", tmp_path / "disk.E01", "--split", "1M").expect(5)
    assert "disk.E02: exists" in done.stderr and (tmp_path / "disk.E02").read_bytes() == b"somebody's evidence"


def test_every_kind_of_byte_is_seen(ours, kanshiki, tmp_path):
    """One flipped byte in each kind of section, in the first and in the last segment."""
    image = copy(ours, tmp_path)
    kanshiki("verify", image).expect(0)
    for segment in (ewf.segments(image)[0], ewf.segments(image)[-1]):
        whole = segment.read_bytes()
        places = [(3, "file header")] + [(at + 40, f"{kind} descriptor") for kind, at, _ in ewf.sections(segment)] + \
                 [(at + 76 + (size - 76) // 2, kind) for kind, at, size in ewf.sections(segment) if size > 80]
        for at, what in places:
            flip(segment, at)
            done = kanshiki("verify", image, "--json").expect(10)
            assert any(damage["file"] in (segment.name, image.name) for damage in done.json["damage"]), (segment.name, what, done.stdout)
            located = [damage for damage in done.json["damage"] if damage["offset"] is not None]
            if what == "sectors":
                assert located and sum(damage["size"] for damage in located) <= CHUNK, (what, done.stdout)
            segment.write_bytes(whole)
    kanshiki("verify", image).expect(0)


def test_a_missing_segment_is_named(ours, kanshiki, tmp_path):
    image = copy(ours, tmp_path)
    ewf.segments(image)[1].unlink()
    done = kanshiki("verify", image, "--json").expect(10)
    assert any(damage["file"] == "disk.E02" for damage in done.json["damage"])
    assert any("missing" in damage["what"] and damage["offset"] for damage in done.json["damage"])


FOREIGN = [("-c", "none"), ("-c", "fast"), ("-c", "best"), ("-c", "empty-block"), ("-b", "16"), ("-b", "1024"), ("-f", "encase1"), ("-f", "encase2"),
           ("-f", "encase5"), ("-f", "encase7"), ("-f", "ftk"), ("-f", "linen6"), ("-d", "sha1")]


@pytest.mark.parametrize("options", FOREIGN, ids=" ".join)
def test_theirs_is_read_and_verified(disk, kanshiki, tmp_path, options):
    image = ewf.acquire(disk, tmp_path / "their.E01", *options)
    done = kanshiki("verify", image, "--json").expect(0)
    assert done.json["verdict"] == "consistent only" and "md5 stored in the image" in done.json["checked"]
    assert ("sha1 stored in the image" in done.json["checked"]) == ("sha1" in options)
    assert done.json["size"] == SIZE
    about = kanshiki("info", image).expect(0).stdout
    assert "case 7" in about and "B. Foreign" in about


def test_theirs_damaged_is_located(disk, kanshiki, tmp_path):
    image = ewf.acquire(disk, tmp_path / "their.E01")
    second = ewf.segments(image)[1]
    _, at, size = next(section for section in ewf.sections(second) if section[0] == "sectors")
    flip(second, at + size // 2)
    assert not ewf.verifies(image)
    done = kanshiki("verify", image, "--json").expect(10)
    (damage,) = [damage for damage in done.json["damage"] if damage["offset"] is not None]
    assert damage["size"] <= CHUNK and damage["file"] == "their.E01"


def test_a_foreign_hash_that_differs(disk, kanshiki, tmp_path):
    image = ewf.acquire(disk, tmp_path / "their.E01", "-S", "1G")
    _, at, _ = next(section for section in ewf.sections(image) if section[0] == "hash")
    data = bytearray(image.read_bytes())
    data[at + 76] ^= 1
    import zlib
    data[at + 76 + 32:at + 76 + 36] = zlib.adler32(bytes(data[at + 76:at + 76 + 32])).to_bytes(4, "little")
    image.write_bytes(data)
    assert "md5 stored in the image is not that of its content" in kanshiki("verify", image).expect(10).stdout


@pytest.mark.parametrize("name, content", [("no.E01", b""), ("no.E01", b"not an image at all" * 100), ("no.E01", b"EVF\x09\x0d\x0a\xff\x00\x01\x01\x00\x00\x00")])
def test_what_never_was_one(kanshiki, tmp_path, name, content):
    (tmp_path / name).write_bytes(content)
    done = kanshiki("verify", tmp_path / name).expect(11)
    assert name in done.stderr and done.stderr.count("\n") == 1


def test_triage_reads_theirs(kanshiki, tmp_path):
    disk = tmp_path / "disk"
    tree = tmp_path / "tree/etc"
    tree.mkdir(parents=True)
    (tree / "passwd").write_text("root:x:0:0:root:/root:/bin/bash\ntoor:x:0:0::/root:/bin/sh\n")
    subprocess.run(["mke2fs", "-q", "-t", "ext4", "-d", tree.parent, disk, "8M"], check=True, capture_output=True)
    for name in ("their.E01", "our.E01"):
        image = tmp_path / name
        ewf.acquire(disk, image) if name == "their.E01" else kanshiki("acquire", disk, "-o", image).expect(0)
        kanshiki("triage", image, "-o", tmp_path / f"{name}-triage").expect(0)
        assert "/etc/passwd" in (tmp_path / f"{name}-triage/listing.jsonl").read_text()
        names = subprocess.run(["fls", "-r", "-i", "ewf", image], check=True, capture_output=True, text=True).stdout
        assert "passwd" in names


def test_split_raw(disk, kanshiki, tmp_path):
    image = tmp_path / "disk.001"
    kanshiki("acquire", disk, "-o", image, "--split", "2M").expect(0)
    pieces = sorted(tmp_path.glob("disk.0??"))
    assert [path.stat().st_size for path in pieces] == [2 * MIB, 2 * MIB, 2 * MIB, 3 * 512]
    assert b"".join(path.read_bytes() for path in pieces) == disk.read_bytes()
    assert kanshiki("verify", image, "--json").expect(0).json["verdict"] == "consistent only"
    subprocess.run(["sha256sum", "--check", "--strict", "--quiet", "disk.001.sha256"], cwd=tmp_path, check=True)
    flip(pieces[1], 700_000)
    damage = kanshiki("verify", image, "--json").expect(10).json["damage"]
    assert [(one["offset"], one["size"]) for one in damage if one["offset"] is not None] == [((2 * MIB + 700_000) // CHUNK * CHUNK, CHUNK)]


def test_foreign_split_raw_from_000(disk, kanshiki, tmp_path):
    data = disk.read_bytes()
    for number in range(3):
        (tmp_path / f"x.{number:03}").write_bytes(data[number * 3 * MIB:(number + 1) * 3 * MIB])
    kanshiki("convert", tmp_path / "x.000", "-o", tmp_path / "x.img").expect(0)
    assert (tmp_path / "x.img").read_bytes() == data
