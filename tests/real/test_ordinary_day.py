"""A day of an office at real servers: nothing of it is an incident above low."""

from __future__ import annotations

import re
import shlex
import socket
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import NamedTuple

import pytest

from credwatch.kernel.clock import system_clock
from credwatch.kernel.detection import Level
from credwatch.replay.replay import replay_files
from real.lab import Lab, a_lab

pytestmark = [pytest.mark.real, pytest.mark.slow]

RIGHT = "right-password"
STAFF = {"lan": "203.0.113.10", "huong": "203.0.113.11", "minh": "203.0.113.12", "thao": "203.0.113.13"}
"""Who works there, each at an address of their own: a client comes from the address that it asks at."""
PHONE, BUILDER, PARTNER = "203.0.113.20", "203.0.113.30", "203.0.113.40"
PREPARE = """
sed -i 's/pam_unix.so nullok/pam_unix.so nullok nodelay/' /etc/pam.d/common-auth
sed -i /common-session/d /etc/pam.d/vsftpd
for user in lan huong minh thao deploy partner; do useradd --create-home --shell /bin/bash $user; done
for user in lan huong minh thao partner; do echo "$user:right-password"; done | chpasswd
chmod 777 /var/mail; usermod --append --groups sudo huong; mkdir -p /run/dovecot /var/spool/postfix/private
echo 'deploy ALL=(root) NOPASSWD: /bin/true' > /etc/sudoers.d/deploy; mkdir -p /var/run/vsftpd/empty
for key in /root/key /files/host_key; do ssh-keygen -q -t ed25519 -N '' -f $key; done
install -d -o deploy -m 700 /home/deploy/.ssh; install -o deploy -m 600 /root/key.pub /home/deploy/.ssh/authorized_keys
chown root:root /files/vsftpd.conf; echo '* * * * * root true' > /etc/crontab
"""
SSHD = "/usr/sbin/sshd -D -p 2222 -h /files/host_key -o UsePAM=yes -o PasswordAuthentication=yes -o PidFile=none"
DOVECOT = """
base_dir = /run/dovecot
log_path = syslog
disable_plaintext_auth = no
auth_failure_delay = 0
ssl = no
protocols = imap
mail_location = mbox:~/mail:INBOX=/var/mail/%u
passdb {
  driver = pam
}
userdb {
  driver = passwd
}
service anvil {
  unix_listener anvil-auth-penalty {
    mode = 0
  }
}
service imap-login {
  inet_listener imap {
    port = 1143
  }
  inet_listener imaps {
    port = 0
  }
}
"""
VSFTPD = """
listen=YES
listen_port=2121
background=NO
anonymous_enable=NO
local_enable=YES
pam_service_name=vsftpd
syslog_enable=YES
xferlog_enable=YES
seccomp_sandbox=NO
isolate_network=NO
delay_failed_login=0
"""


class Act(NamedTuple):
    """What somebody does at a moment of the day."""

    minute: float
    """When, in minutes after midnight."""
    do: Callable[[Lab], object]
    """What it is."""


def mail(user: str, address: str, *passwords: str) -> Callable[[Lab], None]:
    """Look for mail, with one password after the other."""

    def act(lab: Lab) -> None:
        with (
            lab.network(),
            socket.create_connection(("203.0.113.1", 1143), 60, (address, 0)) as client,
            client.makefile("rb") as lines,
        ):
            lines.readline()
            for password in passwords:
                client.sendall(f"a LOGIN {user} {password}\r\n".encode())
                while lines.readline().startswith(b"* "):
                    pass
            client.sendall(b"b LOGOUT\r\n")
            lines.read()

    return act


def ssh(user: str, address: str, command: str, *passwords: str) -> Callable[[Lab], None]:
    """Work at the server, after typing passwords, or with a key where there is none."""
    options = "-p 2222 -o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null -o LogLevel=QUIET"
    way = "-i /root/key" if not passwords else f"-o PubkeyAuthentication=no -o NumberOfPasswordPrompts={len(passwords)}"
    answers = "\n".join(passwords)
    ask = f"printf '%s\\n' {shlex.quote(answers)} > /root/answers; export SSH_ASKPASS=/files/ask"
    return lambda lab: lab.tried(
        f"{ask} SSH_ASKPASS_REQUIRE=force; ssh {options} {way} {user}@{address} {shlex.quote(command)} < /dev/null"
    )


