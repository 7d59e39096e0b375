"""investigation.json: how far we are. Written whole or not at all, so a run can be gone on with after any kill."""

import fcntl
import json
import os
import secrets

from .failure import Failure, REFUSED, USAGE

FORMAT = "kanshiki-investigation-1"
SIZE_LIMIT = 1 << 20


class State(dict):
    def __init__(self, path, content):
        super().__init__(content)
        self.path = path

    def save(self, **changes):
        self.update(changes)
        text = json.dumps(self, indent=1, sort_keys=True) + "\n"
        write_durably(self.path, text.encode())


def write_durably(path, data):
    unfinished = path + ".new"
    with open(os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600), "wb") as out:
        out.write(data)
        out.flush()
        os.fsync(out.fileno())
    os.rename(unfinished, path)
    folder = os.open(os.path.dirname(path), os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def lock_folder(folder):
    """One run at a time. The lock is handed to the children too: a kanshiki that outlives us keeps it."""
    os.makedirs(folder, mode=0o700, exist_ok=True)
    fd = os.open(os.path.join(folder, "investigation.lock"), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(fd)
        raise Failure(REFUSED, f"{folder}: another investigate, or a kanshiki it started, is still at work there; "
                               "wait for it or stop it, then run again") from None
    return fd


def open_state(folder, request):
    """The state of an earlier run of the same request, or a new one. `request` is what must not change between runs."""
    path = os.path.join(folder, "investigation.json")
    try:
        with open(path, "rb") as file:
            text = file.read(SIZE_LIMIT + 1)
    except FileNotFoundError:
        return State(path, {"format": FORMAT, "run": secrets.token_hex(8), "request": request, "volume_number": 1}), False
    try:
        content = json.loads(text) if len(text) <= SIZE_LIMIT else None
        sound = content["format"] == FORMAT and isinstance(content["run"], str) and isinstance(content["request"], dict)
    except (ValueError, KeyError, TypeError, RecursionError):
        sound = False
    if not sound:
        raise Failure(USAGE, f"{path}: not a state file of ours; use a new folder")
    for name, wanted in request.items():
        if (had := content["request"].get(name)) != wanted:
            raise Failure(USAGE, f"{folder} holds an investigation begun with {name} {had!r}, not {wanted!r}; "
                                 "give the same again or use a new folder")
    return State(path, content), True
