"""Proof for file-system readers: a seeded generator, the kernel's view, kanshiki's view, and the difference between them.

    tally = fill(top, seed, size)            what the kernel is asked to write on a mounted file system
    kernel_view(top)                         what it shows of it, mounted read-only
    kanshiki_view(image)                     what kanshiki shows of the image, never mounted
    differences(expected, found)             one line for each thing that is not equal; empty when all is
"""

from .compare import differences
from .fill import fill
from .kanshiki_view import kanshiki_view
from .kernel_view import kernel_view
from .volume import MIB, made, mounted, not_mountable, run, sized

__all__ = ["MIB", "differences", "fill", "kanshiki_view", "kernel_view", "made", "mounted", "not_mountable", "run", "sized"]
