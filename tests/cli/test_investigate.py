"""scripts/investigate against the small EC2 of investigate_world.py: both routes, and what can go wrong on them."""

import json
import os
import secrets
import shlex
import socket
import subprocess

import pytest
from botocore import exceptions
from botocore.stub import Stubber
from investigate_world import (ACCOUNT, ARN, DIGEST, INSTANCE, REGION, ROOT, SNAPSHOT, VOLUME, ZONE, Refusal, World,
                               attachment, real_client)

from investigation import command

pytestmark = pytest.mark.full

RUN = "feedfacefeedface"
MADE, MADE_SNAPSHOT = "vol-0fffffffffffffff1", "snap-0fffffffffffffff1"


@pytest.fixture
def world(tmp_path):
    return World(tmp_path)


def tags(source):
    return [{"Key": "kanshiki:case", "Value": "42"}, {"Key": "kanshiki:run", "Value": RUN},
            {"Key": "kanshiki:source", "Value": source}, {"Key": "Name", "Value": f"kanshiki case 42 {source}"}]


class Script:
    """Answers in the order expected, each call with exactly the parameters expected; Stubber refuses all else."""

    def __init__(self, world):
        self.world, self.stubs = world, {name: Stubber(real_client(name)) for name in ("ec2", "sts")}

    def expect(self, operation, parameters, response, service="ec2"):
        self.stubs[service].add_response(operation, {**response, "ResponseMetadata": {"RequestId": "r", "HTTPStatusCode": 200}},
                                         parameters)

    def volume(self, source, snapshot, state, attached=None):
        attachments = [attachment(MADE, "/dev/sdg", INSTANCE, attached)] if attached else []
        return {"Volumes": [{"VolumeId": MADE, "State": state, "Size": 1, "SnapshotId": snapshot, "Attachments": attachments,
                             "Tags": tags(source)}]}

    def expect_from_volume_on(self, source, snapshot, extra):
        look = {"VolumeIds": [MADE]}
        seen = [("creating",), ("available",)]
        self.expect("describe_volumes", {"Filters": [{"Name": "tag:kanshiki:run", "Values": [RUN]},
                    {"Name": "status", "Values": ["creating", "available", "in-use", "error"]}]}, {"Volumes": []})
        self.expect("create_volume", {
            "SnapshotId": snapshot, "AvailabilityZone": ZONE, "VolumeType": "gp3", **extra,
            "ClientToken": f"kanshiki-{RUN}-volume-1", "TagSpecifications": [{"ResourceType": "volume", "Tags": tags(source)}]},
            {"VolumeId": MADE, "State": "creating"})
        for now in seen:
            self.expect("describe_volumes", look, self.volume(source, snapshot, *now))
        self.expect("describe_volumes", look, self.volume(source, snapshot, "available"))
        in_use = {"VolumeId": "vol-0eeeeeeeeeeeeeee3", "Attachments": [attachment("vol-0eeeeeeeeeeeeeee3", "/dev/xvdf", INSTANCE, "attached")]}
        self.expect("describe_volumes", {"Filters": [{"Name": "attachment.instance-id", "Values": [INSTANCE]}]}, {"Volumes": [in_use]})
        self.expect("attach_volume", {"VolumeId": MADE, "InstanceId": INSTANCE, "Device": "/dev/sdg"}, {"State": "attaching"})
        self.expect("describe_volumes", look, self.volume(source, snapshot, "in-use", "attaching"))
        self.expect("describe_volumes", look, self.volume(source, snapshot, "in-use", "attached"))
        self.expect("describe_volumes", look, self.volume(source, snapshot, "in-use", "attached"))
        self.expect("detach_volume", {"VolumeId": MADE, "InstanceId": INSTANCE}, {"State": "detaching"})
        self.expect("describe_volumes", look, self.volume(source, snapshot, "in-use", "detaching"))
        self.expect("describe_volumes", look, self.volume(source, snapshot, "available"))
        self.expect("delete_volume", {"VolumeId": MADE}, {})
        self.stubs["ec2"].add_client_error("describe_volumes", "InvalidVolume.NotFound", expected_params=look)

    def run(self, monkeypatch, *arguments):
        monkeypatch.setattr(secrets, "token_hex", lambda _: RUN)
        self.world.client = lambda service, region: real_client(service)
        self.world.appear(MADE)
        self.expect("get_caller_identity", {}, {"Account": ACCOUNT, "Arn": ARN, "UserId": "U"}, "sts")
        for stub in self.stubs.values():
            stub.activate()
        try:
            status = self.world.run(*arguments)
            for stub in self.stubs.values():
                stub.assert_no_pending_responses()
        finally:
            for stub in self.stubs.values():
                stub.deactivate()
        return status


