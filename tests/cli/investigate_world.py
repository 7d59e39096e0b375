"""A small EC2 to test scripts/investigate against. Every request and every answer goes through botocore's own
serializer and Stubber, so both are checked against AWS's models; what it models is EC2's states and delays."""

import datetime
import functools
import hashlib
import io
import json
import os
import re
import sys
from pathlib import Path

import boto3
from botocore.stub import Stubber

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "scripts"))

from investigation import command, custody, device, state, waiting  # noqa: E402 (needs the path above)

VOLUME, SNAPSHOT, INSTANCE, ZONE, REGION = "vol-0aaaaaaaaaaaaaaa1", "snap-0bbbbbbbbbbbbbbb1", "i-0ccccccccccccccc1", "eu-west-1b", "eu-west-1"
ACCOUNT, ARN = "123456789012", "arn:aws:sts::123456789012:assumed-role/responder/i-0ccccccccccccccc1"
WHEN = datetime.datetime(2026, 1, 2, 3, 4, 5, tzinfo=datetime.timezone.utc)
DIGEST = "ab" * 32


class Killed(BaseException):
    """kill -9: nothing of the program's own may catch it."""


class Clock:
    """Time passes only by sleeping."""

    def __init__(self):
        self.passed, self.signal, self.hurry, self.read_end = 0.0, None, True, -1

    def now(self):
        return WHEN + datetime.timedelta(seconds=self.passed)

    def monotonic(self):
        return self.passed

    def sleep(self, seconds):
        self.check()
        self.passed += seconds

    def check(self):
        if self.signal is not None:
            from investigation.failure import Interrupted

            raise Interrupted("interrupted by a test")


class HurriedClock(waiting.Clock):
    """The real clock, signals and all, except that sleeping takes no time."""

    skipped = 0.0

    def monotonic(self):
        return super().monotonic() + self.skipped

    def sleep(self, seconds):
        self.check()
        self.skipped += seconds


@functools.lru_cache(maxsize=None)
def real_client(service):
    session = boto3.session.Session(aws_access_key_id="A", aws_secret_access_key="S", aws_session_token="T")
    return session.client(service, region_name=REGION)


class Refusal(Exception):
    """An answer of AWS that is an error."""

    def __init__(self, code, message="no", status=400):
        self.code, self.message, self.status = code, message, status


