"""A second host: a network namespace with a cable to it that can be pulled. Needs root."""

import itertools
import os
import subprocess

_numbers = itertools.count()


def _ip(*words):
    subprocess.run(["ip", *words], check=True, capture_output=True)


class FarHost:
    """`address` is the host's; `wrapper` runs a command on it: rig.Sshd(address=host.address, wrapper=host.wrapper)."""

    def __init__(self):
        number = next(_numbers)
        self.name = f"kanshiki-{os.getpid()}-{number}"
        # An interface name has 15 characters at most; the numbers of a 10.0.0.0/8 that only these two hosts see.
        self._near, self._far = f"kn{os.getpid()}.{number}"[:15], f"kf{os.getpid()}.{number}"[:15]
        net = f"10.{77 + number % 100}.{os.getpid() % 250}"
        self.near_address, self.address = f"{net}.1", f"{net}.2"
        self.wrapper = ["ip", "netns", "exec", self.name]

    def start(self) -> "FarHost":
        _ip("netns", "add", self.name)
        _ip("link", "add", self._near, "type", "veth", "peer", "name", self._far, "netns", self.name)
        _ip("addr", "add", f"{self.near_address}/24", "dev", self._near)
        _ip("-n", self.name, "addr", "add", f"{self.address}/24", "dev", self._far)
        _ip("-n", self.name, "link", "set", "lo", "up")
        _ip("-n", self.name, "link", "set", self._far, "up")
        _ip("link", "set", self._near, "up")
        return self

    def cut(self):
        """Pulls the cable: what is under way is lost, and nobody is told."""
        _ip("link", "set", self._near, "down")

    def mend(self):
        _ip("link", "set", self._near, "up")

    def close(self):
        for words in (["link", "del", self._near], ["netns", "del", self.name]):
            subprocess.run(["ip", *words], capture_output=True)

    def __enter__(self):
        try:
            return self.start()
        except BaseException:
            self.close()
            raise

    def __exit__(self, *_):
        self.close()
