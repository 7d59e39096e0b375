"""Triage of the demonstration volume: every finding, word for word. A change shows as a diff of demo_findings.txt.

To accept one: KANSHIKI_ACCEPT=1 scripts/test golden, then read the diff.
"""

import json
import os
from pathlib import Path

GOLDEN = Path(__file__).with_name("demo_findings.txt")


def test_findings_of_the_demonstration_volume(kanshiki, demo_volume, tmp_path):
    kanshiki("triage", demo_volume, "-o", tmp_path / "triage").expect(0)
    lines = []
    for line in (tmp_path / "triage/findings.jsonl").read_text().splitlines():
        finding = json.loads(line)
        lines.append(f"{finding['severity']:8} {finding['rule']} [{finding['attack']}] {finding['title']}")
        lines += [f"         {place['path']}:{place['line']}" for place in finding["evidence"]]
    text = "\n".join(lines) + "\n"
    if os.environ.get("KANSHIKI_ACCEPT"):
        GOLDEN.write_text(text)
    assert text == GOLDEN.read_text()
