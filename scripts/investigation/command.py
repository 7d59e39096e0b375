"""The command line of scripts/investigate: options, the run, and its exit status."""

import argparse
import dataclasses
import json
import os
import random
import re
import shlex
import shutil
import sys
import traceback
from typing import Callable

from . import aws, child, metadata, plan
from .custody import CustodyLog
from .device import Devices
from .failure import DESTINATION, Failure, INTERNAL, INTERRUPTED, LATER_STEP, LOST, OK, REFUSED, UNREADABLE, USAGE, printable
from .state import lock_folder, open_state
from .story import Investigation
from .waiting import Clock

RUN_AGAIN = {LOST, DESTINATION, LATER_STEP, INTERNAL, INTERRUPTED}

EXAMPLES = """examples:
  investigate --snapshot snap-0123456789abcdef0 --case 42 -o /evidence/42
  investigate --volume vol-0123456789abcdef0 --case 42 --examiner "A. Sato" -o /evidence/42
  investigate --volume vol-0123456789abcdef0 --case 42 -o /evidence/42 --plan

exit: 0 done · 2 usage · 3 AWS unreachable (run again) · 4 done, with unreadable sectors · 5 no space (run again)
      6 refused · 7 evidence complete, a later step is not · 10 the image does not verify · 130 interrupted (run again)
"""


@dataclasses.dataclass
class Outside:
    """All that is not ours: replaced in tests."""

    clock: Clock
    clients: Callable = aws.client
    this_instance: Callable = metadata.this_instance
    devices: Devices = None
    run_child: Callable = None
    run_tool: Callable = child.run_tool
    free_space: Callable = lambda folder: shutil.disk_usage(folder).free
    jitter: Callable = random.random
    is_root: Callable = lambda: os.geteuid() == 0


class Parser(argparse.ArgumentParser):
    def error(self, message):
        self.exit(USAGE, f"investigate: {message} (see investigate --help)\n")


def parser():
    p = Parser(prog="investigate", formatter_class=argparse.RawDescriptionHelpFormatter, epilog=EXAMPLES, allow_abbrev=False,
               description="From an EC2 snapshot or volume to a proven image and its triage, on an investigation instance.")
    source = p.add_mutually_exclusive_group(required=True)
    source.add_argument("--snapshot", type=_id("snap"), metavar="snap-…", help="start from this snapshot")
    source.add_argument("--volume", type=_id("vol"), metavar="vol-…", help="start with a snapshot of this volume")
    p.add_argument("-o", "--output", required=True, metavar="DIR", help="folder for image, proof, triage, log and state")
    p.add_argument("--case", required=True, type=_text(128), help="case number, also in the tags of all that is created")
    p.add_argument("--evidence", type=_text(256), help="evidence number (default: the snapshot or volume named)")
    for name in ("examiner", "authority", "note"):
        p.add_argument("--" + name, type=_text(4096), help="for the manifest")
    p.add_argument("--instance", type=_form(r"i-[0-9a-f]{8,32}"), help="this instance (default: asked of instance metadata)")
    p.add_argument("--zone", type=_form("[a-z0-9-]{3,40}"), help="its availability zone (the same)")
    p.add_argument("--region", type=_form("[a-z0-9-]{3,40}"), help="its region (the same)")
    p.add_argument("--volume-type", default="gp3", choices=("gp3", "gp2", "io1", "io2", "st1", "sc1", "standard"),
                   help="of the volume made from the snapshot (default gp3)")
    p.add_argument("--iops", type=_number, help="of that volume")
    p.add_argument("--throughput", type=_number, help="of that volume, MiB/s")
    p.add_argument("--device", metavar="DEV", help="where the volume appears, on Xen-type hosts, whose disks have no serial")
    p.add_argument("--snapshot-limit", type=_number, default=86400, metavar="SECONDS",
                   help="how long to wait for the snapshot (default a day; run again to go on waiting)")
    p.add_argument("--keep-volume", action="store_true", help="leave the volume made here attached")
    p.add_argument("--kanshiki", metavar="PATH", help="the program (default: build/release/kanshiki beside scripts, then PATH)")
    p.add_argument("--plan", "--dry-run", action="store_true", help="print the calls as JSON lines and make none")
    p.add_argument("--json", action="store_true", help="print the result as one JSON object")
    return p


def main(arguments, outside=None, out=None, err=None):
    out, err = out or sys.stdout, err or sys.stderr
    try:
        options = parser().parse_args(arguments)
    except SystemExit as stop:  # --help, or one line of usage
        return stop.code

    def say(text):
        print("investigate: " + printable(text), file=err, flush=True)

    try:
        request = request_of(options)
        folder = os.path.abspath(options.output)
        if options.plan:
            place = {"instance": options.instance, "zone": options.zone, "region": options.region}
            plan.print_plan(out, request, folder, options.kanshiki or find_kanshiki() or "kanshiki", place, options.device,
                            options.keep_volume)
            return OK
        result = investigate(options, request, folder, outside or real_outside(say), say)
        print(json.dumps(result) if options.json else summary(result), file=out, flush=True)
        return result["exit"]
    except Failure as failure:
        code = failure.code
        say(str(failure))
    except OSError as error:
        code = DESTINATION
        say(f"{error.filename or options.output}: {error.strerror}; make it writable or make room")
    if code in RUN_AGAIN:
        say("to go on, run again: " + shlex.join(["investigate", *arguments]))
    return code