def ftp(user: str, address: str, *passwords: str) -> Callable[[Lab], None]:
    """Fetch files, after typing passwords."""

    def act(lab: Lab) -> None:
        with (
            lab.network(),
            socket.create_connection(("203.0.113.1", 2121), 60, (address, 0)) as client,
            client.makefile("rb") as lines,
        ):
            lines.readline()
            for password in passwords:
                for line in (f"USER {user}", f"PASS {password}"):
                    client.sendall(f"{line}\r\n".encode())
                    lines.readline()
            client.sendall(b"QUIT\r\n")
            lines.read()

    return act


def day() -> Iterator[Act]:
    """Give what happens, in no order."""
    for number, (user, address) in enumerate(STAFF.items()):
        begin = 8 * 60 + 7 * number
        typed = ("wrong", RIGHT) if user == "minh" else (RIGHT,)
        yield Act(begin, mail(user, address, *typed))
        yield Act(begin + 3, ssh(user, address, "true", *typed))
        yield Act(13 * 60 + number, ssh(user, address, "true", RIGHT))
        for hour in (9, 12, 16):
            yield Act(hour * 60 + number * 3, mail(user, address, RIGHT))
    yield Act(14 * 60, ssh("thao", STAFF["thao"], "true", "wrong", "wrong", RIGHT))
    yield Act(10 * 60 + 5, ssh("huong", STAFF["huong"], f"(echo wrong; echo {RIGHT}) | sudo -S -p '' true", RIGHT))
    # A telephone that was not told of a new password asks again and again, all day and night.
    for moment in range(0, 24 * 60, 30):
        yield Act(moment, mail("thao", PHONE, "last-years-password"))
    for hour in range(0, 24, 3):
        yield Act(hour * 60 + 30, ssh("deploy", BUILDER, "sudo -n /bin/true"))
    yield Act(2 * 60, ftp("partner", PARTNER, RIGHT))
    yield Act(22 * 60, ftp("partner", PARTNER, "wrong", RIGHT))


def test_an_ordinary_day(tmp_path: Path) -> None:
    """Logins, slips, cron, deployments and a telephone with an old password open no incident above low."""
    acts = sorted(day(), key=lambda act: act.minute)
    with a_lab() as lab:
        lab.write("dovecot.conf", DOVECOT)
        lab.write("vsftpd.conf", VSFTPD)
        lab.write("ask", "#!/bin/sh\nhead -n 1 /root/answers; sed -i 1d /root/answers\n", 0o755)
        lab.run(PREPARE)
        for command in (SSHD, "dovecot -F -c /files/dovecot.conf", "vsftpd /files/vsftpd.conf", "cron -f"):
            lab.start(command)
        lab.until_listens(2222, 1143, 2121)
        for act in acts:
            lab.run(f"logger --tag act {act.minute}")
            act.do(lab)
        log = tmp_path / "day.log"
        log.write_text(stamped(lab.syslog()))
    replayed = replay_files([str(log)], None, kind="auto", zone="UTC", clock=system_clock)
    told = [(it.kind, it.level.name, it.subject) for it in replayed.incidents if it.level > Level.LOW]
    assert [] == told
    tried = {it.address for it in replayed.addresses}
    assert {STAFF["minh"], STAFF["thao"], PHONE, PARTNER} <= tried


def stamped(log: str) -> str:
    """Write the lines of each act as of its moment yesterday; those before tell of accounts that are made."""
    midnight = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0) - timedelta(days=1)
    parts = re.split(r"^\S+ +\S+ \S+ lab act: ([\d.]+)\n", log, flags=re.MULTILINE)
    return "".join(
        f"{(midnight + timedelta(minutes=float(minute), seconds=number)):%b %e %H:%M:%S}{line[15:]}"
        for minute, lines in zip(parts[1::2], parts[2::2], strict=True)
        for number, line in enumerate(lines.splitlines(keepends=True))
        if " rsyslogd: " not in line
    )
