"""XFS after a crash, where the log must be replayed, and after deletions. The kernel replays a copy: that is what must be shown."""

import hashlib
import json
import os
import random
import shutil

import pytest
import rig
from filesystem_proof import MIB, assert_same, new
from filesystems import fill, kanshiki_view, kernel_view, mounted, run

pytestmark = pytest.mark.full

SIZE = 320 * MIB


def change(top):
    """What a log must tell: directories that change their form, files that come and go, attributes, a remote symlink."""
    shutil.rmtree(top / "early")
    (top / "late").mkdir()
    for number in range(400):
        (top / "late" / f"file-{number}").write_bytes(b"late %d" % number)
    for number in range(0, 400, 7):
        (top / "late" / f"file-{number}").unlink()
    os.setxattr(top / "late/file-1", "user.long", b"v" * 3000)
    os.setxattr(top / "late/file-2", "user.short", b"v")
    os.symlink("t" * 700, top / "late/link")
    os.rename(top / "kept", top / "late/moved")
    os.chmod(top / "late/file-3", 0o4711)
    os.truncate(top / "shrunk", 123)
    with open(top / "scattered", "wb") as file:
        for number in range(0, 1200, 2):
            os.pwrite(file.fileno(), b"x" * 4096, number * 4096)


def crash(image, *mount, more=change):
    """Changes the volume and stops it in the middle: its log holds what was written last, the volume mostly not."""
    with mounted(image, *mount) as top:
        fill(top, 1, 300)
        (top / "early").mkdir()
        for number in range(200):
            (top / "early" / str(number)).write_bytes(b"early")
        (top / "kept").mkdir()
        (top / "shrunk").write_bytes(random.Random(1).randbytes(100_000))
        os.sync()
        still_open = more(top)
        run("xfs_io", "-x", "-c", "shutdown -f", top)
        if still_open is not None:
            os.close(still_open)


def recovered(image, copy):
    shutil.copy(image, copy)
    with mounted(copy):
        pass  # the kernel replays the log
    with mounted(copy, read_only=True) as top:
        return kernel_view(top)


@pytest.mark.parametrize("options", ["", "-b size=1024 -m rmapbt=1 -i nrext64=1", "-s size=4096 -n size=16384 -i size=1024", "-m bigtime=0,reflink=0,finobt=0,inobtcount=0 -i sparse=0",
                                     "-b size=65536", "-l su=32768"])
def test_a_dirty_log_is_replayed_as_the_kernel_does(tmp_path, options):
    image = new(tmp_path, SIZE, "mkfs.xfs", "-q", *options.split())
    crash(image)
    before = hashlib.sha256(image.read_bytes()).hexdigest()
    assert "its log was replayed in memory" in rig.kanshiki("ls", image).stderr
    expected = recovered(image, tmp_path / "copy")
    assert len(expected) > 600
    assert_same(expected, kanshiki_view(image, "-q"))
    assert hashlib.sha256(image.read_bytes()).hexdigest() == before


def test_a_log_that_has_gone_round_with_records_of_256_kib(tmp_path):
    image = new(tmp_path, 64 * MIB, "mkfs.xfs", "-q", "--unsupported")  # its log has 5 MiB

    def churn(top):
        for number in range(1500):
            (top / f"touched-{number}").touch()
        for turn in range(40):
            for number in range(1500):
                os.chmod(top / f"touched-{number}", 0o600 + turn)
            os.sync()
        change(top)

    crash(image, "-o", "logbsize=256k", more=churn)
    with open(image, "rb") as file:  # the ring's first block is of a later round
        start, blocks_log, group_blocks = (int(run("xfs_db", "-r", "-c", "sb 0", "-c", f"p {field}", image).split()[-1]) for field in ("logstart", "agblklog", "agblocks"))
        file.seek(((start >> blocks_log) * group_blocks + (start & ((1 << blocks_log) - 1))) * 4096)
        first = file.read(8)
        assert int.from_bytes(first[4:] if first[:4] == bytes.fromhex("feedbabe") else first[:4], "big") > 1
    assert_same(recovered(image, tmp_path / "copy"), kanshiki_view(image, "-q"))


def test_a_clean_log_is_not_spoken_of(tmp_path):
    image = new(tmp_path, SIZE, "mkfs.xfs", "-q")
    with mounted(image) as top:
        (top / "file").touch()
    done = rig.kanshiki("ls", image)
    assert done.code == 0 and not done.stderr and "file" in done.stdout


