"""Waiting for a condition, with a deadline instead of a guess at how long things take."""

import time


def wait_until(condition, what: str, timeout: float = 60.0, interval: float = 0.005):
    """Polls until condition() is true and returns its value; AssertionError naming `what` after the deadline."""
    deadline = time.monotonic() + timeout
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > deadline:
            raise AssertionError(f"after {timeout} s still waiting for {what}")
        time.sleep(interval)
