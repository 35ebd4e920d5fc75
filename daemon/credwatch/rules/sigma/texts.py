"""Texts of selections: wildcards and their escapes, placeholders, and the encodings that an attacker hides them in."""

from __future__ import annotations

import itertools
import math
import re
from base64 import b64encode
from collections.abc import Callable, Iterable, Iterator, Sequence

from sigma.types import SigmaString, SpecialChars

from credwatch.kernel.errors import nearest
from credwatch.rules.sigma.modifiers import Modifiers
from credwatch.rules.sigma.scope import Scope

ANY, ONE = SpecialChars.WILDCARD_MULTI, SpecialChars.WILDCARD_SINGLE
"""`*` and `?`."""

Text = tuple[str | SpecialChars, ...]
"""A text with its wildcards; two plain pieces never stand side by side."""

_PLACEHOLDER = re.compile(r"(\\%)|%([^%\\]+)%")
_DASH = re.compile(r"(\B[-/–—―]\b)")
_DASHES = "-/–—―"
_MOST_VARIANTS = 1000
_CODECS = {"utf16le": "utf-16-le", "utf16be": "utf-16-be", "utf16": "utf-16-le"}
_MARK = {"utf16": "\ufeff"}
_CUT_FRONT = (0, 2, 3)
_CUT_BACK = (None, -3, -2)


def read_texts(raw: str, modifiers: Modifiers, scope: Scope) -> list[Text]:
    """Read a value into the texts that it stands for; more than one where modifiers give alternatives.

    Wildcards and escapes are those of the Sigma specification, section "Escaping". Raises RuleError for an unknown
    placeholder, and for what cannot be encoded.
    """
    texts = expanded(parsed(raw), scope) if modifiers.expand else [parsed(raw)]
    for place, name in enumerate(modifiers.encodings):
        to_bytes = modifiers.encodings[place + 1 : place + 2] in (("base64",), ("base64offset",))
        if name in _CODECS and to_bytes:
            continue
        codec = modifiers.encodings[place - 1] if place else ""
        texts = [variant for text in texts for variant in _encoded(text, name, codec, scope)]
        _check_number(len(texts), scope)
    return [_shaped(text, modifiers.shape) for text in texts]


def parsed(raw: str) -> Text:
    """Tell wildcards and escapes apart."""
    return tuple(SigmaString(raw).s)  # type: ignore[arg-type]  # it has placeholders only after insert_placeholders


def expanded(text: Text, scope: Scope) -> list[Text]:
    r"""Put in the values of placeholders, each value an alternative with its own wildcards; `\%` is a plain percent."""
    choices = [choice for part in text for choice in _choices(part, scope)]
    _check_number(math.prod(map(len, choices)), scope)
    return [_joined(itertools.chain.from_iterable(pick)) for pick in itertools.product(*choices)]


def filled(raw: str, quote: Callable[[str], str], scope: Scope) -> list[str]:
    """Put the quoted values of placeholders into a pattern or network, each value an alternative."""
    choices: list[Sequence[str]] = []
    end = 0
    for match in _PLACEHOLDER.finditer(raw):
        values = ("%",) if match[1] else placeholder_values(match[2], scope)
        choices += [(raw[end : match.start()],), [quote(value) for value in values]]
        end = match.end()
    _check_number(math.prod(map(len, choices)), scope)
    return ["".join(pick) + raw[end:] for pick in itertools.product(*choices)]


def placeholder_values(name: str, scope: Scope) -> tuple[str, ...]:
    """Return what the configuration puts in for a placeholder; raises RuleError where it has none."""
    values = scope.placeholders.get(name)
    if not values:
        hint = nearest(name, scope.placeholders) or "name its values in the [placeholders] table of credwatch.toml"
        raise scope.error(f"unknown placeholder %{name}%", hint)
    return values


def _choices(part: str | SpecialChars, scope: Scope) -> Iterator[list[Text]]:
    """Give for each piece of a part the alternatives it stands for."""
    if isinstance(part, SpecialChars):
        yield [(part,)]
        return
    end = 0
    for match in _PLACEHOLDER.finditer(part):
        yield [(part[end : match.start()],)]
        yield [("%",)] if match[1] else [parsed(value) for value in placeholder_values(match[2], scope)]
        end = match.end()
    yield [(part[end:],)]


def _joined(parts: Iterable[str | SpecialChars]) -> Text:
    joined: list[str | SpecialChars] = []
    for part in parts:
        if isinstance(part, str) and joined and isinstance(joined[-1], str):
            joined[-1] += part
        elif part != "":
            joined.append(part)
    return tuple(joined)


def _encoded(text: Text, name: str, codec: str, scope: Scope) -> list[Text]:
    if name == "windash":
        return _dashed(text, scope)
    if name in _CODECS:
        return [_with_nulls(text, name, scope)]
    data = _bytes(text, codec, scope)
    if name == "base64":
        return [(b64encode(data).decode(),)]
    return [(piece,) for piece in _pieces(data, scope)]


def _dashed(text: Text, scope: Scope) -> list[Text]:
    """Write each dash that begins a word as every dash that Windows takes for one."""
    choices: list[Sequence[str | SpecialChars]] = []
    for part in text:
        pieces = [part] if isinstance(part, SpecialChars) else _DASH.split(part)
        choices += [_DASHES if place % 2 else (piece,) for place, piece in enumerate(pieces)]
    _check_number(math.prod(map(len, choices)), scope)
    return [_joined(pick) for pick in itertools.product(*choices)]


def _with_nulls(text: Text, name: str, scope: Scope) -> Text:
    """Write UTF-16 as a log shows it: the letters with a NUL before or behind each."""
    plain = [part for part in text if isinstance(part, str)]
    if not all(part.isascii() for part in plain):
        raise scope.error(f"{name!r} of letters beyond ASCII is no text", "add |base64, |base64offset, or leave it out")
    nulls = (part if isinstance(part, SpecialChars) else part.encode(_CODECS[name]).decode() for part in text)
    return _joined(itertools.chain([_MARK.get(name, "")], nulls))


def _bytes(text: Text, codec: str, scope: Scope) -> bytes:
    if any(isinstance(part, SpecialChars) for part in text):
        raise scope.error("wildcards cannot be encoded", r"write \* and \? for the characters themselves")
    plain = _MARK.get(codec, "") + "".join(map(str, text))
    return plain.encode(_CODECS.get(codec, "utf-8"))


def _pieces(data: bytes, scope: Scope) -> list[str]:
    """Give what of the data is the same at each of the three places it may have in what was encoded."""
    pieces = [
        b64encode(b" " * shift + data).decode()[_CUT_FRONT[shift] : _CUT_BACK[(len(data) + shift) % 3]]
        for shift in range(3)
    ]
    if not all(pieces):
        raise scope.error("'base64offset' of less than two bytes is found everywhere", "write a longer text")
    return pieces


def _shaped(text: Text, shape: str) -> Text:
    before = shape in ("contains", "endswith") and text[:1] != (ANY,)
    behind = shape in ("contains", "startswith") and (text[-1:] != (ANY,))
    if before and behind and not text:
        return (ANY,)
    return (*((ANY,) if before else ()), *text, *((ANY,) if behind else ()))


def _check_number(number: int, scope: Scope) -> None:
    if number > _MOST_VARIANTS:
        raise scope.error(f"one value stands for more than {_MOST_VARIANTS}", "write the texts out, or a pattern")
