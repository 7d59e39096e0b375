"""What the tests of ls, cat, extract, timeline and mount share: a tree with everything in it, and reading JSON lines."""

import json


def lines(text) -> list:
    return [json.loads(line) for line in text.splitlines()]


def path_of(entry) -> bytes:
    if "path_hex" in entry:
        return bytes.fromhex(entry["path_hex"])
    return entry["path"].replace("\\\\", "\\").encode()
