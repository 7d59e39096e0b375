"""kanshiki convert: the same content and root in every format, the custody carried on, nothing published that differs."""

import hashlib
import json
import signal
import subprocess
from pathlib import Path

import pytest

import ewf
from images import CHUNK, MIB, leaves, log_entries, make_disk, root

SIZE = 5 * MIB + 3 * 512
FORMATS = ["disk.img", "disk.img.zst", "disk.E01", "disk.001"]
BAD = [(2 * CHUNK + 512, 1024), (4 * MIB, 4096)]


@pytest.fixture(scope="module")
def disk(tmp_path_factory):
    return make_disk(tmp_path_factory.mktemp("source") / "disk", SIZE)


@pytest.fixture(scope="module")
def zeroed(disk):
    """The content of an image of the disk with its unreadable ranges."""
    data = bytearray(disk.read_bytes())
    for offset, size in BAD:
        data[offset:offset + size] = bytes(size)
    return bytes(data)


@pytest.fixture(scope="module")
def images(disk, tmp_path_factory):
    """One acquisition, with unreadable sectors, in each format."""
    import rig
    folder = tmp_path_factory.mktemp("images")
    with rig.BadDisk(disk, bad=BAD) as bad:
        for name in FORMATS:
            rig.kanshiki("acquire", bad.path, "-o", folder / name, "--split", "1M", "--hash", "sha256,sha1",
                         "--case", "42", "--examiner", "A. Ito").expect(4)
    return folder


def manifest_of(image) -> dict:
    return json.loads(Path(f"{image}.manifest.json").read_text())


def content(image) -> bytes:
    image = Path(image)
    if image.name.endswith(".zst"):
        return subprocess.run(["zstd", "-dcq", image], check=True, capture_output=True).stdout
    if image.suffix == ".E01":
        return ewf.content(image)
    if image.suffix == ".001":
        return b"".join(path.read_bytes() for path in sorted(image.parent.glob(f"{image.stem}.0??")))
    return image.read_bytes()


@pytest.mark.parametrize("target", FORMATS)
@pytest.mark.parametrize("origin", FORMATS)
def test_between_all_formats(images, kanshiki, zeroed, tmp_path, origin, target):
    new = tmp_path / target.replace("disk", "new")
    done = kanshiki("convert", images / origin, "-o", new, "--split", "1M", "--json").expect(4).json
    assert content(new) == zeroed
    old, now = manifest_of(images / origin), manifest_of(new)
    assert now["image"]["root"] == old["image"]["root"] == root(leaves(zeroed)).hex() == done["root"]
    assert now["unreadable"] == old["unreadable"]
    for key in ("case", "source", "consistency"):
        assert now[key] == old[key], key
    old_manifest = hashlib.sha256(Path(f"{images / origin}.manifest.json").read_bytes()).hexdigest()
    assert now["derived_from"] == {"kind": "convert", "image": origin, "manifest_sha256": old_manifest, "replaced": []}
    assert log_entries(new)[0]["manifest_sha256"] == old_manifest
    assert {"root", "sha256", "sha1", "11 leaves"} <= set(done["compared"])
    assert Path(f"{new}.chunks").read_bytes() == Path(f"{images / origin}.chunks").read_bytes()
    subprocess.run(["sha256sum", "--check", "--strict", "--quiet", f"{new.name}.sha256"], cwd=tmp_path, check=True)
    kanshiki("verify", new).expect(0)
    act = json.loads(Path(f"{images / origin}.custody.jsonl").read_text().splitlines()[-1])
    assert act["event"] == "convert" and act["images"] == [new.name] and act["root"] == done["root"]
    if target == "disk.E01":
        assert ewf.verifies(new)


