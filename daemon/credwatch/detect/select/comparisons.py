"""One test of a Sigma rule as a Polars expression over one column, or over the elements of a list."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Callable
from datetime import UTC, datetime
from operator import contains, eq, ge, gt, le, lt, ne
from typing import Any

import polars as pl

from credwatch.kernel.dtypes import DTYPES
from credwatch.kernel.fields import FieldType, type_of
from credwatch.rules.model import Operator, Test

NATIVE_TYPE = pl.List(pl.String())
"""The type of a column of the values at a path of the writer's own object; null where there is none."""

_IN_SMALL_LETTERS = frozenset({"event.category", "event.type", "event.action", "event.outcome"})
"""Fields that only packs fill, from their own constants: there is no case to fold."""

_GREATEST = 2**63 - 1
_DIGITS = re.compile(r"[+-]?\d{1,19}", re.ASCII)
_COMPARED: dict[Operator, Callable[[Any, Any], Any]] = {
    Operator.LESS: lt,
    Operator.LESS_EQUAL: le,
    Operator.GREATER: gt,
    Operator.GREATER_EQUAL: ge,
    Operator.NOT_EQUAL: ne,
}
_PYTHON: dict[Operator, Callable[[str, str], bool]] = {
    Operator.FIELD: eq,
    Operator.FIELD_STARTS_WITH: str.startswith,
    Operator.FIELD_ENDS_WITH: str.endswith,
    Operator.FIELD_CONTAINS: contains,
}
OF_FIELDS = frozenset(_PYTHON)
"""The operators whose value names another field."""


def column_of(field: str) -> pl.Expr:
    """Return the column that holds a field's values."""
    return pl.col(field)


def held(test: Test, column: pl.Expr) -> pl.Expr:
    """Hold a column of the test's field against the test; null is false, save for NULL and EXISTS."""
    match test.operator:
        case Operator.NULL:
            return column.is_null()
        case Operator.EXISTS:
            return column.is_not_null() if test.value else column.is_null()
        case operator if operator in _COMPARED or test.part:
            return _compare(test, column)
        case operator if operator in OF_FIELDS:
            return _field_test(test, column)
        case _:
            return _by_type(test, column)


def _by_type(test: Test, column: pl.Expr) -> pl.Expr:
    kind = type_of(test.field)
    if kind is FieldType.STRING:
        return _string_test(test, column).fill_null(False)
    if kind in (FieldType.INTEGER, FieldType.NUMBER) and test.operator is Operator.EQUALS:
        number = _number(test.value)
        return _never(column) if number is None else (column == number).fill_null(False)
    if kind is FieldType.BOOLEAN and test.operator is Operator.EQUALS:
        return _boolean_test(test, column)
    return _string_test(test, _as_text(column, kind)).fill_null(False)


def _as_text(column: pl.Expr, kind: FieldType) -> pl.Expr:
    """Write values as a log would: moments as RFC 3339 in UTC."""
    if kind is FieldType.TIMESTAMP:
        return column.dt.strftime("%Y-%m-%dT%H:%M:%S%.6fZ")
    return column if kind is FieldType.STRING else column.cast(pl.String)


def _never(column: pl.Expr) -> pl.Expr:
    """Be false in every row; a bare literal would have one row only."""
    return column.is_null() & column.is_not_null()


def _boolean_test(test: Test, column: pl.Expr) -> pl.Expr:
    truth = {"true": True, "false": False}.get(_text(test.value).lower())
    if truth is None:
        return _never(column)
    return (column if truth else ~column).fill_null(False)


def _string_test(test: Test, column: pl.Expr) -> pl.Expr:
    value = _text(test.value)
    if test.operator is Operator.REGEX:
        return column.str.contains(value)
    if test.operator is Operator.CIDR:
        return _in_network(column, value)
    text, pattern = (column, pl.lit(value)) if test.cased else (lower(column, test.field), pl.lit(value.lower()))
    return _compare_texts(test.operator, text, pattern)


def _compare_texts(operator: Operator, text: pl.Expr, pattern: pl.Expr) -> pl.Expr:
    match operator:
        case Operator.STARTS_WITH | Operator.FIELD_STARTS_WITH:
            return text.str.starts_with(pattern)
        case Operator.ENDS_WITH | Operator.FIELD_ENDS_WITH:
            return text.str.ends_with(pattern)
        case Operator.CONTAINS | Operator.FIELD_CONTAINS:
            return text.str.contains(pattern, literal=True)
        case _:
            return text == pattern


def _field_test(test: Test, column: pl.Expr) -> pl.Expr:
    """Compare a field with another as texts, each written as its type is."""
    other = str(test.value)
    texts = [_as_text(column, type_of(test.field)), _as_text(column_of(other), type_of(other))]
    one, two = texts if test.cased else [text.str.to_lowercase() for text in texts]
    return _compare_texts(test.operator, one, two).fill_null(False)


