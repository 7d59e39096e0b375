"""What ends a run, and its exit status: the same table as the program's (docs/exit-codes.md)."""

OK = 0
USAGE = 2
LOST = 3  # AWS unreachable or throttling without end; run again
UNREADABLE = 4  # done, with unreadable sectors: evidence complete
DESTINATION = 5  # no space, write error; run again
REFUSED = 6  # trying again changes nothing
LATER_STEP = 7  # the evidence is complete, a later step is not
ALTERED = 10
INTERNAL = 70
INTERRUPTED = 130


class Failure(Exception):
    """One line for the responder: what, where, what to do."""

    def __init__(self, code, message):
        super().__init__(message)
        self.code = code


class Interrupted(Failure):
    def __init__(self, message="interrupted"):
        super().__init__(INTERRUPTED, message)


def printable(text, limit=600):
    """One terminal-safe line of what may come from outside."""
    line = "".join(c if c.isprintable() else "\\x%02x" % ord(c) for c in str(text))
    return line if len(line) <= limit else line[: limit - 1] + "…"
