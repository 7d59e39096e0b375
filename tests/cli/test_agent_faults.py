"""The agent route when things go wrong: false agents, lost connections, pulled cables, kills, and other servers."""

import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import rig
from ssh_world import MIB, acquire, image, incompressible, log_of, manifest_of, refused, volume  # noqa: F401
from test_agent import agents, by_agent, identity, logged

pytestmark = pytest.mark.full

CHUNK = 512 * 1024
SUPPORT = Path(rig.__file__).resolve().parent.parent

# Takes what it is sent as the agent, throws it away, and puts a false one in its place.
FALSE_AGENT_DD = """#!/bin/sh
case "$*" in
*"bs=4096 count="*fullblock*) /bin/dd "$@" >/dev/null; cat {script};;
*) exec /bin/dd "$@";;
esac
"""
FALSE_AGENT = """#!/usr/bin/python3
import os, sys, time
sys.path.insert(0, {support!r})
from agent_wire import *
size = os.path.getsize(sys.argv[1])
inp, out = open(0, "rb", buffering=0), open(1, "wb", buffering=0)
content = open(sys.argv[1], "rb")
def say(data): out.write(data)
def next_request():
    while True:
        magic, id, offset, length, type, priority, level, flags, _ = REQUEST.unpack(read_exactly(inp, REQUEST.size))
        if type != ALIVE: return id, offset, length, type, flags
        say(reply(id, 0, IS_ALIVE))
def serve_honestly(requests):
    for _ in range(requests):
        id, offset, length, type, flags = next_request()
        if type == EXTENTS:
            say(reply(id, offset, EXTENT_LIST, body=struct.pack("<QQQ", offset, length, 0)))
        else:
            content.seek(offset)
            data = content.read(length)
            say(reply(id, offset, RAW, got=len(data), body=data, xxh64=xxh64(data)))
def xxh64(data):
    import subprocess
    return int(subprocess.run(["xxhsum", "-H1", "-"], input=data, capture_output=True, check=True).stdout.split()[0], 16)
{act}
"""
START = "say(hello(size)); "
BOMB = ("import subprocess\nid, offset, length, type, flags = next_request()\n"
        "while type == EXTENTS:\n"
        "    say(reply(id, offset, EXTENT_LIST, body=struct.pack('<QQQ', offset, length, 0)))\n"
        "    id, offset, length, type, flags = next_request()\n"
        "bomb = subprocess.run(['zstd', '-q', '-c', '--check'], input=bytes(100 << 20), capture_output=True).stdout\n"
        "say(reply(id, offset, ZSTD, got=length, body=bomb[:length - 1]))\ntime.sleep(60)")


def answer(what):
    """After the extents: `what` is said to the first read, whose id, offset and length are at hand."""
    return ("id, offset, length, type, flags = next_request()\n"
            "while type == EXTENTS:\n"
            "    say(reply(id, offset, EXTENT_LIST, body=struct.pack('<QQQ', offset, length, 0)))\n"
            "    id, offset, length, type, flags = next_request()\n"
            f"{what}\ntime.sleep(60)")


