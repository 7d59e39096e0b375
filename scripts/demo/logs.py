"""Log-ins as a Linux server keeps them: auth.log (text), wtmp and btmp (384-byte utmp records)."""

import ipaddress
import struct
import time

BOOT, LOGIN, USER, DEAD = 2, 6, 7, 8


def utmp(kind: int, pid: int, line: str, user: str, host: str, when: int, ident: str = "") -> bytes:
    """struct utmp of glibc on x86-64 (utmp.h): 384 bytes, times of 32 bits."""
    try:
        address = ipaddress.ip_address(host).packed
    except ValueError:
        address = b""
    return struct.pack("<hxxi32s4s32s256shhiii16s20x", kind, pid, line.encode(), ident.encode(), user.encode(), host.encode(),
                       0, 0, 0, when, 0, address.ljust(16, b"\0"))


class Logins:
    """Collects one host's log-ins and gives the files that would have recorded them."""

    def __init__(self, host: str, random_):
        self._host, self._random = host, random_
        self._auth, self._wtmp, self._btmp = [], [], []  # (time, record)
        self._pid = 700

    def _log(self, when: int, program: str, pid: int, text):
        # The old syslog format: no year. Readers must take it from the file's time.
        stamp = time.strftime("%b %e %H:%M:%S", time.gmtime(when))
        line = f"{stamp} {self._host} {program}[{pid}]: ".encode() + (text if isinstance(text, bytes) else text.encode()) + b"\n"
        self._auth.append((when, line))

    def _next(self) -> tuple:
        self._pid += self._random.randint(1, 9)
        return self._pid, self._random.randint(32768, 60999)

    def boot(self, when: int, kernel: str):
        self._wtmp.append((when, utmp(BOOT, 0, "~", "reboot", kernel, when, "~~")))
        self._log(when + 4, "systemd-logind", 412, "New seat seat0.")
        self._log(when + 6, "sshd", 590, "Server listening on 0.0.0.0 port 22.")

    def failed(self, when: int, user: str, address: str, known: bool):
        pid, port = self._next()
        if not known:
            self._log(when, "sshd", pid, f"Invalid user {user} from {address} port {port}")
        name = user if known else f"invalid user {user}"
        self._log(when + 2, "sshd", pid, f"Failed password for {name} from {address} port {port} ssh2")
        self._log(when + 2, "sshd", pid, f"Connection closed by {'authenticating' if known else 'invalid'} user {user} {address} port {port} [preauth]")
        self._btmp.append((when + 2, utmp(LOGIN, pid, "ssh:notty", user, address, when + 2)))

    def repeated(self, when: int, user: str, address: str, times: int):
        """rsyslog's way of writing the same line again."""
        pid, port = self._next()
        text = f"Failed password for {user} from {address} port {port} ssh2"
        self._log(when, "sshd", pid, text)
        self._log(when + times, "sshd", pid, f"message repeated {times} times: [ {text}]")
        for number in range(times + 1):
            self._btmp.append((when + number, utmp(LOGIN, pid, "ssh:notty", user, address, when + number)))

    def raw(self, when: int, text: bytes):
        self._log(when, "sshd", self._next()[0], text)

    def accepted(self, when: int, until: int, user: str, uid: int, address: str, method: str, terminal: str, key: str = ""):
        pid, port = self._next()
        tail = f" ssh2: ED25519 {key}" if key else " ssh2"
        self._log(when, "sshd", pid, f"Accepted {method} for {user} from {address} port {port}{tail}")
        self._log(when, "sshd", pid, f"pam_unix(sshd:session): session opened for user {user}(uid={uid}) by (uid=0)")
        self._log(until, "sshd", pid, f"Disconnected from user {user} {address} port {port}")
        self._log(until, "sshd", pid, f"pam_unix(sshd:session): session closed for user {user}")
        ident = "ts/" + terminal[-1]
        self._wtmp.append((when, utmp(USER, pid, terminal, user, address, when, ident)))
        self._wtmp.append((until, utmp(DEAD, pid, terminal, "", "", until, ident)))

    def new_user(self, when: int, user: str, uid: int, home: str):
        pid, _ = self._next()
        self._log(when, "useradd", pid, f"new user: name={user}, UID={uid}, GID=0, home={home}, shell=/bin/bash, from=/dev/pts/0")

    def cron(self, when: int):
        pid, _ = self._next()
        self._log(when, "CRON", pid, "pam_unix(cron:session): session opened for user root(uid=0) by (uid=0)")
        self._log(when + 1, "CRON", pid, "pam_unix(cron:session): session closed for user root")

    @staticmethod
    def _joined(records) -> bytes:
        return b"".join(record for _, record in sorted(records, key=lambda item: item[0]))

    def auth_log(self) -> bytes:
        return self._joined(self._auth)

    def wtmp(self) -> bytes:
        return self._joined(self._wtmp)

    def btmp(self) -> bytes:
        return self._joined(self._btmp)
