"""Whatever is written from outside: no control, no direction, no second line, and no link in a message."""

from __future__ import annotations

import json
import re
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from credwatch.kernel.legible import (
    LONGEST_IN_A_LOG,
    LONGEST_IN_A_MESSAGE,
    in_a_log,
    in_a_message,
    in_a_message_as_account,
    in_json,
    on_a_terminal,
    without_invisible,
)

VIETNAMESE = "Trần Thị Ngọc Ánh đặng QUỐC Bảo ữ ễ ỵ Ằ"
HOSTILE = (
    *("\x1b[2J", "\r", "\n", "\x9b31m", "\x7f", "\x00", "\u202e", "\u2066", "\u200b", "\u200f", "\u2028", "\u2029"),
    *("\ufeff", "\u00ad", "\u061c", "\u3164", "\ufe0f", "\U000e0041", "\udc80", "\u0085", "\x0b"),
    *("evil.com", "www.", "https://", "mailto:", "0900 123 456", "+84-258-355-5010", "\\\\host\\share", "e\uff0eco"),
)
outside = st.lists(st.one_of(st.text(st.characters()), st.sampled_from(HOSTILE), st.just(VIETNAMESE))).map("".join)
ONE_LINE = {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"}


def _has_ink(text: str) -> bool:
    return text.isprintable() and not {unicodedata.category(sign) for sign in text} & ONE_LINE


@given(outside)
def test_a_terminal_gets_one_line_that_it_only_shows(text: str) -> None:
    """No control, format, direction or separator character is left, and a second time changes nothing."""
    line = on_a_terminal(text)
    assert _has_ink(line)
    assert line == on_a_terminal(line)


@given(outside)
def test_a_log_gets_one_bounded_line(text: str) -> None:
    """It is one line without control characters, and no longer than the escapes of what was kept."""
    line = in_a_log(text * 3)
    assert _has_ink(line)
    assert len(line) <= 10 * LONGEST_IN_A_LOG


@given(st.recursive(outside, lambda inner: st.dictionaries(outside, inner, max_size=3), max_leaves=5))
def test_json_means_the_same_and_only_shows(value: object) -> None:
    """Reading it back gives the same value, lone surrogates among it, and it is one printable line."""
    document = in_json(json.dumps(value, ensure_ascii=False))
    assert value == json.loads(document)
    assert _has_ink(document)


@given(outside)
def test_a_message_gets_one_bounded_line_without_links(text: str) -> None:
    """No scheme, no host name with a top-level domain, no long number, and a second time changes nothing."""
    line = in_a_message(text)
    assert len(line) <= LONGEST_IN_A_MESSAGE
    assert _has_ink(line)
    assert "://" not in line
    assert not re.search(r"[A-Za-z0-9]\.[A-Za-z]", line)
    assert line == in_a_message(line)


@given(outside)
def test_what_is_left_out_leaves_line_ends(text: str) -> None:
    """A block of text keeps its lines and loses what has no ink."""
    assert all(sign in "\n\t" or _has_ink(sign) for sign in without_invisible(text))


@pytest.mark.parametrize("write", [on_a_terminal, in_a_log, in_json, without_invisible, in_a_message])
@pytest.mark.parametrize("form", ["NFC", "NFD"])
def test_vietnamese_stays_as_it_is(write, form: str) -> None:
    """Letters with marks, composed or not, are text like any other."""
    text = unicodedata.normalize(form, VIETNAMESE)
    assert text == write(text)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("evil.com", "evil[.]com"),
        ("login at evil.com/x now", "login at evil[.]com/x now"),
        ("call-me@evil.com", "call-me@evil[.]com"),
        ("https://evil.com", "https[:]//evil[.]com"),
        ("tel:113", "tel[:]113"),
        ("javascript:alert(1)", "javascript[:]alert(1)"),
        ("evil\uff0ecom", "evil[.]com"),
        ("bücher.example", "bücher[.]example"),
        ("пример.рф", "пример[.]рф"),
        ("evil.xn--p1ai", "evil[.]xn--p1ai"),
        ("call 0900 123 456", "call 0900·123·456"),
        ("+84 (258) 355-5010", "84·258·355·5010"),
        ("19001234", "190·012·34"),
        ("\\\\host\\share", "\\[\\]host\\share"),
        ("203.0.113.7", "203.0.113.7"),
        ("2001:db8::1", "2001:db8::1"),
        ("ACME\\lan", "ACME\\lan"),
        ("version 1.2.3", "version 1.2.3"),
        ("a\r\nBcc: x@y.example", "a Bcc: x@y[.]example"),
        ("evil\u202etxt", "evil txt"),
    ],
)
def test_what_a_mail_program_would_link_is_broken_up(text: str, expected: str) -> None:
    """Host names, schemes, shares and telephone numbers are readable and lead nowhere."""
    assert expected == in_a_message(text)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("lan.nguyen@tanphat.example", "lan.nguyen@tanphat.example"),
        ("trần.lan", "trần.lan"),
        ("www.evil.com", "www[.]evil[.]com"),
        ("evil.com/x@tanphat.example", "evil[.]com/x@tanphat[.]example"),
        ("0900123456@tanphat.example", "090·012·345·6@tanphat[.]example"),
    ],
)
def test_an_account_of_the_reader_keeps_its_address(name: str, expected: str) -> None:
    """An account's own e-mail address is not broken up, and whatever else stands in its place is."""
    assert expected == in_a_message_as_account(name)
