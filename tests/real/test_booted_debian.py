"""A Debian 12 that is booted: installed, guessed at, told, reloaded, killed, rebooted, and walled in."""

from __future__ import annotations

import json
import re
import shutil
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from real.debian import TOP, Guest, a_guest, wheels

pytestmark = [pytest.mark.real, pytest.mark.slow]

SETTINGS = """
[[source]]
id = "servers"
paths = ["/var/log/auth.log"]
read_from = "start"
[contact]
phone = "+84 258 5550 0100"
[operators]
addresses = ["operators@vendor.example"]
[outbox.email]
host = "127.0.0.1"
port = 2525
security = "none"
[outbox.fallback]
after_seconds = 5
wall = true
"""
CUSTOMER = """
[[customer]]
id = "{id}"
name = "{id}"
language = "en"
phone = "+84 258 5550 0111"
notice_addresses = ["it@{id}.example", "office@{id}.example"]
recognise = {{ users = ["{user}"] }}
"""
SINK = """
[Service]
ExecStart=/usr/bin/python3 -u -W ignore -m smtpd -n -c DebuggingServer 127.0.0.1:2525
StandardOutput=append:/var/mail.log
[Install]
WantedBy=multi-user.target
"""
PROBE = """
import json, os, shutil, subprocess, sys
folders = ["/"] + [os.path.join("/", one) for one in os.listdir("/")]
for top in [*folders[1:], "/var/lib", "/etc/systemd", "/usr/local"]:
    try:
        folders += [os.path.join(top, one) for one in os.listdir(top)]
    except OSError:
        pass
writable, runnable = [], []
for folder in sorted({os.path.realpath(it) for it in folders if os.path.isdir(it)}):
    file = os.path.join(folder, "probe")
    try:
        shutil.copy("/usr/bin/true", file)
    except OSError:
        continue
    writable.append(folder)
    try:
        subprocess.run([file], check=True)
        runnable.append(folder)
    except (OSError, subprocess.CalledProcessError):
        pass
    if folder != "/tmp":
        os.unlink(file)
print(json.dumps([writable, runnable]))
"""
WRITABLE = ["/run/credwatch", "/tmp", "/var/lib/credwatch", "/var/tmp"]


@pytest.fixture
def guest(tmp_path: Path) -> Iterator[Guest]:
    """Boot a Debian with a copy of the checkout, and a mail server that keeps what it takes."""
    with a_guest(tmp_path) as guest:
        for name in ("daemon", "config", "rules", "systemd", "docs", "Makefile", "pyproject.toml", "README.md"):
            source, target = TOP / name, guest.root / "root/credwatch" / name
            target.parent.mkdir(parents=True, exist_ok=True)
            (shutil.copytree if source.is_dir() else shutil.copy)(source, target)
        shutil.copy(TOP / "requirements.lock", guest.root / "root/credwatch")
        shutil.copytree(wheels(), guest.root / "root/wheels")
        guest.write("/etc/systemd/system/sink.service", SINK)
        guest.run("systemctl", "enable", "--now", "sink")
        for user in ("lan", "minh"):
            guest.run("useradd", "--create-home", user)
            guest.run("sh", "-c", f"echo {user}:right-password | chpasswd")
        yield guest


def test_a_life_on_debian(guest: Guest) -> None:
    """`make install` to reboot with a real sshd and systemd: detections, notices, nothing twice, nothing outside."""
    _install(guest)
    _configure(guest)
    _begin(guest)
    _break_in(guest, "lan")
    _await_notices(guest, "hai-au")
    _reload(guest)
    _kill(guest)
    _hold_the_walls(guest)
    guest.reboot()
    guest.until(lambda: "active" == _shown(guest, "ActiveState"), "the daemon comes back with the machine", _said)
    assert ["hai-au"] == _taken_over(guest)
    _hear_on_a_terminal(guest)
    _await_notices(guest, "second")
    assert ["hai-au", "second"] == sorted(_taken_over(guest))
    assert {1} == {*_letters(guest).values()}


def test_the_journal_of_a_fresh_debian(guest: Guest) -> None:
    """Installed with the operators' address alone: each entry is read once, whatever befalls the journal."""
    guest.run("systemctl", "disable", "--now", "rsyslog", "syslog.socket")
    guest.run("rm", "-f", "/var/log/auth.log")
    _install(guest)
    guest.run(
        *("sed", "-i", '/^\\[operators\\]/,/^\\[/ s/^addresses = .*/addresses = ["operators@vendor.example"]/'),
        "/etc/credwatch/credwatch.toml",
    )
    guest.run("systemctl", "enable", "--now", "credwatch")
    assert ("active", "every part lives") == (_shown(guest, "ActiveState"), _shown(guest, "StatusText"))
    _break_in(guest, "lan")
    guest.until(lambda: "account_takeover" in _kinds(guest), "the takeover is found", _said)
    unread = _unread(guest)  # what was there before the start
    for befall in (_rotate, _kill_journalctl, _kill_daemon, Guest.reboot):
        befall(guest)
        _guess(guest)
        assert unread == _unread(guest), befall
    _vacuum(guest)
    unread = _unread(guest)
    _guess(guest)
    assert unread == _unread(guest)
    assert "lines_may_be_lost" not in _journal(guest)


