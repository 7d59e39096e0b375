"""kanshiki verify: what it says, where it says it, and with which exit code."""

import json
import os
import shutil
import subprocess
from pathlib import Path

import pytest

from images import CHUNK, MIB, content, make_disk

SIZE = 6 * MIB + 3 * 512
COMPANIONS = [".manifest.json", ".chunks", ".map", ".log.jsonl", ".sha256"]
FORMATS = ["disk.img", "disk.img.zst"]


@pytest.fixture(scope="module", params=FORMATS)
def evidence(request, tmp_path_factory):
    """A finished image with all its companions; tests work on copies."""
    from rig import kanshiki
    folder = tmp_path_factory.mktemp("evidence")
    disk = make_disk(folder / "disk", SIZE)
    kanshiki("acquire", disk, "-o", folder / request.param, "--hash", "sha256,sha1", "--case", "42").expect(0)
    disk.unlink()
    return folder / request.param


@pytest.fixture
def image(evidence, tmp_path):
    for file in evidence.parent.iterdir():
        (tmp_path / file.name).write_bytes(file.read_bytes())
    return tmp_path / evidence.name


def companion(image, suffix) -> Path:
    return Path(f"{image}{suffix}")


def root_of(image) -> str:
    return json.loads(companion(image, ".manifest.json").read_text())["image"]["root"]


def flip(path, offset, bit=0):
    with open(path, "r+b") as file:
        file.seek(offset)
        byte = file.read(1)[0]
        file.seek(offset)
        file.write(bytes([byte ^ 1 << bit]))


def frames(image) -> list:
    """(offset, size) of each frame, from the seek table at the end."""
    data = image.read_bytes()
    count = int.from_bytes(data[-9:-5], "little")
    table, at, out = data[-9 - 8 * count:-9], 0, []
    for number in range(count):
        size = int.from_bytes(table[8 * number:8 * number + 4], "little")
        out.append((at, size))
        at += size
    return out


def bytes_of_chunk(image, chunk) -> tuple:
    return frames(image)[chunk] if image.name.endswith(".zst") else (chunk * CHUNK, CHUNK)


def test_whole_evidence_is_consistent_and_with_its_root_authentic(kanshiki, image):
    plain = kanshiki("verify", image, "--json").expect(0).json
    assert plain["verdict"] == "consistent only" and plain["exit"] == 0 and plain["damage"] == [] and plain["not_checked"] == []
    assert plain["root"] == root_of(image) and plain["size"] == SIZE and plain["image"] == str(image)
    assert {"size", "13 leaves", "root", "sha256 of the image", "sha1 of the image", "SHA-256 of the image file", "map",
            "log chain and head", "checksum list"} <= set(plain["checked"])
    known = kanshiki("verify", image, "--expect-root", root_of(image).upper(), "--json").expect(0).json
    assert known["verdict"] == "authentic"


def test_words_for_a_person(kanshiki, image):
    lines = kanshiki("verify", image).expect(0).stdout.splitlines()
    assert "verdict      consistent only" in lines
    assert lines[0].split() == ["image", str(image)]
    assert any("--expect-root" in line for line in lines[-2:]), "says how to make it authentic"
    assert "verdict      authentic" == kanshiki("verify", image, "--expect-root", root_of(image)).expect(0).stdout.splitlines()[-1]
    assert kanshiki("verify", image, "--quiet").expect(0).stdout == ""


def test_another_root_is_altered_and_no_root_is_usage(kanshiki, image):
    other = kanshiki("verify", image, "--expect-root", "ab" * 32, "--json").expect(10).json
    assert other["verdict"] == "altered" and other["damage"][0]["what"].startswith("its root is not the one expected")
    for wrong in ("", "abcd", "zz" * 32, "ab" * 33):
        assert "64 hex digits" in kanshiki("verify", image, "--expect-root", wrong).expect(2).stderr


