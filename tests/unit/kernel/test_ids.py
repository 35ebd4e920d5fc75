"""Ids follow from what they name, in base 32."""

from __future__ import annotations

import base64
import hashlib
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from credwatch.kernel.ids import incident_number, stable_id


@pytest.mark.parametrize("length", [8, 16, 50])
@given(parts=st.lists(st.text(max_size=5), max_size=3))
def test_an_id_is_the_beginning_of_a_digest(length: int, parts: list[str]) -> None:
    """It is what the library's base 32 of SHA-256 over the length-prefixed parts begins with."""
    raws = [part.encode() for part in ("x", *parts)]
    digest = hashlib.sha256(b"".join(len(raw).to_bytes(8, "big") + raw for raw in raws)).digest()
    assert stable_id("x", *parts, length=length) == "x-" + base64.b32encode(digest).decode().lower()[:length]


def test_parts_are_told_apart() -> None:
    """Where one part ends and the next begins matters."""
    assert stable_id("x", "ab", "c") != stable_id("x", "a", "bc")


def test_an_incident_has_the_number_of_what_it_is_about() -> None:
    """The same cause has the same number, with the year of its moment."""
    at = datetime(2026, 3, 2, tzinfo=UTC)
    assert f"CW-2026-{stable_id('CW', 'kind', 'cause', length=8)[3:].upper()}" == incident_number(
        "kind", "cause", at=at
    )
    assert incident_number("kind", "other", at=at) != incident_number("kind", "cause", at=at)
