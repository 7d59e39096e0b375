"""The parts of scripts/investigate one by one: finding the disk, the log, the state, instance metadata, children."""

import errno
import hashlib
import http.server
import json
import os
import signal
import subprocess
import threading

import pytest
from investigate_world import ROOT, SNAPSHOT, Clock, World, check_chain

from investigation import child, custody, metadata, state, waiting
from investigation.device import Devices
from investigation.failure import Failure, Interrupted

WANTED = "vol-0123456789abcdef0"
SERIAL = "vol0123456789abcdef0"


class Tree:
    """A sysfs and a /dev of files; the nodes are /dev/null's (1:3) under block device type, and are never opened."""

    def __init__(self, folder):
        self.sys, self.dev = folder / "sys", folder / "dev"
        self.dev.mkdir()
        self.devices = Devices(self.run, str(self.sys), str(self.dev))
        self.ran, self.answers = [], {}

    def run(self, argv, _limit):
        self.ran.append(argv)
        return self.answers.get(tuple(argv), (0, "1" if argv[1] == "--getro" else ""))

    def file(self, path, text):
        path = self.sys / path
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)

    def disk(self, name, serial, number="1:3", node=True):
        self.file(f"block/{name}/device/serial", serial)
        self.file(f"block/{name}/dev", number + "\n")
        self.file(f"block/{name}/size", "2097152\n")
        if node:
            os.mknod(self.dev / name, 0o060600, os.makedev(1, 3))


@pytest.fixture
def tree(tmp_path):
    return Tree(tmp_path)


def test_disk_is_found_by_its_serial_among_decoys(tree):
    tree.disk("nvme0n1", "vol0ffffffffffffffff\n")
    tree.disk("nvme1n1", "AWS22222222222222222\n")  # an instance store
    tree.disk("nvme2n1", SERIAL + "1\n")
    tree.disk("nvme3n1", "\n")
    tree.disk("nvme26n1", SERIAL + " \n")
    assert tree.devices.find(WANTED) == str(tree.dev / "nvme26n1")
    assert tree.devices.size(tree.dev / "nvme26n1") == 1 << 30
    assert tree.devices.find("vol-0aaaaaaaaaaaaaaaa") is None


def test_disk_shown_only_under_its_controller_is_found(tree):
    tree.file("class/nvme/nvme7/serial", SERIAL + "\n")
    tree.file("class/nvme/nvme7/nvme7n1/size", "0")
    tree.file("class/nvme/nvme7/nvme7c7n1/size", "0")  # a hidden path of a multipath disk: no node of its own
    tree.file("block/nvme7n1/dev", "1:3")
    os.mknod(tree.dev / "nvme7n1", 0o060600, os.makedev(1, 3))
    assert tree.devices.find(WANTED) == str(tree.dev / "nvme7n1")


def test_disk_without_its_node_yet_is_waited_for(tree):
    tree.disk("nvme1n1", SERIAL, node=False)
    assert tree.devices.find(WANTED) is None and tree.devices.has_nvme()


@pytest.mark.parametrize("number, kind, said", [("259:9", 0o060600, "is device 1:3, but the kernel says nvme1n1 is 259:9"),
                                                ("1:3", 0o020600, "/dev is not in order")])
def test_node_that_is_another_device_is_refused(tree, number, kind, said):
    tree.disk("nvme1n1", SERIAL, number, node=False)
    os.mknod(tree.dev / "nvme1n1", kind, os.makedev(1, 3))
    with pytest.raises(Failure, match=said) as failure:
        tree.devices.find(WANTED)
    assert failure.value.code == 6


def test_one_serial_twice_is_refused(tree):
    tree.disk("nvme1n1", SERIAL)
    tree.disk("nvme2n1", SERIAL)
    with pytest.raises(Failure, match="nvme1n1 and nvme2n1 both have the NVMe serial"):
        tree.devices.find(WANTED)


def test_partitions_are_protected_too(tree):
    tree.disk("nvme1n1", SERIAL)
    for name in ("nvme1n1p1", "nvme1n1p128"):
        tree.file(f"block/nvme1n1/{name}/partition", "1\n")
    disk = str(tree.dev / "nvme1n1")
    assert tree.devices.protect(disk) == [disk, disk + "p1", disk + "p128"]
    assert [argv[1] for argv in tree.ran] == ["--setro", "--getro"] * 3


@pytest.mark.parametrize("argv, answer", [("--setro", (1, "Permission denied")), ("--getro", (0, "0")), ("--getro", (1, "gone"))])
def test_disk_that_does_not_become_read_only_is_refused(tree, argv, answer):
    tree.disk("nvme1n1", SERIAL)
    disk = str(tree.dev / "nvme1n1")
    tree.answers[("blockdev", argv, disk)] = answer
    with pytest.raises(Failure, match="could not make it read-only .*nothing was read") as failure:
        tree.devices.protect(disk)
    assert failure.value.code == 6


