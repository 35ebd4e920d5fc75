"""Says what is wrong with an application's event: which key or value, and which known one is nearest.

It is for who writes events, one line at a time; the daemon counts what it cannot read by reason alone.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from typing import Any

import msgspec

from credwatch.kernel.errors import nearest
from credwatch.kernel.fields import BY_NAME, FieldType
from credwatch.kernel.json_path import read_path
from credwatch.kernel.pack import Pack, PackSet, Pattern

OWN_PACK = "credwatch-app"
"""The pack of our own schema, whose keys are all known: a key beyond them is a mistake."""
_FREE = ("labels", "tags", "ecs", "trace", "transaction", "log")
"""Keys of ECS under which an application may write what it likes."""
OTHER_NAMES = {
    **dict.fromkeys(("source.address", "client.ip", "client.address", "remote_addr", "src_ip", "ip"), "source.ip"),
    **dict.fromkeys(("username", "user.username", "user.login", "login", "account", "user"), "user.name"),
    **dict.fromkeys(("action", "event.type", "event.name", "type"), "event.action"),
    **dict.fromkeys(("outcome", "result", "status", "event.result", "event.status"), "event.outcome"),
    **dict.fromkeys(("reason", "event.cause"), "event.reason"),
    **dict.fromkeys(("timestamp", "time", "date", "ts", "event.created", "@time"), "@timestamp"),
    **dict.fromkeys(("organization", "organization.name", "customer", "customer.id", "tenant"), "organization.id"),
    **dict.fromkeys(("user_agent", "useragent", "user_agent.name"), "user_agent.original"),
    **dict.fromkeys(("target", "target.name", "user.target"), "user.target.name"),
}
"""What others call our keys."""
_DEEPEST = 8
_LONGEST = 40


def advice_on(line: str, packs: PackSet) -> tuple[str, ...]:
    """Say what is wrong with an event of our schema, as a line or behind an envelope; nothing of lines without one."""
    text = line[line.find("{") :] if "{" in line else ""
    if not text or (text != line.lstrip() and "credwatch-app" not in text):
        return ()
    try:
        document = msgspec.json.decode(text)
    except (msgspec.DecodeError, RecursionError, UnicodeError) as error:
        return (f"no JSON: {str(error).partition(': ')[2] or error}",)
    flat = dict(keys_of(document))
    pack = next((pack for pack in packs.packs if pack.id == OWN_PACK), None)
    if pack is None or flat.keys().isdisjoint(pack.every_path()):
        return ()
    return tuple(_on_the_schema(flat, pack)) or (
        *_on_keys(flat, pack),
        *_on_values(flat, pack),
        *_on_the_moment(flat, pack),
        *_on_patterns(flat, pack),
    )


def keys_of(document: Any, prefix: str = "", depth: int = 0) -> Iterator[tuple[str, Any]]:
    """Give the keys of an object, joined by dots, with what stands there."""
    for key, value in document.items() if isinstance(document, dict) else ():
        if isinstance(value, dict) and value and depth < _DEEPEST:
            yield from keys_of(value, f"{prefix}{key}.", depth + 1)
        else:
            yield f"{prefix}{key}", value


def _on_the_schema(flat: Mapping[str, Any], pack: Pack) -> Iterator[str]:
    """Say what would make an object one of ours; nothing where it is one."""
    for path, texts in ((path, texts) for way in pack.match for path, texts in way.items()):
        if path in flat and flat[path] not in texts:
            yield f"{path}: {_shown(flat[path])} is not {texts[0]!r}"
        elif path not in flat:
            yield f"{path}: is missing, and must be {texts[0]!r}{_nearest_of(path, _unknown(flat, pack.paths or {}))}"


def _on_keys(flat: Mapping[str, Any], pack: Pack) -> Iterator[str]:
    keys = {*(pack.paths or {}), *(path for way in pack.match for path in way)}
    for key, value in flat.items():
        if key in keys or key.partition(".")[0] in _FREE:
            continue
        inner = sorted(name for name in keys if name.startswith(f"{key}."))
        if inner:
            yield f"{key}: is {_kind(value)}, and must be an object with {', '.join(inner[:3])}"
        else:
            yield f"{key}: is no key of this schema{_behind(_nearest_key(key, keys))}"


def _nearest_key(key: str, keys: Iterable[str]) -> str:
    """Say which key was meant, by its own name or by what others call it."""
    names = {**OTHER_NAMES, **{name: name for name in keys}}
    close = difflib.get_close_matches(key.lower(), names, n=1, cutoff=0.6)
    return f"did you mean {names[close[0]]!r}?" if close else ""


def _on_values(flat: Mapping[str, Any], pack: Pack) -> Iterator[str]:
    for path, name in (pack.paths or {}).items():
        kind, value = BY_NAME[name].type, flat.get(path)
        if value is not None and not any(step.picks for step in read_path(path).steps) and not _fits(value, kind):
            yield f"{path}: is {_kind(value)}, and must be {_WANTED[kind]}"


def _on_the_moment(flat: Mapping[str, Any], pack: Pack) -> Iterator[str]:
    for path in (path for path, name in (pack.paths or {}).items() if name == "@timestamp"):
        value = flat.get(path)
        if value is None:
            yield f"{path}: is missing{_nearest_of(path, _unknown(flat, pack.paths or {}))}"
        elif isinstance(value, str) and not _is_moment(value):
            yield f"{path}: is no moment such as 2026-03-02T08:15:30+07:00"


def _is_moment(text: str) -> bool:
    try:
        datetime.fromisoformat(text)
    except ValueError:
        return False
    return True


def _fits(value: Any, kind: FieldType) -> bool:
    match kind:
        case FieldType.BOOLEAN:
            return isinstance(value, bool)
        case FieldType.INTEGER | FieldType.NUMBER:
            return isinstance(value, int | float) and not isinstance(value, bool)
        case _:
            return isinstance(value, str)


_WANTED: Mapping[FieldType, str] = {
    FieldType.STRING: "a text",
    FieldType.TIMESTAMP: "a moment such as 2026-03-02T08:15:30+07:00",
    FieldType.INTEGER: "a whole number",
    FieldType.NUMBER: "a number",
    FieldType.BOOLEAN: "true or false",
}


def _on_patterns(flat: Mapping[str, Any], pack: Pack) -> Iterator[str]:
    """Say which value no pattern takes, or which key the pattern that takes the object requires."""
    paths = {name: path for path, name in (pack.paths or {}).items()}
    values = {name: flat.get(path) for name, path in paths.items()}
    candidates = pack.patterns
    for name in dict.fromkeys(name for pattern in pack.patterns for name in pattern.when or {}):
        fitting = tuple(pattern for pattern in candidates if _takes(pattern, name, values.get(name)))
        if not fitting:
            words = {str(word) for pattern in candidates for word in (pattern.when or {}).get(name, ())}
            yield _on_word(paths.get(name, name), values.get(name), words)
            return
        candidates = fitting
    for name in candidates[0].requires if candidates else ():
        if values.get(name) is None:
            yield f"{paths.get(name, name)}: is missing{_nearest_of(name, _unknown(flat, paths.values()))}"


def _takes(pattern: Pattern, name: str, value: Any) -> bool:
    words = (pattern.when or {}).get(name)
    return words is None or value in words


def _on_word(path: str, value: Any, words: set[str]) -> str:
    if value is None:
        return f"{path}: is missing; one of {', '.join(sorted(words)[:6])}"
    hint = nearest(str(value), words) or f"one of {', '.join(sorted(words)[:6])}"
    return f"{path}: {_shown(value)} is not known{_behind(hint)}"


def _unknown(flat: Mapping[str, Any], names: Iterable[str]) -> list[str]:
    return [key for key in flat if key not in set(names)]


def _nearest_of(name: str, keys: Iterable[str]) -> str:
    """Say which of the keys that were written may have been meant to be the one that is missing."""
    keys = list(keys)
    called = next((key for key in keys if OTHER_NAMES.get(key.lower()) == name), "")
    close = [called] if called else difflib.get_close_matches(name, keys, n=1, cutoff=0.6)
    return f"; is it {close[0]!r} in the event?" if close else ""


def _behind(hint: str) -> str:
    return f"; {hint}" if hint else ""


def _shown(value: Any) -> str:
    """Show a word that says what kind of event it is; anything longer may be something else."""
    text = value if isinstance(value, str) else _kind(value)
    return repr(text) if len(text) <= _LONGEST else f"{text[:_LONGEST]!r}…"


def _kind(value: Any) -> str:
    match value:
        case bool():
            return "true or false"
        case str():
            return "a text"
        case int() | float():
            return "a number"
        case list():
            return "a list"
        case _:
            return "an object"
