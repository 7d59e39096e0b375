"""kanshiki triage: every name, its times, and what mactime and fls make of the same image."""

import json
import os
import random
import signal
import stat
import struct
import subprocess
from datetime import datetime, timezone

import pytest

from volumes import MIB, mounted, put, run, sized, walk

HOSTILE = [b"new\nline", b"pipe|pipe", b"tab\tbell\x07esc\x1b[31m", b"not utf-8 \xff\xfe", "鑑識 \u202egpj".encode(), b"back\\slash",
           b"=cmd|'C calc'!A0", b" leading", b"-rf", b"<script>alert(1)<script>", b"x" * 255]


def lines(folder, name) -> list:
    return [json.loads(line) for line in (folder / name).read_text(encoding="utf-8").splitlines()]


def gaps(folder) -> list:
    return [line for line in lines(folder, "coverage.jsonl") if line["kind"] == "gap"]


def accounted(folder, size) -> dict:
    """The sums by class, after a look at the ledger: every byte once, every name once."""
    ledger, at = lines(folder, "coverage.jsonl"), 0
    for line in ledger:
        if line["kind"] == "range":
            assert line["offset"] == at and line["size"] > 0
            at += line["size"]
    assert at == size
    assert sum(line["bytes"] for line in ledger if line["kind"] == "bytes") == size
    assert sum(line["names"] for line in ledger if line["kind"] == "names") == len(lines(folder, "listing.jsonl"))
    return {(line["volume"], line["treated"], line["what"]): line["bytes"] for line in ledger if line["kind"] == "bytes"}


def path_of(entry) -> bytes:
    if "path_hex" in entry:
        return bytes.fromhex(entry["path_hex"])
    return entry["path"].replace("\\\\", "\\").encode()


def nanoseconds(text) -> int:
    whole, fraction = text.rstrip("Z").split(".")
    return int(datetime.fromisoformat(whole).replace(tzinfo=timezone.utc).timestamp()) * 10**9 + int(fraction)


def fill(top):
    """A tree with everything that a reader may get wrong."""
    for name in HOSTILE:
        with open(os.path.join(os.fsencode(top), name), "wb") as file:
            file.write(b"h")
    (top / "etc").mkdir()
    (top / "etc/passwd").write_text("root:x:0:0:root:/root:/bin/bash\n")
    for length in (1, 59, 60, 61, 300, 1000):
        os.symlink("t" * length, top / f"link{length}")
    with open(top / "fragmented", "wb") as file:
        for block in range(2200):
            file.seek(block * 2 * 4096)
            file.write(bytes([block % 251]) * 4096)
    os.mkfifo(top / "fifo")
    os.mknod(top / "null", 0o666 | stat.S_IFCHR, os.makedev(1, 3))
    (top / "many").mkdir()
    for number in range(1500):
        (top / f"many/file {number}").write_text("m")
    os.chown(top / "etc/passwd", 70000, 70001)
    os.chmod(top / "etc/passwd", 0o6755)
    os.utime(top / "etc/passwd", ns=(1_234_567_890_123_456_789, 987_654_321_987_654_321))


