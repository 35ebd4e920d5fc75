"""Everyday words, Vietnamese names and telephone numbers: what long passwords are made of that guessers know.

A password of fifteen characters is often a sentence of everyday words, or a name with the number of a telephone. Such
pieces cost less than their letters and their places in a list of words say.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache

from credwatch.kernel.resources import shipped

_WORD, _SYLLABLE, _SHORT = 15, 17, 7
_NAME, _GIVEN_NAME, _LONGEST_NAME = 32, 22, 24
_TELEPHONE = 56
_TELEPHONES = re.compile(r"(?:\+?84|0)(?:3[2-9]|5[25689]|7[06-9]|8[1-9]|9\d)\d{7}")
"""Mobile numbers of Vietnam, by the prefixes of its operators: some 10^8, of which a person's friends know it."""


@cache
def everyday() -> dict[str, int]:
    """Return the price of each everyday word, in tenths of powers of ten; several cost nothing beyond their sum."""
    prices = dict.fromkeys(_words("vietnamese"), _SYLLABLE)
    prices |= dict.fromkeys(_words("english"), _WORD)
    return {word: price + _SHORT * max(0, 3 - len(word)) for word, price in prices.items() if len(word) > 1}


@cache
def longest() -> int:
    """Return how many letters the longest everyday word has."""
    return max(map(len, everyday()))


def pieces(text: str, start: int) -> Iterator[tuple[int, int]]:
    """Give where pieces that begin at `start` end, and the price of each; `text` is unaccented."""
    words = everyday()
    for end in range(start + 1, min(start + longest(), len(text)) + 1):
        if price := words.get(text[start:end]):
            yield end, price
    for end in _name_ends(text, start):
        yield end, _NAME
    if alone := _alone().match(text, start):
        yield alone.end(), _GIVEN_NAME
    if telephone := _TELEPHONES.match(text, start):
        yield telephone.end(), _TELEPHONE


def _name_ends(text: str, start: int) -> Iterator[int]:
    """Give where full names end: family, middle and given name, or the given name first as in addresses."""
    for name in _names():
        if match := name.match(text, start, start + _LONGEST_NAME):
            yield match.end()


@cache
def _names() -> tuple[re.Pattern[str], ...]:
    parts = _parts()
    family, middle, last = (f"(?:{'|'.join(sorted(parts[kind], key=len, reverse=True))})" for kind in parts)
    return tuple(
        re.compile(form)
        for form in (
            f"{family}[ ._-]?(?:{middle}[ ._-]?){{0,2}}{last}",
            f"{family}[ ._-]?{last}",
            f"{middle}[ ._-]?{last}",
            f"{last}[ ._-]?{family}",
        )
    )


@cache
def _alone() -> re.Pattern[str]:
    return re.compile("|".join(sorted((name for name in _parts()["given"] if len(name) > 2), key=len, reverse=True)))


@cache
def _parts() -> dict[str, tuple[str, ...]]:
    parts: dict[str, tuple[str, ...]] = {"family": (), "middle": (), "given": ()}
    for line in _lines("names"):
        kind, _, names = line.partition(": ")
        parts[kind] = tuple(dict.fromkeys((*parts[kind], *names.split())))
    return parts


def _words(name: str) -> list[str]:
    return [word for line in _lines(name) for word in line.split()]


def _lines(name: str) -> list[str]:
    path = shipped("config") / "blocklists" / "pieces" / f"{name}.txt"
    return [line for line in path.read_text(encoding="utf-8").splitlines() if line and not line.startswith("#")]
