"""kanshiki cat and stat: a file's bytes, and all that is known of it."""

import hashlib
import os
import pty
import random
import subprocess

import pytest
import rig

from test_triage import HOSTILE, nanoseconds
from volumes import MIB, mounted, run, sized


def cat(*arguments) -> subprocess.CompletedProcess:
    return subprocess.run([rig.binary(), "cat", *map(str, arguments)], capture_output=True, stdin=subprocess.DEVNULL)


@pytest.fixture
def image(tmp_path):
    """An ext4 volume with hostile names, a fragmented, a sparse and an empty file."""
    image = sized(tmp_path / "image", 64 * MIB)
    run("mkfs.ext4", "-q", "-b", "4096", image)
    with mounted(image) as top:
        for name in HOSTILE:
            with open(os.path.join(os.fsencode(top), name), "wb") as file:
                file.write(b"of " + name)
        (top / "random").write_bytes(random.Random(5).randbytes(3 * MIB + 17))
        with open(top / "fragmented", "wb") as file:
            for block in range(1100):
                file.seek(block * 2 * 4096)
                file.write(bytes([block % 251]) * 4096)
        sized(top / "sparse", 40 * MIB)
        (top / "empty").write_bytes(b"")
        (top / "dir").mkdir()
        os.symlink("/etc/passwd", top / "link")
        (top / "text").write_bytes(b"one\ntwo\x1b[31m\ttail")
        os.setxattr(top / "text", "user.note", b"a\x00b\x1b")
    return image


@pytest.mark.parametrize("name", HOSTILE)
def test_every_name_can_be_read(image, name):
    done = cat(f"{image}:/" + os.fsdecode(name))
    assert (done.returncode, done.stdout) == (0, b"of " + name)


def test_the_bytes_are_the_kernels(image):
    names = ("random", "fragmented", "sparse", "empty")
    with mounted(image, "-o", "ro") as top:
        expected = {name: hashlib.sha256((top / name).read_bytes()).digest() for name in names}
        inode = os.stat(top / "random").st_ino
    for name in names:
        done = cat(f"{image}:/{name}")
        assert done.returncode == 0 and not done.stderr
        assert hashlib.sha256(done.stdout).digest() == expected[name], name
    assert cat(image, "--inode", inode).stdout == cat(f"{image}:/random").stdout


def test_what_is_no_file_is_not_read(kanshiki, image):
    assert "no file but a directory" in kanshiki("cat", f"{image}:/dir").expect(2).stderr
    assert "symbolic link to /etc/passwd" in kanshiki("cat", f"{image}:/link").expect(2).stderr
    assert "no such file" in kanshiki("cat", f"{image}:/none").expect(2).stderr
    assert "no such file" in kanshiki("cat", f"{image}:/text/below").expect(2).stderr
    assert "which file?" in kanshiki("cat", image).expect(2).stderr
    assert "inode" in kanshiki("cat", image, "--inode", 10**9).stderr


def test_unreadable_sectors_are_zeros_in_place_and_told(image, bad_disk):
    block = int(run("debugfs", "-R", "blocks /random", image).split()[3])
    disk = bad_disk(image, bad=[(block * 4096 + 512, 1024)])
    expected = bytearray(cat(f"{image}:/random").stdout)
    expected[3 * 4096 + 512:3 * 4096 + 1536] = bytes(1024)
    done = cat(f"{disk.path}:/random")
    assert done.returncode == 4 and done.stdout == expected
    assert f"/random: bytes {3 * 4096 + 512} to {3 * 4096 + 1535} (source bytes {block * 4096 + 512} to".encode() in done.stderr


def test_a_terminal_gets_no_escape_sequences(image):
    def shown(*options):
        ours, theirs = pty.openpty()
        child = subprocess.Popen([rig.binary(), "cat", *options, f"{image}:/text"], stdout=theirs, stdin=subprocess.DEVNULL)
        os.close(theirs)
        text = b""
        while True:
            try:
                piece = os.read(ours, 4096)
            except OSError:  # the other side has closed
                break
            if not piece:
                break
            text += piece
        os.close(ours)
        assert child.wait() == 0
        return text.replace(b"\r\n", b"\n")
    assert shown() == b"one\ntwo\\x1b[31m\ttail"
    assert shown("--raw") == b"one\ntwo\x1b[31m\ttail"
    assert cat(f"{image}:/text").stdout == b"one\ntwo\x1b[31m\ttail", "a pipe gets what is there"


def test_a_deleted_file_and_a_stream(kanshiki, tmp_path):
    image = sized(tmp_path / "ntfs", 32 * MIB)
    run("mkntfs", "-q", "-F", image)
    content = random.Random(2).randbytes(200_000)
    with mounted(image, "-t", "ntfs-3g", "-o", "streams_interface=windows") as top:
        (top / "gone.exe").write_bytes(content)
        (top / "report.docx").write_text("text")
        (top / "report.docx:Zone.Identifier").write_text("[ZoneTransfer]\n")
    with mounted(image, "-t", "ntfs-3g") as top:
        os.remove(top / "gone.exe")
    assert cat(f"{image}:/report.docx:Zone.Identifier").stdout == b"[ZoneTransfer]\n"
    assert "--deleted" in kanshiki("cat", f"{image}:/gone.exe").expect(2).stderr
    assert cat("--deleted", f"{image}:/gone.exe").stdout == content
    assert "state      deleted; " in kanshiki("stat", "--deleted", f"{image}:/gone.exe").expect(0).stdout


def test_stat_says_what_the_kernel_says_and_where_the_bytes_are(kanshiki, image):
    facts = kanshiki("stat", "--json", f"{image}:/random").expect(0).json
    with mounted(image, "-o", "ro") as top:
        status, content = os.stat(top / "random"), (top / "random").read_bytes()
    assert (facts["inode"], facts["size"], nanoseconds(facts["modified"])) == (status.st_ino, status.st_size, status.st_mtime_ns)
    whole = image.read_bytes()
    rebuilt = bytearray(-(-len(content) // 4096) * 4096)
    for extent in facts["extents"]:
        place, = extent["image"]
        rebuilt[extent["offset"]:extent["offset"] + extent["size"]] = whole[place["offset"]:place["offset"] + place["size"]]
    assert rebuilt[:len(content)] == content
    assert facts["file_system"] == "ext4"
    sparse = kanshiki("stat", "--json", f"{image}:/sparse").expect(0).json
    assert all(extent["sparse"] for extent in sparse["extents"])


def test_stat_for_people_is_escaped(kanshiki, image):
    text = kanshiki("stat", f"{image}:/tab\tbell\x07esc\x1b[31m").expect(0).stdout
    assert "path       /tab\\x09bell\\x07esc\\x1b[31m\n" in text
    assert all(character.isprintable() for line in text.splitlines() for character in line)
    assert "target     /etc/passwd" in kanshiki("stat", f"{image}:/link").expect(0).stdout


def test_extended_attributes_are_said(kanshiki, image):
    text = kanshiki("stat", f"{image}:/text").expect(0).stdout
    assert 'xattr      user.note = "a\\x00b\\x1b" (6100621b)' in text
    assert kanshiki("stat", "--json", f"{image}:/text").expect(0).json["xattrs"] == {"user.note": "6100621b"}
