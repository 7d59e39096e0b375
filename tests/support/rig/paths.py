"""Where the repository and the program under test are."""

import os
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]


def binary() -> Path:
    """The program under test: KANSHIKI (relative to the repository), or the release build."""
    path = ROOT / os.environ.get("KANSHIKI", "build/release/kanshiki")
    if not os.access(path, os.X_OK):
        raise FileNotFoundError(f"{path} is not there: build it (cmake --build --preset or scripts/run), or set KANSHIKI")
    return path
