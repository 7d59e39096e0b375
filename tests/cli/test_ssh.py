"""Pulling a volume over SSH from a real sshd: what must work, and each way it can be refused."""

import contextlib
import os
import shutil
import signal
import subprocess
from pathlib import Path

import pytest
import rig
from ssh_world import (MIB, PLAIN_DD, SECTOR, acquire, image, incompressible, log_of, manifest_of, refused,  # noqa: F401
                       volume)

pytestmark = pytest.mark.full


# -- what must work -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("compress", ["auto", "none", "zstd", "lz4", "gzip", "ssh"])
def test_every_compressor_gives_the_same_image(sshd, volume, image, compress):
    acquire(sshd, volume, image, "--compress", compress).expect(0)
    assert image.read_bytes() == volume.read_bytes()
    streams = [command for command in sshd.commands() if "count_bytes skip" in command]
    assert streams
    pipe = {"auto": "| zstd", "none": None, "ssh": None}.get(compress, f"| {compress}")
    for command in streams:
        assert (pipe in command) if pipe else ("|" not in command), command
    assert manifest_of(image)["source"]["identity"]["compressor"] == ("zstd" if compress == "auto" else compress)


@pytest.mark.parametrize("without, chosen", [(["zstd"], "lz4"), (["zstd", "lz4"], "gzip"), (["zstd", "lz4", "gzip"], "none")])
def test_auto_takes_what_the_far_side_has(make_sshd, volume, image, without, chosen):
    result = acquire(make_sshd(without=without), volume, image).expect(0)
    assert image.read_bytes() == volume.read_bytes()
    assert manifest_of(image)["source"]["identity"]["compressor"] == chosen
    assert ("uncompressed" in result.stderr) == (chosen == "none")


def test_a_shell_and_dd_are_enough(make_sshd, volume, image, loop_device):
    device = loop_device(volume).path
    acquire(make_sshd(only=["sh", "dd"]), device, image).expect(0)
    assert image.read_bytes() == volume.read_bytes()


@pytest.mark.parametrize("transport", ["dd", "auto"])
def test_a_far_side_that_is_busybox(make_sshd, volume, tmp_path, bad_disk, loop_device, transport):
    sshd = make_sshd(busybox=True)
    assert b"BusyBox" in sshd.ssh("sh --help; dd --help").stderr
    acquire(sshd, volume, tmp_path / "file.img", transport=transport).expect(0)
    assert (tmp_path / "file.img").read_bytes() == volume.read_bytes()
    acquire(sshd, loop_device(volume).path, tmp_path / "device.img", transport=transport).expect(0)
    assert (tmp_path / "device.img").read_bytes() == volume.read_bytes()
    bad = [(MIB, SECTOR), (5 * MIB + SECTOR, 3 * SECTOR)]
    done = acquire(sshd, bad_disk(volume, bad=bad).path, tmp_path / "bad.img", transport=transport).expect(4)
    expected = bytearray(volume.read_bytes())
    for row in done.json["unreadable"]:
        expected[row["offset"]:row["offset"] + row["size"]] = bytes(row["size"])
    assert (tmp_path / "bad.img").read_bytes() == expected
    # Direct reads give the sectors themselves; where its dd reads through the page cache, whole pages of them.
    if manifest_of(tmp_path / "bad.img")["source"]["identity"]["transport"] == "agent":
        assert [(row["offset"], row["size"]) for row in done.json["unreadable"]] == bad
    for offset, size in bad:
        assert any(row["offset"] <= offset and offset + size <= row["offset"] + row["size"] for row in done.json["unreadable"])
    assert sum(row["size"] for row in done.json["unreadable"]) <= 2 * 4096


def test_info_and_triage_over_ssh(sshd, demo_volume, tmp_path):
    """Not a byte is copied first, and what is found is what triage of the same bytes at home finds."""
    far = sshd.url(demo_volume)
    info = rig.kanshiki("info", far, *sshd.options(), "--json").expect(0).json
    here = rig.kanshiki("info", demo_volume, "--json").expect(0).json
    assert info["size"] == here["size"] == demo_volume.stat().st_size
    assert info["volumes"] == here["volumes"] and any(volume["file_system"] for volume in info["volumes"])
    rig.kanshiki("triage", far, *sshd.options(), "-o", tmp_path / "far", "--progress", "none").expect(0)
    rig.kanshiki("triage", demo_volume, "-o", tmp_path / "here", "--progress", "none").expect(0)
    for name in ("findings.jsonl", "listing.jsonl", "bodyfile", "timeline.jsonl", "coverage.jsonl"):
        assert (tmp_path / "far" / name).read_bytes() == (tmp_path / "here" / name).read_bytes(), name
    assert (tmp_path / "here/findings.jsonl").read_text()
    refused(rig.kanshiki("triage", sshd.url("/dev/none"), *sshd.options(), "-o", tmp_path / "none"), "/dev/none")
    assert not (tmp_path / "none").exists()