def test_what_is_unlinked_but_open_is_whole(tmp_path):
    image = new(tmp_path, SIZE, "mkfs.xfs", "-q")
    content = random.Random(3).randbytes(50_000)

    def unlink(top):
        (top / "open").write_bytes(content)
        file = os.open(top / "open", os.O_RDONLY)
        os.fsync(file)
        os.unlink(top / "open")
        return file

    crash(image, more=unlink)
    found = [entry for entry in deleted(image) if entry.get("sha256") == hashlib.sha256(content).hexdigest()]
    found = [entry for entry in found if entry["orphan"] or entry["certainty"] != "possible"]  # names of its inode's earlier uses
    assert [(entry["size"], entry["links"], entry["allocated"]) for entry in found] == [(len(content), 0, False)]
    # its name may have been left in the directory
    assert found[0]["orphan"] or found[0]["path"] == "/open"


def deleted(image) -> list:
    done = rig.kanshiki("ls", "-R", "-q", "--json", "--hash", "--deleted", image)
    assert done.code == 0, done.stderr
    return [entry for entry in map(json.loads, done.stdout.splitlines()) if entry["deleted"]]


@pytest.mark.parametrize("options", ["", "-b size=1024", "-i nrext64=1 -m rmapbt=1"])
def test_deleted_files_are_found_again(tmp_path, options):
    image = new(tmp_path, SIZE, "mkfs.xfs", "-q", *options.split())
    size = 4096
    content = {f"{folder}/{number}": random.Random(f"{folder}{number}").randbytes(size) for folder, count in (("short", 4), ("block", 40), ("gone", 300)) for number in range(count)}
    scattered = random.Random(5).randbytes(size)
    with mounted(image) as top:
        for folder in ("short", "block", "gone"):
            (top / folder).mkdir()
        for path, data in content.items():
            (top / path).write_bytes(data)
        with open(top / "scattered", "wb") as file:
            for number in range(300):
                os.pwrite(file.fileno(), scattered, number * 2 * size)
    lost = ["short/3", "block/7", "block/20", "block/21", "scattered", *(path for path in content if path.startswith("gone/"))]
    with mounted(image) as top:
        for path in lost:
            (top / path).unlink()
        (top / "gone").rmdir()
    found = {entry["path"][1:]: entry for entry in deleted(image)}
    assert {"short/3", "block/7", "block/20", "block/21", "scattered", "gone"} <= found.keys()
    whole = b"".join((scattered + bytes(size)) for _ in range(300))[:-size]
    for path in lost:
        if path not in found:
            continue
        data = whole if path == "scattered" else content[path]
        assert found[path]["sha256"] == hashlib.sha256(data).hexdigest(), path
        assert found[path]["certainty"] == "likely" and not found[path]["allocated"], path
    assert sum(path.startswith("gone/") for path in found) > 200  # of 300, though all of it was removed


def test_a_deleted_name_whose_inode_is_in_use_again_is_only_possible(tmp_path):
    image = new(tmp_path, SIZE, "mkfs.xfs", "-q")
    with mounted(image) as top:
        for number in range(60):
            (top / f"lost-{number}").write_bytes(b"first")
    with mounted(image) as top:
        for number in range(0, 60, 2):
            (top / f"lost-{number}").unlink()
    with mounted(image) as top:  # by now the inodes are free
        for number in range(15):  # too long for what became free, so the old names stay
            (top / f"a-name-that-does-not-fit-there-{number}").write_bytes(b"second")
    names = {entry["path"]: entry for entry in deleted(image) if entry["path"].startswith("/lost-")}
    again = [entry for entry in names.values() if entry["allocated"]]
    assert again and all(entry["certainty"] == "possible" for entry in again)
    assert any(not entry["allocated"] and entry["certainty"] == "likely" for entry in names.values())


def test_a_deleted_directory_whose_blocks_are_others_now_gives_no_names(tmp_path):
    image = new(tmp_path, SIZE, "mkfs.xfs", "-q", "-b", "size=1024")
    with mounted(image) as top:
        (top / "gone").mkdir()
        for number in range(100):
            (top / "gone" / f"a-name-of-a-file-{number}").touch()
    with mounted(image) as top:
        for number in range(100):
            (top / "gone" / f"a-name-of-a-file-{number}").unlink()
        (top / "gone").rmdir()
    assert any(entry["path"].startswith("/gone/") for entry in deleted(image))
    with mounted(image) as top:  # every free block is taken
        with open(top / "all", "wb", buffering=0) as file:
            try:
                while True:
                    file.write(b"x" * MIB)
            except OSError:
                pass
            os.truncate(top / "all", os.fstat(file.fileno()).st_size)
    entries = deleted(image)
    assert all(entry.get("certainty") == "possible" for entry in entries if entry["path"] == "/gone"), entries
    assert not any(entry["path"].startswith("/gone/") for entry in entries)