def test_a_disk_that_never_appears_is_6_and_keeps_the_volume(tmp_path):
    world = World(tmp_path)
    world.appear = lambda volume: None
    assert world.run("--snapshot", SNAPSHOT) == 6
    assert "no NVMe disk with serial vol0fffffffffffffff1 within 120 s" in world.err and not world.ran


def test_a_disk_of_another_size_is_not_read(tmp_path):
    world = World(tmp_path)
    world.appear = lambda volume: (World.appear(world, volume), world.show_disk("nvme5n1", volume.replace("-", ""), 2, "1:3"))
    assert world.run("--snapshot", SNAPSHOT) == 6
    assert "not the same disk; nothing was read" in world.err and not world.ran and len(world.tools) == 1


def xen(world, name="xvdf", serial=None):
    """A host without NVMe; the volume appears under the name asked for."""
    for path in world.sys.glob("block/*/device/serial"):
        path.unlink()
    node = world.dev / name

    def appear(volume):
        world.show_disk(name, serial or "", number="1:3")
        if serial is None:
            (world.sys / "block" / name / "device" / "serial").unlink()
        node.touch()
    world.appear = appear
    return str(node)


def test_xen_host_needs_the_device_named_and_the_log_says_who_knew_it(tmp_path):
    world = World(tmp_path)
    assert world.run("--snapshot", SNAPSHOT, "--device", xen(world)) == 0, world.err
    assert [e["known_by"] for e in world.log() if e["event"] == "device"] == ["operator (--device)"]
    assert world.ran[0][2] == str(world.dev / "xvdf")


def test_device_that_was_there_before_the_volume_is_refused(tmp_path):
    world = World(tmp_path)
    given = xen(world)
    open(given, "w").close()
    assert world.run("--snapshot", SNAPSHOT, "--device", given) == 6
    assert "exists before the volume is attached, so it is another disk" in world.err and "attach_volume" not in world.operations()


def test_device_named_whose_serial_says_otherwise_is_refused(tmp_path):
    world = World(tmp_path)
    given = xen(world, "nvme9n1", "vol0eeeeeeeeeeeeeee3")
    assert world.run("--snapshot", SNAPSHOT, "--device", given) == 6
    assert "its NVMe serial is vol0eeeeeeeeeeeeeee3" in world.err and not world.ran


def test_log_goes_on_after_a_torn_line_and_says_so(tmp_path):
    path = tmp_path / "log"
    log = custody.CustodyLog(path, Clock())
    log.append("one", text="鑑識 \ud800")
    log.close()
    with open(path, "ab") as file:
        file.write(b'{"seq":1,"ti')
    log = custody.CustodyLog(path, Clock())
    log.append("two")
    entries = check_chain(path)
    assert [e["event"] for e in entries] == ["one", "log_torn", "two"]
    assert entries[1]["bytes_cut"] == 12 and entries[1]["sha256_of_cut"] == hashlib.sha256(b'{"seq":1,"ti').hexdigest()
    assert log.head == hashlib.sha256(path.read_bytes().splitlines()[-1]).hexdigest()


@pytest.mark.parametrize("spoil", [
    lambda lines: [lines[0].replace(b"one", b"ONE"), *lines[1:]], lambda lines: lines[1:], lambda lines: [lines[0], lines[2]],
    lambda lines: [lines[0], b"[" * 100000, lines[2]], lambda lines: [lines[0], b"{}", lines[2]],
    lambda lines: [lines[0], b"x" * (2 << 20), lines[2]], lambda lines: [lines[0], b"", lines[2]], lambda lines: [b"7", *lines[1:]],
], ids=["changed", "first gone", "one gone", "brackets", "empty object", "long", "empty line", "number"])
def test_changed_log_is_refused_with_10_and_left_as_it_is(tmp_path, spoil):
    path = tmp_path / "log"
    log = custody.CustodyLog(path, Clock())
    for event in ("one", "two", "three"):
        log.append(event)
    log.close()
    path.write_bytes(b"\n".join(spoil(path.read_bytes().splitlines())) + b"\n")
    before = path.read_bytes()
    with pytest.raises(Failure, match="the chain is broken at line") as failure:
        custody.CustodyLog(path, Clock())
    assert failure.value.code == 10 and path.read_bytes() == before


