"""However a writer frames a line, it is read as the same event."""

from __future__ import annotations

from datetime import UTC, datetime

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from credwatch.app.build import packs_of
from credwatch.app.settings import Settings
from credwatch.parse.lines import split_lines
from credwatch.parse.parse import Parsed, SourceFormat, parse

PACKS = packs_of(Settings())
NOW = datetime(2026, 4, 29, 12, 0, tzinfo=UTC)
GUESS = "Failed password for lan from 203.0.113.7 port 38066 ssh2"

FORMS = {
    "rfc3164": "Apr 28 13:11:39 web1 sshd[7]: {}",
    "priority": "<38>Apr 28 13:11:39 web1 sshd[7]: {}",
    "rfc5424": "<38>1 2026-04-28T13:11:39Z web1 sshd 7 - - {}",
    "rsyslog": "2026-04-28T13:11:39+00:00 web1 sshd[7]: {}",
    "busybox": "Apr 28 13:11:39 web1 auth.info sshd[7]: {}",
    "freebsd -v": "Apr 28 13:11:39 <auth.info> web1 sshd[7]: {}",
    "freebsd -vv": "Apr 28 13:11:39 <authpriv.notice> web1 sshd[7]: {}",
    "freebsd, numbers": "Apr 28 13:11:39 <4.6> web1 sshd[7]: {}",
    "aix": "Apr 28 13:11:39 web1 auth|security:info sshd[7]: {}",
    "aix, forwarded": "Apr 28 13:11:39 relay Message forwarded from web1: sshd[7]: {}",
    "no blank behind the tag": "Apr 28 13:11:39 web1 sshd[7]:{}",
    "zone before the year": "Tue Apr 28 13:11:39 UTC 2026 web1 sshd[7]: {}",
    "solaris": "Apr 28 13:11:39 web1 sshd[7]: [ID 800047 auth.info] {}",
    "macos": "2026-04-28 06:11:39.000000-0700  web1 sshd[7]: {}",
    "space for T": "2026-04-28 15:11:39+02:00 web1 sshd[7]: {}",
    "no zone": "2026-04-28 13:11:39 web1 sshd[7]: {}",
    "hours alone": "2026-04-28T20:11:39+07 web1 sshd[7]: {}",
    "comma": "2026-04-28 13:11:39,000 web1 sshd[7]: {}",
    "slashes": "2026/04/28 13:11:39 web1 sshd[7]: {}",
    "weekday": "Tue Apr 28 13:11:39 2026 web1 sshd[7]: {}",
    "year behind the day": "Apr 28 2026 13:11:39 web1 sshd[7]: {}",
    "year first": "2026 Apr 28 13:11:39 web1 sshd[7]: {}",
    "milliseconds": "Apr 28 13:11:39.000 web1 sshd[7]: {}",
    "journal short-full": "Tue 2026-04-28 13:11:39 UTC web1 sshd[7]: {}",
    "journal short-unix": "1777381899.000000 web1 sshd[7]: {}",
    "journal short-iso": "2026-04-28T13:11:39+0000 web1 sshd[7]: {}",
    "journal short-full, local": "Tue 2026-04-28 20:11:39 +07 web1 sshd[7]: {}",
    "journal short-precise": "Apr 28 13:11:39.000000 web1 sshd[7]: {}",
    "journal short-iso-precise": "2026-04-28T20:11:39.000000+0700 web1 sshd[7]: {}",
    "journal with-unit": "Tue 2026-04-28 13:11:39 UTC web1 ssh.service[7]: {}",
    "brackets": "[Tue Apr 28 13:11:39 2026] web1 sshd[7]: {}",
    "brackets, microseconds": "[Tue Apr 28 13:11:39.000000 2026] web1 sshd[7]: {}",
    "day first": "28 Apr 2026 13:11:39 web1 sshd[7]: {}",
    "rfc 822": "Tue, 28 Apr 2026 20:11:39 +0700 web1 sshd[7]: {}",
    "common log format": "28/Apr/2026:20:11:39 +0700 web1 sshd[7]: {}",
    "common log format, brackets": "[28/Apr/2026:13:11:39 +0000] web1 sshd[7]: {}",
    "an offset behind the year": "Tue Apr 28 20:11:39 2026 +0700 web1 sshd[7]: {}",
    "rfc5424 without a priority": "1 2026-04-28T13:11:39.000Z web1 sshd 7 - - {}",
    "rfc5424 with data": '1 2026-04-28T20:11:39+07:00 web1 sshd 7 ID47 [a@1 b="c]"] {}',
    "seconds since 1970": "1777381899 web1 sshd[7]: {}",
    "milliseconds since 1970": "1777381899000 web1 sshd[7]: {}",
    "a byte order mark": "\ufeffApr 28 13:11:39 web1 sshd[7]: {}",
    "macos, syslog style": "2026-04-28 06:11:39.000000-0700  web1 sshd[7]: (libpam.2.dylib) [com.apple.pam:auth] {}",
    "a path": "Apr 28 13:11:39 web1 /usr/sbin/sshd[7]: {}",
}
ENDS = ("", " ", "   ", "#015", "#012", " #015#012", "\t", "\r", "\r\r")


