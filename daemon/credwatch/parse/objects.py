"""Reads JSON lines with the JSON packs: a path of the object for each field, nested or with dots in the key."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import polars as pl

from credwatch.kernel.fields import BY_NAME, FieldType
from credwatch.kernel.pack import EnvelopeKind, Pack, PackSet
from credwatch.parse.dispatch import Reader

_TYPES: dict[FieldType, pl.DataType] = {
    FieldType.STRING: pl.String(),
    FieldType.INTEGER: pl.Int64(),
    FieldType.NUMBER: pl.Float64(),
    FieldType.BOOLEAN: pl.Boolean(),
    FieldType.TIMESTAMP: pl.String(),
}
_NOTHING_READ = pl.DataFrame(schema={"row": pl.UInt32, "reader": pl.UInt32})


@dataclass(frozen=True, slots=True, eq=False)
class ObjectReader:
    """A JSON pack made ready to run."""

    pack: Pack
    """The pack."""
    readers: tuple[Reader, ...]
    """One for each of its patterns, tried in order."""
    schema: dict[str, pl.DataType]
    """What is decoded of an object; everything else in it is passed over."""


def object_readers(packs: PackSet, first_number: int) -> tuple[ObjectReader, ...]:
    """Make a reader of each JSON pack; their patterns are numbered from `first_number`."""
    found: list[ObjectReader] = []
    for pack in packs.packs:
        if pack.kind is EnvelopeKind.JSON:
            readers = tuple(
                Reader(first_number + at, pack.id, pattern, {}, pack.values or {})
                for at, pattern in enumerate(pack.patterns)
            )
            found.append(ObjectReader(pack, readers, _schema(pack)))
            first_number += len(readers)
    return tuple(found)


def read_objects(texts: pl.DataFrame, readers: tuple[ObjectReader, ...]) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Read JSON texts (`row` UInt32, `json` String) with the packs that match them.

    Gives two frames: the read ones (`row`, `reader`, a typed column for each field, `@timestamp` as String), and the
    problems (`row`, `problem`): `not_json`, `unknown_json` where no pack matches, `unknown_event` where no pattern of
    the pack fits, `missing <field>`. A value of the wrong type is null. Nothing in a text makes this raise.
    """
    if texts.is_empty():
        return _NOTHING_READ, pl.DataFrame(schema={"row": pl.UInt32, "problem": pl.String})
    problems: list[pl.DataFrame] = []
    rest, taken = texts, [_NOTHING_READ]
    for reader in readers:
        claimed = _claimed(rest["json"], reader.pack)
        if claimed.any():
            read, refused = _read(rest.filter(claimed), reader)
            taken.append(read)
            problems.append(refused)
            rest = rest.filter(~claimed)
    is_object = pl.col("json").str.json_path_match("$").str.starts_with("{").fill_null(False)
    why = pl.when(is_object).then(pl.lit("unknown_json")).otherwise(pl.lit("not_json"))
    problems.append(rest.select("row", why.alias("problem")))
    return pl.concat(taken, how="diagonal_relaxed"), pl.concat(problems)


def _claimed(texts: pl.Series, pack: Pack) -> pl.Series:
    claimed = pl.Series([True]).new_from_index(0, len(texts))
    for path, value in (pack.match or {}).items():
        keys = "".join(f"['{key}']" for key in path.split("."))
        claimed = claimed & (texts.str.json_path_match(f"${keys}") == value).fill_null(False)
    return claimed


def _read(texts: pl.DataFrame, reader: ObjectReader) -> tuple[pl.DataFrame, pl.DataFrame]:
    decoded = _decoded(texts["json"].to_list(), reader.schema)
    fields = decoded.select(
        _field(decoded, path, name, reader.pack) for path, name in (reader.pack.paths or {}).items()
    )
    frame = pl.concat([texts.select("row"), fields], how="horizontal")
    frame = frame.with_columns(_chosen(reader).alias("reader"))
    frame = frame.with_columns(_problem(reader).alias("problem"))
    bad = pl.col("problem").is_not_null()
    return frame.filter(~bad).drop("problem"), frame.filter(bad).select("row", "problem")


def _decoded(texts: list[str], schema: dict[str, pl.DataType]) -> pl.DataFrame:
    """Decode texts to columns; those the decoder refuses, found by halving, are rows of nulls."""
    try:
        frame = pl.read_ndjson("\n".join(texts).encode(), schema=schema, ignore_errors=True)
    except pl.exceptions.PolarsError:
        frame = None
    if frame is not None and len(frame) == len(texts):
        return frame
    if len(texts) == 1:
        return pl.DataFrame({name: [None] for name in schema}, schema=schema)
    middle = len(texts) // 2
    return pl.concat([_decoded(texts[:middle], schema), _decoded(texts[middle:], schema)])


def _schema(pack: Pack) -> dict[str, pl.DataType]:
    """Describe each path twice: as nested objects, and as one key with dots."""
    tree: dict[str, Any] = {}
    for path, name in (pack.paths or {}).items():
        leaf = _TYPES[BY_NAME[name].type]
        tree[path] = leaf
        *parents, last = path.split(".")
        branch = tree
        for parent in parents:
            branch = branch.setdefault(parent, {})
        branch[last] = leaf
    return {key: _as_type(value) for key, value in tree.items()}


def _as_type(value: Any) -> pl.DataType:
    if isinstance(value, dict):
        return pl.Struct({key: _as_type(inner) for key, inner in value.items()})
    return value  # type: ignore[no-any-return]  # the tree's leaves are types


def _field(decoded: pl.DataFrame, path: str, name: str, pack: Pack) -> pl.Series:
    nested = pl.col(path.split(".")[0])
    for key in path.split(".")[1:]:
        nested = nested.struct.field(key)
    found = decoded.select(pl.coalesce(nested, pl.col(path)).alias(name)).to_series()
    words = (pack.values or {}).get(name)
    return found.replace(words) if words else found


def _chosen(reader: ObjectReader) -> pl.Expr:
    chosen = pl.lit(None, pl.UInt32)
    for one in reversed(reader.readers):
        fits = [pl.col(name).is_in(list(values)) for name, values in (one.pattern.when or {}).items()]
        chosen = pl.when(pl.all_horizontal(pl.lit(True), *fits)).then(pl.lit(one.number, pl.UInt32)).otherwise(chosen)
    return chosen


def _problem(reader: ObjectReader) -> pl.Expr:
    """Say what is wrong with each object: no pattern, or the first field that its pattern requires and it lacks."""
    problems = [pl.when(pl.col("reader").is_null()).then(pl.lit("unknown_event"))]
    for one in reader.readers:
        for name in one.pattern.requires:
            lacks = (pl.col("reader") == one.number) & pl.col(name).is_null()
            problems.append(pl.when(lacks).then(pl.lit(f"missing {name}")))
    return pl.coalesce(*problems)
