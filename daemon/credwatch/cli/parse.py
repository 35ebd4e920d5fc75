"""`credwatch parse`: shows what each line is read as, one JSON object a line."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any, BinaryIO

import polars as pl
import typer

from credwatch.kernel.clock import rfc3339, system_clock
from credwatch.kernel.errors import ConfigurationError, CredwatchError
from credwatch.kernel.pack import PackSet
from credwatch.kernel.resources import shipped
from credwatch.parse.envelopes import SourceKind
from credwatch.parse.lines import MAX_LINE_BYTES, split_lines
from credwatch.parse.parse import Parsed, SourceFormat
from credwatch.parse.parse import parse as parse_lines
from credwatch.rules.packs import load_packs

_CHUNK = 1 << 20


def parse(
    files: Annotated[list[Path] | None, typer.Argument(help="Log files; standard input where none is named.")] = None,
    kind: Annotated[SourceKind, typer.Option(help="What the lines are.")] = SourceKind.AUTO,
    zone: Annotated[str, typer.Option(help="IANA time zone of stamps that say none.")] = "UTC",
    now: Annotated[str, typer.Option(help="The moment near which the lines end, RFC 3339.")] = "",
    packs: Annotated[list[Path] | None, typer.Option(help="A folder of further packs.")] = None,
) -> None:
    """Read lines and print, in their order, one JSON object for each: line, status, pack, and event or reason.

    Stamps without a year get it from --now, else from the file's time of change, else from the present. Ends with 0
    whatever the lines are, and with 2 where a file, a pack or an option cannot be used.
    """
    try:
        source = SourceFormat("parse", kind, zone)
        loaded = load_packs([shipped("rules") / "packs", *(packs or [])])
        first = 1
        named: list[Path | None] = [*(files or [])] or [None]
        for file in named:
            first = _print_file(file, first, loaded, source, _moment(now))
    except CredwatchError as error:
        typer.echo(f"credwatch parse: {error}", err=True)
        raise typer.Exit(2) from error


def _moment(text: str) -> datetime | None:
    if not text:
        return None
    try:
        moment = datetime.fromisoformat(text)
    except ValueError as error:
        raise ConfigurationError(str(error), where="--now", hint="write it as 2026-03-02T08:00:00+07:00") from error
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _print_file(file: Path | None, first: int, packs: PackSet, source: SourceFormat, now: datetime | None) -> int:
    """Print the lines of one file, numbered from `first`, and return the number after its last."""
    try:
        if file is None:
            return _print_stream(sys.stdin.buffer, first, packs, source, now or system_clock())
        with file.open("rb") as stream:
            changed = datetime.fromtimestamp(file.stat().st_mtime, UTC)
            return _print_stream(stream, first, packs, source, now or changed)
    except BrokenPipeError:
        raise
    except OSError as error:
        reason = error.strerror or str(error)
        raise ConfigurationError(reason, where=str(file or "standard input"), hint="check path and rights") from error


def _print_stream(stream: BinaryIO, first: int, packs: PackSet, source: SourceFormat, reference: datetime) -> int:
    for chunk in whole_lines(stream):
        lines = split_lines(chunk, 0)
        numbers = pl.int_range(first, first + len(lines), dtype=pl.Int64, eager=True)
        parsed = parse_lines(
            lines.with_columns(numbers.alias("position")), packs=packs, source=source, reference=reference
        )
        sys.stdout.writelines(f"{json.dumps(answer, ensure_ascii=False)}\n" for answer in _answers(parsed))
        sys.stdout.flush()
        first += len(lines)
    return first


def whole_lines(stream: BinaryIO, chunk_bytes: int = _CHUNK) -> Iterator[bytes]:
    """Read a stream in pieces that end with a line, in bounded memory.

    Of a line longer than a piece only the beginning is kept, enough to show that it is too long. What follows the
    last newline is the last piece. A piece is given as soon as the stream has a whole line.
    """
    kept = b""
    while chunk := stream.read1(chunk_bytes) if hasattr(stream, "read1") else stream.read(chunk_bytes):
        kept += chunk
        end = kept.rfind(b"\n") + 1
        if end:
            yield kept[:end]
            kept = kept[end:]
        if len(kept) > chunk_bytes:
            kept = kept[: MAX_LINE_BYTES + 1]
    if kept:
        yield kept


def _answers(parsed: Parsed) -> list[dict[str, Any]]:
    answers = [*map(_event, parsed.events.to_dicts()), *map(_skip, parsed.skips.to_dicts())]
    answers += [
        {"line": row["position"], "status": "unparsed", "pack": None, "reason": row["reason"]}
        for row in parsed.unparsed.to_dicts()
    ]
    return sorted(answers, key=lambda answer: int(answer["line"]))


def _skip(row: dict[str, Any]) -> dict[str, Any]:
    return {"line": row["position"], "status": "skipped", "pack": row["pack"]}


def _event(row: dict[str, Any]) -> dict[str, Any]:
    number = row.pop("position")
    event = {name: _shown(value) for name, value in row.items() if value is not None}
    return {"line": number, "status": "event", "pack": row["event.dataset"], "event": event}


def _shown(value: Any) -> Any:
    return rfc3339(value) if isinstance(value, datetime) else value
