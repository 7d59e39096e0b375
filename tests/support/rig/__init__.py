"""Real parts for tests and demonstrations: sshd, bad disks, full disks, slow wires, and the program itself.

One concept per file; each is a context manager that leaves nothing behind. The self-checks are tests/cli/test_rig.py.
"""

from .bad_disk import BadDisk, write_mapfile
from .far_host import FarHost
from .lying_disk import LyingDisk
from .mounts import LoopDevice, Tmpfs
from .paths import ROOT, binary
from .program import Finished, Running, kanshiki
from .proxy import TcpProxy
from .sshd import SUDO_WANTS_PASSWORD, SUDO_WORKS, Sshd
from .tsa import Tsa
from .wait import wait_until

__all__ = [
    "BadDisk", "FarHost", "Finished", "LoopDevice", "LyingDisk", "ROOT", "Running", "SUDO_WANTS_PASSWORD", "SUDO_WORKS", "Sshd", "TcpProxy",
    "Tmpfs", "Tsa", "binary", "kanshiki", "wait_until", "write_mapfile",
]
