"""The rig's own self-checks: a fault test proves nothing if the fault does not happen."""

import mmap
import os
import signal
import socket
import subprocess

import pytest
import rig
from rig.bad_disk import scattered

SECTOR = 512
pytestmark = [pytest.mark.rig, pytest.mark.full]


@pytest.fixture
def base(tmp_path):
    """One MiB in which every sector is different."""
    path = tmp_path / "base"
    path.write_bytes(b"".join(number.to_bytes(4, "big") * (SECTOR // 4) for number in range(2048)))
    return path


def read_sectors(path):
    """{sector: bytes or errno} read one by one past the page cache."""
    file = os.open(path, os.O_RDONLY | os.O_DIRECT)
    buffer = mmap.mmap(-1, 4096)
    result = {}
    try:
        for sector in range(os.lseek(file, 0, os.SEEK_END) // SECTOR):
            try:
                assert os.preadv(file, [memoryview(buffer)[:SECTOR]], sector * SECTOR) == SECTOR
                result[sector] = buffer[:SECTOR]
            except OSError as error:
                result[sector] = error.errno
    finally:
        os.close(file)
    return result


def test_bad_disk_fails_exactly_on_its_sectors(base, bad_disk):
    bad = {5, 6, 7, 1000, 2047}
    disk = bad_disk(base, bad=[(5 * SECTOR, 3 * SECTOR), (1000 * SECTOR, SECTOR), (2047 * SECTOR, SECTOR)])
    good = base.read_bytes()
    for sector, got in read_sectors(disk.path).items():
        want = 5 if sector in bad else good[sector * SECTOR:(sector + 1) * SECTOR]
        assert got == want, f"sector {sector}"


def test_bad_disk_over_a_loop_device_keeps_single_sectors(base, bad_disk, loop_device):
    disk = loop_device(bad_disk(base, bad=[(9 * SECTOR, SECTOR)]).path, direct_io=True)
    got = read_sectors(disk.path)
    assert [sector for sector, value in got.items() if value == 5] == [9]


def test_bad_disk_goes_away_when_its_test_fails(base):
    with pytest.raises(ZeroDivisionError):
        with rig.BadDisk(base, bad=[(0, SECTOR)]) as disk:
            assert disk.path.exists()
            1 / 0
    assert not disk.path.exists() and not disk.path.parent.exists()


def test_scattered_errors_can_be_repeated():
    first = scattered(1 << 30, 0.001, seed=7)
    assert first == scattered(1 << 30, 0.001, seed=7) != scattered(1 << 30, 0.001, seed=8)
    assert len(first) == round((1 << 21) * 0.001)


def test_a_fault_can_come_and_go(base, bad_disk, tmp_path):
    switch = tmp_path / "failing"
    disk = bad_disk(base, failing_while=switch)
    assert 5 not in read_sectors(disk.path).values()
    switch.touch()
    assert set(read_sectors(disk.path).values()) == {5}
    switch.unlink()
    assert 5 not in read_sectors(disk.path).values()


def test_a_slow_disk_gives_the_same_bytes(base, bad_disk):
    assert bad_disk(base, delay=0.001).path.read_bytes() == base.read_bytes()


def test_sshd_takes_the_right_key_and_refuses_the_wrong_one(sshd):
    assert sshd.ssh("echo here").stdout == b"here\n"
    refused = sshd.ssh("echo here", "-o", f"IdentityFile={sshd.wrong_identity}", "-F", "/dev/null", "-o", "BatchMode=yes",
                       "-o", "IdentityAgent=none", "-o", f"UserKnownHostsFile={sshd.known_hosts}", "-p", str(sshd.port),
                       "-l", sshd.user, "-o", "HostName=127.0.0.1", "-o", "IdentitiesOnly=yes")
    assert refused.returncode == 255 and b"Permission denied" in refused.stderr
    assert sshd.commands() == ["echo here"]
    assert sshd.fingerprint.startswith("SHA256:")


def test_sshd_far_side_has_only_the_tools_given(make_sshd):
    bare = make_sshd(only=("cat", "dd"), fakes={"sudo": rig.SUDO_WANTS_PASSWORD})
    assert bare.ssh("command -v zstd lz4 gzip").stdout == b""
    assert bare.ssh("command -v dd").returncode == 0
    assert bare.ssh("sudo -n dd").returncode == 1
    working = make_sshd(without=("dd",), fakes={"sudo": rig.SUDO_WORKS})
    assert working.ssh("command -v dd").returncode != 0
    assert working.ssh("sudo -n -- echo done").stdout == b"done\n"


def test_sshd_sessions_die_and_the_server_lives_on(sshd):
    client = subprocess.Popen(["ssh", "-F", sshd.ssh_config, "rig", "echo ready; cat /dev/zero"], stdout=subprocess.PIPE,
                              stderr=subprocess.DEVNULL, stdin=subprocess.DEVNULL)
    assert client.stdout.readline() == b"ready\n"
    assert any("cat /dev/zero" in line for line in sshd.far_processes().values())
    sshd.kill_sessions()
    client.stdout.close()
    assert client.wait(30) != 0
    rig.wait_until(lambda: not sshd.sessions(), "the sessions to end")
    assert sshd.ssh("echo again").stdout == b"again\n"


def test_sshd_comes_back_on_its_port_with_another_key(sshd):
    port, old = sshd.port, sshd.fingerprint
    sshd.stop()
    assert sshd.ssh("true").returncode == 255
    sshd.start()
    assert sshd.port == port and sshd.ssh("true").returncode == 0
    sshd.change_host_key()
    assert sshd.port == port and sshd.fingerprint != old
    assert b"HOST IDENTIFICATION HAS CHANGED" in sshd.ssh("true").stderr


def test_sshd_leaves_nothing_behind(tmp_path):
    with rig.Sshd() as server:
        folder = server.folder
        client = subprocess.Popen(["ssh", "-F", server.ssh_config, "rig", "echo ready; exec cat /dev/zero"],
                                  stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, stdin=subprocess.DEVNULL)
        assert client.stdout.readline() == b"ready\n"
        left = list(server.far_processes())
    client.stdout.close()
    client.wait(30)
    assert left and not folder.exists()
    rig.wait_until(lambda: not any(os.path.exists(f"/proc/{pid}") for pid in left), "the far processes to end")


def test_tmpfs_is_full_at_its_size(tmpfs):
    path = tmpfs(1 << 20).path / "file"
    with pytest.raises(OSError, match="No space left"):
        path.write_bytes(bytes(2 << 20))
    assert path.stat().st_size == 1 << 20


class Echo:
    """A server that sends `payload` to whoever comes."""

    def __init__(self, payload):
        import threading
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        self._payload = payload
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self):
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            with client:
                try:
                    client.sendall(self._payload)
                except OSError:
                    pass

    def close(self):
        self._listener.close()


@pytest.fixture
def payload_port():
    server = Echo(bytes(range(256)) * 16384)  # 4 MiB
    yield server.port
    server.close()


def receive(port):
    """(bytes received, whether the connection was reset)"""
    got = bytearray()
    with socket.create_connection(("127.0.0.1", port), timeout=30) as wire:
        try:
            while piece := wire.recv(65536):
                got += piece
        except ConnectionResetError:
            return bytes(got), True
    return bytes(got), False


def test_proxy_passes_everything(tcp_proxy, payload_port):
    proxy = tcp_proxy(payload_port, delay=0.01)
    got, reset = receive(proxy.port)
    assert got == bytes(range(256)) * 16384 and not reset and proxy.down == 4 << 20 and proxy.accepted == 1


def test_proxy_cuts_after_so_many_bytes(tcp_proxy, payload_port):
    proxy = tcp_proxy(payload_port, cut_after=1_000_000)
    got, reset = receive(proxy.port)
    assert reset and len(got) <= 1_000_000 and proxy.down == 1_000_000
    assert len(receive(proxy.port)[0]) == 4 << 20  # cut once, then whole again


def test_proxy_stalls_and_goes_on(tcp_proxy, payload_port):
    proxy = tcp_proxy(payload_port)
    proxy.stall()
    with socket.create_connection(("127.0.0.1", proxy.port), timeout=0.3) as wire:
        with pytest.raises(TimeoutError):
            wire.recv(1)
        proxy.resume()
        wire.settimeout(30)
        assert wire.recv(1) == b"\0"


def test_proxy_refuses(tcp_proxy, payload_port):
    proxy = tcp_proxy(payload_port)
    proxy.refuse(True)
    try:
        assert receive(proxy.port) == (b"", True)
    except ConnectionResetError:
        pass  # the reset may come before our connect returns
    proxy.refuse(False)
    assert len(receive(proxy.port)[0]) == 4 << 20


def test_running_program_is_seen_and_ended(tmp_path, monkeypatch):
    script = tmp_path / "program"
    script.write_text('#!/bin/sh\necho \'{"phase":"acquire","done":4096}\' >&2\nexec sleep 1000\n')
    script.chmod(0o755)
    monkeypatch.setenv("KANSHIKI", str(script))
    with rig.Running("acquire") as run:
        run.wait_progress(4096)
        run.signal(signal.SIGKILL)
        assert run.finish(30).code == -signal.SIGKILL
    script.write_text("#!/bin/sh\necho broken >&2\nexit 70\n")
    with rig.Running() as run:
        with pytest.raises(AssertionError, match="ended with 70 before 1 bytes of progress"):
            run.wait_progress(1)
        assert run.finish(30).stderr == "broken\n"
