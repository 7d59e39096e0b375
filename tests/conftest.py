"""Fixtures of tests/cli, tests/fault and tests/golden: the rig's parts, each cleaned up even when a test fails."""

import contextlib
import subprocess
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parent / "support"))
sys.dont_write_bytecode = True

import rig  # noqa: E402  (needs the path above)


@pytest.fixture
def _parts():
    with contextlib.ExitStack() as stack:
        yield stack


@pytest.fixture
def kanshiki():
    """kanshiki(*arguments) runs the program to its end and returns rig.Finished."""
    return rig.kanshiki


@pytest.fixture
def start(_parts):
    """start(*arguments) runs the program in the background: rig.Running."""
    return lambda *arguments, **options: _parts.enter_context(rig.Running(*arguments, **options))


@pytest.fixture
def make_sshd(_parts):
    """make_sshd(**options) starts a loopback sshd: rig.Sshd."""
    return lambda **options: _parts.enter_context(rig.Sshd(**options))


@pytest.fixture
def sshd(make_sshd):
    """A loopback sshd whose far side has all the tools of this machine."""
    return make_sshd()


@pytest.fixture
def far_host(_parts):
    """far_host() makes a second host in a network namespace: rig.FarHost."""
    return lambda: _parts.enter_context(rig.FarHost())


@pytest.fixture
def bad_disk(_parts):
    """bad_disk(base, bad=[(offset, size)] …) serves a file with unreadable sectors: rig.BadDisk."""
    return lambda *arguments, **options: _parts.enter_context(rig.BadDisk(*arguments, **options))


@pytest.fixture
def lying_disk(_parts):
    """lying_disk(size, written, read) mounts a medium that gives back other bytes than were written: rig.LyingDisk."""
    return lambda *arguments: _parts.enter_context(rig.LyingDisk(*arguments))


@pytest.fixture
def loop_device(_parts):
    return lambda *arguments, **options: _parts.enter_context(rig.LoopDevice(*arguments, **options))


@pytest.fixture
def tmpfs(_parts):
    return lambda size: _parts.enter_context(rig.Tmpfs(size))


@pytest.fixture
def tsa(_parts):
    """tsa(mode) starts a time-stamp authority: rig.Tsa."""
    return lambda *arguments, **options: _parts.enter_context(rig.Tsa(*arguments, **options))


@pytest.fixture
def tcp_proxy(_parts):
    return lambda *arguments, **options: _parts.enter_context(rig.TcpProxy(*arguments, **options))


@pytest.fixture(scope="session")
def demo_volume(tmp_path_factory) -> Path:
    """The demonstration volume (scripts/demo-volume), made once; beside it are .map and .planted.json."""
    image = tmp_path_factory.mktemp("demo") / "demo.img"
    subprocess.run([rig.ROOT / "scripts/demo-volume", image], check=True)
    return image
