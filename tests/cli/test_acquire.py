"""kanshiki acquire from local sources: what it writes, what it refuses, what it shows."""

import hashlib
import json
import os
import pty
import signal
import subprocess

import pytest

from images import CHUNK, MIB, check_evidence, content, disk_bytes, log_entries, make_disk

FORMATS = ["disk.img", "disk.raw", "disk.dd", "disk.img.zst"]


@pytest.fixture(scope="module")
def disk(tmp_path_factory):
    return make_disk(tmp_path_factory.mktemp("source") / "disk")


@pytest.mark.parametrize("name", FORMATS)
def test_image_and_companions_can_be_checked_without_us(kanshiki, disk, tmp_path, name):
    done = kanshiki("acquire", disk, "-o", tmp_path / name, "--hash", "sha256,md5,sha1,sha512", "--json", "--case", "42",
                    "--evidence", "E-1", "--examiner", "A. Ito", "--authority", "consent of the owner", "--note", "first\nsecond").expect(0)
    manifest = check_evidence(tmp_path / name, disk.read_bytes())
    assert manifest["case"] == {"case": "42", "evidence": "E-1", "examiner": "A. Ito", "authority": "consent of the owner", "note": "first\nsecond"}
    assert set(manifest["image"]["digests"]) == {"sha256", "md5", "sha1", "sha512"}
    assert manifest["consistency"] == "point in time"
    assert manifest["source"]["uri"] == str(disk)
    assert manifest["tool"]["arguments"][:2] == ["kanshiki", "acquire"] and "--examiner" in manifest["tool"]["arguments"]
    assert manifest["tool"]["binary_sha256"] == hashlib.sha256(open(done.command[0], "rb").read()).hexdigest()
    assert manifest["host"]["name"] == os.uname().nodename
    assert manifest["time"]["started"] <= manifest["time"]["ended"]
    first_sectors = hashlib.sha256(disk.read_bytes()[:34 * 512]).hexdigest()
    assert manifest["source"]["partition_table_sha256"] == first_sectors
    result = done.json
    assert result["root"] == manifest["image"]["root"] and result["exit"] == 0 and result["resumed_at"] is None
    assert result["digests"] == manifest["image"]["digests"]


def test_raw_is_sparse_and_zero_chunks_cost_next_to_nothing(kanshiki, tmp_path):
    disk = tmp_path / "disk"
    with open(disk, "wb") as file:
        file.write(disk_bytes(MIB, 9))
        file.truncate(256 * MIB)
    kanshiki("acquire", disk, "-o", tmp_path / "disk.img", "-o", tmp_path / "disk.img.zst").expect(0)
    assert os.stat(tmp_path / "disk.img").st_blocks * 512 <= 2 * MIB
    assert os.stat(tmp_path / "disk.img.zst").st_size <= 2 * MIB
    for image in ("disk.img", "disk.img.zst"):
        assert check_evidence(tmp_path / image, disk.read_bytes())["image"]["zero_chunks"] == 510


def test_hash_none_leaves_chunks_and_root(kanshiki, disk, tmp_path):
    kanshiki("acquire", disk, "-o", tmp_path / "disk.img", "--hash", "none").expect(0)
    assert check_evidence(tmp_path / "disk.img", disk.read_bytes())["image"]["digests"] == {}


@pytest.mark.parametrize("size", [0, 1, 511, CHUNK, CHUNK + 1])
def test_small_and_odd_sizes(kanshiki, tmp_path, size):
    disk = make_disk(tmp_path / "disk", size)
    for name in ("disk.img", "disk.img.zst"):
        kanshiki("acquire", disk, "-o", tmp_path / name).expect(0)
        check_evidence(tmp_path / name, disk.read_bytes())


def test_two_images_from_one_read(kanshiki, disk, tmp_path):
    done = kanshiki("acquire", disk, "-o", tmp_path / "a/disk.img", "-o", tmp_path / "b/disk.img.zst", "--verify", "--json").expect(0)
    a = check_evidence(tmp_path / "a/disk.img", disk.read_bytes())
    b = check_evidence(tmp_path / "b/disk.img.zst", disk.read_bytes())
    assert a["image"]["root"] == b["image"]["root"]
    assert done.json["images"] == [str(tmp_path / "a/disk.img"), str(tmp_path / "b/disk.img.zst")]
    for folder in ("a", "b"):
        assert os.stat(tmp_path / folder).st_mode & 0o777 == 0o700
    for image in (tmp_path / "a/disk.img", tmp_path / "b/disk.img.zst"):
        assert {entry["image"] for entry in log_entries(image) if entry.get("message") == "read back and equal"} == {"disk.img", "disk.img.zst"}


