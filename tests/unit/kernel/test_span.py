"""Spans of time as people write them."""

from __future__ import annotations

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from credwatch.kernel.span import read_span, write_span

WRONG = ("", "10", "s", "1.5h", "-1s", "1w", "500ms", "1M", "10 s", "1d2h", "x 1s", "9999999999d")


@pytest.mark.parametrize(
    ("text", "span"),
    [
        ("10s", timedelta(seconds=10)),
        (" 15m ", timedelta(minutes=15)),
        ("24h", timedelta(hours=24)),
        ("3d", timedelta(days=3)),
        ("0s", timedelta()),
        *(
            (text, None)
            for text in ("", "10", "s", "1.5h", "-1s", "1w", "500ms", "1M", "10 s", "1d2h", "٣s x", "9999999999d")
        ),
    ],
)
def test_a_span_is_a_number_and_a_unit(text: str, span: timedelta | None) -> None:
    """What is no number with one of the allowed units is no span, and never another one."""
    assert read_span(text) == span


def test_other_units_are_read_where_they_are_allowed() -> None:
    """Milliseconds and weeks are for those who ask for them; a span too long for a clock is none."""
    assert read_span("500ms", units=("ms",)) == timedelta(milliseconds=500)
    assert read_span("2w", units=("w",)) == timedelta(weeks=2)
    assert read_span("999999999w", units=("w",)) is None


@given(st.integers(0, 90 * 86400))
def test_what_is_written_is_read_again(seconds: int) -> None:
    """Each span of whole seconds comes back as it was."""
    assert read_span(write_span(timedelta(seconds=seconds))) == timedelta(seconds=seconds)
