"""One combination of a file system's features: made, filled, and kanshiki's listing compared with the kernel's."""

from filesystems import differences, fill, kanshiki_view, kernel_view, made, mounted, run

MIB = 1 << 20


def explain(lines: list) -> str:
    more = f"\n… and {len(lines) - 40} more" if len(lines) > 40 else ""
    return f"{len(lines)} differences from the kernel:\n" + "\n".join(lines[:40]) + more


def assert_same(expected: dict, found: dict, **options):
    lines = differences(expected, found, **options)
    assert not lines, explain(lines)


def prove(image, entries: int = 300, seed: int = 1, mount=(), needs=(), portable: bool = False, tune=(), **compared):
    """Fills the image through the kernel, then compares. `needs`: what the generator must have been able to make; `tune`: a command for
    the filled image."""
    with mounted(image, *mount) as top:
        tally = fill(top, seed, entries, portable)
    missing = [need for need in needs if not tally[need]]
    assert not missing, f"the kernel let no {missing} be made: {tally}"
    if tune:
        run(*tune, image)
    with mounted(image, *mount, read_only=True) as top:
        expected = kernel_view(top)
    assert len(expected) > entries // 2
    assert_same(expected, kanshiki_view(image), **compared)


def new(tmp_path, size: int, *mkfs):
    return made(tmp_path / "image", size, *mkfs)
