"""JSON texts become columns, and no text makes it raise."""

from __future__ import annotations

import polars as pl
import pytest

from credwatch.parse.objects.decode import decode, values_at

ADVERSARIAL = [
    "", "nope", "{", '{"a":', "[1]", "null", '"a"', '{"a":1}{"a":2}', '{"a":1e999}', '{"a":"' + "x" * 100_000 + '"}',
    '{"a":' + "[" * 5000 + "]" * 5000 + "}", '{"a":' * 5000 + "1" + "}" * 5000, '{"a":"\\ud800"}', '{"a":"\\u0000"}',
    '{"a":' + "9" * 5000 + "}", '{"a":-0}', "{'a':1}", '{"a":NaN}', '{"row":1,"a":{"row":2}}', '{"":{"":1}}',
]  # fmt: skip


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ('{"a":{"b":"x"}}', "x"),
        ('{"a.b":"x"}', "x"),
        ('{"a":{"b":"x"},"a.b":"y"}', "x"),
        ('{"a":{"b":null},"a.b":"y"}', "y"),
        ('{"a":{"b":""}}', ""),
        ('{"a":{"b":7}}', "7"),
        ('{"a":{"b":18446744073709551616}}', "18446744073709551616"),
        ('{"a":{"b":true}}', "true"),
        ('{"a":{"b":["x",1]}}', '["x", 1]'),
        ('{"a":{"b":{"c":1}}}', '{"c": 1}'),
        ('{"a":[{"b":"x"}]}', None),
        ('{"a":"{\\"b\\":1}"}', None),
        ('{"a":{"c":1}}', None),
    ],
)
def test_values(text: str, value: str | None) -> None:
    """A path is read nested, or else as one key with dots; what is no text is written as JSON writes it."""
    assert [value] == values_at(pl.Series([text]), ["a.b"])["a.b"].to_list()


def test_a_path_through_another() -> None:
    """A value and what lies within it can both be asked for."""
    frame = values_at(pl.Series(['{"a":{"b":{"c":1}}}']), ["a", "a.b", "a.b.c"])
    assert {"a": '{"b": {"c": 1}}', "a.b": '{"c": 1}', "a.b.c": "1"} == frame.select("a", "a.b", "a.b.c").to_dicts()[0]


def test_adversarial_texts() -> None:
    """They give nulls or their value, each in its row, and the sound ones among them are read."""
    sound = '{"a":"sound"}'
    texts = [text for each in ADVERSARIAL for text in (each, sound)]
    values = values_at(pl.Series(texts, dtype=pl.String), ["a"])["a"].to_list()
    assert ["sound"] * len(ADVERSARIAL) == values[1::2]
    assert len(texts) == len(values)


def test_nulls_and_nothing() -> None:
    """Null texts are rows of nulls, and no texts are no rows."""
    tree = {"a": {"b": pl.Int64()}, "l": [{"c": pl.String()}]}
    assert [{"a": None, "l": None}] == decode(pl.Series([None], dtype=pl.String), tree).to_dicts()
    assert 0 == len(decode(pl.Series([], dtype=pl.String), tree))
