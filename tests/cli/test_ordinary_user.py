"""Acquire, verify and triage as somebody who is not root: what works, and what the refusal says where it does not."""

import os
import shutil
import tempfile
from pathlib import Path

import pytest
import rig
from volumes import MIB, run, sized

USER = 65534


@pytest.fixture
def world(monkeypatch):
    """(folder of the user's own, call): pytest's folders and the checkout may be closed to everyone but root."""
    folder = Path(tempfile.mkdtemp(prefix="kanshiki-user-"))
    program = folder / "kanshiki"
    shutil.copy(rig.binary(), program)
    monkeypatch.setenv("KANSHIKI", str(program))
    wrapper = ()
    if os.geteuid() == 0:
        wrapper = ("setpriv", f"--reuid={USER}", f"--regid={USER}", "--clear-groups")
        os.chown(folder, USER, USER)
    folder.chmod(0o755)

    def call(*arguments):
        return rig.kanshiki(*arguments, wrapper=wrapper, env={"HOME": str(folder)}, cwd=folder)

    yield folder, call
    shutil.rmtree(folder)


@pytest.fixture
def disk(world):
    path = sized(world[0] / "volume", 16 * MIB)
    tree = world[0] / "tree"
    (tree / "etc").mkdir(parents=True)
    (tree / "etc/passwd").write_text("root:x:0:0:root:/root:/bin/bash\ntoor:x:0:0::/root:/bin/sh\n")
    run("mke2fs", "-q", "-t", "ext4", "-d", tree, path)
    path.chmod(0o444)
    return path


@pytest.mark.parametrize("name", ["disk.img", "disk.img.zst"])
def test_a_file_is_acquired_verified_and_triaged(world, disk, name):
    folder, call = world
    call("acquire", disk, "-o", folder / name, "--verify", "--triage", folder / "at-once").expect(0)
    assert call("verify", folder / name, "--json").expect(0).json["verdict"] == "consistent only"
    call("triage", folder / name, "-o", folder / "out").expect(0)
    for out in ("at-once", "out"):
        assert "toor" in (folder / out / "findings.jsonl").read_text()


def test_what_may_not_be_read_is_refused_in_one_line(world, disk):
    folder, call = world
    closed = folder / "closed"
    shutil.copy(disk, closed)
    closed.chmod(0)
    done = call("acquire", closed, "-o", folder / "disk.img", "--progress", "none").expect(6)
    line, = done.stderr.strip().splitlines()
    assert str(closed) in line and "ermission" in line
    assert not (folder / "disk.img.partial").exists()


def test_a_folder_that_may_not_be_written_is_refused_in_one_line(world, disk):
    folder, call = world
    locked = folder / "locked"
    locked.mkdir(mode=0o555)
    done = call("acquire", disk, "-o", locked / "disk.img", "--progress", "none").expect(5)
    line, = done.stderr.strip().splitlines()
    assert str(locked) in line and "ermission" in line


MOUNT_AS_USER = """
mknod "$1/fuse" c 10 229 && chmod 666 "$1/fuse" && mount --bind "$1/fuse" /dev/fuse || exit 99
user() { setpriv --reuid=65534 --regid=65534 --clear-groups "$@"; }
user "$1/kanshiki" mount "$1/volume" "$1/mnt" || exit
user cat "$1/mnt/etc/passwd"
grep " $1/mnt " /proc/mounts
cat "$1/mnt/etc/passwd" 2>&1 # root is not let in, unless --allow-other
umount "$1/mnt" # fusermount3 -u wants /etc/mtab, which a minimal system has not
"""


def test_an_image_is_mounted_by_fusermount3(world, disk):
    """/dev/fuse as udev makes it (for everyone), in a mount namespace of its own."""
    folder, _ = world
    (folder / "mnt").mkdir()
    os.chown(folder / "mnt", USER, USER)
    done = run("unshare", "-m", "sh", "-c", MOUNT_AS_USER, "sh", folder)
    assert "toor:x:0:0" in done and "Permission denied" in done
    assert f"fuse.kanshiki ro,nosuid,nodev,noexec,relatime,user_id={USER}" in done
