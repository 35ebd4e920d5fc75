"""The fast way to decode JSON and the patient one give the same, so that no line depends on its neighbours."""

from __future__ import annotations

import json
from typing import Any

import polars as pl
from hypothesis import example, given
from hypothesis import strategies as st

from credwatch.parse.objects.decode import Tree, decode
from credwatch.parse.objects.typed_json import decode_typed

TREE: Tree = {
    "a": pl.String(),
    "n": pl.Int64(),
    "f": pl.Float64(),
    "o": {"x": pl.String(), "y": pl.Int64(), "l": [pl.String()]},
    "t": [{"k": pl.String(), "v": pl.Int64()}],
    "o.x": pl.String(),
}
ODD = '{"a":"a boolean is no number","n":true}'
"""What the fast way leaves to the patient one, with all its neighbours."""

VALUES = st.sampled_from(
    [
        *(
            '"x"',
            '""',
            "1",
            "-0",
            "1.0",
            "1e3",
            "1e999",
            "9223372036854775808",
            "true",
            "null",
            "[]",
            "{}",
            '"\\ud800"',
        ),
        *('"\\x"', "01", "+1", "1.", "[1]", '["x",null]', '[{"k":"q","v":2}]', '[{"k":"q"},null]', '{"x":"p","y":3}'),
        *('{"x":null}', '{"l":["a"]}', "NaN", '"é"', "'x'", '{"x":1,}', "-", "tru", '"\\u0000"', '[[[["x"]]]]'),
    ]
)
TEXTS = st.lists(st.tuples(st.sampled_from([*TREE, "other", ""]), VALUES), max_size=4).map(
    lambda pairs: "{" + ",".join(f'"{key}":{value}' for key, value in pairs) + "}"
)


def told(value: Any) -> Any:
    """Leave out what tells nothing: an object of nulls says as much as none, and so does an empty list."""
    if isinstance(value, dict):
        inner = {key: told(part) for key, part in value.items()}
        return {key: part for key, part in inner.items() if part is not None} or None
    if isinstance(value, list):
        return [told(part) for part in value] or None
    return value


@given(TEXTS)
@example('{"other":1e999,"a":"x"}')
def test_a_text_is_read_alike_beside_any_other(text: str) -> None:
    """A text that only the patient decoder takes changes nothing for its neighbour."""
    keys = [key for key, _ in json.JSONDecoder(object_pairs_hook=list).decode(text)] if _is_json(text) else []
    if len(keys) != len(set(keys)):
        return  # of a key that is there twice, either may count
    alone = decode(pl.Series([text]), TREE).to_dicts()
    beside = decode(pl.Series([text, ODD]), TREE).to_dicts()
    assert told(beside[0]) == told(alone[0])


def test_the_common_batch_is_decoded_fast() -> None:
    """Objects, lists of objects, keys with dots and absent ones are all the fast decoder's own."""
    schema = {"o": pl.Struct({"x": pl.String()}), "t": pl.List(pl.Struct({"k": pl.String()})), "o.x": pl.String()}
    texts = pl.Series(['{"o":{"x":"1"},"t":[{"k":"2"},{"k":"3"}]}', '{"o":null,"o.x":"4"}'])
    frame = decode_typed(texts, schema)
    assert frame is not None
    assert ["1", None] == frame["o"].struct.field("x").to_list()
    assert [[{"k": "2"}, {"k": "3"}], None] == frame["t"].to_list()
    assert [None, "4"] == frame["o.x"].to_list()


def _is_json(text: str) -> bool:
    try:
        json.loads(text)
    except ValueError:
        return False
    return True