class World:
    """The account, the host and kanshiki. Its methods named as operations are AWS."""

    def __init__(self, folder, size_gib=1):
        self.folder, self.size_gib = Path(folder), size_gib
        self.clock, self.history, self.ran, self.made = Clock(), [], [], {"snapshot": [], "volume": []}
        self.volumes, self.snapshots, self.tokens, self.faults = {}, {}, {}, {}
        self.deleted, self.request_ids, self.ticks, self.die_at = [], 0, [], None
        self.statuses = {"acquire": 0, "verify": 0, "triage": 0}
        self.free, self.volume_fate, self.root_user, self.tools = 1 << 40, None, True, []
        self.volumes[VOLUME] = self._volume(VOLUME, "in-use", "", "/dev/xvda", "i-0ddddddddddddddd9", [])
        root = self._volume("vol-0eeeeeeeeeeeeeee2", "in-use", "", "/dev/xvda", INSTANCE, [])
        taken = self._volume("vol-0eeeeeeeeeeeeeee3", "in-use", "", "/dev/sdf", INSTANCE, [])
        self.volumes.update({v["VolumeId"]: v for v in (root, taken)})
        self.snapshots[SNAPSHOT] = self._snapshot(SNAPSHOT, VOLUME, [], ACCOUNT)
        self.snapshots[SNAPSHOT].update(State="completed", Progress="100%")
        binary = self.folder / "kanshiki"
        self.folder.mkdir(exist_ok=True)
        binary.write_text("kanshiki")
        binary.chmod(0o755)
        self.kanshiki = str(binary)
        self.sys, self.dev = self.folder / "sys", self.folder / "dev"
        self.dev.mkdir(parents=True)
        # Decoys: the root volume, the volume under the name we ask for, an instance store.
        for name, serial in (("nvme0n1", "vol0eeeeeeeeeeeeeee2"), ("nvme1n1", "vol0eeeeeeeeeeeeeee3"),
                             ("nvme2n1", "AWS1A2B3C4D5E6F7A8B9")):
            self.show_disk(name, serial)

    # The program under test, run in this process.

    def run(self, *arguments, place=True):
        out, err = io.StringIO(), io.StringIO()
        self.out = None
        where = ("--instance", INSTANCE, "--zone", ZONE, "--region", REGION) if place else ()
        argv = [*arguments, *where, "--case", "42", "-o", str(self.output), "--kanshiki", self.kanshiki, "--json"]
        status = command.main(argv, self.outside(), out, err)
        self.err = err.getvalue()
        if out.getvalue():
            self.out = json.loads(out.getvalue())
        return status

    def outside(self):
        self.devices = device.Devices(self.run_tool, str(self.sys), str(self.dev))
        return command.Outside(
            clock=self.clock, clients=self.client, this_instance=self.this_instance, devices=self.devices,
            run_child=self.run_child, run_tool=self.run_tool, free_space=lambda _: self.free, jitter=lambda: 1.0,
            is_root=lambda: self.root_user)

    @property
    def output(self):
        return self.folder / "out"

    def this_instance(self, _clock):
        return {"instance": INSTANCE, "zone": ZONE, "region": REGION}

    def tick(self, label):
        """A point where a kill may come."""
        self.ticks.append(label)
        if len(self.ticks) - 1 == self.die_at:
            raise Killed(label)

    def watch_files(self, monkeypatch):
        """Makes every line of the log and every save of the state a point where a kill may come, before and after."""
        # A kill loses nothing that was written, flushed or not; flushing is what would take most of the time.
        monkeypatch.setattr(os, "fsync", lambda fd: None)
        monkeypatch.setattr(os, "fdatasync", lambda fd: None)
        for owner, name in ((custody.CustodyLog, "append"), (state.State, "save")):
            def around(self_, *arguments, _real=getattr(owner, name), _name=name, **named):
                self.tick(f"before {_name}")
                _real(self_, *arguments, **named)
                self.tick(f"after {_name}")
            monkeypatch.setattr(owner, name, around)

    # The host.

    def show_disk(self, name, serial, size_gib=None, number="259:7"):
        folder = self.sys / "block" / name
        (folder / "device").mkdir(parents=True, exist_ok=True)
        (folder / "device" / "serial").write_text(f"{serial:<20}\n")
        (folder / "dev").write_text(number + "\n")
        (folder / "size").write_text(f"{(size_gib or self.size_gib) << 21}\n")

    def appear(self, volume):
        """The kernel shows the attached volume, under a name that has nothing to do with the one asked for."""
        self.show_disk("nvme5n1", volume.replace("-", ""), number="1:3")
        node = self.dev / "nvme5n1"
        if not node.exists():
            os.mknod(node, 0o600 | 0o060000, os.makedev(1, 3))  # never opened

    def run_tool(self, argv, _limit):
        self.tools.append(argv)
        return 0, "1" if argv[1] == "--getro" else "kanshiki 0.1.0" if argv[1] == "--version" else ""

    def run_child(self, argv, stdout, _limit):
        """kanshiki, as far as its command line and its files go."""
        step = argv[1]
        self.ran.append(argv)
        self.tick(f"before {step}")
        status = self.statuses[step]
        image = self.output / "disk.img.zst"
        answer = {}
        if step == "acquire":
            assert not image.exists(), "acquire of a finished image"
            partial = Path(str(image) + ".partial")
            partial.write_text(argv[2])
            self.tick("within acquire")
            answer = {"image": str(image), "size": self.size_gib << 30, "root": DIGEST, "digests": {"sha256": DIGEST},
                      "unreadable_bytes": 512 if status == 4 else 0, "exit": status}
            if status in (0, 4):
                partial.rename(image)
        elif step == "verify":
            answer = {"verdict": "authentic" if "--expect-root" in argv else "consistent only", "exit": status}
        else:
            assert "--force" in argv or not (self.output / "triage").exists(), "triage into a folder that exists"
            (self.output / "triage").mkdir(exist_ok=True)
        Path(stdout).write_text(json.dumps(answer))
        self.tick(f"after {step}")
        return status

    # AWS.

    def client(self, service, region):
        assert region == REGION
        return Client(self, service)

    def answer(self, service, operation, parameters):
        self.history.append((operation, parameters))
        self.request_ids += 1
        real, metadata = real_client(service), {"RequestId": f"req-{self.request_ids}", "HTTPStatusCode": 200}
        self.tick(f"before {operation}")
        fault = (self.faults.get(operation) or [None]).pop(0) if self.faults.get(operation) else None
        with Stubber(real) as stub:
            try:
                if isinstance(fault, Refusal):
                    raise fault
                if fault is not None and not getattr(fault, "after", False):
                    raise fault
                response = getattr(self, operation)(**parameters)
            except Refusal as no:
                stub.add_client_error(operation, no.code, no.message, no.status, expected_params=parameters)
            else:
                stub.add_response(operation, {**response, "ResponseMetadata": metadata}, parameters)
            self.tick(f"after {operation}")
            if fault is not None and getattr(fault, "after", False):
                raise fault
            return getattr(real, operation)(**parameters)

    def get_caller_identity(self):
        return {"Account": ACCOUNT, "Arn": ARN, "UserId": "AROA:responder"}

    def describe_snapshots(self, SnapshotIds=None, OwnerIds=None, Filters=None):
        if SnapshotIds:
            found = [self.snapshots.get(s) for s in SnapshotIds]
            if None in found:
                raise Refusal("InvalidSnapshot.NotFound", f"The snapshot '{SnapshotIds[0]}' does not exist.")
            for one in found:
                if one["State"] == "pending":  # half at the first look, whole at the second
                    done = one["Progress"] == "50%"
                    one.update(State="completed" if done else "pending", Progress="100%" if done else "50%")
            return {"Snapshots": [dict(one) for one in found]}
        assert OwnerIds == ["self"]
        return {"Snapshots": [s for s in self.snapshots.values() if matches(s, Filters) and self.visible(s["SnapshotId"])]}

    def visible(self, what):
        """Lists lag behind: what was made shows at the second look."""
        self.looks = getattr(self, "looks", {})
        self.looks[what] = self.looks.get(what, 0) + 1
        return self.looks[what] > 1

    def create_snapshot(self, VolumeId, Description, TagSpecifications):
        if VolumeId not in self.volumes:
            raise Refusal("InvalidVolume.NotFound", f"The volume '{VolumeId}' does not exist.")
        assert TagSpecifications[0]["ResourceType"] == "snapshot"
        new = f"snap-0fffffffffffffff{len(self.made['snapshot']) + 1}"
        self.made["snapshot"].append(new)
        self.snapshots[new] = self._snapshot(new, VolumeId, TagSpecifications[0]["Tags"], ACCOUNT)
        return dict(self.snapshots[new])

    def create_volume(self, SnapshotId, AvailabilityZone, VolumeType, ClientToken, TagSpecifications, **_):
        given = (SnapshotId, AvailabilityZone, VolumeType)
        if ClientToken in self.tokens:
            volume, before = self.tokens[ClientToken]
            if before != given:
                raise Refusal("IdempotentParameterMismatch")
            return self.plain(self.volumes[volume])
        new = f"vol-0fffffffffffffff{len(self.made['volume']) + 1}"
        self.made["volume"].append(new)
        self.volumes[new] = self._volume(new, "creating", SnapshotId, None, None, TagSpecifications[0]["Tags"])
        self.tokens[ClientToken] = (new, given)
        return self.plain(self.volumes[new])

    def describe_volumes(self, VolumeIds=None, Filters=None):
        if not VolumeIds:
            return {"Volumes": [self.plain(v) for v in self.volumes.values() if matches(v, Filters)]}
        volume = self.volumes.get(VolumeIds[0])
        if volume is None:
            raise Refusal("InvalidVolume.NotFound", f"The volume '{VolumeIds[0]}' does not exist.")
        shown = self.plain(volume)
        self._pass_time(volume)
        return {"Volumes": [shown]}

    def _pass_time(self, volume):
        """Each look sees the state; the one after it sees the next."""
        attachment = volume["Attachments"][0] if volume["Attachments"] else None
        if volume["State"] == "creating":
            if self.volume_fate == "vanish":
                del self.volumes[volume["VolumeId"]]
            volume["State"] = "error" if self.volume_fate == "error" else "available"
        elif volume["State"] == "deleting":
            del self.volumes[volume["VolumeId"]]
            self.deleted.append(volume["VolumeId"])
        elif attachment and attachment["State"] == "attaching":
            attachment["State"] = "attached"
            self.appear(volume["VolumeId"])
        elif attachment and attachment["State"] == "detaching":
            volume.update(State="available", Attachments=[])

    def attach_volume(self, VolumeId, InstanceId, Device):
        volume = self.volumes[VolumeId]
        if volume["State"] != "available":
            raise Refusal("VolumeInUse", f"{VolumeId} is already attached to an instance")
        names = {a["Device"][-1] for v in self.volumes.values() for a in v["Attachments"] if a["InstanceId"] == InstanceId}
        if Device[-1] in names:
            raise Refusal("InvalidParameterValue", f"Invalid value '{Device}' for unixDevice. Attachment point {Device} is already in use")
        volume.update(State="in-use", Attachments=[attachment(VolumeId, Device, InstanceId, "attaching")])
        return dict(volume["Attachments"][0])

    def detach_volume(self, VolumeId, InstanceId):
        volume = self.volumes[VolumeId]
        if volume["State"] != "in-use" or volume["Attachments"][0]["InstanceId"] != InstanceId:
            raise Refusal("IncorrectState", f"Volume '{VolumeId}' is in the 'available' state.")
        volume["Attachments"][0]["State"] = "detaching"
        return dict(volume["Attachments"][0])

    def delete_volume(self, VolumeId):
        assert VolumeId in self.made["volume"], f"deleted a foreign volume: {VolumeId}"
        volume = self.volumes[VolumeId]
        if volume["State"] == "deleting":
            raise Refusal("IncorrectState", f"Volume {VolumeId} is being deleted")
        if volume["State"] not in ("available", "error"):
            raise Refusal("VolumeInUse", f"Volume {VolumeId} is currently attached")
        volume["State"] = "deleting"
        return {}

    def _snapshot(self, snapshot, volume, tags, owner):
        return {"SnapshotId": snapshot, "VolumeId": volume, "State": "pending", "Progress": "0%", "VolumeSize": self.size_gib,
                "OwnerId": owner, "Encrypted": False, "StartTime": WHEN, "Tags": tags, "StorageTier": "standard"}

    def _volume(self, volume, now, snapshot, name, instance, tags):
        attachments = [attachment(volume, name, instance, "attached")] if instance else []
        return {"VolumeId": volume, "State": now, "Size": self.size_gib, "SnapshotId": snapshot, "Encrypted": False,
                "AvailabilityZone": ZONE, "VolumeType": "gp3", "Attachments": attachments, "Tags": tags, "CreateTime": WHEN}

    @staticmethod
    def plain(volume):
        return {**volume, "Attachments": [dict(a) for a in volume["Attachments"]]}

    # What a test asks afterwards.

    def operations(self, of=None):
        return [name for name, _ in self.history if of is None or name in of]

    def log(self):
        return check_chain(self.output / "investigation.log.jsonl")