def _install(guest: Guest) -> None:
    """Install without a network; all that `check` misses then is somebody to write to, and customers."""
    options = ["PIP_NO_INDEX=1", "PIP_FIND_LINKS=/root/wheels"]
    guest.run("env", *options, "make", "-C", "/root/credwatch", "install")
    problems, places = _checked(guest, "--offline")
    assert {("error", "operators.addresses"), ("fault", "/etc/credwatch/customers.toml")} == problems
    assert {"machine": "the systemd journal"} == places


def _configure(guest: Guest) -> None:
    guest.write("/etc/credwatch/credwatch.toml", SETTINGS, 0o640)
    guest.write("/etc/credwatch/customers.toml", CUSTOMER.format(id="hai-au", user="lan"), 0o640)
    guest.run("chgrp", "-R", "credwatch", "/etc/credwatch")
    guest.run("logger", "-p", "auth.info", "the log begins")
    guest.until(lambda: guest.read("/var/log/auth.log"), "rsyslog has made the log")
    assert (set(), {}) == _checked(guest)


def _begin(guest: Guest) -> None:
    """Start it as an operator does: `systemctl` returns once everything listens, and shows that it is well."""
    guest.run("systemctl", "enable", "--now", "credwatch")
    assert ("active", "every part lives") == (_shown(guest, "ActiveState"), _shown(guest, "StatusText"))
    asked = "import socket; s = socket.socket(socket.AF_UNIX); s.connect('/run/credwatch/gate.sock')"
    guest.run("python3", "-c", asked)


def _break_in(guest: Guest, user: str) -> None:
    """Guess wrongly at an account of a customer, then rightly, over a real sshd."""
    options = "-o StrictHostKeyChecking=no -o NumberOfPasswordPrompts=1 -o PubkeyAuthentication=no"
    guess = f"sshpass -p $1 ssh {options} {user}@127.0.0.1 true"
    wrong = f"for i in 1 2 3 4 5 6; do (set -- wrong; {guess}) & done; wait"
    guest.tried("bash", "-c", f"{wrong}; {wrong}")
    guest.run("bash", "-c", f"set -- right-password; {guess}")


def _await_notices(guest: Guest, customer: str) -> None:
    """Wait until the customer was told at both of its addresses."""
    addresses = {f"it@{customer}.example", f"office@{customer}.example"}
    guest.until(lambda: addresses <= _recipients(guest), "the customer is told")


def _reload(guest: Guest) -> None:
    """A customer who was added is known after a reload, during which the daemon stays ready."""
    guest.write(
        "/etc/credwatch/customers.toml",
        CUSTOMER.format(id="hai-au", user="lan") + CUSTOMER.format(id="second", user="minh"),
        0o640,
    )
    guest.run("chgrp", "credwatch", "/etc/credwatch/customers.toml")
    guest.run("systemctl", "reload", "credwatch")
    guest.until(lambda: "reload.done" in _journal(guest), "the reload is done")
    guest.until(lambda: "active" == _shown(guest, "ActiveState"), "systemd knows it", _said)


def _kill(guest: Guest) -> None:
    """After SIGKILL systemd starts it again, and nobody is told a second time."""
    before, process = _letters(guest), _shown(guest, "MainPID")
    guest.run("kill", "-9", process)
    guest.until(
        lambda: "active" == _shown(guest, "ActiveState") and _shown(guest, "MainPID") not in (process, "0"),
        "systemd starts it again",
    )
    assert before <= _letters(guest)
    assert {1} == {*_letters(guest).values()}


def _rotate(guest: Guest) -> None:
    guest.run("journalctl", "--rotate")


def _vacuum(guest: Guest) -> None:
    """Everything that was read is deleted; what comes then is in a new file."""
    guest.run("journalctl", "--rotate", "--vacuum-files=1")


def _kill_journalctl(guest: Guest) -> None:
    guest.run("pkill", "-9", "-u", "credwatch", "journalctl")


def _kill_daemon(guest: Guest) -> None:
    """Entries that come while it is dead are read when systemd has started it again."""
    guest.run("kill", "-9", _shown(guest, "MainPID"))


def _guess(guest: Guest) -> None:
    options = "-o StrictHostKeyChecking=no -o NumberOfPasswordPrompts=1 -o PubkeyAuthentication=no"
    guest.tried("bash", "-c", f"sshpass -p wrong ssh {options} minh@127.0.0.1 true")


def _kinds(guest: Guest) -> set[str]:
    told = _as_daemon(guest, "incidents", "list", "--json")
    return {json.loads(line)["kind"] for line in told.splitlines()}


