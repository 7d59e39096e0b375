"""Volumes inside volumes, made by the tools of LVM2, and what kanshiki finds in them."""

import hashlib
import json
import os
import subprocess

import pytest
import rig

from lvm import lvm_on
from test_prove import LOG, PASSWD, tree
from volumes import MIB, mounted, put, run, sized

pytestmark = pytest.mark.full


def made(kind: str, path, size: int, root):
    sized(path, size)
    if kind == "ext4":
        run("mke2fs", "-q", "-t", "ext4", "-d", root, path)
    elif kind == "swap":
        run("mkswap", "-q", path)
    return path


@pytest.fixture(scope="module")
def disk(tmp_path_factory):
    """A GPT disk: an ext4 /boot; two physical volumes of the group "rocky"; a gap. In it: root, of two segments around
    another volume; striped; swap; a volume that is on the second physical volume alone."""
    folder = tmp_path_factory.mktemp("lvm")
    root = tree(tmp_path_factory.mktemp("tree"))
    image = sized(folder / "disk", 300 * MIB)
    subprocess.run(["sfdisk", "-q", image], check=True, input=b"label: gpt\nstart=2048,size=61440\n"
                   b"start=65536,size=262144,type=E6D6D379-F507-44C2-A23C-238F2A3DF928\n"
                   b"start=330000,size=196608,type=E6D6D379-F507-44C2-A23C-238F2A3DF928\n")
    run("dd", f"if={made('ext4', folder / 'boot', 30 * MIB, root)}", f"of={image}", "bs=1M", "seek=1", "conv=notrunc")
    with lvm_on(folder / "etc", (image, 65536 * 512, 262144 * 512), (image, 330000 * 512, 196608 * 512)) as lvm:
        first, second = lvm.devices
        lvm("pvcreate", first, second)
        lvm("vgcreate", "rocky", first, second)
        lvm.create("root", "-L", "24M", "rocky", first)
        lvm.create("striped", "-i", "2", "-I", "64k", "-L", "40M", "rocky")
        lvm.create("swap", "-L", "8M", "rocky", first)
        lvm.create("data", "-L", "32M", "rocky", second)
        lvm("lvextend", "-L", "+40M", "rocky/root", first)
        for name, kind, size in (("root", "ext4", 64), ("striped", "ext4", 40), ("swap", "swap", 8), ("data", "ext4", 32)):
            lvm.write(f"rocky/{name}", made(kind, folder / name, size * MIB, root))
        pieces = {name: lvm.pieces(f"rocky/{name}") for name in ("root", "striped", "data")}
    starts = {first: 65536 * 512, second: 330000 * 512}
    (folder / "pieces.json").write_text(json.dumps(
        {name: [(at, starts[device] + there, size) for at, device, there, size in each] for name, each in pieces.items()}))
    return folder


def volumes(kanshiki, image, *options) -> dict:
    info = kanshiki("info", image, "--json", *options).expect(0).json
    return {each["name"] or each["number"]: each for each in info["volumes"] if each["allocated"]}, info["notices"]


def test_info_lists_logical_volumes(kanshiki, disk):
    found, notices = volumes(kanshiki, disk / "disk")
    assert notices == []
    assert [(name, each["number"]) for name, each in found.items()] == [
        (1, 1), (2, 2), (3, 3), ("rocky/root", 4), ("rocky/striped", 5), ("rocky/swap", 6), ("rocky/data", 7)]
    assert found[2]["content"] == "LVM2 physical volume of the volume group rocky" and found[2]["opened"]
    assert [found[f"rocky/{name}"]["size"] for name in ("root", "striped", "swap", "data")] == [64 * MIB, 40 * MIB, 8 * MIB, 32 * MIB]
    assert [(found[name]["file_system"] or {}).get("type") for name in ("rocky/root", "rocky/striped", "rocky/swap", "rocky/data")] == ["ext4", "ext4", None, "ext4"]
    assert found["rocky/swap"]["content"] == "Linux swap"