@pytest.mark.parametrize("act, words", [
    (START + "say(b'rubbish' * 1000); time.sleep(60)", ["no sign of life"]),
    (START + "\n" + answer("say(b'rubbish' * 1000)"), ["does not keep to the protocol"]),
    (START + "\n" + answer("say(reply(id + 7, offset, RAW, got=length, body=bytes(length)))"), ["nothing that was asked"]),
    (START + "\n" + answer("say(reply(id, offset + 512, RAW, got=length, body=bytes(length)))"), ["another place"]),
    (START + "\n" + answer("say(reply(id, offset, RAW, got=length + 512, body=bytes(length + 512)))"), ["more content than was asked"]),
    (START + "\n" + answer("say(reply(id, offset, RAW, got=length, body=b'x', payload=0xFFFFFFFF))"), ["does not keep to the protocol"]),
    (START + "\n" + answer("say(reply(id, offset, RAW, got=length, body=bytes(length), xxh64=1))"), ["XXH64"]),
    (START + "\n" + answer("say(reply(id, offset, ZERO, got=length, bad=[(0, length + 1, 5)]))"), ["outside what was read"]),
    (START + "\n" + answer("say(reply(id, offset, FAILED, body=b'the \\x1b[31mdisk\\nis gone'))"), ["the ?[31mdisk?is gone"]),
    (START + "\n" + BOMB, ["is damaged", "content size"]),
    (START + "\nid, offset, length, type, flags = next_request()\nwhile type != EXTENTS:\n    say(reply(id, offset, ZERO, got=length))\n"
     "    id, offset, length, type, flags = next_request()\n"
     "say(reply(id, offset, EXTENT_LIST, body=struct.pack('<QQQ', offset, length * 2, 0)))\ntime.sleep(60)", ["outside what was asked"]),
    (START + "\n" + answer("say(reply(0, 0, IS_ALIVE))"), ["nobody asked for"]),
], ids=["rubbish-first", "rubbish", "id", "place", "more", "length", "xxh64", "bad", "failed", "bomb", "extents", "alive"])
def test_a_false_agent_is_a_lost_source(make_sshd, volume, image, tmp_path, act, words):
    script = tmp_path / "false_agent"
    script.write_text(FALSE_AGENT.format(support=str(SUPPORT), act=act))
    sshd = make_sshd(fakes={"dd": FALSE_AGENT_DD.format(script=script)})
    result = by_agent(sshd, volume, image, "--timeout", "5", timeout=120)
    assert result.code == 3, (result.code, result.stderr)
    for word in words:
        assert word in result.stderr, result.stderr
    assert "\x1b" not in result.stderr and not image.exists()


@pytest.mark.parametrize("act, word", [
    ("say(b'x' * 64); time.sleep(60)", "not our agent"),
    ("say(hello(size, version=2)); time.sleep(60)", "another version"),
    ("sys.exit(9)", "exit status 9"),
    ("print('no\\x1b[31m', file=sys.stderr); sys.exit(1)", "exit status 1"),
])
def test_what_is_no_agent_is_not_taken(make_sshd, volume, tmp_path, act, word):
    script = tmp_path / "false_agent"
    script.write_text(FALSE_AGENT.format(support=str(SUPPORT), act=act))
    sshd = make_sshd(fakes={"dd": FALSE_AGENT_DD.format(script=script)})
    refused(by_agent(sshd, volume, tmp_path / "a.img"), word)
    result = acquire(sshd, volume, tmp_path / "b.img", transport="auto").expect(0)
    assert word in result.stderr and "\x1b" not in result.stderr
    assert (tmp_path / "b.img").read_bytes() == volume.read_bytes()


def test_a_size_that_the_shell_does_not_see_is_refused(make_sshd, volume, image, tmp_path):
    script = tmp_path / "false_agent"
    script.write_text(FALSE_AGENT.format(support=str(SUPPORT), act="say(hello(size + 512)); serve_honestly(1000)"))
    refused(by_agent(make_sshd(fakes={"dd": FALSE_AGENT_DD.format(script=script)}), volume, image), "bytes for the agent")


def test_a_digest_that_is_not_of_what_came_ends_it(make_sshd, volume, image, tmp_path):
    script = tmp_path / "false_agent"
    act = START + """
while True:
    id, offset, length, type, flags = next_request()
    if type == EXTENTS:
        say(reply(id, offset, EXTENT_LIST, body=struct.pack("<QQQ", offset, length, 0)))
    else:
        content.seek(offset)
        data = content.read(length)
        say(reply(id, offset, RAW, got=len(data), body=data, digest=bytes(32) if flags & 2 else b"", xxh64=xxh64(data)))
"""
    script.write_text(FALSE_AGENT.format(support=str(SUPPORT), act=act))
    sshd = make_sshd(fakes={"dd": FALSE_AGENT_DD.format(script=script)})
    result = by_agent(sshd, volume, image, "--source-hash")
    assert result.code == 3 and "not what the far side read" in result.stderr, result.stderr


def test_an_agent_that_falls_silent_is_given_up(make_sshd, volume, image, tmp_path):
    script = tmp_path / "false_agent"
    script.write_text(FALSE_AGENT.format(support=str(SUPPORT), act=START + "time.sleep(600)"))
    sshd = make_sshd(fakes={"dd": FALSE_AGENT_DD.format(script=script)})
    result = by_agent(sshd, volume, image, "--timeout", "1", timeout=240)
    assert result.code != 0 and ("gave nothing" in result.stderr or "no agent" in result.stderr), result.stderr


# -- lost connections ---------------------------------------------------------------------------------------------


