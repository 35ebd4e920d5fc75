"""Groups lines that nothing reads by their shape: what a program says, with what varies left out.

A message is cut at its blanks. What looks like an address, a time, a number, an id, a quoted text, a value behind `=`
or a name behind words such as `user` becomes a placeholder; then words in which messages differ that are otherwise
alike. A JSON object's shape is its keys. Lines are told apart by program too.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator, Sequence
from datetime import datetime
from itertools import pairwise

import msgspec
import polars as pl
from msgspec import Struct

from credwatch.kernel.ids import stable_id
from credwatch.parse.advice import keys_of
from credwatch.parse.containers import HEAD
from credwatch.parse.envelopes import SourceKind, read_envelopes
from credwatch.parse.odd_envelopes import read_odd
from credwatch.store.state.unparsed import UnparsedLine

_ALIKE = 3
"""So many words at one place of messages that are otherwise alike are no wording, but what varies."""
_MOST_WORDS = 60
_MOST_KEYS = 40
PINNED = ("event", "type", "eventType", "event_type", "action", "event.action")
"""Keys that say what kind of event an object is; a shape keeps their words."""
_VALUE = r"[^\s,;\"'(){}\[\]<>=]+"
_PIECES = re.compile(
    r"(?P<secret>\*\*\*)"
    r"|(?P<time>\b\d{4}-\d\d-\d\d(?:[T_]\d\d:\d\d(?::\d\d(?:[.,]\d+)?)?(?:Z|[+-]\d\d:?\d\d)?)?\b|\b\d\d:\d\d:\d\d\b)"
    r"|(?P<address>(?<![\w.])\d{1,3}(?:\.\d{1,3}){3}(?![\w.])"
    r"|(?<![\w:])(?=[0-9A-Fa-f:]*:[0-9A-Fa-f:]*:)(?:[0-9A-Fa-f]{0,4}:){2,7}[0-9A-Fa-f]{0,4}(?![\w:]))"
    r"|(?P<id>\b[0-9A-Fa-f]{8}(?:-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}\b|\b(?=[a-f]*\d)[0-9a-f]{12,}\b)"
    rf"|(?P<value>(?<==){_VALUE})"
    r"|(?P<mail>[\w.+%-]+@[\w.-]+\w)"
    r"|(?P<path>(?<![\w/])/[\w./-]+)"
    r"|(?P<number>\d+)",
    re.ASCII,
)
_BEFORE_NAMES = frozenset({"user", "account", "login", "username", "member", "owner", "uid"})
_NAME = re.compile(r"^(?P<before>['\"(\[]?)(?P<name>[^\s'\"()\[\],;<>=]+?)(?P<after>['\")\],;:.]*)$")
MARK = re.compile(r"<(secret|time|address|id|value|mail|path|number|name|word|rest)>")
"""A placeholder in the text of a shape; a `<` that a message has itself is written `&lt;`."""

_Words = tuple[str, ...]


class Shape(Struct, frozen=True):
    """Lines that say the same of different people and times."""

    id: str
    """Its name, which follows from program and text."""
    program: str
    """Who wrote the lines; empty where nothing says so."""
    text: str
    """The message with placeholders, or the keys of an object."""
    reason: str
    """Why nothing reads the first of the lines."""
    is_object: bool
    """Whether the lines, or their messages, are JSON objects."""
    lines: tuple[UnparsedLine, ...]
    """The lines, in the order in which they were read."""
    messages: tuple[str, ...]
    """The message of each line, or its object; the whole line where it has no header."""

    @property
    def sources(self) -> tuple[str, ...]:
        """The sources that have such lines, by name."""
        return tuple(sorted({line.source for line in self.lines}))

    @property
    def first(self) -> datetime:
        """When the first of them was read."""
        return min(line.received_at for line in self.lines)

    @property
    def last(self) -> datetime:
        """When the last of them was read."""
        return max(line.received_at for line in self.lines)


class _Message(Struct, frozen=True):
    line: UnparsedLine
    program: str
    message: str
    is_object: bool


def shapes_of(lines: Sequence[UnparsedLine]) -> list[Shape]:
    """Group lines by shape, those of which there are most first."""
    messages: dict[tuple[str, bool], dict[_Words, list[_Message]]] = defaultdict(lambda: defaultdict(list))
    for message in _messages(lines):
        words = _keys(message.message) if message.is_object else _masked(message.message)
        messages[message.program, message.is_object][words].append(message)
    shapes = [
        _shape(program, words, group)
        for (program, is_object), by_words in messages.items()
        for words, group in (by_words if is_object else _merged(by_words)).items()
    ]
    return sorted(shapes, key=lambda shape: (-len(shape.lines), shape.program, shape.text))


def _messages(lines: Sequence[UnparsedLine]) -> Iterator[_Message]:
    """Take the headers off; a line without one is its own message."""
    texts = _texts(lines)
    frame = read_envelopes(pl.Series(texts, dtype=pl.String), SourceKind.AUTO)
    bare = frame["row"].filter(frame["message"].is_null() & frame["json"].is_null())
    odd = read_odd(pl.DataFrame([bare, pl.Series("line", [texts[row] for row in bare], dtype=pl.String)]))
    otherwise = {row: (program, message) for row, program, message in odd.select("row", "program", "message").rows()}
    for row, program, message, document in frame.select("row", "program", "message", "json").rows():
        line = lines[row]
        if document is not None:
            yield _Message(line, program or "", document, is_object=True)
        else:
            program, message = otherwise.get(row, (program, message))
            yield _Message(line, program or "", texts[row] if message is None else message, is_object=False)


def _texts(lines: Sequence[UnparsedLine]) -> list[str]:
    """Give the lines, of those in a container's log what stands within."""
    texts = pl.Series([line.line for line in lines], dtype=pl.String)
    return texts.str.replace(HEAD, "").to_list()


