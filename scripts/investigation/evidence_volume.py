"""The volume made from the snapshot: created, attached, found, protected, and in the end deleted, if it is ours."""

import os
import re

from . import calls
from .aws import AwsError
from .failure import Failure, INTERRUPTED, LOST, REFUSED, printable
from .waiting import OutOfTime, wait_for

SETTLE = 60.0
AVAILABLE_LIMIT, ATTACH_LIMIT, DEVICE_LIMIT, DETACH_LIMIT, DELETE_LIMIT = 900.0, 600.0, 120.0, 900.0, 600.0
GIB = 1 << 30


class EvidenceVolume:
    def __init__(self, investigation):
        self._on = investigation

    def create(self):
        state = self._on.state
        known = state.get("new_volume")
        if known and known.get("seen") and self._look(known["id"]) is None:
            self._on.log.append("volume_gone", volume=known["id"])
            self._forget()
        if not state.get("new_volume"):
            self._refuse_a_foreign_partial()
            state.save(new_volume={"id": self._find_or_make()})
        volume = state["new_volume"]["id"]
        self._on.say(f"{volume}: waiting until it is available")
        missing_from = self._on.outside.clock.monotonic()

        def available():
            found = self._look(volume)
            missing = found is None and self._on.outside.clock.monotonic() - missing_from >= SETTLE
            if missing or (found and found["State"] in ("error", "deleting", "deleted")):
                self._failed(volume, found)
            return found if found and found["State"] in ("available", "in-use") else None

        try:
            found = wait_for(self._on.outside.clock, available, AVAILABLE_LIMIT)
        except OutOfTime:
            raise Failure(LOST, f"{volume}: not available after {AVAILABLE_LIMIT:.0f} s{self._about_keys()}; run again") from None
        self._must_be_ours(found)
        self._on.log.append("volume_available", volume=volume, zone=found.get("AvailabilityZone"), size_gib=found.get("Size"),
                            volume_type=found.get("VolumeType"), encrypted=found.get("Encrypted"))
        state.save(new_volume={"id": volume, "seen": True})

    def attach(self):
        volume, instance = self._on.state["new_volume"]["id"], self._on.state["place"]["instance"]
        asked = False

        def attached():
            nonlocal asked
            attachment = self._attachment(self._look(volume))
            if attachment and attachment["State"] == "attached":
                return attachment
            if not attachment and not asked:
                self._ask_to_attach(volume, instance)
            # An interrupted run may have left it detaching: then it is asked for once that is over.
            asked = not (attachment and attachment["State"] == "detaching")
            return None

        try:
            attachment = wait_for(self._on.outside.clock, attached, ATTACH_LIMIT)
        except OutOfTime:
            raise Failure(LOST, f"{volume}: not attached to {instance} after {ATTACH_LIMIT:.0f} s; run again") from None
        self._on.log.append("volume_attached", volume=volume, instance=instance, name_asked_for=attachment.get("Device"))

    def device(self):
        """The attached disk, protected. By its serial: the name it was attached under says nothing about it."""
        devices, volume, given = self._on.outside.devices, self._on.state["new_volume"]["id"], self._on.options.device

        def there():
            return (given if os.path.exists(given) else None) if given else devices.find(volume)

        try:
            device = wait_for(self._on.outside.clock, there, DEVICE_LIMIT, longest=2.0)
        except OutOfTime:
            what = f"{given} did not appear" if given else f"no NVMe disk with serial {volume.replace('-', '')}"
            raise Failure(REFUSED, f"{volume}: attached, but {what} within {DEVICE_LIMIT:.0f} s; "
                                   "look with lsblk -o NAME,SERIAL") from None
        serial = devices.serial(device)
        if serial and serial != volume.replace("-", ""):
            raise Failure(REFUSED, f"{device}: its NVMe serial is {printable(serial)}: it is not {volume}; nothing was read")
        size, wanted = devices.size(device), self._on.state["snapshot"]["size_gib"] * GIB
        if size != wanted:
            raise Failure(REFUSED, f"{device}: {size} bytes, but {volume} has {wanted}: not the same disk; nothing was read")
        protected = devices.protect(device)
        self._on.log.append("device", volume=volume, device=device, size=size, read_only=protected,
                            known_by="NVMe serial" if serial else "operator (--device)")
        self._on.say(f"{volume} is {device}, set read-only")
        return device

    def delete(self):
        """Detaches and deletes the volume made here; its id. Anything without our run's tag is left alone."""
        volume, clock = self._on.state["new_volume"]["id"], self._on.outside.clock
        found = self._look(volume)
        if not self._going(found):
            self._detach(volume, found)
            self._on.say(f"deleting {volume}")
            try:
                self._on.aws(calls.delete_volume(volume))
            except AwsError:
                if not self._going(self._look(volume)):
                    raise  # else an answer was lost, the call was not
        try:
            wait_for(clock, lambda: self._gone(self._look(volume)), DELETE_LIMIT)
        except OutOfTime:
            raise Failure(LOST, f"{volume}: still there {DELETE_LIMIT:.0f} s after it was deleted") from None
        self._on.log.append("volume_deleted", volume=volume)
        self._forget()
        return volume

    def _refuse_a_foreign_partial(self):
        partial = calls.image_path(self._on.folder) + ".partial"
        if os.path.exists(partial):
            raise Failure(REFUSED, f"{partial}: begun from a volume that is gone; an image cannot go on from another one: "
                                   "use a new folder with --snapshot " + self._on.state["snapshot"]["id"])

    def _find_or_make(self):
        state, request = self._on.state, self._on.request
        found = [v["VolumeId"] for v in self._on.aws(calls.our_volumes(state["run"]))["Volumes"]
                 if v["VolumeId"] not in state.get("past_volumes", [])]
        if len(found) > 1:
            raise Failure(REFUSED, f"{' and '.join(found)} both carry this run's tag: delete the needless one by hand")
        if found:
            self._on.log.append("volume_found_again", volume=found[0])
            return found[0]
        snapshot, zone = state["snapshot"]["id"], state["place"]["zone"]
        self._on.say(f"making a volume of {snapshot} in {zone}")
        try:
            return self._on.aws(calls.create_volume(request, state["run"], state["volume_number"], snapshot, zone))["VolumeId"]
        except AwsError as error:
            raise Failure(error.code, f"{error}{self._about_keys()}") from None

    def _failed(self, volume, found):
        """AWS checks the key only after it has answered: a volume it may not decrypt goes to error, or vanishes."""
        left = ""
        if found and found["State"] == "error":
            try:
                self.delete()
            except Failure as error:
                if error.code == INTERRUPTED:
                    raise
                left = f"; it is left behind: {error}"
        else:
            self._forget()
        became = "went to state error" if found else "vanished after it was made"
        why = self._about_keys() or "; AWS gives no reason; run again for a new one"
        raise Failure(REFUSED, f"{volume}: {became}{why}{left}")

    def _forget(self):
        state = self._on.state
        past = state.get("past_volumes", []) + [state["new_volume"]["id"]]
        state.save(new_volume=None, past_volumes=past, volume_number=state["volume_number"] + 1)

    def _about_keys(self):
        snapshot = self._on.state["snapshot"]
        if not snapshot["encrypted"]:
            return ""
        key, owner = printable(snapshot["key"] or "a key AWS does not name"), printable(snapshot["owner"])
        if snapshot["owner"] == self._on.state["account"]:
            return f"; {snapshot['id']} is encrypted under {key}: this identity needs the right to use it (docs/investigate.md)"
        return (f"; {snapshot['id']} is encrypted under {key} of account {owner}: a default key (aws/ebs) works only in its own "
                "account: copy the snapshot there under a customer key, share copy and key, and use the copy")

    def _look(self, volume):
        """The volume as AWS describes it now, None when there is none. Each answer that differs from the last is logged."""
        call = calls.describe_volume(volume)
        try:
            answer = self._on.aws(call, quiet=True)
        except AwsError as error:
            if error.error == "InvalidVolume.NotFound":
                return None
            raise
        found = answer["Volumes"][0] if answer["Volumes"] else None
        seen = found and (volume, found["State"], [a.get("State") for a in found.get("Attachments", [])])
        if seen != getattr(self, "_seen", None):
            self._seen = seen
            self._on.aws.note("ec2:DescribeVolumes", call[2], answer)
        return found

    def _attachment(self, found):
        """Its attachment to this instance, None while there is none."""
        for attachment in (found or {}).get("Attachments", []):
            if attachment["InstanceId"] != self._on.state["place"]["instance"]:
                raise Failure(REFUSED, f"{found['VolumeId']}: attached to {printable(attachment['InstanceId'])}, not to this "
                                       "instance; detach it there")
            if attachment["State"] != "detached":
                return attachment
        return None

    def _ask_to_attach(self, volume, instance):
        for name in self._names(instance):
            try:
                self._on.say(f"attaching {volume} to {instance}")
                self._on.aws(calls.attach_volume(volume, instance, name))
                return
            except AwsError as error:
                if error.error == "VolumeInUse" and self._attachment(self._look(volume)):
                    return  # an answer was lost, the call was not
                if error.error == "InvalidParameterValue" and "already in use" in str(error):
                    continue  # somebody took the name meanwhile
                raise Failure(error.code, f"{error}{self._about_keys()}") from None
        raise Failure(REFUSED, f"{instance}: all of /dev/sd[f-p] are taken: detach what is not needed, then run again")

    def _names(self, instance):
        given = self._on.options.device
        if given and os.path.exists(given):
            raise Failure(REFUSED, f"{given}: exists before the volume is attached, so it is another disk")
        if given and re.fullmatch(r"/dev/(sd|xvd)[f-p]", given):
            return [given]
        answer = self._on.aws(calls.attached_volumes(instance))
        taken = {attachment.get("Device", "")[-1:] for found in answer["Volumes"]
                 for attachment in found.get("Attachments", []) if re.fullmatch(r"/dev/(sd|xvd)[f-p]", attachment.get("Device", ""))}
        return [name for name in calls.DEVICE_NAMES if name[-1] not in taken]

    def _detach(self, volume, found):
        self._must_be_ours(found)
        attachment = self._attachment(found)
        if attachment and attachment["State"] != "detaching":
            self._on.say(f"detaching {volume}")
            try:
                self._on.aws(calls.detach_volume(volume, self._on.state["place"]["instance"]))
            except AwsError as error:
                if error.error != "IncorrectState":  # it is detached already
                    raise

        def detached():
            now = self._look(volume)
            if now is None or now["State"] in ("available", "error"):
                return now or {}
            return None

        try:
            now = wait_for(self._on.outside.clock, detached, DETACH_LIMIT)
        except OutOfTime:
            raise Failure(LOST, f"{volume}: not detached after {DETACH_LIMIT:.0f} s: is something of it mounted?") from None
        if now:
            self._must_be_ours(now)

    def _must_be_ours(self, found):
        state = self._on.state
        run = {tag["Key"]: tag["Value"] for tag in found.get("Tags", [])}.get("kanshiki:run")
        if run != state["run"] or found.get("SnapshotId") != state["snapshot"]["id"]:
            raise Failure(REFUSED, f"{found['VolumeId']}: not made by this investigation (tag kanshiki:run {printable(run)!r}, "
                                   f"snapshot {printable(found.get('SnapshotId'))}): left alone")

    @staticmethod
    def _going(found):
        return found is None or found["State"] in ("deleting", "deleted")

    @staticmethod
    def _gone(found):
        return True if found is None or found["State"] == "deleted" else None
