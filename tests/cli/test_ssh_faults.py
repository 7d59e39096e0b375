"""Pulling a volume over SSH: servers that vanish, far sides that lie, and sectors that cannot be read."""

import os
import signal
import time
from pathlib import Path

import pytest
import rig
from ssh_world import MIB, PLAIN_DD, SECTOR, acquire, image, incompressible, ranges, refused, volume  # noqa: F401

pytestmark = pytest.mark.full

# GNU dd on a file system that has no O_DIRECT.
NO_DIRECT_DD = """#!/bin/sh
for word; do case $word in iflag=direct) echo "dd: failed to open '/x': Invalid argument" >&2; exit 1;; esac; done
exec /bin/dd "$@"
"""
# GNU dd whose report does not agree with what it sends.
LYING_DD = """#!/bin/sh
case "$*" in *conv=noerror*) /bin/dd "$@" 2>/tmp/$$; code=$?; grep -v '^dd: error' /tmp/$$ >&2; rm -f /tmp/$$; exit $code;; esac
exec /bin/dd "$@"
"""


# -- lost sources -------------------------------------------------------------------------------------------------


def test_no_server(sshd, volume, image):
    sshd.stop()
    refused(acquire(sshd, volume, image), "Connection refused", code=3)
    refused(rig.kanshiki("acquire", "ssh://no-such-host.invalid/dev/sdb", "-o", image, *sshd.options()), "not found", code=3)


def test_a_server_that_says_nothing_is_given_up(sshd, volume, image, tcp_proxy):
    proxy = tcp_proxy(sshd.port)
    proxy.stall()
    begin = time.monotonic()
    refused(acquire(sshd, volume, image, "--timeout", "2", port=proxy.port), "--timeout", code=3)
    assert time.monotonic() - begin < 30


def slow_run(sshd, source, image, tcp_proxy, start, *options, rate=4 * MIB):
    proxy = tcp_proxy(sshd.port, rate=rate)
    sshd.trust(proxy.port)
    run = start("acquire", sshd.url(source, proxy.port), "-o", image, *sshd.options(), "--transport", "dd", "--progress", "json", *options)
    run.wait_progress(2 * MIB)
    return proxy, run


def resumed(sshd, proxy, source, image):
    proxy.rate = None
    proxy.resume()
    result = acquire(sshd, source, image, "--resume", port=proxy.port).expect(0)
    assert image.read_bytes() == source.read_bytes()
    return result


def test_an_sshd_killed_in_mid_stream_can_be_resumed(sshd, incompressible, image, tcp_proxy, start):
    proxy, run = slow_run(sshd, incompressible, image, tcp_proxy, start)
    sshd.kill_sessions()
    result = run.finish(60)
    assert result.code == 3, result.stderr
    assert not image.exists()
    resumed(sshd, proxy, incompressible, image)


def test_a_stalled_wire_ends_within_its_limit(sshd, incompressible, image, tcp_proxy, start):
    proxy, run = slow_run(sshd, incompressible, image, tcp_proxy, start, "--timeout", "3")
    proxy.stall()
    result = run.finish(60)
    assert result.code == 3 and "nothing came from the server" in result.stderr, result.stderr
    resumed(sshd, proxy, incompressible, image)


def test_an_interrupt_ends_a_stalled_wait(sshd, incompressible, image, tcp_proxy, start):
    proxy, run = slow_run(sshd, incompressible, image, tcp_proxy, start)
    proxy.stall()
    run.signal(signal.SIGTERM)
    result = run.finish(30)  # far below the limit of 60 s for a wait
    assert result.code == 130, result.stderr
    resumed(sshd, proxy, incompressible, image)


def test_an_interrupt_ends_the_wait_for_a_connection(sshd, volume, image, tcp_proxy, start):
    proxy = tcp_proxy(sshd.port)
    proxy.stall()
    run = start("acquire", sshd.url(volume, proxy.port), "-o", image, *sshd.options())
    run.wait_for(lambda: proxy.accepted, "the connection")
    run.signal(signal.SIGINT)
    assert run.finish(30).code == 130  # far below the limit of 60 s for a wait
    assert not image.exists()


def test_a_slow_disk_on_a_living_server_is_waited_for(sshd, image, tmp_path, start):
    """dd gives nothing for longer than the limit of a wait, while sshd answers keepalives."""
    fifo, file = tmp_path / "go", tmp_path / "file"
    os.mkfifo(fifo)
    file.write_bytes(os.urandom(MIB))
    slow = f"#!/bin/sh\ncase \"$*\" in *skip=0*count=*) read line <{fifo};; esac\nexec /bin/dd \"$@\"\n"
    with rig.Sshd(fakes={"dd": slow}) as far:
        with open(fifo, "rb+", buffering=0) as gate:
            gate.write(b"go\n")  # for the look at the partition table
            run = start("acquire", far.url(file), "-o", image, *far.options(), "--transport", "dd", "--timeout", "1", "--progress", "json")
            run.wait_for(lambda: "the server is alive" in run.text("stderr"), "the notice", 30)
            gate.write(b"go\n")
            run.finish(60).expect(0)
    assert image.read_bytes() == file.read_bytes()


def test_a_source_that_shrinks_is_reported(sshd, image, tmp_path, tcp_proxy, start):
    file = tmp_path / "file"
    file.write_bytes(os.urandom(100 * MIB))
    proxy, run = slow_run(sshd, file, image, tcp_proxy, start)
    with open(file, "rb+") as shrinking:
        shrinking.truncate(90 * MIB)
    proxy.rate = None
    result = run.finish(60)
    assert result.code == 3 and "shrank" in result.stderr, result.stderr