def read(text: str, zone: str = "UTC", reference: datetime = NOW) -> Parsed:
    """Read lines as those of a syslog source."""
    lines = split_lines(text.encode(), 0)
    return parse(lines, packs=PACKS, source=SourceFormat("x", "syslog", zone), reference=reference)


def facts(parsed: Parsed) -> list[dict[str, object]]:
    """Tell of each event what does not depend on its envelope."""
    names = ("@timestamp", "host.name", "process.pid", "user.name", "source.ip", "source.port", "event.outcome")
    return [{name: event.get(name) for name in names} for event in parsed.events.to_dicts()]


EXPECTED = {
    "@timestamp": datetime(2026, 4, 28, 13, 11, 39, tzinfo=UTC),
    "host.name": "web1",
    "process.pid": 7,
    "user.name": "lan",
    "source.ip": "203.0.113.7",
    "source.port": 38066,
    "event.outcome": "failure",
}


@pytest.mark.parametrize("form", FORMS.values(), ids=FORMS)
def test_every_form_is_read_alike(form: str) -> None:
    """Time, host, process and message are the same, alone and among the lines of all other writers."""
    assert [EXPECTED] == facts(read(form.format(GUESS) + "\n"))
    among = "".join(f"{other.format(GUESS)}\n" for other in [*FORMS.values(), form])
    assert [EXPECTED] * (len(FORMS) + 1) == facts(read(among))


@pytest.mark.parametrize("end", ENDS)
@pytest.mark.parametrize("form", ["rfc3164", "rfc5424", "busybox"])
def test_what_stands_behind_a_message_is_dropped(form: str, end: str) -> None:
    """Blanks, carriage returns, and what rsyslog writes for them."""
    assert [EXPECTED] == facts(read(FORMS[form].format(GUESS) + end + "\n"))


@pytest.mark.parametrize(
    ("line", "program"),
    [
        ("Apr 28 13:11:39 sshd[7]: {}", "sshd"),
        ("Tue Apr 28 13:11:39 2026 auth.info sshd[7]: {}", "sshd"),
        ("<38>Apr 28 13:11:39 sshd[7]: {}", "sshd"),
    ],
)
def test_a_line_without_a_host(line: str, program: str) -> None:
    """OpenWrt, and programs that write to a local log by themselves, name none."""
    (event,) = facts(read(line.format(GUESS) + "\n"))
    assert EXPECTED | {"host.name": None} == event


@given(
    form=st.sampled_from(sorted(FORMS)),
    host=st.from_regex(r"[a-z][a-z0-9-]{0,20}(\.[a-z]{2,8}){0,2}", fullmatch=True),
    pid=st.integers(1, 4_194_304),
    user=st.text("abcdefghijklmnopqrstuvwxyz0123456789.-_:[]()<>|{}", min_size=1, max_size=30),
)
def test_any_message_in_any_form(form: str, host: str, pid: int, user: str) -> None:
    """Whatever the host, the process and the words of a stranger are, the header gives its own and nothing else."""
    words = GUESS.replace("lan", user)
    usual, event = (
        facts(read(framed.replace("web1", host).replace("sshd 7 ", f"sshd {pid} ").replace("[7]", f"[{pid}]") + "\n"))
        for framed in (FORMS["rfc3164"].format(words), FORMS[form].format(words))
    )
    assert usual == event
    assert [(host, pid)] == [(each["host.name"], each["process.pid"]) for each in event]


def test_what_macos_shows() -> None:
    """`log show` lists thread, kind, activity, process and time to live, and no host."""
    head = "2026-04-28 06:11:39.000000-0700 0x1a2b     Default     0x0                  7      0    sshd: "
    for words in ("", "(libpam.2.dylib) ", "(Security) [com.apple.securityd:auth] "):
        (event,) = facts(read(f"{head}{words}{GUESS}\n"))
        assert EXPECTED | {"host.name": None} == event


