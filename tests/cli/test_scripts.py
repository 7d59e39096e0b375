"""The scripts that a fresh machine meets first."""

import json
import os
import subprocess

import pytest
import rig


def run(*command, **options):
    return subprocess.run([str(part) for part in command], capture_output=True, text=True, timeout=900, **options)


def test_package_list_is_well_formed():
    rows = [line.split() for line in (rig.ROOT / "scripts/packages").read_text().splitlines() if line and not line.startswith("#")]
    assert rows and all(len(row) == 3 and row[0] in ("run", "test", "bench") for row in rows)
    names = [row[1] for row in rows if row[0] == "run"]
    again = [row[1] for row in rows if row[0] != "run" and row[1] in names]
    assert len(names) == len(set(names)) and not again


@pytest.mark.parametrize("command", [("scripts/install",), ("scripts/install", "nonsense"), ("scripts/test", "nonsense")])
def test_wrong_words_are_usage(command):
    done = run(rig.ROOT / command[0], *command[1:])
    assert done.returncode == 2 and len(done.stderr.splitlines()) == 1 and not done.stdout


def test_install_without_the_right_to_says_what_to_do(tmp_path):
    """Packages are missing and there is neither root nor sudo: one line that can be pasted."""
    for name, script in {"dpkg-query": "exit 0", "id": "echo 1000", "sudo": "exit 1"}.items():
        (tmp_path / name).write_text(f"#!/bin/sh\n{script}\n")
        (tmp_path / name).chmod(0o755)
    done = run(rig.ROOT / "scripts/install", "run", env={"PATH": f"{tmp_path}:{os.environ['PATH']}"})
    assert done.returncode == 1 and len(done.stderr.splitlines()) == 1
    assert "apt-get install --no-install-recommends" in done.stderr and " libssh-dev " in done.stderr


def test_run_passes_its_arguments_to_kanshiki(tmp_path):
    done = run(rig.ROOT / "scripts/run", "verify", "no-such-image.img", cwd=tmp_path)
    assert done.returncode not in (0, 1) and "no-such-image.img" in done.stderr


def check_main_job(folder, said):
    assert f"Report: {folder / 'triage/report.html'}" in said
    planted = json.loads((folder / "volume/demo.img.planted.json").read_text())
    manifest = json.loads((folder / "disk.img.zst.manifest.json").read_text())
    assert planted["size"] > 0 and manifest
    return planted


def test_main_job_over_a_bad_disk(tmp_path):
    folder = tmp_path / "demo"
    done = run(rig.ROOT / "scripts/demo/main_job", folder)
    assert done.returncode == 0, done.stdout + done.stderr
    planted = check_main_job(folder, done.stdout)
    bad = planted["unreadable"]
    sectors = run("ddrescuelog", "-l-", folder / "disk.img.zst.map").stdout.split()
    assert [int(sector) for sector in sectors] == [bad["offset"] // 512 + number for number in range(bad["size"] // 512)]
    # Only what could not be read differs from the volume, and it is zeros.
    restored = subprocess.run(["zstd", "-dcq", folder / "disk.img.zst"], check=True, capture_output=True).stdout
    volume = bytearray((folder / "volume/demo.img").read_bytes())
    volume[bad["offset"]:bad["offset"] + bad["size"]] = bytes(bad["size"])
    assert restored == volume


def test_main_job_where_fuse_cannot_be_used(tmp_path):
    tools = tmp_path / "tools"
    tools.mkdir()
    for folder in filter(os.path.isdir, ("/usr/sbin", "/usr/bin")):
        for name in os.listdir(folder):
            if name != "nbdfuse" and not os.path.lexists(tools / name):
                os.symlink(f"{folder}/{name}", tools / name)
    folder = tmp_path / "demo"
    done = run(rig.ROOT / "scripts/demo/main_job", folder, env={**os.environ, "PATH": str(tools)})
    assert done.returncode == 0, done.stdout + done.stderr
    assert "Notice: no bad disk on this machine (nbdfuse is missing)" in done.stdout
    check_main_job(folder, done.stdout)


@pytest.mark.full
def test_bench_measures_every_case(tmp_path):
    # Its volume is kept between runs where scripts/bench keeps it; the results are not.
    done = run(rig.ROOT / "scripts/bench", "--quick", "--no-seed", "--json", tmp_path / "bench.json")
    assert done.returncode == 0, done.stderr
    results = json.loads((tmp_path / "bench.json").read_text())["results"]
    assert {row["group"] for row in results} == {"ssh", "local", "verify", "cold", "far", "thin", "prove", "memory", "e01", "fs"}
    assert all(run["wall"] > 0 for row in results for run in row["runs"])
    assert sum(len(row["goals"]) for row in results) >= 18  # every figure with a goal was compared with it
    assert "| kanshiki, by agent, to img.zst |" in done.stdout