def test_whoever_changed_the_log_between_runs_stops_the_next(tmp_path):
    world = World(tmp_path)
    world.statuses["acquire"] = 3
    assert world.run("--snapshot", SNAPSHOT) == 3
    path = world.output / "investigation.log.jsonl"
    path.write_bytes(path.read_bytes().replace(b"CreateVolume", b"DeleteVolume"))
    calls = len(world.history)
    assert world.run("--snapshot", SNAPSHOT) == 10
    assert len(world.history) == calls and "the log was changed" in world.err


@pytest.mark.parametrize("text", ["", "{", "[]", "7", "{}", "[" * 100000, '{"format":"other","run":"x","request":{}}',
                                  '{"format":"kanshiki-investigation-1","run":7,"request":{}}', " " * (2 << 20)])
def test_state_file_that_is_not_ours_is_refused(tmp_path, text):
    (tmp_path / "investigation.json").write_text(text)
    with pytest.raises(Failure, match="not a state file of ours") as failure:
        state.open_state(str(tmp_path), {})
    assert failure.value.code == 2


def test_state_is_whole_after_a_failed_write(tmp_path, monkeypatch):
    kept, _ = state.open_state(str(tmp_path), {"case": "42"})
    kept.save(step=1)

    def full(*_):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError):
        kept.save(step=2)
    monkeypatch.undo()
    again, resumed = state.open_state(str(tmp_path), {"case": "42"})
    assert resumed and again["step"] == 1


def test_full_disk_is_5_and_can_be_gone_on_with(tmp_path, monkeypatch):
    world = World(tmp_path)

    def full(fd):
        if "create_volume" in world.operations():
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
    monkeypatch.setattr(os, "fsync", full)
    assert world.run("--snapshot", SNAPSHOT) == 5
    assert "No space left on device" in world.err and "run again:" in world.err and "Traceback" not in world.err
    monkeypatch.undo()
    assert world.run("--snapshot", SNAPSHOT) == 0 and len(world.made["volume"]) == 1


def test_two_at_once_in_one_folder_are_refused(tmp_path):
    world = World(tmp_path)
    lock = state.lock_folder(str(world.output))
    try:
        assert world.run("--snapshot", SNAPSHOT) == 6
    finally:
        os.close(lock)
    assert "still at work there" in world.err and not world.history
    assert world.run("--snapshot", SNAPSHOT) == 0


def test_a_defect_of_ours_is_70_in_one_line_with_the_trace_in_the_log(tmp_path):
    world = World(tmp_path)
    world.get_caller_identity = lambda: {"Account": "1"}
    assert world.run("--snapshot", SNAPSHOT) == 70
    lines = world.err.splitlines()
    assert len(lines) == 2 and "internal error: KeyError" in lines[0] and "Traceback" not in world.err
    assert ["Traceback" in e["trace"] for e in world.log() if e["event"] == "internal_error"] == [True]


class Metadata:
    """An instance metadata service on loopback. `answers`: path → (status, body)."""

    def __init__(self, answers):
        asked = self.asked = []

        class Handler(http.server.BaseHTTPRequestHandler):
            def answer(self):
                asked.append((self.command, self.path, dict(self.headers)))
                status, body = answers[self.path]
                self.send_response(status)
                if status == 302:
                    self.send_header("Location", "/latest/elsewhere")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)
            do_GET = do_PUT = answer

            def log_message(self, *_):
                pass
        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}"


TOKEN, DOCUMENT = "/latest/api/token", metadata.DOCUMENT
IDENTITY = {"instanceId": "i-0123456789abcdef0", "availabilityZone": "eu-west-1b", "region": "eu-west-1", "accountId": "1"}


def ask(answers, monkeypatch):
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")  # must not be used
    service = Metadata(answers)
    try:
        return metadata.this_instance(Clock(), service.url), service.asked
    finally:
        service.server.shutdown()
        service.server.server_close()


def test_metadata_takes_a_token_first_and_no_proxy(monkeypatch):
    found, asked = ask({TOKEN: (200, b"secret=="), DOCUMENT: (200, json.dumps(IDENTITY).encode())}, monkeypatch)
    assert found == {"instance": "i-0123456789abcdef0", "zone": "eu-west-1b", "region": "eu-west-1"}
    assert [(a[0], a[1]) for a in asked] == [("PUT", TOKEN), ("GET", DOCUMENT)]
    assert asked[1][2]["X-Aws-Ec2-Metadata-Token"] == "secret=="


