"""Holds names of accounts to one spelling, whoever wrote the line."""

from __future__ import annotations

import unicodedata

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from credwatch.parse.spelling import respelled

SPELLINGS = [
    ("lan", "lan"),
    (r"ACME\\lan", r"ACME\lan"),
    (r"ACME\lan", r"ACME\lan"),
    (r"nguy\341\273\205n", "nguyễn"),
    ("nguy#341#273#205n", "nguyễn"),
    (unicodedata.normalize("NFD", "nguyễn"), "nguyễn"),
    ("c#42", "c#42"),
    (r"x\nroot", r"x\nroot"),
    (r"\026\003\001", r"\026\003\001"),
    (r"half\341\273", r"half\341\273"),
]


@pytest.mark.parametrize(("written", "expected"), SPELLINGS)
def test_a_name_is_spelled_as_its_owner_does(written: str, expected: str) -> None:
    """Escapes of letters are undone, those of control characters stay, and letters are composed."""
    frame = respelled(pl.DataFrame({"user.name": [written, None], "user.target.name": [None, written]}))
    assert [expected, None] == frame["user.name"].to_list()
    assert [None, expected] == frame["user.target.name"].to_list()


@given(st.text(st.characters(exclude_categories=["Cs", "Cc"], exclude_characters="\\#"), min_size=1))
def test_what_vis_wrote_is_read_back(name: str) -> None:
    """A name that sshd escapes byte by byte is the same account as the name itself."""
    escaped = "".join(chr(octet) if octet < 0x80 else f"\\{octet:03o}" for octet in name.encode())
    frame = respelled(pl.DataFrame({"user.name": [escaped, name]}))
    assert 1 == frame["user.name"].n_unique()
