"""ext with a journal that was not emptied: kanshiki shows of the copy of a mounted volume what the kernel shows once it has replayed it."""

import os
import random
import shutil
import subprocess

import pytest
import rig
from filesystem_proof import MIB, assert_same
from filesystems import kanshiki_view, kernel_view, made, mounted

pytestmark = pytest.mark.full


def settle(folder):
    """Commits the journal; what it holds is not yet written to its place, as sync would do."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def busy(top):
    """Names made, renamed, grown, deleted, over several transactions; a freed directory's blocks become content."""
    dice = random.Random(5)
    (top / "old").mkdir()
    for number in range(400):
        (top / f"old/{number:03} a name that fills blocks").write_bytes(dice.randbytes(300))
    (top / "big").write_bytes(dice.randbytes(3 * MIB))
    settle(top)
    shutil.rmtree(top / "old")
    settle(top)
    (top / "new").mkdir()
    for number in range(300):
        (top / f"new/{number}").write_bytes(dice.randbytes(dice.randrange(9000)))
    (top / "magic").write_bytes(b"\xc0\x3b\x39\x98" * 30_000)  # what the journal must escape when it holds content
    os.setxattr(top / "new/7", "user.note", dice.randbytes(400))
    settle(top / "magic")
    os.rename(top / "new/8", top / "renamed")
    os.truncate(top / "big", 12345)
    settle(top / "big")
    (top / "late").symlink_to("x" * 300)
    settle(top)


def copied(image, to):
    """The volume as a snapshot of it would be: what the loop device was given so far."""
    subprocess.run(["cp", "--sparse=always", image, to], check=True)
    return to


def notices(image) -> str:
    return rig.kanshiki("ls", "-R", image).stderr


OPTIONS = {
    "default": ([], []),
    "1k": (["-b", "1024"], []),
    "no checksums, 32 bits": (["-O", "^metadata_csum,^64bit"], []),
    "no checksums, 64 bits": (["-O", "^metadata_csum"], []),
    "content in the journal": ([], ["-o", "data=journal"]),
    "ext3": (["-t", "ext3"], []),
    "journal checksums": (["-O", "^metadata_csum,64bit"], ["-o", "journal_checksum"]),
    "wrapped": (["-J", "size=4", "-b", "1024"], []),
}


@pytest.mark.parametrize("mkfs, mount", OPTIONS.values(), ids=OPTIONS.keys())
def test_a_copy_of_a_mounted_volume_is_what_the_kernel_makes_of_it(tmp_path, mkfs, mount):
    image = made(tmp_path / "image", 96 * MIB, "mkfs.ext4", "-q", "-E", "lazy_itable_init=0,lazy_journal_init=0", *mkfs)
    with mounted(image, *mount) as top:
        busy(top)
        copy = copied(image, tmp_path / "copy")
    found = kanshiki_view(copy, says="read as its journal leaves it")
    with mounted(copy) as top:
        expected = kernel_view(top)
    assert len(expected) > 300
    assert_same(expected, found)


def test_without_the_journal_it_would_be_another(tmp_path):
    """That the test above can fail: where the same copy is said to be clean, its older blocks show something else."""
    image = made(tmp_path / "image", 96 * MIB, "mkfs.ext4", "-q")
    with mounted(image) as top:
        busy(top)
        copy = copied(image, tmp_path / "copy")
    subprocess.run(["debugfs", "-w", "-R", "feature ^needs_recovery", copy], check=True, capture_output=True)
    done = rig.kanshiki("ls", "-R", "--json", copy)
    assert done.code != 0 or "/renamed" not in done.stdout


@pytest.mark.parametrize("where", ["descriptor", "commit", "data"])
def test_a_damaged_journal_is_said(tmp_path, where):
    image = made(tmp_path / "image", 96 * MIB, "mkfs.ext4", "-q", "-b", "4096")
    with mounted(image) as top:
        busy(top)
        copy = copied(image, tmp_path / "copy")
    blocks = [int(each) for each in subprocess.run(["debugfs", "-R", "blocks <8>", copy], check=True, capture_output=True, text=True).stdout.split()]
    damaged = 0
    with open(copy, "r+b") as file:
        for block in blocks[1:]:
            file.seek(4096 * block)
            head = file.read(12)
            kind = int.from_bytes(head[4:8], "big") if head[:4] == b"\xc0\x3b\x39\x98" else 0
            if kind == {"descriptor": 1, "commit": 2, "data": 0}[where] and head != bytes(12):
                file.seek(4096 * block + 20)
                file.write(b"damage")
                damaged += 1
    assert damaged
    assert "wrong checksum" in notices(copy)


def test_fast_commits_are_said(tmp_path):
    image = made(tmp_path / "image", 96 * MIB, "mkfs.ext4", "-q", "-O", "fast_commit")
    with mounted(image) as top:
        (top / "first").write_bytes(b"1")
        os.sync()
        with open(top / "second", "wb") as file:
            file.write(b"2" * 5000)
            file.flush()
            os.fsync(file.fileno())
        copy = copied(image, tmp_path / "copy")
    with mounted(copied(copy, tmp_path / "replayed")) as top:
        assert (top / "second").read_bytes() == b"2" * 5000
    assert "has fast commits, which are not replayed" in notices(copy)
