"""Pulling a volume over SSH through the agent: what it leaves, when it is taken, and that the image is the source."""

import hashlib
import json
import os
import signal
import subprocess
from pathlib import Path

import pytest
import rig
from ssh_world import MIB, SECTOR, PLAIN_DD, acquire, image, incompressible, log_of, manifest_of, ranges, refused, volume  # noqa: F401

pytestmark = pytest.mark.full

CHUNK = 512 * 1024


def by_agent(sshd, source, image, *options, **keywords):
    return acquire(sshd, source, image, *options, transport="agent", **keywords)


def identity(image) -> dict:
    return dict(manifest_of(image)["source"]["identity"])


def logged(image, event):
    return [line for line in log_of(image) if line["event"] == event]


def agents(sshd) -> dict:
    return {pid: line for pid, line in sshd.far_processes().items() if Path(f"/proc/{pid}/exe").exists() and
            "kanshiki-agent" in os.readlink(f"/proc/{pid}/exe")}


@pytest.mark.parametrize("name", ["disk.img", "disk.img.zst"])
def test_the_image_is_the_source(sshd, volume, tmp_path, name):
    image = tmp_path / name
    acquire(sshd, volume, image, transport="auto").expect(0)
    kept = image.read_bytes() if name.endswith(".img") else subprocess.run(["zstd", "-dcq", image], check=True, capture_output=True).stdout
    assert kept == volume.read_bytes()
    assert identity(image)["transport"] == "agent"
    rig.kanshiki("verify", image).expect(0)
    dd = tmp_path / "dd.img"
    by_dd = acquire(sshd, volume, dd).expect(0)
    one, other = manifest_of(dd)["image"], manifest_of(image)["image"]
    assert (one["root"], one["digests"]) == (other["root"], other["digests"]) == (by_dd.json["root"], by_dd.json["digests"])


def test_what_it_leaves_behind(sshd, volume, image):
    before = set(os.listdir("/dev/shm"))
    by_agent(sshd, volume, image).expect(0)
    assert set(os.listdir("/dev/shm")) == before
    [footprint] = logged(image, "footprint")
    program = (rig.binary().parent / f"kanshiki-agent-{os.uname().machine}").read_bytes()
    program += bytes(-len(program) % 4096)
    assert footprint["sha256"] == hashlib.sha256(program).hexdigest()
    assert footprint["file"].startswith("/") and "unlinked" in footprint["file"]
    rig.wait_until(lambda: not agents(sshd), "the agent to end", 30)


def test_a_frame_that_came_is_kept_as_it_came(sshd, volume, tmp_path):
    """With the level fixed, the image that the agent's frames make is the one that the local encoder makes."""
    by_agent(sshd, volume, tmp_path / "a.img.zst", "--level", "3").expect(0)
    rig.kanshiki("acquire", volume, "-o", tmp_path / "b.img.zst", "--level", "3").expect(0)
    assert (tmp_path / "a.img.zst").read_bytes() == (tmp_path / "b.img.zst").read_bytes()


@pytest.mark.parametrize("options", [["--compress", "none"], ["--compress", "zstd"], ["--source-hash"], ["--connections", "3", "--limit-rate", "3M"],
                                     ["--level", "9"], ["--nice", "5"], ["--threads", "1"], ["--hash", "none"]])
def test_options_change_the_way_and_not_the_image(sshd, volume, image, options):
    by_agent(sshd, volume, image, *options).expect(0)
    assert image.read_bytes() == volume.read_bytes()
    if options[0] == "--connections":
        assert len(logged(image, "login")) == 3
    if options[0] == "--nice":
        assert any("nice -n 5 sh" in command for command in sshd.commands())


def test_sudo_is_asked_for_the_agent_too(make_sshd, volume, image):
    sshd = make_sshd(fakes={"sudo": rig.SUDO_WORKS})
    by_agent(sshd, volume, image, "--sudo").expect(0)
    assert all(command.startswith("exec sudo -n ") for command in sshd.commands())
    assert image.read_bytes() == volume.read_bytes()


