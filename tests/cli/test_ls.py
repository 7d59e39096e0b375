"""kanshiki ls against what the kernel shows of the same image."""

import hashlib
import os
import stat
import subprocess

import pytest
import rig

from browse import lines, path_of
from test_triage import HOSTILE, fill, nanoseconds
from volumes import MIB, mounted, put, run, sized, walk


def kernel_view(top) -> dict:
    """walk(), the root too, with the digest of each regular file."""
    seen = {b"/": (os.lstat(top), b""), **walk(top)}
    view = {}
    for path, (status, target) in seen.items():
        digest = None
        if stat.S_ISREG(status.st_mode):
            with open(os.fsencode(top) + path, "rb") as file:
                digest = hashlib.sha256(file.read()).hexdigest()
        view[path] = (status, target, digest)
    return view


def make(tmp_path, name="image", size=96 * MIB):
    """An ext4 volume with the tree of test_triage, and what the kernel shows of it."""
    image = sized(tmp_path / name, size)
    run("mkfs.ext4", "-q", "-b", "4096", image)
    with mounted(image) as top:
        fill(top)
    with mounted(image, "-o", "ro") as top:
        return image, kernel_view(top)


def test_everything_is_as_the_kernel_shows_it(kanshiki, tmp_path):
    image, expected = make(tmp_path)
    entries = lines(kanshiki("ls", "-R", "--json", "--hash", "--xattrs", image).expect(0).stdout)
    assert entries[0]["path"] == "/"
    found = {path_of(entry): entry for entry in entries}
    assert len(found) == len(entries) and set(found) == set(expected)
    for path, (status, target, digest) in expected.items():
        entry = found[path]
        assert (entry["inode"], entry["size"], entry["uid"], entry["gid"], entry["links"], int(entry["mode"], 8)) == \
            (status.st_ino, status.st_size, status.st_uid, status.st_gid, status.st_nlink, stat.S_IMODE(status.st_mode)), path
        assert entry.get("target", "").encode() == target
        assert (nanoseconds(entry["modified"]), nanoseconds(entry["changed"])) == (status.st_mtime_ns, status.st_ctime_ns), path
        assert entry.get("sha256") == digest, path
        assert entry["xattrs"] == {}
        assert not entry["deleted"] and "certainty" not in entry


def test_the_order_is_the_same_for_any_number_of_threads_and_that_of_the_tree(kanshiki, tmp_path):
    image, expected = make(tmp_path)
    one = kanshiki("ls", "-R", "--json", "--hash", "--threads", 1, image).expect(0).stdout
    assert kanshiki("ls", "-R", "--json", "--hash", "--threads", 7, image).expect(0).stdout == one
    paths = [path_of(entry).split(b"/")[1:] for entry in lines(one)[1:]]
    assert paths == sorted(paths)


def test_names_for_people(kanshiki, tmp_path):
    image, _ = make(tmp_path)
    text = kanshiki("ls", f"{image}:/").expect(0).stdout
    names = text.splitlines()
    assert "etc/" in names and "fifo|" in names and "link61@" in names and "null" in names and "new\\x0aline" in names
    assert "not utf-8 \\xff\\xfe" in names and "tab\\x09bell\\x07esc\\x1b[31m" in names
    assert all(character.isprintable() for name in names for character in name)
    assert kanshiki("ls", f"{image}:/etc/").expect(0).stdout == "passwd\n"
    assert kanshiki("ls", f"{image}:/etc/passwd").expect(0).stdout == "passwd\n"
    assert kanshiki("ls", "-R", f"{image}:/etc").expect(0).stdout == "/etc/\n/etc/passwd\n"
    row = kanshiki("ls", "-l", "--inode", f"{image}:/etc/passwd").expect(0).stdout.split()
    assert row[1:] == ["-rwsr-sr-x", "1", "70000", "70001", "32", "2001-04-19T04:25:21.987654321Z", "passwd"] and int(row[0]) > 11
    assert "link61 -> " + "t" * 61 in kanshiki("ls", "-l", image).expect(0).stdout


@pytest.mark.parametrize("name", HOSTILE)
def test_any_name_can_be_asked_for(kanshiki, tmp_path, name):
    image, _ = make(tmp_path)
    entry, = lines(kanshiki("ls", "--json", os.fsencode(image).decode() + ":/" + os.fsdecode(name)).expect(0).stdout)
    assert path_of(entry) == b"/" + name


def test_where_the_image_ends_and_the_path_begins(kanshiki, tmp_path):
    """An image's own name may hold ':' and even ':/'."""
    folder = tmp_path / "a:"
    folder.mkdir()
    image, _ = make(folder, "b:c", 64 * MIB)
    assert kanshiki("ls", f"{image}:/etc").expect(0).stdout == "passwd\n"
    assert "/etc/" in kanshiki("ls", image).expect(0).stdout.splitlines()
    assert "No such file" in kanshiki("ls", f"{tmp_path}/none:/etc").expect(6).stderr
    assert "no such file in it" in kanshiki("ls", f"{image}:/nothing").expect(2).stderr


