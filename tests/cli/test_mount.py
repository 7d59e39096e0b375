"""kanshiki mount: what it shows, beside the kernel's own mount of the same image."""

import contextlib
import errno
import hashlib
import os
import signal
import stat
import subprocess

import pytest
import rig

from test_ls import kernel_view, partitioned
from test_triage import fill
from volumes import MIB, mounted, put, run, sized


@contextlib.contextmanager
def shown(kanshiki, folder, image, *options):
    """The image mounted by kanshiki at the path given."""
    folder.mkdir(exist_ok=True)
    kanshiki("mount", image, folder, *options).expect(0)
    try:
        yield folder
    finally:
        run("fusermount3", "-u", folder)
    rig.wait_until(lambda: not os.path.ismount(folder), "the end of the mount")


@pytest.fixture
def image(tmp_path):
    image = sized(tmp_path / "image", 96 * MIB)
    run("mkfs.ext4", "-q", "-b", "4096", image)
    with mounted(image) as top:
        fill(top)
        os.setxattr(top / "etc/passwd", "user.note", b"a\x00b")
        os.setxattr(top / "etc/passwd", "security.capability", bytes.fromhex("0100000200200000000000000000000000000000"))
        os.setxattr(top / "many", "trusted.overlay", b"y" * 3000)
        os.link(top / "etc/passwd", top / "second name")
    return image


def processes() -> list:
    return subprocess.run(["ps", "-eo", "args"], capture_output=True, text=True, check=True).stdout.splitlines()


def view_of(top) -> dict:
    """path -> what must be equal."""
    view = {}
    for path, (status, target, digest) in kernel_view(top).items():
        place = os.fsencode(top) + path
        names = os.listxattr(place, follow_symlinks=False)
        device = status.st_rdev if stat.S_ISCHR(status.st_mode) or stat.S_ISBLK(status.st_mode) else 0
        view[path] = (status.st_mode, status.st_uid, status.st_gid, status.st_nlink, status.st_size, device,
                      status.st_mtime_ns, status.st_ctime_ns, target, digest,
                      {name: os.getxattr(place, name, follow_symlinks=False) for name in names})
    return view


def test_the_tree_is_the_kernels(kanshiki, image, tmp_path):
    with mounted(image, "-o", "ro,noload") as top:
        expected = view_of(top)
    with shown(kanshiki, tmp_path / "mnt", image) as top:
        seen = view_of(top)
        inodes = {os.stat(top / name).st_ino for name in ("etc/passwd", "second name")}
        options, = [line.split()[3] for line in open("/proc/mounts") if line.split()[1] == str(top)]
    assert set(seen) == set(expected)
    assert {path: (seen[path], expected[path]) for path in expected if seen[path] != expected[path]} == {}
    assert len(inodes) == 1, "a hard link is one file"
    assert {"ro", "nosuid", "nodev", "noexec"} <= set(options.split(","))


def test_a_far_disk_is_mounted_over_ssh(kanshiki, sshd, image, tmp_path):
    with mounted(image, "-o", "ro,noload") as top:
        expected = view_of(top)
    with shown(kanshiki, tmp_path / "mnt", sshd.url(image), *sshd.options()) as top:
        assert view_of(top) == expected
    rig.wait_until(lambda: not any("mnt" in line and "ssh://" in line for line in processes()), "the end of the server")


def test_nothing_can_be_changed(kanshiki, image, tmp_path):
    with shown(kanshiki, tmp_path / "mnt", image) as top:
        for attempt in (lambda: open(top / "etc/passwd", "ab"), lambda: os.remove(top / "etc/passwd"), lambda: (top / "new").touch(),
                        lambda: os.chmod(top / "etc", 0o700), lambda: os.setxattr(top / "etc", "user.x", b"")):
            with pytest.raises(OSError) as refused:
                attempt()
            assert refused.value.errno == errno.EROFS


def test_each_volume_is_a_folder(kanshiki, tmp_path):
    image = partitioned(tmp_path, {"a": b"1"}, {"a": b"2"})
    with shown(kanshiki, tmp_path / "mnt", image) as top:
        assert sorted(os.listdir(top)) == ["p1", "p2"]
        assert (top / "p1/a").read_bytes() == b"1" and (top / "p2/a").read_bytes() == b"2"
        assert os.stat(top / "p1/a").st_ino != os.stat(top / "p2/a").st_ino, "no two files are one hard link"
        assert not (top / "p3").exists()
    with shown(kanshiki, tmp_path / "mnt", image, "--volume", "2") as top:
        assert (top / "a").read_bytes() == b"2"


