"""The custody log, transfer and log."""

import hashlib
import json
import shutil
import subprocess
import threading
from pathlib import Path

import jsonschema
import pytest
import rig

from images import MIB, make_disk
from test_seal import make_key


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    from rig import BadDisk, kanshiki
    folder = tmp_path_factory.mktemp("custody")
    disk = make_disk(folder / "source", 2 * MIB + 512)
    with BadDisk(disk, bad=[(MIB, 512)]) as bad:
        kanshiki("acquire", bad.path, "-o", folder / "disk.img", "--case", "<b>7</b>", "--examiner", "A. \x1b[31mIto").expect(4)
    kanshiki("verify", folder / "disk.img").expect(0)
    kanshiki("transfer", folder / "disk.img", "--to", "B. Sato", "--why", "<script>alert(1)</script>", "--where", "safe 3").expect(0)
    kanshiki("transfer", folder / "disk.img", "--received", "--from", "A. Ito", "--to", "B. Sato", "--why", "analysis").expect(0)
    kanshiki("verify", folder / "disk.img").expect(0)
    return folder


@pytest.fixture
def image(made, tmp_path):
    for file in made.iterdir():
        shutil.copy(file, tmp_path)
        (tmp_path / file.name).chmod(0o600)
    return tmp_path / "disk.img"


def lines(image) -> list:
    return Path(f"{image}.custody.jsonl").read_bytes().splitlines()


def acts(image) -> list:
    return [json.loads(line) for line in lines(image)]


def verify(kanshiki, image, *more, code=0):
    return kanshiki("verify", image, "--json", "--no-record", *more).expect(code).json


def test_each_act_says_who_what_when_and_what_it_was(image):
    manifest = Path(f"{image}.manifest.json").read_bytes()
    start, first, gave, got, last = acts(image)
    sha256 = subprocess.run(["sha256sum"], input=manifest, capture_output=True, check=True, text=False).stdout.split()[0].decode()
    assert start["event"] == "start" and start["manifest_sha256"] == sha256
    assert (first["event"], first["verdict"], first["user"]) == ("verify", "consistent only", "root (uid 0)")
    assert (gave["event"], gave["to"], gave["where"]) == ("transfer", "B. Sato", "safe 3")
    assert (got["event"], got["from"], got["manifest_sha256"]) == ("received", "A. Ito", sha256)
    assert gave["root"] == got["root"] == json.loads(manifest)["image"]["root"]
    assert last["event"] == "verify" and last["host"] and last["tool"].startswith("kanshiki ")


@pytest.mark.parametrize("change, words", [
    (lambda kept: [kept[0], kept[1].replace(b"consistent only", b"consistent onlx"), *kept[2:]], "line 3"),
    (lambda kept: [*kept[:2], *kept[3:]], "line 3"),
    (lambda kept: [kept[0], kept[2], kept[1], *kept[3:]], "line 2"),
    (lambda kept: kept[1:], "line 1"),
    (lambda kept: [*kept, kept[-1]], "line 6")], ids=["edited", "dropped", "reordered", "head gone", "repeated"])
def test_a_changed_log_is_altered(kanshiki, image, change, words):
    Path(f"{image}.custody.jsonl").write_bytes(b"".join(line + b"\n" for line in change(lines(image))))
    result = verify(kanshiki, image, code=10)
    assert [damage["file"] for damage in result["damage"]] == ["disk.img.custody.jsonl"]
    assert words in result["damage"][0]["what"]
    kanshiki("verify", image).expect(10)
    assert len(lines(image)) != 7, "nothing is added behind a break"
    assert "PROBLEM" in kanshiki("log", image).expect(10).stdout


def test_a_log_of_another_image_is_altered(kanshiki, image):
    manifest = Path(f"{image}.manifest.json")
    manifest.write_bytes(manifest.read_bytes().replace(b"safe", b"safe"))
    other = image.parent / "other.img"
    kanshiki("acquire", image.parent / "source", "-o", other).expect(0)
    shutil.copy(f"{image}.custody.jsonl", f"{other}.custody.jsonl")
    assert "manifest" in verify(kanshiki, other, code=10)["damage"][0]["what"]


def test_lines_cut_off_are_missed_up_to_the_sealed_one(kanshiki, image, tmp_path):
    private, public = make_key(tmp_path)
    unsealed = verify(kanshiki, image)
    assert any("beyond entry 0" in one["why"] for one in unsealed["not_checked"])
    kanshiki("seal", image, "--custody", "--sign", private).expect(0)
    result = verify(kanshiki, image, "--trust-key", public)
    assert not any("custody" in one["what"] for one in result["not_checked"])
    kanshiki("verify", image).expect(0)
    result = verify(kanshiki, image, "--trust-key", public)
    assert any("beyond entry 6" in one["why"] for one in result["not_checked"])
    kept = lines(image)
    Path(f"{image}.custody.jsonl").write_bytes(b"".join(line + b"\n" for line in kept[:-1]))
    assert verify(kanshiki, image)["verdict"] == "consistent only", "beyond the seal it cannot be seen"
    Path(f"{image}.custody.jsonl").write_bytes(b"".join(line + b"\n" for line in kept[:-2]))
    assert "cut off" in verify(kanshiki, image, code=10)["damage"][0]["what"]
    Path(f"{image}.custody.jsonl").unlink()
    assert "missing" in verify(kanshiki, image, code=10)["damage"][0]["what"]


