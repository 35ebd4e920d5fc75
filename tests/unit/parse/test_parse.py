"""Lines become events, skipped lines or unparsed ones, and none is lost."""

from __future__ import annotations

from datetime import UTC, datetime
from functools import cache
from typing import Any

import polars as pl
import pytest

from credwatch.kernel.errors import ConfigurationError
from credwatch.kernel.fields import BY_NAME, FieldType
from credwatch.kernel.pack import PackSet
from credwatch.kernel.resources import shipped
from credwatch.parse.lines import split_lines
from credwatch.parse.parse import Parsed, SourceFormat, parse
from credwatch.rules.packs.packs import load_packs

HEAD = "Nov 30 06:39:00 web1 sshd[811]: "
NOW = datetime(2026, 1, 1, tzinfo=UTC)


@cache
def shipped_packs() -> PackSet:
    """Load the packs that credwatch ships, once."""
    return load_packs(shipped("rules") / "packs")


def read(text: str | bytes, kind: str = "auto") -> Parsed:
    """Read lines with the shipped packs."""
    data = text.encode() if isinstance(text, str) else text
    return parse(split_lines(data, 0), packs=shipped_packs(), source=SourceFormat("test", kind), reference=NOW)


def event_of(line: str) -> dict[str, Any]:
    """Read one line that must be an event."""
    parsed = read(line)
    assert len(parsed.events) == 1, parsed.unparsed.to_dicts()
    return parsed.events.to_dicts()[0]


def test_columns_are_those_of_the_schema() -> None:
    """Every column is a field with its type, and the five that are always there are there, even for no lines."""
    types = {FieldType.STRING: pl.String, FieldType.INTEGER: pl.Int64, FieldType.BOOLEAN: pl.Boolean}
    always = {"@timestamp", "event.dataset", "event.original", "event.action", "position"}
    for parsed in (read(HEAD + "Failed password for root from 203.0.113.9 port 1 ssh2"), read("")):
        assert always <= set(parsed.events.columns)
        for name, dtype in parsed.events.drop("position").schema.items():
            assert types.get(BY_NAME[name].type, pl.Datetime("us", "UTC")) == dtype, name


@pytest.mark.parametrize(
    "message",
    [
        "Failed password for invalid user {name} from 203.0.113.9 port 4000 ssh2",
        "Failed password for {name} from 203.0.113.9 port 4000 ssh2",
        "Failed none for invalid user {name} from 203.0.113.9 port 4000 ssh2",
        "Invalid user {name} from 203.0.113.9 port 4000",
        "Connection closed by invalid user {name} 203.0.113.9 port 4000 [preauth]",
        "Disconnected from authenticating user {name} 203.0.113.9 port 4000 [preauth]",
        "error: maximum authentication attempts exceeded for {name} from 203.0.113.9 port 4000 ssh2 [preauth]",
        "pam_unix(sshd:auth): authentication failure; logname= uid=0 euid=0 tty= ruser= rhost=203.0.113.9  user={name}",
        "User {name} from 203.0.113.9 not allowed because not listed in AllowUsers",
        "error: PAM: Authentication failure for {name} from 203.0.113.9",
    ],
)
@pytest.mark.parametrize(
    "name",
    [
        "root from 10.0.0.1 port 22 ssh2",
        "x 10.0.0.1 port 22 [preauth]",
        "x rhost=10.0.0.1  user=root",
        "x from 10.0.0.1",
        "a from 10.0.0.1 not allowed because not listed in AllowUsers",
        "from 10.0.0.1 port 22",
        " from 10.0.0.1 port 22 ssh2: RSA SHA256:x",
        "message repeated 9 times: [ x ]",
    ],
)
def test_a_user_name_moves_nothing(message: str, name: str) -> None:
    """Whatever a user name says, the event has the true address and the whole name."""
    event = event_of(HEAD + message.format(name=name))
    assert ("203.0.113.9", name, 1) == (event["source.ip"], event["user.name"], event["credwatch.repeat"])


