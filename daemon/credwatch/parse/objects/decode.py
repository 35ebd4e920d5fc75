"""Decodes columns of JSON texts to columns of values: whole batches at once, and nothing in a text makes it raise."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import Any

import polars as pl

from credwatch.parse.objects.typed_json import are_typed, decode_typed

_DOTTED = r'"[^"]*\.[^"]*"\s*:'
"""What may be a key with a dot in it; a text that happens to look like one costs only time."""
_HUGE = r"[eE]\+?\d{3,}\s*[,}\]]"
"""What may be a number too large for a decoder that does not pass over it: who decodes a text must not matter."""

_LONG = r":\s*-?\d{19}"

Tree = dict[str, Any]
"""What is decoded of objects, by key: a type, a Tree of an object, or a list of one Tree for a list of objects."""


def decode(texts: pl.Series, tree: Tree) -> pl.DataFrame:
    """Decode JSON texts (String, without newlines) to a column for each key of the tree; the rest is passed over.

    A text that is no object gives a row of nulls, and so does a value of another kind than the tree says. Where a key
    is there twice, one of them counts.
    """
    return decode_noting(texts, tree)[0]


def decode_noting(texts: pl.Series, tree: Tree) -> tuple[pl.DataFrame, bool]:
    """Decode as `decode` does, and say whether every value was known to be of its kind."""
    schema = {key: _type(value) for key, value in tree.items()}
    frame = _typed(texts, schema)
    return (_loosely(texts, schema), False) if frame is None else (frame, True)


def is_typed(texts: pl.Series, tree: Tree) -> pl.Series:
    """Mark the texts of which every value is of its kind; each is decoded by itself.

    A number of so many digits that no column may hold it is of none.
    """
    return are_typed(texts, {key: _type(value) for key, value in tree.items()}) & ~texts.str.contains(_LONG)


def _loosely(texts: pl.Series, schema: dict[str, pl.DataType]) -> pl.DataFrame:
    frame = _whole(texts, schema)
    if frame is not None:
        return frame
    # Texts that are no JSON at all are set apart first: there may be many.
    sound = texts.str.json_path_match("$").str.starts_with("{").fill_null(False)
    frame = _halved(texts.filter(sound), schema)
    nothing = pl.Series([None], dtype=pl.Int64)
    place = (sound.cum_sum().cast(pl.Int64) - 1).zip_with(sound, nothing)
    return frame.select(pl.all().gather(place))


def values_at(texts: pl.Series, paths: Collection[str]) -> pl.DataFrame:
    """Give a String column for each path of keys joined by dots: nested, or else as one key with dots.

    Numbers and booleans are as JSON writes them; lists and objects too, but for the escapes in their texts, which are
    gone. What is absent or null is null.
    """
    columns: list[pl.Series] = []
    for group in _without_conflicts(paths):
        tree: Tree = dict.fromkeys(group, pl.String())
        for path in group:
            plant(tree, path.split("."), pl.String())
        frame = decode(texts, tree)
        columns += frame.select(nested_or_dotted(path).alias(path) for path in group).get_columns()
    return pl.DataFrame(columns)


def nested(path: str) -> pl.Expr:
    """Reach a path of keys joined by dots in the columns that `decode` gives."""
    first, *keys = path.split(".")
    value = pl.col(first)
    for key in keys:
        value = value.struct.field(key)
    return value


def nested_or_dotted(path: str) -> pl.Expr:
    """Reach a path as nested objects, or else as one key with dots; both must have been decoded."""
    return pl.coalesce(nested(path), pl.col(path))


def plant(tree: Tree, keys: list[str], leaf: Any) -> None:
    """Put a leaf into a tree at the end of its keys."""
    *parents, last = keys
    for parent in parents:
        tree = tree.setdefault(parent, {})
    tree[last] = leaf


def _without_conflicts(paths: Iterable[str]) -> list[list[str]]:
    """Group paths so that none in a group leads through another: a value there, an object here."""
    groups: list[list[str]] = []
    for path in sorted(paths):
        free = (group for group in groups if not any(path.startswith(f"{other}.") for other in group))
        group = next(free, None)
        if group is None:
            groups.append([path])
        else:
            group.append(path)
    return groups


def _type(value: Any) -> pl.DataType:
    match value:
        case dict():
            return pl.Struct({key: _type(inner) for key, inner in value.items()})
        case [inner]:
            return pl.List(_type(inner))
        case _:
            return value  # type: ignore[no-any-return]  # the tree's leaves are types


def _typed(texts: pl.Series, schema: dict[str, pl.DataType]) -> pl.DataFrame | None:
    """Decode the common batch, all objects with values of the kinds asked for; None for any other."""
    if texts.is_empty() or texts.null_count():
        return None
    # Each key that is asked for costs a little, and keys with dots, which stand beside nested ones, are rare.
    has_dots = texts.str.contains(f"{_DOTTED}|{_HUGE}").any()
    if has_dots and texts.str.contains(_HUGE).any():
        return None
    asked = {key: kind for key, kind in schema.items() if has_dots or "." not in key} or schema
    frame = decode_typed(texts, asked)
    if frame is None:
        return None
    missing = [pl.lit(None, kind).alias(key) for key, kind in schema.items() if key not in asked]
    return frame.with_columns(missing).select(*schema)


def _whole(texts: pl.Series, schema: dict[str, pl.DataType]) -> pl.DataFrame | None:
    if texts.is_empty():
        return pl.DataFrame(schema=schema)
    try:
        frame = pl.read_ndjson("\n".join(texts.fill_null("{}")).encode(), schema=schema, ignore_errors=True)
    except pl.exceptions.PolarsError:
        return None
    return frame if len(frame) == len(texts) else None


def _halved(texts: pl.Series, schema: dict[str, pl.DataType]) -> pl.DataFrame:
    """Find by halving the few texts that this decoder refuses and the other takes; they are rows of nulls."""
    frame = _whole(texts, schema)
    if frame is not None:
        return frame
    if len(texts) == 1:
        return pl.DataFrame({name: [None] for name in schema}, schema=schema)
    middle = len(texts) // 2
    return pl.concat([_halved(texts[:middle], schema), _halved(texts[middle:], schema)])
