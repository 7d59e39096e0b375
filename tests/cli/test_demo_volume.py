"""The demonstration volume holds what its planted.json says: asked of The Sleuth Kit and e2fsprogs, not of our own code."""

import hashlib
import json
import subprocess

import pytest
import rig


pytestmark = [pytest.mark.rig, pytest.mark.full]


def run(*command) -> bytes:
    return subprocess.run([str(part) for part in command], check=True, capture_output=True).stdout


class Volume:
    def __init__(self, image):
        self.image = image
        self.planted = json.loads(image.with_name(image.name + ".planted.json").read_text())
        self._sector = str(self.planted["partition"]["offset"] // 512)

    def inode(self, path) -> str:
        return run("ifind", "-o", self._sector, "-n", path, self.image).decode().strip()

    def cat(self, path) -> bytes:
        return run("icat", "-o", self._sector, self.image, self.inode(path))

    def tool(self, name, *arguments) -> bytes:
        return run(name, "-o", self._sector, self.image, *arguments)


@pytest.fixture
def volume(demo_volume):
    return Volume(demo_volume)


def test_same_seed_same_bytes_other_seed_other_bytes(demo_volume, tmp_path):
    def digest(path):
        return hashlib.sha256(path.read_bytes()).hexdigest()

    again, other = tmp_path / "again.img", tmp_path / "other.img"
    run(rig.ROOT / "scripts/demo-volume", again)
    run(rig.ROOT / "scripts/demo-volume", other, "--seed", "2")
    assert digest(again) == digest(demo_volume) != digest(other)


def test_partition_and_file_system_are_sound(volume, tmp_path):
    table = json.loads(run("sfdisk", "--json", volume.image))["partitiontable"]
    assert table["label"] == "gpt" and len(table["partitions"]) == 2
    place = volume.planted["partition"]
    with open(volume.image, "rb") as image:
        image.seek(place["offset"])
        (tmp_path / "root").write_bytes(image.read(place["size"]))
    run("e2fsck", "-fn", tmp_path / "root")  # ends with 0 only when nothing is wrong


def test_planted_persistence_is_there(volume):
    assert len(volume.planted["persistence"]) == 5
    for item in volume.planted["persistence"]:
        line = volume.cat(item["path"]).decode().split("\n")[item["line"] - 1]
        assert item["command"] in line


def test_planted_hashes_are_of_the_passwords_named(volume):
    import ctypes
    crypt = ctypes.CDLL("libcrypt.so.1").crypt
    crypt.restype = ctypes.c_char_p
    shadow = dict(line.split(":")[:2] for line in volume.cat("/etc/shadow").decode().splitlines())
    defaults = volume.planted["accounts"]["default_password"]
    assert defaults and {value[:3] for user, value in shadow.items() if user in defaults} == {"$6$", "$y$", "$1$"}
    for user, password in defaults.items():
        assert crypt(password.encode(), shadow[user].encode()).decode() == shadow[user]
    assert shadow["guest"] == ""


def test_logs_hold_the_brute_force_and_its_success(volume):
    planted = volume.planted["logins"]
    lines = volume.cat("/var/log/auth.log").split(b"\n")
    address = planted["address"].encode()
    failed = [line for line in lines if b"Failed password" in line and b"from " + address in line and b"repeated" not in line]
    repeats = sum(int(line.split(b"repeated ")[1].split()[0]) for line in lines if b"message repeated" in line)
    assert len(failed) + repeats == planted["failures"] >= 320
    assert sum(b"Accepted password for root from " + address in line for line in lines) == 1
    assert len(volume.cat("/var/log/btmp")) == 384 * planted["btmp_records"]


def test_wtmp_is_read_by_last(volume, tmp_path):
    (tmp_path / "wtmp").write_bytes(volume.cat("/var/log/wtmp"))
    said = run("last", "-f", tmp_path / "wtmp").decode()
    assert f"root     pts/1        {volume.planted['attacker']}" in said and "system boot" in said


def test_dropper_is_deleted_and_can_be_recovered(volume):
    gone = volume.planted["deleted"][0]
    assert f"r/r * {gone['inode']}:\t{gone['path'][1:]}" in volume.tool("fls", "-rpd").decode("utf-8", "replace")
    assert len(volume.tool("icat", str(gone["inode"]))) == gone["size"]


def test_hostile_names_are_stored_as_given(volume):
    # fls prints control characters as ^; `debugfs ls -p` prints the bytes as they are: /inode/mode/uid/gid/name/size/
    offset = volume.planted["partition"]["offset"]
    listing = run("debugfs", "-R", f"ls -p {volume.planted['hostile_folder']}", f"{volume.image}?offset={offset}")
    names = [name.encode("latin-1") for name in volume.planted["hostile_names"]]
    assert b"two\nlines.txt" in names and b"not utf-8 \xff\xfe\xc3(.bin" in names and len(names) >= 10
    for name in names:
        assert b"/100644/33/33/" + name + b"/" in listing, name


def test_mapfile_marks_sectors_of_the_database(volume):
    bad = volume.planted["unreadable"]
    rows = run("ddrescuelog", "-l-", f"{volume.image}.map").split()
    assert [int(row) for row in rows] == [bad["offset"] // 512 + number for number in range(5)]
    with open(volume.image, "rb") as image:
        image.seek(bad["offset"])
        there = image.read(bad["size"])
    content = volume.cat(bad["path"])
    assert content[bad["file_offset"]:bad["file_offset"] + bad["size"]] == there


def test_too_small_a_volume_is_one_clear_line(tmp_path):
    done = subprocess.run([rig.ROOT / "scripts/demo-volume", tmp_path / "x.img", "--size", "16"], capture_output=True, text=True)
    assert done.returncode == 1 and len(done.stderr.splitlines()) == 1 and "demo-volume:" in done.stderr
    assert not (tmp_path / "x.img").exists()
