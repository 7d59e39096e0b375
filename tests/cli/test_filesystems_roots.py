"""A real root, Debian 12 as debootstrap leaves it, on what EC2 instances have: listed and hashed as the kernel does."""

import os

import pytest
import rig
from debian_root import unpack
from filesystem_proof import MIB, assert_same, new
from filesystems import kanshiki_view, kernel_view, mounted, run, sized
from filesystems.fill import ACCESS_ACL, CAPABILITY_2, acl
from lvm import lvm_on

pytestmark = pytest.mark.full
ROOTS = {
    "ext4": (["mkfs.ext4", "-q"], ""),
    "ext4 of Amazon Linux 1": (["mkfs.ext4", "-q", "-O", "^metadata_csum,^64bit"], ""),
    "xfs": (["mkfs.xfs", "-q"], ""),
    "xfs of Amazon Linux 2": (["mkfs.xfs", "-q", "-m", "reflink=0,bigtime=0,inobtcount=0,finobt=0", "-i", "sparse=0"], ""),
    "btrfs": (["mkfs.btrfs", "-q"], ""),
    "btrfs with zstd": (["mkfs.btrfs", "-q"], "compress=zstd"),
}


def filled(image, mount: str = "") -> dict:
    """The image with the root in it; what the kernel shows of it."""
    options = ["-o", mount] if mount else []
    with mounted(image, *options) as top:
        unpack(top)
        os.setxattr(top / "usr/bin/perl", "security.capability", CAPABILITY_2)
        os.setxattr(top / "var/log", "system.posix_acl_default", acl(ACCESS_ACL))
        if mount or "btrfs" in run("findmnt", "-n", "-o", "FSTYPE", top):
            run("btrfs", "subvolume", "create", top / "srv/data")
            run("btrfs", "subvolume", "snapshot", "-r", top, top / "snapshot")
    with mounted(image, read_only=True) as top:
        return kernel_view(top)


def made_up(path: bytes, field: str) -> bool:
    """The kernel makes up the times of the empty folder that stands for a subvolume inside of a snapshot."""
    return path == b"/snapshot/srv/data" and field in ("modified", "accessed", "changed", "created")


@pytest.mark.parametrize("mkfs,mount", ROOTS.values(), ids=ROOTS.keys())
def test_a_debian_root_is_what_the_kernel_shows(tmp_path, mkfs, mount):
    image = new(tmp_path, 1024 * MIB, *mkfs)
    expected = filled(image, mount)
    assert len(expected) > 6000 and expected[b"/usr/bin/perl"]["xattrs"]
    assert_same(expected, kanshiki_view(image), unless=made_up)


def test_a_debian_root_on_a_striped_logical_volume(tmp_path):
    """XFS in a group, as RHEL and Rocky have it. This kernel has no device mapper: what it shows is of the same volume before it goes into the group."""
    image = new(tmp_path, 640 * MIB, "mkfs.xfs", "-q")
    expected = filled(image)
    disk = sized(tmp_path / "disk", 1024 * MIB)
    run("sfdisk", "-q", disk, input="label: gpt\nstart=2048,size=1000000,type=lvm\nstart=1003520,size=1000000,type=lvm\n")
    with lvm_on(tmp_path / "etc", (disk, 2048 * 512, 1_000_000 * 512), (disk, 1_003_520 * 512, 1_000_000 * 512)) as lvm:
        lvm("pvcreate", *lvm.devices)
        lvm("vgcreate", "group", *lvm.devices)
        lvm.create("root", "-i", "2", "-I", "64k", "-L", "640M", "group")
        lvm.write("group/root", image)
    root, = [volume["number"] for volume in rig.kanshiki("info", disk, "--json").expect(0).json["volumes"] if volume["name"] == "group/root"]
    assert_same(expected, kanshiki_view(disk, "--volume", root))
