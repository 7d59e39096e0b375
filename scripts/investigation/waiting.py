"""Time and interruption. Nothing here or elsewhere waits without a limit."""

import datetime
import os
import select
import signal
import time

from .failure import Interrupted

SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class Clock:
    """The machine's clocks. sleep() ends early, by Interrupted, when a signal came."""

    def __init__(self):
        # A pipe to ourselves: a signal that comes just before a wait still ends it.
        self.read_end, self._write_end = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
        self.signal, self.hurry = None, True

    def now(self):
        return datetime.datetime.now(datetime.timezone.utc)

    def monotonic(self):
        return time.monotonic()

    def sleep(self, seconds):
        self.check()
        select.select([self.read_end], [], [], max(0.0, seconds))
        self.check()

    def check(self):
        if self.signal is not None:
            raise Interrupted("interrupted by " + signal.Signals(self.signal).name)

    def catch_signals(self, say):
        def note(number, _frame):
            second, self.signal = self.signal is not None, number
            os.write(self._write_end, bytes([number]))
            # The first lets the call under way end, so that its answer is recorded; the second does not wait for it.
            if second and self.hurry:
                raise Interrupted("interrupted twice")
            say("stopping when the step under way allows; once more to stop at once")

        for number in SIGNALS:
            signal.signal(number, note)

    def next_signal(self):
        """One caught signal not yet passed on to a child, or None."""
        try:
            data = os.read(self.read_end, 1)
        except BlockingIOError:
            return None
        return data[0] if data else None


class OutOfTime(Exception):
    pass


def wait_for(clock, probe, limit, longest=15.0):
    """Asks probe() until it gives something other than None; OutOfTime after `limit` seconds."""
    end = clock.monotonic() + limit
    pause = 1.0
    while True:
        answer = probe()
        if answer is not None:
            return answer
        left = end - clock.monotonic()
        if left <= 0:
            raise OutOfTime()
        clock.sleep(min(pause, left))
        pause = min(pause * 1.5, longest)