@pytest.mark.parametrize("name, script, words", [
    ("zstd", "#!/bin/sh\ncase \"$*\" in *-T*) cat >/dev/null; head -c 100000 /dev/zero;; *) exec /usr/bin/zstd \"$@\";; esac\n", ["zstd stream is damaged"]),
    ("zstd", "#!/bin/sh\ncase \"$*\" in *-T*) /usr/bin/zstd \"$@\" | head -c 200000;; *) exec /usr/bin/zstd \"$@\";; esac\n", ["zstd failed"]),
    ("zstd", "#!/bin/sh\ncase \"$*\" in *-T*) head -c 300000000 /dev/zero | /usr/bin/zstd -1 -q -c;; *) exec /usr/bin/zstd \"$@\";; esac\n", ["more than the"]),
    ("dd", "#!/bin/sh\ncase \"$*\" in *of=*|*version*|*proc*) exec /bin/dd \"$@\";; *) kill -9 $PPID;; esac\n", ["dd did not get to its end"]),
    ("dd", "#!/bin/sh\ncase \"$*\" in *version*|*proc*) exec /bin/dd \"$@\";; *) echo \"dd: failed to open '/x': No such device or address\" >&2; exit 1;; esac\n", ["No such device or address"]),
    ("dd", "#!/bin/sh\ncase \"$*\" in *version*|*proc*) exec /bin/dd \"$@\";; *) head -c 3000000 /dev/zero;; esac\n", ["more than the"]),
], ids=["garbage", "cut", "bomb", "killed", "gone", "too-much"])
def test_a_far_side_that_misbehaves_is_a_lost_source(make_sshd, volume, image, name, script, words):
    refused(acquire(make_sshd(fakes={name: script}), volume, image), *words, code=3)


# -- unreadable sectors -------------------------------------------------------------------------------------------

BAD = {
    "single": [(5 * SECTOR, SECTOR)],
    "first and last": [(0, SECTOR), (12 * MIB + 6 * SECTOR, SECTOR)],
    "around chunk and block borders": [(MIB - SECTOR, 2 * SECTOR), (4 * MIB, SECTOR), (5 * MIB - SECTOR, SECTOR)],
    "scattered": [(n * 37 * SECTOR, SECTOR) for n in range(1, 60)],
    "large": [(MIB + 3 * SECTOR, 5 * MIB)],
}


@pytest.mark.parametrize("bad", BAD.values(), ids=BAD)
def test_unreadable_sectors_are_found_as_by_the_local_route(sshd, volume, image, bad_disk, tmp_path, bad):
    disk = bad_disk(volume, bad=bad).path
    far = acquire(sshd, disk, image).expect(4)
    expected = bytearray(volume.read_bytes())
    for offset, size in bad:
        expected[offset:offset + size] = bytes(size)
    assert image.read_bytes() == expected
    assert ranges(far) == bad

    near = tmp_path / "near" / "disk.img"
    local = rig.kanshiki("acquire", disk, "-o", near, "--json").expect(4)
    assert ranges(local) == bad and local.json["root"] == far.json["root"]
    rows = [[line for line in Path(f"{one}.map").read_text().splitlines() if not line.startswith("#")] for one in (image, near)]
    assert rows[0] == rows[1]


@pytest.mark.parametrize("dd", [PLAIN_DD, LYING_DD], ids=["plain", "lying"])
def test_unreadable_sectors_are_found_without_relying_on_dds_report(make_sshd, volume, image, bad_disk, dd):
    bad = [(3 * SECTOR, SECTOR), (MIB - SECTOR, 3 * SECTOR), (12 * MIB + 6 * SECTOR, SECTOR)]
    result = acquire(make_sshd(fakes={"dd": dd}), bad_disk(volume, bad=bad).path, image).expect(4)
    expected = bytearray(volume.read_bytes())
    for offset, size in bad:
        expected[offset:offset + size] = bytes(size)
    assert ranges(result) == bad and image.read_bytes() == expected


def test_without_direct_reads_at_most_a_page_is_lost_and_said(make_sshd, volume, image, bad_disk):
    bad = (9 * 4096 + SECTOR, SECTOR)
    result = acquire(make_sshd(fakes={"dd": NO_DIRECT_DD}), bad_disk(volume, bad=[bad]).path, image).expect(4)
    assert "direct reads are not possible" in result.stderr
    assert ranges(result) == [(9 * 4096, 4096)]
    expected = bytearray(volume.read_bytes())
    expected[9 * 4096:10 * 4096] = bytes(4096)
    assert image.read_bytes() == expected


def test_a_large_dead_region_takes_few_commands(sshd, volume, image, bad_disk):
    acquire(sshd, bad_disk(volume, bad=[(MIB, 8 * MIB)]).path, image).expect(4)
    assert len(sshd.commands()) < 40


def test_sectors_that_recover_are_kept(sshd, volume, image, bad_disk, tmp_path):
    """The first look fails, the second succeeds: the disk is told to be well again by the far dd itself."""
    switch, count = tmp_path / "failing", tmp_path / "count"
    switch.touch()
    dd = f"#!/bin/sh\ncase \"$*\" in *noerror*) echo >>{count}; [ $(wc -l <{count}) -gt 1 ] && rm -f {switch};; esac\nexec /bin/dd \"$@\"\n"
    disk = bad_disk(volume, failing_while=switch).path
    with rig.Sshd(fakes={"dd": dd}) as far:
        result = acquire(far, disk, image).expect(0)
    assert image.read_bytes() == volume.read_bytes() and ranges(result) == []
