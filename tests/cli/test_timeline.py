"""kanshiki timeline: one format each for mactime, spreadsheets and Timesketch."""

import csv
import io
import json
import subprocess

import rig

from test_ls import make, partitioned
from volumes import run


def test_the_bodyfile_is_triages(kanshiki, tmp_path):
    image = partitioned(tmp_path, {"a": b"1", "b\n|c": b"2"}, {"d": b"3"})
    kanshiki("triage", image, "-o", tmp_path / "triage").expect(0)
    kanshiki("timeline", image, "-o", tmp_path / "bodyfile").expect(0)
    theirs = (tmp_path / "triage/bodyfile").read_text().splitlines()
    ours = (tmp_path / "bodyfile").read_text().splitlines()
    assert [line for line in ours if line.split("|")[1] not in ("/p1/", "/p2/")] == theirs, "the roots come on top"
    assert (tmp_path / "bodyfile").stat().st_mode & 0o777 == 0o400
    kanshiki("timeline", image, "-o", tmp_path / "bodyfile").expect(2)
    assert kanshiki("timeline", image, "-q").expect(0).stdout.splitlines() == ours


def test_the_bodyfile_agrees_with_fls(kanshiki, tmp_path):
    image, _ = make(tmp_path)

    def plain(name):
        return name.isprintable() and not set(name) & set("^\\") and "pipe" not in name and "(deleted" not in name

    def rows(text):
        fields = [line.split("|") for line in text.splitlines()]
        return {row[1].split(" -> ")[0]: row[2:] for row in fields if len(row) == 11 and plain(row[1])}

    ours, theirs = rows(kanshiki("timeline", image).expect(0).stdout), rows(run("fls", "-r", "-m", "/", image))
    theirs.pop("/$OrphanFiles", None)
    assert len(theirs) > 1500
    assert {name: row for name, row in ours.items() if name in theirs} == theirs


def rows_of(text) -> list:
    assert text.count("\n") == len(text.splitlines())
    return list(csv.DictReader(io.StringIO(text, newline="")))


def test_l2tcsv(kanshiki, tmp_path):
    image, expected = make(tmp_path)
    text = kanshiki("timeline", image, "--format", "l2tcsv").expect(0).stdout
    rows = rows_of(text)
    assert list(rows[0]) == "date,time,timezone,MACB,source,sourcetype,type,user,host,short,desc,version,filename,inode,notes,format,extra".split(",")
    assert all(None not in row and None not in row.values() for row in rows)
    passwd = [(row["date"], row["time"], row["MACB"]) for row in rows if row["filename"] == "/etc/passwd"]
    assert ("04/19/2001", "04:25:21", "M...") in passwd and ("02/13/2009", "23:31:30", ".A..") in passwd
    when = [(row["date"][6:] + row["date"][:5], row["time"]) for row in rows]
    assert when == sorted(when)
    for cell in (cell for row in rows for cell in row.values()):
        assert cell.isprintable() and not cell.lstrip().startswith(("=", "+", "@")), cell
        assert not cell.startswith("-") or cell == "-"
    assert {row["filename"] for row in rows if "new" in row["filename"]} == {"/new\\x0aline"}
    assert len({row["filename"] for row in rows}) == len(expected)


def test_timesketch(kanshiki, tmp_path):
    image, expected = make(tmp_path)
    entries = [json.loads(line) for line in kanshiki("timeline", image, "--format", "timesketch").expect(0).stdout.splitlines()]
    assert all({"message", "datetime", "timestamp_desc", "timestamp"} <= set(entry) for entry in entries)
    times = [entry["timestamp"] for entry in entries]
    assert times == sorted(times)
    kanshiki("triage", image, "-o", tmp_path / "triage").expect(0)
    theirs = {line for line in (tmp_path / "triage/timeline.jsonl").read_text().splitlines() if '"fs:stat"' in line}
    ours = set(kanshiki("timeline", image, "--format", "timesketch").expect(0).stdout.splitlines())
    assert theirs <= ours


def test_a_range_of_time_and_a_path(kanshiki, tmp_path):
    image, _ = make(tmp_path)
    one = ["timeline", image, "--from", "2001-04-19", "--to", "2001-04-19"]
    assert [line.split("|")[1] for line in kanshiki(*one).expect(0).stdout.splitlines()] == ["/etc/passwd"]
    row, = rows_of(kanshiki(*one, "--format", "l2tcsv").expect(0).stdout)
    assert (row["filename"], row["MACB"]) == ("/etc/passwd", "M..."), "other times of the same file are not in the range"
    assert kanshiki("timeline", image, "--from", "2001-04-19T04:25:22", "--to", "2001-05-01").expect(0).stdout == ""
    assert len(kanshiki("timeline", image, "--from", "2001-04-19T13:25:21+09:00", "--to", "2001-04-19T04:25:22Z").expect(0).stdout.splitlines()) == 1
    names = [line.split("|")[1] for line in kanshiki("timeline", image, "--path", "/etc").expect(0).stdout.splitlines()]
    assert names == ["/etc", "/etc/passwd"]
    kanshiki("timeline", image, "--path", "/none").expect(2)
    assert "no time" in kanshiki("timeline", image, "--from", "yesterday").expect(2).stderr


def test_what_cannot_be_read_is_said(kanshiki, tmp_path):
    image, _ = make(tmp_path)
    run("debugfs", "-w", "-R", "set_inode_field /many block[0] 0x12345678", image)
    done = kanshiki("timeline", image, "-q", "-o", tmp_path / "bodyfile").expect(4)
    assert "/many: directory: " in done.stderr
    assert "|/etc/passwd|" in (tmp_path / "bodyfile").read_text()
    with open("/dev/full", "w") as full:
        assert subprocess.run([rig.binary(), "timeline", image], stdout=full, stderr=subprocess.DEVNULL).returncode == 5
