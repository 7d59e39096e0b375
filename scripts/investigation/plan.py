"""--plan: what would be done, in order, as JSON lines. It asks nobody anything; what is known only later stands in <…>."""

import json

from . import calls, metadata


def steps(request, folder, kanshiki, place, device, keep_volume):
    """(why, call) in the order of story.py; a call is (service, operation, parameters) or an argv."""
    run, volume, target = "<run>", "<new volume>", device or "<device with the new volume's NVMe serial>"
    snapshot = request["snapshot"] or "<new snapshot>"
    instance = place["instance"] or "<this instance>"
    if not all(place.values()):
        yield "this instance, its zone and region", ("imds", "get", {"Url": metadata.ENDPOINT + metadata.DOCUMENT})
    yield "who acts", calls.caller_identity()
    if request["volume"]:
        yield "size of the volume", calls.describe_volume(request["volume"])
        yield "a snapshot of an interrupted run", calls.our_snapshots(request, run)
        yield "freeze the evidence", calls.create_snapshot(request, run)
    yield "until the snapshot is completed", calls.describe_snapshot(snapshot)
    yield "a volume of an interrupted run", calls.our_volumes(run)
    yield "a volume to read from", calls.create_volume(request, run, 1, snapshot, place["zone"] or "<this zone>")
    yield "until the volume is available", calls.describe_volume(volume)
    yield "device names in use", calls.attached_volumes(instance)
    yield "attach it here", calls.attach_volume(volume, instance, "<first free of /dev/sd[f-p]>")
    yield "until the volume is attached", calls.describe_volume(volume)
    yield "protect it", calls.set_read_only(target)
    yield "check the protection", calls.get_read_only(target)
    yield "image", calls.acquire(kanshiki, request, folder, target)
    yield "proof", calls.verify(kanshiki, folder, "<root>")
    yield "first look", calls.triage(kanshiki, folder)
    if keep_volume:
        return
    yield "check by its tags that the volume is ours", calls.describe_volume(volume)
    yield "take it off", calls.detach_volume(volume, instance)
    yield "until it is detached; check the tags again", calls.describe_volume(volume)
    yield "delete the volume made here; the snapshot stays", calls.delete_volume(volume)
    yield "until the volume is gone", calls.describe_volume(volume)


def print_plan(out, *what):
    for number, (why, call) in enumerate(steps(*what), 1):
        if isinstance(call, tuple):
            line = {"step": number, "why": why, "call": f"{call[0]}.{call[1]}", "parameters": call[2]}
        else:
            line = {"step": number, "why": why, "run": call}
        print(json.dumps(line, ensure_ascii=False), file=out)