def test_triage_reads_every_file_of_the_logical_volumes(kanshiki, disk, tmp_path):
    kanshiki("triage", disk / "disk", "-o", tmp_path / "out").expect(0)
    listing = [json.loads(line) for line in (tmp_path / "out/listing.jsonl").read_text().splitlines()]
    of = {number: {each["path"] for each in listing if each["volume"] == number} for number in (1, 4, 5, 7)}
    assert "/var/log/auth.log" in of[1] and of[1] == of[4] == of[5] == of[7]
    ledger = [json.loads(line) for line in (tmp_path / "out/coverage.jsonl").read_text().splitlines()]
    gaps = [line for line in ledger if line["kind"] == "gap"]
    at = 0
    for line in ledger:
        if line["kind"] == "range":
            assert line["offset"] == at, "no byte twice, though logical volumes lie in partitions"
            at += line["size"]
    assert at == sum(line["bytes"] for line in ledger if line["kind"] == "bytes") == (disk / "disk").stat().st_size
    assert {4, 5, 7} <= {line["volume"] for line in ledger if line["kind"] == "bytes" and line["what"] == "metadata"}
    assert not [gap for gap in gaps if "LVM2 physical volume" in json.dumps(gap)], "what they hold has been read"
    assert [gap for gap in gaps if "Linux swap" in json.dumps(gap)]


@pytest.fixture(scope="module")
def evidence(disk):
    rig.kanshiki("acquire", disk / "disk", "-o", disk / "disk.img").expect(0)
    return disk


@pytest.mark.parametrize("volume", ["rocky/root", "5"])
def test_a_file_on_a_logical_volume_is_proven(kanshiki, evidence, tmp_path, volume):
    done = kanshiki("prove", evidence / "disk.img", "/var/log/auth.log", "--volume", volume, "-o", tmp_path / "a.json", "--json").expect(0).json
    assert done["assignment"] == "shown" and done["sha256"] == hashlib.sha256(LOG).hexdigest()
    image = (evidence / "disk.img").read_bytes()
    extents = json.loads((tmp_path / "a.json").read_text())["file"]["extents"]
    assert b"".join(image[each["offset"]:][:each["size"]] for each in extents) == LOG, "where the image has them"
    assert len(extents) > (40 if volume == "5" else 0), "64 KiB a stripe"
    shown = kanshiki("check", tmp_path / "a.json", "--extract", tmp_path / "out", "--json").expect(0).json
    assert "the file system in the proven chunks gives this path this content" in shown["checked"]
    assert (tmp_path / "out").read_bytes() == LOG


def test_damage_is_explained_by_the_file_on_the_logical_volume(kanshiki, evidence, tmp_path):
    image = bytearray((evidence / "disk.img").read_bytes())
    pieces = json.loads((evidence / "pieces.json").read_text())
    striped = (evidence / "striped").read_bytes()
    in_volume = striped.index(LOG[1_500_000:1_500_064])  # a stripe in the middle of the log
    at = next(there + in_volume - offset for offset, there, size in pieces["striped"] if offset <= in_volume < offset + size)
    assert image[at:at + 64] == LOG[1_500_000:1_500_064], "the oracle"
    for path in evidence.glob("disk.img*"):
        (tmp_path / path.name).write_bytes(path.read_bytes())
    image[at] ^= 1
    (tmp_path / "disk.img").write_bytes(image)
    done = kanshiki("verify", tmp_path / "disk.img", "--explain", "--json").expect(10).json
    ranges = [each for each in done["explained"]["ranges"] if each["offset"] <= at < each["offset"] + each["size"]]
    assert len(ranges) == 1
    files = [each for each in ranges[0]["files"] if each["path"] == "/var/log/auth.log"
             and each["offset"] <= at < each["offset"] + each["size"]]
    assert [each["volume"] for each in files] == [5], ranges[0]
    assert files[0]["offset_in_file"] + at - files[0]["offset"] == 1_500_000
    said = json.dumps(ranges[0]["elsewhere"])
    assert sum(each["size"] for each in ranges[0]["files"]) + sum(each["size"] for each in ranges[0]["elsewhere"]) == ranges[0]["size"], said


def test_a_missing_physical_volume_is_said_and_never_zeros(kanshiki, disk, tmp_path):
    image = tmp_path / "disk"
    run("cp", "--sparse=always", disk / "disk", image)
    with open(image, "r+b") as file:  # its label is gone
        file.seek(330000 * 512)
        file.write(bytes(2048))
    found, notices = volumes(kanshiki, image)
    assert found["rocky/root"]["file_system"]["type"] == "ext4", "all of it is on the first"
    assert found["rocky/data"]["file_system"] is None and "not in this source" in found["rocky/data"]["content"]
    assert any("physical volume pv1" in notice and "not in this source" in notice for notice in notices)
    assert any(notice.startswith("LVM rocky/striped: is in part on physical volume pv1") for notice in notices)
    kanshiki("triage", image, "-o", tmp_path / "out").expect(0)
    gaps = (tmp_path / "out/coverage.jsonl").read_text()
    assert "rocky/data" in gaps and "not in this source" in gaps
    assert " of rocky/striped (which the source does not have)" in gaps
    kanshiki("acquire", image, "-o", tmp_path / "a.img").expect(0)
    refused = kanshiki("prove", tmp_path / "a.img", "/var/log/auth.log", "--volume", "rocky/striped", "-o", tmp_path / "p.json")
    assert refused.code != 0 and not (tmp_path / "p.json").exists()


