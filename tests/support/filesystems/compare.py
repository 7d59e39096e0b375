"""Where two views of a tree are not equal, in lines short enough to read."""

FIELDS = ("type", "mode", "uid", "gid", "links", "size", "inode", "modified", "accessed", "changed", "created", "device", "target", "attributes",
          "xattrs", "sha256")


def _short(value) -> str:
    if isinstance(value, bytes):
        return repr(value) if len(value) <= 40 else f"{value[:24]!r}… ({len(value)} bytes)"
    if isinstance(value, int) and abs(value) > 10**12:
        return f"{value // 10**9}.{value % 10**9:09}"
    return str(value)


def _of_xattrs(expected: dict, found: dict) -> str:
    lines = [f"-{_short(name)}" for name in sorted(expected.keys() - found.keys())]
    lines += [f"+{_short(name)}" for name in sorted(found.keys() - expected.keys())]
    lines += [f"{_short(name)}: {_short(expected[name])} != {_short(found[name])}" for name in sorted(expected.keys() & found.keys())
              if expected[name] != found[name]]
    return ", ".join(lines)


def differences(expected: dict, found: dict, without=(), unless=None) -> list:
    """One line for each path too few or too many, and each field that differs ("path: field: expected, found").

    without  fields that are not compared; a field that `expected` lacks or has as None is not compared either
    unless   unless(path, field): True for what is not compared"""
    lines = [f"{_short(path)}: missing ({expected[path].get('type')})" for path in sorted(expected.keys() - found.keys())]
    lines += [f"{_short(path)}: too much ({found[path].get('type')})" for path in sorted(found.keys() - expected.keys())]
    for path in sorted(expected.keys() & found.keys()):
        entry, ours = expected[path], found[path]
        for field in FIELDS:
            if field in without or entry.get(field) is None or entry[field] == ours.get(field) or (unless and unless(path, field)):
                continue
            if field == "xattrs":
                lines.append(f"{_short(path)}: xattrs: {_of_xattrs(entry[field], ours.get(field) or {})}")
            else:
                show = oct if field in ("mode", "attributes") and ours.get(field) is not None else _short
                lines.append(f"{_short(path)}: {field}: {show(entry[field])}, found {show(ours.get(field))}")
    return lines
