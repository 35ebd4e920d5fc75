"""Log packs as values: which lines a program writes, and which event each of them gives.

`rules/packs/` reads them from YAML; `parse/` compiles them to column expressions. The file format is `docs/packs.md`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from enum import StrEnum

from msgspec import Struct

from credwatch.kernel.errors import nearest
from credwatch.kernel.fields import BY_NAME, FieldType

Value = str | int | bool
"""What a pack may set a field to."""

ANY_PROGRAM = "*"
"""Stands for every program that the pattern does not except."""

ANY_BRACKETS = "(*)"
"""Stands, behind a program's name, for whatever it serves: `wordpress(*)` is also `wordpress(shop.acme.example)`."""

ANY_VALUE = "*"
"""Stands, in `match`, for any value that is there, and in `values` for every word that is not named."""

PATH_MARK = "$."
"""Stands, in `when`, before a path of the object."""


class EnvelopeKind(StrEnum):
    """What wraps the lines of a pack."""

    SYSLOG = "syslog"
    """A syslog header with a program, then a message that regular expressions read."""
    JSON = "json"
    """A JSON object, whole line or syslog message."""


class Sample(Struct, frozen=True):
    """A line that a pattern must read, and what it must give."""

    line: str
    """The whole line, with its envelope."""
    gives: Mapping[str, Value | None]
    """Fields of the event; None says that the field must be empty. Not used where the pattern skips."""


class Pattern(Struct, frozen=True, eq=False):
    """One kind of line of a pack."""

    name: str
    """Its name within the pack."""
    where: str
    """File and name, for errors."""
    programs: tuple[str, ...] = ()
    """The programs that write it, or `*`."""
    except_programs: tuple[str, ...] = ()
    """Programs that `*` leaves out."""
    prefixes: tuple[str, ...] = ()
    """Literal beginnings of the message; an empty one is tried after all others."""
    regex: str = ""
    """The expression that reads the whole message, anchored at both ends."""
    groups: Mapping[str, str] | None = None
    """Which field each named group fills; for JSON, which each path does, in place of what the pack says of it."""
    hex: tuple[str, ...] = ()
    """The groups that hold bytes in hexadecimal."""
    when: Mapping[str, tuple[Value, ...]] | None = None
    """For JSON: the fields, or paths behind `$.`, and the values of which each must have one."""
    texts: Mapping[str, str] | None = None
    """For JSON: the expression that the text at each path must match; their groups stand beside paths in `groups`."""
    requires: tuple[str, ...] = ()
    """For JSON: fields without which the line is no such event."""
    ignores: tuple[str, ...] = ()
    """For JSON: fields that such an event does not take from its object."""
    constants: Mapping[str, Value] | None = None
    """What every such event says besides; a captured value goes before it."""
    skip: bool = False
    """True where the line is known and is no event."""
    samples: tuple[Sample, ...] = ()
    """Lines it must read."""

    def text_groups(self) -> dict[str, str]:
        """Say for each group of its texts' expressions at which path it stands."""
        return {group: path for path, regex in (self.texts or {}).items() for group in re.findall(r"\?P<(\w+)>", regex)}


class Header(Struct, frozen=True, eq=False):
    """What a program that keeps a log of its own puts around its messages, in place of syslog's header."""

    where: str
    """File and number, for errors."""
    regex: str
    """The expression that takes the line apart: groups `stamp`, and perhaps `host`, `program`, `pid` and `message`."""
    having: tuple[str, ...]
    """Texts of which one stands in every such line: it is looked for before the expression is tried."""
    program: str
    """Whose line it is, where no group says so."""


Match = Mapping[str, tuple[str, ...]]
"""Paths, and for each the texts of which it must have one; `*` is any value, and `/…/` an expression."""


class Pack(Struct, frozen=True, eq=False):
    """The lines of one program or family of programs."""

    id: str
    """Its name; events carry it as event.dataset."""
    title: str
    """What it reads, for people."""
    where: str
    """Its file."""
    kind: EnvelopeKind
    """What wraps its lines."""
    patterns: tuple[Pattern, ...]
    """Its patterns, tried in this order."""
    headers: tuple[Header, ...] = ()
    """For syslog: how its programs begin the lines of logs of their own."""
    match: tuple[Match, ...] = ()
    """For JSON: by what a line is known to be of this pack; one of them must hold."""
    paths: Mapping[str, str] | None = None
    """For JSON: which field each path fills."""
    values: Mapping[str, Mapping[str, str]] | None = None
    """For a field: what the writer's words become; `*` stands for all others."""

    def every_path(self) -> Iterator[str]:
        """Give each path that a JSON pack looks up, some twice."""
        for way in self.match:
            yield from way
        yield from self.paths or {}
        for pattern in self.patterns:
            yield from (path for path in pattern.groups or {} if path not in pattern.text_groups())
            yield from pattern.texts or {}
            yield from (name.removeprefix(PATH_MARK) for name in pattern.when or {} if name.startswith(PATH_MARK))


class PackSet(Struct, frozen=True, eq=False):
    """All packs in use, in the order they were loaded; compared by identity."""

    packs: tuple[Pack, ...]
    """The packs."""


def is_expression(text: str) -> bool:
    """Say whether a text of `match` is an expression: `/^T1/`."""
    return len(text) > 2 and text[0] == text[-1] == "/"


def literal_head(pattern: str) -> str:
    r"""Return the text that every match of an anchored pattern begins with: `^Failed (?:a|b)` gives `Failed `."""
    if "|" in re.sub(r"\(.*\)", "", pattern):
        return ""
    head = ""
    for match in re.finditer(r"\\([^\w\s])|([^\\^$.|?*+()\[\]{}])|(.)", pattern.removeprefix("^")):
        escaped, plain, other = match.groups()
        if other is not None:
            return head[:-1] if other in "?*{" else head
        head += escaped or plain
    return head


def field_problem(name: str, value: Value | None = None) -> str:
    """Say what is wrong with a field that a pack fills, with the nearest known name; empty where nothing is.

    With a `value`, its type is held against the field's.
    """
    field = BY_NAME.get(name)
    if field is None:
        return f"unknown field {name!r}; {nearest(name, BY_NAME) or 'docs/events.md lists the fields'}"
    if field.enriched:
        return f"field {name!r} is filled by an enricher, not by a pack"
    if value is not None and not isinstance(value, _PYTHON_TYPES[field.type]):
        return f"field {name!r} is of type {field.type}, and {value!r} is not"
    return ""


_PYTHON_TYPES: dict[FieldType, type] = {
    FieldType.STRING: str,
    FieldType.INTEGER: int,
    FieldType.BOOLEAN: bool,
    FieldType.TIMESTAMP: str,
}