@pytest.mark.parametrize("chunk", [0, 5, 11])
def test_a_flipped_byte_is_placed_in_its_chunk(kanshiki, image, chunk):
    offset, size = bytes_of_chunk(image, chunk)
    flip(image, offset + size // 2, bit=3)
    result = kanshiki("verify", image, "--json").expect(10).json
    assert result["verdict"] == "altered"
    if image.name.endswith(".zst") and result["damage"][0]["offset"] is None:
        pytest.fail(f"the chunk is not said: {result['damage']}")
    assert [(one["file"], one["offset"], one["size"]) for one in result["damage"]] == [(image.name, chunk * CHUNK, CHUNK)]
    text = kanshiki("verify", image).expect(10).stdout
    assert f"bytes {chunk * CHUNK} to {(chunk + 1) * CHUNK - 1} (chunk {chunk})" in text
    assert text.splitlines()[-1] == "verdict      altered"


def test_many_flipped_bytes_are_merged_ranges(kanshiki, image):
    for chunk in (1, 2, 3, 8):
        offset, size = bytes_of_chunk(image, chunk)
        for at in range(offset + 20, offset + size, max(1, size // 50)):
            flip(image, at, bit=at % 8)
    damage = kanshiki("verify", image, "--json").expect(10).json["damage"]
    covered = {chunk for one in damage for chunk in range(one["offset"] // CHUNK, (one["offset"] + one["size"]) // CHUNK)}
    assert covered == {1, 2, 3, 8}
    assert [one["offset"] for one in damage] == sorted(one["offset"] for one in damage)
    if not image.name.endswith(".zst"):
        assert [(one["offset"], one["size"]) for one in damage] == [(CHUNK, 3 * CHUNK), (8 * CHUNK, CHUNK)]


def leaf_paths(value, path=()):
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from leaf_paths(inner, path + (key,))
    elif isinstance(value, list):
        for index, inner in enumerate(value):
            yield from leaf_paths(inner, path + (index,))
    else:
        yield path


def changed(value):
    if value is None:
        return "x"
    if isinstance(value, str):
        return (chr(ord(value[0]) ^ 1) if value else "x") + value[1:]
    return value + 1


def test_every_field_of_the_manifest_is_guarded(kanshiki, image):
    path = companion(image, ".manifest.json")
    whole = path.read_text()
    fields = list(leaf_paths(json.loads(whole)))
    assert len(fields) > 45
    for field in fields:
        manifest = json.loads(whole)
        inside = manifest
        for key in field[:-1]:
            inside = inside[key]
        inside[field[-1]] = changed(inside[field[-1]])
        path.write_text(json.dumps(manifest))
        done = kanshiki("verify", image, "--json")
        assert done.code == 10, f"{field}: {done.stdout}{done.stderr}"
        assert path.name in {one["file"] for one in done.json["damage"]}, field
    path.write_text(whole)
    kanshiki("verify", image).expect(0)


@pytest.mark.parametrize("suffix", COMPANIONS)
def test_a_flipped_byte_in_a_companion_names_it(kanshiki, image, suffix):
    path = companion(image, suffix)
    whole = path.read_bytes()
    for offset in range(0, len(whole), max(1, len(whole) // 12)):
        flip(path, offset, bit=offset % 8)
        done = kanshiki("verify", image, "--json").expect(10).json
        assert any(path.name in one["file"] + one["what"] for one in done["damage"]), (offset, done["damage"])
        assert done["root"] == root_of(image) if suffix != ".manifest.json" else True
        path.write_bytes(whole)


@pytest.mark.parametrize("suffix", COMPANIONS)
def test_a_companion_cut_short_is_altered(kanshiki, image, suffix):
    path = companion(image, suffix)
    size = path.stat().st_size
    for left in (0, 1, size // 2, size - 1):
        path.write_bytes(path.read_bytes()[:left])
        assert path.name in {one["file"] for one in kanshiki("verify", image, "--json").expect(10).json["damage"]}, left


def test_an_image_cut_short_is_damaged_from_there(kanshiki, image):
    if image.name.endswith(".zst"):
        start, size = frames(image)[7]
        os.truncate(image, start + size // 2)
        expected = (7 * CHUNK, SIZE - 7 * CHUNK)
    else:
        os.truncate(image, 7 * CHUNK + 1000)
        expected = (7 * CHUNK + 1000, SIZE - 7 * CHUNK - 1000)
    damage = kanshiki("verify", image, "--json").expect(10).json["damage"]
    assert expected in [(one["offset"], one["size"]) for one in damage], damage
    assert not any(one["offset"] is not None and one["offset"] < 7 * CHUNK for one in damage), "what is before it is whole"


def test_what_is_missing_and_could_not_be_checked_is_said(kanshiki, image):
    for suffix in COMPANIONS:
        path = companion(image, suffix)
        kept = path.read_bytes()
        path.unlink()
        result = kanshiki("verify", image, "--json").expect(0).json
        assert any(path.name in one["why"] for one in result["not_checked"]), suffix
        assert f"{path.name} is missing" in kanshiki("verify", image).expect(0).stdout
        path.write_bytes(kept)
    # Manifest alone, chunk list alone: each still finds damage.
    offset, size = bytes_of_chunk(image, 5)
    for kept in (".manifest.json", ".chunks"):
        alone = image.parent / f"alone{kept}"
        alone.mkdir()
        shutil.copy(companion(image, kept), alone)
        shutil.copy(image, alone)
        kanshiki("verify", alone / image.name).expect(0)
        flip(alone / image.name, offset + size // 2)
        assert kanshiki("verify", alone / image.name, "--json").expect(10).json["damage"][0]["file"] == image.name


def test_without_companions_only_a_known_root_says_anything(kanshiki, image, tmp_path):
    root = root_of(image)
    for suffix in COMPANIONS:
        companion(image, suffix).unlink()
    assert "nothing to verify it with" in kanshiki("verify", image).expect(11).stderr
    assert kanshiki("verify", image, "--expect-root", root, "--json").expect(0).json["verdict"] == "authentic"
    offset, size = bytes_of_chunk(image, 5)
    flip(image, offset + size // 2)
    kanshiki("verify", image, "--expect-root", root).expect(10)


HOSTILE = {
    "wrong types": ('{"format": "kanshiki manifest", "version": []}', 10),
    "brackets": ("[" * (20 << 20), 11),
    "not json": ("hello", 11),
    "floats": ('{"format": "kanshiki manifest", "version": 1.0}', 10),
    "empty": ("", 11),
}


@pytest.mark.parametrize("kind", HOSTILE)
def test_a_hostile_manifest_alone_gives_one_line(kanshiki, image, kind):
    text, code = HOSTILE[kind]
    for suffix in COMPANIONS:
        companion(image, suffix).unlink()
    companion(image, ".manifest.json").write_text(text)
    done = kanshiki("verify", image, "--progress", "none").expect(code)
    if code == 11:
        assert len(done.stderr.splitlines()) == 1 and "manifest.json" in done.stderr


def test_a_gibibyte_of_brackets_is_refused_at_once(kanshiki, image):
    path = companion(image, ".manifest.json")
    path.write_bytes(b"")
    os.truncate(path, 1 << 30)  # size is looked at before a byte is read
    done = kanshiki("verify", image, "--json", wrapper=["prlimit", "--as=2000000000"] if "asan" not in os.environ.get("KANSHIKI", "") else []).expect(10)
    assert any("1073741824 bytes" in one["what"] for one in done.json["damage"])


def test_what_is_no_evidence_is_told_apart(kanshiki, tmp_path):
    (tmp_path / "x.txt").write_text("x")
    assert "must end in one of" in kanshiki("verify", tmp_path / "x.txt").expect(11).stderr
    assert "no such file" in kanshiki("verify", tmp_path / "none.img").expect(2).stderr
    (tmp_path / "folder.img").mkdir()
    kanshiki("verify", tmp_path / "folder.img").expect(6)
    (tmp_path / "half.img.partial").write_bytes(b"x")
    assert "--resume" in kanshiki("verify", tmp_path / "half.img").expect(3).stderr
    kanshiki("verify").expect(2)


def test_unreadable_ranges_must_be_zeros_and_are_told(kanshiki, bad_disk, tmp_path):
    disk = make_disk(tmp_path / "disk", SIZE)
    kanshiki("acquire", bad_disk(disk, bad=[(MIB + 512, 512), (3 * MIB, 4096)]).path, "-o", tmp_path / "disk.img").expect(4)
    result = kanshiki("verify", tmp_path / "disk.img", "--json").expect(0).json
    assert "zeros at unreadable ranges" in result["checked"]
    assert "4608 bytes in 2 ranges" in kanshiki("verify", tmp_path / "disk.img").expect(0).stdout
    os.chmod(tmp_path / "disk.img", 0o600)
    flip(tmp_path / "disk.img", 3 * MIB + 5)
    result = kanshiki("verify", tmp_path / "disk.img", "--json").expect(10).json
    assert (3 * MIB, 4096) in [(one["offset"], one["size"]) for one in result["damage"]]


def test_the_log_is_chained(kanshiki, image):
    path = companion(image, ".log.jsonl")
    lines = path.read_text().splitlines(keepends=True)
    path.write_text("".join(lines[1:]))
    assert "line 1" in kanshiki("verify", image).expect(10).stdout
    path.write_text("".join(lines[:-1]))
    assert path.name in kanshiki("verify", image).expect(10).stdout
    # Without the other files the chain still shows a change before the last line.
    for suffix in (".manifest.json", ".sha256"):
        companion(image, suffix).unlink()
    path.write_text("".join(lines).replace('"start"', '"Start"'))
    damage = kanshiki("verify", image, "--json").expect(10).json["damage"]
    assert damage[0]["file"] == path.name and damage[0]["what"].startswith("line 2: prev is not the SHA-256")


def test_names_from_outside_do_not_reach_the_terminal(kanshiki, image):
    path = companion(image, ".sha256")
    path.write_text(path.read_text() + "a" * 64 + "  \x1b[31mred\n")
    done = kanshiki("verify", image).expect(10)
    assert "\x1b" not in done.stdout and "\\x1b" in done.stdout


def test_odd_image_names(kanshiki, tmp_path):
    disk = make_disk(tmp_path / "disk", MIB)
    for name in ("with space.img", "back\\slash.img", "new\nline.img.zst", "bad\udcff.img"):
        kanshiki("acquire", disk, "-o", tmp_path / name, "--progress", "none").expect(0)
        result = kanshiki("verify", tmp_path / name, "--json").expect(0).json
        assert result["not_checked"] == [] and result["notes"] == [], name
        subprocess.run(["sha256sum", "--check", "--strict", "--quiet", f"{name}.sha256"], cwd=tmp_path, check=True)
