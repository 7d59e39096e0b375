"""kanshiki selftest: every assertion holds here, and each fault that is put in on purpose makes the right one fail."""

import hashlib
import json
import re
import subprocess

import pytest

import rig

pytestmark = pytest.mark.full

ALL = [f"KS-{number:02}" for number in range(1, 13)]
# The fault, and the assertions that must see it: these and no others.
PLANTS = {
    "shift": ["KS-04"],
    "block": ["KS-04"],
    "stale": ["KS-04"],
    "unreported": ["KS-03", "KS-06"],
    "misplaced": ["KS-03", "KS-06"],
    "error-type": ["KS-03", "KS-06"],
    "tail": ["KS-01", "KS-02"],
    "bit": ["KS-02"],
    "leaf": ["KS-05"],
    "log-line": ["KS-06"],
    "room": ["KS-07"],
    "changed": ["KS-08"],
    "blind": ["KS-09"],
    "convert": ["KS-10"],
    "threads": ["KS-11"],
    "source": ["KS-12"],
}


def held(report) -> dict:
    return {each["id"]: each["passed"] for each in report["assertions"]}


def test_all_assertions_hold(kanshiki, tmp_path):
    kept, page = tmp_path / "kept", tmp_path / "page.html"
    done = kanshiki("selftest", "--json", "-o", kept, "--html", page).expect(0)
    report = json.loads(done.stdout)
    assert held(report) == dict.fromkeys(ALL, True)
    assert (report["passed"], report["failed"], report["plant"]) == (12, 0, "")
    assert report["tool"]["binary_sha256"] == hashlib.sha256(rig.binary().read_bytes()).hexdigest()
    text = page.read_text()
    assert text.count(">pass<") == 12 and "12 of 12 assertions held" in text
    assert not re.search(r"(src|href)=", text), "a page to keep loads nothing"
    # What it judged by is there to be judged: the image is the source, by sha256sum alone.
    sums = subprocess.run(["sha256sum", kept / "source.img", kept / "clean/disk.img"], check=True, capture_output=True, text=True).stdout.split()
    assert sums[0] == sums[2]


def test_the_table_on_the_terminal(kanshiki):
    done = kanshiki("selftest").expect(0)
    lines = done.stdout.splitlines()
    assert [line[:5] for line in lines[:-1]] == ALL and all("  pass  " in line for line in lines[:-1])
    assert lines[-1] == "12 of 12 held"


@pytest.mark.parametrize("plant", PLANTS)
def test_a_planted_fault_is_found(kanshiki, tmp_path, plant):
    page = tmp_path / "page.html"
    done = kanshiki("selftest", "--json", "--plant", plant, "--html", page).expect(70)
    report = json.loads(done.stdout)
    assert [each for each, passed in held(report).items() if not passed] == PLANTS[plant]
    assert report["failed"] == len(PLANTS[plant]) and report["plant"] == plant
    assert page.read_text().count(">FAIL<") == len(PLANTS[plant])


def test_every_plant_is_in_the_help_and_the_docs(kanshiki):
    told = kanshiki("selftest", "--help").expect(0).stdout
    documented = (rig.ROOT / "docs/selftest.md").read_text()
    for plant in PLANTS:
        assert plant in told and f"`{plant}`" in documented
    for assertion in ALL:
        assert assertion in documented
    assert set(re.findall(r"^\| `([a-z-]+)` \|", documented, re.MULTILINE)) == set(PLANTS)


def test_what_it_may_not_do(kanshiki, tmp_path):
    (tmp_path / "full").mkdir()
    (tmp_path / "full/mine").write_text("x")
    assert "not empty" in kanshiki("selftest", "-o", tmp_path / "full").expect(2).stderr
    assert (tmp_path / "full/mine").read_text() == "x"
    kanshiki("selftest", "--plant", "nothing").expect(2)


def test_nothing_is_left_in_the_temporary_folder(kanshiki, tmp_path):
    kanshiki("selftest", "--quiet", env={"TMPDIR": str(tmp_path)}).expect(0)
    assert list(tmp_path.iterdir()) == []
