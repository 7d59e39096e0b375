"""kill -9 at any moment, then --resume: the same image, root and digests as an uninterrupted run."""

import json
import os
import random
import shutil
import signal
from pathlib import Path

import pytest

from images import CHUNK, MIB, check_evidence, log_entries, make_disk

SIZE = 160 * MIB + 5 * 512
STAKE = 64 * MIB


@pytest.fixture(scope="module")
def disk(tmp_path_factory):
    return make_disk(tmp_path_factory.mktemp("source") / "disk", SIZE, seed=3)


@pytest.fixture(scope="module")
def whole(disk, tmp_path_factory):
    """What an uninterrupted run writes."""
    import rig
    folder = tmp_path_factory.mktemp("whole")
    for name in ("disk.img", "disk.img.zst"):
        rig.kanshiki("acquire", disk, "-o", folder / name, "--hash", "sha256,md5").expect(0)
    return folder


@pytest.mark.parametrize("point", range(20))
def test_killed_at_a_seeded_point(start, kanshiki, bad_disk, disk, whole, tmp_path, point):
    dice = random.Random(point)
    name = ["disk.img", "disk.img.zst"][point % 2]
    image, resumed = tmp_path / name, []
    slow = bad_disk(disk, delay=0.002)
    for at in sorted(dice.sample(range(SIZE), 2)):  # killed twice
        run = start("acquire", slow.path, "-o", image, "--hash", "sha256,md5", "--progress", "json", "--resume")
        run.wait_for(lambda: run.progress["done"] >= at or not run.running, f"byte {at}")
        run.signal(signal.SIGKILL)
        seen = run.finish()
        if seen.code == 0:
            break
        if os.path.exists(f"{image}.chunks"):
            assert os.path.getsize(f"{image}.chunks") // 32 * CHUNK >= run.progress["done"] - STAKE
    last = kanshiki("acquire", slow.path, "-o", image, "--hash", "sha256,md5", "--json", "--resume").expect(0)
    manifest = check_evidence(image, disk.read_bytes())
    assert manifest["image"]["digests"] == json.loads((whole / f"{name}.manifest.json").read_text())["image"]["digests"]
    assert image.read_bytes() == (whole / name).read_bytes(), "the very same file"
    if last.json["resumed_at"] is not None:
        assert manifest["time"]["resumed_at"][-1] == last.json["resumed_at"]


@pytest.fixture
def unfinished(start, bad_disk, disk, tmp_path):
    """An image killed after its first checkpoints, and the disk it came from."""

    def make(name="disk.img", bad=()):
        slow = bad_disk(disk, delay=0.002, bad=list(bad))
        image = tmp_path / name
        run = start("acquire", slow.path, "-o", image, "--progress", "json")
        run.wait_size(f"{image}.chunks", 48 * 32)
        run.signal(signal.SIGKILL)
        assert run.finish().code == -signal.SIGKILL
        return image, slow.path

    return make


def test_a_changed_partial_stops_it(kanshiki, unfinished):
    image, disk = unfinished()
    with open(f"{image}.partial", "r+b") as file:
        file.seek(7 * CHUNK + 100)
        byte = file.read(1)[0]
        file.seek(7 * CHUNK + 100)
        file.write(bytes([byte ^ 1]))
    done = kanshiki("acquire", disk, "-o", image, "--resume").expect(10)
    assert f"byte {7 * CHUNK}" in done.stderr
    assert not image.exists() and Path(f"{image}.partial").exists()


def test_another_source_stops_it(kanshiki, unfinished, disk, tmp_path):
    image, slow = unfinished()
    other = tmp_path / "other"
    data = bytearray(disk.read_bytes())
    kept = os.path.getsize(f"{image}.chunks") // 32 * CHUNK
    data[kept - 100] ^= 1  # same size, same partition table: only the last kept chunks tell
    other.write_bytes(data)
    assert "no longer holds" in kanshiki("acquire", other, "-o", image, "--resume").expect(6).stderr
    shorter = make_disk(tmp_path / "shorter", SIZE - 512, seed=3)
    assert "source_size" in kanshiki("acquire", shorter, "-o", image, "--resume").expect(6).stderr
    assert "--hash" in kanshiki("acquire", slow, "-o", image, "--resume", "--hash", "md5").expect(6).stderr
    kanshiki("acquire", slow, "-o", image, "--resume").expect(0)  # none of that did any harm
    check_evidence(image, disk.read_bytes())


def test_a_doctored_log_stops_it(kanshiki, unfinished):
    image, disk = unfinished()
    log = Path(f"{image}.log.jsonl")
    log.write_bytes(log.read_bytes().replace(b'"event":"start"', b'"event":"Start"'))
    kanshiki("acquire", disk, "-o", image, "--resume").expect(2)