def test_a_plain_dd_counts_in_blocks(make_sshd, volume, image):
    sshd = make_sshd(fakes={"dd": PLAIN_DD})
    acquire(sshd, volume, image).expect(0)
    assert image.read_bytes() == volume.read_bytes()
    assert not any("count_bytes skip=" in command for command in sshd.commands() if "kanshiki-probe" not in command)


def test_a_hostile_file_name_is_only_a_name(sshd, volume, image, tmp_path):
    hostile = tmp_path / "it's $(touch gone) `touch gone` \"q\" ;&|<>* \\ -n"
    shutil.copy(volume, hostile)
    quoted = "".join(f"%{byte:02x}" for byte in os.fsencode(hostile)).replace("%2f", "/")
    rig.kanshiki("acquire", f"ssh://{sshd.user}@127.0.0.1:{sshd.port}{quoted}", "-o", image, *sshd.options()).expect(0)
    assert image.read_bytes() == volume.read_bytes()
    assert not list(tmp_path.rglob("gone")) and not Path("gone").exists()


def test_identity_and_every_far_command_are_on_record(sshd, volume, image):
    acquire(sshd, volume, image).expect(0)
    log = log_of(image)
    assert [entry["command"] for entry in log if entry["event"] == "command"] == sshd.commands()
    login = next(entry for entry in log if entry["event"] == "login")
    assert (login["user"], login["port"]) == (sshd.user, str(sshd.port)) and sshd.fingerprint in login["host_key"]
    identity = manifest_of(image)["source"]["identity"]
    assert identity["hostname"] == os.uname().nodename and identity["kernel"] == os.uname().release
    assert sshd.fingerprint in identity["host_key"] and "coreutils" in identity["dd"]
    assert abs(float(identity["clock_offset"].split()[0])) < 5


def test_each_dd_is_bounded(sshd, volume, image):
    acquire(sshd, volume, image).expect(0)
    assert all("count=" in command for command in sshd.commands() if "dd if=" in command and "kanshiki-probe" not in command)


def test_no_far_process_outlives_a_killed_kanshiki(sshd, incompressible, image, tcp_proxy, start):
    proxy = tcp_proxy(sshd.port, rate=4 * MIB)
    sshd.trust(proxy.port)
    run = start("acquire", sshd.url(incompressible, proxy.port), "-o", image, *sshd.options(), "--transport", "dd", "--progress", "json")
    run.wait_for(lambda: any("dd if=" in line for line in sshd.far_processes().values()), "a far dd")
    run.signal(signal.SIGKILL)
    run.finish()
    proxy.cut()
    rig.wait_until(lambda: not any("dd if=" in line for line in sshd.far_processes().values()), "the end of every far dd", 30)


# -- login, keys, config ------------------------------------------------------------------------------------------


def test_config_gives_host_port_user_key_and_known_hosts(sshd, volume, image):
    rig.kanshiki("acquire", f"ssh://rig{volume}", "-o", image, "--ssh-config", sshd.ssh_config).expect(0)
    assert image.read_bytes() == volume.read_bytes()


def test_an_unknown_host_key_is_shown_with_its_cure(sshd, volume, image, tmp_path):
    sshd.known_hosts.write_text("")
    result = acquire(sshd, volume, image)
    refused(result, "unknown host key", sshd.fingerprint, f"--host-key {sshd.fingerprint}")
    assert sshd.known_hosts.read_text() == "" and not sshd.commands()


def test_strictness_is_not_switched_off_by_the_config(sshd, volume, image):
    sshd.known_hosts.write_text("")
    text = sshd.ssh_config.read_text().replace("StrictHostKeyChecking yes", "StrictHostKeyChecking no")
    sshd.ssh_config.write_text(text)
    refused(rig.kanshiki("acquire", f"ssh://rig{volume}", "-o", image, "--ssh-config", sshd.ssh_config), "unknown host key")


