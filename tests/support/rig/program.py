"""Running kanshiki: to the end, or in the background with its progress at hand."""

import json
import os
import signal
import subprocess
import threading
from dataclasses import dataclass

from .paths import binary
from .wait import wait_until


@dataclass
class Finished:
    command: list
    code: int
    stdout: str
    stderr: str
    peak_rss: int = 0  # bytes; 0 where it was not measured

    @property
    def json(self) -> dict:
        """The one object that --json prints."""
        return json.loads(self.stdout)

    def expect(self, code: int) -> "Finished":
        assert self.code == code, f"{self.command} gave {self.code}, expected {code}\n{self.stdout}\n{self.stderr}"
        return self


def _environment(env):
    # No terminal, no locale of this machine, and never a prompt from whoever runs the tests.
    merged = {**os.environ, "LC_ALL": "C.UTF-8", "SSH_AUTH_SOCK": "", **(env or {})}
    return {name: value for name, value in merged.items() if value is not None}


def kanshiki(*arguments, timeout: float = 300, env: dict | None = None, stdin=None, cwd=None, wrapper=()) -> Finished:
    """Runs the program to its end. `stdin` is bytes or an open file; env values of None remove a variable."""
    command = [*map(str, wrapper), str(binary()), *map(str, arguments)]
    feed = {"input": stdin} if isinstance(stdin, bytes) else {"stdin": stdin or subprocess.DEVNULL}
    done = subprocess.run(command, capture_output=True, timeout=timeout, env=_environment(env), cwd=cwd, **feed)
    return Finished(command, done.returncode, done.stdout.decode("utf-8", "replace"),
                    done.stderr.decode("utf-8", "replace"))


class Running:
    """The program in the background. Reads both its streams so that it never blocks on us.

    with Running("acquire", disk, "-o", image, "--progress", "json") as run:
        run.wait_progress(64 << 20)
        run.signal(signal.SIGKILL)
        finished = run.finish()
    """

    def __init__(self, *arguments, env: dict | None = None, stdin=None, cwd=None, wrapper=()):
        self.command = [*map(str, wrapper), str(binary()), *map(str, arguments)]
        self._process = subprocess.Popen(self.command, stdin=stdin or subprocess.DEVNULL, stdout=subprocess.PIPE,
                                         stderr=subprocess.PIPE, env=_environment(env), cwd=cwd)
        self._kept = {"stdout": [], "stderr": []}
        self._progress = {"done": -1}
        self._code = None
        self._rss = 0
        self._readers = [threading.Thread(target=self._read, args=(name,), daemon=True) for name in self._kept]
        for reader in self._readers:
            reader.start()

    def _read(self, name):
        for line in getattr(self._process, name):
            self._kept[name].append(line)
            if line.startswith(b"{") and b'"done"' in line:
                try:
                    self._progress = json.loads(line)
                except ValueError:
                    pass  # cut by a kill; the raw line stays in the output

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def progress(self) -> dict:
        """The last --progress json line."""
        return self._progress

    def text(self, name: str = "stderr") -> str:
        return b"".join(self._kept[name]).decode("utf-8", "replace")

    def _reap(self, block: bool) -> bool:
        if self._code is None:
            pid, status, usage = os.wait4(self.pid, 0 if block else os.WNOHANG)
            if pid:
                self._code = os.waitstatus_to_exitcode(status)
                self._process.returncode = self._code
                self._rss = usage.ru_maxrss * 1024
        return self._code is not None

    @property
    def running(self) -> bool:
        return not self._reap(block=False)

    def wait_for(self, condition, what: str, timeout: float = 60):
        """Waits for condition(); fails at once if the program ends before it holds."""

        def check():
            ended = not self.running  # before the condition, so that a last-moment truth still counts
            value = condition()
            if not value and ended:
                raise AssertionError(f"{self.command} ended with {self._code} before {what}\n{self.text('stderr')}")
            return value

        return wait_until(check, what, timeout)

    def wait_progress(self, done: int, timeout: float = 60):
        """Waits until the program reported `done` bytes (needs --progress json)."""
        self.wait_for(lambda: self._progress["done"] >= done, f"{done} bytes of progress", timeout)

    def wait_size(self, path, size: int, timeout: float = 60):
        """Waits until `path` is at least `size` bytes long."""
        self.wait_for(lambda: os.path.exists(path) and os.path.getsize(path) >= size, f"{path} of {size} bytes", timeout)

    def signal(self, number: int = signal.SIGTERM):
        if self.running:
            os.kill(self.pid, number)

    def finish(self, timeout: float = 300) -> Finished:
        """Waits for the end. A killed program has code -SIGNAL."""
        wait_until(lambda: not self.running, f"the end of {self.command}", timeout)
        for reader in self._readers:
            reader.join(timeout)
        return Finished(self.command, self._code, self.text("stdout"), self.text("stderr"), self._rss)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.running:
            os.kill(self.pid, signal.SIGKILL)
            self._reap(block=True)
        for name in self._kept:
            getattr(self._process, name).close()
