"""Our reading of Sigma, and our evaluation of it, agree with pySigma and its SQLite backend on generated rules."""

from __future__ import annotations

import copy
import json
import re
import sqlite3
import tempfile
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import polars as pl
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from sigma.backends.sqlite import sqliteBackend
from sigma.collection import SigmaCollection
from sigma.processing.pipeline import ProcessingItem, ProcessingPipeline
from sigma.processing.transformations import ValueListPlaceholderTransformation
from sigma.rule import SigmaRule

from credwatch.detect.select.comparisons import OF_FIELDS
from credwatch.detect.select.expressions import compiled, fields_of, with_fields
from credwatch.kernel.dtypes import DTYPES
from credwatch.kernel.fields import BY_NAME, FieldType
from credwatch.rules.model import EventRule, Operator, Test
from credwatch.rules.sigma.patterns import literal
from credwatch.rules.sigma.sigma import read_rules
from properties.budget import examples
from properties.generated_sigma import FIELDS, MOMENT, PLACEHOLDERS, TRUTH, events, sections
from unit.rules.rule_files import load_rules

COLUMN_TYPES = {
    FieldType.STRING: "TEXT COLLATE NOCASE",
    FieldType.INTEGER: "INTEGER",
    FieldType.BOOLEAN: "TEXT COLLATE NOCASE",
    FieldType.TIMESTAMP: "TEXT",
}


def ours(rules: list[EventRule], rows: list[dict[str, Any]]) -> dict[str, list[int]]:
    """Say which rows each rule matches in our engine."""
    stamped = [{**row, MOMENT: row[MOMENT].replace(tzinfo=UTC)} for row in rows]
    frame = pl.DataFrame(stamped, schema={name: DTYPES[BY_NAME[name].type] for name in FIELDS})
    needed = frozenset[str]().union(*(fields_of(rule.condition) for rule in rules))
    masks = with_fields(frame, needed).select(compiled(rule.condition).alias(rule.name) for rule in rules)
    return {name: masks.get_column(name).arg_true().to_list() for name in masks.columns}


def theirs(documents: list[dict[str, Any]], rows: list[dict[str, Any]]) -> dict[str, list[int]]:
    """Say which rows each rule matches in SQLite, by the queries that pySigma writes."""
    expanding = ProcessingPipeline(
        items=[ProcessingItem(ValueListPlaceholderTransformation())],
        vars={name: list(values) for name, values in PLACEHOLDERS.items()},
    )
    backend = sqliteBackend(expanding, fulltext_field="message")
    found = {}
    with sqlite3.connect(":memory:") as database:
        database.create_function("REGEXP", 2, _regexp, deterministic=True)
        columns = ", ".join(f'"{name}" {COLUMN_TYPES[BY_NAME[name].type]}' for name in FIELDS)
        database.execute(f"CREATE TABLE logs ({columns})")
        marks = ", ".join("?" * len(FIELDS))
        database.executemany(f"INSERT INTO logs VALUES ({marks})", [_stored(row) for row in rows])
        for document in documents:
            rule = SigmaRule.from_dict(copy.deepcopy(document))
            queries = backend.convert(SigmaCollection([rule]))
            matched = [database.execute(_by_number(query)).fetchall() for query in queries]
            found[document["name"]] = sorted({number - 1 for each in matched for (number,) in each})
    return found


def _by_number(query: str) -> str:
    return query.replace("SELECT *", "SELECT rowid", 1)


def _regexp(pattern: str, text: str | None) -> bool | None:
    return None if text is None else re.search(pattern, str(text)) is not None


def _stored(row: dict[str, Any]) -> list[Any]:
    truth = {True: "true", False: "false", None: None}
    return [
        truth[row[name]] if name == TRUTH else row[name].isoformat() if isinstance(row[name], datetime) else row[name]
        for name in FIELDS
    ]