def request_of(options):
    """What must be the same when it is run again."""
    names = ("snapshot", "volume", "case", "evidence", "examiner", "authority", "note", "volume_type", "iops", "throughput")
    request = {name: getattr(options, name) for name in names}
    request["evidence"] = request["evidence"] or request["volume"] or request["snapshot"]
    return request


def investigate(options, request, folder, outside, say):
    options.kanshiki = options.kanshiki or find_kanshiki()
    lock = lock_folder(folder)
    log = None
    try:
        state, resumed = open_state(folder, request)
        if resumed and state.get("finished") and not (state.get("new_volume") and not options.keep_volume):
            say("finished already")
            return state["finished"]
        log = CustodyLog(os.path.join(folder, "investigation.log.jsonl"), outside.clock)
        if outside.run_child is None:
            outside.run_child = lambda argv, stdout, limit: child.run_child(argv, outside.clock, stdout, limit, (lock,))
        check_host(options, outside, log, resumed)
        place = locate(options, outside)
        if state.setdefault("place", place) != place:
            raise Failure(USAGE, f"{folder} was begun on {state['place']['instance']} in {state['place']['zone']}; run it there")
        state.save()
        calls = aws.Aws(outside.clients, place["region"], log, outside.clock, outside.jitter)
        result = Investigation(request, options, folder, state, log, calls, outside, say).run()
        if result["exit"] != LATER_STEP:
            state.save(finished=result)
        return result
    except Failure as failure:
        if log:
            log.append("stopped", exit=failure.code, message=str(failure))
        raise
    except OSError:
        raise
    except Exception as error:
        if log:
            log.append("internal_error", trace=traceback.format_exc()[-16384:])
        raise Failure(INTERNAL, f"internal error: {type(error).__name__}: {error}; "
                                f"please report it with {folder}/investigation.log.jsonl") from None
    finally:
        if log:
            log.close()
        os.close(lock)


def check_host(options, outside, log, resumed):
    """All that can be known to fail is found before anything is created."""
    if not outside.is_root():
        raise Failure(REFUSED, "must be run as root: to set the device read-only and to read it")
    if not options.kanshiki or not os.access(options.kanshiki, os.X_OK):
        raise Failure(REFUSED, f"{options.kanshiki or 'kanshiki'}: no such program; build it, or give --kanshiki PATH")
    if not shutil.which("blockdev"):
        raise Failure(REFUSED, "blockdev: no such program; install util-linux")
    if not options.device and not outside.devices.has_nvme():
        raise Failure(REFUSED, "this host has no NVMe disks (a Xen-type instance?), so the volume cannot be known by its serial: "
                               "use a Nitro instance, or give --device DEV as it will appear, such as /dev/xvdf")
    status, version = outside.run_tool([options.kanshiki, "--version"], 30.0)
    if status != 0:
        raise Failure(REFUSED, f"{options.kanshiki}: --version ended with {status}: {version}; build it again")
    log.append("resumed" if resumed else "begun", options={k: v for k, v in vars(options).items() if v is not None},
               kanshiki_version=version, kanshiki_sha256=child.sha256_of(options.kanshiki),
               host=os.uname().nodename, kernel=os.uname().release, user_id=os.getuid())


def locate(options, outside):
    given = {"instance": options.instance, "zone": options.zone, "region": options.region}
    if all(given.values()):
        return given
    found = outside.this_instance(outside.clock)
    return {name: value or found[name] for name, value in given.items()}


def real_outside(say):
    clock = Clock()
    clock.catch_signals(say)
    return Outside(clock=clock, devices=Devices(child.run_tool))


def find_kanshiki():
    root = os.path.dirname(os.path.dirname(os.path.dirname(os.path.realpath(__file__))))
    built = os.path.join(root, "build", "release", "kanshiki")
    return built if os.access(built, os.X_OK) else shutil.which("kanshiki")


def summary(result):
    lines = [f"image    {result['image']}", f"root     {result['root']}", f"verdict  {result['verdict']}",
             f"triage   {result['triage'] or 'failed with exit ' + str(result['triage_exit'])}",
             f"snapshot {result['snapshot']} (kept)", f"log      {result['log']}"]
    if result["unreadable_bytes"]:
        lines.insert(2, f"unreadable {result['unreadable_bytes']} bytes, see the manifest")
    if result["volume_left"]:
        lines.append(f"volume   {result['volume_left']} (kept)")
    if result["exit"] not in (OK, UNREADABLE):
        lines.append("not complete: triage; run again to make it up")
    return "\n".join(printable(line) for line in lines)


def _form(form):
    def check(text):
        if not re.fullmatch(form, text):
            raise argparse.ArgumentTypeError(f"{printable(text, 80)!r} does not look like one")
        return text
    return check


def _id(kind):
    return _form(kind + "-([0-9a-f]{8}|[0-9a-f]{17})")


def _text(limit):
    def check(text):
        if not text or len(text) > limit or not text.isprintable():
            raise argparse.ArgumentTypeError(f"must be 1 to {limit} printable characters")
        return text
    return check


def _number(text):
    if not re.fullmatch("[1-9][0-9]{0,8}", text):
        raise argparse.ArgumentTypeError(f"{printable(text, 40)!r} is not a number above 0")
    return int(text)