def test_snapshot_route_makes_these_calls_and_no_other(world, monkeypatch):
    script = Script(world)
    script.expect("describe_snapshots", {"SnapshotIds": [SNAPSHOT]},
                  {"Snapshots": [{"SnapshotId": SNAPSHOT, "State": "completed", "Progress": "100%", "VolumeSize": 1, "OwnerId": ACCOUNT}]})
    script.expect_from_volume_on(SNAPSHOT, SNAPSHOT, {"Iops": 6000, "Throughput": 500})
    assert script.run(monkeypatch, "--snapshot", SNAPSHOT, "--iops", "6000", "--throughput", "500") == 0, world.err
    out, disk = str(world.output), str(world.dev / "nvme5n1")
    kanshiki = str(world.folder / "kanshiki")
    assert world.ran == [
        [kanshiki, "acquire", disk, "-o", out + "/disk.img.zst", "--case", "42", "--evidence", SNAPSHOT, "--resume", "--json"],
        [kanshiki, "verify", out + "/disk.img.zst", "--expect-root", DIGEST, "--json"],
        [kanshiki, "triage", out + "/disk.img.zst", "-o", out + "/triage", "--json"]]
    assert world.tools[1:] == [["blockdev", "--setro", disk], ["blockdev", "--getro", disk]]
    assert {k: world.out[k] for k in ("source", "snapshot", "volume_left", "root", "verdict", "exit", "run")} == {
        "source": SNAPSHOT, "snapshot": SNAPSHOT, "volume_left": None, "root": DIGEST, "verdict": "authentic", "exit": 0, "run": RUN}


def test_volume_route_makes_these_calls_and_no_other(world, monkeypatch):
    script = Script(world)
    script.expect("describe_volumes", {"VolumeIds": [VOLUME]}, {"Volumes": [{"VolumeId": VOLUME, "State": "in-use", "Size": 1}]})
    script.expect("describe_snapshots", {"OwnerIds": ["self"], "Filters": [
        {"Name": "tag:kanshiki:run", "Values": [RUN]}, {"Name": "volume-id", "Values": [VOLUME]}]}, {"Snapshots": []})
    script.expect("create_snapshot", {"VolumeId": VOLUME, "Description": f"kanshiki case 42 of {VOLUME}",
                                      "TagSpecifications": [{"ResourceType": "snapshot", "Tags": tags(VOLUME)}]},
                  {"SnapshotId": MADE_SNAPSHOT, "State": "pending"})
    for state, progress in (("pending", "0%"), ("pending", "40%"), ("completed", "100%")):
        script.expect("describe_snapshots", {"SnapshotIds": [MADE_SNAPSHOT]}, {"Snapshots": [
            {"SnapshotId": MADE_SNAPSHOT, "State": state, "Progress": progress, "VolumeSize": 1, "OwnerId": ACCOUNT}]})
    script.expect_from_volume_on(VOLUME, MADE_SNAPSHOT, {})
    assert script.run(monkeypatch, "--volume", VOLUME) == 0, world.err
    assert world.out["snapshot"] == MADE_SNAPSHOT


def test_log_has_every_step_with_request_ids_and_its_chain_holds(world):
    assert world.run("--volume", VOLUME) == 0
    log = world.log()
    changing = [e["call"] for e in log if e["event"] == "aws" and not e["call"].startswith("ec2:Describe")]
    assert changing == ["sts:GetCallerIdentity", "ec2:CreateSnapshot", "ec2:CreateVolume", "ec2:AttachVolume", "ec2:DetachVolume",
                        "ec2:DeleteVolume"]
    for entry in log:
        if entry["event"] == "aws":
            assert entry["request_id"].startswith("req-") and entry["http_status"] == 200 and entry["retries"] == 0
    assert [e["arn"] for e in log if e["event"] == "identity"] == [ARN]
    assert [e["known_by"] for e in log if e["event"] == "device"] == ["NVMe serial"]
    assert [e["event"] for e in log][0] == "begun" and log[-1]["event"] == "finished"
    assert world.out["log_head"] and oct(os.stat(world.output).st_mode & 0o777) == "0o700"


def test_finished_run_again_asks_nobody(world):
    assert world.run("--snapshot", SNAPSHOT) == 0
    first, calls = world.out, len(world.history)
    assert world.run("--snapshot", SNAPSHOT) == 0
    assert world.out == first and len(world.history) == calls