@pytest.mark.parametrize("kind", ["ext2", "ext3", "ext4"])
def test_the_listing_is_what_the_kernel_shows(kanshiki, tmp_path, kind):
    image = sized(tmp_path / "image", 96 * MIB)
    run("mkfs." + kind, "-q", "-b", "4096", image)
    with mounted(image) as top:
        fill(top)
        (top / "gone").write_text("deleted")
        expected = walk(top)
        os.remove(top / "gone")
    out = tmp_path / "out"
    result = kanshiki("triage", image, "-o", out, "--json").expect(0).json
    assert [volume["file_system"]["type"] for volume in result["volumes"]] == [kind]
    assert not gaps(out)
    sums = accounted(out, image.stat().st_size)
    assert sums[0, "skipped", "free space"] > 8 * MIB and sums[0, "skipped", "content of files"] > 0
    assert sum(line["bytes"] for line in result["coverage"]["bytes"]) == image.stat().st_size
    gone = expected.pop(b"/gone")
    found = {path_of(entry): entry for entry in lines(out, "listing.jsonl") if not entry["deleted"]}
    assert set(found) == set(expected)
    for path, (status, target) in expected.items():
        entry = found[path]
        assert (entry["inode"], entry["size"], entry["uid"], entry["gid"], entry["links"]) == \
            (status.st_ino, status.st_size, status.st_uid, status.st_gid, status.st_nlink), path
        assert int(entry["mode"], 8) == stat.S_IMODE(status.st_mode)
        assert entry.get("target", "").encode() == target
        exact = 1 if kind == "ext4" else 10**9
        assert nanoseconds(entry["modified"]) // exact * exact == status.st_mtime_ns // exact * exact, path
        assert nanoseconds(entry["changed"]) // exact * exact == status.st_ctime_ns // exact * exact, path
    deleted = [entry for entry in lines(out, "listing.jsonl") if entry["deleted"]]
    assert any(entry["inode"] == gone[0].st_ino for entry in deleted), "the deleted inode, by name or as an orphan"
    assert all(stat.S_IMODE(os.stat(out / name).st_mode) == 0o400 for name in os.listdir(out))
    assert stat.S_IMODE(os.stat(out).st_mode) == 0o700


def test_the_bodyfile_agrees_with_fls_and_mactime_reads_it(kanshiki, tmp_path):
    image = sized(tmp_path / "image", 96 * MIB)
    run("mkfs.ext4", "-q", "-b", "4096", image)
    with mounted(image) as top:
        fill(top)
    kanshiki("triage", image, "-o", tmp_path / "out").expect(0)

    def rows(text):
        kept = {}
        for line in text.splitlines():
            fields = line.split("|")
            name = fields[1].split(" -> ")[0]  # fls knows no target of a long link
            if len(fields) == 11 and "(deleted" not in name and "$OrphanFiles" not in name and name.isprintable() and "\\" not in name:
                kept[name] = fields[2:]
        return kept

    ours = rows((tmp_path / "out/bodyfile").read_text())
    theirs = rows(run("fls", "-r", "-m", "/", image))
    plain = {name for name in theirs if "^" not in name and "pipe" not in name}  # fls: ^ for a control character
    assert len(plain) > 1500
    for name in plain:
        assert ours[name] == theirs[name], name

    table = run("mactime", "-b", tmp_path / "out/bodyfile", "-d", "-y", "-z", "UTC").splitlines()
    passwd = [line.split(",")[:4] for line in table if '"/etc/passwd"' in line]
    assert ["2001-04-19T04:25:21Z", "32", "m...", "r/rrwsr-sr-x"] in passwd
    assert ["2009-02-13T23:31:30Z", "32", ".a..", "r/rrwsr-sr-x"] in passwd
    assert any("new\\x0aline" in line for line in table), "one name, one line"


def test_ntfs_with_streams_and_deleted_files(kanshiki, tmp_path):
    image = sized(tmp_path / "image", 32 * MIB)
    run("mkntfs", "-q", "-F", "-L", "windows", image)
    with mounted(image, "-t", "ntfs-3g", "-o", "streams_interface=windows") as top:
        (top / "dir").mkdir()
        (top / "dir/report.docx").write_bytes(random.Random(1).randbytes(300_000))
        (top / "dir/report.docx:Zone.Identifier").write_text("[ZoneTransfer]\nZoneId=3\n")
        (top / "deleted.exe").write_bytes(b"MZ" * 5000)
        os.remove(top / "deleted.exe")
    kanshiki("triage", image, "-o", tmp_path / "out").expect(0)
    found = {entry["path"]: entry for entry in lines(tmp_path / "out", "listing.jsonl")}
    assert found["/dir/report.docx"]["size"] == 300_000
    assert found["/dir/report.docx:Zone.Identifier"]["size"] == 24
    assert found["/dir/report.docx:Zone.Identifier"]["inode"] == found["/dir/report.docx"]["inode"]
    deleted = [path for path, entry in found.items() if entry["deleted"] and "deleted.exe" in path]
    assert deleted and found[deleted[0]]["size"] == 10_000


