"""What kanshiki shows of an image: kanshiki ls -R --json --hash --xattrs."""

import json
import re
from datetime import datetime, timezone

import rig

EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)
TIMES = ("modified", "accessed", "changed", "created")
ATTRIBUTES = {"compressed": 0x4, "immutable": 0x10, "append": 0x20, "nodump": 0x40, "encrypted": 0x800, "verity": 0x100000}


def bytes_of(entry: dict, key: str) -> bytes | None:
    """The field's bytes: from its _hex, else with the escapes of kanshiki/escape.h undone."""
    if f"{key}_hex" in entry:
        return bytes.fromhex(entry[f"{key}_hex"])
    if key not in entry:
        return None
    return unescaped(entry[key])


def unescaped(text: str) -> bytes:
    return re.sub(rb"\\(?:\\|x([0-9a-f]{2}))", lambda found: bytes.fromhex(found[1].decode()) if found[1] else b"\\", text.encode())


def nanoseconds(text: str) -> int:
    """ISO 8601 with nine digits, any year from 1 to 9999."""
    whole, _, fraction = text.rstrip("Z").partition(".")
    since = datetime.fromisoformat(whole).replace(tzinfo=timezone.utc) - EPOCH
    return (since.days * 86400 + since.seconds) * 10**9 + int((fraction or "0").ljust(9, "0"))


def _read(entry: dict) -> dict:
    view = {key: entry[key] for key in ("type", "uid", "gid", "links", "size", "inode", "sha256", "flags") if key in entry}
    view["mode"] = int(entry["mode"], 8)
    view.update({key: nanoseconds(entry[key]) for key in TIMES if key in entry})
    view["attributes"] = sum(ATTRIBUTES[name] for name in entry["attributes"])
    view["target"] = bytes_of(entry, "target")
    if "device" in entry:
        view["device"] = tuple(map(int, entry["device"].split(":")))
    if "xattrs" in entry:
        view["xattrs"] = {unescaped(name): bytes.fromhex(value) for name, value in entry["xattrs"].items()}
    return view


def kanshiki_view(image, *options, says: str = "", timeout: float = 300) -> dict:
    """path (bytes) -> the same fields as kernel_view gives, for every name that is not deleted. All must be read, without a complaint;
    `says`: the one notice that is expected."""
    done = rig.kanshiki("ls", "-R", "--json", "--hash", "--xattrs", *options, image, timeout=timeout)
    complaints = [line for line in done.stderr.splitlines() if not says or says not in line]
    assert done.code == 0 and not complaints and (not says or done.stderr), f"kanshiki ls gave {done.code} and said {done.stderr[:2000]}"
    view = {}
    for line in done.stdout.splitlines():
        entry = json.loads(line)
        if entry["deleted"]:
            continue
        path = bytes_of(entry, "path")
        assert path not in view, f"{path!r} is listed twice"
        view[path] = _read(entry)
    return view
