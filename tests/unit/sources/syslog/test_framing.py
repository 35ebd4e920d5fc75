"""Messages out of a stream: both framings, in any mixture, however the pieces are cut."""

from __future__ import annotations

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from credwatch.sources.syslog.framing import Frames, line_of

TEXTS = st.binary(min_size=1, max_size=30).map(lambda text: b"<34>" + text)
LINES = TEXTS.filter(lambda text: not {0, 10}.intersection(text))
FRAMED = st.lists(
    st.one_of(
        TEXTS.map(lambda text: (text, b"%d %b" % (len(text), text))),
        LINES.map(lambda text: (text, text + b"\n")),
        LINES.map(lambda text: (text, text + b"\x00")),
    ),
    max_size=6,
)


def _fed(stream: bytes, cuts: list[int], most: int = 1000) -> tuple[list[bytes], int, bytes]:
    frames, messages = Frames(most), list[bytes]()
    places = sorted({0, len(stream), *(cut % (len(stream) + 1) for cut in cuts)})
    for begin, end in pairwise(places):
        messages += frames.messages(stream[begin:end])
    return messages, frames.cut, frames.rest()


@given(FRAMED, st.lists(st.integers(0, 500), max_size=8))
def test_what_was_framed_comes_out(framed: list[tuple[bytes, bytes]], cuts: list[int]) -> None:
    """Counted messages and lines may follow one another; each comes whole, and nothing is left."""
    stream = b"".join(frame for _, frame in framed)
    assert ([text for text, _ in framed], 0, b"") == _fed(stream, cuts)


PARTS = (b"5 ", b"12", b" ", b"\n", b"\x00", b"<1>", b"abc", b"9999999999 ", b"x" * 40)


@given(
    st.lists(st.sampled_from(PARTS), max_size=20),
    st.lists(st.integers(0, 500), max_size=8),
    st.integers(1, 30),
)
def test_any_bytes_come_to_the_same_however_they_are_cut(parts: list[bytes], cuts: list[int], most: int) -> None:
    """What a sender writes, garbage or not, leads to the same messages for any split, none longer than the bound."""
    stream = b"".join(parts)
    whole = _fed(stream, [], most)
    assert whole == _fed(stream, cuts, most)
    assert all(len(message) <= most for message in whole[0])


def test_a_message_that_is_too_long_is_cut_and_the_next_comes_whole() -> None:
    """In both framings; each cut is counted."""
    frames = Frames(5)
    assert [b"<1>ab", b"<2>cd", b"<3>x"] == frames.messages(b"<1>abcdef\n9 <2>cdefgh4 <3>x")
    assert 2 == frames.cut


def test_a_last_line_needs_no_newline_and_a_torn_counted_message_is_none() -> None:
    """Where a connection ends: the sender of a counted message knows that it was torn."""
    for text, expected in ((b"<1>a", b"<1>a"), (b"2026-03-01 a", b"2026-03-01 a"), (b"9 <1>a", b""), (b"12", b"")):
        frames = Frames(100)
        assert [] == frames.messages(text)
        assert expected == frames.rest()


def test_a_message_is_one_line() -> None:
    """Newlines within it are escaped as rsyslog does; an empty one is none."""
    assert [b"<1>a#012<1>b#015c\n", b"", b""] == [line_of(text) for text in (b"<1>a\n<1>b\rc\r\n\x00", b"", b"\n")]
