"""kanshiki prove and check: a file or a range against the root, without the image; nothing altered passes."""

import base64
import copy
import hashlib
import json
import os
import random
import shutil
import subprocess
from pathlib import Path

import pytest
import rig
from jsonschema import Draft202012Validator

from images import CHUNK, MIB, make_disk
from volumes import run, sized

pytestmark = pytest.mark.full

SCHEMA = Draft202012Validator(json.loads((rig.ROOT / "docs/formats/proof.schema.json").read_text()))
LOG = random.Random(5).randbytes(3_000_000)
PASSWD = b"root:x:0:0:root:/root:/bin/bash\n"
SPARSE = b"begin" + bytes(5 * MIB) + b"end"


def tree(folder) -> Path:
    for path, content in {"etc/passwd": PASSWD, "var/log/auth.log": LOG, "var/lib/sparse": b"", "var/empty": b"",
                          "odd/caf\udce9 \x1b[2J": b"hostile name"}.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_bytes(content)
    with open(folder / "var/lib/sparse", "wb") as file:
        file.write(b"begin")
        file.seek(5 * MIB, os.SEEK_CUR)
        file.write(b"end")
    for number in range(300):
        (folder / f"many{number}").write_bytes(b"x" * number)
    return folder


@pytest.fixture(scope="module")
def case(tmp_path_factory):
    """A signed image of a GPT disk with two ext4 volumes, and one unreadable sector in the second's auth.log."""
    folder = tmp_path_factory.mktemp("case")
    root = tree(tmp_path_factory.mktemp("tree"))
    disk = sized(folder / "disk", 140 * MIB)
    subprocess.run(["sfdisk", "-q", disk], check=True, input=b"label: gpt\nstart=2048,size=129024\nstart=131072,size=129024\n")
    for number, start in ((1, 1), (2, 64)):
        part = sized(folder / f"part{number}", 63 * MIB)
        run("mke2fs", "-q", "-t", "ext4", "-d", root, part)
        if number == 2:
            subprocess.run(["debugfs", "-w", "-R", "rm /etc/passwd", part], check=True, capture_output=True)
        run("dd", f"if={part}", f"of={disk}", "bs=1M", f"seek={start}", "conv=notrunc,sparse")
    run("openssl", "genpkey", "-algorithm", "ed25519", "-out", folder / "key.pem")
    run("openssl", "pkey", "-in", folder / "key.pem", "-pubout", "-out", folder / "trusted.pub")
    rig.kanshiki("acquire", disk, "-o", folder / "disk.img.zst", "--sign", folder / "key.pem").expect(0)
    (folder / "root").write_text(json.loads((folder / "disk.img.zst.manifest.json").read_text())["image"]["root"])
    return folder


@pytest.fixture(scope="module")
def proofs(case, tmp_path_factory):
    """One of each kind, once: passwd, log (a file of several chunks), range."""
    folder = tmp_path_factory.mktemp("proofs")
    image = case / "disk.img.zst"
    rig.kanshiki("prove", image, "/etc/passwd", "-o", folder / "passwd.json").expect(0)
    rig.kanshiki("prove", image, "/var/log/auth.log", "--volume", 1, "-o", folder / "log.json").expect(0)
    rig.kanshiki("prove", image, f"{MIB - 100}+{MIB}", "-o", folder / "range.json").expect(0)
    return folder


@pytest.fixture
def copied(proofs, tmp_path):
    """They alone: neither image nor tree."""
    for path in proofs.iterdir():
        shutil.copy(path, tmp_path)
        (tmp_path / path.name).chmod(0o600)
    return tmp_path


def edit(path, change):
    document = json.loads(path.read_text())
    change(document)
    path.write_text(json.dumps(document))
    return document


