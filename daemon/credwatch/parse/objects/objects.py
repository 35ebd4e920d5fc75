"""Reads JSON lines with the JSON packs: a path of the object for each field, nested or with dots in the key."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from functools import lru_cache

import polars as pl
from msgspec import Struct

from credwatch.kernel.dtypes import DTYPES
from credwatch.kernel.fields import BY_NAME, FieldType
from credwatch.kernel.json_path import JsonPath, PathStep, read_path
from credwatch.kernel.pack import ANY_VALUE, PATH_MARK, EnvelopeKind, Match, Pack, PackSet, Value, is_expression
from credwatch.parse.claims import held_claims
from credwatch.parse.messages.dispatch import PatternReader
from credwatch.parse.objects.decode import Tree, decode, decode_noting, is_typed, nested_or_dotted
from credwatch.parse.objects.odd_values import UNREAD, read_odd_values
from credwatch.parse.words import replaced

_TYPES = {**DTYPES, FieldType.TIMESTAMP: pl.String()}
"""What is asked of the decoder: a stamp is read as text."""
_TESTED = "tested:"
"""Stands before the name of a column that only `when` reads."""
_OWN = "own:"
"""Stands before the number of a pattern, and the name of a field that it alone takes from there."""


class Objects(Struct, frozen=True, eq=False):
    """What JSON texts were read as."""

    read: pl.DataFrame = pl.DataFrame(schema={"row": pl.UInt32, "reader": pl.UInt32})
    """The events: `row`, `reader`, a typed column for each field, `@timestamp` as String."""
    problems: pl.DataFrame = pl.DataFrame(schema={"row": pl.UInt32, "problem": pl.String})
    """`row` and `problem` of the texts that are none: `not_json`, `unknown_json` where no pack matches,
    `unknown_event` where no pattern of the pack fits, `missing <field>`."""
    unread: pl.DataFrame = pl.DataFrame(schema=UNREAD)
    """`row`, `field` and `reason` of the values that their fields cannot hold; they are null in `read`."""


class ObjectReader(Struct, frozen=True, eq=False):
    """A JSON pack made ready to run."""

    pack: Pack
    """The pack."""
    readers: tuple[PatternReader, ...]
    """One for each of its patterns, tried in order."""
    tree: Tree
    """What is decoded of an object; everything else in it is passed over."""
    claims: tuple[str, ...]
    """Keys as they stand in a text, of which one is in every object of the pack."""


def object_readers(packs: PackSet, first_number: int) -> tuple[ObjectReader, ...]:
    """Make a reader of each JSON pack; their patterns are numbered from `first_number`."""
    readers: list[ObjectReader] = []
    for pack in packs.packs:
        if pack.kind is EnvelopeKind.JSON:
            patterns = tuple(
                PatternReader(first_number + at, pack.id, pattern, pattern.groups or {}, pack.values or {})
                for at, pattern in enumerate(pack.patterns)
            )
            readers.append(ObjectReader(pack, patterns, _tree(pack), tuple(map(_claim, pack.match))))
            first_number += len(patterns)
    return tuple(readers)


def read_objects(texts: pl.DataFrame, readers: tuple[ObjectReader, ...]) -> Objects:
    """Read JSON texts (`row` UInt32, `json` String) with the first pack that each matches; none makes this raise."""
    if texts.is_empty():
        return Objects()
    parts = [Objects()]
    claims = held_claims(texts["json"], sorted({claim for reader in readers for claim in reader.claims}))
    free = pl.Series([True]).new_from_index(0, len(texts))
    for reader in readers:
        if claims.present.isdisjoint(reader.claims):
            continue
        able = (claims.of(reader.claims) & free).arg_true()
        if able.is_empty():
            continue
        # Each object is decoded once: what the pack is known by is looked up in what its fields are made of.
        decoded, typed = decode_noting(texts["json"][able], reader.tree)
        mine = decoded.select(_matches(reader.pack)).to_series().arg_true()
        parts.append(_read(texts[able[mine]], decoded[mine], reader, typed=typed))
        free = free.scatter(able[mine], False)
    rest = texts.filter(free)
    is_object = pl.col("json").str.json_path_match("$").str.starts_with("{").fill_null(False)
    why = pl.when(is_object).then(pl.lit("unknown_json")).otherwise(pl.lit("not_json"))
    parts.append(Objects(problems=rest.select("row", why.alias("problem"))))
    return Objects(
        pl.concat([part.read for part in parts], how="diagonal_relaxed"),
        pl.concat([part.problems for part in parts]),
        pl.concat([part.unread for part in parts]),
    )


def claimants(texts: pl.DataFrame, readers: tuple[ObjectReader, ...]) -> pl.DataFrame:
    """List every pack (`row`, `pack`) that matches each JSON text (`row`, `json`), not the first alone."""
    listed = [pl.DataFrame(schema={"row": pl.UInt32, "pack": pl.String})]
    claims = held_claims(texts["json"], sorted({claim for reader in readers for claim in reader.claims}))
    for reader in readers:
        able = texts.filter(claims.of(reader.claims))
        is_match = decode(able["json"], reader.tree).select(_matches(reader.pack)).to_series()
        listed.append(able.filter(is_match).select("row", pl.lit(reader.pack.id).alias("pack")))
    return pl.concat(listed)


def _claim(way: Match) -> str:
    """Take the longest key of those a pack is known by, as it stands in a text: it is in the fewest others' objects."""
    plain = [path for path in way if "." not in path] or [f".{path.rpartition('.')[2]}" for path in way]
    longest = max(plain, key=len)
    # A key within another may also be written with dots, as one key that ends so.
    return json.dumps(longest)[1:].lstrip(".") if longest.startswith(".") else json.dumps(longest)


