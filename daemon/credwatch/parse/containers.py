r"""Takes off what the log of a container puts around each line, and joins a line that it has in pieces.

The idea. What Docker writes (`{"log":"TEXT\n","stream":"stdout","time":"STAMP"}`) is written as containerd would write
it (`STAMP stdout F TEXT`), and the pieces of a line become one line with the place of the last of them. So everything
behind knows one form. The text within is then read as any line: it may be syslog, an object, or a program's own. An
envelope is taken off once: what stands within is the container's word.

The cost is one search in the bytes of a chunk where there is none; two expressions over its lines where there are.
"""

from __future__ import annotations

import re
from typing import Literal

import msgspec
import polars as pl
from msgspec import Struct

from credwatch.parse.lines import MAX_LINE_BYTES, shown, split_lines
from credwatch.parse.pieces import CUT

_STAMP = r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{1,9})?(?:Z|[+-]\d\d:\d\d)"
HEAD = rf"^{_STAMP} std(?:out|err) [FP](?::\S*)? "
"""What stands before the text of a container's line."""
_LINE = rf"^(?P<outer>{_STAMP}) (?P<stream>std(?:out|err)) (?P<tag>[FP])(?::(?P<more>\S*))? (?P<inner>.*)$"
_SIGNS = (b" stdout ", b" stderr ", b'"stream":"std')
_DOCKER = '{"log":"'
_NOTHING = pl.lit(None, pl.String)

IN_CONTAINERS = {"inner": pl.String(), "outer": pl.String(), "until": pl.Int64()}
"""The columns that `opened` adds to a lines frame."""


def lines_in(data: bytes, first_position: int) -> pl.DataFrame:
    """Cut a log's bytes into the lines frame, as `split_lines` does, with `IN_CONTAINERS`.

    `inner` is the text of a container's line and `outer` its stamp, null for any other line. `until` is the position
    behind which the log may be gone on with: no line stands across it in pieces. Of pieces, the last one's position
    counts. What goes on with a line whose beginning is not there is left as it is, and no event can come of it.
    """
    lines = split_lines(data, first_position)
    if not lines.height or not any(sign in data for sign in _SIGNS):
        return _without(lines)
    return _opened(_joined(_spelled(lines)))


def opened(lines: pl.DataFrame) -> pl.DataFrame:
    """Add `IN_CONTAINERS` to single lines (`line`, `position`, `malformed`), which may be of several logs."""
    texts = lines["line"]
    is_one = texts.str.contains(" std", literal=True) | texts.str.starts_with(_DOCKER)
    return _opened(_spelled(lines)) if is_one.any() else _without(lines)


def _without(lines: pl.DataFrame) -> pl.DataFrame:
    until = pl.col("position").alias("until")
    return lines.with_columns(_NOTHING.alias("inner"), _NOTHING.alias("outer"), until)


class _Docker(Struct):
    """What Docker's driver `json-file` writes."""

    log: str
    stream: Literal["stdout", "stderr"]
    time: str


_KEYS = frozenset(("log", "stream", "time", "attrs"))
"""An object with any other key is an application's own."""

_decoder = msgspec.json.Decoder(dict[str, msgspec.Raw])
_is_stamp = re.compile(_STAMP).fullmatch


def _spelled(lines: pl.DataFrame) -> pl.DataFrame:
    """Write Docker's objects as containerd writes lines."""
    rows = lines["line"].str.starts_with(_DOCKER).arg_true()
    texts = {row: text for row in rows if (text := _as_cri(lines["line"][row])) is not None}
    if not texts:
        return lines
    places = pl.Series([*texts], dtype=pl.UInt32)
    line = lines["line"].clone().scatter(places, pl.Series([text for text, _ in texts.values()]))
    reasons = pl.Series([reason for _, reason in texts.values()], dtype=pl.String)
    return lines.with_columns(line, lines["malformed"].clone().scatter(places, reasons))


def _as_cri(line: str) -> tuple[str, str | None] | None:
    """Write one object of Docker's as a line, with what is malformed in it; None where it is none."""
    try:
        keys = _decoder.decode(line)
        piece = msgspec.json.decode(line, type=_Docker)
    except (msgspec.MsgspecError, UnicodeError):
        return None
    if not keys.keys() <= _KEYS or not _is_stamp(piece.time):
        return None
    text = piece.log.rstrip("\r\n")
    legible = shown(text)
    tag = "F" if piece.log.endswith("\n") else "P"
    return f"{piece.time} {piece.stream} {tag} {legible}", None if legible == text else "control"


class _Begun:
    """A line of which some pieces were met."""

    def __init__(self, row: int, more: str | None) -> None:
        self.rows = [row]
        self.texts: list[str] = []
        self.size = 0
        self.is_cut = False
        self.is_headless = more == CUT

    def add(self, text: str) -> None:
        """Go on with it, up to `MAX_LINE_BYTES`."""
        room = MAX_LINE_BYTES - self.size
        piece = text.encode()
        self.is_cut |= len(piece) > room
        self.texts.append(piece[:room].decode(errors="ignore") if len(piece) > room else text)
        self.size += min(len(piece), room)


def _joined(lines: pl.DataFrame) -> pl.DataFrame:
    """Put the pieces of each line together, in the place of the last one; see `lines_in` for `until`."""
    parts = lines["line"].str.extract_groups(_LINE).struct.unnest()
    if not (parts["tag"] == "P").any():
        return lines
    whole = _whole(parts)
    dropped = {row for it in whole for row in it.rows[:-1]}
    texts, reasons, until = lines["line"].to_list(), lines["malformed"].to_list(), lines["position"].to_list()
    for it in sorted(whole, key=lambda begun: -begun.rows[-1]):
        first, last = it.rows[0], it.rows[-1]
        outer, stream = parts["outer"][last], parts["stream"][last]
        texts[last] = f"{outer} {stream} {f'P:{CUT}' if it.is_headless else 'F'} {''.join(it.texts)}"
        reasons[last] = "too_long" if it.is_cut else reasons[last]
        until[first:last] = [until[last]] * (last - first)
    keep = [row for row in range(len(lines)) if row not in dropped]
    columns = [pl.Series("line", texts), lines["position"], pl.Series("malformed", reasons, dtype=pl.String)]
    return pl.DataFrame([*columns, pl.Series("until", until, dtype=pl.Int64)])[keep]


def _whole(parts: pl.DataFrame) -> list[_Begun]:
    """List the lines that stand in pieces; one whose last piece is not there ends with the last that is."""
    begun: dict[str, _Begun] = {}
    whole = []
    for row, (stream, tag, more, inner) in enumerate(parts.select("stream", "tag", "more", "inner").rows()):
        if tag is None or (tag == "F" and stream not in begun):
            continue
        if stream in begun:
            begun[stream].rows.append(row)
        else:
            begun[stream] = _Begun(row, more)
        begun[stream].add(inner)
        if tag == "F":
            whole.append(begun.pop(stream))
    return [*whole, *begun.values()]


def _opened(lines: pl.DataFrame) -> pl.DataFrame:
    parts = lines["line"].str.extract_groups(_LINE).struct.unnest()
    is_whole = (parts["tag"] == "F").fill_null(False)
    nothing = pl.Series([None], dtype=pl.String)
    inner, outer = (parts[name].zip_with(is_whole, nothing).alias(name) for name in ("inner", "outer"))
    until = lines["until"] if "until" in lines.columns else lines["position"].alias("until")
    return lines.select("line", "position", "malformed").with_columns(inner, outer, until)
