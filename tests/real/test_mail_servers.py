"""Debian's Dovecot, Postfix and Exim: what credwatch reads in their logs is what was done to them."""

from __future__ import annotations

import base64
import smtplib
import socket
from collections.abc import Callable, Iterator
from typing import NamedTuple

import pytest

from real.attempts import read_log
from real.lab import Lab, a_lab
from real.truth import done, held, held_hostile, hostile_names, places

pytestmark = [pytest.mark.real, pytest.mark.slow]

RIGHT = "right-password"
USERS = """
useradd --create-home --shell /bin/bash lan; useradd --create-home locked; useradd --create-home expired
for user in lan locked expired; do echo "$user:right-password"; done | chpasswd
passwd -q --lock locked; usermod --expiredate 2020-01-01 expired; chmod 777 /var/mail
sed -i 's/pam_unix.so nullok/pam_unix.so nullok nodelay/' /etc/pam.d/common-auth
mkdir -p /run/dovecot /var/spool/postfix/private /var/lib/dovecot
"""
DOVECOT = """
base_dir = /run/dovecot
log_path = {log}
syslog_facility = mail
auth_verbose = {verbose}
disable_plaintext_auth = no
auth_failure_delay = 0
auth_mechanisms = plain login
ssl = no
protocols = imap pop3
listen = 203.0.113.1
mail_location = mbox:~/mail:INBOX=/var/mail/%u
first_valid_uid = 1000
{passdb}
userdb {{
  driver = passwd
}}
service imap-login {{
  inet_listener imap {{
    port = 1143
  }}
  inet_listener imaps {{
    port = 0
  }}
}}
service pop3-login {{
  inet_listener pop3 {{
    port = 1110
  }}
  inet_listener pop3s {{
    port = 0
  }}
}}
service anvil {{
  unix_listener anvil-auth-penalty {{
    mode = 0
  }}
}}
service auth {{
  unix_listener /var/spool/postfix/private/auth {{
    mode = 0666
  }}
}}
"""
FILE = "passdb {\n  driver = passwd-file\n  args = /files/passwords\n}"
PAM = "passdb {\n  driver = pam\n}"


class Try(NamedTuple):
    """One connection of a client."""

    user: str | None
    """Who is named, None where the client leaves before."""
    passwords: tuple[str, ...] = ()
    """What is said, one after the other."""
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
    "silent": Try(None),
    "silent-dropped": Try(None, leaves=False),
}
PLACES = {"imap": places(TRIES), "pop3": places(TRIES, 40), "smtp": places(TRIES, 70)}
HOSTILE = "203.0.113.200"
ACCEPTED = 250
IMAP, POP3, SMTP = 1143, 1110, 1587


def imap(address: str, it: Try) -> None:
    """Log in to a mailbox by IMAP, with names and passwords as literals, which may hold anything."""
    with socket.create_connection(("203.0.113.1", IMAP), 60, (address, 0)) as client, client.makefile("rb") as lines:
        lines.readline()
        for password in it.passwords:
            name, secret = str(it.user).encode(), password.encode()
            client.sendall(b"a LOGIN {%d+}\r\n%b {%d+}\r\n%b\r\n" % (len(name), name, len(secret), secret))
            while lines.readline().startswith(b"* "):
                pass
        if it.leaves:
            client.sendall(b"b LOGOUT\r\n")
            lines.read()


def pop3(address: str, it: Try) -> None:
    """Log in to a mailbox by POP3."""
    with socket.create_connection(("203.0.113.1", POP3), 60, (address, 0)) as client, client.makefile("rb") as lines:
        lines.readline()
        for password in it.passwords:
            client.sendall(b"AUTH PLAIN " + plain(it.user, password) + b"\r\n")
            lines.readline()
        if it.leaves:
            client.sendall(b"QUIT\r\n")
            lines.read()


