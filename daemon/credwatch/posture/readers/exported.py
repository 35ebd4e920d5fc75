"""Accounts of an exported file: CSV with a heading, JSON, or one object a line."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from credwatch.kernel.errors import SourceError
from credwatch.posture.options import ExportOptions
from credwatch.posture.readers.files import content_of
from credwatch.posture.readers.keycloak import keycloak_rows
from credwatch.posture.readers.presets import PRESETS
from credwatch.posture.rows import Row
from credwatch.sources.rest.lookup import value_at

_MOST_BYTES = 512 * 1024 * 1024
_MISSING = object()


class ExportReader:
    """Reads the file anew each time; one that is being written is told as broken, and read at the next time."""

    def __init__(self, options: ExportOptions) -> None:
        self._options = options

    def rows(self) -> Iterator[Row]:
        """Give every account of the file; see `AccountReader`."""
        options = self._options
        text = _text(options.path)
        if options.preset == "keycloak":
            yield from keycloak_rows(self._json(text), str(options.path))
            return
        preset = PRESETS[options.preset]
        columns = preset.columns | options.columns
        seen = False
        for record in self._records(text, options.records or preset.records):
            row = _row(record, columns)
            seen = seen or "account" in row
            yield row
        if not seen:
            hint = "set records and columns.account to where the accounts are"
            raise SourceError("no account is in it", where=str(options.path), hint=hint)

    def _records(self, text: str, place: str) -> Iterable[Any]:
        match self._options.path.suffix.lower():
            case ".csv":
                return self._csv(text)
            case ".jsonl" | ".ndjson":
                return [self._json(line, number) for number, line in enumerate(text.splitlines(), 1) if line.strip()]
        document = self._json(text)
        records = value_at(document, place) if isinstance(document, dict) else document
        if not isinstance(records, list):
            message = f"there is no list at {place!r}" if place else "it is no list"
            raise SourceError(message, where=str(self._options.path), hint="set records to where the accounts are")
        return records

    def _csv(self, text: str) -> Iterator[dict[str, str]]:
        reader = csv.DictReader(text.splitlines(keepends=True), strict=True, restkey="", restval="")
        try:
            yield from reader
        except csv.Error as error:
            where = f"{self._options.path}: line {reader.line_num}"
            raise SourceError(f"no CSV: {error}", where=where, hint="export it again") from None

    def _json(self, text: str, number: int = 0) -> Any:
        try:
            return json.loads(text)
        except (ValueError, RecursionError) as error:
            line = number or getattr(error, "lineno", 1)
            # Not chained: the error carries the document, with its hashes.
            message = f"line {line} is no JSON"
            raise SourceError(message, where=str(self._options.path), hint="export it again, as a whole") from None


def _text(path: Path) -> str:
    raw = content_of(path, _MOST_BYTES, "let the daemon's user read it")
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        message = f"is not UTF-8 at byte {error.start}"
        raise SourceError(message, where=str(path), hint="save it as UTF-8") from None


def _row(record: Any, columns: dict[str, str]) -> dict[str, Any]:
    """Take what a record has of our columns; one that is not there is not told."""
    if not isinstance(record, dict):
        return {}
    values = ((column, _first(record, paths.split("|"))) for column, paths in columns.items())
    return {column: value for column, value in values if value is not _MISSING}


def _first(record: dict[str, Any], paths: list[str]) -> Any:
    for path in paths:
        if path in record:
            return record[path]
        value = value_at(record, path)
        if value is not None:
            return value
    return _MISSING
