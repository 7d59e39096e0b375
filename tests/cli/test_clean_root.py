"""Triage of a system to which nothing was done: what it says there is what a reader must not be troubled with."""

import json
from pathlib import Path

import pytest
from debian_root import unpack
from volumes import run, sized

pytestmark = pytest.mark.full


@pytest.fixture(scope="module")
def clean_root(tmp_path_factory) -> Path:
    """Debian 12 as debootstrap leaves it, on ext4."""
    folder = tmp_path_factory.mktemp("debian")
    root = folder / "root"
    root.mkdir()
    unpack(root)
    image = sized(folder / "debian.img", 1 << 30)
    run("mke2fs", "-q", "-t", "ext4", "-d", root, image)
    return image


def test_a_clean_debian_gives_no_finding_above_low(kanshiki, clean_root, tmp_path):
    out = tmp_path / "out"
    result = kanshiki("triage", clean_root, "-o", out, "--json").expect(0).json
    [volume] = result["volumes"]
    assert volume["files"] > 4000 and volume["directories"] > 500, "the whole tree was read"
    assert '"kind":"gap"' not in (out / "coverage.jsonl").read_text()
    findings = [json.loads(line) for line in (out / "findings.jsonl").read_text().splitlines()]
    assert [finding for finding in findings if finding["severity"] not in ("info", "low")] == []
    assert any("e2scrub_all" in finding["title"] for finding in findings), "its cron jobs are seen, as information"


def test_the_same_root_with_one_change_does(kanshiki, clean_root, tmp_path):
    """The test above can fail: one uid 0 twin in the same tree is told."""
    image, passwd = tmp_path / "changed.img", tmp_path / "passwd"
    run("cp", "--sparse=always", clean_root, image)
    passwd.write_text(run("debugfs", "-R", "cat /etc/passwd", image) + "toor:x:0:0::/root:/bin/bash\n")
    script = tmp_path / "script"
    script.write_text(f"rm /etc/passwd\nwrite {passwd} /etc/passwd\n")
    run("debugfs", "-w", "-f", script, image)
    kanshiki("triage", image, "-o", tmp_path / "out").expect(0)
    findings = [json.loads(line) for line in (tmp_path / "out/findings.jsonl").read_text().splitlines()]
    assert any(finding["severity"] in ("high", "critical") for finding in findings)
