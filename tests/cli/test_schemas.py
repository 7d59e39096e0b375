"""docs/formats/*.schema.json: what acquire writes is valid and wholly described, and damaged evidence is not valid."""

import copy
import json
import os
import shutil
import signal

import pytest
import rig
from jsonschema import Draft202012Validator

from images import CHUNK, MIB, make_disk

pytestmark = pytest.mark.full

SCHEMAS = {name: json.loads((rig.ROOT / f"docs/formats/{name}.schema.json").read_text()) for name in ("manifest", "log")}
BAD = [(2 * CHUNK + 512, 1024), (5 * MIB, 4096)]
TOLD = {"notice", "command", "footprint", "login", "retry", "reconnect", "detail"}  # what sources say: message and texts of their own


def plain(folder, disk):
    rig.kanshiki("acquire", disk, "-o", folder / "disk.img", "--hash", "sha256,md5,sha1,sha512", "--case", "42", "--verify").expect(0)


def no_digests(folder, disk):
    rig.kanshiki("acquire", disk, "-o", folder / "disk.img.zst", "--hash", "none").expect(0)


def not_utf8(folder, disk):
    rig.kanshiki("acquire", disk, "-o", folder / "disk.img", "--note", os.fsdecode(b"caf\xe9 \\ \x1b[2J")).expect(0)


def too_long_for_a_line(folder, disk):
    """Each byte takes five in the log, so the arguments do not fit a line."""
    words = [word for name in ("case", "evidence", "examiner", "authority", "note") for word in (f"--{name}", os.fsdecode(b"\xff" * 65000))]
    rig.kanshiki("acquire", disk, "-o", folder / "disk.img", *words).expect(0)


def unreadable(folder, disk):
    with rig.BadDisk(disk, bad=BAD) as bad:
        rig.kanshiki("acquire", bad.path, "-o", folder / "disk.img").expect(4)


def live(folder, disk):
    with rig.LoopDevice(disk, read_only=False):
        rig.kanshiki("acquire", disk, "-o", folder / "disk.img", "--allow-in-use").expect(0)


def stopped_and_resumed(folder, disk):
    large, image = make_disk(folder / "large", 48 * MIB), folder / "disk.img.zst"
    with rig.BadDisk(large, bad=BAD) as bad:
        with rig.Running("acquire", bad.path, "-o", image, "--progress", "json", "--limit-rate", "8M") as run:
            run.wait_progress(8 * MIB)
            run.signal(signal.SIGTERM)
            assert run.finish().code == 130
        with open(f"{image}.log.jsonl", "ab") as log:  # what a kill in mid-write leaves
            log.write(b'{"seq": 9')
        rig.kanshiki("acquire", bad.path, "-o", image, "--resume").expect(4)


def over_ssh(folder, disk):
    for transport in ("agent", "dd"):
        with rig.Sshd() as sshd, rig.BadDisk(disk, bad=BAD) as bad:
            rig.kanshiki("acquire", sshd.url(bad.path), "-o", folder / transport / "disk.img", "--transport", transport, *sshd.options()).expect(4)


def two_outputs(folder, disk):
    rig.kanshiki("acquire", disk, "-o", folder / "a/disk.img", "-o", folder / "b/disk.img.zst").expect(0)


def converted(folder, disk):
    """Through images of several files each: E01, split raw."""
    rig.kanshiki("acquire", disk, "-o", folder / "a.E01", "--split", "2M").expect(0)
    rig.kanshiki("convert", folder / "a.E01", "-o", folder / "b.001", "--split", "2M").expect(0)
    (folder / "foreign").mkdir()  # without the companions it could be anyone's
    for segment in folder.glob("a.E??"):
        shutil.copy(segment, folder / "foreign")
    rig.kanshiki("convert", folder / "foreign/a.E01", "-o", folder / "c.img").expect(0)


def standard_input(folder, disk):
    with disk.open("rb") as file:
        rig.kanshiki("acquire", "-", "-o", folder / "disk.img", stdin=file).expect(0)


# Each run, and events that its log must have: so what the schema says of them is put to the test.
RUNS = {plain: {"start", "detail", "complete"}, no_digests: set(), not_utf8: set(), too_long_for_a_line: {"start"}, unreadable: {"unreadable"}, live: {"notice", "read_times"},
        stopped_and_resumed: {"stopped", "torn line cut off", "resumed"}, over_ssh: {"login", "command", "footprint", "retry"},
        two_outputs: set(), converted: set(), standard_input: set()}
