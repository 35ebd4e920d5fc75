"""Reads values of JSON objects that are of another kind than their field: a port in quotes, a list of addresses.

Only objects that the decoder of common batches refuses come here, so each is looked at by itself.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any

import msgspec
import polars as pl

from credwatch.kernel.fields import BY_NAME, FieldType

UNREAD = {"row": pl.UInt32, "field": pl.String, "reason": pl.String}
"""The columns of a frame of values that could not be read."""

_LARGEST = 1 << 63
_TRUTHS = {"true": True, "1": True, "false": False, "0": False}


class _Unreadable(Exception):
    """A value says nothing that its field can hold; its text is the reason."""


def read_odd_values(
    texts: pl.DataFrame, fields: pl.DataFrame, paths: Mapping[str, str]
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Read anew, in JSON texts (`row`, `json`), what stands at plain paths; `fields` has what was read of each text.

    A number in quotes is read, so are `"true"` and `"false"`, and of a list its first value. Gives the fields, and of
    what cannot be read `row`, `field` and `reason`: `wrong_type`, or `no_number` for a text that is none.
    """
    better: dict[str, dict[int, Any]] = {}
    unread: list[tuple[int, str, str]] = []
    for at, (row, text) in enumerate(texts.select("row", "json").iter_rows()):
        for name, value in _values(text, paths):
            try:
                better.setdefault(name, {})[at] = _READ[BY_NAME[name].type](value)
            except _Unreadable as error:
                better.setdefault(name, {})[at] = None
                unread.append((row, name, str(error)))
    columns = [
        fields[name].scatter(list(cells), pl.Series(list(cells.values()), dtype=fields[name].dtype))
        for name, cells in better.items()
    ]
    return fields.with_columns(columns), pl.DataFrame(unread, schema=UNREAD, orient="row")


def _values(text: str, paths: Mapping[str, str]) -> list[tuple[str, Any]]:
    try:
        document = msgspec.json.decode(text)
    except (msgspec.DecodeError, RecursionError, UnicodeError):
        return []
    if not isinstance(document, dict):
        return []
    values: dict[str, Any] = {}
    for path, name in paths.items():
        value = _at(document, path)
        if value is not None:
            values.setdefault(name, value)  # the first path of a field that has a value counts
    return list(values.items())


def _at(document: dict[str, Any], path: str) -> Any:
    inner: Any = document
    for key in path.split("."):
        inner = inner.get(key) if isinstance(inner, dict) else None
    return document.get(path) if inner is None else inner


def _text(value: Any) -> str:
    match value:
        case str():
            return value
        case [str() as first, *_]:
            return first
        case bool() | int() | float():
            return msgspec.json.encode(value).decode()
    raise _Unreadable("wrong_type")


def _integer(value: Any) -> int:
    number = _number(value)
    if not number.is_integer() or abs(number) >= _LARGEST:
        raise _Unreadable("no_number")
    return int(value) if isinstance(value, int | str) and str(value).strip().lstrip("+-").isdigit() else int(number)


def _number(value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        raise _Unreadable("wrong_type")
    try:
        number = float(value)
    except (ValueError, OverflowError) as error:
        raise _Unreadable("no_number") from error
    if not math.isfinite(number):
        raise _Unreadable("no_number")
    return number


def _truth(value: Any) -> bool:
    truth = _TRUTHS.get(str(value).strip().lower()) if isinstance(value, bool | int | str) else None
    if truth is None:
        raise _Unreadable("wrong_type")
    return truth


_READ: Mapping[FieldType, Callable[[Any], Any]] = {
    FieldType.STRING: _text,
    FieldType.TIMESTAMP: _text,
    FieldType.INTEGER: _integer,
    FieldType.NUMBER: _number,
    FieldType.BOOLEAN: _truth,
}
