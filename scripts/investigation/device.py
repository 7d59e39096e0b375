"""Which block device the attached volume is, and its write protection."""

import glob
import os
import re
import stat

from .failure import Failure, REFUSED

TOOL_LIMIT = 30.0


class Devices:
    """`sys` and `dev` are /sys and /dev, elsewhere in tests; run(argv, limit) gives (status, output) of a program."""

    def __init__(self, run, sys="/sys", dev="/dev"):
        self._run, self._sys, self._dev = run, sys, dev

    def has_nvme(self):
        return bool(self._serials())

    def find(self, volume):
        """Path of the disk whose NVMe serial is the volume's, None while there is none."""
        wanted = volume.replace("-", "")
        names = sorted({name for name, serial in self._serials() if serial == wanted})
        if len(names) > 1:
            raise Failure(REFUSED, f"{' and '.join(names)} both have the NVMe serial {wanted}: cannot tell them apart; "
                                   "give --device after checking which it is")
        return self._node(names[0]) if names else None

    def serial(self, device):
        """The NVMe serial of a device given by the operator, None where it has none (Xen-type hosts)."""
        return dict(self._serials()).get(os.path.basename(device))

    def size(self, device):
        return int(_text(os.path.join(self._block(device), "size")) or 0) * 512

    def protect(self, device):
        """Read-only in the kernel, the partitions too (each has a flag of its own); checked, not assumed."""
        block = self._block(device)
        name = os.path.basename(block)
        nodes = [device]
        for partition in sorted(glob.glob(os.path.join(block, name + "*", "partition"))):
            nodes.append(os.path.join(self._dev, os.path.basename(os.path.dirname(partition))))
        for node in nodes:
            status, said = self._run(["blockdev", "--setro", node], TOOL_LIMIT)
            if status == 0:
                status, said = self._run(["blockdev", "--getro", node], TOOL_LIMIT)
            if status != 0 or said.strip() != "1":
                raise Failure(REFUSED, f"{node}: blockdev could not make it read-only ({said.strip() or status}); "
                                       "nothing was read; run as root")
        return nodes

    def _serials(self):
        """[(disk, serial)] by both ways the kernel shows them; under NVMe multipath only one of them may hold."""
        found = []
        for path in glob.glob(os.path.join(self._sys, "block", "nvme*", "device", "serial")):
            found.append((path.split(os.sep)[-3], _text(path)))
        for path in glob.glob(os.path.join(self._sys, "class", "nvme", "*", "serial")):
            for disk in glob.glob(os.path.join(os.path.dirname(path), "nvme*n*")):
                found.append((os.path.basename(disk), _text(path)))
        return [(name, serial) for name, serial in found if re.fullmatch(r"nvme\d+n\d+", name) and serial]

    def _node(self, name):
        """The node in /dev, once it is there and is that very disk."""
        path, number = os.path.join(self._dev, name), _text(os.path.join(self._sys, "block", name, "dev"))
        try:
            status = os.stat(path)
        except FileNotFoundError:
            return None
        real = f"{os.major(status.st_rdev)}:{os.minor(status.st_rdev)}"
        if not stat.S_ISBLK(status.st_mode) or real != number:
            raise Failure(REFUSED, f"{path} is device {real}, but the kernel says {name} is {number}: /dev is not in order")
        return path

    def _block(self, device):
        """Its folder in sysfs; by number for a device that is named differently there."""
        named = os.path.join(self._sys, "block", os.path.basename(device))
        if os.path.isdir(named):
            return named
        rdev = os.stat(device).st_rdev
        return os.path.realpath(os.path.join(self._sys, "dev", "block", f"{os.major(rdev)}:{os.minor(rdev)}"))


def _text(path):
    """A sysfs attribute, stripped; nothing when it is not there (a disk may go while we look)."""
    try:
        with open(path, "rb") as file:
            return file.read(4096).decode("ascii", "replace").strip("\0 \n\t")
    except OSError:
        return ""
