"""`credwatch parse`: shows what each line is read as, one JSON object a line."""

from __future__ import annotations

import fcntl
import select
import sys
from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, BinaryIO, cast

import typer

from credwatch.cli.options import JsonOption, KindOption, LineKind, ZoneOption
from credwatch.cli.output import print_json, told_plainly
from credwatch.kernel.clock import system_clock
from credwatch.kernel.errors import ConfigurationError, SourceError

if TYPE_CHECKING:
    from credwatch.kernel.pack import PackSet
    from credwatch.parse.parse import SourceFormat
    from credwatch.sources.file.unpacking import Unpacked

_CHUNK = 1 << 20
_PIPE_BYTES = 1 << 20
_STANDARD_INPUT = Path("-")


def parse(
    files: Annotated[
        list[Path] | None, typer.Argument(metavar="FILE", help="Log files; none, or -, is standard input.")
    ] = None,
    kind: KindOption = LineKind.AUTO,
    zone: ZoneOption = "UTC",
    now: Annotated[str, typer.Option(metavar="MOMENT", help="The moment near which the lines end, RFC 3339.")] = "",
    packs: Annotated[list[Path] | None, typer.Option(metavar="FOLDER", help="A folder of further packs.")] = None,
    as_json: JsonOption = True,  # noqa: ARG001  # every command takes it; this one speaks nothing else
) -> None:
    """Show what each line is read as, one JSON object a line.

    An object has line, status (event, skipped or unparsed), pack, and event or reason; unread names the fields whose
    values could not be read, and advice the keys of an application's event that are wrong. They come in the order of
    the lines. Stamps without a year get it from what stands behind them in the file, which ends at --now, else at its
    time of change; what a pipe gives goes on where its lines before ended, and ends at --now, else at present. Ends
    with 0 whatever the lines are, and with 2 where a file, a pack or an option cannot be used.
    """
    with told_plainly():
        from credwatch.kernel.resources import shipped
        from credwatch.parse.parse import SourceFormat
        from credwatch.rules.packs.packs import load_packs

        source = SourceFormat("parse", kind.value, zone)
        loaded = load_packs([shipped("rules") / "packs", *(packs or [])])
        first = 1
        for file in files or [_STANDARD_INPUT]:
            first = _print_file(file, first, loaded, source, _moment(now))


def _moment(text: str) -> datetime | None:
    if not text:
        return None
    try:
        moment = datetime.fromisoformat(text)
    except ValueError as error:
        raise ConfigurationError(str(error), where="--now", hint="write it as 2026-03-02T08:00:00+07:00") from error
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _print_file(file: Path, first: int, packs: PackSet, source: SourceFormat, now: datetime | None) -> int:
    """Print the lines of one file, numbered from `first`, and return the number after its last."""
    from credwatch.sources.file.opened import is_whole_file_on_standard_input

    try:
        if file == _STANDARD_INPUT and not is_whole_file_on_standard_input():
            return _print_stream(sys.stdin.buffer, first, packs, source, now or system_clock())
        if file == _STANDARD_INPUT or file.is_file():
            return _print_log(file, first, packs, source, now)
        with file.open("rb") as stream:
            return _print_stream(stream, first, packs, source, now or system_clock())
    except BrokenPipeError:
        raise
    except OSError as error:
        reason = error.strerror or str(error)
        raise ConfigurationError(reason, where=str(file), hint="check path and rights") from error


def _print_log(file: Path, first: int, packs: PackSet, source: SourceFormat, now: datetime | None) -> int:
    """Print the lines of a file that is finished: its lines are dated by all that stands behind them."""
    from credwatch.cli.answers import answers
    from credwatch.sources.replay import ReplaySource

    log = ReplaySource(source.id, [str(file)], {}, clock=system_clock, written_at=now)
    try:
        while (chunk := log.read(_CHUNK)) is not None:
            first += _printed(answers(chunk.data, first, packs, source, chunk.reference, chunk.before))
    except SourceError as error:  # its hint is for those who go on with other files
        raise ConfigurationError(error.message, where=str(file), hint="check the file, and what may read it") from error
    finally:
        log.close()
    return first


def _print_stream(stream: BinaryIO, first: int, packs: PackSet, source: SourceFormat, ends_at: datetime) -> int:
    from credwatch.cli.answers import answers
    from credwatch.parse.look_back import last_lines
    from credwatch.parse.stamps.carried import CarriedDates
    from credwatch.sources.journal.text import as_lines

    before, dates = b"", CarriedDates()
    for piece in whole_lines(cast("BinaryIO", as_lines(cast("Unpacked", stream)))):
        first += _printed(answers(piece, first, packs, source, dates.near(piece, ends_at), before))
        before = last_lines(before + piece)
    return first


def _printed(answers: list[dict[str, Any]]) -> int:
    """Print answers at once, and count them."""
    for answer in answers:
        print_json(answer)
    sys.stdout.flush()
    return len(answers)


def whole_lines(stream: BinaryIO, chunk_bytes: int = _CHUNK) -> Iterator[bytes]:
    """Read a stream in pieces that end with a line, in bounded memory.

    Of a line longer than a piece only the beginning is kept, enough to show that it is too long. What follows the
    last newline is the last piece. A piece is given as soon as the stream has a whole line and nothing more to read.
    """
    from credwatch.parse.lines import MAX_LINE_BYTES
    from credwatch.parse.pieces import begun_at

    _widen(stream)
    rest = b""
    while chunk := _available(stream, chunk_bytes):
        rest += chunk
        lines = rest.rfind(b"\n") + 1
        end = begun_at(rest[:lines]) or (lines if len(rest) > chunk_bytes else 0)
        if end:
            yield rest[:end]
            rest = rest[end:]
        if len(rest) > chunk_bytes:
            rest = rest[: MAX_LINE_BYTES + 1]
    if rest:
        yield rest


def _available(stream: BinaryIO, chunk_bytes: int) -> bytes:
    """Read what the stream has, up to a piece; wait only for the first byte, and give none at its end."""
    if not hasattr(stream, "read1"):
        return stream.read(chunk_bytes)
    pieces = [stream.read1(chunk_bytes)]
    while pieces[-1] and (room := chunk_bytes - sum(map(len, pieces))) > 0 and _has_more(stream):
        pieces.append(stream.read1(room))
    return b"".join(pieces)


def _has_more(stream: BinaryIO) -> bool:
    try:
        return bool(select.select([stream.fileno()], [], [], 0)[0])
    except (OSError, ValueError):  # a stream in memory
        return False


def _widen(stream: BinaryIO) -> None:
    """Let a pipe hold what comes while a piece is worked on: pieces of 64 KiB would cost several times as much."""
    with suppress(OSError, ValueError):  # no file, no pipe, or the user's pipes hold too much: it is only slower
        fcntl.fcntl(stream.fileno(), fcntl.F_SETPIPE_SZ, _PIPE_BYTES)
