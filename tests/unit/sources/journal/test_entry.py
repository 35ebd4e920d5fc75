"""Entries become lines under the name of whoever wrote them, and no message forges a second line."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest

from credwatch.kernel.resources import shipped
from credwatch.parse.lines import split_lines
from credwatch.parse.parse import Parsed, SourceFormat, parse
from credwatch.rules.packs.packs import load_packs
from credwatch.sources.journal.entry import Entry, line_of
from unit.sources.journal.written import fields_of

PACKS = load_packs([shipped("rules") / "packs"])
GUESS = "Failed password for lan from 203.0.113.7 port 4711 ssh2"
PAM = "pam_unix(sshd:auth): authentication failure; logname= uid=0 euid=0 tty=ssh ruser= rhost=203.0.113.7  user=lan"
SUDO = (
    "pam_unix(sudo:auth): authentication failure; logname=lan uid=1000 euid=0 tty=/dev/pts/0 ruser=lan rhost=  user=lan"
)


def _entry(message: Any = GUESS, **fields: Any) -> Entry:
    wanted = {name: value for name, value in fields_of(0, message, **fields).items() if value != ""}
    return msgspec.convert(wanted, Entry)


def _read(entry: Entry) -> Parsed:
    lines = split_lines(line_of(entry), 0)
    return parse(lines, packs=PACKS, source=SourceFormat("journal", "syslog"), reference=datetime.now(UTC))


def test_a_line_has_what_the_entry_says() -> None:
    """Priority, time in UTC, host, program, process, and as structured data who wrote it."""
    entry = _entry(_SYSTEMD_UNIT="ssh.service", _BOOT_ID="b007")
    assert line_of(entry).decode() == (
        "<38>1 2026-02-02T02:40:00.000000Z web1 sshd 811 - "
        f'[journal@32473 unit="ssh.service" uid="0" exe="/usr/sbin/sshd" boot="b007"] {GUESS}\n'
    )


def test_a_line_is_read_as_the_same_line_of_a_file_is() -> None:
    """The packs that read syslog read the journal, with its time."""
    (event,) = _read(_entry()).events.to_dicts()
    assert ("login", "failure", "lan", "203.0.113.7") == (
        event["event.action"],
        event["event.outcome"],
        event["user.name"],
        event["source.ip"],
    )
    assert datetime(2026, 2, 2, 2, 40, tzinfo=UTC) == event["@timestamp"]


MESSAGES = {
    "newlines": ("one\ntwo\n", "one#012two"),
    "controls": ("a\x1b[31mb\x00c\td", "a#033[31mb#000c\td"),
    "bytes": ([104, 105, 255, 10, 33], "hi\\xff#012!"),
    "several": (["one", "two"], "one#012two"),
    "several, one of bytes": (["one", [116, 119, 111]], "one#012two"),
    "Vietnamese": ("mật khẩu sai", "mật khẩu sai"),
}


@pytest.mark.parametrize("name", MESSAGES)
def test_a_message_is_one_line(name: str) -> None:
    """Whatever a message holds, it is one line that can be shown."""
    message, shown = MESSAGES[name]
    lines = split_lines(line_of(_entry(message)), 0)
    assert [shown] == [line.rpartition("] ")[2] for line in lines["line"]]


@pytest.mark.parametrize("message", [None, "", [], "\n"])
def test_an_entry_without_a_message_is_an_empty_line(message: Any) -> None:
    """So each entry is one line, known as no event."""
    assert (b"\n", 1) == (line_of(_entry(message)), _read(_entry(message)).skipped)


def test_a_long_message_is_cut_as_any_line() -> None:
    """64 KiB come whole, and what is beyond a MiB is dropped."""
    assert line_of(_entry("x" * 65536)).endswith(b" " + b"x" * 65536 + b"\n")
    assert 1024 * 1024 < len(line_of(_entry("x" * 3_000_000))) < 1024 * 1024 + 1000


FORGED = {
    "logger -t sshd": {"_EXE": "/usr/bin/logger", "_COMM": "logger"},
    "a program of that name in a home": {"_EXE": "/home/lan/sshd", "_COMM": "sshd"},
    "a process that names itself": {"_EXE": "/usr/bin/python3.11", "_COMM": "sshd"},
    "one without an identifier that names itself": {
        **{"SYSLOG_IDENTIFIER": "", "_COMM": "sshd", "_EXE": "/usr/bin/python3.11"},
    },
    "one that had ended before it was looked at": {"_EXE": "", "_COMM": ""},
    "a unit of the user's own": {"_EXE": "/usr/bin/cat", "_SYSTEMD_UNIT": "user@1000.service"},
    "systemd-cat -t sshd": {"_EXE": "/usr/bin/cat", "_TRANSPORT": "stdout"},
    "a web server that was broken into": {"_EXE": "/usr/bin/cat", "_UID": "33", "_SYSTEMD_UNIT": "apache2.service"},
    "one by another spelling": {"SYSLOG_IDENTIFIER": "SSHD", "_EXE": "/usr/bin/cat", "_SYSTEMD_UNIT": "web.service"},
    "one behind two dots": {"_EXE": "/usr/../home/lan/sshd"},
    "one by its path": {"SYSLOG_IDENTIFIER": "/usr/sbin/sshd", "_EXE": "/usr/bin/logger"},
}


@pytest.mark.parametrize("message", [GUESS, PAM])
@pytest.mark.parametrize("way", FORGED)
def test_a_forged_login_is_not_believed(way: str, message: str) -> None:
    """A plain user's program that calls itself sshd is named as what it is, and says no login."""
    parsed = _read(_entry(message, **({"_UID": "1000"} | FORGED[way])))
    assert (0, 1) == (parsed.events.height, parsed.unparsed.height)