# -- when it is taken ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("far, why", [
    ({"without": ["uname"]}, "an unknown machine"),
    ({"fakes": {"uname": "#!/bin/sh\necho riscv64\n"}}, "no agent for riscv64"),
    ({"without": ["chmod"]}, "no memory file system"),
    ({"fakes": {"dd": PLAIN_DD}}, "fullblock"),
    ({"wrapper": ["unshare", "-m", "sh", "-c", "umount /dev/shm; for x in /dev/shm /run /tmp; do "
                  "grep -q \" $x tmpfs\" /proc/mounts && mount -o remount,bind,noexec $x; done; exec \"$@\"", "sh"]}, "no memory file system"),
], ids=["machine", "other-machine", "no-chmod", "plain-dd", "noexec"])
def test_without_an_agent_auto_goes_by_dd_and_says_why(make_sshd, volume, tmp_path, far, why):
    sshd = make_sshd(**far)
    result = rig.kanshiki("acquire", sshd.url(volume), "-o", tmp_path / "a.img", *sshd.options(), "--progress", "none").expect(0)
    assert why in result.stderr and "read by dd" in result.stderr
    assert (tmp_path / "a.img").read_bytes() == volume.read_bytes()
    assert identity(tmp_path / "a.img")["transport"] == "dd"
    refused(by_agent(sshd, volume, tmp_path / "b.img"), why)


def test_a_place_that_may_not_execute_after_all(make_sshd, volume, tmp_path):
    """The mount table says it may, the exec is refused all the same (a security module): the next folder, then dd."""
    sshd = make_sshd(fakes={"chmod": "#!/bin/sh\nexit 0\n"})  # the file stays without its x
    result = acquire(sshd, volume, tmp_path / "a.img", transport="auto").expect(0)
    assert "may not execute" in result.stderr
    assert identity(tmp_path / "a.img")["transport"] == "dd"


def test_on_a_live_host_only_when_asked_for(sshd, tmp_path, loop_device):
    base = tmp_path / "base"
    base.write_bytes(bytes(16 * MIB))
    subprocess.run(["mkfs.ext4", "-q", base], check=True)
    device, mount = loop_device(base, read_only=False), tmp_path / "mount"
    mount.mkdir()
    subprocess.run(["mount", device.path, mount], check=True)
    try:
        refused(acquire(sshd, device.path, tmp_path / "no.img", transport="agent"), "in use", "--allow-in-use")
        acquire(sshd, device.path, tmp_path / "a.img", "--allow-in-use", transport="auto").expect(0)
        assert identity(tmp_path / "a.img")["transport"] == "dd"
        acquire(sshd, device.path, tmp_path / "b.img", "--allow-in-use", transport="agent").expect(0)
        assert identity(tmp_path / "b.img")["transport"] == "agent"
        assert manifest_of(tmp_path / "b.img")["consistency"].startswith("live")
    finally:
        subprocess.run(["umount", mount], check=True)


@pytest.mark.parametrize("options, words", [
    (["--transport", "agent", "--compress", "gzip"], ["gzip"]),
    (["--transport", "dd", "--source-hash"], ["--source-hash"]),
])
def test_what_does_not_go_together(sshd, volume, image, options, words):
    refused(rig.kanshiki("acquire", sshd.url(volume), "-o", image, *sshd.options(), *options), *words)


# -- what is read -------------------------------------------------------------------------------------------------


BAD = [(0, SECTOR), (3 * MIB - SECTOR, 2 * SECTOR), (5 * MIB + 7 * SECTOR, 9 * SECTOR), (8 * MIB, CHUNK), (12 * MIB, SECTOR)]


def with_zeros(content, bad):
    out = bytearray(content)
    for offset, size in bad:
        out[offset:offset + size] = bytes(size)
    return bytes(out)


