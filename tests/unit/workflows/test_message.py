"""Identity, verification code, and values made harmless."""

from __future__ import annotations

import unicodedata
from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from builders_outbox import NOON, a_change, an_incident, some_facts
from credwatch.kernel.secret import Secret
from credwatch.workflows.clocks import start
from credwatch.workflows.decide import react
from credwatch.workflows.digest import COUNTS, Standing, digest
from credwatch.workflows.message import bounded, same_code, shown, verification_code


def test_a_code_follows_from_key_and_message() -> None:
    """The same message has the same code; another key or message has another."""
    code = verification_code(Secret("key"), "cw-1")
    assert code == verification_code(Secret("key"), "cw-1")
    assert 3 == len({code, verification_code(Secret("other"), "cw-1"), verification_code(Secret("key"), "cw-2")})


@given(st.text(min_size=1), st.text(min_size=1))
def test_a_code_can_be_read_out(key: str, command: str) -> None:
    """Four groups of four; no character has a double: 0, 1, I and L do not occur."""
    code = verification_code(Secret(key), command)
    assert [4, 4, 4, 4] == [len(group) for group in code.split("-")]
    assert not set(code) & set("01IL")


@pytest.mark.parametrize("spoken", ["o8aj eqgz jnby 36mg", "O8AJ-EQGZ-JNBY-36MG", "08ajeqgzjnby36mg"])
def test_a_spoken_code_is_recognised(spoken: str) -> None:
    """Case, spaces, hyphens and a zero for an O do not matter."""
    assert same_code(spoken, "O8AJ-EQGZ-JNBY-36MG")


@pytest.mark.parametrize("spoken", ["", "O8AJ-EQGZ-JNBY", "O8AJ-EQGZ-JNBY-36MH", "ế" * 16])
def test_another_code_is_not(spoken: str) -> None:
    """A part of the code is not the code."""
    assert not same_code(spoken, "O8AJ-EQGZ-JNBY-36MG")


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("lan@tanphat.example", "lan@tanphat[.]example"),
        ("2001:db8::1", "2001:db8::1"),
        ("Đặng  Văn\tA", "Đặng Văn A"),
        ("a\r\nBcc: x@y.example", "a Bcc: x@y[.]example"),
        ("see https://evil.example/reset", "see https[:]//evil[.]example/reset"),
        ("www.evil.example", "www[.]evil[.]example"),
        ("evil\u202etxt.exe", "evil txt[.]exe"),
        ("x" * 200, "x" * 119 + "…"),
    ],
)
def test_values_from_logs_are_made_harmless(value: str, expected: str) -> None:
    """Line ends, direction marks and links cannot be smuggled in by a user name."""
    assert expected == shown(value)


@given(st.text())
def test_shown_is_one_bounded_line_without_links(value: str) -> None:
    """Whatever a log holds, the reader gets one line and no link."""
    line = shown(value)
    assert len(line) <= 250
    assert "://" not in line
    assert not any(unicodedata.category(character) in {"Cc", "Cf", "Zl", "Zp"} for character in line)


def test_long_lists_are_cut_and_counted() -> None:
    """Twenty are named, the rest counted."""
    assert {"first": [str(n) for n in range(20)], "more": 5} == bounded(str(n) for n in range(25))


def test_no_context_holds_the_key() -> None:
    """The notice key is in no command."""
    reaction = react(a_change("customer_notice"), some_facts(notice_key=Secret("hush-hush")), NOON)
    assert "hush-hush" not in repr(reaction)


def test_a_day_has_one_digest_for_each_operator() -> None:
    """The digest of a day has the same id whenever it is made; counts that are missing are 0."""
    clock = start("customer_notice", "CW-1", "tanphat", NOON, NOON - NOON)
    day = date(2026, 11, 20)
    first = digest(day, {"lines": 7}, Standing({}, (an_incident(),), (clock,)), some_facts(), NOON)
    again = digest(day, {}, Standing({}), some_facts(), NOON)
    assert [command.id for command in first] == [command.id for command in again]
    assert {name: 7 if name == "lines" else 0 for name in COUNTS} == first[0].payload.context["counts"]
    assert "Công ty Tân Phát" == first[0].payload.context["incidents"][0]["organization"]


def test_a_digest_of_many_is_bounded() -> None:
    """A hundred open incidents make twenty lines and a count."""
    command = digest(date(2026, 11, 20), {}, Standing({}, (an_incident(),) * 100), some_facts(), NOON)[0]
    assert (20, 80) == (len(command.payload.context["incidents"]), command.payload.context["more_incidents"])
