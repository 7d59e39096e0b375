"""kanshiki extract: contents under safe names, and a manifest that has everything else."""

import hashlib
import json
import os
import random
import stat
import subprocess

import pytest
import rig

from browse import lines, path_of
from test_ls import make, partitioned
from test_triage import HOSTILE
from volumes import MIB, mounted, put, run, sized


def manifest(folder) -> list:
    return lines((folder / "manifest.jsonl").read_text(encoding="utf-8"))


def check_sums(folder) -> int:
    done = subprocess.run(["sha256sum", "--strict", "-c", "files.sha256"], cwd=folder, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout.count(": OK\n")


def test_contents_and_manifest_are_what_the_kernel_shows(kanshiki, tmp_path):
    image, expected = make(tmp_path)
    out = tmp_path / "out"
    result = kanshiki("extract", image, "-o", out, "--json").expect(0).json
    entries = {path_of(entry): entry for entry in manifest(out)}
    assert set(entries) == set(expected)
    for path, (status, target, digest) in expected.items():
        entry = entries[path]
        assert (entry["inode"], entry["size"], entry["uid"], int(entry["mode"], 8)) == \
            (status.st_ino, status.st_size, status.st_uid, stat.S_IMODE(status.st_mode))
        if digest:
            file = out / entry["extracted"]
            assert entry["sha256"] == digest == hashlib.sha256(file.read_bytes()).hexdigest(), path
            assert entry["status"] == "ok" and stat.S_IMODE(file.stat().st_mode) == 0o400
        elif stat.S_ISDIR(status.st_mode):
            assert stat.S_IMODE((out / entry["extracted"]).stat().st_mode) == 0o700
        else:
            assert entry["status"] == "recorded" and "extracted" not in entry
            assert entry.get("target", "").encode() == target
    files = [path for path, (status, _, digest) in expected.items() if digest]
    assert check_sums(out) == len(files) == result["files"]
    with open(out / "files/fragmented", "rb") as file:
        assert file.seek(4096, os.SEEK_DATA) == 2 * 4096, "holes stay holes"
    assert not list(out.glob("*.partial"))


def test_names_are_safe_and_injective(kanshiki, tmp_path):
    image = sized(tmp_path / "image", 32 * MIB)
    run("mkfs.ext4", "-q", "-b", "4096", image)
    names = HOSTILE + [b"%41", b"A", b"%2E%2E", b"...", b"-rf --no-preserve-root", b"\xff" * 255, b"\xff" * 254, "é".encode() * 127]
    with mounted(image) as top:
        for name in names:
            with open(os.path.join(os.fsencode(top), name), "wb") as file:
                file.write(b"of " + name)
    out = tmp_path / "out"
    kanshiki("extract", image, "-o", out).expect(0)
    for entry in manifest(out):
        if entry["type"] == "file":
            assert (out / entry["extracted"]).read_bytes() == b"of " + path_of(entry)[1:]
    for place, folders, files in os.walk(os.fsencode(out)):
        for name in folders + files:
            text = name.decode("utf-8", errors="strict")
            assert text.isprintable() and not text.startswith("-") and len(name) <= 255
    check_sums(out)


@pytest.mark.parametrize("planted", [b"../../../pwned", b"/etc/cron.d/x..", b"..", b"a\x00b/../c....."])
def test_names_that_no_kernel_would_write_do_not_escape(kanshiki, tmp_path, planted):
    """A '/' or '..' planted in the directory block."""
    image = sized(tmp_path / "image", 16 * MIB)
    run("mkfs.ext4", "-q", "-b", "4096", "-O", "^metadata_csum,^dir_index", image)
    original = b"Q" * len(planted)
    with mounted(image) as top:
        (top / "sub").mkdir()
        (top / "sub" / original.decode()).write_text("hostile")
        (top / "sub/after").write_text("after")
    data = image.read_bytes()
    at = data.index(b"\x01" + original)  # the entry's type, then its name
    put(image, at + 1, planted)
    out = tmp_path / "deep/er/out"
    done = kanshiki("extract", image, "-o", out)
    assert done.code in (0, 4)
    listed = kanshiki("ls", "-R", image)
    assert all(character.isprintable() for line in (listed.stdout + listed.stderr + done.stderr).splitlines() for character in line)
    assert not any(".." == part for line in listed.stdout.splitlines() for part in line.split("/"))
    assert sorted(os.listdir(tmp_path)) == ["deep", "image"] and os.listdir(tmp_path / "deep/er") == ["out"]
    assert sorted(os.listdir(out)) == ["files", "files.sha256", "manifest.jsonl"]
    assert (out / "files/sub/after").read_text() == "after"
    check_sums(out)


def test_parts_of_several_volumes(kanshiki, tmp_path):
    image = partitioned(tmp_path, {"a": b"1", "b": b"2"}, {"a": b"3"})
    out = tmp_path / "out"
    kanshiki("extract", f"{image}:/p1/a", f"{image}:/p2", f"{image}:/p2/a", "-o", out).expect(0)
    assert (out / "files/p1/a").read_bytes() == b"1" and (out / "files/p2/a").read_bytes() == b"3"
    assert not (out / "files/p1/b").exists()
    assert sum(entry["path"] == "/a" for entry in manifest(out)) == 2, "what lies in another is extracted once"
    chosen = tmp_path / "chosen"
    kanshiki("extract", "--volume", 1, image, "-o", chosen).expect(0)
    assert (chosen / "files/b").read_bytes() == b"2"


def test_a_folder_that_is_not_empty(kanshiki, tmp_path):
    image, _ = make(tmp_path)
    out = tmp_path / "out"
    kanshiki("extract", f"{image}:/etc", "-o", out).expect(0)
    assert (out / "files/etc/passwd").read_text().startswith("root")
    kanshiki("extract", f"{image}:/etc", "-o", out).expect(2)
    kanshiki("extract", f"{image}:/etc", "-o", out, "--force").expect(0)
    check_sums(out)
    kanshiki("extract", f"{image}:/nothing", "-o", tmp_path / "other").expect(2)
    kanshiki("extract", tmp_path / "no-image", "-o", tmp_path / "third").expect(6)
    assert not (tmp_path / "third").exists()


def test_deleted_files_are_apart_and_marked(kanshiki, tmp_path):
    image = sized(tmp_path / "image", 16 * MIB)
    run("mkfs.fat", "-F", "16", image)
    content = random.Random(3).randbytes(100_000)
    (tmp_path / "f").write_bytes(content)
    run("mcopy", "-i", image, tmp_path / "f", "::gone.bin")
    run("mdel", "-i", image, "::gone.bin")
    kanshiki("extract", image, "-o", tmp_path / "without").expect(0)
    assert not any(entry["deleted"] for entry in manifest(tmp_path / "without"))
    out = tmp_path / "out"
    kanshiki("extract", image, "--deleted", "-o", out).expect(0)
    gone, = [entry for entry in manifest(out) if entry["deleted"] and entry["size"]]
    assert "%~deleted-" in gone["extracted"] and gone["certainty"] in ("certain", "likely", "possible")
    assert (out / gone["extracted"]).read_bytes() == content


def test_unreadable_parts_are_in_the_manifest(kanshiki, bad_disk, tmp_path):
    image, _ = make(tmp_path)
    block = int(run("debugfs", "-R", "blocks /fragmented", image).split()[5])
    disk = bad_disk(image, bad=[(block * 4096, 512)])
    out = tmp_path / "out"
    result = kanshiki("extract", disk.path, "-o", out, "--json").expect(4).json
    spoiled, = [entry for entry in manifest(out) if entry["status"] != "ok" and entry["type"] == "file"]
    assert spoiled["path"] == "/fragmented" and spoiled["status"] == "unreadable" and result["spoiled"] == 1
    bad, = spoiled["unreadable"]
    assert bad["size"] == 512
    written = (out / "files/fragmented").read_bytes()
    with mounted(image, "-o", "ro") as top:
        expected = bytearray((top / "fragmented").read_bytes())
    expected[bad["offset"]:bad["offset"] + 512] = bytes(512)
    assert written == expected
    check_sums(out)


def test_damaged_files_end_where_they_must(kanshiki, tmp_path):
    image, _ = make(tmp_path)
    run("debugfs", "-w", "-R", "set_inode_field /etc/passwd block[0] 0x12345678", image)
    out = tmp_path / "out"
    done = kanshiki("extract", f"{image}:/etc", "-o", out).expect(4)
    assert "/etc/passwd" in done.stderr
    entry, = [entry for entry in manifest(out) if entry["path"] == "/etc/passwd"]
    assert entry["status"] == "damaged" and entry["extracted_size"] == 0 and entry["why"]


def test_a_full_disk_leaves_what_is_clearly_partial(kanshiki, tmp_path):
    image, _ = make(tmp_path)
    with rig.Tmpfs(2 * MIB) as small:
        out = small.path / "out"
        done = kanshiki("extract", image, "-o", out).expect(5)
        assert "manifest.jsonl.partial" in done.stderr or "No space left" in done.stderr
        assert not (out / "manifest.jsonl").exists() and (out / "manifest.jsonl.partial").exists()
        for line in (out / "manifest.jsonl.partial").read_text().splitlines(keepends=True):
            if not line.endswith("\n"):
                continue  # torn by the full disk
            entry = json.loads(line)
            if "sha256" in entry:
                assert hashlib.sha256((out / entry["extracted"]).read_bytes()).hexdigest() == entry["sha256"]


def test_any_number_of_threads_gives_the_same(kanshiki, tmp_path):
    image, _ = make(tmp_path)
    for threads in (1, 5):
        kanshiki("extract", image, "--threads", threads, "-o", tmp_path / str(threads)).expect(0)
    for name in ("manifest.jsonl", "files.sha256"):
        assert (tmp_path / "1" / name).read_bytes() == (tmp_path / "5" / name).read_bytes()


def test_it_is_in_the_custody_log_of_our_evidence(kanshiki, tmp_path):
    image, _ = make(tmp_path)
    kanshiki("acquire", image, "-o", tmp_path / "disk.img.zst").expect(0)
    kanshiki("extract", f"{tmp_path}/disk.img.zst:/etc", "-o", tmp_path / "out").expect(0)
    digest = hashlib.sha256((tmp_path / "out/manifest.jsonl").read_bytes()).hexdigest()
    assert digest in kanshiki("log", tmp_path / "disk.img.zst", "--json").expect(0).stdout