def test_fat_on_a_logical_partition(kanshiki, tmp_path):
    image = sized(tmp_path / "image", 48 * MIB)
    layout = "label: dos\nstart=2048,size=4096,type=83\nstart=8192,type=5\nstart=10240,size=65536,type=c\n"
    run("sfdisk", image, input=layout)
    part = sized(tmp_path / "part", 65536 * 512)
    run("mkfs.vfat", "-n", "STICK", part)
    run("mcopy", "-i", part, __file__, "::/A long name.py")
    put(image, 10240 * 512, part.read_bytes())
    result = kanshiki("triage", image, "-o", tmp_path / "out", "--json").expect(0).json
    assert result["scheme"] == "mbr"
    assert [volume["number"] for volume in result["volumes"]] == [5]
    names = [entry["path"] for entry in lines(tmp_path / "out", "listing.jsonl")]
    assert "/A long name.py" in names
    assert any("/p5/A long name.py" in line for line in (tmp_path / "out/bodyfile").read_text().splitlines())
    missing = [entry for entry in gaps(tmp_path / "out") if entry["volume"] == 1]
    assert missing[0]["why"] == "no file system that is known"


def test_gpt_with_a_damaged_primary_table(kanshiki, tmp_path):
    image = sized(tmp_path / "image", 64 * MIB)
    run("sgdisk", "-n", "1:2048:+32M", "-c", "1:root", image)
    part = sized(tmp_path / "part", 32 * MIB)
    run("mke2fs", "-q", "-t", "ext4", "-L", "root", part)
    put(image, MIB, part.read_bytes())
    put(image, 512 + 56, b"\xff")
    done = kanshiki("triage", image, "-o", tmp_path / "out", "--json", "--progress", "none").expect(0)
    assert done.json["scheme"] == "gpt" and done.json["volumes"][0]["file_system"]["label"] == "root"
    assert any("the backup at sector" in entry["why"] for entry in gaps(tmp_path / "out"))


def test_the_output_is_the_same_for_any_number_of_threads(kanshiki, demo_volume, tmp_path):
    for threads in (1, 2, 8):
        kanshiki("triage", demo_volume, "-o", tmp_path / str(threads), "--threads", threads).expect(0)
    for name in sorted(os.listdir(tmp_path / "1")):
        if name == "report.html":  # it tells when it was made
            continue
        first = (tmp_path / "1" / name).read_bytes()
        assert first == (tmp_path / "2" / name).read_bytes() == (tmp_path / "8" / name).read_bytes(), name


def test_a_source_with_bad_sectors_is_read_around_them(kanshiki, bad_disk, tmp_path):
    image = sized(tmp_path / "image", 16 * MIB)
    run("mkfs.ext4", "-q", image)
    with mounted(image) as top:
        (top / "folder").mkdir()
        for number in range(50):
            (top / f"folder/{number}").write_text("x")
    block = int(run("debugfs", "-R", "blocks /folder", image).split()[0])
    size = int(run("dumpe2fs", "-h", image).split("Block size:")[1].split()[0])
    disk = bad_disk(image, bad=[(block * size, 512)])
    kanshiki("triage", disk.path, "-o", tmp_path / "out").expect(0)
    missing = gaps(tmp_path / "out")
    assert any(entry["path"] == "/folder" and f"source bytes {block * size}" in entry["where"] for entry in missing), missing


def test_directories_in_circles_end(kanshiki, tmp_path):
    image = sized(tmp_path / "image", 16 * MIB)
    run("mkfs.ext4", "-q", image)
    script = tmp_path / "script"
    script.write_text("mkdir a\nmkdir a/b\nln a a/b/again\nln / a/b/root\n")
    run("debugfs", "-w", "-f", script, image)
    kanshiki("triage", image, "-o", tmp_path / "out", timeout=60).expect(0)
    names = [entry["path"] for entry in lines(tmp_path / "out", "listing.jsonl")]
    assert "/a/b/again" in names and "/a/b/again/b" not in names
    assert sum("already listed under another name" in entry["why"] for entry in gaps(tmp_path / "out")) == 2