@pytest.mark.parametrize("name", ["disk.img.zst", pytest.param("disk.E01", marks=pytest.mark.full), pytest.param("disk.001", marks=pytest.mark.full)])
@pytest.mark.parametrize("call", ["openat", "pwrite64", "fdatasync", "fsync", "ftruncate", "fallocate", "rename", "fchmod", "chmod"])
def test_killed_inside_any_call_that_touches_a_file(kanshiki, tmp_path, call, name):
    """strace delivers SIGKILL on the n-th such call, for every n until the run gets through: no window is left out."""
    disk = make_disk(tmp_path / "disk", (3 if name == "disk.img.zst" else 5) * CHUNK + 100, seed=5)  # two segments
    for nth in range(1, 1000):
        image = tmp_path / str(nth) / name
        image.parent.mkdir(mode=0o700)
        wrapper = ["strace", "-f", "-qq", "-o", "/dev/null", "-e", f"trace={call}", "-e", f"inject={call}:signal=SIGKILL:when={nth}"]
        killed = kanshiki("acquire", disk, "-o", image, "--split", "1M", wrapper=wrapper)
        if killed.code == 0:
            assert nth > 1, f"{call} is never made"
            return
        kanshiki("acquire", disk, "-o", image, "--split", "1M", "--resume").expect(0)
        check_evidence(image, disk.read_bytes())
    raise AssertionError("it never got through")


def test_missing_companions_cannot_be_resumed(kanshiki, unfinished):
    image, disk = unfinished()
    os.remove(f"{image}.log.jsonl")
    assert "--force" in kanshiki("acquire", disk, "-o", image, "--resume").expect(2).stderr


def test_a_torn_log_line_and_a_torn_leaf_are_cut_off(kanshiki, unfinished, disk):
    image, slow = unfinished()
    with open(f"{image}.log.jsonl", "ab") as file:
        file.write(b'{"seq":1,"time":"2026-')
    with open(f"{image}.chunks", "ab") as file:
        file.write(b"torn")
    kanshiki("acquire", slow, "-o", image, "--resume").expect(0)
    check_evidence(image, disk.read_bytes())
    assert any("torn" in entry["event"] for entry in log_entries(image))


@pytest.mark.parametrize("name", ["disk.img", "disk.img.zst"])
def test_a_power_loss_that_took_data_after_the_checkpoint(kanshiki, unfinished, disk, name):
    image, slow = unfinished(name)
    size = os.path.getsize(f"{image}.partial")
    os.truncate(f"{image}.partial", size - 3000)  # in the middle of a frame, of a chunk
    done = kanshiki("acquire", slow, "-o", image, "--resume")
    if name == "disk.img" and done.code == 10:  # a raw image cannot tell a lost tail from zeros; its leaves can
        assert "not the one that was read" in done.stderr
        return
    done.expect(0)
    check_evidence(image, disk.read_bytes())


def test_unreadable_ranges_before_the_resume_point_are_not_forgotten(kanshiki, unfinished, disk):
    bad = [(5 * MIB, 1024), (SIZE - 5 * 512, 512)]
    image, slow = unfinished(bad=bad)
    done = kanshiki("acquire", slow, "-o", image, "--resume", "--json").expect(4)
    assert [(row["offset"], row["size"]) for row in done.json["unreadable"]] == bad
    expected = bytearray(disk.read_bytes())
    for offset, length in bad:
        expected[offset:offset + length] = bytes(length)
    check_evidence(image, bytes(expected))


def test_two_unfinished_images_go_on_together(start, kanshiki, bad_disk, disk, tmp_path):
    slow = bad_disk(disk, delay=0.002)
    images = ["-o", tmp_path / "disk.img", "-o", tmp_path / "disk.img.zst"]
    run = start("acquire", slow.path, *images)
    run.wait_size(tmp_path / "disk.img.zst.chunks", 48 * 32)
    run.signal(signal.SIGKILL)
    run.finish()
    assert kanshiki("acquire", slow.path, *images, "--resume", "--json").expect(0).json["resumed_at"] >= 24 * MIB
    for name in ("disk.img", "disk.img.zst"):
        check_evidence(tmp_path / name, disk.read_bytes())


def test_nothing_to_resume_starts_afresh_and_says_so(kanshiki, disk, tmp_path):
    done = kanshiki("acquire", disk, "-o", tmp_path / "disk.img", "--resume").expect(0)
    assert "nothing to resume" in done.stderr
    check_evidence(tmp_path / "disk.img", disk.read_bytes())


def test_a_complete_image_needs_nothing(kanshiki, disk, tmp_path):
    image = tmp_path / "disk.img"
    kanshiki("acquire", disk, "-o", image).expect(0)
    before = {name: (tmp_path / name).read_bytes() for name in os.listdir(tmp_path)}
    done = kanshiki("acquire", disk, "-o", image, "--resume", "--json").expect(0)
    assert done.json["was_complete"] and done.json["size"] == SIZE
    assert {name: (tmp_path / name).read_bytes() for name in os.listdir(tmp_path)} == before


def test_killed_between_manifest_and_name(kanshiki, disk, tmp_path):
    image = tmp_path / "disk.img"
    kanshiki("acquire", disk, "-o", image).expect(0)
    shutil.move(image, f"{image}.partial")  # all that is left to do is the last rename
    done = kanshiki("acquire", disk, "-o", image, "--resume", "--json").expect(0)
    assert done.json["resumed_at"] == SIZE
    check_evidence(image, disk.read_bytes())


def test_a_file_size_limit_is_a_full_destination(kanshiki, disk, tmp_path):
    image = tmp_path / "k.img.zst"
    done = kanshiki("acquire", disk, "-o", image, wrapper=("prlimit", f"--fsize={2 * MIB}")).expect(5)
    assert "go on with --resume" in done.stderr and not image.exists()
    kanshiki("acquire", disk, "-o", image, "--resume").expect(0)
    check_evidence(image, disk.read_bytes())
