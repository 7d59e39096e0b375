"""scripts/investigate with the real kanshiki: a loop device stands in the place of the attached volume.

What it relies on: acquire SOURCE -o IMAGE --case … --resume --json, verify IMAGE --expect-root HEX --json, triage IMAGE -o DIR
--json, and their exit codes. The program is $KANSHIKI, build/release/kanshiki by default."""

import hashlib
import json
import os
import select
import signal
import subprocess
from pathlib import Path

import pytest
from investigate_world import ROOT, SNAPSHOT, VOLUME, HurriedClock, World

from investigation import child

pytestmark = pytest.mark.full
KANSHIKI = os.environ.get("KANSHIKI") or str(ROOT / "build/release/kanshiki")


@pytest.fixture
def disk(tmp_path):
    """A disk of 1 GiB, the least EBS has: ext4 with a small tree in it. Yields (file, loop device)."""
    tree = tmp_path / "tree"
    (tree / "etc").mkdir(parents=True)
    (tree / "etc/passwd").write_text("root:x:0:0:root:/root:/bin/bash\ntoor:x:0:0::/root:/bin/sh\n")
    (tree / "random").write_bytes(os.urandom(3 << 20))
    path = tmp_path / "disk"
    with open(path, "wb") as file:
        file.truncate(1 << 30)
    subprocess.run(["mke2fs", "-q", "-t", "ext4", "-d", tree, path], check=True)
    loop = subprocess.run(["losetup", "--find", "--show", path], check=True, capture_output=True, text=True).stdout.strip()
    yield path, loop
    subprocess.run(["losetup", "--detach", loop], check=True)


class RealWorld(World):
    """AWS is the small EC2; disk, blockdev and kanshiki are real."""

    def __init__(self, folder, loop):
        super().__init__(folder)
        self.loop, self.kanshiki, self.clock = loop, KANSHIKI, HurriedClock()
        self.run_tool = child.run_tool

    def appear(self, volume):
        number = os.stat(self.loop).st_rdev
        self.show_disk("nvme5n1", volume.replace("-", ""), number=f"{os.major(number)}:{os.minor(number)}")
        node = self.dev / "nvme5n1"
        if not node.is_symlink():
            node.symlink_to(self.loop)

    def run_child(self, argv, stdout, limit):
        self.ran.append(argv)
        return child.run_child(argv, self.clock, stdout, limit)


def sha256_of(path):
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def test_from_volume_to_proof_and_triage(disk, tmp_path):
    path, loop = disk
    before = sha256_of(path)
    world = RealWorld(tmp_path / "w", loop)
    assert world.run("--volume", VOLUME) == 0, world.err
    assert subprocess.run(["blockdev", "--getro", loop], capture_output=True, text=True).stdout.strip() == "1"
    assert world.out["digests"]["sha256"] == before == sha256_of(path), "the image is the disk, and the disk is unchanged"
    restored = subprocess.run(["zstd", "-dcq", world.out["image"]], stdout=subprocess.PIPE)
    assert hashlib.sha256(restored.stdout).hexdigest() == before, "without us: zstd -d"
    assert world.out["verdict"] == "authentic" and world.out["size"] == 1 << 30 and world.out["unreadable_bytes"] == 0
    manifest = Path(world.out["image"] + ".manifest.json").read_text()
    assert world.out["root"] in manifest and VOLUME in manifest
    assert any((world.output / "triage").iterdir())
    log = world.log()
    assert [e["root"] for e in log if e["event"] == "acquired"] == [world.out["root"]]
    assert [e["status"] for e in log if e["event"] == "ran"] == [0, 0, 0]
    assert world.deleted == world.made["volume"] and len(world.deleted) == 1


def test_image_changed_behind_our_back_is_10(disk, tmp_path):
    world = RealWorld(tmp_path / "w", disk[1])

    def change(argv, stdout, limit):
        if argv[1] == "verify":
            image = world.output / "disk.img.zst"
            image.chmod(0o600)
            data = bytearray(image.read_bytes())
            data[len(data) // 2] ^= 1
            image.write_bytes(data)
        return RealWorld.run_child(world, argv, stdout, limit)
    world.run_child = change
    assert world.run("--snapshot", SNAPSHOT) == 10, world.err
    assert "does not verify" in world.err and not world.deleted


@pytest.mark.parametrize("number, status", [(signal.SIGKILL, 70), (signal.SIGTERM, 130)])
def test_stopped_while_acquiring_goes_on_to_the_same_image(disk, tmp_path, number, status):
    """kanshiki is stopped once it has kept something; the second run goes on with the same volume."""
    path, loop = disk
    world = RealWorld(tmp_path / "w", loop)

    def stop(argv, stdout, limit):
        leaves = world.output / "disk.img.zst.chunks"
        with open(stdout, "wb") as out:
            program = subprocess.Popen(argv, stdout=out)
            while program.poll() is None and not (leaves.exists() and leaves.stat().st_size):
                select.select([], [], [], 0.001)
            program.send_signal(number)
            ended = program.wait()
        del world.run_child
        return ended
    world.run_child = stop
    assert world.run("--snapshot", SNAPSHOT) == status, world.err
    assert "stays attached" in world.err
    assert world.run("--snapshot", SNAPSHOT) == 0, world.err
    assert world.out["digests"]["sha256"] == sha256_of(path) and len(world.made["volume"]) == 1
    assert json.loads((world.output / "acquire.json").read_text())["resumed_at"] > 0