@pytest.mark.parametrize("kind", ["ext4", "ntfs", "vfat", "exfat"])
def test_hostile_images_end_with_a_status_and_one_line(kanshiki, tmp_path, kind):
    """Bytes of metadata overwritten at seeded places, and images cut short: no crash, no hang."""
    image = sized(tmp_path / "image", 24 * MIB)
    run(*{"ext4": ["mkfs.ext4", "-q"], "ntfs": ["mkntfs", "-q", "-F"], "vfat": ["mkfs.vfat"], "exfat": ["mkfs.exfat"]}[kind], image)
    good = image.read_bytes()
    used = [at for at in range(0, len(good), 512) if any(good[at:at + 512])]
    crashes = []
    for seed in range(12):
        dice = random.Random(f"{kind}{seed}")
        bad = bytearray(good)
        for _ in range(dice.choice([1, 4, 40])):
            at = dice.choice(used) + dice.randrange(512)
            bad[at:at + 8] = dice.choice([b"\xff" * 8, bytes(8), struct.pack("<Q", 1 << 63), dice.randbytes(8)])
        (tmp_path / "bad").write_bytes(bad[:dice.choice([len(bad), len(bad) // 2 + 100, 5000])])
        done = kanshiki("triage", tmp_path / "bad", "-o", tmp_path / f"out{seed}", "--progress", "none", timeout=120)
        assert done.code in (0, 11, 70), done
        assert done.code == 0 or len(done.stderr.strip().splitlines()) == 1, done.stderr
        if done.code == 70:
            crashes.append(seed)
    assert not crashes, f"libtsk crashed on seeds {crashes} of {kind}"


@pytest.mark.parametrize("label", ["sun", "mac"])
def test_tables_of_other_systems_with_ufs_inside(kanshiki, tmp_path, label):
    tree = tmp_path / "tree"
    (tree / "etc").mkdir(parents=True)
    (tree / "etc/passwd").write_text("root:x:0:0::/root:/bin/sh\ntoor:x:0:0::/root:/bin/sh\n")
    run("makefs", "-t", "ffs", "-o", "version=1", "-s", "8m", tmp_path / "ufs", tree)
    disk = sized(tmp_path / "disk", 32 * MIB)
    first = ["data"] if label == "mac" else []  # its partitions have names
    run("parted", "-s", disk, "mklabel", label, "mkpart", *first, "ext2", "1MiB", "9MiB", "mkpart", *first, "ext2", "16MiB", "24MiB")
    put(disk, MIB, (tmp_path / "ufs").read_bytes())
    told = [line.split(":") for line in run("parted", "-s", "-m", disk, "unit", "B", "print").splitlines()[2:]]
    ranges = {(int(row[1].rstrip("B")), int(row[3].rstrip("B"))) for row in told}
    info = kanshiki("info", disk, "--json").expect(0).json
    assert info["scheme"] == label
    ours = {(volume["offset"], volume["size"]) for volume in info["volumes"] if volume["allocated"]}
    assert {(MIB, 8 * MIB), (16 * MIB, 8 * MIB)} <= ours and ours <= ranges
    kanshiki("triage", disk, "-o", tmp_path / "out").expect(0)
    passwd, = [entry for entry in lines(tmp_path / "out", "listing.jsonl") if entry["path"] == "/etc/passwd"]
    assert passwd["size"] == (tree / "etc/passwd").stat().st_size
    assert "toor" in (tmp_path / "out/findings.jsonl").read_text()


def test_the_report_names_the_case_that_the_manifest_names(kanshiki, tmp_path):
    disk = sized(tmp_path / "disk", 4 * MIB)
    run("mkfs.ext4", "-q", disk)
    image = tmp_path / "disk.img"
    kanshiki("acquire", disk, "-o", image, "--case", "2026-42 <b>", "--evidence", "E-7", "--examiner", "A. Ito",
             "--authority", "court order 9", "--note", "found\x1b[2J running").expect(0)
    kanshiki("triage", image, "-o", tmp_path / "out").expect(0)
    report = (tmp_path / "out/report.html").read_text()
    custody = report[report.index('id="source"'):report.index('id="volumes"')]
    for name, value in {"Case": "2026-42 &lt;b&gt;", "Evidence": "E-7", "Examiner": "A. Ito", "Authority": "court order 9"}.items():
        assert f"<tr><th>{name}</th><td>{value} " in custody, name
    assert "found" in custody and "\x1b" not in report
    assert not gaps(tmp_path / "out")


def test_a_manifest_that_makes_no_sense_is_a_gap_in_the_report(kanshiki, tmp_path):
    image = sized(tmp_path / "disk.img", 4 * MIB)
    run("mkfs.ext4", "-q", image)
    (tmp_path / "disk.img.manifest.json").write_text("[" * 1000)
    done = kanshiki("triage", image, "-o", tmp_path / "out").expect(0)
    assert "without case fields" in done.stderr
    gap, = gaps(tmp_path / "out")
    assert gap["where"] == "manifest" and "disk.img.manifest.json" in gap["why"]


def test_usage(kanshiki, tmp_path):
    image = sized(tmp_path / "image", 4 * MIB)
    run("mkfs.ext4", "-q", image)
    assert "Examples:" in kanshiki("triage", "--help").expect(0).stdout
    kanshiki("triage", image).expect(2)
    kanshiki("triage", "-", "-o", tmp_path / "out").expect(2)
    kanshiki("triage", tmp_path / "missing", "-o", tmp_path / "out").expect(6)
    assert not (tmp_path / "out").exists(), "nothing is left by a source that cannot be opened"
    (tmp_path / "full").mkdir()
    (tmp_path / "full/mine").write_text("keep")
    assert "--force" in kanshiki("triage", image, "-o", tmp_path / "full").expect(2).stderr
    kanshiki("triage", image, "-o", tmp_path / "full", "--force").expect(0)
    assert (tmp_path / "full/mine").read_text() == "keep"
    before = image.read_bytes()
    kanshiki("triage", image, "-o", tmp_path / "full", "--force").expect(0)
    assert image.read_bytes() == before


def test_a_full_destination_is_its_own_exit_code(kanshiki, tmpfs, tmp_path):
    image = sized(tmp_path / "image", 64 * MIB)
    run("mkfs.ext4", "-q", image)
    with mounted(image) as top:
        for number in range(1500):
            (top / f"file {number}").write_text("")
    disk = tmpfs(64 * 1024)
    done = kanshiki("triage", image, "-o", disk.path / "out", "--progress", "none").expect(5)
    assert "cannot be written" in done.stderr


def test_what_confined_the_parser_is_said(kanshiki, tmp_path):
    image = sized(tmp_path / "image", 4 * MIB)
    run("mkfs.ext4", "-q", image)
    result = kanshiki("triage", image, "-o", tmp_path / "out", "--json").expect(0).json
    assert any(line.startswith("seccomp:") for line in result["confinement"])


def test_interrupted_by_a_signal(start, tmp_path):
    image = sized(tmp_path / "image", 1 << 30)
    run("mkfs.ext4", "-q", "-E", "lazy_itable_init=1", image)
    with mounted(image) as top:
        for folder in range(30):
            (top / str(folder)).mkdir()
            for number in range(500):
                (top / f"{folder}/{number}").touch()
    with start("triage", image, "-o", tmp_path / "out", "--progress", "json") as running:
        running.wait_progress(1000)
        running.signal(signal.SIGTERM)
        done = running.finish()
    assert done.code in (130, 0), done
    assert done.code == 0 or not [name for name in os.listdir(tmp_path / "out") if not name.endswith(".partial")]


def test_acquire_hands_the_image_over(kanshiki, tmp_path):
    disk = sized(tmp_path / "disk", 16 * MIB)
    run("mkfs.ext4", "-q", disk)
    done = kanshiki("acquire", disk, "-o", tmp_path / "disk.img.zst", "--triage", tmp_path / "out").expect(0)
    assert "ext4" in done.stdout and (tmp_path / "out/bodyfile").exists()
    done = kanshiki("acquire", disk, "-o", tmp_path / "again.img", "--triage", tmp_path / "out").expect(7)
    assert "make it up with kanshiki triage" in done.stderr and "is not empty" in done.stderr
    kanshiki("verify", tmp_path / "again.img").expect(0)
