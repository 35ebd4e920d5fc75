"""Reads JSON lines with the JSON packs: a path of the object for each field, nested or with dots in the key."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from typing import Any

import polars as pl
from msgspec import Struct

from credwatch.kernel.fields import BY_NAME, FieldType
from credwatch.kernel.json_path import JsonPath, Step, read_path
from credwatch.kernel.pack import ANY_VALUE, EnvelopeKind, Pack, PackSet
from credwatch.parse.decode import Tree, decode, nested_or_dotted, values_at
from credwatch.parse.dispatch import Reader

_TYPES: dict[FieldType, pl.DataType] = {
    FieldType.STRING: pl.String(),
    FieldType.INTEGER: pl.Int64(),
    FieldType.NUMBER: pl.Float64(),
    FieldType.BOOLEAN: pl.Boolean(),
    FieldType.TIMESTAMP: pl.String(),
}
_NOTHING_READ = pl.DataFrame(schema={"row": pl.UInt32, "reader": pl.UInt32})


class ObjectReader(Struct, frozen=True, eq=False):
    """A JSON pack made ready to run."""

    pack: Pack
    """The pack."""
    readers: tuple[Reader, ...]
    """One for each of its patterns, tried in order."""
    tree: Tree
    """What is decoded of an object; everything else in it is passed over."""
    literals: tuple[str, ...]
    """Texts that stand in nearly every object of the pack; none where its match cannot be seen in what is decoded."""


def object_readers(packs: PackSet, first_number: int) -> tuple[ObjectReader, ...]:
    """Make a reader of each JSON pack; their patterns are numbered from `first_number`."""
    found: list[ObjectReader] = []
    for pack in packs.packs:
        if pack.kind is EnvelopeKind.JSON:
            readers = tuple(
                Reader(first_number + at, pack.id, pattern, {}, pack.values or {})
                for at, pattern in enumerate(pack.patterns)
            )
            tree = _tree(pack)
            found.append(ObjectReader(pack, readers, tree, _literals(pack, tree)))
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
    taken = [_NOTHING_READ]
    # 1. Nearly every object shows by a text in it whose it is: it is decoded once, and its match looked up in that.
    rest = texts
    for reader in readers:
        sure = pl.Series([False]).new_from_index(0, len(rest))
        if reader.literals and len(rest):
            sure = rest.select(_holds_all(reader.literals)).to_series()
        if sure.any():
            decoded = decode(rest["json"].filter(sure), reader.tree)
            mine = decoded.select(_matches(reader.pack, nested_or_dotted)).to_series()
            read, refused = _read(rest.filter(sure).filter(mine), decoded.filter(mine), reader)
            taken.append(read)
            problems.append(refused)
            rest = pl.concat([rest.filter(~sure), rest.filter(sure).filter(~mine)])
    # 2. Of the others the matches of all packs are looked up first.
    claims = _claims(rest["json"], readers)
    for number in claims.drop_nulls().unique():
        claimed = rest.filter(claims == number)
        read, refused = _read(claimed, decode(claimed["json"], readers[number].tree), readers[number])
        taken.append(read)
        problems.append(refused)
    rest = rest.filter(claims.is_null())
    is_object = pl.col("json").str.json_path_match("$").str.starts_with("{").fill_null(False)
    why = pl.when(is_object).then(pl.lit("unknown_json")).otherwise(pl.lit("not_json"))
    problems.append(rest.select("row", why.alias("problem")))
    return pl.concat(taken, how="diagonal_relaxed"), pl.concat(problems)


def _claims(texts: pl.Series, readers: tuple[ObjectReader, ...]) -> pl.Series:
    """Number the first pack that each text matches (UInt32); null where none does."""
    paths = {path for reader in readers for path in reader.pack.match or {}}
    if not paths:
        return pl.repeat(None, len(texts), dtype=pl.UInt32, eager=True)
    matching = [pl.when(_matches(reader.pack)).then(pl.lit(at, pl.UInt32)) for at, reader in enumerate(readers)]
    return values_at(texts, paths).select(pl.coalesce(*matching)).to_series()


def _matches(pack: Pack, at: Callable[[str], pl.Expr] = pl.col) -> pl.Expr:
    tests = [
        at(path).is_not_null() if value == ANY_VALUE else (at(path) == value).fill_null(False)
        for path, value in (pack.match or {}).items()
    ]
    return pl.all_horizontal(tests)


def _literals(pack: Pack, tree: Tree) -> tuple[str, ...]:
    """Plant what the pack matches by into its tree, and say which texts show it; nothing where the tree has no room."""
    with_matches = copy.deepcopy(tree)
    for path in pack.match or {}:
        keys = path.split(".")
        branch: Any = with_matches
        for key in keys[:-1]:
            branch = branch.setdefault(key, {}) if isinstance(branch, dict) else None
        is_free = isinstance(branch, dict) and branch.get(keys[-1], pl.String()) == pl.String()
        if not is_free or with_matches.get(path, pl.String()) != pl.String():
            return ()
        branch[keys[-1]] = with_matches[path] = pl.String()
    tree.update(with_matches)
    return tuple(
        json.dumps(path.rpartition(".")[2])[1:] if value == ANY_VALUE else json.dumps(value, ensure_ascii=False)
        for path, value in (pack.match or {}).items()
    )


def _holds_all(literals: tuple[str, ...]) -> pl.Expr:
    return pl.all_horizontal(pl.col("json").str.contains(text, literal=True) for text in literals)


def _read(texts: pl.DataFrame, decoded: pl.DataFrame, reader: ObjectReader) -> tuple[pl.DataFrame, pl.DataFrame]:
    fields = decoded.select(_field(path, name, reader.pack) for path, name in _paths(reader.pack))
    frame = pl.concat([texts.select("row"), fields], how="horizontal")
    frame = frame.with_columns(_chosen(reader).alias("reader"))
    frame = frame.with_columns(_problem(reader).alias("problem"))
    frame = frame.with_columns(_without_ignored(reader, frame.columns))
    bad = pl.col("problem").is_not_null()
    return frame.filter(~bad).drop("problem"), frame.filter(bad).select("row", "problem")


def _paths(pack: Pack) -> list[tuple[JsonPath, str]]:
    return [(read_path(text), name) for text, name in (pack.paths or {}).items()]


def _tree(pack: Pack) -> Tree:
    """Describe each path: as nested objects and lists, and, where it picks no element, as one key with dots too."""
    tree: Tree = {}
    for path, name in _paths(pack):
        leaf = _TYPES[BY_NAME[name].type]
        if not any(step.picks for step in path.steps):
            tree[path.text] = leaf
        branch = tree
        for step in path.steps[:-1]:
            branch = _branch(branch, step)
        last = path.steps[-1]
        branch[last.key] = [leaf] if last.picks else leaf
    return tree


def _branch(tree: Tree, step: Step) -> Tree:
    """Go into the object, or the objects of the list, that the step's key holds."""
    if not step.picks:
        inner: Tree = tree.setdefault(step.key, {})
        return inner
    (inner,) = tree.setdefault(step.key, [{}])
    if step.having:
        inner[step.having[0]] = pl.String()
    return inner