def documents_of(drawn: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Make rules of detection sections."""
    return [
        {"title": f"r{place}", "name": f"r{place}", "logsource": {"category": "authentication"}, "detection": section}
        for place, section in enumerate(drawn)
    ]


def read(documents: list[dict[str, Any]]) -> list[EventRule]:
    """Read rules as from a file; JSON is YAML."""
    with tempfile.TemporaryDirectory() as folder:
        text = "\n---\n".join(json.dumps(document) for document in documents)
        (Path(folder) / "rules.yml").write_text(text, encoding="utf-8")
        return list(load_rules([Path(folder)], PLACEHOLDERS).events)


@settings(max_examples=examples(50), phases=[Phase.reuse, Phase.generate], suppress_health_check=list(HealthCheck))
@given(drawn=st.lists(sections, min_size=10, max_size=10), rows=st.lists(events, min_size=4, max_size=8))
def test_pysigma_and_sqlite_find_the_same(drawn: list[dict[str, Any]], rows: list[dict[str, Any]]) -> None:
    """Thousands of rules match the same events in both; what the two mean differently is not generated."""
    documents = documents_of(drawn)
    expected, actual = theirs(documents, rows), ours(read(documents), rows)
    differing = [
        (document["detection"], [(rows[at], at in expected[name]) for at in {*expected[name]} ^ {*actual[name]}])
        for document in documents
        if expected[name := document["name"]] != actual[name]
    ]
    assert [] == differing


HOSTILE = st.one_of(
    st.none(),
    st.text(max_size=20),
    st.sampled_from(
        (
            "nan",
            "inf",
            "-inf",
            "1e999",
            "٣",
            "1_000",
            " 7 ",
            "9" * 400,
            "true",
            "null",
            "\0",
            "\u202e",
            "a\nb",
            "%",
            "[",
        )
    ),
    st.integers(-(2**63), 2**63 - 1).map(str),
    st.ip_addresses().map(str),
    st.datetimes().map(datetime.isoformat),
    st.just("x" * 100_000),
)
OPERANDS = st.one_of(
    HOSTILE.filter(lambda text: text is not None and len(text) < 1000),
    st.integers(-(2**63), 2**63 - 1),
    st.floats(),
    st.booleans(),
)
NAMES = ("user.name", "source.port", "credwatch.attempt", "@timestamp")


@st.composite
def hostile_tests(draw: st.DrawFn) -> Test:
    """Draw a test of any operator with any value; patterns, networks and names are those that can be loaded."""
    operator = draw(st.sampled_from(Operator))
    value: Any = draw(OPERANDS)
    part = ""
    if operator is Operator.REGEX:
        value = literal(str(value))
    elif operator is Operator.CIDR:
        value = draw(st.sampled_from(("0.0.0.0/0", "::/0", "10.0.0.0/8")))
    elif operator in OF_FIELDS:
        value = draw(st.sampled_from(NAMES))
    elif operator in (Operator.LESS, Operator.EQUALS) and draw(st.booleans()):
        value, part = (
            draw(st.integers(0, 60)),
            draw(st.sampled_from(("minute", "hour", "day", "week", "month", "year"))),
        )
    return Test(draw(st.sampled_from(NAMES)), operator, value, draw(st.booleans()), part)


def a_value(kind: FieldType, text: str | None, number: int) -> Any:
    """Make a value of a field's type."""
    moment = datetime(2026, 1, 1, tzinfo=UTC) + timedelta(seconds=number % 10**9)
    others = {FieldType.INTEGER: number, FieldType.BOOLEAN: number % 2 == 0, FieldType.TIMESTAMP: moment}
    return None if text is None else others.get(kind, text)


@settings(max_examples=examples(60), suppress_health_check=list(HealthCheck))
@given(
    tests=st.lists(hostile_tests(), min_size=1, max_size=12),
    texts=st.lists(st.tuples(HOSTILE, st.integers(-(2**63), 2**63 - 1)), min_size=1, max_size=4),
    lists=st.sets(st.sampled_from(NAMES)),
)
def test_hostile_values_never_raise(tests: list[Test], texts: list[tuple[str | None, int]], lists: set[str]) -> None:
    """Whatever the values are, single or in lists, each test is true or false, and an absent value passes none."""
    kinds = {name: BY_NAME[name].type for name in NAMES}
    rows = [{name: a_value(kind, *text) for name, kind in kinds.items()} for text in [*texts, (None, 0)]]
    listed = [
        {name: [value, None] if name in lists and value is not None else value for name, value in row.items()}
        for row in rows
    ]
    schema = {name: pl.List(DTYPES[kind]) if name in lists else DTYPES[kind] for name, kind in kinds.items()}
    frame = pl.DataFrame(listed, schema=schema)
    masks = frame.select(compiled(test, frozenset(lists)).alias(str(place)) for place, test in enumerate(tests))
    for test, mask in zip(tests, masks.iter_columns(), strict=True):
        assert (pl.Boolean(), 0, frame.height) == (mask.dtype, mask.null_count(), len(mask))
        absent = test.operator is Operator.NULL or (test.operator is Operator.EXISTS and not test.value)
        assert absent == mask[-1]


@settings(max_examples=examples(60))
@given(value=st.text(max_size=6), wanted=st.text(max_size=3), cased=st.booleans())
def test_texts_compare_as_python_compares_them(value: str, wanted: str, cased: bool) -> None:
    """Equality, beginnings, ends and parts of any letters are those of small letters, or of the letters as they are."""
    one, two = (value, wanted) if cased else (value.lower(), wanted.lower())
    expected = [one == two, one.startswith(two), one.endswith(two), two in one]
    operators = (Operator.EQUALS, Operator.STARTS_WITH, Operator.ENDS_WITH, Operator.CONTAINS)
    frame = pl.DataFrame({"user.name": [value]})
    masks = [frame.select(compiled(Test("user.name", operator, wanted, cased))).item() for operator in operators]
    assert expected == masks


SOUND: list[dict[str, Any]] = [
    {
        "title": "a",
        "name": "a",
        "id": "1",
        "level": "high",
        "tags": ["attack.t1110"],
        "logsource": {"category": "authentication"},
        "detection": {"s": {"user.name|contains": ["x", "y"]}, "k": ["w"], "condition": ["s or 1 of k*"]},
        "credwatch": {"incident": "i", "group-by": ["host.name"]},
    },
    {
        "title": "b",
        "name": "b",
        "correlation": {
            "type": "event_count",
            "rules": ["a"],
            "group-by": ["who"],
            "timespan": "5m",
            "condition": {"gte": 3},
            "aliases": {"who": {"a": "user.name"}},
        },
    },
    {
        "title": "c",
        "logsource": {"category": "authentication"},
        "filter": {"rules": ["a"], "f": {"source.ip|cidr": "10.0.0.0/8"}, "condition": "not f"},
    },
]
ODD = (
    None,
    True,
    3,
    -1.5,
    1e308,
    2**70,
    "",
    "x",
    "%",
    "a|b",
    "\0",
    "9" * 300,
    [],
    [[]],
    {},
    {"a": {"b": [1]}},
    [None],
    ["a", 3],
    {"": ""},
)


def places_of(node: Any, above: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """List the ways to every key and item of a document."""
    keys = list(node) if isinstance(node, dict) else range(len(node)) if isinstance(node, list) else []
    return [place for key in keys for place in ((*above, key), *places_of(node[key], (*above, key)))]


@settings(max_examples=examples(100))
@given(
    places=st.lists(st.sampled_from(places_of(SOUND)), min_size=1, max_size=3),
    values=st.lists(st.sampled_from(ODD), min_size=3, max_size=3),
    renamed=st.booleans(),
)
def test_mangled_rules_never_raise(places: list[tuple[Any, ...]], values: list[Any], renamed: bool) -> None:
    """Whatever stands in place of a part of a rule, correlation or filter is read or named, and other rules load."""
    mangled = copy.deepcopy(SOUND)
    for place, value in zip(places, values, strict=False):
        node: Any = mangled
        try:
            for key in place[:-1]:
                node = node[key]
            node[place[-1]] = copy.deepcopy(value)
            if renamed and isinstance(node, dict):
                node[str(value)] = node.pop(place[-1])
        except (KeyError, IndexError, TypeError):
            continue  # an earlier change took this place away
    fine = {
        "title": "fine",
        "name": "fine",
        "logsource": {"category": "x"},
        "detection": {"s": ["w"], "condition": "s"},
    }
    with tempfile.TemporaryDirectory() as folder:
        text = "\n---\n".join(json.dumps(document) for document in (*mangled, fine))
        (Path(folder) / "rules.yml").write_text(text, encoding="utf-8")
        rules, problems = read_rules([Path(folder)])
    assert "fine" in [rule.name for rule in rules.events]
    assert all(problem.where.startswith(folder) and problem.message for problem in problems)