KEY = b"a key of bytes \x00\xff, newline and all\n"


def encrypt(path, key, *options) -> None:
    run("cryptsetup", "reencrypt", "--encrypt", "--type", "luks2", "-q", "--batch-mode", "--reduce-device-size", "32M", "--key-file", key,
        *(options or ["--pbkdf", "pbkdf2", "--pbkdf-force-iterations", "1000"]), path)


@pytest.fixture(scope="module")
def encrypted(tmp_path_factory):
    """A disk of MBR: LVM inside LUKS2 with argon2id, as installers make it; and an LV "vault" that is LUKS itself, outside of it."""
    folder = tmp_path_factory.mktemp("luks")
    root = tree(tmp_path_factory.mktemp("tree"))
    (folder / "key").write_bytes(KEY)
    inner = sized(folder / "inner", 96 * MIB)
    with lvm_on(folder / "inner-etc", (inner, 0, 64 * MIB)) as lvm:
        lvm("pvcreate", *lvm.devices)
        lvm("vgcreate", "debian", *lvm.devices)
        lvm.create("root", "-L", "32M", "debian")
        lvm.write("debian/root", made("ext4", folder / "root", 32 * MIB, root))
    encrypt(inner, folder / "key", "--pbkdf", "argon2id", "--pbkdf-memory", "65536", "--pbkdf-force-iterations", "4")
    vault = made("ext4", folder / "vault", 32 * MIB, root)
    sized(folder / "grown", 64 * MIB)
    run("dd", f"if={vault}", f"of={folder / 'grown'}", "bs=1M", "conv=notrunc")
    encrypt(folder / "grown", folder / "key")
    image = sized(folder / "disk", 200 * MIB)
    subprocess.run(["sfdisk", "-q", image], check=True, input=b"label: dos\nstart=2048,size=196608,type=83\nstart=202752,size=204800,type=8e\n")
    run("dd", f"if={inner}", f"of={image}", "bs=1M", "seek=1", "conv=notrunc")
    with lvm_on(folder / "outer-etc", (image, 202752 * 512, 204800 * 512)) as lvm:
        lvm("pvcreate", *lvm.devices)
        lvm("vgcreate", "outer", *lvm.devices)
        lvm.create("vault", "-L", "64M", "outer")
        lvm.write("outer/vault", folder / "grown")
    return folder


def test_encrypted_volumes_are_named_and_keep_their_numbers(kanshiki, encrypted):
    shut, _ = volumes(kanshiki, encrypted / "disk")
    assert list(shut) == [1, 2, "outer/vault"]
    for name in (1, "outer/vault"):
        assert shut[name]["content"].startswith("LUKS2 encrypted volume ") and shut[name]["content"].endswith("not read: --key-file opens it")
    opened, notices = volumes(kanshiki, encrypted / "disk", "--key-file", encrypted / "key")
    assert notices == []
    assert {name: each["number"] for name, each in shut.items()}.items() <= {name: each["number"] for name, each in opened.items()}.items()
    roots = [name for name, each in opened.items() if each["file_system"]]
    assert len(roots) == 2 and "debian/root" in roots and any(str(name).startswith("luks-") for name in roots)
    assert sorted(each["number"] for each in opened.values()) == list(range(1, 7))


def test_triage_reads_what_the_key_opens_and_says_what_it_does_not(kanshiki, encrypted, tmp_path):
    """In the jail: key derivation opens no file there."""
    kanshiki("triage", encrypted / "disk", "-o", tmp_path / "shut").expect(0)
    gaps = [line for line in (tmp_path / "shut/coverage.jsonl").read_text().splitlines() if '"kind":"gap"' in line]
    assert "\n".join(gaps).count("not read: --key-file opens it") == 2
    kanshiki("triage", encrypted / "disk", "-o", tmp_path / "open", "--key-file", "-", stdin=KEY).expect(0)
    listing = [json.loads(line) for line in (tmp_path / "open/listing.jsonl").read_text().splitlines()]
    assert len([each for each in listing if each["path"] == "/var/log/auth.log"]) == 2
    assert "LUKS" not in (tmp_path / "open/coverage.jsonl").read_text()


