"""What is asked of AWS and of kanshiki, parameter by parameter. No network here: --plan prints just these."""

import os

DEVICE_NAMES = tuple("/dev/sd" + letter for letter in "fghijklmnop")  # what AWS recommends for data volumes


def tags(request, run):
    source = request["volume"] or request["snapshot"]
    name = f"kanshiki case {request['case']} {source}"
    values = {"kanshiki:case": request["case"], "kanshiki:run": run, "kanshiki:source": source, "Name": name[:256]}
    return [{"Key": key, "Value": value} for key, value in values.items()]


def run_filter(run):
    return {"Name": "tag:kanshiki:run", "Values": [run]}


def caller_identity():
    return "sts", "get_caller_identity", {}


def describe_volume(volume):
    return "ec2", "describe_volumes", {"VolumeIds": [volume]}


def describe_snapshot(snapshot):
    return "ec2", "describe_snapshots", {"SnapshotIds": [snapshot]}


def our_snapshots(request, run):
    return "ec2", "describe_snapshots", {
        "OwnerIds": ["self"],
        "Filters": [run_filter(run), {"Name": "volume-id", "Values": [request["volume"]]}],
    }


def create_snapshot(request, run):
    return "ec2", "create_snapshot", {
        "VolumeId": request["volume"],
        "Description": f"kanshiki case {request['case']} of {request['volume']}"[:255],
        "TagSpecifications": [{"ResourceType": "snapshot", "Tags": tags(request, run)}],
    }


def our_volumes(run):
    states = ["creating", "available", "in-use", "error"]
    return "ec2", "describe_volumes", {"Filters": [run_filter(run), {"Name": "status", "Values": states}]}


def create_volume(request, run, number, snapshot, zone):
    parameters = {
        "SnapshotId": snapshot,
        "AvailabilityZone": zone,
        "VolumeType": request["volume_type"],
        # The same token gives the same volume, so an answer that was lost costs nothing.
        "ClientToken": f"kanshiki-{run}-volume-{number}",
        "TagSpecifications": [{"ResourceType": "volume", "Tags": tags(request, run)}],
    }
    for option, parameter in (("iops", "Iops"), ("throughput", "Throughput")):
        if request[option] is not None:
            parameters[parameter] = request[option]
    return "ec2", "create_volume", parameters


def attached_volumes(instance):
    return "ec2", "describe_volumes", {"Filters": [{"Name": "attachment.instance-id", "Values": [instance]}]}


def attach_volume(volume, instance, name):
    return "ec2", "attach_volume", {"VolumeId": volume, "InstanceId": instance, "Device": name}


def detach_volume(volume, instance):
    return "ec2", "detach_volume", {"VolumeId": volume, "InstanceId": instance}


def delete_volume(volume):
    return "ec2", "delete_volume", {"VolumeId": volume}


def image_path(folder):
    return os.path.join(folder, "disk.img.zst")


def acquire(kanshiki, request, folder, device):
    custody = [part for name in ("case", "evidence", "examiner", "authority", "note") if request[name]
               for part in ("--" + name, request[name])]
    return [kanshiki, "acquire", device, "-o", image_path(folder), *custody, "--resume", "--json"]


def verify(kanshiki, folder, root):
    expected = ["--expect-root", root] if root else []
    return [kanshiki, "verify", image_path(folder), *expected, "--json"]


def triage(kanshiki, folder, again=False):
    return [kanshiki, "triage", image_path(folder), "-o", os.path.join(folder, "triage"), "--json",
            *(["--force"] if again else [])]


def set_read_only(device):
    return ["blockdev", "--setro", device]


def get_read_only(device):
    return ["blockdev", "--getro", device]
