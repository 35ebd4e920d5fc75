"""Holds the comparison of accounts to telling the same ones from different ones."""

from __future__ import annotations

import unicodedata

import pytest

from credwatch.kernel.account import compared

SAME = [
    ("Lan", "lan"),
    (r"ACME\lan", r"acme\LAN"),
    (r"ACME\lan", "ACME/lan"),
    (r"ACME\lan", "lan@ACME"),
    (r".\lan", "lan"),
    ("nguyễn", unicodedata.normalize("NFD", "NGUYỄN")),
]
OTHERS = [
    ("lan", r"ACME\lan"),
    (r"ACME\lan", r"OTHER\lan"),
    ("lan@acme.example", r"acme.example\lan"),
    ("lan@acme.example", "lan"),
    ("a/b/c", r"a\b"),
]


@pytest.mark.parametrize(("one", "other"), SAME)
def test_two_names_of_one_account_are_equal(one: str, other: str) -> None:
    """Case, composition and the way a domain is written make no other account."""
    assert compared(one) == compared(other)


@pytest.mark.parametrize(("one", "other"), OTHERS)
def test_two_accounts_stay_two(one: str, other: str) -> None:
    """Another domain, or none, is another account."""
    assert compared(one) != compared(other)
