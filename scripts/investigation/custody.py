"""investigation.log.jsonl: every step of ours, chained as the acquisition log is (include/kanshiki/audit_log.h)."""

import hashlib
import json
import os

from .failure import ALTERED, Failure

FIRST = "0" * 64
LINE_LIMIT = 1 << 20


class CustodyLog:
    """Appends durable lines; goes on with the log of an earlier run after checking its chain."""

    def __init__(self, path, clock):
        self.path, self.clock = path, clock
        self.seq, self.head = 0, FIRST
        self._fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
        torn = self._reopen()
        if torn:
            self.append("log_torn", bytes_cut=len(torn), sha256_of_cut=hashlib.sha256(torn).hexdigest())

    def append(self, event, **fields):
        entry = {"seq": self.seq, "time": timestamp(self.clock.now()), "event": event, **fields, "prev": self.head}
        line = json.dumps(entry, separators=(",", ":"), default=str).encode()
        write_all(self._fd, line + b"\n")
        os.fdatasync(self._fd)
        self.seq += 1
        self.head = hashlib.sha256(line).hexdigest()

    def close(self):
        os.close(self._fd)

    def _reopen(self):
        """Leaves seq and head after the last whole line; cuts a torn one off and returns it."""
        with open(self.path, "rb") as log:
            while line := log.readline(LINE_LIMIT + 1):
                if not line.endswith(b"\n") and len(line) <= LINE_LIMIT:
                    os.ftruncate(self._fd, log.tell() - len(line))
                    return line
                self._follow(line.rstrip(b"\n"))
        return b""

    def _follow(self, line):
        try:
            entry = json.loads(line)
            sound = entry["seq"] == self.seq and entry["prev"] == self.head
        except (ValueError, KeyError, TypeError, RecursionError):
            sound = False
        if not sound:
            raise Failure(ALTERED, f"{self.path}: the chain is broken at line {self.seq + 1}: the log was changed; "
                                   "keep this folder as it is and use a new one")
        self.seq += 1
        self.head = hashlib.sha256(line).hexdigest()


def timestamp(moment):
    return moment.strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def write_all(fd, data):
    while data:
        data = data[os.write(fd, data):]
