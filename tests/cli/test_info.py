"""kanshiki info: what an image or a source is."""

import json

from volumes import MIB, put, run, sized


def gpt_disk(tmp_path):
    disk = sized(tmp_path / "disk.img", 64 * MIB)
    run("sgdisk", "-n", "1:2048:+8M", "-t", "1:ef00", "-c", "1:boot", "-n", "2:20480:+32M", "-c", "2:root", disk)
    part = sized(tmp_path / "part", 32 * MIB)
    run("mke2fs", "-q", "-t", "ext4", "-b", "4096", "-L", "cloudimg", "-U", "01234567-89ab-cdef-0123-456789abcdef", part)
    put(disk, 20480 * 512, part.read_bytes())
    put(disk, 2048 * 512, b"LUKS\xba\xbe")
    return disk


def test_partitions_and_file_systems(kanshiki, tmp_path):
    disk = gpt_disk(tmp_path)
    result = kanshiki("info", disk, "--json").expect(0).json
    assert result["size"] == 64 * MIB and result["scheme"] == "gpt" and result["manifest"] is None
    first, second = [volume for volume in result["volumes"] if volume["allocated"]]
    assert first["content"] == "LUKS encrypted volume; cannot be opened: version 0 is not known" and first["file_system"] is None
    assert second["offset"] == 20480 * 512 and second["description"] == 'Linux, "root"'
    assert second["file_system"] == {"type": "ext4", "label": "cloudimg", "uuid": "01234567-89ab-cdef-0123-456789abcdef", "block_size": 4096}
    text = kanshiki("info", disk).expect(0).stdout
    assert "LUKS encrypted volume" in text and 'ext4 "cloudimg"' in text


def test_custody_fields_of_an_image(kanshiki, tmp_path):
    disk = gpt_disk(tmp_path)
    kanshiki("acquire", disk, "-o", tmp_path / "image.img.zst", "--case", "42\x1b[2J", "--examiner", "A. Ito").expect(0)
    done = kanshiki("info", tmp_path / "image.img.zst").expect(0)
    assert "A. Ito" in done.stdout and "\x1b" not in done.stdout
    result = kanshiki("info", tmp_path / "image.img.zst", "--json").expect(0).json
    manifest = json.loads((tmp_path / "image.img.zst.manifest.json").read_text())
    assert result["manifest"]["root"] == manifest["image"]["root"]
    assert result["size"] == 64 * MIB and result["scheme"] == "gpt"


def test_a_manifest_that_makes_no_sense(kanshiki, tmp_path):
    disk = gpt_disk(tmp_path)
    (tmp_path / "disk.img.manifest.json").write_text("[" * 1000)
    done = kanshiki("info", disk).expect(11)
    assert "disk.img.manifest.json" in done.stderr and len(done.stderr.strip().splitlines()) == 1


def test_usage_and_odd_sources(kanshiki, tmp_path):
    assert "Examples:" in kanshiki("info", "--help").expect(0).stdout
    kanshiki("info").expect(2)
    kanshiki("info", tmp_path / "missing").expect(6)
    assert "none" in kanshiki("info", sized(tmp_path / "empty", 0)).expect(0).stdout
    assert kanshiki("info", sized(tmp_path / "zeros", MIB), "--json").expect(0).json["scheme"] == "none"


def test_a_4096_byte_sector_gpt(kanshiki, tmp_path, loop_device):
    disk = sized(tmp_path / "disk", 64 * MIB)
    device = run("losetup", "--show", "--find", "--sector-size", "4096", disk).strip()
    try:
        run("blockdev", "--setrw", device)
        run("sgdisk", "-n", "1:512:+16M", "-c", "1:four", device)
        from_device = kanshiki("info", device, "--json").expect(0).json
    finally:
        run("losetup", "--detach", device)
    from_file = kanshiki("info", disk, "--json").expect(0).json
    for result in (from_device, from_file):
        volume = [each for each in result["volumes"] if each["allocated"]][0]
        assert (volume["offset"], volume["size"]) == (512 * 4096, 16 * MIB)
