"""The agents as programs, spoken to over pipes from the specification alone: this machine's, and the other one under qemu."""

import hashlib
import os
import random
import resource
import subprocess
from pathlib import Path

import agent_wire as wire
import pytest
import rig

pytestmark = pytest.mark.full

CHUNK = 512 * 1024
MIB = 1 << 20
MACHINES = ["x86_64", "aarch64"]
ELF_MACHINE = {"x86_64": "Advanced Micro Devices X86-64", "aarch64": "AArch64"}


def program(machine) -> Path:
    path = rig.binary().parent / f"kanshiki-agent-{machine}"
    assert path.exists(), f"{path} was not built: are its compiler and libzstd there (scripts/install test)?"
    return path


def command(machine=os.uname().machine) -> list:
    emulator = [] if machine == os.uname().machine else [f"qemu-{machine}-static"]
    return [*emulator, program(machine)]


class Agent:
    """An agent on a pipe each way, after its hello."""

    def __init__(self, path, machine=os.uname().machine, timeout=60, retries=1, nice=0, **keywords):
        self.process = subprocess.Popen([*command(machine), path, str(timeout), str(retries), str(nice)], stdin=subprocess.PIPE,
                                        stdout=subprocess.PIPE, stderr=subprocess.PIPE, bufsize=0, **keywords)
        magic, self.version, self.flags, self.sector, self.size, self.cores, self.pid = wire.HELLO.unpack(self.read(wire.HELLO.size))
        assert magic == b"KANSHIKI"

    def read(self, size):
        return wire.read_exactly(self.process.stdout, size)

    def ask(self, *requests) -> dict:
        """Sends them all at once; {id: reply} in the order in which they came."""
        self.process.stdin.write(b"".join(requests))
        replies = [wire.read_reply(self.process.stdout) for _ in requests]
        assert len({reply.id for reply in replies}) == len(requests)
        return {reply.id: reply for reply in replies}

    def end(self) -> int:
        self.process.stdin.close()
        return self.process.wait(20)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        for stream in (self.process.stdin, self.process.stdout, self.process.stderr):
            stream.close()


def content(reply) -> bytes:
    if reply.type == wire.ZERO:
        return bytes(reply.got)
    if reply.type == wire.RAW:
        return reply.body
    assert reply.type == wire.ZSTD
    return subprocess.run(["zstd", "-dcq"], input=reply.body, check=True, capture_output=True).stdout


