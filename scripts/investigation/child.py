"""Running other programs: kanshiki, which gets our signals, and small tools."""

import hashlib
import os
import select
import signal
import subprocess

from .failure import Failure, REFUSED, printable

AFTER_SIGNAL = 120.0  # to write a checkpoint; then it is killed


def run_child(argv, clock, stdout, limit, keep_open=()):
    """Exit status of a program (negative: killed by that signal); its standard output goes to the file `stdout`.

    The file is the child's own, so its result is kept even if we are killed while it works."""
    out = os.open(stdout, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
    clock.hurry = False  # a second signal goes to the child as well, instead of leaving it alone
    try:
        # Its own process group: Ctrl-C on a terminal reaches it once, through us, not twice.
        child = subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=out, pass_fds=keep_open, process_group=0)
        return _follow(child, clock, limit)
    except OSError as error:
        raise Failure(REFUSED, f"{argv[0]}: cannot be run: {error.strerror}") from None
    finally:
        clock.hurry = True
        os.close(out)


def _follow(child, clock, limit):
    ended = os.pidfd_open(child.pid)
    try:
        end, told = clock.monotonic() + limit, False
        while not select.select([ended], [], [], 0)[0]:
            left = end - clock.monotonic()
            if left <= 0:
                child.send_signal(signal.SIGKILL if told else signal.SIGTERM)
                end, told = clock.monotonic() + AFTER_SIGNAL, True
                continue
            select.select([ended, clock.read_end], [], [], left)
            while (number := clock.next_signal()) is not None:
                child.send_signal(number)
                end, told = clock.monotonic() + AFTER_SIGNAL, True
        return child.wait()
    finally:
        os.close(ended)


def run_tool(argv, limit):
    """(status, output and errors together) of a short-lived program."""
    try:
        done = subprocess.run(argv, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=limit)
    except OSError as error:
        raise Failure(REFUSED, f"{argv[0]}: cannot be run: {error.strerror}; install it") from None
    except subprocess.TimeoutExpired:
        raise Failure(REFUSED, f"{' '.join(argv)}: no end after {limit:.0f} s") from None
    return done.returncode, printable(done.stdout[:4096].decode("utf-8", "replace").strip())


def sha256_of(path):
    digest = hashlib.sha256()
    with open(path, "rb") as file:
        while piece := file.read(1 << 20):
            digest.update(piece)
    return digest.hexdigest()
