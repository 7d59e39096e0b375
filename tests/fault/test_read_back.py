"""acquire --verify: what counts is what the medium gives back, not what the page cache still holds."""

from pathlib import Path

import pytest

from rig import Finished

MIB = 1 << 20
WRITTEN, READ = "MARK-of-the-source", "mark-of-the-source"


@pytest.fixture
def source(tmp_path) -> Path:
    """3 MiB; the word that the medium does not keep is in its last chunk only."""
    path = tmp_path / "source"
    path.write_bytes(b"text of a volume\n" * 160_000 + f"{WRITTEN}\n".encode() + bytes(300_000))
    return path


def failing_medium(done: Finished, image: Path):
    done.expect(5)
    line, = done.stderr.strip().splitlines()
    assert f"{image.name}.partial" in line and "not what was written" in line and "acquire to another" in line
    assert not image.exists() and not Path(f"{image}.manifest.json").exists(), "nothing that looks like evidence"


def test_a_medium_that_gives_back_other_bytes_is_found(kanshiki, lying_disk, source):
    image = lying_disk(64 * MIB, WRITTEN, READ).path / "disk.img"
    failing_medium(kanshiki("acquire", source, "-o", image, "--verify", "--progress", "none"), image)


def test_without_it_only_a_later_look_finds_it(kanshiki, lying_disk, source):
    """The same medium without --verify: the run ends well, since nothing is read back; kanshiki verify says which bytes."""
    image = lying_disk(64 * MIB, WRITTEN, READ).path / "disk.img"
    kanshiki("acquire", source, "-o", image).expect(0)
    assert "altered" in kanshiki("verify", image).expect(10).stdout


def test_a_copy_that_fails_takes_neither_image_for_evidence(kanshiki, lying_disk, source, tmp_path):
    good, bad = tmp_path / "good.img", lying_disk(64 * MIB, WRITTEN, READ).path / "disk.img"
    failing_medium(kanshiki("acquire", source, "-o", good, "-o", bad, "--verify", "--progress", "none"), bad)
    assert not good.exists()


def test_a_medium_that_keeps_what_it_gets(kanshiki, lying_disk, source):
    """The row that must still succeed: the same parts, another word."""
    image = lying_disk(64 * MIB, "not-in-the-source", "NOT-in-the-source").path / "disk.img"
    kanshiki("acquire", source, "-o", image, "--verify").expect(0)
    kanshiki("verify", image).expect(0)