@pytest.mark.parametrize("name", ["disk.img", "disk.img.zst"])
def test_standard_input(kanshiki, disk, tmp_path, name):
    with subprocess.Popen(["cat", disk], stdout=subprocess.PIPE) as cat:  # short reads, as a pipe gives them
        kanshiki("acquire", "-", "-o", tmp_path / name, stdin=cat.stdout).expect(0)
    check_evidence(tmp_path / name, disk.read_bytes())


def test_the_same_bytes_for_any_number_of_threads(kanshiki, disk, tmp_path):
    for threads in (1, 2, 8):
        kanshiki("acquire", disk, "-o", tmp_path / f"{threads}.img.zst", "--threads", threads).expect(0)
    assert (tmp_path / "1.img.zst").read_bytes() == (tmp_path / "2.img.zst").read_bytes() == (tmp_path / "8.img.zst").read_bytes()


USAGE = {
    "no image": (["{disk}"], "-o"),
    "no source": (["-o", "{out}/x.img"], "SOURCE"),
    "unknown format": (["{disk}", "-o", "{out}/x.tar"], ".img .raw .dd .img.zst"),
    "unknown digest": (["{disk}", "-o", "{out}/x.img", "--hash", "sha3"], "sha256 md5 sha1 sha512"),
    "unknown option": (["{disk}", "-o", "{out}/x.img", "--frobnicate"], "--frobnicate"),
    "one image twice": (["{disk}", "-o", "{out}/x.img", "-o", "{out}/../{name}/x.img"], "twice"),
    "level": (["{disk}", "-o", "{out}/x.img.zst", "--level", "77"], "--level"),
    "resume of a stream": (["-", "-o", "{out}/x.img", "--resume"], "standard input"),
}


@pytest.mark.parametrize("case", USAGE)
def test_usage_errors_say_what(kanshiki, disk, tmp_path, case):
    words, says = USAGE[case]
    done = kanshiki("acquire", *[word.format(disk=disk, out=tmp_path, name=tmp_path.name) for word in words]).expect(2)
    assert says in done.stderr and done.stderr.count("\n") == 1
    assert os.listdir(tmp_path) == []


REFUSED = {"missing": "/nonexistent/disk", "a folder": "/", "a character device": "/dev/null"}


@pytest.mark.parametrize("case", REFUSED)
def test_sources_that_cannot_be_are_refused(kanshiki, tmp_path, case):
    done = kanshiki("acquire", REFUSED[case], "-o", tmp_path / "x.img").expect(6)
    assert REFUSED[case] in done.stderr and done.stderr.count("\n") == 1
    assert os.listdir(tmp_path) == []


def test_evidence_is_never_overwritten_unasked(kanshiki, disk, tmp_path):
    image = tmp_path / "disk.img"
    kanshiki("acquire", disk, "-o", image).expect(0)
    before = {name: (tmp_path / name).read_bytes() for name in os.listdir(tmp_path)}
    assert "--force" in kanshiki("acquire", disk, "-o", image).expect(2).stderr
    assert {name: (tmp_path / name).read_bytes() for name in os.listdir(tmp_path)} == before
    other = make_disk(tmp_path / "other", 5 * MIB, seed=2)
    kanshiki("acquire", other, "-o", image, "--force").expect(0)
    check_evidence(image, other.read_bytes())


def test_a_manifest_whose_image_is_gone_is_not_overwritten_unasked(kanshiki, disk, tmp_path):
    image = tmp_path / "disk.img"
    kanshiki("acquire", disk, "-o", image).expect(0)
    os.remove(image)
    for resume in ([], ["--resume"]):
        assert "manifest is here" in kanshiki("acquire", disk, "-o", image, *resume).expect(2).stderr
    kanshiki("acquire", disk, "-o", image, "--force").expect(0)
    check_evidence(image, disk.read_bytes())


def test_an_unfinished_image_is_not_overwritten_unasked(kanshiki, disk, tmp_path):
    (tmp_path / "disk.img.partial").write_bytes(b"what came")
    assert "--resume" in kanshiki("acquire", disk, "-o", tmp_path / "disk.img").expect(2).stderr
    assert (tmp_path / "disk.img.partial").read_bytes() == b"what came"