def test_a_wrong_key_is_one_line_and_exit_6(kanshiki, encrypted, tmp_path):
    (tmp_path / "wrong").write_bytes(KEY[:-1])
    for command in (["info"], ["triage", "-o", tmp_path / "out"]):
        done = kanshiki(*command, encrypted / "disk", "--key-file", tmp_path / "wrong").expect(6)
        assert done.stderr.count("\n") == 1 and "volume 1 (LUKS2" in done.stderr and "none of the keys given opens it" in done.stderr
    (tmp_path / "empty").write_bytes(b"")
    assert "is empty" in kanshiki("info", encrypted / "disk", "--key-file", tmp_path / "empty").expect(2).stderr
    assert "No such file" in kanshiki("info", encrypted / "disk", "--key-file", tmp_path / "none").expect(2).stderr


def test_nothing_is_proven_of_a_file_whose_ciphertext_the_image_has(kanshiki, encrypted, tmp_path):
    kanshiki("acquire", encrypted / "disk", "-o", tmp_path / "a.img").expect(0)
    done = kanshiki("prove", tmp_path / "a.img", "/var/log/auth.log", "-o", tmp_path / "p.json").expect(2)
    assert "ciphertext" in done.stderr and not (tmp_path / "p.json").exists()


def made_by_kernel(path, size, root, mkfs) -> None:
    sized(path, size)
    run(*mkfs, path, env=dict(os.environ, TEST_DIR="x", TEST_DEV="x", QA_CHECK_FS="x"))  # mkfs.xfs: less than 300 MiB, as its own tests may
    with mounted(path) as folder:
        run("cp", "-a", f"{root}/.", folder)


@pytest.fixture(scope="module")
def roots(tmp_path_factory):
    """A whole disk as physical volume, with XFS, Btrfs and ext4 on volumes of two segments each."""
    folder = tmp_path_factory.mktemp("roots")
    root = tree(tmp_path_factory.mktemp("tree"))
    sizes = {"xfs": 64, "btrfs": 128, "ext4": 32}
    for kind, mkfs in {"xfs": ["mkfs.xfs", "-q"], "btrfs": ["mkfs.btrfs", "-q"], "ext4": ["mkfs.ext4", "-q"]}.items():
        made_by_kernel(folder / kind, sizes[kind] * MIB, root, mkfs)
    with lvm_on(folder / "etc", sized(folder / "disk", 256 * MIB)) as lvm:
        lvm("pvcreate", *lvm.devices)
        lvm("vgcreate", "vg", *lvm.devices)
        for kind in sizes:
            lvm.create(kind, "-L", "16M", "vg")
        for kind, size in sizes.items():
            lvm("lvextend", "-L", f"{size}M", f"vg/{kind}")
            assert len(lvm.report("lvs", "seg_start", "--segments", f"vg/{kind}")) == 2
            lvm.write(f"vg/{kind}", folder / kind)
    return folder, root


@pytest.mark.parametrize("kind", ["xfs", "btrfs", "ext4"])
def test_root_file_systems_on_logical_volumes(kanshiki, roots, kind):
    folder, _ = roots

    def listed(image, *options):
        done = kanshiki("ls", image, "-R", "--json", "--hash", "--quiet", *options).expect(0)
        entries = [json.loads(line) for line in done.stdout.splitlines()]
        return {each["path"]: each.get("sha256") for each in entries if not each["deleted"]}
    found, _ = volumes(kanshiki, folder / "disk")
    inside = listed(folder / "disk", "--volume", found[f"vg/{kind}"]["number"])
    assert inside == listed(folder / kind), "as the file system alone"
    assert inside["/var/log/auth.log"] == hashlib.sha256(LOG).hexdigest() and inside["/etc/passwd"] == hashlib.sha256(PASSWD).hexdigest()
    assert set(inside) >= {f"/many{number}" for number in range(300)}


def test_gpt_of_a_disk_with_sectors_of_4096_bytes(kanshiki, tmp_path):
    image = sized(tmp_path / "disk", 64 * MIB)
    device = run("losetup", "--show", "--find", "--sector-size", "4096", image).strip()
    try:
        run("sgdisk", "-n", "1:256:+16M", "-c", "1:first", "-n", "2:8192:+8M", device)
    finally:
        run("losetup", "--detach", device)
    for spoilt in (False, True):
        if spoilt:
            put(image, 4096, bytes(4096))  # the primary header
        found, notices = volumes(kanshiki, image)
        assert [(each["number"], each["offset"], each["size"]) for each in found.values()] == [(1, MIB, 16 * MIB), (2, 32 * MIB, 8 * MIB)]
        assert bool(notices) == spoilt