def test_a_file_is_shown_to_be_in_the_signed_image(kanshiki, copied, case):
    done = kanshiki("check", copied / "passwd.json", "--trust-key", case / "trusted.pub", "--json").expect(0).json
    assert done["verdict"] == "authentic" and done["damage"] == []
    assert done["subject"]["path"] == "/etc/passwd" and done["subject"]["sha256"] == hashlib.sha256(PASSWD).hexdigest()
    assert "the file system in the proven chunks gives this path this content" in done["checked"]
    assert done["root"] == (case / "root").read_text()


def test_the_verdict_is_no_more_than_what_is_known(kanshiki, copied, case):
    def verdict(*options, code=0):
        return kanshiki("check", copied / "range.json", *options, "--json").expect(code).json["verdict"]
    other = copied / "other.pem"
    run("openssl", "genpkey", "-algorithm", "ed25519", "-out", other)
    assert verdict() == "consistent only"
    assert verdict("--require-signature", code=10) == "consistent only"
    assert verdict("--expect-root", (case / "root").read_text(), "--require-signature") == "authentic"
    assert verdict("--trust-key", case / "trusted.pub") == "authentic"
    assert verdict("--expect-root", "0" * 64, code=10) == "altered"
    assert verdict("--trust-key", other, code=10) == "altered"


@pytest.mark.parametrize("subject, content", [("/etc/passwd", PASSWD), ("/var/log/auth.log", LOG), ("/var/lib/sparse", SPARSE), ("/var/empty", b""),
                                              (os.fsdecode(b"/odd/caf\xe9 \x1b[2J"), b"hostile name")],
                         ids=["small", "large", "sparse", "empty", "hostile-name"])
def test_what_is_extracted_is_the_file(kanshiki, case, tmp_path, subject, content):
    made = kanshiki("prove", case / "disk.img.zst", subject, "--volume", 1, "-o", tmp_path / "a.json", "--json").expect(0).json
    assert made["assignment"] == "shown" and made["sha256"] == hashlib.sha256(content).hexdigest()
    SCHEMA.validate(json.loads((tmp_path / "a.json").read_text()))
    shown = kanshiki("check", tmp_path / "a.json", "--extract", tmp_path / "out").expect(0)
    assert (tmp_path / "out").read_bytes() == content
    assert "\x1b" not in shown.stdout
    kanshiki("check", tmp_path / "a.json", "--extract", tmp_path / "out").expect(2)  # never overwritten


def test_a_range_and_what_it_discloses(kanshiki, copied, case):
    image = subprocess.run(["zstd", "-dc", case / "disk.img.zst"], check=True, capture_output=True).stdout
    kanshiki("check", copied / "range.json", "--extract", copied / "out").expect(0)
    assert (copied / "out").read_bytes() == image[MIB - 100:2 * MIB - 100]
    proof = json.loads((copied / "range.json").read_text())
    assert proof["discloses_also"] == [{"offset": MIB - CHUNK, "size": CHUNK - 100}, {"offset": 2 * MIB - 100, "size": 100}]
    data = (copied / "range.data").read_bytes()
    assert data == image[MIB - CHUNK:2 * MIB]
    SCHEMA.validate(proof)


def test_which_volume(kanshiki, case, tmp_path):
    image = case / "disk.img.zst"
    both = kanshiki("prove", image, "/var/log/auth.log", "-o", tmp_path / "a.json").expect(2)
    assert "in the volumes 1 and 2" in both.stderr and "--volume" in both.stderr
    kanshiki("prove", image, "/etc/passwd", "--volume", 2, "-o", tmp_path / "a.json").expect(2)
    assert "not a regular file" in kanshiki("prove", image, "/etc", "--volume", 1, "-o", tmp_path / "a.json").expect(2).stderr
    assert list(tmp_path.iterdir()) == []
    proof = kanshiki("prove", image, "/var/log/auth.log", "--volume", 2, "-o", tmp_path / "a.json", "--json").expect(0).json
    assert proof["sha256"] == hashlib.sha256(LOG).hexdigest()
    assert json.loads((tmp_path / "a.json").read_text())["file"]["volume"] == 2