def _unread(guest: Guest) -> int:
    """Count the entries that are no lines, once nothing moves any more."""
    looks: list[tuple[int, int]] = []

    def is_settled() -> bool:
        if "active" != _shown(guest, "ActiveState"):
            looks.clear()  # nothing moves while it is down
            return False
        looks.append((_entries(guest), _lines(guest)))
        time.sleep(0.7)
        return [looks[-1]] * 6 == looks[-6:]

    guest.until(is_settled, "nothing moves any more", _said)
    entries, lines = looks[-1]
    return entries - lines


def _entries(guest: Guest) -> int:
    """Count what the journal has of logins."""
    told = guest.run("journalctl", "--output=json", "--output-fields=_PID", "SYSLOG_FACILITY=4", "SYSLOG_FACILITY=10")
    return len(told.splitlines())


def _lines(guest: Guest) -> int:
    """Count the lines that credwatch has committed."""
    asked = "import sqlite3; store = sqlite3.connect('file:/var/lib/credwatch/credwatch.sqlite?mode=ro', uri=True)"
    query = "SELECT COALESCE(SUM(number), 0) FROM tallies WHERE name = 'lines'"
    return int(guest.run("python3", "-c", f'{asked}; print(store.execute("{query}").fetchone()[0])'))


def _hold_the_walls(guest: Guest) -> None:
    """Even root who may override permissions writes in four folders alone under this unit, and runs nothing of it."""
    unit = guest.read("/etc/systemd/system/credwatch.service")
    for line, instead in (
        (r"ExecStart=.*", "ExecStart=/usr/bin/python3 /opt/probe.py"),
        ("Type=notify", "Type=oneshot\nStandardOutput=truncate:/var/probe.json"),
        ("(?:User|Group)=credwatch", "User=root"),
        ("CapabilityBoundingSet=", "CapabilityBoundingSet=CAP_DAC_OVERRIDE"),
        ("(?:WatchdogSec|Restart|SystemCallFilter)=.*", ""),
    ):
        unit, number = re.subn(f"(?m)^{line}$", instead, unit)
        assert number, line
    guest.write("/opt/probe.py", PROBE)
    guest.write("/etc/systemd/system/probe.service", unit)
    guest.run("systemctl", "daemon-reload")
    guest.run("systemctl", "stop", "credwatch")  # the probe takes its folders over
    guest.run("systemctl", "start", "probe")
    assert [WRITABLE, []] == json.loads(guest.read("/var/probe.json"))
    assert "probe" not in guest.run("ls", "/tmp")
    guest.run("rm", "/etc/systemd/system/probe.service")
    guest.run("systemctl", "daemon-reload")
    guest.run("systemctl", "start", "credwatch")


def _checked(guest: Guest, *words: str) -> tuple[set[tuple[str, str]], dict[str, str]]:
    """Return what `check` finds, warnings left out, and where it says that lines are."""
    told = json.loads(_as_daemon(guest, "check", "--json", *words))
    problems = {(it["severity"], it["where"]) for it in told["problems"] if it["severity"] != "warning"}
    return problems, told.get("places", {})


def _hear_on_a_terminal(guest: Guest) -> None:
    """While the mail server is away, whoever is logged in reads on the terminal that mail is down."""
    session = "sshpass -p right-password ssh -tt -o StrictHostKeyChecking=no lan@127.0.0.1 cat"
    guest.run("systemd-run", "--quiet", "--unit=session", "sh", "-c", f"sleep infinity | {session} > /var/terminal.log")
    guest.until(lambda: "lan" in guest.run("who"), "lan is logged in")
    guest.run("systemctl", "stop", "sink")
    _break_in(guest, "minh")
    guest.until(
        lambda: "Broadcast message from credwatch" in guest.read("/var/terminal.log"),
        "the terminal is written to",
        _said,
    )
    guest.run("systemctl", "stop", "session")
    guest.run("systemctl", "start", "sink")


def _as_daemon(guest: Guest, *words: str) -> str:
    return guest.tried("runuser", "-u", "credwatch", "--", "credwatch", *words).stdout


def _taken_over(guest: Guest) -> list[str]:
    """List the customers of whom an account was taken over, one for each case."""
    told = _as_daemon(guest, "incidents", "list", "--json")
    cases = [json.loads(line) for line in told.splitlines()]
    return [case["organization"] for case in cases if case["kind"] == "account_takeover"]


def _letters(guest: Guest) -> Counter[str]:
    """Count what the mail server took, by Message-ID."""
    return Counter(re.findall(r"Message-ID: (<[^>]+>)", guest.read("/var/mail.log"), re.I))


def _recipients(guest: Guest) -> set[str]:
    return set(re.findall(r"To: .*?(\w+@[\w.-]+\.example)", guest.read("/var/mail.log")))


def _said(guest: Guest) -> str:
    return guest.tried("systemctl", "status", "credwatch", "--no-pager", "-n", "40").stdout


def _shown(guest: Guest, what: str) -> str:
    return guest.tried("systemctl", "show", "--value", f"--property={what}", "credwatch").stdout.strip()


def _journal(guest: Guest) -> str:
    return guest.tried("journalctl", "-u", "credwatch", "--no-pager", "-o", "cat").stdout