class Client:
    def __init__(self, world, service):
        self._world, self._service, self.meta = world, service, real_client(service).meta

    def __getattr__(self, operation):
        return lambda **parameters: self._world.answer(self._service, operation, parameters)


def attachment(volume, name, instance, now):
    return {"VolumeId": volume, "Device": name, "InstanceId": instance, "State": now, "AttachTime": WHEN, "DeleteOnTermination": False}


def matches(thing, filters):
    for one in filters:
        tag = re.fullmatch("tag:(.*)", one["Name"])
        if tag:
            had = [t["Value"] for t in thing["Tags"] if t["Key"] == tag[1]]
        else:
            had = {"volume-id": [thing["VolumeId"]], "status": [thing["State"]],
                   "attachment.instance-id": [a["InstanceId"] for a in thing.get("Attachments", [])]}[one["Name"]]
        if not set(had) & set(one["Values"]):
            return False
    return True


def check_chain(path):
    """The entries of a custody log, its chain checked with nothing of the program's."""
    entries, before = [], "0" * 64
    data = path.read_bytes()
    assert data.endswith(b"\n")
    for number, line in enumerate(data.splitlines()):
        entry = json.loads(line)
        assert (entry["seq"], entry["prev"]) == (number, before)
        assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z", entry["time"])
        assert list(entry)[:3] == ["seq", "time", "event"] and list(entry)[-1] == "prev"
        before = hashlib.sha256(line).hexdigest()
        entries.append(entry)
    return entries