def test_place_is_asked_of_instance_metadata_only_when_not_given(world):
    asked = []
    ask = world.this_instance
    world.this_instance = lambda clock: asked.append(1) or ask(clock)
    assert world.run("--snapshot", SNAPSHOT) == 0 and not asked
    other = World(world.folder / "other")
    other.this_instance = world.this_instance
    assert other.run("--snapshot", SNAPSHOT, place=False) == 0 and asked == [1]


@pytest.mark.parametrize("code", ["RequestLimitExceeded", "Throttling", "ServiceUnavailable"])
def test_throttling_is_tried_again_with_growing_pauses(world, code):
    status = 503 if code != "Throttling" else 400
    world.faults = {"create_volume": [Refusal(code, "slow down", status) for _ in range(4)]}
    pauses, sleep = [], world.clock.sleep
    world.clock.sleep = lambda seconds: (pauses.append(seconds), sleep(seconds))
    assert world.run("--snapshot", SNAPSHOT) == 0
    assert pauses[:4] == [1.0, 2.0, 4.0, 8.0]
    assert world.made["volume"] == [MADE]
    log = world.log()
    assert [e["tried"] for e in log if e["event"] == "aws_error" and e["call"] == "ec2:CreateVolume"] == [1, 2, 3, 4]
    assert [e["retries"] for e in log if e["event"] == "aws" and e["call"] == "ec2:CreateVolume"] == [4]


def test_throttled_for_ever_is_3_and_can_be_gone_on_with(world):
    world.faults = {"create_volume": [Refusal("RequestLimitExceeded", "slow down", 503) for _ in range(9)]}
    assert world.run("--volume", VOLUME) == 3
    assert "ec2:CreateVolume: no answer after 9 tries" in world.err and "run again: investigate --volume" in world.err
    assert world.run("--volume", VOLUME) == 0
    assert world.made == {"snapshot": [MADE_SNAPSHOT], "volume": [MADE]}


def test_unreachable_is_3(world):
    world.faults = {"get_caller_identity": [exceptions.EndpointConnectionError(endpoint_url="https://sts") for _ in range(9)]}
    assert world.run("--snapshot", SNAPSHOT) == 3
    assert world.made["volume"] == []


def lost(after):
    error = exceptions.ReadTimeoutError(endpoint_url="https://ec2")
    error.after = after
    return error


@pytest.mark.parametrize("after", [False, True], ids=["request lost", "answer lost"])
@pytest.mark.parametrize("operation", ["create_snapshot", "create_volume", "attach_volume", "detach_volume", "delete_volume"])
def test_a_lost_answer_makes_nothing_twice(world, operation, after):
    world.faults = {operation: [lost(after)]}
    assert world.run("--volume", VOLUME) == 0, world.err
    assert world.made == {"snapshot": [MADE_SNAPSHOT], "volume": [MADE]} and world.deleted == [MADE]


@pytest.mark.parametrize("operation", ["get_caller_identity", "describe_snapshots", "describe_volumes", "create_snapshot",
                                       "create_volume", "attach_volume"])
def test_denied_is_6_and_one_line(world, operation):
    said = "You are not authorized to perform this operation. Encoded authorization failure message: " + "x" * 900
    world.faults = {operation: [Refusal("UnauthorizedOperation", said, 403)]}
    assert world.run("--volume", VOLUME) == 6
    lines = [line for line in world.err.splitlines() if "UnauthorizedOperation" in line]
    assert len(lines) == 1 and "xxxx" not in lines[0] and "allow " in lines[0] and "docs/investigate.md" in lines[0]
    assert world.err.splitlines()[-1] == lines[0]
    assert any("xxxx" in e.get("message", "") for e in world.log()), "the log keeps the encoded message"
    assert world.run("--volume", VOLUME) == 0, "once allowed, it goes on"
    assert world.made == {"snapshot": [MADE_SNAPSHOT], "volume": [MADE]}


def test_denied_to_delete_is_7_the_evidence_being_complete(world):
    world.faults = {"delete_volume": [Refusal("UnauthorizedOperation", "no", 403)]}
    assert world.run("--snapshot", SNAPSHOT) == 7
    assert f"{MADE} is left behind and costs money" in world.err
    assert world.run("--snapshot", SNAPSHOT) == 0
    assert world.deleted == [MADE] and [argv[1] for argv in world.ran] == ["acquire", "verify", "triage"]


