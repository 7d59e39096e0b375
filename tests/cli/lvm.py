"""Volume groups made by LVM2's own tools, without device-mapper: the metadata is theirs, and what lies where is asked of
lvs and computed here, independently of kanshiki."""

import contextlib
import json
import os
import subprocess
from pathlib import Path

from volumes import run

CONFIG = """devices {{ dir="/dev" scan=["/dev"] filter=[{filter}"r|.*|"] use_devicesfile=0 obtain_device_list_from_udev=0
  external_device_info_source="none" sysfs_scan=0 md_component_detection=0 }}
global {{ activation=0 use_lvmpolld=0 locking_dir="{folder}" event_activation=0 }}
backup {{ backup=0 archive=0 }}
activation {{ monitoring=0 udev_sync=0 udev_rules=0 }}
"""


class Lvm:
    def __init__(self, folder: Path, devices: list):
        self.folder, self.devices = folder, devices
        filters = "".join(f'"a|^{device}$|",' for device in devices)
        (folder / "lvm.conf").write_text(CONFIG.format(filter=filters, folder=folder))
        self.environment = dict(os.environ, LVM_SYSTEM_DIR=str(folder), LVM_SUPPRESS_FD_WARNINGS="1")

    def __call__(self, *command) -> str:
        return run(*command, env=self.environment)

    def create(self, name: str, *options) -> None:
        """A logical volume, not activated: there is nothing here that could."""
        self("lvcreate", "-an", "-Zn", "-Wn", "-y", "-n", name, *options)

    def report(self, command: str, fields: str, *options) -> list:
        text = self(command, "--reportformat", "json", "--units", "b", "--nosuffix", "-o", fields, *options)
        return next(iter(json.loads(text)["report"][0].items()))[1]

    def pieces(self, volume: str) -> list:
        """(offset in the volume, device, offset on it, size), as lvs tells the segments."""
        extent = int(self.report("vgs", "vg_extent_size")[0]["vg_extent_size"])
        starts = {each["pv_name"]: int(each["pe_start"]) for each in self.report("pvs", "pv_name,pe_start")}
        out = []
        for segment in self.report("lvs", "seg_start,seg_size,stripes,stripe_size,devices", "--segments", volume):
            start, size, stripes = (int(segment[key]) for key in ("seg_start", "seg_size", "stripes"))
            stripe = int(segment["stripe_size"]) or size
            places = []
            for device in segment["devices"].split(","):
                name, first = device.rstrip(")").split("(")
                places.append((name, starts[name] + int(first) * extent))
            assert len(places) == stripes
            for index in range(size // stripe):
                name, base = places[index % stripes]
                out.append((start + index * stripe, name, base + index // stripes * stripe, stripe))
        return out

    def write(self, volume: str, content: Path) -> None:
        """The file's bytes to where the volume keeps them."""
        with open(content, "rb") as file, contextlib.ExitStack() as stack:
            disks = {name: stack.enter_context(open(name, "r+b")) for name in self.devices}
            for offset, device, at, size in self.pieces(volume):
                file.seek(offset)
                disks[device].seek(at)
                disks[device].write(file.read(size))

    def text(self, group: str) -> str:
        """The group's metadata as vgcfgbackup writes it."""
        self("vgcfgbackup", "-f", self.folder / "backup", group)
        return (self.folder / "backup").read_text()

    def restore(self, group: str, text: str) -> None:
        (self.folder / "edited").write_text(text)
        self("vgcfgrestore", "--force", "-f", self.folder / "edited", group)


@contextlib.contextmanager
def lvm_on(folder: Path, *places):
    """LVM over (file, offset, size) or whole files, each as a loop device."""
    devices = []
    try:
        for place in places:
            file, *window = place if isinstance(place, tuple) else (place,)
            options = ["--offset", window[0], "--sizelimit", window[1]] if window else []
            devices.append(run("losetup", "--show", "--find", *options, file).strip())
            run("blockdev", "--setrw", devices[-1])
        folder.mkdir(exist_ok=True)
        yield Lvm(folder, devices)
    finally:
        for device in devices:
            subprocess.run(["blockdev", "--flushbufs", device], check=False)
            run("losetup", "--detach", device)
