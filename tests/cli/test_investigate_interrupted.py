"""scripts/investigate killed at every point and run again: nothing is made twice, and it ends the same."""

import json
import os
import random
import signal
import subprocess
import sys

import pytest
from investigate_world import ROOT, SNAPSHOT, VOLUME, Killed, World

ROUTES = {"volume": ("--volume", VOLUME), "snapshot": ("--snapshot", SNAPSHOT)}
SAME = ("source", "snapshot", "volume_left", "size", "root", "digests", "unreadable_bytes", "verdict", "triage_exit", "exit")


def points(route, folder):
    """Every point where a kill may come, found by an undisturbed run."""
    with pytest.MonkeyPatch.context() as patch:
        world = World(folder)
        world.watch_files(patch)
        assert world.run(*ROUTES[route]) == 0, world.err
        return world.ticks, {key: world.out[key] for key in SAME}


def run_until_done(world, route, kills):
    for at in kills:
        world.die_at = at
        try:
            status = world.run(*ROUTES[route])
        except Killed:
            continue
        assert status == 0, world.err
        return
    world.die_at = None
    assert world.run(*ROUTES[route]) == 0, world.err


def check_end(world, route, wanted):
    assert {key: world.out[key] for key in SAME} == wanted
    assert len(world.made["snapshot"]) == (route == "volume") and len(world.made["volume"]) == 1
    assert world.deleted == world.made["volume"]
    assert world.made["snapshot"] == [s for s in world.snapshots if s != SNAPSHOT], "the snapshot stays"
    assert set(world.volumes) >= {VOLUME, "vol-0eeeeeeeeeeeeeee2", "vol-0eeeeeeeeeeeeeee3"}, "foreign volumes stay"
    assert world.log()[-1]["event"] in ("finished", "stopped")
    assert not (world.output / "disk.img.zst.partial").exists()


@pytest.mark.full
@pytest.mark.parametrize("route", ROUTES)
def test_killed_at_every_point(route, tmp_path, monkeypatch):
    ticks, wanted = points(route, tmp_path / "undisturbed")
    assert len(ticks) > 120 and {"before create_volume", "after delete_volume", "within acquire"} <= set(ticks)
    for at, where in enumerate(ticks):
        with monkeypatch.context() as patch:
            world = World(tmp_path / str(at))
            world.watch_files(patch)
            run_until_done(world, route, [at])
        assert world.ticks[at] == where
        check_end(world, route, wanted)


def test_killed_twice_at_seeded_points(tmp_path, monkeypatch):
    ticks, wanted = points("volume", tmp_path / "undisturbed")
    chance = random.Random(42)
    for number in range(40):
        first = chance.randrange(len(ticks))
        with monkeypatch.context() as patch:
            world = World(tmp_path / str(number))
            world.watch_files(patch)
            run_until_done(world, "volume", [first, first + 1 + chance.randrange(len(ticks))])
        check_end(world, "volume", wanted)


@pytest.mark.parametrize("operation", ["get_caller_identity", "describe_snapshots", "create_snapshot", "create_volume",
                                       "attach_volume", "detach_volume", "delete_volume"])
def test_a_signal_during_a_call_lets_it_be_recorded_then_130(operation, tmp_path):
    world = World(tmp_path)
    real = getattr(world, operation)
    setattr(world, operation, lambda **p: (setattr(world.clock, "signal", signal.SIGTERM), real(**p))[1])
    assert world.run("--volume", VOLUME) == 130
    assert "run again: investigate --volume" in world.err and world.history[-1][0] == operation
    world.clock.signal = None
    setattr(world, operation, real)
    assert world.run("--volume", VOLUME) == 0
    assert len(world.made["volume"]) == len(world.made["snapshot"]) == 1


PROGRAM = """
import sys
sys.path[:0] = [{tests!r}]
from investigate_world import SNAPSHOT, HurriedClock, World
from investigation import child, command
world = World({folder!r})
outside = world.outside()
outside.clock, outside.run_child, outside.run_tool = HurriedClock(), None, child.run_tool
outside.clock.catch_signals(lambda text: print(text, file=sys.stderr, flush=True))
sys.exit(command.main(["--snapshot", SNAPSHOT, "--case", "42", "-o", {folder!r} + "/out", "--instance", "i-0ccccccccccccccc1",
                       "--zone", "eu-west-1b", "--region", "eu-west-1", "--kanshiki", {kanshiki!r}], outside))
"""
CHILD = """#!/usr/bin/python3
import os, signal, sys
if sys.argv[1] == "--version":
    sys.exit(print("kanshiki 0.1.0"))
told = open({told!r}, "w")  # a FIFO
def tell(word):
    print(word, file=told, flush=True)
numbers = {{signal.SIGINT, signal.SIGTERM}}
signal.pthread_sigmask(signal.SIG_BLOCK, numbers)
tell("own group" if os.getpgrp() == os.getpid() else "group of the parent")
for _ in range({wanted}):
    tell(int(signal.sigwait(numbers)))
sys.exit(130)
"""


@pytest.mark.parametrize("number, times", [(signal.SIGINT, 1), (signal.SIGTERM, 1), (signal.SIGINT, 2)])
def test_a_real_signal_reaches_kanshiki_and_the_exit_is_130(number, times, tmp_path):
    told, kanshiki = tmp_path / "told", tmp_path / "child"
    os.mkfifo(told)
    kanshiki.write_text(CHILD.format(told=str(told), wanted=times))
    kanshiki.chmod(0o755)
    text = PROGRAM.format(tests=str(ROOT / "tests/cli"), folder=str(tmp_path / "w"), kanshiki=str(kanshiki))
    program = subprocess.Popen([sys.executable, "-c", text], stderr=subprocess.PIPE, text=True)
    with open(told) as child:
        # So that Ctrl-C on a terminal, which goes to the whole foreground group, reaches it once, through us.
        assert child.readline() == "own group\n"
        for _ in range(times):
            program.send_signal(number)
            assert child.readline() == f"{int(number)}\n"
        assert child.read() == ""
    err = program.communicate(timeout=60)[1]
    assert program.returncode == 130, err
    assert "stays attached" in err and "to go on, run again: investigate" in err and "Traceback" not in err
    state = json.loads((tmp_path / "w/out/investigation.json").read_text())
    assert state["new_volume"]["id"].startswith("vol-")