@pytest.mark.parametrize("change, said", [
    ({"State": "error", "StateMessage": "internal\nfault"}, "in state error: internal\\x0afault"),
    ({"State": "recoverable"}, "in the Recycle Bin"),
    ({"StorageTier": "archive"}, "archived"),
])
def test_unusable_snapshot_is_6(world, change, said):
    world.snapshots[SNAPSHOT].update(change)
    assert world.run("--snapshot", SNAPSHOT) == 6
    assert said in world.err and world.made["volume"] == []


def test_unknown_snapshot_or_volume_is_6(world):
    assert world.run("--snapshot", "snap-01234567") == 6
    assert "snap-01234567" in world.err
    other = World(world.folder / "other")
    assert other.run("--volume", "vol-01234567") == 6
    assert "vol-01234567" in other.err and other.made == {"snapshot": [], "volume": []}


def test_snapshot_that_is_never_completed_is_3_and_kept_for_the_next_run(world):
    real = world.describe_snapshots
    world.describe_snapshots = lambda **p: real(**p) if "Filters" in p else {"Snapshots": [world.snapshots[MADE_SNAPSHOT]]}
    assert world.run("--volume", VOLUME, "--snapshot-limit", "3600") == 3
    assert 3600 <= world.clock.passed < 3700 and "run again to go on waiting" in world.err
    world.describe_snapshots = real
    assert world.run("--volume", VOLUME, "--snapshot-limit", "3600") == 0
    assert world.made["snapshot"] == [MADE_SNAPSHOT]


@pytest.mark.parametrize("fate", ["vanish", "error"])
@pytest.mark.parametrize("owner", [ACCOUNT, "999999999999"])
def test_volume_whose_key_may_not_be_used_is_6_and_says_so(world, fate, owner):
    world.snapshots[SNAPSHOT].update(Encrypted=True, KmsKeyId="arn:aws:kms:k", OwnerId=owner)
    world.volume_fate = fate
    assert world.run("--snapshot", SNAPSHOT) == 6
    assert "encrypted under arn:aws:kms:k" in world.err
    assert ("a default key (aws/ebs) works only in its own account" in world.err) == (owner != ACCOUNT)
    assert MADE not in world.volumes, "a volume in state error is not left behind"
    world.volume_fate = None
    assert world.run("--snapshot", SNAPSHOT) == 0, "once the key may be used, a new volume is made"
    assert world.made["volume"] == [MADE, MADE[:-1] + "2"] and world.deleted[-1] == MADE[:-1] + "2"


def test_device_name_taken_meanwhile_is_passed_over(world):
    world.faults = {"attach_volume": [Refusal("InvalidParameterValue", "Attachment point /dev/sdg is already in use")]}
    assert world.run("--snapshot", SNAPSHOT) == 0
    assert [p["Device"] for n, p in world.history if n == "attach_volume"] == ["/dev/sdg", "/dev/sdh"]


def test_volume_attached_elsewhere_is_left_alone(world):
    world.faults = {"attach_volume": [Refusal("VolumeInUse")]}
    world.run("--snapshot", SNAPSHOT)
    world.volumes[MADE].update(State="in-use", Attachments=[attachment(MADE, "/dev/sdf", "i-0ddddddddddddddd9", "attached")])
    assert world.run("--snapshot", SNAPSHOT) == 6
    assert "attached to i-0ddddddddddddddd9, not to this instance" in world.err


@pytest.mark.parametrize("spoil", [lambda v: v.update(Tags=[]), lambda v: v.update(SnapshotId="snap-01234567"),
                                   lambda v: v["Tags"].__setitem__(1, {"Key": "kanshiki:run", "Value": "other"})],
                         ids=["no tags", "other snapshot", "other run"])
def test_volume_that_is_not_ours_is_never_detached_or_deleted(world, spoil):
    real = world.run_child
    world.run_child = lambda argv, *rest: (spoil(world.volumes[MADE]), real(argv, *rest))[1]
    assert world.run("--snapshot", SNAPSHOT) == 7
    assert "left alone" in world.err and not {"detach_volume", "delete_volume"} & set(world.operations())


def test_tags_are_looked_at_again_just_before_the_volume_is_deleted(world):
    real = world.detach_volume
    world.detach_volume = lambda **p: (real(**p), world.volumes[MADE].update(Tags=[]))[0]
    assert world.run("--snapshot", SNAPSHOT) == 7
    assert "left alone" in world.err and "delete_volume" not in world.operations()


