"""One byte flipped in each file of the evidence, at each field: verify finds it, names the file, and says where in the image."""

import json
import re
import shutil
import subprocess
from pathlib import Path

import pytest
import rig

import ewf
from images import CHUNK, MIB, make_disk

pytestmark = pytest.mark.full

SIZE = 5 * MIB + 3 * 512
BAD = [(2 * CHUNK + 512, 1024)]
FORMATS = {"raw": "disk.img", "zst": "disk.img.zst", "E01": "disk.E01", "split": "disk.001"}
TRUST = ("--trust-key", "trusted.pub", "--trust-cert", "tsa.pem", "--require-signature", "--no-record", "--json")


@pytest.fixture(scope="module")
def evidence(tmp_path_factory):
    """The same disk in each format; signed, stamped, with a custody log that is sealed up to its end."""
    top = tmp_path_factory.mktemp("flips")
    disk = make_disk(top / "disk", SIZE)
    for command in (["genpkey", "-algorithm", "ed25519", "-out", "key.pem"], ["pkey", "-in", "key.pem", "-pubout", "-out", "trusted.pub"]):
        subprocess.run(["openssl", *command], cwd=top, check=True, capture_output=True)
    with rig.Tsa() as tsa:
        (top / "tsa.pem").write_bytes(tsa.ca.read_bytes())
        for kind, name in FORMATS.items():
            image = top / kind / name
            split = ["--split", "2M"] if kind in ("E01", "split") else []
            with rig.BadDisk(disk, bad=BAD) as bad:
                rig.kanshiki("acquire", bad.path, "-o", image, "--hash", "sha256,md5", "--case", "7", *split, "--sign", top / "key.pem", "--timestamp", tsa.url).expect(4)
            rig.kanshiki("transfer", image, "--to", "laboratory", "--why", "analysis").expect(0)
            rig.kanshiki("verify", image).expect(0)
            rig.kanshiki("seal", image, "--custody", "--sign", top / "key.pem", "--timestamp", tsa.url).expect(0)
            # What the seal itself noted comes behind what it sealed: without it every line is.
            sealed = int(re.search(r"entries (\d+)", (image.parent / f"{name}.custody.head").read_text()).group(1))
            log = image.parent / f"{name}.custody.jsonl"
            log.write_text("".join(log.read_text().splitlines(keepends=True)[:sealed]))
    for path in top.rglob("*"):
        if path.is_file():
            path.chmod(0o600)
    return top


def json_values(text: bytes) -> list:
    """Where each value of a JSON text begins: (name, offset)."""
    return [(match.group(1).decode(), match.end()) for match in re.finditer(rb'"([a-z0-9_]+)": ?(?=["0-9])"?', text)]