def test_a_block_device_tells_who_it_is(kanshiki, loop_device, disk, tmp_path):
    device = loop_device(disk)
    kanshiki("acquire", device.path, "-o", tmp_path / "disk.img").expect(0)
    manifest = check_evidence(tmp_path / "disk.img", disk.read_bytes())
    assert manifest["source"]["kind"] == "device"
    assert manifest["source"]["identity"]["backing_file"] == str(disk)
    assert manifest["source"]["logical_sector"] == 512


def test_a_file_behind_a_writable_loop_device_is_in_use(kanshiki, loop_device, disk, tmp_path):
    device = loop_device(disk, read_only=False)
    refusal = kanshiki("acquire", disk, "-o", tmp_path / "no.img").expect(6)
    assert f"behind the writable {device.path}" in refusal.stderr and "--allow-in-use" in refusal.stderr
    kanshiki("acquire", disk, "-o", tmp_path / "live.img", "--allow-in-use").expect(0)
    manifest = json.loads((tmp_path / "live.img.manifest.json").read_text())
    assert manifest["consistency"].startswith("live") and "writable" in manifest["live_because"]


def test_a_mounted_source_is_refused_and_live_when_allowed(kanshiki, loop_device, tmp_path):
    disk, mount = tmp_path / "disk", tmp_path / "mount"
    disk.write_bytes(bytes(8 * MIB))
    subprocess.run(["mke2fs", "-q", "-t", "ext4", disk], check=True)
    mount.mkdir()
    device = loop_device(disk, read_only=False)
    subprocess.run(["mount", device.path, mount], check=True)
    try:
        done = kanshiki("acquire", device.path, "-o", tmp_path / "x.img").expect(6)
        assert f"mounted on {mount}" in done.stderr and "--allow-in-use" in done.stderr
        kanshiki("acquire", device.path, "-o", tmp_path / "live.img", "--allow-in-use").expect(0)
    finally:
        subprocess.run(["umount", mount], check=True)
    manifest = check_evidence(tmp_path / "live.img", content(tmp_path / "live.img"))
    assert manifest["consistency"] == "live (not point in time)"
    times = [time for entry in log_entries(tmp_path / "live.img") if entry["event"] == "read_times" for time in entry["unix_us"]]
    assert len(times) == 16, "one for each chunk"
    assert all(time > 1_700_000_000_000_000 for time in times)


def test_progress_for_a_script_is_json_lines(kanshiki, disk, tmp_path):
    done = kanshiki("acquire", disk, "-o", tmp_path / "disk.img", "--progress", "json").expect(0)
    lines = [json.loads(line) for line in done.stderr.splitlines()]
    last = [line for line in lines if line["event"] == "progress"][-1]
    assert last["done"] == last["size"] == os.path.getsize(disk) and last["phase"] == "acquire" and last["unreadable"] == 0


def test_quiet_says_nothing(kanshiki, disk, tmp_path):
    done = kanshiki("acquire", disk, "-o", tmp_path / "disk.img", "--quiet").expect(0)
    assert done.stdout == "" and done.stderr == ""


def test_a_terminal_gets_a_bar(disk, tmp_path):
    import rig
    near, far = pty.openpty()
    process = subprocess.Popen([rig.binary(), "acquire", disk, "-o", tmp_path / "disk.img"], stdin=far, stdout=far, stderr=far)
    os.close(far)
    shown = b""
    try:
        while piece := os.read(near, 65536):
            shown += piece
    except OSError:  # the terminal is gone with the program
        pass
    os.close(near)
    assert process.wait() == 0
    assert b"\r\x1b[K[" in shown and b"(100 %)" in shown and b"root" in shown


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_writes_a_checkpoint(start, kanshiki, bad_disk, tmp_path, number):
    disk = make_disk(tmp_path / "disk", 96 * MIB)
    slow = bad_disk(disk, delay=0.005)
    image = tmp_path / "disk.img.zst"
    run = start("acquire", slow.path, "-o", image, "--progress", "json")
    run.wait_progress(8 * MIB)
    run.signal(number)
    stopped = run.finish()
    assert stopped.code == 130 and "--resume" in stopped.stderr
    kept = os.path.getsize(f"{image}.chunks") // 32 * CHUNK
    assert kept >= run.progress["done"] - CHUNK and os.path.exists(f"{image}.partial") and not os.path.exists(image)
    done = kanshiki("acquire", slow.path, "-o", image, "--resume", "--json").expect(0)
    assert done.json["resumed_at"] == kept
    assert check_evidence(image, disk.read_bytes())["time"]["resumed_at"] == [kept]