def _matches(pack: Pack) -> pl.Expr:
    ways = [pl.all_horizontal(_test(path, texts) for path, texts in way.items()) for way in pack.match]
    return pl.any_horizontal(ways).fill_null(False).alias("matches")


def _test(path: str, texts: tuple[str, ...]) -> pl.Expr:
    value = nested_or_dotted(path)
    if texts == (ANY_VALUE,):
        return value.is_not_null()
    value = value.cast(pl.String)
    tests = [value.str.contains(text[1:-1]) if is_expression(text) else value == text for text in texts]
    return pl.any_horizontal(tests).fill_null(False)


def _read(texts: pl.DataFrame, decoded: pl.DataFrame, reader: ObjectReader, *, typed: bool) -> Objects:
    frame = decoded.select(_fields(reader))
    frame, unread = (frame, Objects().unread) if typed else _with_odd_values(texts, frame, reader)
    frame = frame.with_columns(_chosen(reader))
    frame = frame.with_columns(_in_place(reader, frame.columns)).select(pl.exclude(f"^{_TESTED}.*$|^{_OWN}.*$"))
    frame = frame.insert_column(0, texts["row"])
    frame = frame.with_columns(_problem(reader))
    frame = frame.with_columns(_without_ignored(reader, frame.columns))
    bad = pl.col("problem").is_not_null()
    return Objects(frame.filter(~bad).drop("problem"), frame.filter(bad).select("row", "problem"), unread)


@lru_cache(maxsize=1024)
def _fields(reader: ObjectReader) -> list[pl.Expr]:
    """Describe all columns that are taken from an object; kept, for to build them takes longer than to read a line."""
    return [*_pack_fields(reader.pack), *_tested_paths(reader.pack), *_own_fields(reader)]


