"""Finds values within JSON, by paths such as `data.items`, `events[0].name` or `@odata.nextLink`."""

from __future__ import annotations

import re
from typing import Any

_INDEX = re.compile(r"\[(\d+)\](?:\.|$)?")


def value_at(value: Any, path: str) -> Any:
    """Return what stands at a path, None where nothing does; an empty path is the value itself.

    A key may have dots: the longest key that is there is taken.
    """
    if not path:
        return value
    if isinstance(value, list):
        index = _INDEX.match(path)
        if index is None or int(index[1]) >= len(value):
            return None
        return value_at(value[int(index[1])], path[index.end() :])
    return _within(value, path) if isinstance(value, dict) else None


def _within(value: dict[str, Any], path: str) -> Any:
    if path in value:
        return value[path]
    for end in reversed([at for at, sign in enumerate(path) if sign in ".["]):
        if path[:end] in value:
            return value_at(value[path[:end]], path[end:].removeprefix("."))
    return None