def test_unreadable_sectors_are_errors_never_zeros(kanshiki, bad_disk, image, tmp_path):
    block = int(run("debugfs", "-R", "bmap /fragmented 6", image))
    disk = bad_disk(image, bad=[(block * 4096 + 512, 512)])
    with shown(kanshiki, tmp_path / "mnt", disk.path) as top, open(top / "fragmented", "rb") as file:
        file.seek(0)
        assert file.read(4096) == bytes(4096)
        with pytest.raises(OSError) as failed:
            os.pread(file.fileno(), 4096, 3 * 2 * 4096)
        assert failed.value.errno == errno.EIO
        assert os.pread(file.fileno(), 4096, 5 * 2 * 4096) == b"\x05" * 4096, "what lies beside it can be read"


def test_a_damaged_directory_is_an_error(kanshiki, image, tmp_path):
    run("debugfs", "-w", "-R", "set_inode_field /many block[0] 0x12345678", image)
    with shown(kanshiki, tmp_path / "mnt", image) as top:
        with pytest.raises(OSError) as failed:
            os.listdir(top / "many")
        assert failed.value.errno == errno.EIO
        assert (top / "etc/passwd").read_text().startswith("root")


@pytest.mark.parametrize("planted", [b"../../x", b"a/b/c/d", b"a\x00bcdef"])
def test_names_that_no_kernel_would_write(kanshiki, tmp_path, planted):
    image = sized(tmp_path / "image", 16 * MIB)
    run("mkfs.ext4", "-q", "-b", "4096", "-O", "^metadata_csum,^dir_index", image)
    with mounted(image) as top:
        (top / ("Q" * len(planted))).write_text("hostile")
        (top / "zz").write_text("after")
    put(image, image.read_bytes().index(b"\x01" + b"Q" * len(planted)) + 1, planted)
    with shown(kanshiki, tmp_path / "mnt", image) as top:
        for place, folders, files in os.walk(top):
            assert place == str(top) or place.endswith("lost+found")
            for name in files:
                assert (top / name).read_text() in ("hostile", "after")
        assert (top / "zz").read_text() == "after"


def test_links_as_files_and_deleted_names(kanshiki, image, tmp_path):
    with shown(kanshiki, tmp_path / "mnt", image, "--no-symlinks") as top:
        assert not os.path.islink(top / "link61") and (top / "link61").read_text() == "t" * 61
    fat = sized(tmp_path / "fat", 16 * MIB)
    run("mkfs.fat", "-F", "16", fat)
    (tmp_path / "gone.bin").write_bytes(b"g" * 10_000)
    run("mcopy", "-i", fat, tmp_path / "gone.bin", "::")
    run("mdel", "-i", fat, "::gone.bin")
    with shown(kanshiki, tmp_path / "mnt", fat) as top:
        assert not any("one.bin" in name.lower() for name in os.listdir(top))
    with shown(kanshiki, tmp_path / "mnt", fat, "--deleted") as top:
        gone, = [name for name in os.listdir(top) if "one.bin" in name.lower()]
        assert "%~deleted-" in gone and (top / gone).read_bytes() == b"g" * 10_000


def test_many_readers_at_once(kanshiki, image, tmp_path):
    with shown(kanshiki, tmp_path / "mnt", image) as top:
        command = f"find {top} -type f -print0 | sort -z | xargs -0 cat | sha256sum"
        running = [subprocess.Popen(["sh", "-c", command], stdout=subprocess.PIPE) for _ in range(6)]
        assert len({each.communicate()[0] for each in running}) == 1
        assert all(each.returncode == 0 for each in running)


def test_in_the_foreground_until_it_is_interrupted(start, image, tmp_path):
    folder = tmp_path / "mnt"
    folder.mkdir()
    run_ = start("mount", image, folder, "--foreground")
    run_.wait_for(lambda: os.path.ismount(folder) and (folder / "etc").exists(), "the mount")
    run_.signal(signal.SIGINT)
    run_.finish().expect(0)
    assert not os.path.ismount(folder)


def test_what_cannot_be_mounted(kanshiki, image, tmp_path):
    assert "no folder" in kanshiki("mount", image, tmp_path / "none").expect(2).stderr
    folder = tmp_path / "mnt"
    folder.mkdir()
    noise = sized(tmp_path / "noise", MIB)
    put(noise, 0, os.urandom(MIB))
    assert "no file system" in kanshiki("mount", noise, folder).expect(11).stderr
    kanshiki("mount", tmp_path / "no-image", folder).expect(6)
    assert not os.path.ismount(folder)
