"""Paths into JSON objects, as packs write them: `actor.alternateId`, `target[0].id`, `target[type=User].id`."""

from __future__ import annotations

import re

from msgspec import Struct

_STEP = r"[\w@$#-]+(?:\[(?:\d{1,3}|[\w@$#-]+=[^\[\]]+)\])?"
_PATH = re.compile(rf"{_STEP}(?:\.{_STEP})*")
_PARTS = re.compile(r"(?P<key>[\w@$#-]+)(?:\[(?:(?P<index>\d+)|(?P<name>[\w@$#-]+)=(?P<value>[^\[\]]+))\])?(?:\.|$)")


class PathStep(Struct, frozen=True):
    """One key of a path."""

    key: str
    """The key."""
    index: int | None = None
    """Where the key holds a list: the place of the element that is meant, from 0."""
    having: tuple[str, str] | None = None
    """Where the key holds a list of objects: a key and its value, by which the first element that is meant is known."""

    @property
    def picks(self) -> bool:
        """Say whether it picks an element of a list."""
        return self.index is not None or self.having is not None


class JsonPath(Struct, frozen=True):
    """A path into a JSON object."""

    text: str
    """As it was written."""
    steps: tuple[PathStep, ...]
    """Its keys, at least one."""

    def shapes(self) -> dict[tuple[str, ...], str]:
        """Say what must stand at each place on the way: `list`, `object`, and at the end `value`."""
        keys = tuple(step.key for step in self.steps)
        way = {keys[: at + 1]: "list" if step.picks else "object" for at, step in enumerate(self.steps)}
        if not self.steps[-1].picks:
            way[keys] = "value"
        having = {(*keys[: at + 1], step.having[0]): "value" for at, step in enumerate(self.steps) if step.having}
        return way | having


def read_path(text: str) -> JsonPath:
    """Read a path; raises ValueError where it is none.

    Keys are letters, digits, `_`, `@`, `$`, `#` and `-`, joined by dots. They may pick an element of a list by place,
    `target[0]`; the last that picks one may do so by a key of it, `target[type=User]`, and the path goes on from there.
    """
    if not _PATH.fullmatch(text):
        raise ValueError("write keys joined by dots, as in user.target.name or target[type=User].id")
    steps = tuple(_step(match) for match in _PARTS.finditer(text))
    picking = [step for step in steps if step.picks]
    if any(step.having for step in picking[:-1]) or steps[-1].having:
        raise ValueError("only the last key that picks an element may do so by a key of it, and the path must go on")
    return JsonPath(text, steps)


def _step(match: re.Match[str]) -> PathStep:
    index, name = match["index"], match["name"]
    return PathStep(match["key"], int(index) if index else None, (name, match["value"]) if name else None)
