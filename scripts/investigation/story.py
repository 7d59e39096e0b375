"""The investigation, step by step. Every step first looks whether it is done already, so a run can be run again."""

import json
import os

from . import calls
from .evidence_volume import EvidenceVolume
from .failure import (ALTERED, DESTINATION, Failure, INTERNAL, INTERRUPTED, Interrupted, LATER_STEP, LOST, OK, REFUSED,
                      UNREADABLE, USAGE, printable)
from .snapshot import Snapshot

GIB = 1 << 30
# Trying again would change nothing, so the volume is of no more use. After any other failure it stays attached:
# a new one would have another serial, and kanshiki resumes only from the same source.
HOPELESS = {USAGE, REFUSED, ALTERED, 11}
RESULT_LIMIT = 256 << 20  # of kanshiki's own JSON: an acquisition lists its unreadable ranges there
KEPT = ("image", "size", "root", "digests", "unreadable_bytes", "exit", "manifest")


class Investigation:
    def __init__(self, request, options, folder, state, log, aws, outside, say):
        self.request, self.options, self.folder, self.state = request, options, folder, state
        self.log, self.aws, self.outside, self.say = log, aws, outside, say
        self.snapshot = Snapshot(self)
        self.volume = EvidenceVolume(self)

    def run(self):
        self.identify()
        self.adopt_finished_image()
        if "acquired" not in self.state:
            self.snapshot.secure()
            self.volume.create()
            self.volume.attach()
            self.acquire(self.volume.device())
        self.verify()
        self.triage()
        self.clean_up()
        return self.result()

    def identify(self):
        who = self.aws(calls.caller_identity())
        self.state.save(account=who["Account"])
        self.log.append("identity", account=who["Account"], arn=who["Arn"], user_id=who["UserId"])

    def check_space(self, gib):
        """Before anything is created. An image is seldom larger than its volume, often far smaller: short of that, a warning."""
        free = self.outside.free_space(self.folder)
        least = (64 << 20) + gib * GIB // (512 << 10) * 32  # the chunk list and the rest beside the image
        self.log.append("space", free=free, volume=gib * GIB)
        if free < least:
            raise Failure(DESTINATION, f"{self.folder}: {free >> 20} MiB free, not enough for anything; "
                                       "make room or choose another folder")
        if free < gib * GIB:
            self.say(f"warning: {self.folder} has {free / GIB:.1f} GiB free, the volume has {gib} GiB: enough only if it "
                     "compresses that well; when full, make room and run again")

    def adopt_finished_image(self):
        """The image was finished, but we were killed before we could write that down."""
        image = calls.image_path(self.folder)
        if "acquired" in self.state or not os.path.exists(image):
            return
        if not self.state.get("acquire_asked"):
            raise Failure(USAGE, f"{image}: exists, and not from this investigation; choose another folder")
        try:
            self.acquired(self.read_result("acquire.json", "acquire"))
        except Failure:
            self.say(f"warning: the result of the finished acquisition was lost; {image} can only be checked against itself")
            self.acquired({"image": image, "root": None, "exit": OK})

    def acquire(self, device):
        self.state.save(acquire_asked=True)
        argv = calls.acquire(self.options.kanshiki, self.request, self.folder, device)
        status = self.kanshiki("acquire", argv)
        if status in (OK, UNREADABLE):
            self.acquired(self.read_result("acquire.json", "acquire"))
            self.outside.clock.check()
            return
        volume = self.state["new_volume"]["id"]
        if status == INTERRUPTED:
            raise Interrupted(f"acquisition interrupted; {volume} stays attached, so that it can go on")
        ended = f"kanshiki acquire ended with {status} (its own message is above)"
        if status not in HOPELESS:
            code = status if status in (LOST, DESTINATION) else INTERNAL
            raise Failure(code, f"{ended}; {volume} stays attached as {device}, so that it can go on")
        self.state.save(acquire_asked=False)
        raise Failure(status, f"{ended}; {self.abandon()}")

    def abandon(self):
        """Clean up after a failure that another try would not mend. In one phrase, what became of the volume."""
        if self.options.keep_volume:
            return f"{self.state['new_volume']['id']} is kept"
        try:
            return f"{self.volume.delete()} is deleted, the snapshot is kept"
        except Failure as error:
            if error.code == INTERRUPTED:
                raise
            return f"and {error}"

    def acquired(self, result):
        kept = {key: result.get(key) for key in KEPT}
        self.log.append("acquired", **kept)
        self.state.save(acquired=kept)

    def verify(self):
        if "verified" in self.state:
            return
        root = self.state["acquired"]["root"]
        status = self.kanshiki("verify", calls.verify(self.options.kanshiki, self.folder, root))
        image = calls.image_path(self.folder)
        if status == INTERRUPTED:
            raise Interrupted("interrupted while verifying; nothing is lost")
        if status == ALTERED:
            raise Failure(ALTERED, f"{image}: does not verify: see {self.folder}/verify.json; "
                                   f"{self.kept_volume()}, to acquire again into a new folder")
        if status != OK:
            raise Failure(LATER_STEP, f"{image}: acquired, but kanshiki verify ended with {status}; {self.kept_volume()}")
        verdict = self.read_result("verify.json", "verify").get("verdict")
        self.log.append("verified", root=root, verdict=verdict)
        self.state.save(verified={"verdict": verdict})
        self.outside.clock.check()

    def kept_volume(self):
        volume = self.state.get("new_volume")
        return f"{volume['id']} is kept" if volume else "the snapshot is kept"

    def triage(self):
        """A failed triage is told at the end: the evidence is complete without it."""
        if "triaged" in self.state:
            return
        again = os.path.exists(os.path.join(self.folder, "triage"))
        status = self.kanshiki("triage", calls.triage(self.options.kanshiki, self.folder, again))
        if status == INTERRUPTED:
            raise Interrupted("interrupted in triage; image and proof are complete")
        self.triage_status = status
        if status == OK:
            self.state.save(triaged=True)

    def clean_up(self):
        volume = self.state.get("new_volume")
        if volume and self.options.keep_volume:
            self.log.append("volume_kept", volume=volume["id"])
            self.say(f"{volume['id']} is kept, attached and read-only; run again without --keep-volume to delete it")
        elif volume:
            try:
                self.volume.delete()
            except Failure as error:
                if error.code == INTERRUPTED:
                    raise
                raise Failure(LATER_STEP, f"the evidence is complete, but {volume['id']} is left behind and costs money: "
                                          f"{error}") from None

    def result(self):
        acquired, triaged = self.state["acquired"], "triaged" in self.state
        volume = self.state.get("new_volume")
        code = acquired["exit"] if triaged else LATER_STEP
        self.log.append("finished", exit=code)
        return {
            "case": self.request["case"], "run": self.state["run"], "folder": self.folder,
            "source": self.request["volume"] or self.request["snapshot"],
            "snapshot": self.state["snapshot"]["id"] if "snapshot" in self.state else None,
            "volume_left": volume["id"] if volume else None,
            "image": calls.image_path(self.folder), "size": acquired["size"], "root": acquired["root"],
            "digests": acquired["digests"], "unreadable_bytes": acquired["unreadable_bytes"],
            "verdict": self.state["verified"]["verdict"],
            "triage": os.path.join(self.folder, "triage") if triaged else None,
            "triage_exit": OK if triaged else self.triage_status,
            "log": self.log.path, "log_head": self.log.head, "exit": code,
        }

    def kanshiki(self, step, argv):
        """Runs it with its standard output in STEP.json; the exit status, INTERRUPTED whenever we were told to stop."""
        gib = self.state.get("snapshot", {}).get("size_gib", 1)
        self.say("running " + " ".join(argv[1:3]))
        self.log.append("run", argv=argv)
        status = self.outside.run_child(argv, os.path.join(self.folder, step + ".json"), 3600.0 + 1024.0 * gib)
        self.log.append("ran", step=step, status=status)
        stopped = self.outside.clock.signal is not None
        return INTERRUPTED if stopped and status not in (OK, UNREADABLE) else status

    def read_result(self, name, step):
        """kanshiki's own JSON object, checked as anything from outside is."""
        path = os.path.join(self.folder, name)
        try:
            with open(path, "rb") as file:
                text = file.read(RESULT_LIMIT + 1)
            result = json.loads(text) if len(text) <= RESULT_LIMIT else None
            sound = isinstance(result, dict)
            if sound and step == "acquire":
                root = result.get("root")
                sound = isinstance(root, str) and len(bytes.fromhex(root)) == 32 and result.get("exit") in (OK, UNREADABLE)
        except (OSError, ValueError, RecursionError):
            sound = False
        if not sound:
            raise Failure(INTERNAL, f"{printable(path)}: kanshiki {step} left no usable result there; run again")
        return result