def test_a_changed_host_key_is_refused(sshd, volume, image):
    sshd.change_host_key()
    refused(acquire(sshd, volume, image), "HAS CHANGED", sshd.fingerprint)
    assert not sshd.commands()


def test_hashed_known_hosts_are_understood(sshd, volume, image):
    subprocess.run(["ssh-keygen", "-q", "-H", "-f", sshd.known_hosts], check=True, capture_output=True)
    assert "127.0.0.1" not in sshd.known_hosts.read_text()
    acquire(sshd, volume, image).expect(0)


def test_a_revoked_host_key_is_refused(sshd, volume, image):
    known = sshd.known_hosts.read_text()
    sshd.known_hosts.write_text(known + "@revoked * " + known.split(" ", 1)[1])
    refused(acquire(sshd, volume, image), "@revoked")


@pytest.fixture
def two_keys(make_sshd, tmp_path):
    """A server with an ed25519 and an RSA key; known_hosts has only the RSA key."""
    subprocess.run(["ssh-keygen", "-q", "-t", "rsa", "-N", "", "-f", tmp_path / "rsa"], check=True)
    server = make_sshd(extra=f"HostKey {tmp_path}/rsa")
    key = " ".join((tmp_path / "rsa.pub").read_text().split()[:2])
    server.known_hosts.write_text(f"[127.0.0.1]:{server.port} {key}\n")
    server.rsa = subprocess.run(["ssh-keygen", "-lf", tmp_path / "rsa.pub"], check=True, capture_output=True, text=True).stdout.split()[1]
    return server


def test_the_key_type_that_is_known_is_asked_for(two_keys, volume, image):
    acquire(two_keys, volume, image).expect(0)
    assert two_keys.rsa in manifest_of(image)["source"]["identity"]["host_key"]


def test_any_of_the_servers_keys_may_be_pinned(two_keys, volume, tmp_path):
    two_keys.known_hosts.write_text("")
    for number, pin in enumerate([two_keys.rsa, two_keys.fingerprint, two_keys.rsa + "="]):
        image = tmp_path / f"{number}.img"
        acquire(two_keys, volume, image, "--host-key", pin).expect(0)
        assert pin.rstrip("=") in manifest_of(image)["source"]["identity"]["host_key"]


def test_a_pin_that_does_not_fit_is_refused(two_keys, volume, image):
    wrong = "SHA256:" + "A" * 43
    refused(acquire(two_keys, volume, image, "--host-key", wrong), wrong, two_keys.fingerprint, two_keys.rsa)
    refused(acquire(two_keys, volume, image, "--host-key", "MD5:00:11"), "SHA256:", code=2)
    assert not two_keys.commands()


def test_a_refused_login_says_so(sshd, volume, image):
    options = ["--ssh-config", "/dev/null", "--identity", sshd.wrong_identity, "--known-hosts", sshd.known_hosts]
    refused(rig.kanshiki("acquire", sshd.url(volume), "-o", image, *options), "login refused", "--identity")


def test_an_encrypted_key_is_never_asked_for_without_a_terminal(sshd, volume, image):
    subprocess.run(["ssh-keygen", "-q", "-p", "-N", "secret", "-f", sshd.identity], check=True, capture_output=True)
    refused(acquire(sshd, volume, image, stdin=b"secret\n", timeout=60), "encrypted", "ssh-add")


def test_an_agent_gives_the_key(sshd, volume, image, tmp_path):
    socket = tmp_path / "agent"
    with contextlib.ExitStack() as stack:
        agent = subprocess.Popen(["ssh-agent", "-D", "-a", socket], stdout=subprocess.DEVNULL)
        stack.callback(agent.wait)
        stack.callback(agent.kill)
        rig.wait_until(socket.exists, "ssh-agent")
        environment = {"SSH_AUTH_SOCK": str(socket)}
        subprocess.run(["ssh-add", "-q", sshd.identity], check=True, env={**os.environ, **environment}, capture_output=True)
        # The key file is encrypted by now: only the agent can have it.
        subprocess.run(["ssh-keygen", "-q", "-p", "-N", "secret", "-f", sshd.identity], check=True, capture_output=True)
        acquire(sshd, volume, image, env=environment).expect(0)
    assert image.read_bytes() == volume.read_bytes()


