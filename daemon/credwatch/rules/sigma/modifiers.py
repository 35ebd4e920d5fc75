"""The modifiers behind a field name: which there are, and which of them mean something together."""

from __future__ import annotations

from collections.abc import Sequence

from msgspec import Struct

from credwatch.kernel.errors import nearest
from credwatch.rules.model import Operator
from credwatch.rules.sigma.scope import Scope

TIME_PARTS = {
    "minute": (0, 59),
    "hour": (0, 23),
    "day": (1, 31),
    "week": (1, 53),
    "month": (1, 12),
    "year": (1, 9999),
}
"""The parts of a moment, and between which numbers each lies."""

COMPARISONS = {
    "lt": Operator.LESS,
    "lte": Operator.LESS_EQUAL,
    "gt": Operator.GREATER,
    "gte": Operator.GREATER_EQUAL,
}
"""The comparisons of numbers."""

_SHAPES = ("contains", "startswith", "endswith")
_UTF16 = {"wide": "utf16le", "utf16le": "utf16le", "utf16be": "utf16be", "utf16": "utf16"}
_ENCODINGS = ("windash", *_UTF16, "base64", "base64offset")
_FLAGS = {"i": "i", "ignorecase": "i", "m": "m", "multiline": "m", "s": "s", "dotall": "s"}
_KINDS = ("re", "cidr", "exists", "fieldref", *COMPARISONS, *TIME_PARTS)
_LINKS = ("all", "neq")

KNOWN = frozenset((*_SHAPES, *_ENCODINGS, *_FLAGS, *_KINDS, *_LINKS, "cased", "expand"))
"""Every modifier."""

_ALONG: dict[str, frozenset[str]] = {
    "": frozenset((*_SHAPES, *_ENCODINGS, *_LINKS, "cased", "expand")),
    "re": frozenset((*_SHAPES, *_FLAGS, *_LINKS, "expand")),
    "cidr": frozenset((*_LINKS, "expand")),
    "exists": frozenset(),
    "fieldref": frozenset((*_SHAPES, *_LINKS, "cased")),
    **dict.fromkeys(COMPARISONS, frozenset((*_LINKS, *TIME_PARTS))),
    **dict.fromkeys(TIME_PARTS, frozenset((*_LINKS, *COMPARISONS))),
}
"""What may stand beside each kind of test; the empty one is a text, number or truth as it is."""


class Modifiers(Struct, frozen=True):
    """What the modifiers of one key say."""

    kind: str = ""
    """re, cidr, exists, fieldref, a comparison, or nothing."""
    part: str = ""
    """The part of a moment that is looked at."""
    shape: str = ""
    """contains, startswith, endswith, or nothing: the whole value."""
    encodings: tuple[str, ...] = ()
    """windash, utf16le, utf16be, utf16, base64, base64offset, in the order they apply."""
    flags: str = ""
    """The flags of a regular expression."""
    cased: bool = False
    """True where case matters."""
    expand: bool = False
    """True where `%name%` is a placeholder."""
    every: bool = False
    """True where every value of a list must match."""
    negated: bool = False
    """True where the value must differ."""


def read_modifiers(names: Sequence[str], scope: Scope) -> Modifiers:
    """Read the modifiers of a key; raises RuleError for unknown ones and for those that mean nothing together."""
    for name in names:
        if name not in KNOWN:
            hint = nearest(name, KNOWN) or f"known modifiers: {', '.join(sorted(KNOWN))}"
            raise scope.error(f"unknown modifier {name!r}", hint)
        if names.count(name) > 1:
            raise scope.error(f"the modifier {name!r} stands twice", "take one of them out")
    kinds = [name for name in names if name in _KINDS]
    _check_company(names, kinds[0] if kinds else "", scope)
    _check_shapes(names, scope)
    return Modifiers(
        kind=next((name for name in kinds if name not in TIME_PARTS), ""),
        part=next((name for name in kinds if name in TIME_PARTS), ""),
        shape=next((name for name in names if name in _SHAPES), ""),
        encodings=tuple(_UTF16.get(name, name) for name in names if name in _ENCODINGS),
        flags="".join(sorted({_FLAGS[name] for name in names if name in _FLAGS})),
        cased="cased" in names,
        expand="expand" in names,
        every="all" in names,
        negated="neq" in names,
    )


def _check_company(names: Sequence[str], kind: str, scope: Scope) -> None:
    others = [name for name in names if name != kind and name not in _ALONG[kind]]
    extra = [name for name in names if name in TIME_PARTS][1:] + [name for name in names if name in COMPARISONS][1:]
    if kind and (others or extra):
        allowed = ", ".join(sorted(_ALONG[kind])) or "nothing"
        other = (others or extra)[0]
        raise scope.error(f"the modifiers {kind!r} and {other!r} mean nothing together", f"{kind} goes with {allowed}")
    if others:
        raise scope.error(f"the modifier {others[0]!r} means nothing without 're'", "add |re before it")


def _check_shapes(names: Sequence[str], scope: Scope) -> None:
    shapes = [name for name in names if name in _SHAPES]
    if len(shapes) > 1:
        raise scope.error(f"the modifiers {' and '.join(map(repr, shapes))} mean nothing together", "take one of them")
    if "base64offset" in names and not shapes:
        raise scope.error("'base64offset' gives pieces that no value is as a whole", "add |contains")
