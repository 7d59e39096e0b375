"""A real OpenSSH server on loopback: own keys, own known_hosts, and a far side whose tools we choose."""

import os
import pwd
import shlex
import signal
import socket
import subprocess
import tempfile
import shutil
from pathlib import Path

from .wait import wait_until

SUDO_WORKS = """#!/bin/sh
[ "$1" = -n ] && shift
[ "$1" = -- ] && shift
KANSHIKI_RIG_SUDO=1 exec "$@"
"""
SUDO_WANTS_PASSWORD = """#!/bin/sh
echo 'sudo: a password is required' >&2
exit 1
"""
_TOOL_FOLDERS = ("/usr/local/sbin", "/usr/local/bin", "/usr/sbin", "/usr/bin", "/sbin", "/bin")
_CONFIG = """\
Port {port}
ListenAddress {address}
HostKey {folder}/host_key
AuthorizedKeysFile {folder}/authorized_keys
PidFile none
UsePAM no
StrictModes no
PasswordAuthentication no
KbdInteractiveAuthentication no
PermitRootLogin prohibit-password
PermitUserRC no
PrintMotd no
MaxStartups 100
MaxSessions 100
LogLevel VERBOSE
Subsystem sftp internal-sftp
ForceCommand {folder}/far_shell
{extra}
"""


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return listener.getsockname()[1]


def _keygen(path, kind="ed25519"):
    path.unlink(missing_ok=True)
    subprocess.run(["ssh-keygen", "-q", "-t", kind, "-N", "", "-C", path.name, "-f", path], check=True)


