"""Debian's vsftpd, ProFTPD and Pure-FTPd: what credwatch reads in their logs is what was done to them."""

from __future__ import annotations

import ftplib
from collections.abc import Iterator
from contextlib import suppress
from typing import NamedTuple

import pytest

from real.attempts import read_log
from real.lab import Lab, a_lab
from real.truth import Seen, done, held, held_hostile, hostile_names, places, seen

pytestmark = [pytest.mark.real, pytest.mark.slow]

PORT = 2121
RIGHT = "right-password"
USERS = """
useradd --create-home --shell /bin/bash lan; useradd --create-home --shell /bin/bash locked
useradd --create-home --shell /bin/bash expired; useradd --create-home --shell /bin/false noshell
useradd --create-home --shell /bin/bash denied; useradd --home-dir /srv ftp
for user in lan locked expired noshell denied; do echo "$user:right-password"; done | chpasswd
passwd -q --lock locked; usermod --expiredate 2020-01-01 expired; echo denied > /etc/ftpusers
sed -i 's/pam_unix.so nullok/pam_unix.so nullok nodelay/' /etc/pam.d/common-auth
sed -i /common-session/d /etc/pam.d/vsftpd
mkdir -p /var/run/vsftpd/empty /srv
"""


class Try(NamedTuple):
    """One connection of a client."""

    user: str | None
    """Who is named, None where the client leaves before."""
    passwords: tuple[str, ...]
    """What is typed, one after the other."""
    leaves: bool = True
    """Whether the client says goodbye."""


TRIES = {
    "right": Try("lan", (RIGHT,)),
    "dropped": Try("lan", (RIGHT,), leaves=False),
    "wrong": Try("lan", ("wrong", "wrong")),
    "typo": Try("lan", ("wrong", RIGHT)),
    "unknown": Try("nobodyhere", ("wrong",)),
    "locked": Try("locked", (RIGHT,)),
    "expired": Try("expired", (RIGHT,)),
    "no-shell": Try("noshell", (RIGHT,)),
    "denied": Try("denied", (RIGHT,)),
    "anonymous": Try("anonymous", ("lan@acme.example",)),
    "root": Try("root", ("wrong",)),
    "silent": Try(None, ()),
}
ADDRESSES = places(TRIES)
HOSTILE, VISITOR = "203.0.113.200", "203.0.113.201"
TRUTH = {
    "right": done(logins=1),
    "dropped": done(logins=1),
    "wrong": done(2),
    "typo": done(1, 1),
    "unknown": done(1, user="nobodyhere"),
    "locked": done(1, user="locked"),
    "expired": done(1, user="expired"),
    "no-shell": done(1, user="noshell"),
    "denied": done(1, user="denied"),
    "anonymous": done(logins=1, user="ftp"),
    "root": done(1, user="root"),
    "silent": done(),
}


VSFTPD = """
listen=YES
listen_address=203.0.113.1
listen_port=2121
background=NO
anonymous_enable=YES
local_enable=YES
pam_service_name=vsftpd
xferlog_enable=YES
vsftpd_log_file=/files/vsftpd.log
syslog_enable={syslog}
seccomp_sandbox=NO
isolate_network=NO
delay_failed_login=0
delay_successful_login=0
"""
PROFTPD = """
ServerType standalone
DefaultAddress 203.0.113.1
Port 2121
UseIPv6 off
AuthOrder mod_auth_unix.c
UseReverseDNS off
ServerLog /files/proftpd.log
WtmpLog off
PidFile /run/proftpd.pid
ScoreboardFile /run/proftpd.scores
DelayEngine off
SyslogLevel info
MaxLoginAttempts 3
<Anonymous /srv>
User ftp
Group ftp
UserAlias anonymous ftp
RequireValidShell off
</Anonymous>
"""


def attempt(port: int, address: str, it: Try) -> None:
    """Log in to the server as a client at an address does."""
    client = ftplib.FTP(timeout=30)
    client.encoding = "utf-8"
    client.connect("203.0.113.1", port, source_address=(address, 0))
    with suppress(ftplib.Error, EOFError, OSError):
        for password in it.passwords:
            with suppress(ftplib.error_perm):
                client.login(it.user or "", password)
        if it.leaves:
            client.quit()
    client.close()