def test_a_missing_identity_is_named(sshd, volume, image):
    options = ["--ssh-config", "/dev/null", "--identity", "/nonexistent/key", "--known-hosts", sshd.known_hosts]
    refused(rig.kanshiki("acquire", sshd.url(volume), "-o", image, *options), "/nonexistent/key")


# -- proxies ------------------------------------------------------------------------------------------------------


def jump_config(sshd, jump, folder, through):
    """`far` is reached by the directive `through`; `jump` is the other sshd."""
    config = folder / "config"
    config.write_text(
        f"Host jump\n  HostName 127.0.0.1\n  Port {jump.port}\n  User {jump.user}\n  IdentityFile {jump.identity}\n"
        f"  UserKnownHostsFile {jump.known_hosts}\n  GlobalKnownHostsFile /dev/null\n"
        f"Host far\n  HostName 127.0.0.1\n  Port {sshd.port}\n  User {sshd.user}\n  IdentityFile {sshd.identity}\n"
        f"  UserKnownHostsFile {sshd.known_hosts}\n  {through}\n")
    return config


def forwards(jump):
    return jump.log().count("Starting session") + jump.log().count("Accepted publickey")


def test_proxy_jump(sshd, make_sshd, volume, image, tmp_path):
    jump = make_sshd()
    config = jump_config(sshd, jump, tmp_path, "ProxyJump jump")
    rig.kanshiki("acquire", f"ssh://far{volume}", "-o", image, "--ssh-config", config).expect(0)
    assert image.read_bytes() == volume.read_bytes()
    assert forwards(jump) > 0


def test_proxy_command(sshd, make_sshd, volume, image, tmp_path):
    jump = make_sshd()
    config = jump_config(sshd, jump, tmp_path, f"ProxyCommand ssh -F {jump.ssh_config} -W %h:%p rig")
    rig.kanshiki("acquire", f"ssh://far{volume}", "-o", image, "--ssh-config", config).expect(0)
    assert image.read_bytes() == volume.read_bytes()
    assert forwards(jump) > 0


def test_a_jump_host_whose_key_is_unknown_is_refused(sshd, make_sshd, volume, image, tmp_path):
    jump = make_sshd()
    jump.known_hosts.write_text("")
    config = jump_config(sshd, jump, tmp_path, "ProxyJump jump")
    refused(rig.kanshiki("acquire", f"ssh://far{volume}", "-o", image, "--ssh-config", config, timeout=60), "proxy", "Host key verification failed")


def test_a_proxy_that_fails_is_a_lost_source(sshd, make_sshd, volume, image, tmp_path):
    config = jump_config(sshd, sshd, tmp_path, "ProxyCommand echo no route >&2; exit 1")
    refused(rig.kanshiki("acquire", f"ssh://far{volume}", "-o", image, "--ssh-config", config, timeout=60), "no route", code=3)


# -- refusals of the far side -------------------------------------------------------------------------------------


@pytest.mark.parametrize("path, words", [
    ("/dev/no-such-device", ["/dev/no-such-device", "no such device"]),
    ("/dev", ["directory"]),
    ("/dev/null", ["neither a block device nor a regular file"]),
])
def test_what_is_no_volume_is_refused(sshd, image, path, words):
    refused(acquire(sshd, path, image), *words)


def test_a_volume_without_permission_is_refused(make_sshd, volume, image, tmp_path):
    volume.parent.chmod(0o755)
    closed = volume.parent / "closed"
    shutil.copy(volume, closed)
    closed.chmod(0o600)
    for folder in closed.parents:
        if folder.stat().st_uid == os.geteuid() and str(folder) not in ("/", "/tmp"):
            folder.chmod(folder.stat().st_mode | 0o055)
    nobody = "#!/bin/sh\nPATH=/usr/bin:/bin; export PATH\nexec /usr/bin/setpriv --reuid=65534 --regid=65534 --clear-groups /bin/sh \"$@\"\n"
    refused(acquire(make_sshd(fakes={"sh": nobody}), closed, image), str(closed), "no permission", "--sudo")


def test_a_far_side_without_dd_is_refused(make_sshd, volume, image):
    refused(acquire(make_sshd(without=["dd"]), volume, image), "no dd")


