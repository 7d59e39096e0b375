"""Local sources that cannot be read everywhere, go away, or shrink; destinations that fill up."""

import os
import subprocess

import pytest

from images import CHUNK, MIB, check_evidence, log_entries, make_disk

SECTOR = 512
# What a bad disk may look like. Each row: the unreadable ranges. Rows with none must still succeed.
DAMAGE = {
    "none": [],
    "first sector": [(0, SECTOR)],
    "last sector": [(8 * MIB - SECTOR, SECTOR)],
    "one sector inside": [(3 * MIB + 7 * SECTOR, SECTOR)],
    "every other sector": [(MIB + at * SECTOR, SECTOR) for at in range(0, 64, 2)],
    "across a chunk": [(2 * CHUNK - 2 * SECTOR, 4 * SECTOR)],
    "a whole chunk": [(4 * CHUNK, CHUNK)],
    "three chunks and a half": [(5 * CHUNK, 3 * CHUNK + CHUNK // 2)],
    "everything": [(0, 8 * MIB)],
}


def with_zeros(data: bytes, bad) -> bytes:
    out = bytearray(data)
    for offset, size in bad:
        out[offset:offset + size] = bytes(size)
    return bytes(out)


@pytest.fixture(scope="module")
def disk(tmp_path_factory):
    """Random all over, so that a shift or a lost neighbour shows."""
    path = tmp_path_factory.mktemp("source") / "disk"
    path.write_bytes(os.urandom(8 * MIB))
    return path


@pytest.mark.parametrize("device", [False, True], ids=["file", "loop device"])
@pytest.mark.parametrize("damage", DAMAGE)
def test_unreadable_sectors_are_zero_in_their_own_place(kanshiki, bad_disk, loop_device, disk, tmp_path, damage, device):
    bad, image = DAMAGE[damage], tmp_path / "disk.img"
    source = bad_disk(disk, bad=bad).path
    if device:
        source = loop_device(source, direct_io=True).path
    done = kanshiki("acquire", source, "-o", image, "--json").expect(4 if bad else 0)
    manifest = check_evidence(image, with_zeros(disk.read_bytes(), bad))
    found = [(row["offset"], row["size"]) for row in done.json["unreadable"]]
    assert found == bad
    assert manifest["unreadable"]["bytes"] == sum(size for _, size in bad)
    assert manifest["unreadable"]["listed_chunks"] == sorted({at // CHUNK for offset, size in bad for at in range(offset, offset + size, SECTOR)})
    listed = subprocess.run(["ddrescuelog", "--list-blocks=-", f"{image}.map"], check=True, capture_output=True, text=True).stdout.split()
    assert sorted(int(number) for number in listed) == sorted(at // SECTOR for offset, size in bad for at in range(offset, offset + size, SECTOR))
    logged = {at for entry in log_entries(image) if entry["event"] == "unreadable" for at in range(entry["offset"], entry["offset"] + entry["size"], SECTOR)}
    assert logged == {at for offset, size in bad for at in range(offset, offset + size, SECTOR)}


@pytest.mark.parametrize("name", ["disk.img", "disk.E01", "disk.001"])
def test_a_full_destination_keeps_what_came_and_goes_on(kanshiki, tmpfs, tmp_path, name):
    # Some 100 MiB of it fit; at most 64 MiB of these may be in flight when the room ends.
    disk = make_disk(tmp_path / "disk", 160 * MIB)
    room = tmpfs((30 if name == "disk.E01" else 76) * MIB)  # E01 compresses
    image = room.path / name
    done = kanshiki("acquire", disk, "-o", image).expect(5)
    assert "No space left" in done.stderr and "--resume" in done.stderr and "may not fit" in done.stderr
    assert any("partial" in path.name for path in room.path.iterdir()) and not image.exists()
    kept = os.path.getsize(f"{image}.chunks") // 32 * CHUNK
    assert kept >= 10 * MIB
    kanshiki("acquire", disk, "-o", image, "--resume").expect(5)  # still no room
    subprocess.run(["mount", "-o", "remount,size=256m", room.path], check=True)
    again = kanshiki("acquire", disk, "-o", image, "--resume", "--json").expect(0)
    assert again.json["resumed_at"] >= kept
    check_evidence(image, disk.read_bytes())


@pytest.mark.parametrize("name", ["disk.img", "disk.img.zst"])
def test_a_source_that_shrinks_is_lost_not_short(start, bad_disk, kanshiki, tmp_path, name):
    disk, full = make_disk(tmp_path / "disk", 256 * MIB), 256 * MIB
    image = tmp_path / name
    before = disk.read_bytes()
    run = start("acquire", disk, "-o", image, "--progress", "json")
    run.wait_size(f"{image}.partial", 1)
    os.truncate(disk, 100 * MIB)
    done = run.finish()
    if done.code == 0:  # read to its end before the cut: then nothing was lost
        check_evidence(image, before)
        return
    assert done.code == 3 and "shrank" in done.stderr and f"{full}" in done.stderr
    refused = kanshiki("acquire", disk, "-o", image, "--resume").expect(6)
    assert "source_size" in refused.stderr
    assert not image.exists()


def test_a_device_that_goes_away_is_lost_not_unreadable(start, bad_disk, tmp_path):
    disk = make_disk(tmp_path / "disk", 64 * MIB)
    slow = bad_disk(disk, delay=0.05)
    image = tmp_path / "disk.img"
    run = start("acquire", slow.path, "-o", image, "--progress", "json")
    run.wait_progress(4 * MIB)
    slow.crash()
    done = run.finish()
    assert done.code == 3 and "--resume" in done.stderr and "went away" in done.stderr
    assert all(entry["event"] != "unreadable" for entry in log_entries(image))
    assert not image.exists()


def test_a_fault_that_comes_and_goes(kanshiki, bad_disk, disk, tmp_path):
    switch = tmp_path / "failing"
    flaky = bad_disk(disk, failing_while=switch)
    switch.touch()
    kanshiki("acquire", flaky.path, "-o", tmp_path / "all.img").expect(4)
    check_evidence(tmp_path / "all.img", bytes(8 * MIB))
    switch.unlink()
    kanshiki("acquire", flaky.path, "-o", tmp_path / "good.img").expect(0)
    check_evidence(tmp_path / "good.img", disk.read_bytes())


def test_an_unwritable_destination_is_a_failed_destination(kanshiki, disk, tmp_path):
    blocked = tmp_path / "file"
    blocked.write_text("not a folder")
    done = kanshiki("acquire", disk, "-o", blocked / "disk.img").expect(5)
    assert str(blocked) in done.stderr and done.stderr.count("\n") == 1