@pytest.mark.parametrize("origin", FORMATS)
def test_a_mismatch_stops_it(images, kanshiki, tmp_path, origin):
    for file in images.iterdir():
        if file.name.startswith(origin) or (file.stem == "disk" and file.suffix[1:2] == Path(origin).suffix[1:2]):
            (tmp_path / file.name).write_bytes(file.read_bytes())
    files = ewf.segments(tmp_path / origin) if origin.endswith("E01") else \
        sorted(tmp_path.glob("disk.0??")) if origin.endswith("001") else [tmp_path / origin]
    spoilt = files[len(files) // 2]
    data = bytearray(spoilt.read_bytes())
    data[len(data) // 2] ^= 4
    spoilt.write_bytes(data)
    done = kanshiki("convert", tmp_path / origin, "-o", tmp_path / "out/new.img", "-o", tmp_path / "out/new.E01").expect(10)
    assert origin in done.stderr and "chunk" in done.stderr
    assert list((tmp_path / "out").iterdir()) == []


def test_a_rewritten_manifest_stops_it(images, kanshiki, tmp_path):
    for file in images.glob("disk.img*"):
        (tmp_path / file.name).write_bytes(file.read_bytes())
    path = tmp_path / "disk.img.manifest.json"
    good = path.read_text()
    for key, why in (("root", "root"), ("sha1", "sha1")):
        value = manifest_of(images / "disk.img")["image"]["root" if key == "root" else "digests"]
        value = value if key == "root" else value["sha1"]
        path.write_text(good.replace(value, value[:-1] + ("0" if value[-1] != "0" else "1")))
        done = kanshiki("convert", tmp_path / "disk.img", "-o", tmp_path / "out/new.img.zst").expect(10)
        assert why in done.stderr and list((tmp_path / "out").iterdir()) == []


def test_a_foreign_one(disk, kanshiki, tmp_path):
    their = ewf.acquire(disk, tmp_path / "their.E01", "-d", "sha1")
    done = kanshiki("convert", their, "-o", tmp_path / "new.img.zst", "--json").expect(0).json
    assert done["foreign"] and done["compared"] == ["md5 stored in the image", "sha1 stored in the image"]
    now = manifest_of(tmp_path / "new.img.zst")
    assert content(tmp_path / "new.img.zst") == disk.read_bytes()
    assert now["source"]["kind"] == "e01" and now["source"]["identity"]["examiner"] == "B. Foreign"
    assert now["derived_from"]["manifest_sha256"] is None and now["image"]["digests"]["md5"] == ewf.md5(disk.read_bytes())


def test_two_outputs_and_refusals(images, kanshiki, zeroed, tmp_path):
    kanshiki("convert", images / "disk.E01", "-o", tmp_path / "a.img", "-o", tmp_path / "b.img.zst").expect(4)
    assert content(tmp_path / "a.img") == content(tmp_path / "b.img.zst") == zeroed
    assert "--force" in kanshiki("convert", images / "disk.E01", "-o", tmp_path / "a.img").expect(2).stderr
    kanshiki("convert", images / "disk.E01", "-o", tmp_path / "a.img", "--force").expect(4)
    before = (images / "disk.img").read_bytes()
    assert "is the image that is converted" in kanshiki("convert", images / "disk.img", "-o", images / "disk.img", "--force").expect(2).stderr
    assert (images / "disk.img").read_bytes() == before
    assert "only read" in kanshiki("convert", images / "disk.img", "-o", tmp_path / "x.qcow2").expect(2).stderr
    kanshiki("convert", tmp_path / "none.img", "-o", tmp_path / "x.img").expect(2)


def test_an_interrupted_one_leaves_nothing(start, bad_disk, tmp_path):
    slow = bad_disk(make_disk(tmp_path / "disk", 32 * MIB), delay=0.02)
    (tmp_path / "old.img").symlink_to(slow.path)
    run = start("convert", tmp_path / "old.img", "-o", tmp_path / "out/new.E01", "--progress", "json")
    run.wait_progress(2 * MIB)
    run.signal(signal.SIGINT)
    assert run.finish().code == 130
    assert list((tmp_path / "out").iterdir()) == []


@pytest.mark.parametrize("target", FORMATS)
def test_the_output_is_the_same_for_any_number_of_threads(images, kanshiki, tmp_path, target):
    made = []
    for threads in (1, 5):
        image = tmp_path / str(threads) / target
        kanshiki("convert", images / "disk.img", "-o", image, "--threads", threads).expect(4)
        # An E01's header holds the time; that its pieces are the same is in tests/unit/acquire/evidence/ewf_test.cpp.
        made.append((content(image), Path(f"{image}.chunks").read_bytes()) if target == "disk.E01" else image.read_bytes())
    assert made[0] == made[1]


KINDS = [("x.qcow2", "qcow2", ()), ("x.vmdk", "vmdk", ()), ("x.vmdk", "vmdk", ("-o", "subformat=streamOptimized")), ("x.vhd", "vpc", ()),
         ("x.vhd", "vpc", ("-o", "subformat=fixed,force_size")), ("x.vhdx", "vhdx", ())]


@pytest.fixture(scope="module")
def whole_disk(tmp_path_factory):
    """Of whole MiB: what every virtual disk can hold."""
    return make_disk(tmp_path_factory.mktemp("source") / "disk", 8 * MIB, seed=8)


@pytest.mark.parametrize("name, kind, options", KINDS, ids=[f"{kind} {' '.join(options)}" for _, kind, options in KINDS])
def test_disks_of_virtual_machines(whole_disk, kanshiki, tmp_path, name, kind, options):
    image = tmp_path / name
    if kind == "vpc" and not options:
        options = ("-o", "force_size")
    subprocess.run(["qemu-img", "convert", "-O", kind, *options, whole_disk, image], check=True, capture_output=True)
    kanshiki("convert", image, "-o", tmp_path / "new.img").expect(0)
    assert (tmp_path / "new.img").read_bytes() == whole_disk.read_bytes()
    assert f"{8 * MIB} bytes" in kanshiki("info", image).expect(0).stdout


@pytest.mark.parametrize("make", [
    ["qemu-img", "create", "-f", "qcow2", "-b", "/etc/shadow", "-F", "raw", "x.qcow2"],
    ["qemu-img", "create", "-f", "qcow2", "-o", "data_file=secret,data_file_raw=on", "x.qcow2", "1M"],
    ["qemu-img", "create", "-f", "vmdk", "-o", "subformat=monolithicFlat", "x.vmdk", "1M"],
    ["qemu-img", "create", "-f", "vmdk", "-b", "base.vmdk", "-F", "vmdk", "x.vmdk"],
], ids=["qcow2 backing file", "qcow2 data file", "vmdk extent", "vmdk parent"])
def test_other_files_are_never_opened(kanshiki, tmp_path, make):
    subprocess.run(["qemu-img", "create", "-f", "vmdk", "base.vmdk", "1M"], cwd=tmp_path, check=True, capture_output=True)
    subprocess.run(make, cwd=tmp_path, check=True, capture_output=True)
    (image,) = [path for path in tmp_path.glob("x.*")]
    done = kanshiki("convert", image, "-o", tmp_path / "out/new.img", wrapper=["strace", "-f", "-qq", "-e", "trace=openat,open", "-o", tmp_path / "trace"]).expect(11)
    assert "not opened" in done.stderr
    opened = (tmp_path / "trace").read_text()
    assert f'{image.name}"' in opened
    assert not any(name in opened for name in ("/etc/shadow", 'secret"', '-flat.vmdk"', 'base.vmdk"'))