def _text(value: object) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return f"{value:%Y-%m-%dT%H:%M:%S.%fZ}" if isinstance(value, datetime) else str(value)


def _number(value: object) -> float | int | None:
    """Return a number, also one that stands in quotes; None for all else, numbers beyond 64 bits included."""
    if isinstance(value, str) and _DIGITS.fullmatch(value):
        value = int(value)
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return value if -_GREATEST - 1 <= value <= _GREATEST else None


def _compare(test: Test, column: pl.Expr) -> pl.Expr:
    """Compare numbers; a text that is no finite number is not less, equal or greater than any."""
    number, kind = _number(test.value), type_of(test.field)
    if number is None or (test.part and kind not in (FieldType.STRING, FieldType.TIMESTAMP)):
        return _never(column)
    if test.part:
        return _holds(test.operator, _time_part(test.part, column, kind), number)
    if kind in (FieldType.INTEGER, FieldType.NUMBER):
        return _holds(test.operator, column, number)
    if kind is not FieldType.STRING:
        return _never(column)
    whole, real = column.cast(pl.Int64, strict=False), column.cast(pl.Float64, strict=False)
    finite = pl.when(real.is_finite()).then(real)
    return (
        pl.when(whole.is_not_null())
        .then(_holds(test.operator, whole, number))
        .otherwise(_holds(test.operator, finite, number))
    )


def _holds(operator: Operator, column: pl.Expr, number: float) -> pl.Expr:
    compare: Callable[[Any, Any], pl.Expr] = _COMPARED.get(operator, eq)
    return compare(column, number).fill_null(False)


def _time_part(part: str, column: pl.Expr, kind: FieldType) -> pl.Expr:
    """Take a part of a moment in UTC; the week is that of ISO 8601."""
    if kind is FieldType.STRING:
        column = column.map_batches(_moments, return_dtype=DTYPES[FieldType.TIMESTAMP], is_elementwise=True)
    moment = column.dt
    parts: dict[str, pl.Expr] = {
        "minute": moment.minute(),
        "hour": moment.hour(),
        "day": moment.day(),
        "week": moment.week(),
        "month": moment.month(),
        "year": moment.year(),
    }
    return parts[part]


def _moments(texts: pl.Series) -> pl.Series:
    """Read RFC 3339 moments, those without a zone as UTC; the distinct ones are read once each."""
    moments = {text: _moment(text) for text in texts.unique().drop_nulls().to_list()}
    times = [moments.get(text) for text in texts.to_list()]
    return pl.Series(texts.name, times, dtype=DTYPES[FieldType.TIMESTAMP])


def _moment(text: str) -> datetime | None:
    try:
        moment = datetime.fromisoformat(text)
        return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
    except (ValueError, OverflowError):
        return None


def _in_network(column: pl.Expr, network_text: str) -> pl.Expr:
    """Test addresses against a network; the distinct addresses are parsed once each."""
    network = ipaddress.ip_network(network_text)

    def inside(addresses: pl.Series) -> pl.Series:
        unique = addresses.unique().drop_nulls()
        matching = [text for text in unique.to_list() if _lies_in(text, network)]
        return addresses.is_in(matching)

    return column.map_batches(inside, return_dtype=pl.Boolean, is_elementwise=True)


def _lies_in(text: str, network: ipaddress.IPv4Network | ipaddress.IPv6Network) -> bool:
    try:
        address = ipaddress.ip_address(text)
    except ValueError:
        return False
    mapped = getattr(address, "ipv4_mapped", None)
    return address in network or (mapped is not None and mapped in network)


def held_by_lists(test: Test) -> pl.Expr:
    """Compare the elements of two fields of which one is a list at least; rare, and done row by row."""
    compare = _PYTHON[test.operator]

    def alike(row: dict[str, Any]) -> bool:
        ones, twos = (_elements(row[name], cased=test.cased) for name in ("one", "two"))
        return any(compare(one, two) for one in ones for two in twos)

    rows = pl.struct(one=column_of(test.field), two=column_of(str(test.value)))
    return rows.map_elements(alike, return_dtype=pl.Boolean, skip_nulls=False).fill_null(False)


def _elements(value: Any, *, cased: bool) -> list[str]:
    elements = value if isinstance(value, list) else [value]
    texts = [_text(element) for element in elements if element is not None]
    return texts if cased else [text.lower() for text in texts]


def lower(column: pl.Expr, field: str) -> pl.Expr:
    """Fold the letter case of a text field."""
    return column if field in _IN_SMALL_LETTERS else column.str.to_lowercase()