def partitioned(tmp_path, *contents):
    """A GPT disk with an ext4 volume of 16 MiB for each dictionary of files."""
    image = sized(tmp_path / "disk", (2 + 16 * len(contents)) * MIB)
    run("sfdisk", image, input="label: gpt\n" + "".join(f"start={2048 + 32768 * number},size=32768\n" for number in range(len(contents))))
    for number, files in enumerate(contents):
        part = sized(tmp_path / "part", 16 * MIB)
        run("mkfs.ext4", "-q", "-F", part)
        with mounted(part) as top:
            for name, content in files.items():
                (top / name).write_bytes(content)
        put(image, MIB + 16 * MIB * number, part.read_bytes())
    return image


def test_several_volumes_are_told_apart(kanshiki, tmp_path):
    image = partitioned(tmp_path, {"only": b"1", "both": b"1"}, {"both": b"2"})
    assert kanshiki("ls", image).expect(0).stdout.splitlines() == \
        ["/p1/both", "/p1/lost+found/", "/p1/only", "/p2/both", "/p2/lost+found/"]
    assert kanshiki("ls", "--volume", 2, image).expect(0).stdout.splitlines() == ["/both", "/lost+found/"]
    assert kanshiki("ls", f"{image}:/p2").expect(0).stdout.splitlines() == ["both", "lost+found/"]
    assert kanshiki("ls", f"{image}:/p2/both").expect(0).stdout == "both\n"
    assert kanshiki("ls", f"{image}:/only").expect(0).stdout == "only\n"
    error = kanshiki("ls", f"{image}:/both").expect(2).stderr
    assert "is 2 things" in error and "--volume" in error
    assert kanshiki("ls", "--volume", "p1", f"{image}:/both").expect(0).stdout == "both\n"
    assert "no volume 3" in kanshiki("ls", "--volume", 3, image).expect(2).stderr
    assert [(entry["volume"], entry["path"]) for entry in lines(kanshiki("ls", "--json", f"{image}:/p2").expect(0).stdout)] == \
        [(2, "/both"), (2, "/lost+found")]


def test_deleted_names_are_asked_for_and_marked(kanshiki, tmp_path):
    image = sized(tmp_path / "image", 16 * MIB)
    run("mkfs.fat", "-F", "16", image)
    for name in ("stays.txt", "gone.txt"):
        (tmp_path / name).write_text(name)
        run("mcopy", "-i", image, tmp_path / name, "::")
    run("mdel", "-i", image, "::gone.txt")
    assert "gone" not in kanshiki("ls", "-R", image).expect(0).stdout
    entries = lines(kanshiki("ls", "-R", "--deleted", "--json", image).expect(0).stdout)
    gone, = [entry for entry in entries if entry["path"].lower().endswith("one.txt")]
    assert gone["deleted"] and not gone["allocated"] and gone["certainty"] in ("certain", "likely", "possible")
    assert "one.txt (deleted, " in kanshiki("ls", "--deleted", f"{image}:/").expect(0).stdout.lower()


def test_what_cannot_be_read_is_said_and_the_rest_is_listed(kanshiki, bad_disk, tmp_path):
    image, _ = make(tmp_path)
    block, = [int(word) for word in run("debugfs", "-R", "blocks /fragmented", image).split()[7:8]]
    disk = bad_disk(image, bad=[(block * 4096 + 1024, 512)])
    done = kanshiki("ls", "-R", "--json", "--hash", disk.path).expect(4)
    assert f"(source bytes {block * 4096 + 1024} to {block * 4096 + 1535})" in done.stderr
    entries = {entry["path"]: entry for entry in lines(done.stdout)}
    assert "sha256" not in entries["/fragmented"] and "sha256" in entries["/etc/passwd"]


def test_a_damaged_directory_is_said_and_the_rest_is_listed(kanshiki, tmp_path):
    image, _ = make(tmp_path)
    run("debugfs", "-w", "-R", "set_inode_field /many block[0] 0x12345678", image)  # no extent tree begins so
    done = kanshiki("ls", "-R", image).expect(4)
    assert "kanshiki: /many: directory: " in done.stderr
    assert "/etc/passwd" in done.stdout.splitlines()


def test_output_that_cannot_be_written_is_an_error(kanshiki, tmp_path):
    image, _ = make(tmp_path)
    with open("/dev/full", "w") as full:
        done = subprocess.run([rig.binary(), "ls", "-R", image], stdout=full, stderr=subprocess.PIPE, text=True)
    assert done.returncode == 5 and "standard output" in done.stderr


def test_no_file_system_at_all(kanshiki, tmp_path):
    image = sized(tmp_path / "image", MIB)
    put(image, 0, os.urandom(MIB))
    assert "no file system" in kanshiki("ls", image).expect(11).stderr
    assert "--json" in kanshiki("ls", "--hash", image).expect(2).stderr
    kanshiki("ls", "-").expect(2)