@pytest.mark.parametrize("how", ["file", "loop"])
def test_unreadable_sectors(sshd, volume, tmp_path, bad_disk, loop_device, how):
    disk = bad_disk(volume, bad=BAD)
    source = disk.path if how == "file" else loop_device(disk.path, direct_io=True).path
    image = tmp_path / "disk.img"
    result = by_agent(sshd, source, image, "--retries", "2").expect(4)
    assert ranges(result) == BAD
    assert image.read_bytes() == with_zeros(volume.read_bytes(), BAD)
    assert all(bad["error"] == "Input/output error" for bad in result.json["unreadable"])
    # ddrescuelog reads the map and finds just these sectors bad
    listed = subprocess.run(["ddrescuelog", "-b", "512", "-l-", f"{image}.map"], check=True, capture_output=True, text=True).stdout.split()
    assert [int(block) for block in listed] == [block for offset, size in BAD for block in range(offset // 512, (offset + size) // 512)]
    rig.kanshiki("verify", image).expect(0)


def test_a_thin_file_is_not_read_where_it_is_empty(sshd, tmp_path):
    thin = tmp_path / "thin"
    with open(thin, "wb") as file:
        file.truncate(1 << 40)
        for offset in (0, 5 << 30, (1 << 40) - MIB):
            file.seek(offset)
            file.write(os.urandom(MIB))
    image = tmp_path / "thin.img"
    result = by_agent(sshd, thin, image, "--hash", "none").expect(0)
    about = manifest_of(image)["image"]
    assert about["chunks"] - about["zero_chunks"] == 6
    with open(thin, "rb") as one, open(image, "rb") as other:
        for offset in (0, 5 << 30, (1 << 40) - MIB):
            one.seek(offset), other.seek(offset)
            assert one.read(MIB) == other.read(MIB)
    assert result.json["size"] == 1 << 40


def test_a_source_that_shrinks_is_reported(sshd, image, tmp_path, tcp_proxy, start):
    file = tmp_path / "file"
    file.write_bytes(os.urandom(64 * MIB))
    proxy = tcp_proxy(sshd.port, rate=8 * MIB)
    sshd.trust(proxy.port)
    run = start("acquire", sshd.url(file, proxy.port), "-o", image, *sshd.options(), "--transport", "agent", "--progress", "json")
    run.wait_progress(2 * MIB)
    os.truncate(file, 50 * MIB)
    proxy.rate = None
    result = run.finish(60)
    assert result.code == 3 and "shrank" in result.stderr, result.stderr


def test_triage_and_info_read_through_it(sshd, tmp_path):
    volume = tmp_path / "volume"
    with open(volume, "wb") as file:
        file.truncate(32 * MIB)
    (tmp_path / "tree/etc").mkdir(parents=True)
    (tmp_path / "tree/etc/passwd").write_text("root:x:0:0:root:/root:/bin/sh\nr00t:x:0:0::/:/bin/sh\n")
    subprocess.run(["mke2fs", "-q", "-t", "ext4", "-d", tmp_path / "tree", volume], check=True)
    result = rig.kanshiki("info", sshd.url(volume), *sshd.options(), "--json").expect(0)
    assert "ext4" in result.stdout
    rig.kanshiki("triage", sshd.url(volume), "-o", tmp_path / "out", *sshd.options()).expect(0)
    found = [json.loads(line) for line in (tmp_path / "out/findings.jsonl").read_text().splitlines()]
    assert any("r00t" in json.dumps(finding) for finding in found)


def test_no_faster_than_it_may(sshd, tmp_path):
    """Only a lower bound of the time is asked for, which no machine can break by being slow."""
    file = tmp_path / "file"
    file.write_bytes(os.urandom(8 * MIB))
    result = by_agent(sshd, file, tmp_path / "a.img", "--limit-rate", "4M").expect(0)
    assert result.json["seconds"] > 8 * MIB / 4_000_000 * 0.8