def _with_odd_values(
    texts: pl.DataFrame, fields: pl.DataFrame, reader: ObjectReader
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Read anew the texts in which a value is of another kind than its field; fields with words of a pack stay."""
    odd = (~is_typed(texts["json"], reader.tree)).arg_true()
    if not len(odd):
        return fields, Objects().unread
    worded = reader.pack.values or {}
    plain = {
        text: name
        for text, name in (reader.pack.paths or {}).items()
        if name not in worded and not any(step.picks for step in read_path(text).steps)
    }
    better, unread = read_odd_values(texts[odd], fields[odd], plain)
    return fields.with_columns(fields[name].scatter(odd, better[name]) for name in set(plain.values())), unread


def _pack_fields(pack: Pack) -> Iterator[pl.Expr]:
    """Fill each field from the first of the pack's paths for it that has a value."""
    for name, sources in _by_field({path: (name, _at(path)) for path, name in (pack.paths or {}).items()}).items():
        yield _filled(name, sources, pack)


def _own_fields(reader: ObjectReader) -> Iterator[pl.Expr]:
    """Fill the fields that single patterns take from elsewhere: one column for each pattern and field."""
    for one in reader.readers:
        sources = {
            key: (name, _group(one, key) if key in one.pattern.text_groups() else _at(key))
            for key, name in one.groups.items()
        }
        for name, values in _by_field(sources).items():
            yield _filled(name, values, reader.pack).alias(f"{_OWN}{one.number}:{name}")


def _group(one: PatternReader, group: str) -> pl.Expr:
    """Take a group of the expression that the text at a path matches."""
    path = one.pattern.text_groups()[group]
    return _at(path).cast(pl.String).str.extract_groups((one.pattern.texts or {})[path]).struct.field(group)


def _in_place(reader: ObjectReader, columns: list[str]) -> Iterator[pl.Expr]:
    """Let what a pattern takes itself stand in place of what the pack says of the field."""
    fields: dict[str, pl.Expr] = {}
    for one in reader.readers:
        for name in dict.fromkeys(one.groups.values()):
            before = fields.get(name, pl.col(name) if name in columns else pl.lit(None, _TYPES[BY_NAME[name].type]))
            own = pl.col(f"{_OWN}{one.number}:{name}")
            fields[name] = pl.when(pl.col("reader") == one.number).then(own).otherwise(before)
    yield from (value.alias(name) for name, value in fields.items())


def _by_field(keys: Mapping[str, tuple[str, pl.Expr]]) -> dict[str, list[pl.Expr]]:
    fields: dict[str, list[pl.Expr]] = {}
    for name, source in keys.values():
        fields.setdefault(name, []).append(source)
    return fields


def _filled(name: str, sources: list[pl.Expr], pack: Pack) -> pl.Expr:
    kind = _TYPES[BY_NAME[name].type]
    words = (pack.values or {}).get(name)
    value = pl.coalesce(sources)
    if words:
        value = replaced(value.cast(pl.String), words)
    return _cast(value, kind).alias(name)


def _cast(value: pl.Expr, kind: pl.DataType) -> pl.Expr:
    if kind == pl.Boolean():
        return value.cast(pl.String).replace_strict({"true": True, "false": False}, default=None)
    return value.cast(kind, strict=False)


def _tested_paths(pack: Pack) -> Iterator[pl.Expr]:
    for path in _tested(pack):
        yield _at(path).cast(pl.String).alias(_TESTED + path)


def _tested(pack: Pack) -> set[str]:
    marked = (name for pattern in pack.patterns for name in pattern.when or {} if name.startswith(PATH_MARK))
    return {name.removeprefix(PATH_MARK) for name in marked}.union(*(pattern.texts or {} for pattern in pack.patterns))


def _tree(pack: Pack) -> Tree:
    """Describe each path: as nested objects and lists, and, where it picks no element, as one key with dots too.

    A path that fills fields of several types, or whose words are replaced, is decoded as text.
    """
    kinds: dict[str, set[pl.DataType]] = {text: {pl.String()} for text in pack.every_path()}
    worded = {name for name in pack.values or {}}
    sources = [pack.paths or {}, *(pattern.groups or {} for pattern in pack.patterns)]
    texts = {*_tested(pack), *(path for way in pack.match for path in way)}
    filled = [(text, name) for paths in sources for text, name in paths.items()]
    for text in kinds:
        asked = {pl.String() if name in worded else _TYPES[BY_NAME[name].type] for path, name in filled if path == text}
        kinds[text] = asked | ({pl.String()} if text in texts else set())
    tree: Tree = {}
    for text, asked in kinds.items():
        leaf = next(iter(asked)) if len(asked) == 1 else pl.String()
        _plant(tree, read_path(text), leaf)
    return tree


def _plant(tree: Tree, path: JsonPath, leaf: pl.DataType) -> None:
    if not any(step.picks for step in path.steps):
        tree[path.text] = leaf
    branch = tree
    for step in path.steps[:-1]:
        branch = _branch(branch, step)
    last = path.steps[-1]
    branch[last.key] = [leaf] if last.picks else leaf


def _branch(tree: Tree, step: PathStep) -> Tree:
    """Go into the object, or the objects of the list, that the step's key holds."""
    if not step.picks:
        inner: Tree = tree.setdefault(step.key, {})
        return inner
    (inner,) = tree.setdefault(step.key, [{}])
    if step.having:
        inner[step.having[0]] = pl.String()
    return inner


def _at(text: str) -> pl.Expr:
    path = read_path(text)
    value = _value(pl.col(path.steps[0].key), path.steps)
    if not any(step.picks for step in path.steps):
        value = pl.coalesce(value, pl.col(path.text))
    return value


def _value(value: pl.Expr, steps: tuple[PathStep, ...]) -> pl.Expr:
    """Reach the end of a path from what stands at its first key."""
    step, *rest = steps
    if step.index is not None:
        value = value.list.get(step.index, null_on_oob=True)
    if not rest:
        return value
    if step.having is None:
        return _value(value.struct.field(rest[0].key), tuple(rest))
    key, choice = step.having
    inner = _value(pl.element().struct.field(rest[0].key), tuple(rest))
    chosen = pl.when(pl.element().struct.field(key) == choice).then(inner)
    return value.list.eval(chosen).list.drop_nulls().list.first()


@lru_cache(maxsize=1024)
def _chosen(reader: ObjectReader) -> pl.Expr:
    chosen = pl.lit(None, pl.UInt32)
    for one in reversed(reader.readers):
        fits = [_fits(name, values) for name, values in (one.pattern.when or {}).items()]
        fits += [pl.col(_TESTED + path).str.contains(regex) for path, regex in (one.pattern.texts or {}).items()]
        chosen = pl.when(pl.all_horizontal(pl.lit(True), *fits)).then(pl.lit(one.number, pl.UInt32)).otherwise(chosen)
    return chosen.alias("reader")


def _fits(name: str, values: tuple[Value, ...]) -> pl.Expr:
    if name.startswith(PATH_MARK):
        texts = [str(value).lower() if isinstance(value, bool) else str(value) for value in values]
        return pl.col(_TESTED + name.removeprefix(PATH_MARK)).is_in(texts)
    return pl.col(name).is_in(list(values))


def _without_ignored(reader: ObjectReader, columns: list[str]) -> list[pl.Expr]:
    """Empty, for the events of each pattern, the fields that it does not take from the object."""
    by_name: dict[str, list[int]] = {}
    for one in reader.readers:
        for name in set(one.pattern.ignores).intersection(columns):
            by_name.setdefault(name, []).append(one.number)
    return [
        pl.when(~pl.col("reader").is_in(numbers)).then(pl.col(name)).alias(name) for name, numbers in by_name.items()
    ]


@lru_cache(maxsize=1024)
def _problem(reader: ObjectReader) -> pl.Expr:
    """Say what is wrong with each object: no pattern, or the first field that its pattern requires and it lacks."""
    problems = [pl.when(pl.col("reader").is_null()).then(pl.lit("unknown_event"))]
    for one in reader.readers:
        for name in one.pattern.requires:
            lacks = (pl.col("reader") == one.number) & pl.col(name).is_null()
            problems.append(pl.when(lacks).then(pl.lit(f"missing {name}")))
    return pl.coalesce(*problems).alias("problem")
