"""verify --source and --repair."""

import json
import shutil
from pathlib import Path

import pytest

from images import CHUNK, MIB, content, disk_bytes, leaves, make_disk, root

SIZE = 6 * MIB + 512


@pytest.fixture(scope="module", params=["disk.img", "disk.img.zst", "disk.E01"])
def made(request, tmp_path_factory):
    from rig import kanshiki
    folder = tmp_path_factory.mktemp("repair")
    kanshiki("acquire", make_disk(folder / "source", SIZE), "-o", folder / request.param, "--case", "7").expect(0)
    return folder / request.param


@pytest.fixture
def image(made, tmp_path):
    for file in made.parent.iterdir():
        shutil.copy(file, tmp_path)
        (tmp_path / file.name).chmod(0o600)
    return tmp_path / made.name


def damage(path, places):
    whole = bytearray(path.read_bytes())
    for at in places:
        whole[at] ^= 0x40
    path.write_bytes(whole)


def test_a_source_that_is_still_the_same(kanshiki, image):
    result = kanshiki("verify", image, "--source", image.parent / "source", "--json").expect(0).json
    assert result["source"]["same"] and result["source"]["size"] == SIZE and result["verdict"] == "consistent only"
    assert "is what was imaged" in kanshiki("verify", image, "--source", image.parent / "source").expect(0).stdout


def test_a_source_that_has_changed_is_no_damage(kanshiki, image):
    source = image.parent / "source"
    damage(source, [CHUNK + 7, 2 * CHUNK + 9, 5 * MIB])
    result = kanshiki("verify", image, "--source", source, "--json").expect(0).json
    assert result["source"]["differing"] == [{"offset": CHUNK, "size": 2 * CHUNK}, {"offset": 5 * MIB, "size": CHUNK}]
    assert not result["source"]["same"] and not result["damage"]
    source.write_bytes(source.read_bytes()[:4 * MIB])
    result = kanshiki("verify", image, "--source", source, "--json").expect(0).json
    assert result["source"]["missing_chunks"] == 5 and result["source"]["size"] == 4 * MIB


def test_what_is_damaged_is_fetched_again_and_nothing_else(kanshiki, image):
    source = image.parent / "source"
    size = image.stat().st_size
    damage(image, [size // 3, size // 2])
    before = image.read_bytes()
    damaged = {item["offset"] // CHUNK for item in kanshiki("verify", image, "--json", "--no-record").expect(10).json["damage"] if item["offset"] is not None}
    assert damaged
    # What is not damaged is not asked of the source: it may be anything there.
    spoiled = bytearray(source.read_bytes())
    for chunk in set(range(SIZE // CHUNK)) - {c for d in damaged for c in range(d, d + 3)}:
        spoiled[chunk * CHUNK + 1] ^= 1
    source.write_bytes(spoiled)
    new = image.parent / "new.img"
    result = kanshiki("verify", image, "--source", source, "--repair", "-o", new, "--json").expect(0).json
    expected = disk_bytes(SIZE)
    assert content(new) == expected and result["repaired"]["root"] == root(leaves(expected)).hex()
    assert image.read_bytes() == before, "the damaged image is not touched"
    manifest = json.loads(Path(f"{new}.manifest.json").read_text())
    assert manifest["derived_from"]["kind"] == "repair" and manifest["derived_from"]["replaced"] == result["repaired"]["replaced"]
    assert manifest["case"]["case"] == "7" and manifest["source"]["uri"].endswith("source")
    assert kanshiki("verify", new, "--json").expect(0).json["root"] == result["repaired"]["root"]
    acts = [json.loads(line) for line in Path(f"{image}.custody.jsonl").read_text().splitlines()]
    assert [act["event"] for act in acts] == ["start", "repair", "verify"]
    assert acts[1]["root"] == result["repaired"]["root"] and acts[2]["verdict"] == "altered"


def test_a_source_that_gives_something_else_is_not_taken(kanshiki, image):
    source = image.parent / "source"
    size = image.stat().st_size
    damage(image, [size // 2])
    source.write_bytes(bytes(byte ^ 1 for byte in source.read_bytes()))
    done = kanshiki("verify", image, "--source", source, "--repair", "-o", image.parent / "new.img").expect(10)
    assert "not repaired" in done.stderr and "chunk" in done.stderr and len(done.stderr.strip().splitlines()) == 1
    assert not list(image.parent.glob("new.img*"))


def test_an_image_cut_short_is_completed(kanshiki, image):
    image.write_bytes(image.read_bytes()[:image.stat().st_size * 2 // 3])
    new = image.parent / "new.img.zst"
    kanshiki("verify", image, "--source", image.parent / "source", "--repair", "-o", new).expect(0)
    assert content(new) == disk_bytes(SIZE)


def test_over_ssh(kanshiki, image, sshd):
    damage(image, [image.stat().st_size // 2])
    new = image.parent / "new.img"
    kanshiki("verify", image, "--source", sshd.url(image.parent / "source"), *sshd.options(), "--repair", "-o", new).expect(0)
    assert content(new) == disk_bytes(SIZE)


@pytest.mark.parametrize("arguments, words", [(["--repair", "-o", "new.img"], "--source"), (["--source", "source", "--repair"], "-o NEW"),
                                              (["--source", "source", "-o", "new.img"], "--repair"), (["--source", "-"], "standard input")])
def test_what_does_not_go_together(kanshiki, image, arguments, words):
    assert words in kanshiki("verify", image, *arguments, cwd=image.parent).expect(2).stderr
