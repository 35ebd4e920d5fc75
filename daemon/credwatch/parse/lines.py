"""Cuts what a source delivers into lines, and makes each of them safe to show and to read."""

from __future__ import annotations

import re

import numpy as np
import polars as pl
from numpy.typing import NDArray

MAX_LINE_BYTES = 65536
"""Longer lines are cut to this many bytes and marked `too_long`."""

_CONTROL_BYTES = bytes(code for code in range(32) if code not in b"\t\n\r") + b"\x7f"
_COMPRESSED = (b"\x1f", b"x", b"(")
"""The first bytes of files made by gzip, zlib and zstd."""

_HOLE = b"\x00" * 4096
"""So many NUL bytes in a row are a hole, and no name that a stranger gave."""

_BLOCK = 1 << 18
"""So many bytes are looked at together: what is made of them stays near the core."""

_CONTROL_TEXT = re.compile("[\x00-\x08\x0a-\x1f\x7f-\x9f]")


def split_lines(data: bytes, first_position: int, max_line_bytes: int = MAX_LINE_BYTES) -> pl.DataFrame:
    r"""Cut a buffer at each `\n` into the lines frame: `line` (String), `position` (Int64), `malformed` (String).

    `first_position` is the byte offset of the buffer in its file; `position` is the offset behind each line and its
    newline. One `\r` before the newline is dropped. What follows the last newline is a line of its own. Bytes that
    are not UTF-8 and control characters other than the tab are shown as escapes, so a line cannot forge another one
    when it is printed; `malformed` then says `not_utf8`, `nul` or `control`, or `too_long` for a line that was cut.
    """
    if not data:
        return pl.DataFrame(schema={"line": pl.String, "position": pl.Int64, "malformed": pl.String})
    plain = _plain_lines(data, max_line_bytes)
    if plain is not None:
        behind = (plain.str.len_bytes().cast(pl.Int64) + 1).cum_sum() + first_position
        if data[-1] != 10:
            behind = behind.clip(upper_bound=first_position + len(data))
        nothing = pl.Series("malformed", [None], dtype=pl.String).new_from_index(0, len(plain))
        return pl.DataFrame([plain, behind.alias("position"), nothing])
    ends = np.flatnonzero(np.frombuffer(data, np.uint8) == 10) + 1
    if data[-1] != 10:
        ends = np.append(ends, len(data))
    starts = np.concatenate(([0], ends[:-1]))
    offending = _offending(data, starts, ends, max_line_bytes)
    lines = _clean_lines(data) if not len(offending) else _mended_lines(data, starts, ends, offending, max_line_bytes)
    return lines.select("line", pl.Series("position", ends + first_position, dtype=pl.Int64), "malformed")


def _plain_lines(data: bytes, limit: int) -> pl.Series | None:
    r"""Cut the common buffer: ASCII without control characters, `\r` among them, and without long lines."""
    if not data.isascii() or b"\x7f" in data:
        return None
    lines = _cut(data)
    codes = np.frombuffer(data, np.uint8)
    blocks = (codes[begin : begin + _BLOCK] for begin in range(0, len(codes), _BLOCK))
    controls = sum(int(np.count_nonzero(block < 32)) for block in blocks) - (len(lines) - (data[-1] != 10))
    if controls and controls != data.count(b"\t"):
        return None
    longest = lines.str.len_bytes().max()
    return lines if isinstance(longest, int) and longest <= limit else None


def _cut(data: bytes) -> pl.Series:
    # The reader unpacks what begins as a compressed file does, and lines may begin so ("x^"): an empty line goes first.
    if not data.startswith(_COMPRESSED):
        return pl.read_lines(data, name="line").to_series().rechunk()
    return pl.read_lines(b"\n" + data, name="line").to_series().tail(-1).rechunk()


