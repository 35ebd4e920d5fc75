"""Gives rules for a product the fields of its own events: values at paths of the JSON object, as columns.

A value is a text: numbers and booleans as JSON writes them, an object likewise, but without escapes in its texts. A
list is all of its elements, at the end of a path as on the way, so that `target.id` is the ids of every target. Absent
and null are the same: no value.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from functools import reduce
from itertools import product
from operator import or_

import polars as pl

from credwatch.detect.select.comparisons import NATIVE_TYPE
from credwatch.detect.select.expressions import fields_of
from credwatch.kernel.fields import NATIVE, is_native
from credwatch.parse.objects.decode import Tree, decode, values_at
from credwatch.rules.model import RuleSet


def native_paths(rules: RuleSet) -> dict[str, frozenset[str]]:
    """Gather the paths that rules read of each pack's events, those that correlations group or count by included."""
    packs = {rule.id: rule.packs or frozenset() for rule in rules.events}
    reads: list[tuple[frozenset[str], Iterable[str]]] = [
        (packs[rule.id], {*fields_of(rule.condition), *rule.group_by, rule.consequence.subject})
        for rule in rules.events
    ]
    for rule in rules.correlations:
        packs[rule.id] = frozenset().union(*(packs[part.rule] for part in rule.parts))
        reads += [(packs[part.rule], part.group_by) for part in rule.parts]
        reads.append((packs[rule.id], (rule.field, rule.consequence.subject)))
    by_pack: dict[str, set[str]] = {}
    for names, fields in reads:
        paths = {field.removeprefix(NATIVE) for field in fields if is_native(field)}
        for name in names if paths else ():
            by_pack.setdefault(name, set()).update(paths)
    return {name: frozenset(paths) for name, paths in by_pack.items()}


def with_native(events: pl.DataFrame, paths: Mapping[str, frozenset[str]]) -> pl.DataFrame:
    """Add a column `native:PATH` (`NATIVE_TYPE`) for each path that rules read of the events' packs.

    `paths` says for each pack (event.dataset) which paths its rules read. A batch without events of these packs is
    returned as it is. Paths are keys joined by dots, nested or one key with dots. Nothing in an event makes this raise.
    """
    if "event.dataset" not in events.columns:
        return events
    packs = [name for name in events["event.dataset"].unique() if name in paths]
    paths_needed = sorted(frozenset().union(*(paths[name] for name in packs)))
    if not paths_needed:
        return events
    rows = events["event.dataset"].is_in(packs).fill_null(False).arg_true()
    columns = _values(_objects(events, rows), paths_needed)
    nowhere = pl.repeat(None, len(events), dtype=pl.Int64, eager=True)
    place = nowhere.scatter(rows, pl.int_range(len(rows), dtype=pl.Int64, eager=True))
    return events.with_columns(column.gather(place).alias(NATIVE + path) for path, column in columns)


def text_of(column: pl.Series) -> pl.Series:
    """Join the values of a native column to one text (String); any other column is returned as it is."""
    return column.list.join(", ", ignore_nulls=True) if column.dtype == NATIVE_TYPE else column


def _objects(events: pl.DataFrame, rows: pl.Series) -> pl.Series:
    """Return the JSON objects of the rows; null where masking has left none."""
    names = [name for name in ("credwatch.native", "event.original") if name in events.columns]
    if not names:
        return pl.repeat(None, len(rows), dtype=pl.String, eager=True)
    text = events.select(pl.coalesce(names).gather(rows).alias("json"))
    is_object = pl.col("json").str.starts_with("{")
    return text.select(pl.when(is_object).then("json")).to_series()


def _values(texts: pl.Series, paths: list[str]) -> Iterator[tuple[str, pl.Series]]:
    flat = values_at(texts, paths)
    listed = _where_lists_open(texts, {key for path in paths for key in (path, *path.split("."))})
    for path in paths:
        marks = [listed[key] for key in {path, *path.split(".")} if key in listed]
        if marks:
            yield path, _collected(texts, flat[path], reduce(or_, marks), frozenset(listed))
        else:
            value = pl.col(path)
            yield path, flat.select(pl.when(value.is_not_null()).then(pl.concat_list(value))).to_series()


def _where_lists_open(texts: pl.Series, keys: set[str]) -> dict[str, pl.Series]:
    """Mark the texts in which a list may stand behind a key; most keys never have one, and are left out."""
    some = texts.str.contains(_opens_list("|".join(map(re.escape, sorted(keys))))).fill_null(False)
    few = texts.filter(some)
    list_keys = [key for key in sorted(keys) if few.str.contains(_opens_list(re.escape(key))).any()]
    return {key: texts.str.contains(_opens_list(re.escape(key))).fill_null(False) for key in list_keys}


def _opens_list(keys: str) -> str:
    return rf'"(?:{keys})"\s*:\s*\['


def _collected(texts: pl.Series, flat: pl.Series, doubtful: pl.Series, listed: frozenset[str]) -> pl.Series:
    """Collect every value of a path where a list may stand on its way; elsewhere the flat one is all."""
    rows = doubtful.arg_true()
    every = pl.int_range(len(texts), dtype=pl.UInt32, eager=True).alias("row")
    plain = pl.DataFrame([every, flat.alias("value")]).filter(~doubtful)
    inner = _in_every_shape(texts.gather(rows), rows, tuple(flat.name.split(".")), listed)
    dotted = _leaves(texts.gather(rows), rows, (flat.name,), ()).filter(~pl.col("row").is_in(inner["row"].implode()))
    values = pl.concat([plain, inner, dotted]).drop_nulls("value").group_by("row", maintain_order=True).agg("value")
    return every.to_frame().join(values, on="row", how="left", maintain_order="left").get_column("value")


def _in_every_shape(texts: pl.Series, rows: pl.Series, keys: tuple[str, ...], listed: frozenset[str]) -> pl.DataFrame:
    """Read texts in every shape that they may have: an object or a list of objects at each key on the way."""
    shapes = product(*([False, True] if key in listed else [False] for key in keys[:-1]))
    return pl.concat(_leaves(texts, rows, keys, shape) for shape in shapes).drop_nulls("value")


def _leaves(texts: pl.Series, rows: pl.Series, keys: tuple[str, ...], shape: tuple[bool, ...]) -> pl.DataFrame:
    """Read texts of one shape: `row`, and `value` for each value, where a list at the end gives each of its elements.

    They are decoded twice, with a text and with a list at the end: what is no list is null in the second.
    """
    leaves = (pl.String(), [pl.String()])
    series = [decode(texts, _tree(keys, shape, leaf)).get_column(keys[0]) for leaf in leaves]
    frame = pl.DataFrame([rows.cast(pl.UInt32).alias("row"), series[0].alias("one"), series[1].alias("many")])
    for key, is_list in zip(keys[1:], shape, strict=True):
        frame = frame.explode("one", "many") if is_list else frame
        frame = frame.with_columns(pl.col("one", "many").struct.field(key).name.keep())
        frame = frame.select("row", "one", "many")
    values = pl.when(pl.col("many").is_not_null()).then("many").otherwise(pl.concat_list("one"))
    return frame.select("row", values.alias("value")).explode("value")


def _tree(keys: tuple[str, ...], shape: tuple[bool, ...], leaf: object) -> Tree:
    tree: Tree = {}
    inner = tree
    for key, is_list in zip(keys[:-1], shape, strict=True):
        branch: Tree = {}
        inner[key] = [branch] if is_list else branch
        inner = branch
    inner[keys[-1]] = leaf
    return tree