def test_the_sealed_head_itself_is_checked(kanshiki, image, tmp_path):
    private, public = make_key(tmp_path)
    kanshiki("seal", image, "--custody", "--sign", private).expect(0)
    head = Path(f"{image}.custody.head")
    head.chmod(0o600)
    whole = head.read_text()
    for old, new in [("entries 6", "entries 5"), ("head ", "haed "), ("manifest ", "manifest 0")]:
        head.write_text(whole.replace(old, new))
        assert verify(kanshiki, image, code=10)["damage"][0]["file"].startswith("disk.img.custody"), old
    subprocess.run(["openssl", "pkeyutl", "-verify", "-pubin", "-inkey", public, "-rawin", "-in", "/dev/stdin", "-sigfile", f"{head}.sig"],
                   input=whole.encode(), capture_output=True, check=False)
    head.write_text(whole)
    subprocess.run(["openssl", "pkeyutl", "-verify", "-pubin", "-inkey", public, "-rawin", "-in", head, "-sigfile", f"{head}.sig"],
                   capture_output=True, check=True)


def test_altered_evidence_is_not_handed_over(kanshiki, image):
    with open(image, "r+b") as file:
        file.write(b"x")
    done = kanshiki("transfer", image, "--to", "B", "--why", "w").expect(10)
    assert "not handed over" in done.stderr and len(acts(image)) == 5


def test_evidence_that_cannot_be_written_beside_is_verified_all_the_same(kanshiki, image):
    Path(f"{image}.custody.jsonl").unlink()
    Path(f"{image}.custody.jsonl").mkdir()  # root writes anywhere else
    done = kanshiki("verify", image, "--json").expect(10)
    Path(f"{image}.custody.jsonl").rmdir()
    assert done.json["verdict"] == "altered"
    mount = subprocess.run(["unshare", "-m", "sh", "-c", f"mount --bind {image.parent} {image.parent} && mount -o remount,ro,bind {image.parent} && "
                            f"exec {rig.binary()} verify {image} --json"], capture_output=True, text=True)
    result = json.loads(mount.stdout)
    assert mount.returncode == 0 and any("not in the custody log" in note for note in result["notes"])


def test_two_at_once_wait_for_each_other(kanshiki, image):
    done = []
    threads = [threading.Thread(target=lambda: done.append(kanshiki("verify", image, "--quiet").code)) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert done == [0] * 8 and len(acts(image)) == 13
    assert verify(kanshiki, image)["verdict"] == "consistent only"


def test_log_is_for_people_and_escapes_what_came_from_outside(kanshiki, image, tmp_path):
    text = kanshiki("log", image).expect(0).stdout
    assert "\x1b" not in text and "\\x1b[31mIto" in text
    assert all(word in text for word in ["unreadable", "offset: 1048576", "transfer  by root", "to: B. Sato", "safe 3", "received"])
    page = tmp_path / "page.html"
    kanshiki("log", image, "--html", page).expect(0)
    html = page.read_text()
    assert "<script" not in html and "&lt;script&gt;" in html and "<b>7" not in html and "Content-Security-Policy" in html
    assert "Received by" in html and "http" not in html.replace("http-equiv", "")
    record = kanshiki("log", image, "--json").expect(0).json
    assert [act["act"] for act in record["acts"]] == ["start", "verify", "transfer", "received", "verify"]
    assert record["deviations"][0]["facts"]["size"] == "512" and record["problems"] == []


def test_log_needs_evidence(kanshiki, tmp_path):
    (tmp_path / "a.img").write_bytes(b"x")
    assert len(kanshiki("log", tmp_path / "a.img").expect(11).stderr.splitlines()) == 1


def test_lines_are_what_their_schema_says(image):
    schema = json.loads((rig.ROOT / "docs/formats/custody.schema.json").read_text())
    jsonschema.Draft202012Validator.check_schema(schema)
    validator = jsonschema.Draft202012Validator(schema)
    for line in acts(image):
        validator.validate(line)
        for key in ("seq", "time", "event", "prev"):
            assert not validator.is_valid({name: value for name, value in line.items() if name != key})
    assert not validator.is_valid({name: value for name, value in acts(image)[2].items() if name != "to"})


def test_triage_is_an_act(kanshiki, image, tmp_path):
    kanshiki("triage", image, "-o", tmp_path / "triage").expect(0)
    act = acts(image)[-1]
    report = (tmp_path / "triage/report.html").read_bytes()
    assert act["event"] == "triage" and act["report_sha256"] == hashlib.sha256(report).hexdigest()
    assert verify(kanshiki, image)["verdict"] == "consistent only"


def test_a_verification_is_not_recorded_when_told_not_to(kanshiki, image):
    before = lines(image)
    kanshiki("verify", image, "--no-record").expect(0)
    assert lines(image) == before


def test_altered_evidence_begins_no_log(kanshiki, image):
    Path(f"{image}.custody.jsonl").unlink()
    manifest = Path(f"{image}.manifest.json")
    manifest.write_bytes(manifest.read_bytes().replace(b"7</b>", b"8</b>"))
    kanshiki("verify", image).expect(10)
    assert not Path(f"{image}.custody.jsonl").exists()