def zst_fields(data: bytes) -> list:
    """Of the seekable format: each frame's parts, the seek table's, its footer."""
    count = int.from_bytes(data[-9:-5], "little")
    entry = 8 if not data[-5] & 0x80 else 12
    table = len(data) - 9 - entry * count
    out, at = [], 0
    for number in range(count):
        size = int.from_bytes(data[table + entry * number:table + entry * number + 4], "little")
        if number in (0, 3, count - 1):
            out += [(f"frame {number} magic", at), (f"frame {number} header", at + 4), (f"frame {number} block", at + size // 2), (f"frame {number} checksum", at + size - 1)]
        at += size
    out += [("table magic", table - 8), ("table size", table - 4)]
    out += [(f"table entry {number} field {part}", table + entry * number + part) for number in (0, count - 1) for part in range(0, entry, 4)]
    return out + [("footer count", len(data) - 9), ("footer descriptor", len(data) - 5), ("footer magic", len(data) - 1)]


def e01_fields(path: Path) -> list:
    out = [("signature", 0), ("fields start", 8), ("segment number", 9), ("fields end", 11)]
    for kind, at, size in ewf.sections(path):
        out += [(f"{kind} type", at), (f"{kind} next", at + 16), (f"{kind} size", at + 24), (f"{kind} padding", at + 40), (f"{kind} checksum", at + 72)]
        if size > 76:
            out += [(f"{kind} content {part}", at + 76 + (size - 77) * part // 8) for part in range(9)]
    return out


def fields(path: Path) -> list:
    data, name = path.read_bytes(), path.name
    if name.endswith((".json", ".jsonl")):
        return json_values(data)
    if name.endswith(".img.zst"):
        return zst_fields(data)
    if re.search(r"\.E\d\d$", name):
        return e01_fields(path)
    if name.endswith(".tsr"):  # what the authority signed, its certificate, its signature; of the rest docs/verify.md speaks
        return [("what is signed, or the signer's certificate", at) for at in range(80, 800, 30)] + [("signature", at) for at in range(len(data) - 250, len(data), 16)]
    if name.endswith((".sig", ".head", ".pub", ".map", ".sha256")):
        return [(f"byte {at}", at) for at in range(0, len(data), max(1, len(data) // 20))]
    return [(f"byte {at}", at) for at in range(0, len(data), max(1, len(data) // 12))]  # chunks, raw, segments of raw, certificates


def verify(folder, name):
    options = [str(folder.parent / word) if word.endswith((".pub", ".pem")) else word for word in TRUST]
    return rig.kanshiki("verify", folder / name, *options)


# Not guarded by anything, and said so in docs/verify.md: certificates and lists kept for later, of which the trusted one is given from outside.
UNGUARDED = re.compile(r"\.chain\.pem$")


@pytest.mark.parametrize("kind", FORMATS)
def test_whole_evidence_is_authentic(evidence, kind):
    done = verify(evidence / kind, FORMATS[kind]).expect(0).json
    assert done["verdict"] == "authentic" and done["damage"] == []
    assert not [each for each in done["not_checked"] if "cut off" in each["why"]]


@pytest.mark.parametrize("kind", FORMATS)
def test_one_byte_in_each_field_of_each_file(evidence, tmp_path, kind):
    shutil.copytree(evidence / kind, tmp_path / kind)
    shutil.copy(evidence / "trusted.pub", tmp_path)
    shutil.copy(evidence / "tsa.pem", tmp_path)
    unseen, tried = [], 0
    for path in sorted((tmp_path / kind).iterdir()):
        of_the_image = re.fullmatch(r"disk\.(img|img\.zst|E\d\d|\d\d\d)", path.name)
        if UNGUARDED.search(path.name) or not (of_the_image or kind == "raw"):  # the others are the same for every format
            continue
        whole = path.read_bytes()
        for field, at in fields(path):
            tried += 1
            path.write_bytes(whole[:at] + bytes([whole[at] ^ 1]) + whole[at + 1:])
            done = verify(tmp_path / kind, FORMATS[kind])
            path.write_bytes(whole)
            what = (path.name, field, at, done.code, done.stderr[:200])
            if done.code != 10:
                unseen.append(what)
                continue
            damage = done.json["damage"]
            named = {each["file"] for each in damage}
            # What is damaged is named; the manifest and its signature are only told apart by the text.
            located = of_the_image and any(each["offset"] is not None for each in damage)
            if not located and not any(path.name in each["file"] or path.name in each["what"] for each in damage):
                unseen.append((*what, "names only", named))
    assert tried > (350 if kind == 'raw' else 20) and not unseen, f"{len(unseen)} of {tried}: {unseen[:20]}"


def place_in_image(kind, path, folder, at):
    """Which chunk of the image lies at this byte of the file; for raw ones."""
    before = 0
    for each in sorted(each for each in folder.iterdir() if re.fullmatch(r"disk\.\d\d\d", each.name)) if kind == "split" else [path]:
        if each == path:
            return (before + at) // CHUNK
        before += each.stat().st_size


@pytest.mark.parametrize("kind", ["raw", "split"])
def test_the_place_is_the_chunk(evidence, tmp_path, kind):
    shutil.copytree(evidence / kind, tmp_path / kind)
    for name in ("trusted.pub", "tsa.pem"):
        shutil.copy(evidence / name, tmp_path)
    for path in sorted(path for path in (tmp_path / kind).iterdir() if re.fullmatch(r"disk\.(img|\d\d\d)", path.name)):
        whole = path.read_bytes()
        for at in {0, CHUNK - 1, CHUNK, len(whole) // 2, len(whole) - 1}:
            path.write_bytes(whole[:at] + bytes([whole[at] ^ 1]) + whole[at + 1:])
            chunk = place_in_image(kind, path, tmp_path / kind, at)
            damage = [each for each in verify(tmp_path / kind, FORMATS[kind]).expect(10).json["damage"] if each["offset"] is not None]
            assert [(each["offset"], each["size"]) for each in damage] == [(chunk * CHUNK, min(CHUNK, SIZE - chunk * CHUNK))], (path.name, at)
        path.write_bytes(whole)


@pytest.mark.parametrize("kind", ["zst", "E01"])
def test_the_place_is_a_chunk_in_a_compressed_one(evidence, tmp_path, kind):
    """In the middle of stored content: exactly one chunk is told, and it is not the same one everywhere."""
    shutil.copytree(evidence / kind, tmp_path / kind)
    for name in ("trusted.pub", "tsa.pem"):
        shutil.copy(evidence / name, tmp_path)
    seen = set()
    for path in [tmp_path / kind / FORMATS[kind]] if kind == "zst" else ewf.segments(tmp_path / kind / "disk.E01"):
        whole = path.read_bytes()
        stretches = [(0, len(whole) - 1000)] if kind == "zst" else [(at + 76, at + size) for name, at, size in ewf.sections(path) if name == "sectors"]
        for start, end in stretches:
            for at in range(start + 20_000, end - 100, 400_000):
                path.write_bytes(whole[:at] + bytes([whole[at] ^ 1]) + whole[at + 1:])
                damage = [each for each in verify(tmp_path / kind, FORMATS[kind]).expect(10).json["damage"] if each["offset"] is not None]
                assert len(damage) == 1 and damage[0]["size"] <= CHUNK, (path.name, at, damage)
                seen.add(damage[0]["offset"])
        path.write_bytes(whole)
    assert len(seen) >= 3


def test_a_line_of_the_custody_log_less_is_found(evidence, tmp_path):
    shutil.copytree(evidence / "raw", tmp_path / "raw")
    for name in ("trusted.pub", "tsa.pem"):
        shutil.copy(evidence / name, tmp_path)
    log = tmp_path / "raw/disk.img.custody.jsonl"
    lines = log.read_text().splitlines(keepends=True)
    assert len(lines) >= 3 and json.loads(lines[0])["event"] == "start"
    for spoilt in [lines[:-1], lines[:1] + lines[2:], [lines[0], *reversed(lines[1:])], lines + [lines[-1]], lines[1:]]:
        log.write_text("".join(spoilt))
        assert any("custody" in each["file"] for each in verify(tmp_path / "raw", "disk.img").expect(10).json["damage"])