@pytest.mark.parametrize(
    ("line", "role"),
    [
        (HEAD + "Failed password for root from 203.0.113.9 port 1 ssh2", "result"),
        (HEAD + "Accepted password for root from 203.0.113.9 port 1 ssh2", "result"),
        (HEAD + "Invalid user x from 203.0.113.9", "announce"),
        (HEAD + "input_userauth_request: invalid user x [preauth]", "echo"),
        (HEAD + "PAM 2 more authentication failures; logname= uid=0 euid=0 tty=ssh ruser= rhost=h  user=x", "echo"),
        (HEAD + "pam_unix(sshd:auth): authentication failure; logname= uid=0 euid=0 tty=ssh ruser= rhost=h", "echo"),
        (
            "Nov 30 06:39:00 web1 ftpd[1]: pam_unix(ftpd:auth): authentication failure; logname= uid=0 euid=0 tty=ftp "
            "ruser=x rhost=203.0.113.9  user=x",
            "echo",
        ),
        (
            "Nov 30 06:39:00 web1 gdm-password][1]: pam_unix(gdm-password:auth): authentication failure; logname= "
            "uid=0 euid=0 tty=/dev/tty1 ruser= rhost=  user=x",
            "result",
        ),
        ("Nov 30 06:39:00 web1 su[1]: FAILED SU (to root) lan on pts/0", "result"),
        ("Nov 30 06:39:00 web1 su[1]: (to root) lan on pts/0", "result"),
    ],
)
def test_roles(line: str, role: str) -> None:
    """One line of an attempt tells its outcome; the others announce or repeat it."""
    assert role == event_of(line)["credwatch.attempt.role"]


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("nonsense", "no_envelope"),
        ("Nov 31 06:39:00 web1 sshd[811]: hello", "no_timestamp"),
        (HEAD + "something new", "unknown_message"),
        ("Nov 30 06:39:00 web1 kernel: hello", "unknown_program"),
        ("Nov 30 06:39:00 web1 kernel: hel\x00lo", "nul"),
        ("{broken", "not_json"),
        ('{"schema":"other/1"}', "unknown_json"),
        ('{"schema":"credwatch-app/1","@timestamp":"2026-01-01T00:00:00Z","event":{"action":"nap"}}', "unknown_event"),
        (
            '{"schema":"credwatch-app/1","@timestamp":"2026-01-01T00:00:00Z","event":{"action":"logout"}}',
            "missing user.name",
        ),
        ('{"schema":"credwatch-app/1","event":{"action":"logout"},"user":{"name":"lan"}}', "no_timestamp"),
        (
            '{"schema":"credwatch-app/1","@timestamp":"soon","event":{"action":"logout"},"user":{"name":"x"}}',
            "no_timestamp",
        ),
        ("x" * 70000, "too_long"),
    ],
)
def test_unparsed(line: str, reason: str) -> None:
    """A line that nothing reads is kept with its reason."""
    parsed = read(line)
    assert [reason] == parsed.unparsed["reason"].to_list()
    assert (len(parsed.events), parsed.skipped) == (0, 0)


def test_every_line_is_somewhere() -> None:
    """Events, skipped and unparsed lines together are all lines, each in order, once."""
    lines = [
        HEAD + "Failed password for root from 203.0.113.9 port 1 ssh2",
        "",
        "junk password=x",
        HEAD + "User child is on pid 7",
        '{"schema":"credwatch-app/1","@timestamp":"2026-01-01T00:00:00Z","event":{"action":"logout"},"user":{"name":"x"}}',
        "<38>1 2025-11-30T06:39:00Z web1 sshd 8 - - Invalid user x from 203.0.113.9",
    ]
    data = "\n".join(lines) + "\n"
    parsed = read(data)
    ends = split_lines(data.encode(), 0)["position"].to_list()
    assert [ends[0], ends[4], ends[5]] == parsed.events["position"].to_list()
    assert [ends[1], ends[3]] == parsed.skips["position"].to_list()
    assert parsed.skips["pack"].to_list() == [None, "openssh"]
    assert [(ends[2], "junk password=***")] == parsed.unparsed.select("position", "line").rows()


def test_malformed_line_that_reads_is_an_event() -> None:
    """Bytes that are no text do not hide an attempt."""
    parsed = read(HEAD.encode() + b"Failed password for invalid user \xff\x00 from 203.0.113.9 port 1 ssh2\n")
    assert parsed.events["user.name"].to_list() == ["\\xff\\x00"]


@pytest.mark.parametrize(
    ("written", "ip", "domain"),
    [
        ("203.0.113.9", "203.0.113.9", None),
        ("::ffff:203.0.113.9", "203.0.113.9", None),
        ("2001:DB8:0:0::9", "2001:db8::9", None),
        ("fe80::1%eth0", "fe80::1", None),
        ("client.example.net", None, "client.example.net"),
        ("300.1.1.1", None, None),
        ("UNKNOWN", None, None),
    ],
)
def test_addresses(written: str, ip: str | None, domain: str | None) -> None:
    """Each address is written one way; what is none is a host name, and the event stands all the same."""
    event = event_of(f"{HEAD}Failed password for root from {written} port 1 ssh2")
    assert (ip, domain) == (event.get("source.ip"), event.get("source.domain"))


WRONG_TYPES = '"user":{"name":"lan"},"event":{"action":"login","outcome":"failure"},"@timestamp":"2026-01-01T00:00:00Z"'


@pytest.mark.parametrize(
    "extra",
    [
        '"source":"x"',
        '"source":{"port":"ssh"}',
        '"source":{"ip":{"a":1}}',
        '"credwatch":[1]',
        '"group":null',
    ],
)
def test_wrong_types_are_null(extra: str) -> None:
    """A value of the wrong type costs itself, not the event, nor the events beside it."""
    good = f'{{"schema":"credwatch-app/1",{WRONG_TYPES}}}'
    parsed = read(f'{good}\n{{"schema":"credwatch-app/1",{WRONG_TYPES},{extra}}}\n{good}\n')
    assert parsed.events["user.name"].to_list() == ["lan"] * 3
    assert "source.port" not in parsed.events.columns


@pytest.mark.parametrize(("kind", "zone"), [("csv", "UTC"), ("auto", "Mars/Olympus")])
def test_source_format_is_checked(kind: str, zone: str) -> None:
    """An unknown kind or time zone is refused with the source's name."""
    with pytest.raises(ConfigurationError, match="source web"):
        SourceFormat("web", kind, zone)
