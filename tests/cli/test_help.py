"""Help, man page and completion say the same, and say it of every option."""

import re
import subprocess

import pytest
import rig

COMMANDS = ["acquire", "verify", "convert", "seal", "transfer", "log", "info", "ls", "stat", "cat", "extract", "timeline", "mount", "triage"]


def options_of(kanshiki, command) -> set:
    return set(re.findall(r"^\s+(?:-\w,)?(--[a-z-]+)", kanshiki(command, "--help").expect(0).stdout, re.M)) | {"--help"}


def test_the_program_lists_its_commands(kanshiki):
    text = kanshiki("--help").expect(0).stdout
    assert all(f"  {command} " in text for command in COMMANDS)
    assert re.fullmatch(r"kanshiki \d+\.\d+\.\d+\n", kanshiki("--version").expect(0).stdout)
    assert "no command 'frob'" in kanshiki("frob").expect(2).stderr
    kanshiki().expect(2)


@pytest.mark.parametrize("command", COMMANDS)
def test_help_teaches_with_examples(kanshiki, command):
    text = kanshiki(command, "--help").expect(0).stdout
    assert f"Usage: kanshiki {command}" in text
    assert len(re.findall(rf"^  (?:.*\| )?kanshiki {command} ", text, re.M)) >= 3
    assert "Exit: 0" in text


@pytest.mark.parametrize("command", COMMANDS)
def test_every_option_is_in_the_man_page(kanshiki, command):
    page = subprocess.run(["mandoc", "-T", "ascii", rig.ROOT / "docs/kanshiki.1"], check=True, capture_output=True).stdout
    page = re.sub(r".\x08", "", page.decode())
    missing = [option for option in options_of(kanshiki, command) if not re.search(rf"{option}\b", page)]
    assert missing == []


@pytest.mark.parametrize("command", COMMANDS)
def test_completion_offers_every_option(kanshiki, command):
    script = f"""source {rig.ROOT}/scripts/completion/kanshiki.bash
COMP_WORDS=(kanshiki {command} --); COMP_CWORD=2; _kanshiki; printf '%s\\n' "${{COMPREPLY[@]}}" """
    offered = subprocess.run(["bash", "-c", script], check=True, capture_output=True, text=True).stdout.split()
    assert set(offered) == options_of(kanshiki, command)