def test_too_much_metadata_is_asserted_and_said(kanshiki, case, tmp_path):
    made = kanshiki("prove", case / "disk.img.zst", "/var/log/auth.log", "--volume", 1, "--metadata-limit", 0, "-o", tmp_path / "a.json", "--json").expect(0).json
    assert made["assignment"] == "asserted" and made["metadata_chunks"] == 0
    checked = kanshiki("check", tmp_path / "a.json", "--json", "--trust-key", case / "trusted.pub").expect(0).json
    assert checked["verdict"] == "authentic" and any("asserted only" in each["what"] for each in checked["not_checked"])
    assert "the file system in the proven chunks gives this path this content" not in checked["checked"]
    # Whoever strikes the word out is found out: the metadata is not there to show it.
    edit(tmp_path / "a.json", lambda proof: proof["file"].update(assignment="shown", asserted_because=None))
    again = kanshiki("check", tmp_path / "a.json", "--json").expect(0).json
    assert any("is not in the proof" in each["why"] for each in again["not_checked"])


def test_content_that_only_metadata_holds(kanshiki, tmp_path):
    """A small file inside an NTFS record: no extents, so only the file system can show it."""
    volume = sized(tmp_path / "volume", 16 * MIB)
    run("mkntfs", "-q", "-F", volume)
    (tmp_path / "small").write_bytes(b"resident")
    run("ntfscp", volume, tmp_path / "small", "small.txt")
    kanshiki("acquire", volume, "-o", tmp_path / "v.img").expect(0)
    kanshiki("prove", tmp_path / "v.img", "/small.txt", "-o", tmp_path / "a.json").expect(0)
    proof = json.loads((tmp_path / "a.json").read_text())
    assert proof["file"]["extents"] == [] and not proof["file"]["content_in_extents"]
    kanshiki("check", tmp_path / "a.json", "--extract", tmp_path / "out").expect(0)
    assert (tmp_path / "out").read_bytes() == b"resident"
    edit(tmp_path / "a.json", lambda document: document["file"].update(sha256="0" * 64))
    assert "says otherwise" in kanshiki("check", tmp_path / "a.json").expect(10).stdout
    refused = kanshiki("prove", tmp_path / "v.img", "/small.txt", "--metadata-limit", 0, "-o", tmp_path / "b.json").expect(2)
    assert "--metadata-limit" in refused.stderr


# field, its change, exit code, what check says
ALTERED = [
    ("another digest of the file", lambda p: p["file"].update(sha256="0" * 64), 10, "do not give the digest"),
    ("another path", lambda p: p["file"].update(path="/etc/shadow"), 10, "no such file"),
    ("a path that exists", lambda p: p["file"].update(path="/many7"), 10, "says otherwise"),
    ("another inode", lambda p: p["file"].update(inode=12), 10, "says otherwise"),
    ("another volume", lambda p: p["file"].update(volume=2), 10, ""),
    ("a chunk's digest", lambda p: p["chunks"][0].update(sha256="0" * 64), 10, "differs from its digest"),
    ("a chunk's place", lambda p: p["chunks"][-1].update(index=p["chunks"][-1]["index"] - 1), 10, "do not give the root"),
    ("a sibling", lambda p: p["siblings"].__setitem__(0, "0" * 64), 10, "do not give the root"),
    ("a sibling less", lambda p: p["siblings"].pop(), 10, "do not give the root"),
    ("a sibling more", lambda p: p["siblings"].append("0" * 64), 10, "do not give the root"),
    ("the root", lambda p: p["image"].update(root="0" * 64), 10, "do not give the root"),
    ("the manifest", lambda p: p.update(manifest=base64.b64encode(base64.b64decode(p["manifest"]).replace(b"disk", b"desk")).decode()), 10, "signature"),
    ("the signature", lambda p: p.update(signature=base64.b64encode(bytes(64)).decode()), 10, "signature"),
    ("the image's size", lambda p: p["image"].update(size=p["image"]["size"] + 512), 10, ""),
    ("no chunks", lambda p: p.update(chunks=[], data={"name": "passwd.data", "size": 0}), 11, "beyond the chunks"),
    ("a chunk twice", lambda p: p["chunks"].append(p["chunks"][-1]), 11, "ascending"),
    ("a chunk beyond the image", lambda p: p["chunks"][-1].update(index=1 << 40), 11, "index is larger than possible"),
    ("a range beyond the image", lambda p: p["ranges"][0].update(size=1 << 62), 11, "ranges[0].size"),
    ("an extent outside of the ranges", lambda p: p["file"]["extents"][0].update(offset=0), 11, "lies outside"),
    ("a file of exabytes", lambda p: p["file"].update(size=1 << 62), 11, "far larger"),
    ("a data file elsewhere", lambda p: p["data"].update(name="../passwd.data"), 11, "data.name"),
    ("not base64", lambda p: p.update(signature="?"), 11, "not base64"),
    ("another format", lambda p: p.update(format="something"), 11, "format"),
    ("a later version", lambda p: p.update(version=2), 11, "version"),
    ("a field less", lambda p: p.pop("siblings"), 11, "siblings is missing"),
]