def test_a_plain_users_program_speaks_of_no_remote_login() -> None:
    """PAM's words are read out of any program, so a plain user's may only speak of itself."""
    own = {"_UID": "1000", "SYSLOG_IDENTIFIER": "logger", "_EXE": "/usr/bin/logger"}
    for message in (PAM, PAM.replace("sshd", "logger"), "pam_unix(: nothing"):
        assert _read(_entry(message, **own)).events.is_empty()


BELIEVED = {
    "root's logger": (GUESS, {"_EXE": "/usr/bin/logger"}),
    "the kernel": (GUESS, {"_UID": "", "_EXE": "", "_TRANSPORT": "kernel"}),
    "sudo, which runs as its user": (SUDO, {"_UID": "1000", "SYSLOG_IDENTIFIER": "sudo", "_EXE": "/usr/bin/sudo"}),
    "one that an upgrade has replaced": (GUESS, {"_UID": "1000", "_EXE": "/usr/sbin/sshd (deleted)"}),
    "the service of that name": (GUESS, {"_UID": "105", "_EXE": "/opt/jre/java", "_SYSTEMD_UNIT": "sshd.service"}),
}


@pytest.mark.parametrize("way", BELIEVED)
def test_a_program_is_believed_that_is_what_it_says(way: str) -> None:
    """Root's programs, the system's own, and services under their own name."""
    message, fields = BELIEVED[way]
    assert 1 == _read(_entry(message, **fields)).events.height


def test_a_service_has_the_name_of_its_script() -> None:
    """What runs is java or python3, and the name is that of the file that the unit starts."""
    fields = {"_UID": "105", "_EXE": "/usr/bin/python3.11", "SYSLOG_IDENTIFIER": "gunicorn", "_TRANSPORT": "stdout"}
    for unit, name in (
        ("shop.service", b"gunicorn"),
        ("shop@2.service", b"gunicorn"),
        ("session-4.scope", b"python3.11"),
    ):
        assert name == line_of(_entry("ready", _SYSTEMD_UNIT=unit, **fields)).split()[3]


HOSTILE = [
    {"_HOSTNAME": 'a "b]\n', "SYSLOG_IDENTIFIER": "s s\nhd"},
    {"_EXE": '/usr/sbin/s"]\\\nhd', "_SYSTEMD_UNIT": "a]b.service"},
    {"PRIORITY": "x", "SYSLOG_FACILITY": "-4", "_PID": "9 9", "SYSLOG_PID": "a"},
    {"__REALTIME_TIMESTAMP": "9" * 30},
    {"PRIORITY": [1, 2], "_UID": [["x"]], "_COMM": [None], "_EXE": [300]},
]


@pytest.mark.parametrize("fields", HOSTILE)
def test_no_field_breaks_the_line(fields: dict[str, Any]) -> None:
    """A header stays one header whatever stands in the fields."""
    line = line_of(_entry("the message", **fields))
    assert (1, True) == (line.count(b"\n"), line.endswith(b" the message\n"))
    assert {"unknown_message", "no_timestamp", "unknown_program"} >= set(
        _read(_entry("x", **fields)).unparsed["reason"]
    )
