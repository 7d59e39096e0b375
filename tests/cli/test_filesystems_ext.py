"""ext2, ext3 and ext4: what kanshiki ls shows is what the kernel shows, whatever mkfs was asked for."""

import pytest
from filesystem_proof import MIB, assert_same, new, prove
from filesystems import fill, kanshiki_view, kernel_view, made, mounted, not_mountable

pytestmark = pytest.mark.full

EVERYTHING = ("hard link", "symlink", "device", "socket", "xattr user", "xattr system", "xattr security", "xattr trusted", "flag immutable", "flag append",
              "fallocate kept size", "hostile name")

# What mkfs is asked for; {size} entries are in its largest directory.
EXT4 = {
    "default": "",
    "1k": "-b 1024",
    "2k": "-b 2048",
    "4k": "-b 4096",
    "inline data": "-O inline_data",
    "inline data, 1k blocks, large inodes": "-b 1024 -O inline_data -I 1024",
    "inline data without checksums": "-O inline_data,^metadata_csum",
    "small inodes": "-I 128",
    "large inodes": "-I 1024",
    "bigalloc": "-b 4096 -O bigalloc -C 16384",
    "block maps": "-O ^extents,^64bit",
    "block maps, 1k blocks": "-b 1024 -O ^extents,^64bit",
    "32 bits": "-O ^64bit",
    "meta block groups": "-b 1024 -O meta_bg,^resize_inode",
    "no checksums": "-O ^metadata_csum,uninit_bg",
    "checksum seed": "-O metadata_csum_seed",
    "large xattr values": "-O ea_inode",
    "large directories": "-b 1024 -O large_dir",
    "orphan file": "-O orphan_file",
    "no journal": "-O ^has_journal",
    "no flexible groups": "-O ^flex_bg,^sparse_super,^resize_inode",
    "sparse super 2": "-O sparse_super2",
    "unindexed directories": "-O ^dir_index",
    "without types in directories": "-O ^filetype",
    "few links": "-O ^dir_nlink,^huge_file,^extra_isize",
}


@pytest.mark.parametrize("options", EXT4.values(), ids=EXT4.keys())
def test_ext4_is_what_the_kernel_shows(tmp_path, options):
    needs = [need for need in EVERYTHING if need != "fallocate kept size" or "^extents" not in options]
    prove(new(tmp_path, 96 * MIB, "mkfs.ext4", "-q", *options.split()), needs=needs)


def test_with_another_uuid_than_it_was_made_with(tmp_path):
    """metadata_csum_seed keeps the checksums' seed when the UUID changes."""
    prove(new(tmp_path, 96 * MIB, "mkfs.ext4", "-q", "-O", "metadata_csum_seed"), tune=("tune2fs", "-U", "4f5b0b0c-6a3e-4e0e-9d5b-0123456789ab"))


@pytest.mark.parametrize("kind", ["ext2", "ext3"])
@pytest.mark.parametrize("block", [1024, 4096])
def test_its_elders_too(tmp_path, kind, block):
    prove(new(tmp_path, 96 * MIB, f"mkfs.{kind}", "-q", "-b", block), needs=("hard link", "symlink", "device", "xattr user", "xattr system", "flag immutable"))


@pytest.mark.parametrize("block", [1024, 4096])
def test_directories_of_5000_entries_and_files_of_1200_extents(tmp_path, block):
    prove(new(tmp_path, 200 * MIB, "mkfs.ext4", "-q", "-b", block), entries=5000, seed=2)


@pytest.mark.full
@pytest.mark.parametrize("options", ["-b 4096", "-b 1024 -O large_dir"])
def test_directories_of_100_000_entries(tmp_path, options):
    prove(new(tmp_path, 700 * MIB, "mkfs.ext4", "-q", "-N", 200_000, *options.split()), entries=100_000, seed=3)


# What this kernel refuses to mount: filled by mke2fs itself from a tree that the kernel has shown.
REFUSED = {"8k blocks": "-b 8192", "64k blocks": "-b 65536", "casefold": "-b 4096 -O casefold -E encoding=utf8"}


@pytest.mark.parametrize("options", REFUSED.values(), ids=REFUSED.keys())
def test_what_the_kernel_refuses_is_what_went_in(tmp_path, options):
    """mke2fs -d keeps whole seconds of mtime, and no flags."""
    tree = new(tmp_path, 96 * MIB, "mkfs.ext4", "-q", "-b", 4096)
    with mounted(tree) as top:
        (top / "lost+found").rmdir()
        fill(top, 4, 300)
        expected = kernel_view(top)
        image = made(tmp_path / "copy", 256 * MIB, "mkfs.ext4", "-q", "-F", *options.split(), "-N", 4000, "-d", top)
    assert not_mountable(image), "the kernel mounts this: compare with that"
    for path, entry in expected.items():
        for field in ("inode", "accessed", "changed", "created", "attributes", *(["size", "links"] if entry["type"] == "directory" else [])):
            del entry[field]
        entry["modified"] = entry["modified"] // 10**9 * 10**9
    assert_same(expected, {path: entry for path, entry in kanshiki_view(image).items() if path != b"/lost+found"},
                unless=lambda path, field: field == "modified" and (path == b"/" or path.startswith(b"/times/")))


def test_quota_of_projects_is_what_the_kernel_shows(tmp_path):
    """This kernel mounts it for reading only, so mke2fs fills it."""
    tree = new(tmp_path, 96 * MIB, "mkfs.ext4", "-q", "-b", 4096)
    with mounted(tree) as top:
        (top / "lost+found").rmdir()
        fill(top, 4, 300)
        image = made(tmp_path / "copy", 256 * MIB, "mkfs.ext4", "-q", "-b", 4096, "-O", "quota,project", "-I", 256, "-N", 4000, "-d", top)
    with mounted(image, read_only=True) as top:
        expected = kernel_view(top)
    assert len(expected) > 800
    assert_same(expected, kanshiki_view(image))
