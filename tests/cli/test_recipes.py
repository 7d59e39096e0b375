"""The recipes in docs/formats ("Check it without kanshiki"): each works on evidence that is whole, and fails on evidence
in which what it checks was altered."""

import os
import platform
import re
import shutil
import subprocess
from pathlib import Path

import pytest
import rig

from images import CHUNK, MIB, make_disk

pytestmark = pytest.mark.full

FORMATS = rig.ROOT / "docs/formats"


def recipes(kind):
    return [(path.name, number, text) for path in sorted(FORMATS.glob("*.md"))
            for number, text in enumerate(re.findall(rf"^```sh {kind}\n(.*?)^```$", path.read_text(), re.M | re.S))]


RECIPES, OF_SCHEMAS = recipes("check"), recipes("schema")
BAD = [(2 * CHUNK + 512, 1024), (5 * MIB, 4096)]


@pytest.fixture(scope="module")
def evidence(tmp_path_factory):
    folder = tmp_path_factory.mktemp("recipes")
    disk = make_disk(folder / "disk", 6 * MIB + 512)
    with rig.BadDisk(disk, bad=BAD) as bad:
        rig.kanshiki("acquire", bad.path, "-o", folder / "disk.img", "-o", folder / "disk.img.zst").expect(4)
    rig.kanshiki("convert", folder / "disk.img", "-o", folder / "disk.E01").expect(4)
    (folder / "disk.img.custody.jsonl").unlink()
    disk.unlink()
    for command in (["genpkey", "-algorithm", "ed25519", "-out", "key.pem"], ["pkey", "-in", "key.pem", "-pubout", "-out", "trusted.pub"]):
        subprocess.run(["openssl", *command], cwd=folder, check=True, capture_output=True)
    with rig.Tsa() as tsa:
        rig.kanshiki("seal", folder / "disk.img", "--sign", folder / "key.pem", "--timestamp", tsa.url).expect(0)
        rig.kanshiki("verify", folder / "disk.img").expect(0)
        rig.kanshiki("seal", folder / "disk.img", "--custody", "--sign", folder / "key.pem").expect(0)
        (folder / "tsa.pem").write_bytes(tsa.ca.read_bytes())
    rig.kanshiki("prove", folder / "disk.img", "1M+64K", "-o", folder / "range.proof.json").expect(0)
    (folder / "range.proof.json").chmod(0o600)
    for schema in FORMATS.glob("*.schema.json"):
        shutil.copy(schema, folder)
    triaged_volume(folder, tmp_path_factory.mktemp("triage"))
    return folder


def triaged_volume(folder, scratch):
    """volume.img and what triage finds in it; one excerpt has a byte that is not UTF-8, and a backslash."""
    (scratch / "root/etc").mkdir(parents=True)
    (scratch / "root/etc/passwd").write_bytes(b"root:x:0:0:root:/root:/bin/bash\ntoor:x:0:0:caf\xe9 \\ x:/root:/bin/sh\nguest::1000:1000::/home/guest:/bin/sh\n")
    subprocess.run(["mke2fs", "-q", "-t", "ext4", "-d", scratch / "root", folder / "volume.img", "8M"], check=True)
    rig.kanshiki("triage", folder / "volume.img", "-o", scratch / "out").expect(0)
    shutil.copy(scratch / "out/findings.jsonl", folder)


@pytest.fixture(autouse=True)
def agent_on_the_path(tmp_path_factory, monkeypatch):
    programs = tmp_path_factory.mktemp("programs")
    (programs / "kanshiki-agent").symlink_to(rig.binary().parent / f"kanshiki-agent-{platform.machine()}")
    monkeypatch.setenv("PATH", f"{programs}:/usr/bin:{os.environ['PATH']}")  # Debian's python has the package of schemas


@pytest.fixture
def folder(evidence, tmp_path):
    for file in evidence.iterdir():
        (tmp_path / file.name).write_bytes(file.read_bytes())
    return tmp_path


def run(text, folder):
    return subprocess.run(["bash", "-euo", "pipefail", "-c", text], cwd=folder, capture_output=True, text=True)


def test_every_format_has_a_recipe():
    # What is read of others' formats is no evidence of ours: nothing to check without kanshiki.
    read = {"xfs.md", "ext4.md", "btrfs.md", "volumes.md"}
    reports = {"coverage.md", "extraction.md"}  # tests/cli/test_triage.py and test_extract.py hold these to their word
    assert {path.name for path in FORMATS.glob("*.md")} - read - reports == {name for name, _, _ in RECIPES}


@pytest.mark.parametrize("name, number, text", RECIPES, ids=[f"{name}-{number}" for name, number, _ in RECIPES])
def test_recipe(name, number, text, folder):
    done = run(text, folder)
    assert done.returncode == 0, done.stdout + done.stderr
    # Altered in the middle of each file that the recipe names: at least one of them it must notice.
    named = [path for path in folder.iterdir() if re.search(rf"(?<![\w.]){re.escape(path.name)}(?![\w.])", text)]
    if "sys.argv[1]" in text:
        named = list(folder.iterdir())
    assert named, "the recipe names no file of the evidence"
    noticed = []
    for path in named:
        whole = path.read_bytes()
        at = altered_place(path, whole)
        path.write_bytes(whole[:at] + bytes([whole[at] ^ 1]) + whole[at + 1:])
        if run(text, folder).returncode != 0:
            noticed.append(path.name)
        path.write_bytes(whole)
    assert noticed, f"altering any of {[path.name for path in named]} goes unnoticed"


def altered_place(path: Path, whole: bytes) -> int:
    if path.name.endswith(".map"):
        return whole.index(b"  -\n") - 1  # the size of a bad range
    if path.name.endswith(".manifest.json"):
        return whole.index(b'"root"') + 12
    if path.name.endswith((".log.jsonl", ".custody.jsonl")):
        return whole.rindex(b'"event"') + 11
    if path.name.endswith(".chunks"):
        return 2 * 32 + 5
    if path.suffix == ".img":
        return BAD[0][0] + 7
    if path.name == "findings.jsonl":
        return whole.index(b'"excerpt":"') + 12
    if path.name == "range.proof.json":
        return whole.index(b'"siblings"') + 20
    return len(whole) // 2


@pytest.mark.parametrize("name, number, text", OF_SCHEMAS, ids=[f"{name}-{number}" for name, number, _ in OF_SCHEMAS])
def test_recipe_of_a_schema(name, number, text, folder):
    done = run(text, folder)
    assert done.returncode == 0, done.stdout + done.stderr
    [path] = [path for path in folder.iterdir() if f'"{path.name}"' in text and not path.name.endswith(".schema.json")]
    first, second = {"range.proof.json": ("created", "root"), "disk.img.zst.manifest.json": ("time", "root")}.get(path.name, ("time", "event"))
    for key in (f'"{first}"'.encode(), f'"{second}"'.encode()):
        whole = path.read_bytes()
        path.write_bytes(whole.replace(key, b'"else"'))
        assert run(text, folder).returncode != 0, key
        path.write_bytes(whole)


def test_every_schema_has_a_recipe():
    assert all(any(schema.name in text for _, _, text in OF_SCHEMAS) for schema in FORMATS.glob("*.schema.json"))


def test_zstd_restores_what_the_raw_image_is(folder):
    restored = subprocess.run(["zstd", "-dc", "disk.img.zst"], cwd=folder, capture_output=True, check=True).stdout
    assert restored == (folder / "disk.img").read_bytes()