def test_a_tag_is_not_taken_for_a_host() -> None:
    """`su: pam_unix(su:auth): …` without a host is a line of su."""
    line = "Apr 28 13:11:39 su: pam_unix(su:session): session opened for user root(uid=0) by lan(uid=1000)\n"
    event = read(line).events.to_dicts()[0]
    assert (None, "su") == (event.get("host.name"), event["process.name"])


def test_one_digit_days() -> None:
    """With one blank or two."""
    assert 2 == len(
        {*read(f"Feb 7 16:01:07 h sshd[1]: {GUESS}\nFeb  7 16:01:08 h sshd[1]: {GUESS}\n").events["@timestamp"]}
    )


def test_a_hole_of_nul_bytes_before_a_line() -> None:
    """A log that was truncated under its writer: the line behind the hole is read, and the hole is counted."""
    data = b"\x00" * 5000 + FORMS["rfc3164"].format(GUESS).encode() + b"\n"
    lines = split_lines(data, 0)
    assert ["nul"] == lines["malformed"].to_list()
    parsed = parse(lines, packs=PACKS, source=SourceFormat("x"), reference=NOW)
    assert [EXPECTED] == facts(parsed)


@pytest.mark.parametrize("size", [4096, 300_000])
def test_a_hole_of_nul_bytes_within_a_line(size: int) -> None:
    """A machine that went down leaves half a line and a hole: the line behind them is read, and the hole is counted."""
    whole = FORMS["rfc3164"].format(GUESS).encode()
    lines = split_lines(whole[:30] + b"\x00" * size + whole + b"\n", 0)
    assert ["nul"] == lines["malformed"].to_list()
    assert [EXPECTED] == facts(parse(lines, packs=PACKS, source=SourceFormat("x"), reference=NOW))


@pytest.mark.parametrize(
    ("words", "times"),
    [
        ("web1 last message repeated 3 times", 3),
        ("web1 last message repeated 1 time", 1),
        ("web1 syslogd: last message repeated 3 times", 3),
        ("web1 sshd[7]: message repeated 3 times: [ {}]", 3),
        ("web1 sshd[7]: message repeated 3 times: [{}]", 3),
        ("web1 sshd[7]: message repeated 3 times: [ {}] ", 3),
        ("web1 auth.info sshd[7]: message repeated 3 times: [ {}]", 3),
        ("web1 sshd[7]: message repeated 3 times: [ {}", 3),
        ("web1 sshd[7]: message repeated 3 times: [ message repeated 2 times: [ {}]]", 6),
        ("web1 sshd[7]: message repeated 3 times: [ message repeated 2 times: [ {}", 6),
        ("web1 sshd[7]: message repeated 999999 times: [ message repeated 999999 times: [ {}]]", 1_000_000),
        ("web1 sshd[7]: message repeated 99999999999999999999 times: [ {}]", 1),
        ("web1 last message repeated 99999999999999999999 times", 1),
        ("web1 last message repeated 9999999999 times", 1_000_000),
        ("web1 --- last message repeated 3 times ---", 3),
        ("web1 last message repeated 3 times  ", 3),
    ],
)
def test_repetition_counts(words: str, times: int) -> None:
    """Every syslogd has a form of its own to say that a line came again; also cut, nested and beyond all numbers."""
    other = "Apr 28 13:11:40 web2 sshd[9]: Accepted password for an from 198.51.100.1 port 9 ssh2\n"
    text = FORMS["rfc3164"].format(GUESS) + "\n" + other + "Apr 28 13:11:50 " + words.format(GUESS) + "\n"
    events = read(text).events.filter(pl.col("user.name") == "lan")
    assert [1, times] == events["credwatch.repeat"].to_list()
    assert ["web1", "web1"] == events["host.name"].to_list()


def test_a_forged_header_in_a_message_is_not_read() -> None:
    """What a stranger types stands behind the tag, and only the first header counts."""
    forged = "Apr 28 13:11:39 x sshd[1]: Accepted password for root from 1.2.3.4 port 1 ssh2"
    line = f"Apr 28 13:11:39 web1 sshd[7]: Invalid user {forged} from 203.0.113.7 port 2\n"
    assert {"failure"} == {*read(line).events["event.outcome"].to_list()}
