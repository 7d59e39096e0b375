"""What is written is what docs/formats/*.schema.json say, and they refuse what is not."""

import copy
import json
from pathlib import Path

import jsonschema
import pytest
import rig

from images import CHUNK, MIB, make_disk

pytestmark = pytest.mark.full


def schema(name) -> jsonschema.Draft202012Validator:
    text = json.loads((rig.ROOT / f"docs/formats/{name}.schema.json").read_text())
    jsonschema.Draft202012Validator.check_schema(text)
    return jsonschema.Draft202012Validator(text)


def manifest(image) -> dict:
    return json.loads(Path(f"{image}.manifest.json").read_text())


def lines(path) -> list:
    return [json.loads(line) for line in Path(path).read_text().splitlines()]


def check(image):
    schema("manifest").validate(manifest(image))
    for line in lines(f"{image}.log.jsonl"):
        schema("log").validate(line)


@pytest.fixture
def disk(tmp_path):
    return make_disk(tmp_path / "disk", 3 * MIB + 512)


def test_plain_and_custody(kanshiki, disk, tmp_path):
    for name, digests in [("a.img", "sha256,md5,sha1,sha512"), ("b.img.zst", "none")]:
        kanshiki("acquire", disk, "-o", tmp_path / name, "--hash", digests, "--case", "\\ \udcff").expect(0)
        check(tmp_path / name)
    kanshiki("verify", tmp_path / "a.img").expect(0)
    kanshiki("transfer", tmp_path / "a.img", "--to", "B", "--why", "w").expect(0)
    for line in lines(tmp_path / "a.img.custody.jsonl"):
        schema("log").validate(line)


def test_unreadable_and_two_outputs(kanshiki, disk, tmp_path, bad_disk):
    bad = bad_disk(disk, bad=[(CHUNK - 512, 1024), (2 * MIB, 512)])
    kanshiki("acquire", bad.path, "-o", tmp_path / "a.img", "-o", tmp_path / "b.img.zst").expect(4)
    check(tmp_path / "a.img")
    check(tmp_path / "b.img.zst")


def test_segments_and_conversions(kanshiki, disk, tmp_path):
    kanshiki("acquire", disk, "-o", tmp_path / "a.E01", "--split", "1M").expect(0)
    kanshiki("convert", tmp_path / "a.E01", "-o", tmp_path / "b.img").expect(0)
    check(tmp_path / "a.E01")
    check(tmp_path / "b.img")
    whole = manifest(tmp_path / "b.img")
    for spoil in ({"kind": "copy"}, {"manifest_sha256": "00"}, {"replaced": [{"offset": -1, "size": 1}]}):
        with pytest.raises(jsonschema.ValidationError):
            schema("manifest").validate({**whole, "derived_from": {**whole["derived_from"], **spoil}})
    for line in lines(tmp_path / "a.E01.custody.jsonl"):
        schema("log").validate(line)


def test_live_resumed_and_over_ssh(kanshiki, tmp_path, sshd, loop_device, start):
    disk = make_disk(tmp_path / "large", 96 * MIB)
    loop_device(disk, read_only=False)
    kanshiki("acquire", disk, "-o", tmp_path / "live.img", "--allow-in-use").expect(0)
    assert manifest(tmp_path / "live.img")["live_because"]
    check(tmp_path / "live.img")
    run = start("acquire", sshd.url(disk), *sshd.options(), "-o", tmp_path / "far.img", "--allow-in-use", "--transport", "dd", "--limit-rate", "40M")
    run.wait_size(tmp_path / "far.img.chunks", 32)
    run.signal(15)
    assert run.finish().code == 130
    kanshiki("acquire", sshd.url(disk), *sshd.options(), "-o", tmp_path / "far.img", "--allow-in-use", "--transport", "dd", "--resume").expect(0)
    assert manifest(tmp_path / "far.img")["time"]["resumed_at"]
    check(tmp_path / "far.img")


def places(value, path=()):
    """Every place in a document: () itself, then what is in it."""
    yield path
    for key, inner in value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ():
        yield from places(inner, (*path, key))


def test_a_manifest_without_or_with_something_else_is_refused(kanshiki, disk, tmp_path, bad_disk):
    kanshiki("acquire", bad_disk(disk, bad=[(MIB, 512)]).path, "-o", tmp_path / "a.img").expect(4)
    whole, validator = manifest(tmp_path / "a.img"), schema("manifest")
    free = {("case",), ("source", "identity"), ("derived_from",)}
    for path in places(whole):
        if not path or path[:-1] in free or path in free:
            continue
        changed = copy.deepcopy(whole)
        inside = changed
        for key in path[:-1]:
            inside = inside[key]
        inside[path[-1]] = {"an": ["object"]}  # of the wrong type anywhere
        if isinstance(whole_at(whole, path), dict) and not whole_at(whole, path):
            continue
        assert not validator.is_valid(changed), f"{path} may be anything"
        if isinstance(path[-1], str) and path[:-1] != ("image", "digests"):
            del inside[path[-1]]
            assert not validator.is_valid(changed), f"{path} may be missing"


def whole_at(document, path):
    for key in path:
        document = document[key]
    return document


def test_a_line_without_or_with_something_else_is_refused(kanshiki, disk, tmp_path):
    kanshiki("acquire", disk, "-o", tmp_path / "a.img").expect(0)
    validator = schema("log")
    for line in lines(tmp_path / "a.img.log.jsonl"):
        for key in ("seq", "time", "event", "prev"):
            assert not validator.is_valid({**line, key: None})
            assert not validator.is_valid({name: value for name, value in line.items() if name != key})