def attempt_all(lab: Lab, program: str, names: list[str]) -> None:
    """Make all tries, those under hostile names, and visits with hostile passwords."""
    lab.until_listens(PORT)
    tries = [(PORT, ADDRESSES[name], it) for name, it in TRIES.items()]
    tries += [(PORT, HOSTILE, Try(name, ("wrong",))) for name in names]
    tries += [(PORT, VISITOR, Try("anonymous", (name,))) for name in names]
    lab.at_once(attempt, tries)
    lab.until_alone(program)


def by_server(ways: dict[str, Seen]) -> dict[str, Seen]:
    """Say what differs at one server."""
    return {**TRUTH, **ways}


@pytest.fixture
def lab() -> Iterator[Lab]:
    """Run a machine with accounts of all kinds."""
    with a_lab() as machine:
        machine.run(USERS)
        yield machine


def test_vsftpd_by_its_own_log(lab: Lab) -> None:
    """Its own file tells who came from where and how it went, and no reason."""
    start_vsftpd(lab, "NO")
    names = hostile_names("vsftpd")
    attempt_all(lab, "vsftpd", names)
    parsed = read_log(lab.read("vsftpd.log"))
    held(TRUTH, parsed, ADDRESSES)
    held_hostile(parsed, HOSTILE, names, len(names))
    assert {len(names)} == {seen(parsed)[VISITOR].logins}


def test_vsftpd_by_syslog(lab: Lab) -> None:
    """By syslog PAM tells of attempts as well, and each counts once."""
    start_vsftpd(lab, "YES")
    names = hostile_names("vsftpd")
    attempt_all(lab, "vsftpd", names)
    parsed = read_log(lab.syslog())
    held(TRUTH, parsed, ADDRESSES)
    held_hostile(parsed, HOSTILE, names, len(names))


def start_vsftpd(lab: Lab, syslog: str) -> None:
    """Start it with a log of its own, or by syslog."""
    lab.write("vsftpd.conf", VSFTPD.format(syslog=syslog))
    lab.run("chown root:root /files/vsftpd.conf")
    lab.start("vsftpd /files/vsftpd.conf")


def test_proftpd(lab: Lab) -> None:
    """It tells why, save of an account that is locked."""
    lab.write("proftpd.conf", PROFTPD)
    lab.run("proftpd -c /files/proftpd.conf")
    names = hostile_names("proftpd")
    attempt_all(lab, "proftpd", names)
    ways = {
        "wrong": done(2, reasons={"wrong_password"}),
        "typo": done(1, 1, reasons={"wrong_password"}),
        "unknown": done(1, user="nobodyhere", reasons={"invalid_user"}),
        "locked": done(1, user="locked", reasons={"wrong_password"}),
        "expired": done(1, user="expired", reasons={"wrong_password", "account_expired"}),
        "no-shell": done(1, user="noshell", reasons={"not_allowed"}),
        "denied": done(1, user="denied", reasons={"not_allowed"}),
        "root": done(1, user="root", reasons={"not_allowed"}),
    }
    parsed = read_log(lab.read("proftpd.log"))
    held(by_server(ways), parsed, ADDRESSES)
    held_hostile(parsed, HOSTILE, names, len(names))


def test_pure_ftpd(lab: Lab) -> None:
    """It tells no reasons; it knows nothing of /etc/ftpusers where PAM is not asked."""
    lab.start("pure-ftpd -S 203.0.113.1,2121 -l unix -H -C 200 -c 200")
    names = hostile_names("pure-ftpd")
    attempt_all(lab, "pure-ftpd", names)
    parsed = read_log(lab.syslog())
    ways = {
        "right": done(logins=1, actions={"logout"}),
        "dropped": done(logins=1, actions={"logout"}),
        "typo": done(1, 1, actions={"logout"}),
        "denied": done(logins=1, user="denied", actions={"logout"}),
        "anonymous": done(logins=1, user="anonymous", actions={"logout"}),
    }
    held(by_server(ways), parsed, ADDRESSES)
    held_hostile(parsed, HOSTILE, names, len(names))
