"""Files deleted from ext: what the journal and the directories still say of them."""

import hashlib
import json
import os
import random
import shutil
import subprocess

import pytest
import rig
from filesystem_proof import MIB
from filesystems import made, mounted

pytestmark = pytest.mark.full


def listed(image) -> dict:
    """name -> entry of all that is deleted."""
    done = rig.kanshiki("ls", "-R", "--json", "--hash", "--deleted", image)
    entries = [json.loads(line) for line in done.stdout.splitlines()]
    return {entry["path"].rsplit("/", 1)[1]: entry for entry in entries if entry["deleted"] or entry["orphan"]}


KINDS = {
    "default": ["-b", "4096"],
    "1k": ["-b", "1024"],
    "no checksums": ["-b", "4096", "-O", "^metadata_csum,^64bit"],
    "block maps": ["-b", "1024", "-O", "^extents,^64bit"],
    "inline data": ["-b", "4096", "-O", "inline_data"],
    "bigalloc": ["-b", "4096", "-O", "bigalloc", "-C", "16384"],
}


@pytest.mark.parametrize("mkfs", KINDS.values(), ids=KINDS.keys())
def test_lately_deleted_files_come_back_from_the_journal(tmp_path, mkfs):
    image = made(tmp_path / "image", 96 * MIB, "mkfs.ext4", "-q", *mkfs)
    dice = random.Random(3)
    content = {f"secret-{number}": dice.randbytes(size) for number, size in enumerate((10, 100, 5000, 300_000))}
    with mounted(image) as top:
        (top / "home/user").mkdir(parents=True)
        (top / "home/stays").write_bytes(b"s")
        for name, each in content.items():
            (top / "home" / name).write_bytes(each)
            os.chmod(top / "home" / name, 0o640)
        with open(top / "home/scattered", "wb") as file:  # more extents than an inode holds
            for number in range(600 if "^extents,^64bit" not in mkfs else 40):
                file.seek(number * 32768)
                file.write(b"%08d" % number)
        content["scattered"] = (top / "home/scattered").read_bytes()
        (top / "home/user/notes.txt").write_bytes(b"in a folder that goes, too")
        os.sync()
        for name in content:
            (top / "home" / name).unlink()
        os.sync()
        shutil.rmtree(top / "home/user")
    found = listed(image)
    for name, each in content.items():
        assert name in found, f"{name} of {sorted(found)}"
        entry = found[name]
        assert (entry["size"], entry["sha256"], entry["type"]) == (len(each), hashlib.sha256(each).hexdigest(), "file"), name
        assert entry["allocated"] is False and entry["certainty"] == "likely", (name, entry)
        assert entry["deleted_at"] > entry["modified"][:19], (name, entry)
    assert int(found["secret-0"]["mode"], 8) == 0o640
    assert found["user"]["type"] == "directory"
    notes = found["notes.txt"]
    assert notes["path"].endswith("/user/notes.txt") and notes["size"] == 26


def test_what_was_taken_again_is_only_possible(tmp_path):
    image = made(tmp_path / "image", 24 * MIB, "mkfs.ext4", "-q", "-b", "1024")
    with mounted(image) as top:
        (top / "victim").write_bytes(b"v" * 200_000)
        (top / "empty").write_bytes(b"")
        os.sync()
        (top / "victim").unlink()
        (top / "empty").unlink()
        os.sync()
        with pytest.raises(OSError), open(top / "filler", "wb", buffering=0) as file:
            while file.write(b"f" * 65536):
                pass
        os.sync()
    found = listed(image)
    assert found["victim"]["size"] == 200_000
    assert found["victim"]["sha256"] != hashlib.sha256(b"v" * 200_000).hexdigest(), "the filler was to take its blocks"
    assert found["victim"]["certainty"] == "possible"
    assert found["empty"]["certainty"] == "likely"


def test_deleted_while_a_program_had_it_open(tmp_path):
    image = made(tmp_path / "image", 24 * MIB, "mkfs.ext4", "-q")
    with mounted(image) as top:
        with open(top / "open", "wb") as file:
            file.write(b"still here" * 1000)
            file.flush()
            os.fsync(file.fileno())
            (top / "open").unlink()
            handle = os.open(top, os.O_RDONLY)
            os.fsync(handle)
            os.close(handle)
            subprocess.run(["cp", image, tmp_path / "copy"], check=True)
    wanted = hashlib.sha256(b"still here" * 1000).hexdigest()
    found = [entry for entry in listed(tmp_path / "copy").values() if entry.get("sha256") == wanted]
    assert found and found[0]["links"] == 0


def test_an_inode_used_again_keeps_its_older_file(tmp_path):
    image = made(tmp_path / "image", 24 * MIB, "mkfs.ext4", "-q", "-b", "4096")
    with mounted(image) as top:
        (top / "before").write_bytes(b"b" * 50_000)
        number = (top / "before").stat().st_ino
        os.sync()
        (top / "before").unlink()
        os.sync()
        (top / "after").write_bytes(b"a" * 10)
        assert (top / "after").stat().st_ino == number, "the kernel takes the first free one"
        os.sync()
    entry = listed(image)["before"]
    assert (entry["inode"], entry["size"]) == (number, 50_000)


def test_names_that_a_directory_still_holds(tmp_path):
    """debugfs leaves the name, as kernels before 5.13 did."""
    image = made(tmp_path / "image", 24 * MIB, "mkfs.ext4", "-q", "-O", "^has_journal")
    file = tmp_path / "file"
    file.write_bytes(b"x" * 100)
    commands = "".join(f"write {file} name-{number}\n" for number in range(5)) + "rm name-1\nrm name-3\nunlink name-4\n"
    subprocess.run(["debugfs", "-w", "-f", "-", image], input=commands, text=True, check=True, capture_output=True)
    found = listed(image)
    assert found["name-1"]["certainty"] == "likely" and found["name-3"]["certainty"] == "likely"
    assert found["name-4"]["certainty"] == "possible" and found["name-4"]["allocated"], "its inode is not free"
    assert "name-0" not in found and "name-2" not in found