@pytest.mark.parametrize("what, change, code, said", ALTERED, ids=[each[0].replace(" ", "-") for each in ALTERED])
def test_an_altered_proof_is_found(kanshiki, copied, case, what, change, code, said):
    edit(copied / "passwd.json", change)
    done = kanshiki("check", copied / "passwd.json", "--trust-key", case / "trusted.pub").expect(code)
    assert said in done.stdout + done.stderr and "Traceback" not in done.stderr
    if code == 11:
        assert done.stderr.count("\n") == 1


def test_every_chunk_of_the_data_counts(kanshiki, copied):
    data = bytearray((copied / "log.data").read_bytes())
    for at in range(1000, len(data), CHUNK):
        data[at] ^= 1
        (copied / "log.data").write_bytes(data)
        assert f"chunk {json.loads((copied / 'log.json').read_text())['chunks'][at // CHUNK]['index']} " in kanshiki("check", copied / "log.json").expect(10).stdout
        data[at] ^= 1
    (copied / "log.data").write_bytes(data[:-1])
    kanshiki("check", copied / "log.json", "--extract", copied / "out").expect(10)
    assert not (copied / "out").exists()
    (copied / "log.data").unlink()
    assert "--data" in kanshiki("check", copied / "log.json").expect(2).stderr
    (copied / "elsewhere").write_bytes(data)
    kanshiki("check", copied / "log.json", "--data", copied / "elsewhere").expect(0)


def test_an_image_that_was_altered_gives_no_proof(kanshiki, tmp_path):
    disk = make_disk(tmp_path / "disk", 4 * MIB)
    kanshiki("acquire", disk, "-o", tmp_path / "d.img").expect(0)
    (tmp_path / "d.img").chmod(0o600)
    with open(tmp_path / "d.img", "r+b") as file:
        file.seek(CHUNK + 5)
        byte = file.read(1)[0]
        file.seek(CHUNK + 5)
        file.write(bytes([byte ^ 1]))
    done = kanshiki("prove", tmp_path / "d.img", "1M+4K", "-o", tmp_path / "good.json").expect(0)
    assert "kanshiki seal" in done.stdout, "unsigned: it says so"
    assert "chunk 1 " in kanshiki("prove", tmp_path / "d.img", f"{CHUNK}+1", "-o", tmp_path / "a.json").expect(10).stderr
    assert not list(tmp_path.glob("a.*"))
    (tmp_path / "d.img.chunks").chmod(0o600)
    with open(tmp_path / "d.img.chunks", "r+b") as file:  # of a chunk that the proof does not need
        file.seek(6 * 32)
        file.write(bytes(32))
    assert "does not give the manifest's root" in kanshiki("prove", tmp_path / "d.img", "1M+4K", "-o", tmp_path / "a.json").expect(10).stderr
    assert not list(tmp_path.glob("a.*"))
    (tmp_path / "d.img.chunks").unlink()
    assert "kanshiki convert" in kanshiki("prove", tmp_path / "d.img", "1M+4K", "-o", tmp_path / "a.json").expect(11).stderr


