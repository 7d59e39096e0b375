"""The snapshot: the one given, or one made of the volume given, exactly once. It is never deleted."""

from . import calls
from .aws import AnswerLost, AwsError
from .failure import Failure, LOST, REFUSED, printable
from .waiting import OutOfTime, wait_for

SETTLE = 60.0  # AWS may not show for some seconds what it has just made
LOOKS = 3


class Snapshot:
    def __init__(self, investigation):
        self._on = investigation

    def secure(self):
        """Leaves the completed snapshot's facts in the state."""
        state, request = self._on.state, self._on.request
        if state.get("snapshot", {}).get("completed"):
            return
        if "snapshot" not in state and request["volume"]:
            self._on.check_space(self._source_size(request["volume"]))
            state.save(snapshot={"id": self._make(), "ours": True})
        elif "snapshot" not in state:
            state.save(snapshot={"id": request["snapshot"], "ours": False})
        self._wait(state["snapshot"])

    def _source_size(self, volume):
        answer = self._on.aws(calls.describe_volume(volume))
        found = answer["Volumes"][0]
        self._on.log.append("source", volume=volume, size_gib=found["Size"], state=found["State"],
                            encrypted=found.get("Encrypted"), attachments=found.get("Attachments", []))
        return found["Size"]

    def _make(self):
        """CreateSnapshot takes no client token: what an interrupted run made is looked for by our run's tag first."""
        state, request, run = self._on.state, self._on.request, self._on.state["run"]
        for _ in range(LOOKS):
            made = self._find(30.0 if state.get("snapshot_asked") else 0.0)
            if made:
                self._on.log.append("snapshot_found_again", snapshot=made)
                return made
            state.save(snapshot_asked=True)
            self._on.say(f"making a snapshot of {request['volume']}")
            try:
                return self._on.aws(calls.create_snapshot(request, run), once=True)["SnapshotId"]
            except AnswerLost as lost:
                why = str(lost)
        raise Failure(LOST, f"ec2:CreateSnapshot of {request['volume']}: no answer {LOOKS} times: {why}; run again")

    def _find(self, limit):
        def look():
            answer = self._on.aws(calls.our_snapshots(self._on.request, self._on.state["run"]))
            return [found["SnapshotId"] for found in answer["Snapshots"]] or None

        try:
            found = wait_for(self._on.outside.clock, look, limit)
        except OutOfTime:
            return None
        if len(found) > 1:
            raise Failure(REFUSED, f"{' and '.join(found)} both carry this run's tag: use --snapshot with one of them")
        return found[0]

    def _wait(self, known):
        state, snapshot, seen = self._on.state, known["id"], [None]
        made_at = self._on.outside.clock.monotonic()

        def look():
            call = calls.describe_snapshot(snapshot)
            try:
                answer = self._on.aws(call, quiet=True)
            except AwsError as error:
                new = known["ours"] and self._on.outside.clock.monotonic() - made_at < SETTLE
                if error.error == "InvalidSnapshot.NotFound" and new:
                    return None
                raise
            found = answer["Snapshots"][0]
            if (found["State"], found.get("Progress")) != seen[0]:
                seen[0] = (found["State"], found.get("Progress"))
                self._on.aws.note("ec2:DescribeSnapshots", call[2], answer)
                self._on.say(f"{snapshot}: {printable(found['State'])} {printable(found.get('Progress') or '')}")
            return self._judge(snapshot, found)

        try:
            found = wait_for(self._on.outside.clock, look, self._on.options.snapshot_limit, longest=30.0)
        except OutOfTime:
            raise Failure(LOST, f"{snapshot}: not completed after {self._on.options.snapshot_limit:.0f} s; "
                                "run again to go on waiting") from None
        if not known["ours"]:
            self._on.check_space(found["VolumeSize"])
        state.save(snapshot={**known, "completed": True, "size_gib": found["VolumeSize"], "owner": found.get("OwnerId"),
                             "encrypted": bool(found.get("Encrypted")), "key": found.get("KmsKeyId")})

    @staticmethod
    def _judge(snapshot, found):
        if found["State"] == "error":
            raise Failure(REFUSED, f"{snapshot}: in state error: {printable(found.get('StateMessage') or 'AWS gives no reason')}; "
                                   "it holds no usable data: make another")
        if found["State"] in ("recoverable", "recovering"):
            raise Failure(REFUSED, f"{snapshot}: in the Recycle Bin: restore it first")
        if found.get("StorageTier") == "archive":
            raise Failure(REFUSED, f"{snapshot}: archived: restore it to the standard tier first (it takes up to days)")
        return found if found["State"] == "completed" else None