def masked_text(text: str) -> str:
    """Leave out of a text what looks as if it varied, with placeholders for it."""
    return " ".join(_masked(text))


def _masked(message: str) -> _Words:
    """Cut a message at its blanks, with placeholders for what looks as if it varied."""
    words = message.replace("<", "&lt;").split(" ")
    masked = [_PIECES.sub(lambda piece: f"<{piece.lastgroup}>", word) for word in words[:_MOST_WORDS]]
    for at, (before, word) in enumerate(pairwise(masked), 1):
        if before.lower().rstrip(":") in _BEFORE_NAMES and (name := _NAME.match(word)):
            masked[at] = f"{name['before']}<name>{name['after']}"
    return (*masked, "<rest>") if len(words) > _MOST_WORDS else tuple(masked)


def _merged(groups: dict[_Words, list[_Message]]) -> dict[_Words, list[_Message]]:
    """Join groups that differ in one word; the first word of a message is its wording, whatever it is."""
    for at in range(1, max(map(len, groups), default=0)):
        alike: dict[tuple[_Words, _Words], list[_Words]] = defaultdict(list)
        for words in groups:
            if at < len(words):
                alike[words[:at], words[at + 1 :]].append(words)
        for (before, behind), several in alike.items():
            if len(several) >= _ALIKE:
                joined = [message for words in several for message in groups.pop(words)]
                groups[*before, "<word>", *behind] = joined
    return groups


def _keys(document: str) -> _Words:
    """List the keys of an object, with the words of those that say its kind."""
    try:
        decoded = msgspec.json.decode(document)
    except (msgspec.DecodeError, RecursionError):
        return ("{broken}",)
    keys = (
        sorted(dict(keys_of(decoded)).items(), key=lambda item: item[0])[:_MOST_KEYS]
        if isinstance(decoded, dict)
        else []
    )
    return tuple(f"{key}={value}" if _is_pinned(key, value) else key for key, value in keys)


def _is_pinned(key: str, value: object) -> bool:
    return key in PINNED and isinstance(value, str) and re.fullmatch(r"[A-Za-z][\w.:-]{0,39}", value) is not None


def _shape(program: str, words: _Words, messages: list[_Message]) -> Shape:
    messages = sorted(messages, key=lambda message: message.line.id)
    is_object = messages[0].is_object
    text = "{" + ", ".join(words) + "}" if is_object else " ".join(words)
    return Shape(
        id=stable_id("shape", program, text, length=8),
        program=program,
        text=text,
        reason=messages[0].line.reason,
        is_object=is_object,
        lines=tuple(message.line for message in messages),
        messages=tuple(message.message for message in messages),
    )
