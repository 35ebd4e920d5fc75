"""Envelopes are told apart and taken off."""

from __future__ import annotations

from typing import Any

import polars as pl
import pytest

from credwatch.parse.envelopes import SourceKind, read_envelopes

OLD = "Nov 30 06:39:00 web1 sshd[811]: hello there"


def read(line: str, kind: SourceKind = SourceKind.AUTO) -> dict[str, Any]:
    """Read one line's envelope, without what is null."""
    row = read_envelopes(pl.Series([line]), kind).to_dicts()[0]
    return {name: value for name, value in row.items() if value is not None and name != "row"}


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        (OLD, {"stamp": "Nov 30 06:39:00", "host": "web1", "program": "sshd", "pid": 811, "message": "hello there"}),
        ("<38>" + OLD, {"priority": 38, "program": "sshd", "message": "hello there"}),
        ("Nov 30 06:39:00 web1 sudo:      lan : x", {"program": "sudo", "message": "lan : x"}),
        ("Nov 30 06:39:00 web1 /usr/sbin/cron[9]: x", {"program": "cron", "pid": 9}),
        ("Nov 30 06:39:00 web1 postfix/smtpd[9]: x", {"program": "postfix/smtpd"}),
        (
            "2025-11-30T06:39:00.1+07:00 web1 sshd-session[811]: hi",
            {"stamp": "2025-11-30T06:39:00.1+07:00", "pid": 811},
        ),
        ("<38>2025-11-30T06:39:00Z web1 su: hi", {"priority": 38, "program": "su", "message": "hi"}),
        (
            r'<165>1 2025-11-30T06:39:00Z web1 app 77 ID1 [a@1 k="v\"] x"][b@1] ' + "\ufeffhi [there]",
            {"priority": 165, "host": "web1", "program": "app", "pid": 77, "message": "hi [there]"},
        ),
        ("<34>1 2025-11-30T06:39:00Z - app - - - hi", {"program": "app", "message": "hi"}),
        ("<34>1 2025-11-30T06:39:00Z web1 app - - -", {"program": "app", "host": "web1"}),
        ('{"a":1}', {"json": '{"a":1}'}),
        ('Nov 30 06:39:00 web1 app[1]: @cee: {"a":1}', {"json": '{"a":1}', "program": "app"}),
        ("Nov 30 06:39:00 web1 app[1]: message repeated 3 times: [ a [b] ]", {"message": "a [b]", "repeat": 3}),
        ("Nov 30 06:39:00 web1 app[1]: message repeated 0 times: [ a ]", {"message": "a", "repeat": 1}),
    ],
)
def test_envelope(line: str, expected: dict[str, Any]) -> None:
    """Each envelope gives its stamp, host, program, process id and message."""
    found = read(line)
    assert expected == {name: found.get(name) for name in expected}
    assert "problem" not in found


@pytest.mark.parametrize("line", ["", "x", "Nov 30", "last message repeated 2 times", "<34>1 2025 broken", "<999"])
def test_no_envelope(line: str) -> None:
    """A line without a header is named so."""
    assert read(line)["problem"] == "no_envelope"


def test_kinds() -> None:
    """A JSON source takes only objects, a syslog source takes none."""
    assert read(OLD, SourceKind.JSON)["problem"] == "not_json"
    assert "json" in read('{"a":1}', SourceKind.JSON)
    assert read('{"a":1}', SourceKind.SYSLOG)["problem"] == "no_envelope"


def test_order_of_mixed_lines() -> None:
    """Lines of several envelopes in one batch keep their order."""
    lines = pl.Series(['{"a":1}', OLD, "<38>" + OLD, "2025-11-30T06:39:00Z web1 su: hi", "junk"])
    frame = read_envelopes(lines, SourceKind.AUTO)
    assert frame["row"].to_list() == [0, 1, 2, 3, 4]
    assert frame["program"].to_list()[:4] == [None, "sshd", "sshd", "su"]


def test_lines_that_share_a_header_are_read_as_if_alone() -> None:
    """A header that stands in several lines is the header of those alone in which a message follows it."""
    lines = [
        OLD,
        "Nov 30 06:39:00 web1 sshd[811]: Postponed: again",
        "Nov 30 06:39:00 web1 sshd[811]",
        "Nov 30 06:39:00 web1 sshd[811]:",
        "Nov 30 06:39:00 web1: sshd[811]: hello",
        "Nov 30 06:39:00 web1: sshd[811]:hello",
        "Nov 30 06:39:00 web1 no tag: hello",
        "Nov 30 06:39:00 web1 : hello",
        "<38>1 : hello",
        '<38>1 2025-11-30T06:39:00Z web1 app - - [a@1 b="c: d"] hello',
        ": hello",
    ]
    together = read_envelopes(pl.Series(lines), SourceKind.AUTO).drop("row").to_dicts()
    alone = [read_envelopes(pl.Series([line]), SourceKind.AUTO).drop("row").to_dicts()[0] for line in lines]
    assert alone == together
    problems = [None, None, "no_envelope", None, None, "no_envelope", "no_envelope", None]
    assert [*problems, "no_envelope", None, "no_envelope"] == [row["problem"] for row in together]