DESCRIBED = TOLD | {case["if"]["properties"]["event"].get("const") for case in SCHEMAS["log"]["allOf"] if "event" in case["if"]["properties"]}


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    """written(run) → the manifests and the log lines of that run, which happens once."""
    disk, made = make_disk(tmp_path_factory.mktemp("source") / "disk", 6 * MIB + 512), {}

    def of(run):
        if run not in made:
            folder = tmp_path_factory.mktemp(run.__name__)
            run(folder, disk)
            made[run] = {"manifest": [json.loads(path.read_text()) for path in sorted(folder.rglob("*.manifest.json"))],
                         "log": [json.loads(line) for path in sorted(folder.rglob("*.log.jsonl")) for line in path.read_text().splitlines()]}
        return made[run]

    return of


def validator(name, closed=False):
    """Closed: no key beyond those described. Readers skip such keys, but we must write none that no one told of."""
    schema = copy.deepcopy(SCHEMAS[name])
    if closed and name == "manifest":
        close(schema)
    elif closed:
        schema["unevaluatedProperties"] = False
    return Draft202012Validator(schema)


def close(schema):
    if schema.get("type") == "object" and "properties" in schema:
        schema["additionalProperties"] = False
    for key in ("properties", "$defs"):
        for inner in schema.get(key, {}).values():
            close(inner)
    for inner in [schema["items"]] if "items" in schema else schema.get("oneOf", []):
        close(inner)


def places(value, path=()):
    """The path of every key and item in it; of long lists the first items'."""
    items = value.items() if isinstance(value, dict) else enumerate(value[:3]) if isinstance(value, list) else ()
    for key, item in items:
        yield (*path, key)
        yield from places(item, (*path, key))


def at(document, path):
    for key in path:
        document = document[key]
    return document


def without(document, path):
    out = copy.deepcopy(document)
    del at(out, path[:-1])[path[-1]]
    return out


def replaced(document, path, value):
    out = copy.deepcopy(document)
    at(out, path[:-1])[path[-1]] = value
    return out


def one_of_each(documents):
    """Of the log one line of each event with these fields; of manifests all."""
    return {(line.get("event"), *line): line for line in documents}.values() if "seq" in documents[0] else documents


def must_be_there(name, document, path) -> bool:
    """By the text of manifest.md and log.md, not by the schema."""
    if name == "manifest":
        return isinstance(path[-1], str) and path[:2] not in (("source", "identity"), ("image", "digests")) or path[2:] == ()
    return len(path) == 1 and path[0] != "compared" and (document["event"] not in TOLD or path[0] in ("seq", "time", "event", "message", "prev"))


@pytest.mark.parametrize("name", SCHEMAS)
def test_the_schema_is_one(name):
    Draft202012Validator.check_schema(SCHEMAS[name])


@pytest.mark.parametrize("name", SCHEMAS)
@pytest.mark.parametrize("run", RUNS, ids=lambda run: run.__name__)
def test_what_acquire_writes_is_valid_and_described(written, run, name):
    documents = written(run)[name]
    assert documents
    for closed in (False, True):
        schema = validator(name, closed)
        for document in documents:
            if closed and document.get("event") in TOLD:  # their keys are the sources' own
                continue
            for error in schema.iter_errors(document):
                pytest.fail(f"{'/'.join(map(str, error.absolute_path))}: {error.message[:2000]}")
    if name == "log":
        events = {line["event"] for line in documents}
        assert RUNS[run] <= events <= DESCRIBED, events


@pytest.mark.parametrize("name", SCHEMAS)
@pytest.mark.parametrize("run", RUNS, ids=lambda run: run.__name__)
def test_each_key_taken_out_is_missed(written, run, name):
    schema, tried = validator(name), 0
    for document in one_of_each(written(run)[name]):
        for path in places(document):
            if isinstance(path[-1], str) and must_be_there(name, document, path):
                assert not schema.is_valid(without(document, path)), path
                tried += 1
    assert tried > (60 if name == "manifest" else 10)


@pytest.mark.parametrize("name", SCHEMAS)
@pytest.mark.parametrize("run", RUNS, ids=lambda run: run.__name__)
def test_each_value_of_another_type_is_refused(written, run, name):
    schema = validator(name)
    for document in one_of_each(written(run)[name]):
        for path in places(document):
            for other in ("text", 7, 1.5, True, [], {}):  # null has its place here and there
                if type(other) is not type(at(document, path)):
                    assert not schema.is_valid(replaced(document, path, other)), (path, other)


ROLES = [("chunks", "map", "log"), ("image", "map", "log"), ("image", "chunks", "log"), ("image", "chunks", "map"),
         ("image", "chunks", "map", "map", "log")]
