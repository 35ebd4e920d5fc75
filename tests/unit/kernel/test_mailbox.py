"""Addresses that mail servers take are told from those that they do not, before anything is sent."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from credwatch.kernel.mailbox import mailbox


@pytest.mark.parametrize(
    ("address", "carried"),
    [
        ("it@haiau.example", "it@haiau.example"),
        ("giam.doc+canh-bao@haiau.example", "giam.doc+canh-bao@haiau.example"),
        ("root@localhost", "root@localhost"),
        ("it@công-ty.vn", "it@xn--cng-ty-ixa.vn"),
        ("it@xn--cng-ty-ixa.vn", "it@xn--cng-ty-ixa.vn"),
        (f"{'a' * 64}@haiau.example", f"{'a' * 64}@haiau.example"),
    ],
)
def test_an_address_is_carried_in_ascii(address: str, carried: str) -> None:
    """Plain addresses stay as they are, and domains beyond ASCII are written as the name system knows them."""
    assert carried == mailbox(address)


@pytest.mark.parametrize(
    ("address", "said"),
    [
        ("Lan <lan@haiau.example>", "display name"),
        ("a@haiau.example, b@haiau.example", "several"),
        ("a@haiau.example;b@haiau.example", "several"),
        ("a@haiau.example b@haiau.example", "several"),
        ('"giam doc"@haiau.example', "quoted"),
        ("giám.đốc@haiau.example", "beyond ASCII before its @"),
        ("haiau.example", "no @"),
        ("", "no @"),
        ("@haiau.example", "no name before its @"),
        ("giam doc@haiau.example", "no name before its @"),
        ("a..b@haiau.example", "no name before its @"),
        (".a@haiau.example", "no name before its @"),
        (f"{'a' * 65}@haiau.example", "no name before its @"),
        ("a@", "domain"),
        ("a@haiau..example", "domain"),
        ("a@haiau.example.", "domain"),
        ("a@-haiau.example", "domain"),
        ("a@hai_au.example", "domain"),
        ("a@[192.0.2.1]", "domain"),
        (f"a@{'x' * 64}.example", "domain"),
        (f"a@{'ô' * 64}.example", "domain"),
        (f"a@{'.'.join(['x' * 60] * 5)}", "254"),
        ("a@haiau.example\r\nBcc: b@evil.example", "several"),
    ],
)
def test_what_no_server_carries_is_refused(address: str, said: str) -> None:
    """Each way to write something else than one bare address is named, with what to write instead."""
    with pytest.raises(ValueError, match=said) as caught:
        mailbox(address)
    assert "; " in str(caught.value)


@given(st.text(max_size=40))
def test_what_is_taken_is_one_line_of_ascii(text: str) -> None:
    """Whatever somebody writes into a register, an envelope gets one printable word with one @, or nothing."""
    try:
        carried = mailbox(text)
    except ValueError:
        return
    assert carried.isascii()
    assert carried.isprintable()
    assert 1 == carried.count("@")
    assert " " not in carried
