"""Drafts a pack from the shape of lines that nothing reads: one that loads, and reads every one of them.

What it cannot know stands in the draft to be filled in: which action the lines tell of, or that they tell of none. Its
sample has made-up names and addresses in place of the ones that the lines hold.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

import msgspec
import polars as pl
import yaml

from credwatch.authoring.shapes import MARK, PINNED, Shape
from credwatch.kernel.errors import CredwatchError, Problem, ProblemsFound
from credwatch.kernel.pack import Pack, PackSet
from credwatch.parse.advice import OTHER_NAMES, keys_of
from credwatch.parse.envelopes import SourceKind
from credwatch.parse.parse import SourceFormat, parse
from credwatch.parse.samples import REFERENCE, check_packs
from credwatch.rules.packs.clashes import clashes
from credwatch.rules.packs.packs import read_pack

_CLASSES = {
    "secret": r"\S+",
    "time": r"[\dT_:.,Z+-]+",
    "address": r"[0-9A-Fa-f:.]+",
    "id": r"[0-9A-Fa-f-]+",
    "value": r"[^\s,;\"'(){}\[\]<>=]+",
    "mail": r"\S+@\S+",
    "path": r"\S+",
    "number": r"\d+",
    "name": r"\S+",
    "word": r"\S+",
    "rest": r".*",
}
_MADE_UP = {"address": "192.0.2.10", "mail": "lan@customer.example", "name": "lan", "word": "lan"}
_FIELDS = {"address": ("ip", "source.ip"), "mail": ("user", "user.name"), "name": ("user", "user.name")}
_USER_KEYS = re.compile(r"(?:^|[\s,;\"'(\[])(?:user|username|login|account|acct|usr)=[\"']?$", re.IGNORECASE)
_PORT = re.compile(r"\bport[ =:]$", re.IGNORECASE)
_PATH = re.compile(r"[\w@$-]+(?:\.[\w@$-]+)*")
_HEADER = "Mar  2 08:00:00 srv1"
_HEADERLESS = ("no_envelope", "no_timestamp")
_NOTE = """\
# A draft. Say what these lines tell: event.action and event.category (docs/events.md has the words), and which group
# fills which field. Where they tell of nothing, leave constants and fields out and write `skip: true`.
"""


class NoDraft(CredwatchError):
    """Of these lines no pack can be drafted."""


def draft_of(shape: Shape, packs: PackSet, formats: Mapping[str, SourceFormat]) -> str:
    """Draft the pack that reads every line of a shape beside the packs that are there; raises NoDraft.

    `formats` say how the lines of each source begin.
    """
    if not shape.is_object and (shape.reason in _HEADERLESS or not shape.program):
        hint = "say how the program begins its lines: docs/packs.md, logs of a program's own"
        raise NoDraft("the lines have no header that says who wrote them, and when", where=shape.id, hint=hint)
    problems: list[Problem] = []
    for document in _objects(shape) if shape.is_object else _messages(shape):
        text = _NOTE + yaml.safe_dump(document, sort_keys=False, allow_unicode=True, width=10_000)
        problems = _problems(text, shape, packs, formats)
        if not problems:
            return text
    raise NoDraft(problems[0].message, where=shape.id, hint=problems[0].hint)


def _problems(text: str, shape: Shape, packs: PackSet, formats: Mapping[str, SourceFormat]) -> list[Problem]:
    """Say why a draft cannot be used: it does not load, another pack claims its lines, or it leaves a line unread."""
    try:
        pack = read_pack(text, where="draft")
    except ProblemsFound as error:
        return list(error.problems)
    everything = PackSet((*packs.packs, pack))
    return (
        [problem for problem in clashes(everything.packs) if "draft" in problem.where or "draft" in problem.message]
        or check_packs(PackSet((pack,)))
        or list(_unread(shape, pack, everything, formats))
    )


def _unread(shape: Shape, pack: Pack, packs: PackSet, formats: Mapping[str, SourceFormat]) -> Iterator[Problem]:
    for source, file in dict.fromkeys((line.source, line.file) for line in shape.lines):
        lines = [line.line for line in shape.lines if (line.source, line.file) == (source, file)]
        frame = pl.DataFrame({"line": lines, "position": [*range(len(lines))]}).with_columns(
            pl.lit(None, pl.String).alias("malformed")
        )
        kind = formats[source] if source in formats else SourceFormat(source, SourceKind.AUTO)
        parsed = parse(frame, packs=packs, source=kind.of_file(file), reference=REFERENCE)
        read = parsed.events.filter(pl.col("event.dataset") == pack.id).height if parsed.events.height else 0
        if read < len(lines):
            reason = parsed.unparsed["reason"][0] if parsed.unparsed.height else "another pack reads them"
            hint = "write the pack by hand: docs/packs.md"
            yield Problem("draft", f"a draft leaves {len(lines) - read} of {len(lines)} lines unread: {reason}", hint)


def _messages(shape: Shape) -> Iterator[dict[str, Any]]:
    """Draft a syslog pack: with the prefix that the message gives, then as the last resort of its program."""
    regex, fields, (message, gives) = _expression(shape.text)
    line, own = shape.lines[0].line, shape.messages[0]
    # A header that was taken off in an unusual way may have left other words than the line has: none of them is shown.
    sample = line.replace(own, message) if own in line and own else f"{_HEADER} {shape.program}[1]: {message}"
    pattern = {
        "name": "drafted",
        "pattern": f"^{regex}$",
        "fields": fields,
        "constants": {"event.action": "other"},
        "samples": [{"line": sample, "gives": gives}],
    }
    for prefix in ({}, {"prefix": ""}):
        yield _head(shape) | {"envelope": "syslog", "programs": [shape.program], "patterns": [pattern | prefix]}


def _expression(text: str) -> tuple[str, dict[str, str], tuple[str, dict[str, Any]]]:
    """Give the expression for a shape, the fields of its groups, and a made-up message with what it gives."""
    regex, message, end = "", "", 0
    fields: dict[str, str] = {}
    gives: dict[str, Any] = {}
    for mark in MARK.finditer(text):
        literal = text[end : mark.start()].replace("&lt;", "<")
        regex, message, end = regex + _quoted(literal), message + literal, mark.end()
        group, field = _meaning(mark[1], message)
        value = "lan" if field == "user.name" and mark[1] == "value" else _MADE_UP.get(mark[1], _plain(mark[1]))
        if field and field not in fields.values():
            regex += f"(?P<{group}>{_CLASSES[mark[1]]})"
            fields[group] = field
            gives[field] = int(value) if field == "source.port" else value
        else:
            regex += _CLASSES[mark[1]]
        message += value
    rest = text[end:].replace("&lt;", "<")
    return regex + _quoted(rest), fields, (message + rest, gives)


def _plain(kind: str) -> str:
    return {"time": "2026-03-02", "id": "0a1b2c3d4e5f", "path": "/x", "number": "4711", "secret": "***"}.get(kind, "x")


def _meaning(kind: str, before: str) -> tuple[str, str]:
    """Say which group and field a placeholder is for, by its kind and the words before it; empty for none."""
    if kind == "number" and _PORT.search(before):
        return "port", "source.port"
    if kind == "value" and _USER_KEYS.search(before):
        return "user", "user.name"
    return _FIELDS.get(kind, ("", ""))


def _quoted(literal: str) -> str:
    """Write a text as an expression that matches it, in the syntax of the crate regex."""
    return re.sub(r"([\\.+*?()|\[\]{}^$])", r"\\\1", literal)


def _objects(shape: Shape) -> Iterator[dict[str, Any]]:
    """Draft a JSON pack: known by what says its kind, else by its longest keys."""
    document = msgspec.json.decode(shape.messages[0])
    flat = {key: value for key, value in keys_of(document) if _PATH.fullmatch(key) and value is not None}
    pinned = {key: str(flat[key]) for key in PINNED if f"{key}={flat.get(key)}" in shape.text}
    shared = [key for key in flat if key in shape.text]
    longest = sorted(set(shared) - pinned.keys(), key=lambda key: (-len(key), key))[:3]
    paths = {key: OTHER_NAMES.get(key.lower(), key) for key in shared if isinstance(flat[key], str)}
    fields = ("source.ip", "user.name", "@timestamp", "user_agent.original")
    paths = {key: field for key, field in paths.items() if field in fields}
    sample, gives = _made_up(document, paths, {*pinned, *longest})
    head, _, _ = shape.lines[0].line.partition(shape.messages[0])
    pattern = {
        "name": "drafted",
        "constants": {"event.action": "other"},
        "samples": [{"line": head + json.dumps(sample, ensure_ascii=False), "gives": gives}],
    }
    yield _head(shape) | {
        "envelope": "json",
        "match": pinned | dict.fromkeys(longest, "*"),
        "paths": paths,
        "patterns": [pattern],
    }


def _made_up(document: Any, paths: Mapping[str, str], kept: set[str], prefix: str = "") -> tuple[Any, dict[str, Any]]:
    """Put made-up values into an object in place of texts that may be about people; say what they give."""
    sample: dict[str, Any] = {}
    gives: dict[str, Any] = {}
    for key, value in document.items():
        path, field = prefix + key, paths.get(prefix + key, "")
        if isinstance(value, dict):
            sample[key], inner = _made_up(value, paths, kept, f"{path}.")
            gives |= inner
        elif field in ("source.ip", "user.name") and isinstance(value, str):
            sample[key] = gives[field] = "192.0.2.10" if field == "source.ip" else "lan"
        else:
            is_telling = field == "@timestamp" or path in PINNED
            sample[key] = value if is_telling or not isinstance(value, str | list) else type(value)()
            sample[key] = "x" if sample[key] == "" and path in kept else sample[key]
    return sample, gives


def _head(shape: Shape) -> dict[str, Any]:
    name = re.sub(r"[^a-z0-9]+", "-", (shape.program or shape.sources[0]).lower()).strip("-") or "lines"
    return {"pack": f"{name}-{shape.id.removeprefix('shape-')}", "title": f"{shape.program or name} (draft)"}