def smtp(address: str, it: Try) -> None:
    """Log in to hand in a message, and hand one in."""
    client = smtplib.SMTP("203.0.113.1", SMTP, "client.example", 60, (address, 0))
    client.ehlo()
    for password in it.passwords:
        client.docmd("AUTH", f"PLAIN {plain(it.user, password).decode()}")
    if it.passwords:
        client.docmd("MAIL", "FROM:<lan@acme.example>")
        if client.docmd("RCPT", "TO:<huong@acme.example>")[0] == ACCEPTED:
            client.data("Subject: hello\r\n\r\nhello\r\n")
    if it.leaves:
        client.quit()
    client.close()


def plain(user: str | None, password: str) -> bytes:
    """Give what PLAIN says (RFC 4616)."""
    return base64.b64encode(f"\0{user or ''}\0{password}".encode())


def log_in_all(lab: Lab, names: list[str], **ways: Callable[[str, Try], None]) -> None:
    """Make all tries by each protocol, and those under hostile names by the first."""
    for protocol, way in ways.items():
        lab.at_once(way, [(PLACES[protocol][name], it) for name, it in TRIES.items()])
    lab.at_once(next(iter(ways.values())), [(HOSTILE, Try(name, ("wrong",))) for name in names])


@pytest.fixture
def lab() -> Iterator[Lab]:
    """Run a machine with accounts of all kinds."""
    with a_lab() as machine:
        machine.run(USERS)
        yield machine


def start_dovecot(lab: Lab, **settings: str) -> None:
    """Start it, and return when it takes logins."""
    lab.write("dovecot.conf", DOVECOT.format(**settings))
    lab.write(
        "passwords",
        "lan:{PLAIN}right-password\nlocked:{PLAIN}right-password::::::nologin\nexpired:{PLAIN}right-password::::::allow_nets=192.0.2.0/24\n",
    )
    lab.start("dovecot -F -c /files/dovecot.conf")
    lab.until_listens(IMAP, POP3)


CLOSED = {"connection_closed_preauth"}
DOVECOTS = {
    "right": done(logins=1),
    "dropped": done(logins=1),
    "wrong": done(2),
    "typo": done(1, 1),
    "unknown": done(1, user="nobodyhere"),
    "locked": done(1, user="locked"),
    "expired": done(1, user="expired"),
    "silent": done(actions=CLOSED),
    "silent-dropped": done(actions=CLOSED),
}


SMTPS = {**DOVECOTS, "silent": done(), "silent-dropped": done()}


def test_dovecot_by_syslog_with_pam(lab: Lab) -> None:
    """Dovecot and PAM tell of one attempt, and it counts once."""
    start_dovecot(lab, log="syslog", verbose="no", passdb=PAM)
    names = hostile_names("dovecot")
    log_in_all(lab, names, imap=imap, pop3=pop3)
    lab.run("doveadm -c /files/dovecot.conf stop")
    parsed = read_log(lab.syslog())
    for protocol in ("imap", "pop3"):
        held({**DOVECOTS, "expired": done(1, user="expired", reasons={"not_allowed"})}, parsed, PLACES[protocol])
    held_hostile(parsed, HOSTILE, names, len(names))


def test_dovecot_by_its_own_log(lab: Lab) -> None:
    """By its own verbose log it tells why a login failed."""
    start_dovecot(lab, log="/files/mail.log", verbose="yes", passdb=FILE)
    names = hostile_names("dovecot")
    log_in_all(lab, names, imap=imap, pop3=pop3)
    lab.run("doveadm -c /files/dovecot.conf stop")
    parsed = read_log(lab.read("mail.log"))
    ways = {
        "wrong": done(2, reasons={"wrong_password"}),
        "typo": done(1, 1, reasons={"wrong_password"}),
        "unknown": done(1, user="nobodyhere", reasons={"invalid_user"}),
        "locked": done(1, user="locked", reasons={"internal failure"}),
        "expired": done(1, user="expired", reasons={"not_allowed"}),
    }
    for protocol in ("imap", "pop3"):
        held({**DOVECOTS, **ways}, parsed, PLACES[protocol])
    held_hostile(parsed, HOSTILE, names, len(names))