@pytest.fixture(scope="module")
def volume(tmp_path_factory):
    path = tmp_path_factory.mktemp("volume") / "volume"
    chance = random.Random(5)
    path.write_bytes(chance.randbytes(MIB) + b"some text. " * (MIB // 11) + bytes(MIB) + chance.randbytes(700))
    return path


@pytest.mark.parametrize("machine", MACHINES)
def test_small_static_and_stripped(machine):
    path = program(machine)
    assert path.stat().st_size <= 3 * MIB // 2
    seen = subprocess.run(["readelf", "--wide", "-h", "-l", "-S", path], check=True, capture_output=True, text=True).stdout
    assert ELF_MACHINE[machine] in seen
    assert "INTERP" not in seen and "DYNAMIC" not in seen
    assert ".symtab" not in seen and ".debug" not in seen


@pytest.mark.parametrize("machine", MACHINES)
def test_it_carries_no_path_of_where_it_was_built(machine):
    assert os.fsencode(rig.ROOT) not in program(machine).read_bytes()


@pytest.mark.parametrize("machine", MACHINES)
def test_what_it_reads_is_the_file(machine, volume):
    kept = volume.read_bytes()
    with Agent(volume, machine) as agent:
        assert (agent.version, agent.size) == (1, len(kept))
        assert agent.flags in (4, 4 | 2)  # a file whose holes can be told; past the cache where the file system can
        offsets = range(0, len(kept), CHUNK)
        replies = agent.ask(*(wire.request(id, offset, CHUNK, sha256=True) for id, offset in enumerate(offsets)))
        for id, offset in enumerate(offsets):
            piece = kept[offset:offset + CHUNK]
            assert replies[id].offset == offset and replies[id].got == len(piece)
            assert content(replies[id]) == piece
            assert replies[id].digest == hashlib.sha256(piece).digest()
        assert {reply.type for reply in replies.values()} == {wire.ZERO, wire.RAW, wire.ZSTD}
        for reply in replies.values():
            if reply.type == wire.RAW:
                digest = subprocess.run(["xxhsum", "-H64"], input=reply.body, check=True, capture_output=True).stdout
                assert int(digest.split()[0], 16) == reply.xxh64
        assert agent.end() == 0


@pytest.mark.parametrize("arguments", [[], ["/etc/hostname"], ["/etc/hostname", "60", "1"], ["/etc/hostname", "60", "1", "0", "/etc/passwd"],
                                       ["/etc/hostname", "0", "1", "0"], ["/etc/hostname", "60", "101", "0"], ["/etc/hostname", "60", "1", "20"],
                                       ["/etc/hostname", "60s", "1", "0"], ["/etc/hostname", "-1", "1", "0"], ["/etc/hostname", "", "1", "0"]])
def test_a_wrong_command_line_is_one_line(arguments):
    result = subprocess.run([*command(), *arguments], stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=20)
    assert (result.returncode, result.stdout) == (2, "")
    assert len(result.stderr.splitlines()) == 1 and "PATH TIMEOUT" in result.stderr


@pytest.mark.parametrize("path, word", [("/nonexistent", "No such file"), ("/dev/null", "neither"), ("/", "neither")])
def test_what_it_cannot_read_is_one_line(path, word):
    result = subprocess.run([*command(), path, "60", "1", "0"], stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=20)
    assert (result.returncode, result.stdout) == (6, "")
    assert len(result.stderr.splitlines()) == 1 and path in result.stderr and word in result.stderr


def test_it_opens_its_path_to_read_and_no_other(volume, tmp_path):
    trace = tmp_path / "trace"
    result = subprocess.run(["strace", "-f", "-e", "trace=%file,write,pwrite64,ftruncate,fallocate,ioctl", "-o", trace, *command(), volume, "60", "1", "0"],
                            input=wire.request(1, 0, CHUNK), capture_output=True, timeout=60)
    assert result.returncode == 0
    opened = [line for line in trace.read_text().splitlines() if "open" in line.split("(")[0]]
    named = [line for line in opened if str(volume) in line]
    assert named and all("O_RDONLY" in line for line in named)
    # what the C library reads of the kernel for itself
    others = [line for line in opened if line not in named and not any(part in line for part in ('"/proc/', '"/sys/devices/system/cpu'))]
    assert others == []


@pytest.mark.parametrize("how", ["file", "loop"])
def test_bad_sectors_are_told_exactly(volume, bad_disk, loop_device, how):
    bad = [(3 * 512, 512), (MIB + 512, 1024), (MIB + CHUNK - 512, 512)]
    base = volume.parent / "aligned"
    base.write_bytes(volume.read_bytes()[:3 * MIB])
    disk = bad_disk(base, bad=bad)
    path = disk.path if how == "file" else loop_device(disk.path, direct_io=True).path
    with Agent(path) as agent:
        assert agent.flags & 1 == (how == "loop")
        replies = agent.ask(*(wire.request(id, id * CHUNK, CHUNK) for id in range(6)))
        told = [(reply.offset + at, size, error) for id, reply in sorted(replies.items()) for at, size, error in reply.bad]
        assert told == [(offset, size, 5) for offset, size in bad]
        kept = bytearray(base.read_bytes())
        for offset, size in bad:
            kept[offset:offset + size] = bytes(size)
        assert b"".join(content(replies[id]) for id in range(6)) == kept


def test_urgent_requests_overtake(tmp_path, bad_disk):
    """64 are read at a time, on a slow disk and too far apart for its read-ahead; of what waits the last is urgent."""
    base = tmp_path / "base"
    with open(base, "wb") as file:
        file.truncate(256 * MIB)
    disk = bad_disk(base, delay=0.3, parallel=64)
    with Agent(disk.path) as agent:
        bulk = [wire.request(id, id * CHUNK, 4096) for id in range(320)]
        order = list(agent.ask(*bulk, wire.request(1000, 200 * MIB, 4096, priority=0)))
        assert order.index(1000) < 160


def in_pread(agent) -> int:
    """How many of its threads are inside the system call."""
    number = {"x86_64": "17", "aarch64": "67"}[os.uname().machine]
    return sum(task.read_text().split()[0] == number for task in Path(f"/proc/{agent.pid}/task").glob("*/syscall"))


def test_64_reads_are_in_flight_and_no_more(tmp_path, bad_disk):
    base = tmp_path / "base"
    with open(base, "wb") as file:
        file.truncate(100 * MIB)
    disk = bad_disk(base, delay=0.5)  # not longer: the kernel lets no process go before its reads are answered
    with Agent(disk.path) as agent:
        agent.process.stdin.write(b"".join(wire.request(id, id * MIB, 4096) for id in range(100)))
        rig.wait_until(lambda: in_pread(agent) == 64, "64 threads to read", 15)
        assert len(list(Path(f"/proc/{agent.pid}/task").iterdir())) == 65
        assert agent.end() == 0


def test_no_thread_at_all_is_told_in_a_reply(volume):
    limit = lambda: resource.setrlimit(resource.RLIMIT_AS, (6 * MIB, 6 * MIB))  # noqa: E731
    with Agent(volume, preexec_fn=limit) as agent:
        [reply] = agent.ask(wire.request(1, 0, 4096)).values()
        assert reply.type == wire.FAILED and b"thread" in reply.body
        assert agent.process.wait(20) == 0


def test_the_end_of_its_input_ends_it_in_mid_read(tmp_path, bad_disk):
    """What was asked takes a minute; the kernel lets no process go before the reads in flight are answered, but no other is begun."""
    base = tmp_path / "base"
    with open(base, "wb") as file:
        file.truncate(256 * MIB)
    disk = bad_disk(base, delay=1)
    with Agent(disk.path) as agent:
        agent.process.stdin.write(b"".join(wire.request(id, id * MIB, MIB) for id in range(192)))
        rig.wait_until(lambda: in_pread(agent) == 64, "64 threads to read", 15)
        assert agent.end() == 0
        assert len(agent.process.stdout.read()) < 100 * wire.REPLY.size


def test_the_end_of_its_input_ends_it_where_nobody_reads_what_it_says(volume):
    with Agent(volume) as agent:
        agent.process.stdin.write(b"".join(wire.request(id, 0, CHUNK, compress=False) for id in range(8)))
        agent.process.stdin.write(wire.request(100, 0, 0, type=wire.ALIVE))
        assert agent.end() == 0


def test_silence_ends_it(volume):
    with Agent(volume, timeout=1) as agent:
        assert agent.process.wait(20) == 3
        [line] = agent.process.stderr.read().decode().splitlines()
        assert "no request for 1 s" in line


def test_what_is_no_request_is_one_line(volume):
    with Agent(volume) as agent:
        agent.process.stdin.write(b"GET / HTTP/1.1\r\nHost: volume\r\n\r\n\r\n")
        assert agent.process.wait(20) == 2
        assert len(agent.process.stderr.read().splitlines()) == 1


def test_niceness_is_as_asked(volume):
    with Agent(volume, nice=7) as agent:
        assert os.getpriority(os.PRIO_PROCESS, agent.pid) == 7


def test_its_memory_is_bounded(volume):
    """The most that may be asked at once, at the level that takes the most."""
    with Agent(volume) as agent:
        for round_ in range(3):
            requests = [wire.request(id, id % 3 * MIB, MIB, level=19, sha256=True) for id in range(192)]
            agent.ask(*requests[64 * round_:64 * (round_ + 1)])
        status = Path(f"/proc/{agent.pid}/status").read_text()
        [peak] = [int(line.split()[1]) for line in status.splitlines() if line.startswith("VmHWM:")]
        assert peak <= 256 * 1024


def test_a_host_that_gives_few_threads_is_read_all_the_same(volume):
    """Stacks are address space: under such a limit the second or third thread cannot be made."""
    limit = lambda: resource.setrlimit(resource.RLIMIT_AS, (40 * MIB, 40 * MIB))  # noqa: E731
    kept = volume.read_bytes()
    with Agent(volume, preexec_fn=limit) as agent:
        replies = agent.ask(*(wire.request(id, id * 4096, 4096, compress=False) for id in range(200)))
        assert all(content(replies[id]) == kept[id * 4096:(id + 1) * 4096] for id in range(200))
        assert agent.end() == 0


def test_a_host_without_memory_is_told_in_a_reply(volume):
    limit = lambda: resource.setrlimit(resource.RLIMIT_AS, (11 * MIB, 11 * MIB))  # noqa: E731
    with Agent(volume, preexec_fn=limit) as agent:
        reply = None
        for id in range(1, 20):
            agent.process.stdin.write(wire.request(id, 0, MIB, level=19))
            reply = wire.read_reply(agent.process.stdout)
            if reply.type == wire.FAILED:
                break
        assert reply.type == wire.FAILED and b"memory" in reply.body
        assert agent.process.wait(20) == 0
