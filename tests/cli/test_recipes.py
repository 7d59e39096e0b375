"""The recipes in docs/formats ("Check it without kanshiki"): each works on evidence that is whole, and fails on evidence
in which what it checks was altered."""

import re
import subprocess
from pathlib import Path

import pytest
import rig

from images import CHUNK, MIB, make_disk

pytestmark = pytest.mark.full

RECIPES = [(path.name, number, text) for path in sorted((rig.ROOT / "docs/formats").glob("*.md"))
           for number, text in enumerate(re.findall(r"^```sh check\n(.*?)^```$", path.read_text(), re.M | re.S))]
BAD = [(2 * CHUNK + 512, 1024), (5 * MIB, 4096)]


@pytest.fixture(scope="module")
def evidence(tmp_path_factory):
    folder = tmp_path_factory.mktemp("recipes")
    disk = make_disk(folder / "disk", 6 * MIB + 512)
    with rig.BadDisk(disk, bad=BAD) as bad:
        rig.kanshiki("acquire", bad.path, "-o", folder / "disk.img", "-o", folder / "disk.img.zst").expect(4)
    disk.unlink()
    for command in (["genpkey", "-algorithm", "ed25519", "-out", "key.pem"], ["pkey", "-in", "key.pem", "-pubout", "-out", "trusted.pub"]):
        subprocess.run(["openssl", *command], cwd=folder, check=True, capture_output=True)
    with rig.Tsa() as tsa:
        rig.kanshiki("seal", folder / "disk.img", "--sign", folder / "key.pem", "--timestamp", tsa.url).expect(0)
        rig.kanshiki("verify", folder / "disk.img").expect(0)
        rig.kanshiki("seal", folder / "disk.img", "--custody", "--sign", folder / "key.pem").expect(0)
        (folder / "tsa.pem").write_bytes(tsa.ca.read_bytes())
    return folder


@pytest.fixture
def folder(evidence, tmp_path):
    for file in evidence.iterdir():
        (tmp_path / file.name).write_bytes(file.read_bytes())
    return tmp_path


def run(text, folder):
    return subprocess.run(["bash", "-euo", "pipefail", "-c", text], cwd=folder, capture_output=True, text=True)


def test_every_format_has_a_recipe():
    assert {"manifest.md", "chunks.md", "map.md", "log.md", "merkle.md", "signature.md", "custody.md"} <= {name for name, _, _ in RECIPES}


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
    return len(whole) // 2


def test_zstd_restores_what_the_raw_image_is(folder):
    restored = subprocess.run(["zstd", "-dc", "disk.img.zst"], cwd=folder, capture_output=True, check=True).stdout
    assert restored == (folder / "disk.img").read_bytes()