def test_a_compressor_that_is_not_there_is_refused(make_sshd, volume, image):
    for name in ["zstd", "lz4", "gzip"]:
        refused(acquire(make_sshd(without=[name]), volume, image, "--compress", name), f"no {name}", "--compress auto")


def test_a_far_side_without_a_shell_is_refused(make_sshd, volume, image):
    no_login = "#!/bin/sh\necho 'This account is currently not available.'\nexit 1\n"
    refused(acquire(make_sshd(fakes={"sh": no_login}), volume, image), "shell")


def test_sudo(make_sshd, volume, image, tmp_path):
    sshd = make_sshd(fakes={"sudo": rig.SUDO_WORKS})
    acquire(sshd, volume, image, "--sudo").expect(0)
    assert image.read_bytes() == volume.read_bytes()
    assert sshd.commands() and all(command.startswith("exec sudo -n sh -c ") for command in sshd.commands())
    refused(acquire(make_sshd(fakes={"sudo": rig.SUDO_WANTS_PASSWORD}), volume, tmp_path / "2.img", "--sudo"), "sudo", "password is required", "NOPASSWD")
    refused(acquire(make_sshd(without=["sudo"]), volume, tmp_path / "3.img", "--sudo"), "no sudo")


# -- in use -------------------------------------------------------------------------------------------------------


@pytest.fixture
def mounted(loop_device, tmp_path):
    """A loop device with a mounted ext4."""
    file = tmp_path / "ext4"
    file.write_bytes(bytes(8 * MIB))
    subprocess.run(["mke2fs", "-q", "-t", "ext4", file], check=True)
    device = loop_device(file, read_only=False)
    at = tmp_path / "mnt"
    at.mkdir()
    subprocess.run(["mount", device.path, at], check=True)
    yield device.path
    subprocess.run(["umount", at], check=True)


def test_a_mounted_volume_is_refused_or_recorded_as_live(sshd, mounted, image, tmp_path):
    refused(acquire(sshd, mounted, image), "in use", "mounted on", "--allow-in-use")
    acquire(sshd, mounted, image, "--allow-in-use").expect(0)
    manifest = manifest_of(image)
    assert "live" in manifest["consistency"] and "mounted on" in manifest["live_because"]


def test_a_mount_in_another_namespace_counts(sshd, loop_device, image, tmp_path):
    file = tmp_path / "ext4"
    file.write_bytes(bytes(8 * MIB))
    subprocess.run(["mke2fs", "-q", "-t", "ext4", file], check=True)
    device = loop_device(file, read_only=False).path
    (tmp_path / "mnt").mkdir()
    script = f"mount {device} {tmp_path}/mnt && echo ready && read line; umount {tmp_path}/mnt"
    with subprocess.Popen(["unshare", "--mount", "--propagation", "private", "sh", "-c", script], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as hidden:
        assert hidden.stdout.readline() == b"ready\n"
        assert str(device) not in Path("/proc/self/mounts").read_text()
        refused(acquire(sshd, device, image), "in use", "mounted on")
        hidden.stdin.close()
    acquire(sshd, device, image).expect(0)


def test_a_mounted_partition_makes_its_disk_live(sshd, loop_device, image, tmp_path):
    disk = tmp_path / "disk"
    disk.write_bytes(bytes(16 * MIB))
    device = loop_device(disk, read_only=False).path
    # Told to the kernel by hand: not every kernel reads partition tables of loop devices.
    subprocess.run(["addpart", device, "1", "2048", "20480"], check=True)
    partition = Path(f"{device}p1")
    try:
        rig.wait_until(partition.exists, str(partition))
        subprocess.run(["mke2fs", "-q", "-t", "ext4", partition], check=True)
        (tmp_path / "mnt").mkdir()
        subprocess.run(["mount", partition, tmp_path / "mnt"], check=True)
        try:
            refused(acquire(sshd, device, image), "in use", "mounted on")
            refused(acquire(sshd, partition, image), "in use", "mounted on")
        finally:
            subprocess.run(["umount", tmp_path / "mnt"], check=True)
        acquire(sshd, partition, image).expect(0)
        assert image.stat().st_size == 20480 * SECTOR
    finally:
        subprocess.run(["delpart", device, "1"], check=True)
