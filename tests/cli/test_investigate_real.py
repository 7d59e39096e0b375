"""scripts/investigate with the real kanshiki: a loop device stands in the place of the attached volume.

What it relies on: acquire SOURCE -o IMAGE --case … --resume --json, verify IMAGE --expect-root HEX --json, triage IMAGE -o DIR
--json, and their exit codes. The program is $KANSHIKI, build/release/kanshiki by default."""

import hashlib
import io
import json
import os
import subprocess
from pathlib import Path

import pytest
from investigate_world import INSTANCE, REGION, ROOT, SNAPSHOT, VOLUME, ZONE, World, check_chain

from investigation import child, command

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
        self.loop = loop

    def appear(self, volume):
        number = os.stat(self.loop).st_rdev
        self.show_disk("nvme5n1", volume.replace("-", ""), number=f"{os.major(number)}:{os.minor(number)}")
        node = self.dev / "nvme5n1"
        if not node.is_symlink():
            node.symlink_to(self.loop)

    def outside(self):
        self.run_tool = child.run_tool
        outside = super().outside()
        outside.run_child = self.run_real
        outside.clock.__class__ = RealTime
        return outside

    def run_real(self, argv, stdout, limit):
        self.ran.append(argv)
        return child.run_child(argv, self.clock, stdout, limit)

    def run(self, *arguments):
        out, err = io.StringIO(), io.StringIO()
        status = command.main([*arguments, "--case", "42", "-o", str(self.output), "--instance", INSTANCE, "--zone", ZONE,
                               "--region", REGION, "--kanshiki", KANSHIKI, "--json"], self.outside(), out, err)
        self.err, self.out = err.getvalue(), json.loads(out.getvalue()) if out.getvalue() else None
        return status