class Sshd:
    """Runs as whoever we are, and lets that user in with `identity`.

    only / without   names of the tools that the far side's PATH has / lacks; default: all of this machine's
    fakes            {name: script} put in front of the tools (SUDO_WORKS, SUDO_WANTS_PASSWORD)
    busybox          the far side's tools and its shell are busybox's applets, and nothing else
    far_env          variables of the far side's commands
    extra            lines for sshd_config
    address          it listens on; wrapper: command words that run sshd (ip netns exec NAME, unshare …)
    The far shell is /bin/sh (or busybox's), whatever the login shell is; what it was asked to run is in `commands()`.
    """

    def __init__(self, only=None, without=(), fakes=None, far_env=None, extra: str = "", key: str = "ed25519",
                 address: str = "127.0.0.1", wrapper=(), busybox: bool = False):
        self.folder = Path(tempfile.mkdtemp(prefix="kanshiki-sshd-"))
        self.user = pwd.getpwuid(os.geteuid()).pw_name
        self.address, self._wrapper = address, [str(word) for word in wrapper]
        self.port = _free_port()
        self.identity = self.folder / "user_key"
        self.wrong_identity = self.folder / "wrong_key"
        self.known_hosts = self.folder / "known_hosts"
        self.ssh_config = self.folder / "ssh_config"
        self.log_file = self.folder / "log"
        self._extra, self._key, self._far_env = extra, key, dict(far_env or {})
        self._process = None
        self._marker = f"KANSHIKI_RIG_SSHD={self.folder.name}"
        _keygen(self.identity)
        _keygen(self.wrong_identity)
        _keygen(self.folder / "host_key", key)
        shutil.copy(f"{self.identity}.pub", self.folder / "authorized_keys")
        self._busybox = shutil.which("busybox") if busybox else None
        if busybox and not self._busybox:
            raise FileNotFoundError("this machine has no busybox")
        self._tools(only, without, fakes or {})
        self._far_shell()
        self.trust()

    def _tools(self, only, without, fakes):
        if self._busybox:
            self._path = str(self.folder / "tools")
            os.mkdir(self._path)
            for name in subprocess.run([self._busybox, "--list"], check=True, capture_output=True, text=True).stdout.split():
                os.symlink(self._busybox, f"{self._path}/{name}")
            return
        if only is None and not without and not fakes:
            self._path = ":".join(_TOOL_FOLDERS)
            return
        tools = self.folder / "tools"
        tools.mkdir()
        for folder in filter(os.path.isdir, _TOOL_FOLDERS):
            for name in os.listdir(folder):
                wanted = name in only if only is not None else name not in without
                if wanted and not os.path.lexists(tools / name):
                    os.symlink(f"{folder}/{name}", tools / name)
        missing = set(only or ()) - set(os.listdir(tools))
        if missing:
            raise FileNotFoundError(f"this machine has no {', '.join(sorted(missing))}")
        for name, script in fakes.items():
            (tools / name).unlink(missing_ok=True)
            (tools / name).write_text(script)
            (tools / name).chmod(0o755)
        self._path = str(tools)

    def _far_shell(self):
        # ForceCommand and not SetEnv PATH: a login bash would read ~/.bashrc and put its own PATH back.
        settings = "".join(f"export {name}={shlex.quote(value)}\n" for name, value in self._far_env.items())
        shell = self.folder / "far_shell"
        sh = f"{self._path}/sh" if self._busybox else "/bin/sh"
        shell.write_text(f"""#!/bin/sh
printf '%s\\0' "$SSH_ORIGINAL_COMMAND" >>{self.folder}/commands
export {self._marker}
PATH={shlex.quote(self._path)}; export PATH
{settings}[ -n "$SSH_ORIGINAL_COMMAND" ] || exec {sh}
exec {sh} -c "$SSH_ORIGINAL_COMMAND"
""")
        shell.chmod(0o755)

    # -- what a client needs ------------------------------------------------------------------------------------

    @property
    def fingerprint(self) -> str:
        """SHA256:… of the host key, as --host-key takes it."""
        out = subprocess.run(["ssh-keygen", "-lf", self.folder / "host_key.pub"], check=True, capture_output=True, text=True)
        return out.stdout.split()[1]

    def trust(self, port: int | None = None):
        """Writes known_hosts and ssh_config for the present host key (`port`: seen through a proxy)."""
        port = port or self.port
        key = " ".join((self.folder / "host_key.pub").read_text().split()[:2])
        self.known_hosts.write_text(f"[{self.address}]:{port} {key}\n")
        self.ssh_config.write_text(
            f"Host rig\n  HostName {self.address}\nHost *\n  Port {port}\n  User {self.user}\n  IdentityFile {self.identity}\n"
            f"  IdentitiesOnly yes\n  UserKnownHostsFile {self.known_hosts}\n  GlobalKnownHostsFile /dev/null\n"
            f"  StrictHostKeyChecking yes\n  BatchMode yes\n")

    def url(self, path, port: int | None = None) -> str:
        return f"ssh://{self.user}@{self.address}:{port or self.port}{Path(path).absolute()}"

    def options(self) -> list:
        """Options for kanshiki that use our key and our known_hosts, and nothing of the user's own."""
        return ["--ssh-config", "/dev/null", "--identity", self.identity, "--known-hosts", self.known_hosts]

    def ssh(self, command: str, *options, **keywords) -> subprocess.CompletedProcess:
        """Runs `command` on the far side with the OpenSSH client."""
        return subprocess.run(["ssh", "-F", self.ssh_config, *options, "rig", command], stdin=subprocess.DEVNULL,
                              capture_output=True, timeout=60, **keywords)

    # -- its life -----------------------------------------------------------------------------------------------

    def start(self) -> "Sshd":
        if os.geteuid() == 0:
            os.makedirs("/run/sshd", mode=0o755, exist_ok=True)  # sshd's privilege separation folder
        for _ in range(5):  # somebody else may take the port between our look and sshd's bind
            config = self.folder / "sshd_config"
            config.write_text(_CONFIG.format(address=self.address, port=self.port, folder=self.folder, extra=self._extra))
            self._process = subprocess.Popen([*self._wrapper, "/usr/sbin/sshd", "-D", "-f", config, "-E", self.log_file],
                                             stdin=subprocess.DEVNULL)
            if wait_until(lambda: self._listening() or self._process.poll() is not None, "sshd to listen") is True \
                    and self._process.poll() is None:
                return self
            if "Address already in use" not in self.log():
                break
            self.port = _free_port()
            self.trust()
        raise RuntimeError(f"sshd did not start: {self.log()}")

    def _listening(self) -> bool:
        return f"Server listening on {self.address} port {self.port}." in self.log().rpartition("Received signal")[2]

    def log(self) -> str:
        return self.log_file.read_text("utf-8", "replace") if self.log_file.exists() else ""

    def commands(self) -> list:
        """Every command line that a client asked for, in order."""
        kept = self.folder / "commands"
        return kept.read_bytes().decode("utf-8", "replace").split("\0")[:-1] if kept.exists() else []

    def sessions(self) -> list:
        """Process ids of sshd's own processes for open connections."""
        pids, found = [self._process.pid], []
        while pids:
            parent = pids.pop()
            try:
                children = [int(pid) for pid in Path(f"/proc/{parent}/task/{parent}/children").read_text().split()]
            except OSError:
                continue
            for child in children:
                try:
                    if Path(f"/proc/{child}/comm").read_text().startswith("sshd"):
                        found.append(child)
                        pids.append(child)
                except OSError:
                    continue
        return found

    def far_processes(self) -> dict:
        """{pid: command line} of what our sessions started, also after their sshd has gone."""
        found = {}
        for entry in Path("/proc").iterdir():
            try:
                if entry.name.isdigit() and self._marker.encode() in (entry / "environ").read_bytes().split(b"\0"):
                    found[int(entry.name)] = (entry / "cmdline").read_bytes().replace(b"\0", b" ").decode("utf-8", "replace")
            except OSError:
                continue
        return found

    def kill_sessions(self):
        """The server's side of every connection dies at once; the daemon lives on and takes new ones."""
        for pid in self.sessions():
            _kill(pid)

    def stop(self):
        """The daemon and every session of it die."""
        if self._process is not None:
            sessions = self.sessions()
            self._process.kill()
            self._process.wait()
            self._process = None
            for pid in sessions:
                _kill(pid)
            with open(self.log_file, "a") as log:
                log.write("Received signal of the rig: stopped\n")

    def restart(self):
        """Comes back on the same port."""
        self.stop()
        self.start()

    def change_host_key(self):
        """A new host key on the same port; known_hosts keeps the old one."""
        self.stop()
        _keygen(self.folder / "host_key", self._key)
        self.start()

    def close(self):
        self.stop()
        for pid in self.far_processes():
            _kill(pid)
        shutil.rmtree(self.folder, ignore_errors=True)

    def __enter__(self):
        try:
            return self.start()
        except BaseException:
            self.close()
            raise

    def __exit__(self, *_):
        self.close()


def _kill(pid: int):
    try:
        os.kill(pid, signal.SIGKILL)
    except ProcessLookupError:
        pass