def _offending(data: bytes, starts: NDArray[np.int64], ends: NDArray[np.int64], limit: int) -> NDArray[np.int64]:
    """Number the lines that need mending; a clean buffer costs four passes in C."""
    lines = [np.flatnonzero(ends - starts > limit)]
    codes = np.frombuffer(data, np.uint8)
    if len(data.translate(None, _CONTROL_BYTES)) != len(data):
        lines.append(_lines_of(np.flatnonzero(np.isin(codes, np.frombuffer(_CONTROL_BYTES, np.uint8))), ends))
    if b"\r" in data:
        returns = np.flatnonzero(codes == 13)
        lines.append(_lines_of(returns[np.append(codes, 10)[returns + 1] != 10], ends))
    if not data.isascii() and not _is_clean_utf8(data):
        lines.append(_lines_of(np.flatnonzero(codes >= 0x80), ends))
    return np.unique(np.concatenate(lines))


def _lines_of(offsets: NDArray[np.int64], ends: NDArray[np.int64]) -> NDArray[np.int64]:
    return np.unique(np.searchsorted(ends, offsets, side="right"))


def _is_clean_utf8(data: bytes) -> bool:
    """Say whether a buffer is UTF-8 without the controls U+0080 to U+009F, which are written C2 80 to C2 9F."""
    codes = np.frombuffer(data + b"\n", np.uint8)
    if (codes[np.flatnonzero(codes == 0xC2) + 1] < 0xA0).any():
        return False
    try:
        data.decode()
    except UnicodeDecodeError:
        return False
    return True


def _clean_lines(data: bytes) -> pl.DataFrame:
    return _cut(data).to_frame().with_columns(pl.lit(None, pl.String).alias("malformed"))


def _mended_lines(
    data: bytes, starts: NDArray[np.int64], ends: NDArray[np.int64], offending: NDArray[np.int64], limit: int
) -> pl.DataFrame:
    """Read the offending lines one by one, and those between them at once."""
    mended = [_mend(data[starts[at] : ends[at]], limit) for at in offending]
    keep = np.ones(len(ends), dtype=bool)
    keep[offending] = False
    clean = b"".join(data[starts[a] : ends[b]] for a, b in _runs(np.flatnonzero(keep)))
    frames = [
        pl.DataFrame(mended, schema={"line": pl.String, "malformed": pl.String}, orient="row").with_columns(
            pl.Series("row", offending, dtype=pl.Int64)
        )
    ]
    if clean:
        rows = pl.Series("row", np.flatnonzero(keep), dtype=pl.Int64)
        frames.append(_clean_lines(clean).with_columns(rows).select("line", "malformed", "row"))
    return pl.concat(frames).sort("row")


def _runs(rows: NDArray[np.int64]) -> list[tuple[int, int]]:
    """Give first and last of each run of neighbouring numbers."""
    if not len(rows):
        return []
    parts = np.split(rows, np.flatnonzero(np.diff(rows) != 1) + 1)
    return [(int(part[0]), int(part[-1])) for part in parts]


def _mend(raw: bytes, limit: int) -> tuple[str, str | None]:
    raw = raw.removesuffix(b"\n").rstrip(b"\r")
    # Whoever truncates a log under a writer that keeps its position leaves a hole, which reads as NUL bytes; so does a
    # machine that went down before the end of a line reached the disk. The line behind the hole is the whole one.
    before, hole, behind = raw.strip(b"\x00").rpartition(_HOLE)
    has_hole = bool(hole) or raw[:1] == b"\x00"
    raw = behind.lstrip(b"\x00") or before or raw
    cut = raw[:limit]
    text, malformed = _decoded(cut, was_cut=len(raw) > limit)
    legible = shown(text)
    if malformed is None and legible != text:
        malformed = "nul" if "\x00" in text else "control"
    return legible, malformed or ("nul" if has_hole else None)


def shown(text: str) -> str:
    """Write control characters as escapes, so that a text is one line."""
    return _CONTROL_TEXT.sub(lambda match: f"\\x{ord(match[0]):02x}", text)


def _decoded(raw: bytes, *, was_cut: bool) -> tuple[str, str | None]:
    try:
        return raw.decode(), "too_long" if was_cut else None
    except UnicodeDecodeError as error:
        if was_cut and error.start > len(raw) - 4 and error.reason == "unexpected end of data":
            return raw[: error.start].decode(), "too_long"
        return raw.decode(errors="backslashreplace"), "too_long" if was_cut else "not_utf8"
