"""Lines are cut only at newlines, and made safe to show."""

from __future__ import annotations

import pytest

from credwatch.parse.lines import split_lines


@pytest.mark.parametrize(
    ("data", "lines", "positions"),
    [
        (b"", [], []),
        (b"a\nb\n", ["a", "b"], [102, 104]),
        (b"a\r\nb", ["a", "b"], [103, 104]),
        (b"a\n\nb\n", ["a", "", "b"], [102, 103, 105]),
        ("Nguyễn\u2028Văn\n".encode(), ["Nguyễn\u2028Văn"], [116]),
        (b"tab\there\n", ["tab\there"], [109]),
        (b"\n", [""], [101]),
        (b"a\tb\nopen end", ["a\tb", "open end"], [104, 112]),
        ("a\u00a0b\r\n".encode(), ["a\u00a0b"], [106]),
    ],
)
def test_clean_lines(data: bytes, lines: list[str], positions: list[int]) -> None:
    """A newline, and nothing else, ends a line; the position is the offset behind it."""
    frame = split_lines(data, 100)
    assert lines == frame["line"].to_list()
    assert positions == frame["position"].to_list()
    assert [None] * len(lines) == frame["malformed"].to_list()


@pytest.mark.parametrize("beginning", ["x^abc", "BZh91AY&SY", "PAR1"])
def test_lines_are_never_unpacked(beginning: str) -> None:
    """Lines that begin as a compressed file does are lines all the same."""
    frame = split_lines(f"{beginning}\nb\n".encode(), 0)
    assert [beginning, "b"] == frame["line"].to_list()


@pytest.mark.parametrize(
    ("raw", "shown", "why"),
    [
        (b"caf\xe9", "caf\\xe9", "not_utf8"),
        (b"a\x00b", "a\\x00b", "nul"),
        (b"a\x1b[31mb", "a\\x1b[31mb", "control"),
        (b"a\rNov 30 root", "a\\x0dNov 30 root", "control"),
        ("a\x9bb".encode(), "a\\x9bb", "control"),
        (b"x" * 25, "x" * 20, "too_long"),
        (b"x" * 19 + "ễ".encode(), "x" * 19, "too_long"),
    ],
)
def test_mended_lines(raw: bytes, shown: str, why: str) -> None:
    """An offending line is escaped or cut, says why, and leaves its neighbours alone."""
    frame = split_lines("đầu\n".encode() + raw + b"\nend\n", 0, max_line_bytes=20)
    assert ["đầu", shown, "end"] == frame["line"].to_list()
    assert [None, why, None] == frame["malformed"].to_list()
    assert len("đầu\n".encode()) + len(raw) + 1 == frame["position"][1]