POSTFIX = """
compatibility_level = 3.6
myhostname = mx.acme.example
inet_interfaces = 203.0.113.1
inet_protocols = ipv4
mydestination =
smtpd_sasl_auth_enable = yes
smtpd_sasl_type = dovecot
smtpd_sasl_path = private/auth
smtpd_relay_restrictions = permit_sasl_authenticated, reject
smtpd_error_sleep_time = 0
smtpd_client_connection_count_limit = 0
relayhost = [203.0.113.1]:9
"""
START_POSTFIX = """
cp /files/main.cf /files/master.cf /etc/postfix; mkdir -p /var/lib/postfix
chown postfix /var/lib/postfix /var/spool/postfix/private; chgrp postdrop /usr/sbin/postdrop /usr/sbin/postqueue
touch /etc/aliases; newaliases; postfix start
"""
MASTER = """
203.0.113.1:1587 inet n - n - - smtpd -o syslog_name=postfix/submission
cleanup unix n - n - 0 cleanup
rewrite unix - - n - - trivial-rewrite
proxymap unix - - n - - proxymap
anvil unix - - n - 1 anvil
qmgr unix n - n 300 1 qmgr
bounce unix - - n - 0 bounce
defer unix - - n - 0 bounce
trace unix - - n - 0 bounce
"""


def test_postfix(lab: Lab) -> None:
    """Who hands in a message is told with it; `nologin` of Dovecot is about mailboxes alone."""
    start_dovecot(lab, log="/files/mail.log", verbose="no", passdb=FILE)
    lab.write("main.cf", POSTFIX)
    lab.write("master.cf", MASTER)
    lab.run(START_POSTFIX)
    names = hostile_names("postfix")
    lab.until_listens(SMTP)
    log_in_all(lab, names, smtp=smtp)
    lab.run("postfix stop")
    parsed = read_log(lab.syslog())
    ways = {"locked": done(logins=1, user="locked"), "silent-dropped": done(actions=CLOSED)}
    held({**SMTPS, **ways}, parsed, PLACES["smtp"])
    held_hostile(parsed, HOSTILE, names, len(names))


EXIM = """
primary_hostname = mx.acme.example
daemon_smtp_ports = 1587
local_interfaces = 203.0.113.1
exim_user = Debian-exim
log_file_path = {log}
log_selector = +incoming_port +smtp_protocol_error +pid
spool_directory = /var/spool/exim4
auth_advertise_hosts = *
acl_smtp_rcpt = acl_rcpt
smtp_accept_max = 100
smtp_accept_max_per_connection = 100
begin acl
acl_rcpt:
  accept authenticated = *
  deny
begin authenticators
plain:
  driver = plaintext
  public_name = PLAIN
  server_condition = ${{if and{{{{eq{{$auth2}}{{lan}}}}{{eq{{$auth3}}{{right-password}}}}}}}}
  server_set_id = $auth2
"""


def test_exim(lab: Lab) -> None:
    """Who hands in a message is told with it; who fails, with the reason's number alone."""
    lab.write("exim.conf", EXIM.format(log="/files/%slog"))
    lab.run("mkdir -p /etc/exim4 /var/spool/exim4; chown Debian-exim /var/spool/exim4; chmod 777 /files")
    lab.run("install -m 644 -o root /files/exim.conf /etc/exim4/exim4.conf")
    server = lab.start("exim4 -bdf -q1h")
    lab.until_listens(SMTP)
    names = hostile_names("exim")
    log_in_all(lab, names, smtp=smtp)
    lab.until_alone("exim4")
    lab.stop(server)
    parsed = read_log(lab.read("mainlog"))
    held(SMTPS, parsed, PLACES["smtp"])
    held_hostile(parsed, HOSTILE, names, len(names))
