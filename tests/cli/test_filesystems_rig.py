"""The proof's own parts: the generator repeats itself, and the comparison sees whatever is changed."""

import os

import pytest
from filesystem_proof import MIB, new
from filesystems import differences, fill, kernel_view, mounted

pytestmark = pytest.mark.rig


def filled(tmp_path, name: str, seed: int) -> dict:
    (tmp_path / name).mkdir()
    image = new(tmp_path / name, 96 * MIB, "mkfs.ext4", "-q", "-b", 4096)
    with mounted(image, "-o", "noatime") as top:
        fill(top, seed, 200)
    with mounted(image, read_only=True) as top:
        return kernel_view(top)


def test_the_same_seed_gives_the_same_tree_and_another_gives_another(tmp_path):
    first, again, other = filled(tmp_path, "first", 1), filled(tmp_path, "again", 1), filled(tmp_path, "other", 2)
    made_now = ("inode", "modified", "accessed", "changed", "created")
    assert differences(first, again, without=made_now, unless=lambda path, field: path.startswith(b"/dir-") and field == "size") == []  # hashes are salted
    assert len(differences(first, other, without=made_now)) > 20


@pytest.mark.parametrize("change,told", [
    (lambda top: os.chmod(top / "modes/644", 0o600), "mode: 0o644, found 0o600"),
    (lambda top: os.chown(top / "modes/644", 5, 0), "uid: 0, found 5"),
    (lambda top: os.utime(top / "modes/644", ns=(1, 1_000_000_000_000_000_002)), "modified: "),
    (lambda top: os.setxattr(top / "modes/644", "user.new", b""), "xattrs: +b'user.new'"),
    (lambda top: os.setxattr(top / "xattrs/value of 64", "user.value", b"other"), "xattrs: b'user.value': "),
    (lambda top: os.link(top / "modes/644", top / "modes/twice"), "links: 1, found 2"),
    (lambda top: (top / "modes/twice").touch(), "'/modes/twice': too much (file)"),
    (lambda top: os.remove(top / "modes/644"), "'/modes/644': missing (file)"),
    (lambda top: os.truncate(top / "files/sparse", 10_000), "size: 25165901, found 10000"),
])
def test_each_change_is_told(tmp_path, change, told):
    image = new(tmp_path, 96 * MIB, "mkfs.ext4", "-q", "-b", 4096)
    with mounted(image, "-o", "noatime") as top:
        fill(top, 1, 100)
        before = kernel_view(top)
        assert differences(before, kernel_view(top)) == []
        change(top)
        lines = differences(before, kernel_view(top))
    assert any(told in line for line in lines), lines
    assert len(lines) < 8, "and nothing else"


def test_one_changed_byte_of_content_is_told(tmp_path):
    image = new(tmp_path, 96 * MIB, "mkfs.ext4", "-q", "-b", 4096)
    with mounted(image, "-o", "noatime") as top:
        fill(top, 1, 100)
        before = kernel_view(top)
        with open(top / "files/fragmented", "r+b") as file:
            file.seek(200_000)
            file.write(b"\xff")
        lines = differences(before, kernel_view(top), without=("modified", "changed"))
    assert len(lines) == 1 and "sha256" in lines[0], lines