def test_state_file_that_names_a_foreign_volume_does_not_delete_it(world):
    world.run("--snapshot", SNAPSHOT, "--keep-volume")
    path = world.output / "investigation.json"
    state = json.loads(path.read_text())
    state["new_volume"]["id"] = "vol-0eeeeeeeeeeeeeee3"
    path.write_text(json.dumps(state))
    assert world.run("--snapshot", SNAPSHOT) == 7
    assert "vol-0eeeeeeeeeeeeeee3: not made by this investigation" in world.err and "delete_volume" not in world.operations()


def test_keep_volume_leaves_it_and_a_later_run_deletes_it(world):
    assert world.run("--snapshot", SNAPSHOT, "--keep-volume") == 0
    assert world.out["volume_left"] == MADE and world.volumes[MADE]["State"] == "in-use"
    assert world.run("--snapshot", SNAPSHOT) == 0
    assert world.deleted == [MADE] and len(world.ran) == 3 and world.out["volume_left"] is None


@pytest.mark.parametrize("status", [3, 5, 130, 70, -9])
def test_acquisition_that_can_go_on_keeps_the_volume(world, status):
    world.statuses["acquire"] = status
    assert world.run("--snapshot", SNAPSHOT) == (status if status in (3, 5, 130) else 70)
    assert f"{MADE} stays attached" in world.err and "run again: investigate" in world.err
    assert world.volumes[MADE]["State"] == "in-use"
    world.statuses["acquire"] = 0
    assert world.run("--snapshot", SNAPSHOT) == 0
    assert world.made["volume"] == [MADE] == world.deleted and "--resume" in world.ran[-3]


@pytest.mark.parametrize("status", [2, 6, 10, 11])
def test_acquisition_that_cannot_go_on_deletes_the_volume(world, status):
    world.statuses["acquire"] = status
    assert world.run("--snapshot", SNAPSHOT) == status
    assert f"kanshiki acquire ended with {status}" in world.err and f"{MADE} is deleted, the snapshot is kept" in world.err
    assert world.deleted == [MADE] and SNAPSHOT in world.snapshots


def test_unreadable_sectors_go_on_and_are_told(world):
    world.statuses["acquire"] = 4
    assert world.run("--snapshot", SNAPSHOT) == 4
    assert world.out["unreadable_bytes"] == 512 and [a[1] for a in world.ran] == ["acquire", "verify", "triage"]
    assert world.deleted == [MADE]


def test_failed_triage_is_7_and_is_made_up(world):
    world.statuses["triage"] = 70
    assert world.run("--snapshot", SNAPSHOT) == 7
    assert world.deleted == [MADE] and world.out["triage"] is None and world.out["triage_exit"] == 70
    world.statuses["triage"] = 0
    assert world.run("--snapshot", SNAPSHOT) == 0
    assert world.ran[-1][1] == "triage" and world.ran[-1][-1] == "--force" and len(world.ran) == 4


def test_image_that_does_not_verify_is_10_and_keeps_the_volume(world):
    world.statuses["verify"] = 10
    assert world.run("--snapshot", SNAPSHOT) == 10
    assert "does not verify" in world.err and world.volumes[MADE]["State"] == "in-use" and len(world.ran) == 2


def test_signal_while_acquiring_is_130(world):
    def interrupted(argv, stdout, limit):
        world.clock.signal = 2
        return 130
    real, world.run_child = world.run_child, interrupted
    assert world.run("--snapshot", SNAPSHOT) == 130
    hint = [line for line in world.err.splitlines() if "run again:" in line][-1]
    assert shlex.split(hint.split("run again: ")[1])[:3] == ["investigate", "--snapshot", SNAPSHOT]
    world.clock.signal, world.run_child = None, real
    assert world.run("--snapshot", SNAPSHOT) == 0


def test_no_space_is_5_before_anything_is_created_and_little_space_a_warning(world):
    world.free = 1 << 20
    assert world.run("--volume", VOLUME) == 5
    assert world.made == {"snapshot": [], "volume": []} and "1 MiB free" in world.err
    world.free = 1 << 29
    assert world.run("--volume", VOLUME) == 0
    assert "warning:" in world.err and "0.5 GiB free, the volume has 1 GiB" in world.err