@pytest.mark.parametrize("subject", ["", "5", "5+", "+5", "5+0", "x+1", "1M+1X", "-1+5", "18446744073709551615+2", f"{4 * MIB}+1", "99999999999999999999+1"])
def test_what_is_no_range(kanshiki, case, tmp_path, subject):
    done = kanshiki("prove", case / "disk.img.zst", subject if subject != f"{4 * MIB}+1" else f"{140 * MIB}+1", "-o", tmp_path / "a.json").expect(2)
    assert done.stderr.count("\n") == 1 and list(tmp_path.iterdir()) == []


def test_what_exists_is_not_overwritten(kanshiki, case, tmp_path):
    (tmp_path / "a.data").write_text("mine")
    kanshiki("prove", case / "disk.img.zst", "0+1", "-o", tmp_path / "a.json").expect(2)
    assert (tmp_path / "a.data").read_text() == "mine"
    kanshiki("prove", case / "disk.img.zst", "0+1", "-o", tmp_path / "a.json", "--force").expect(0)
    kanshiki("check", tmp_path / "a.json").expect(0)


def test_unreadable_bytes_are_told(kanshiki, tmp_path):
    disk = make_disk(tmp_path / "disk", 4 * MIB)
    with rig.BadDisk(disk, bad=[(MIB, 512)]) as bad:
        kanshiki("acquire", bad.path, "-o", tmp_path / "d.img").expect(4)
    kanshiki("prove", tmp_path / "d.img", "1M+4K", "-o", tmp_path / "a.json").expect(0)
    done = kanshiki("check", tmp_path / "a.json", "--json").expect(0).json
    assert [(each["offset"], each["size"]) for each in done["unreadable"]] == [(MIB, 512)]


def test_it_is_in_the_custody_log(kanshiki, tmp_path):
    kanshiki("acquire", make_disk(tmp_path / "disk", 2 * MIB), "-o", tmp_path / "d.img").expect(0)
    kanshiki("prove", tmp_path / "d.img", "1M+4K", "-o", tmp_path / "a.json").expect(0)
    last = json.loads((tmp_path / "d.img.custody.jsonl").read_text().splitlines()[-1])
    assert (last["event"], last["subject"], last["proof"]) == ("prove", "1M+4K", "a.json")
    assert last["proof_sha256"] == hashlib.sha256((tmp_path / "a.json").read_bytes()).hexdigest()


def test_one_mebibyte_of_one_tebibyte(kanshiki, tmp_path):
    with open(tmp_path / "disk", "wb") as file:
        file.truncate(1 << 40)
        file.seek(700 << 30)
        file.write(random.Random(1).randbytes(MIB))
    kanshiki("acquire", tmp_path / "disk", "-o", tmp_path / "d.img", "--hash", "none").expect(0)
    kanshiki("prove", tmp_path / "d.img", f"{700 << 30}+1M", "-o", tmp_path / "a.json").expect(0)
    assert (tmp_path / "a.json").stat().st_size <= 64 * 1024
    assert (tmp_path / "a.data").stat().st_size == MIB
    kanshiki("check", tmp_path / "a.json").expect(0)


def test_the_schema_refuses_what_the_parser_refuses(proofs):
    for name in ("passwd.json", "range.json"):
        whole = json.loads((proofs / name).read_text())
        SCHEMA.validate(whole)
        for key in whole:
            document = copy.deepcopy(whole)
            del document[key]
            if key != "discloses_also":  # told for people; nobody computes with it
                assert not SCHEMA.is_valid(document), key