WRONG = {
    "manifest": [(("format",), "another manifest"), (("version",), 2), (("image", "format"), "tar"), (("image", "size"), -1), (("image", "size"), 1 << 63),
                 (("image", "chunk_size"), 4096), (("image", "root"), "A" * 64), (("image", "root"), "a" * 63), (("image", "root"), "a" * 64 + "\n"),
                 (("image", "digests", "sha256"), "a" * 40), (("image", "digests", "crc32"), "a" * 8), (("consistency",), "live"), (("live_because",), "someone"),
                 (("consistency",), "live (not point in time)"), (("unreadable", "listed_ranges", 0, "size"), 0), (("unreadable", "listed_ranges", 0, "errno"), 4096),
                 (("unreadable", "listed_chunks", 0), -1), (("source", "partition_table_sha256"), ""), (("source", "logical_sector"), 1 << 32), (("source", "physical_sector"), 1 << 32),
                 (("source", "identity"), {"model": 7}), (("time", "resumed_at"), [-1]),
                 (("time", "started"), "2026-11-23T05:52:11Z"), (("time", "ended"), "2026-11-23 05:52:11.123456Z"), (("host", "clock"), "right"), (("log", "head"), "0"),
                 (("files", 0, "name"), "../disk.img"), (("files", 0, "name"), ".."), (("files", 0, "name"), ""), (("files", 0, "name"), "a\0b"),
                 (("files", 0, "role"), "other"), (("files", 1, "role"), "map"), (("files", 0, "role"), "log"), (("files",), []),
                 *[(("files",), [{"role": role, "name": role, "size": 0, "sha256": None} for role in roles]) for roles in ROLES],
                 (("derived_from",), {"kind": "copy", "image": "a.img", "manifest_sha256": None, "replaced": []}),
                 (("derived_from",), {"kind": "repair", "image": "a/b", "manifest_sha256": None, "replaced": []}),
                 (("derived_from",), {"kind": "repair", "image": "a.img", "manifest_sha256": None, "replaced": [{"offset": 0, "size": 0}]})],
    "start": [(("prev",), "1" * 64), (("seq",), 1), (("seq",), -1), (("time",), "2026-11-23T05:52:11.123Z"), (("hash", 0), "sha3"), (("chunk_size",), 4096),
              (("source_size",), "-1"), (("partition_table_sha256",), "0"), (("fields_left_out",), 7), (("fields_sha256",), "a" * 64)],
    "unreadable": [(("size",), 0), (("offset",), -1), (("prev",), "0" * 64), (("prev",), "A" * 64), (("seq",), 0)],
    "complete": [(("root",), "a" * 63), (("unreadable_ranges",), -1), (("event",), "")],
}


@pytest.mark.parametrize("what, path, value", [(what, *case) for what, cases in WRONG.items() for case in cases])
def test_values_that_cannot_be_are_refused(written, what, path, value):
    name = "manifest" if what == "manifest" else "log"
    document = next(line for line in written(unreadable)[name] if what in ("manifest", line.get("event")))
    assert validator(name).is_valid(document) and not validator(name).is_valid(replaced(document, path, value))


@pytest.mark.parametrize("event", sorted(event for event in DESCRIBED if event))
def test_an_entry_too_long_for_a_line_is_described(written, event):
    [line] = [line for line in written(too_long_for_a_line)["log"] if "fields_left_out" in line]
    seq, prev = (0, "0" * 64) if event == "start" else (1, "a" * 64)
    document = line | {"event": event, "seq": seq, "prev": prev}
    assert validator("log", closed=True).is_valid(document)
    for key in document:
        assert not validator("log").is_valid(without(document, (key,))), key


@pytest.mark.parametrize("key", ["kind", "image", "manifest_sha256", "replaced"])
def test_what_an_image_was_made_from_is_told_in_full(written, key):
    derived = {"kind": "convert", "image": "disk.img", "manifest_sha256": None, "replaced": []}
    document = written(plain)["manifest"][0] | {"derived_from": derived}
    assert not validator("manifest").is_valid(without(document, ("derived_from", key)))


@pytest.mark.parametrize("derived", [None, {"kind": "convert", "image": "disk.img", "manifest_sha256": None, "replaced": []},
                                     {"kind": "repair", "image": "disk.img", "manifest_sha256": "a" * 64, "replaced": [{"offset": 524288, "size": 524288}]}])
def test_an_image_made_from_another_is_described(written, derived):
    document = written(plain)["manifest"][0] | {"derived_from": derived}
    assert validator("manifest", closed=True).is_valid(document)