def slow_run(sshd, source, image, proxy, start, *options):
    sshd.trust(proxy.port)
    run = start("acquire", sshd.url(source, proxy.port), "-o", image, *sshd.options(), "--transport", "agent", "--progress", "json", *options)
    run.wait_progress(2 * MIB)
    return run


def equal(image, source):
    assert image.read_bytes() == source.read_bytes()
    rig.kanshiki("verify", image).expect(0)


@pytest.mark.parametrize("connections", [1, 3])
def test_killed_sessions_are_made_again(sshd, incompressible, image, tcp_proxy, start, connections):
    proxy = tcp_proxy(sshd.port, rate=16 * MIB)
    run = slow_run(sshd, incompressible, image, proxy, start, "--connections", connections)
    sshd.kill_sessions()
    proxy.rate = None
    run.finish(120).expect(0)
    assert logged(image, "reconnect")
    equal(image, incompressible)


def test_a_killed_agent_is_started_again(sshd, incompressible, image, tcp_proxy, start):
    proxy = tcp_proxy(sshd.port, rate=16 * MIB)
    run = slow_run(sshd, incompressible, image, proxy, start)
    for pid in agents(sshd):
        os.kill(pid, signal.SIGKILL)
    proxy.rate = None
    run.finish(120).expect(0)
    assert any("KILL" in line["message"] for line in logged(image, "reconnect"))
    equal(image, incompressible)


def test_one_connection_that_stays_away_does_not_stop_the_others(sshd, incompressible, image, tcp_proxy, start):
    """The server takes no new connections after the first two: the run goes on by what it has."""
    proxy = tcp_proxy(sshd.port, rate=16 * MIB)
    run = slow_run(sshd, incompressible, image, proxy, start, "--connections", "2", "--timeout", "5")
    run.wait_for(lambda: len(agents(sshd)) == 2, "two agents")
    (sshd.folder / "authorized_keys").write_text("")
    os.kill(min(agents(sshd)), signal.SIGKILL)
    run.wait_for(lambda: "given up, the others go on" in run.text("stderr"), "one to be given up")
    proxy.rate = None
    run.finish(120).expect(0)
    equal(image, incompressible)


def test_no_agent_outlives_its_client(sshd, incompressible, image, tcp_proxy, start):
    proxy = tcp_proxy(sshd.port, rate=16 * MIB)
    run = slow_run(sshd, incompressible, image, proxy, start)
    assert agents(sshd)
    run.signal(signal.SIGKILL)
    run.finish(30)
    rig.wait_until(lambda: not agents(sshd), "the agent to end", 60)


@pytest.mark.parametrize("victim", ["client", "agent", "sshd"])
@pytest.mark.parametrize("seed", range(4))
def test_kills_at_seeded_points_then_resume(sshd, incompressible, image, tcp_proxy, start, victim, seed):
    """Whoever dies, and whenever: the run that ends in the end has the image, root and digests of one that nobody disturbed."""
    whole = image.parent.parent / "whole" / "disk.img"
    by_agent(sshd, incompressible, whole).expect(0)
    proxy = tcp_proxy(sshd.port, rate=48 * MIB)
    sshd.trust(proxy.port)
    run = start("acquire", sshd.url(incompressible, proxy.port), "-o", image, *sshd.options(), "--transport", "agent", "--progress", "json")
    run.wait_progress(random.Random(f"{victim} {seed}").randrange(MIB, 50 * MIB))  # later all that is left may be under way
    if victim == "client":
        run.signal(signal.SIGKILL)
    elif victim == "agent":
        for pid in agents(sshd):
            os.kill(pid, signal.SIGKILL)
    else:
        sshd.stop()
        run.wait_for(lambda: "connecting again" in run.text("stderr"), "the loss")
        run.signal(signal.SIGTERM)
        sshd.start()
    proxy.rate = None
    first = run.finish(120)
    if victim != "agent":
        assert first.code in (-signal.SIGKILL, 130, 3), first.stderr
        by_agent(sshd, incompressible, image, "--resume", port=proxy.port).expect(0)
    else:
        first.expect(0)
    equal(image, incompressible)
    one, other = manifest_of(whole)["image"], manifest_of(image)["image"]
    assert (one["root"], one["digests"]) == (other["root"], other["digests"])


# -- a host of its own --------------------------------------------------------------------------------------------


