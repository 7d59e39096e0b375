"""The ordinary part of the demonstration volume: a small Debian server, from the packages of the machine it is made on.

Only files that belong to Debian packages are taken (never what the machine's owner wrote), and only what everyone may read.
"""

import os
import stat
from pathlib import Path

PACKAGES = ("base-files", "base-passwd", "bash", "coreutils", "dash", "debianutils", "diffutils", "findutils", "grep", "gzip",
            "hostname", "libc-bin", "login", "mount", "ncurses-base", "passwd", "sed", "tar")
_SKIPPED = ("/usr/share/locale/", "/usr/share/man/", "/usr/share/info/", "/usr/share/i18n/", "/usr/share/doc-base/", "/etc/")
_DPKG = Path("/var/lib/dpkg")


def add_system(volume):
    for name in ("bin", "sbin", "lib", "lib64"):
        volume.folder(f"/usr/{name}")
        volume.link(f"/{name}", f"usr/{name}")
    for name in ("boot", "dev", "home", "media", "mnt", "proc", "run", "srv", "sys", "var/cache", "var/lib", "var/log"):
        volume.folder(f"/{name}")
    volume.folder("/root", 0o700)
    for name in ("/tmp", "/var/tmp"):
        volume.folder(name, 0o1777)
    for package in PACKAGES:
        _add_package(volume, package)
    volume.write("/var/lib/dpkg/status", "".join(_stanzas()))


def _add_package(volume, package: str):
    names = _DPKG / "info" / f"{package}.list"
    for info in (names, names.with_suffix(".md5sums")):
        if info.exists():
            volume.copy(info, info)
    for path in sorted(names.read_text().splitlines()) if names.exists() else ():
        if path.startswith(_SKIPPED) or path.startswith("/usr/share/doc/") and not path.endswith("/copyright"):
            continue
        try:
            status = os.lstat(path)
        except OSError:
            continue  # a package's list also names what the machine's owner chose not to keep
        target = path if path.startswith(("/usr/", "/var/")) else f"/usr{path}"
        if volume.has(target) or not target.startswith(("/usr/", "/var/")):
            continue
        if stat.S_ISLNK(status.st_mode):
            volume.link(target, os.readlink(path))
        elif stat.S_ISREG(status.st_mode) and status.st_mode & stat.S_IROTH:
            volume.copy(path, target, stat.S_IMODE(status.st_mode))


def _stanzas():
    """The status of our packages alone, in order."""
    try:
        text = (_DPKG / "status").read_text("utf-8")
    except OSError:
        return []
    found = [part for part in text.split("\n\n") if part.partition("\n")[0].removeprefix("Package: ") in PACKAGES]
    return [part.strip("\n") + "\n\n" for part in sorted(found)]


def add_settings(volume, host: str):
    """/etc as an administrator left it."""
    for path, text in {
        "/etc/hostname": f"{host}\n",
        "/etc/hosts": f"127.0.0.1 localhost\n127.0.1.1 {host}\n::1 localhost ip6-localhost\n",
        "/etc/debian_version": "12.5\n",
        "/etc/os-release": 'PRETTY_NAME="Debian GNU/Linux 12 (bookworm)"\nNAME="Debian GNU/Linux"\nVERSION_ID="12"\nID=debian\n',
        "/etc/machine-id": "6f1d2c3b4a59687786950413223140f0\n",
        "/etc/timezone": "Etc/UTC\n",
        "/etc/fstab": "LABEL=root / ext4 rw,discard,errors=remount-ro 0 1\n",
        "/etc/shells": "/bin/sh\n/bin/bash\n/usr/bin/bash\n/bin/dash\n",
        "/etc/crontab": "SHELL=/bin/sh\nPATH=/usr/local/sbin:/usr/local/bin:/sbin:/bin:/usr/sbin:/usr/bin\n\n"
                        "17 *\t* * *\troot\tcd / && run-parts --report /etc/cron.hourly\n"
                        "25 6\t* * *\troot\ttest -x /usr/sbin/anacron || { cd / && run-parts --report /etc/cron.daily; }\n",
        "/etc/cron.d/e2scrub_all": "30 3 * * 0 root test -e /run/systemd/system || /usr/lib/x86_64-linux-gnu/e2fsprogs/e2scrub_all_cron\n",
        "/etc/ssh/sshd_config": "Include /etc/ssh/sshd_config.d/*.conf\nPermitRootLogin yes\nPasswordAuthentication yes\n"
                                "KbdInteractiveAuthentication no\nUsePAM yes\nSubsystem sftp /usr/lib/openssh/sftp-server\n",
        "/etc/ld.so.conf": "include /etc/ld.so.conf.d/*.conf\n",
        "/etc/ld.so.conf.d/x86_64-linux-gnu.conf": "/usr/local/lib/x86_64-linux-gnu\n/lib/x86_64-linux-gnu\n/usr/lib/x86_64-linux-gnu\n",
        "/etc/profile": 'PATH="/usr/local/bin:/usr/bin:/bin:/usr/local/games:/usr/games"\nexport PATH\n',
    }.items():
        volume.write(path, text)
    volume.write("/etc/sudoers", "Defaults env_reset\nroot ALL=(ALL:ALL) ALL\n%sudo ALL=(ALL:ALL) ALL\n", 0o440)
    volume.write("/etc/cron.daily/logrotate", "#!/bin/sh\nexec /usr/sbin/logrotate /etc/logrotate.conf\n", 0o755)
    volume.link("/etc/localtime", "/usr/share/zoneinfo/Etc/UTC")
    volume.write("/lib/systemd/system/cron.service".replace("/lib", "/usr/lib", 1),
                 "[Unit]\nDescription=Regular background program processing daemon\n\n[Service]\nExecStart=/usr/sbin/cron -f\n"
                 "Restart=on-failure\n\n[Install]\nWantedBy=multi-user.target\n")
    volume.link("/etc/systemd/system/multi-user.target.wants/cron.service", "/lib/systemd/system/cron.service")