def _field(path: JsonPath, name: str, pack: Pack) -> pl.Expr:
    found = _value(pl.col(path.steps[0].key), path.steps)
    if not any(step.picks for step in path.steps):
        found = pl.coalesce(found, pl.col(path.text))
    words = (pack.values or {}).get(name)
    return (found.replace(dict(words)) if words else found).alias(name)


def _value(found: pl.Expr, steps: tuple[Step, ...]) -> pl.Expr:
    """Reach the end of a path from what stands at its first key."""
    step, *rest = steps
    if step.index is not None:
        found = found.list.get(step.index, null_on_oob=True)
    if not rest:
        return found
    if step.having is None:
        return _value(found.struct.field(rest[0].key), tuple(rest))
    key, value = step.having
    inner = _value(pl.element().struct.field(rest[0].key), tuple(rest))
    chosen = pl.when(pl.element().struct.field(key) == value).then(inner)
    return found.list.eval(chosen).list.drop_nulls().list.first()


def _chosen(reader: ObjectReader) -> pl.Expr:
    chosen = pl.lit(None, pl.UInt32)
    for one in reversed(reader.readers):
        fits = [pl.col(name).is_in(list(values)) for name, values in (one.pattern.when or {}).items()]
        chosen = pl.when(pl.all_horizontal(pl.lit(True), *fits)).then(pl.lit(one.number, pl.UInt32)).otherwise(chosen)
    return chosen


def _without_ignored(reader: ObjectReader, columns: list[str]) -> list[pl.Expr]:
    """Empty, for the events of each pattern, the fields that it does not take from the object."""
    by_name: dict[str, list[int]] = {}
    for one in reader.readers:
        for name in set(one.pattern.ignores).intersection(columns):
            by_name.setdefault(name, []).append(one.number)
    return [
        pl.when(~pl.col("reader").is_in(numbers)).then(pl.col(name)).alias(name) for name, numbers in by_name.items()
    ]


def _problem(reader: ObjectReader) -> pl.Expr:
    """Say what is wrong with each object: no pattern, or the first field that its pattern requires and it lacks."""
    problems = [pl.when(pl.col("reader").is_null()).then(pl.lit("unknown_event"))]
    for one in reader.readers:
        for name in one.pattern.requires:
            lacks = (pl.col("reader") == one.number) & pl.col(name).is_null()
            problems.append(pl.when(lacks).then(pl.lit(f"missing {name}")))
    return pl.coalesce(*problems)