@pytest.mark.parametrize("answers, code", [
    ({TOKEN: (403, b"")}, 6), ({TOKEN: (302, b""), "/latest/elsewhere": (200, b"x")}, 6), ({TOKEN: (503, b"")}, 3),
    ({TOKEN: (200, b"t"), DOCUMENT: (200, b"{")}, 6), ({TOKEN: (200, b"t"), DOCUMENT: (200, b"[" * 60000)}, 6),
    ({TOKEN: (200, b"\xff\r\nX: y"), DOCUMENT: (200, b"{}")}, 6), ({TOKEN: (200, b"t"), DOCUMENT: (200, b'{"region": 7}')}, 6),
    ({TOKEN: (200, b"t"), DOCUMENT: (200, json.dumps({**IDENTITY, "instanceId": "i-1; rm -rf /"}).encode())}, 6),
], ids=["off", "redirect", "overloaded", "cut", "brackets", "token", "types", "hostile"])
def test_metadata_that_is_of_no_use(monkeypatch, answers, code):
    with pytest.raises(Failure, match="give --instance, --zone and --region") as failure:
        ask(answers, monkeypatch)
    assert failure.value.code == code


def test_metadata_that_is_not_there_is_3(monkeypatch):
    service = Metadata({})
    service.server.shutdown()
    service.server.server_close()  # now it refuses
    with pytest.raises(Failure, match="no answer from instance metadata") as failure:
        metadata.this_instance(Clock(), service.url)
    assert failure.value.code == 3


def test_child_that_outlives_its_limit_is_stopped_then_killed(tmp_path, monkeypatch):
    stubborn = "import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('ready', flush=True); signal.pause()"
    monkeypatch.setattr(child, "AFTER_SIGNAL", 0.2)
    clock = waiting.Clock()
    assert child.run_child(["/usr/bin/python3", "-c", "import signal; signal.pause()"], clock, tmp_path / "out", 0.2) == -signal.SIGTERM
    assert child.run_child(["/usr/bin/python3", "-c", stubborn], clock, tmp_path / "out", 1.0) in (-signal.SIGKILL, -signal.SIGTERM)


def test_child_that_outlives_us_keeps_the_lock(tmp_path):
    lock = state.lock_folder(str(tmp_path))
    subprocess.run(["true"], check=True)
    reader, writer = os.pipe()
    helper = subprocess.Popen(["/usr/bin/python3", "-c", "import os; os.read(%d, 1)" % reader], pass_fds=(lock, reader))
    os.close(lock)
    with pytest.raises(Failure, match="a kanshiki it started, is still at work"):
        state.lock_folder(str(tmp_path))
    os.close(writer)
    assert helper.wait(timeout=30) == 0
    os.close(state.lock_folder(str(tmp_path)))


@pytest.fixture
def signalled_clock():
    before = {number: signal.getsignal(number) for number in waiting.SIGNALS}
    clock, clock.said = waiting.Clock(), []
    clock.catch_signals(clock.said.append)
    yield clock
    for number, handler in before.items():
        signal.signal(number, handler)


@pytest.mark.parametrize("number", waiting.SIGNALS)
def test_a_signal_ends_a_wait_before_its_time(signalled_clock, number):
    from_elsewhere = subprocess.Popen(["/usr/bin/python3", "-c", f"import os; os.kill({os.getpid()}, {int(number)})"])
    with pytest.raises(Interrupted, match=f"interrupted by {number.name}"):
        signalled_clock.sleep(300)
    assert from_elsewhere.wait(timeout=30) == 0 and len(signalled_clock.said) == 1


def test_a_second_signal_does_not_wait_for_the_call_under_way_unless_a_child_is_to_get_it(signalled_clock):
    signal.raise_signal(signal.SIGINT)
    signalled_clock.hurry = False
    signal.raise_signal(signal.SIGINT)
    signalled_clock.hurry = True
    with pytest.raises(Interrupted, match="interrupted twice"):
        signal.raise_signal(signal.SIGINT)


def test_waits_end_with_their_limit_and_pauses_grow():
    clock, pauses = Clock(), []
    sleep = clock.sleep
    clock.sleep = lambda seconds: (pauses.append(seconds), sleep(seconds))
    with pytest.raises(waiting.OutOfTime):
        waiting.wait_for(clock, lambda: None, 100.0)
    assert clock.passed == 100.0 and pauses[:3] == [1.0, 1.5, 2.25] and max(pauses) == 15.0
    assert waiting.wait_for(clock, lambda: 7, 0.0) == 7


def test_scripts_are_what_the_docs_say():
    policy = (ROOT / "docs/investigate.md").read_text().split("```json\n")[1].split("```")[0]
    allowed = {action for statement in json.loads(policy)["Statement"] for action in statement["Action"]}
    assert {"ec2:CreateSnapshot", "ec2:CreateVolume", "ec2:AttachVolume", "ec2:DetachVolume", "ec2:DeleteVolume",
            "ec2:DescribeVolumes", "ec2:DescribeSnapshots", "ec2:CreateTags"} <= allowed
    assert not any("DeleteSnapshot" in action or "*" in action for action in allowed)