@pytest.mark.parametrize("spoil, said", [
    (lambda w: setattr(w, "root_user", False), "must be run as root"),
    (lambda w: (w.output.mkdir(), (w.output / "disk.img.zst").touch()), "not from this investigation"),
    (lambda w: [p.unlink() for p in w.sys.glob("block/*/device/serial")], "no NVMe disks (a Xen-type instance?)"),
], ids=["not root", "image there", "Xen"])
def test_what_can_be_known_beforehand_is_refused_before_anything_is_created(world, spoil, said):
    spoil(world)
    assert world.run("--volume", VOLUME) in (2, 6)
    assert said in world.err and world.made == {"snapshot": [], "volume": []}


def test_partial_of_another_volume_is_refused_before_a_volume_is_made(world):
    world.output.mkdir()
    (world.output / "disk.img.zst.partial").touch()
    assert world.run("--snapshot", SNAPSHOT) == 6
    assert "cannot go on from another one" in world.err and world.made["volume"] == []


def test_another_request_in_the_same_folder_is_2(world):
    assert world.run("--snapshot", SNAPSHOT) == 0
    assert world.run("--volume", VOLUME) == 2
    assert "use a new folder" in world.err


def test_lost_result_of_a_finished_acquisition_is_not_called_authentic(world):
    world.statuses["verify"] = 5
    assert world.run("--snapshot", SNAPSHOT) == 7
    path = world.output / "investigation.json"
    state = json.loads(path.read_text())
    del state["acquired"]
    path.write_text(json.dumps(state))
    (world.output / "acquire.json").write_text("")
    world.statuses["verify"] = 0
    assert world.run("--snapshot", SNAPSHOT) == 0
    assert world.out["verdict"] == "consistent only" and world.out["root"] is None and "result of the finished acquisition was lost" in world.err


def test_plan_makes_no_call_and_no_folder(world, monkeypatch, capsys):
    def refuse(*_, **__):
        raise AssertionError("the plan went to the network")
    monkeypatch.setattr(socket.socket, "connect", refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)
    world.client = world.this_instance = world.run_child = world.run_tool = refuse
    for option in ("--plan", "--dry-run"):
        assert command.main(["--volume", VOLUME, "--case", "42", "-o", str(world.output), option], world.outside()) == 0
        plan = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert not world.output.exists()
    assert [p["step"] for p in plan] == list(range(1, len(plan) + 1))


@pytest.mark.parametrize("source", [("--volume", VOLUME), ("--snapshot", SNAPSHOT)], ids=["volume", "snapshot"])
@pytest.mark.parametrize("keep", [(), ("--keep-volume",)], ids=["", "keep"])
def test_plan_tells_what_is_then_done(world, capsys, source, keep):
    assert world.run(*source, *keep) == 0
    command.main([*source, *keep, "--case", "42", "-o", str(world.output), "--plan", "--instance", INSTANCE, "--zone", ZONE,
                  "--region", REGION])
    plan = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    planned = [step["call"].split(".")[1] for step in plan if "call" in step]
    done = [name for i, (name, p) in enumerate(world.history) if i == 0 or (name, p) != world.history[i - 1]]
    merged = [name for i, name in enumerate(planned) if not (i and name == planned[i - 1] == "describe_volumes")]
    really = [name for i, name in enumerate(done) if not (i and name == done[i - 1] == "describe_volumes")]
    assert merged == really
    programs = [step["run"][:2] for step in plan if "run" in step]
    assert [p[1] for p in programs] == ["--setro", "--getro", "acquire", "verify", "triage"]


def test_the_program_itself_prints_help_plan_and_usage(tmp_path):
    def investigate(*arguments):
        return subprocess.run([ROOT / "scripts/investigate", *arguments], capture_output=True, text=True, timeout=60)
    told = investigate("--help")
    assert told.returncode == 0 and "examples:" in told.stdout and "--snapshot" in told.stdout
    plan = investigate("--snapshot", SNAPSHOT, "--case", "42", "-o", tmp_path / "x", "--plan")
    assert plan.returncode == 0 and "ec2.create_volume" in plan.stdout and plan.stderr == ""
    for wrong in ((), ("--snapshot", "snap-1", "--case", "4", "-o", "x"), ("--snapshot", SNAPSHOT, "-o", "x"),
                  ("--snapshot", SNAPSHOT, "--volume", VOLUME, "--case", "4", "-o", "x"),
                  ("--snapshot", SNAPSHOT, "--case", "4\n2", "-o", "x"), ("--snapshot", SNAPSHOT, "--case", "x" * 300, "-o", "x")):
        bad = investigate(*wrong)
        assert bad.returncode == 2 and len(bad.stderr.splitlines()) == 1 and bad.stdout == "", bad.stderr