def on_host(make_sshd, far_host):
    host = far_host()
    return host, make_sshd(address=host.address, wrapper=host.wrapper)


def test_a_cable_pulled_and_put_back(make_sshd, far_host, incompressible, image, start):
    host, sshd = on_host(make_sshd, far_host)
    run = start("acquire", sshd.url(incompressible), "-o", image, *sshd.options(), "--transport", "agent", "--timeout", "4",
                "--limit-rate", "20M", "--progress", "json")
    run.wait_progress(8 * MIB)
    host.cut()
    run.wait_for(lambda: "connecting again" in run.text("stderr"), "the loss to be noticed")
    host.mend()
    run.finish(120).expect(0)
    equal(image, incompressible)


@pytest.mark.full
def test_a_cable_pulled_for_good(make_sshd, far_host, incompressible, image, start):
    host, sshd = on_host(make_sshd, far_host)
    run = start("acquire", sshd.url(incompressible), "-o", image, *sshd.options(), "--transport", "agent", "--timeout", "1",
                "--limit-rate", "20M", "--progress", "json")
    run.wait_progress(8 * MIB)
    host.cut()
    result = run.finish(180)
    assert result.code == 3 and "--resume" in result.stderr, result.stderr
    host.mend()
    by_agent(sshd, incompressible, image, "--resume").expect(0)
    equal(image, incompressible)


def test_a_long_way_gets_several_connections(sshd, volume, image, tcp_proxy):
    proxy = tcp_proxy(sshd.port, delay=0.025)
    sshd.trust(proxy.port)
    by_agent(sshd, volume, image, port=proxy.port).expect(0)
    assert identity(image)["connections"] == "4"
    equal(image, volume)


def test_a_cold_disk_is_read_many_at_a_time(sshd, tmp_path, bad_disk):
    """32 MiB at 30 ms a read: 64 reads of 512 KiB take 1.9 s one after the other; all in flight must halve that."""
    file = tmp_path / "file"
    file.write_bytes(random.Random(3).randbytes(32 * MIB))
    disk = bad_disk(file, delay=0.03)
    image = tmp_path / "disk.img"
    result = by_agent(sshd, disk.path, image).expect(0)
    assert image.read_bytes() == file.read_bytes()
    one_after_the_other = sum(1 for _ in range(32 * MIB // (128 * 1024))) * 0.03  # FUSE splits reads to 128 KiB
    assert result.json["seconds"] < one_after_the_other / 2


def test_a_dropbear_server(volume, image, tmp_path):
    """dropbear knows only ~/.ssh/authorized_keys: it gets a ~/.ssh of its own, in a mount namespace of its own."""
    key, home = tmp_path / "host_key", tmp_path / "ssh"
    home.mkdir(mode=0o700)
    (Path.home() / ".ssh").mkdir(mode=0o700, exist_ok=True)
    subprocess.run(["dropbearkey", "-t", "ed25519", "-f", key], check=True, capture_output=True)
    with rig.Sshd() as sshd:  # for its keys
        (home / "authorized_keys").write_bytes((sshd.folder / "user_key.pub").read_bytes())
        port = rig.sshd._free_port()
        server = subprocess.Popen(
            ["unshare", "-m", "sh", "-c", "mount --bind \"$1\" ~/.ssh; shift; exec dropbear \"$@\"", "sh", home,
             "-F", "-E", "-r", key, "-p", f"127.0.0.1:{port}", "-P", tmp_path / "pid"], stdin=subprocess.DEVNULL, stderr=subprocess.PIPE)
        try:
            text = subprocess.run(["dropbearkey", "-y", "-f", key], check=True, capture_output=True, text=True).stdout
            public = next(line for line in text.splitlines() if line.startswith("ssh-ed25519"))
            sshd.known_hosts.write_text(f"[127.0.0.1]:{port} {' '.join(public.split()[:2])}\n")
            rig.wait_until(lambda: _listens(port), "dropbear to listen", 30)
            for transport in ("agent", "dd"):
                to = image.with_name(f"{transport}.img")
                acquire(sshd, volume, to, port=port, transport=transport).expect(0)
                assert to.read_bytes() == volume.read_bytes() and identity(to)["transport"] == transport
        finally:
            server.kill()
            server.wait()


def _listens(port) -> bool:
    import socket
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0
