"""Tells passwords that are a known word in disguise: with digits, dates, signs or keyboard rows around it, doubled,
reversed, spaced out, or written with digits for letters.

The standard compares whole passwords with a list and names derivatives of known words beside them (NIST SP 800-63B-4,
section 3.1.1.2). A list cannot hold all derivatives, so a password is explained by known pieces, each at the price of
guessing it, and refused where the cheapest explanation of *the whole* is cheap. A passphrase of several words, or a
random text that happens to hold a word, has no cheap explanation.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping

from msgspec import Struct
from msgspec.structs import replace

from credwatch.policy.keystrokes import from_telex, from_vni
from credwatch.policy.pattern import repeated_unit
from credwatch.policy.pieces import pieces
from credwatch.policy.spelling import canonical, unaccented
from credwatch.policy.walks import date_ends, walks

# Prices are tenths of powers of ten of guesses.
_REFUSED_BELOW, _SHORT_REFUSED_BELOW = 110, 80
_SHORT = 15
"""What is shorter stands beside a second factor, which bounds the guesses, or is refused for its length."""
_LEAST_SAVED = 0.55
"""An explanation that costs more than this part of the plain price explains nothing: short random texts stay."""
OWN, LISTED, MOST = 10, 20, 36
_LEAST, _LEAST_ELSEWHERE = 18, 30
_FURTHER_WORD = 18
_SAME_WORD = 5
_YEAR, _DATE = 18, 32
_DIGIT, _SEPARATOR, _SIGN, _LETTER = 8, 6, 12, 15
_STRAY = 26
"""A letter of no word, in a reading that takes keys for accents: such a reading makes sense for words alone."""
_SEPARATORS = frozenset(" ._-@!#*?,/+")

_LONGEST = 128
"""What is longer and does not repeat itself has no cheap explanation."""
_LOOKED_AT = 1024
_SHORTEST_WORD, _LONGEST_WORD = 3, 40
_AGAIN = re.compile(r"(.{3,24}?)\1+|(.{1,2}?)\2{2,}", re.DOTALL)
_TWICE = re.compile(r"(.)\1", re.DOTALL)
_LETTERS = re.compile(r"[^\W\d_]+")
_TAKEN_OUT = str.maketrans("", "", "".join(sorted(_SEPARATORS)))


class Vocabulary(Struct, frozen=True):
    """What a guesser tries first: words in their canonical spelling, without separators, with their prices."""

    common: Mapping[str, int]
    """Words that many people choose."""
    own: Mapping[str, int] = {}
    """Words of the person, the company and the service."""
    has_pieces: bool = True
    """Whether everyday words, names and telephone numbers count: what long passwords are made of."""

    def price(self, word: str) -> int | None:
        """Return a word's price, or None where it is no word."""
        return self.own.get(word) or self.common.get(word)


class _Path(Struct, frozen=True):
    """The cheapest explanation of the first characters."""

    price: int
    words: frozenset[str] = frozenset()


def price_of_rank(rank: int, *, passwords: bool) -> int:
    """Return the price of a word by its place, counted from 1, in a list of passwords or in one of other words."""
    least, extra = (_LEAST, 3) if passwords else (_LEAST_ELSEWHERE, 8)
    return min(MOST, max(least, round(10 * math.log10(rank)) + extra))


def is_derived(text: str, vocabulary: Vocabulary) -> bool:
    """Tell whether a text is a disguise of known words."""
    plain = unaccented(text)
    is_short = len(text) < _SHORT
    vocabulary = replace(vocabulary, has_pieces=not is_short)
    most = _SHORT_REFUSED_BELOW if is_short else _REFUSED_BELOW
    limit = min(most, _LEAST_SAVED * sum(map(_mark_price, plain)))
    taken_out = _SEPARATOR * len(_SEPARATORS.intersection(plain))
    return (
        _explained(_without_repetition(plain[:_LOOKED_AT]), vocabulary) < limit
        or any(_explained(form, vocabulary) + taken_out < limit for form in _joined_forms(plain))
        or any(_explained(form, vocabulary, _STRAY) + taken_out < limit for form in _typed_forms(plain))
    )


def _typed_forms(plain: str) -> set[str]:
    """Return the readings of an unaccented text as keys of Telex and of VNI, less its separators."""
    plain = _without_repetition(plain[:_LOOKED_AT])
    return {form for form in (_joined(from_telex(plain)), _joined(from_vni(plain))) if form != _joined(plain)}


def _joined_forms(plain: str) -> set[str]:
    """Return the readings of an unaccented text less its separators: plain, halved, backwards."""
    plain = _without_repetition(plain[:_LOOKED_AT])
    joined = _joined(plain)
    halved = _without_repetition(_TWICE.sub(r"\1", joined))
    backwards = _LETTERS.sub(lambda letters: letters.group()[::-1], joined)
    return {joined, halved, backwards, joined[::-1]}


def _joined(text: str) -> str:
    return _without_repetition(text.translate(_TAKEN_OUT))


def _without_repetition(text: str) -> str:
    return _AGAIN.sub(lambda again: again.group(1) or again.group(2), repeated_unit(text))


def _explained(text: str, vocabulary: Vocabulary, letter: int = _LETTER) -> int:
    """Return the price of the cheapest explanation of a whole text; `letter` is that of a letter of no word."""
    if not 0 < len(text) <= _LONGEST:
        return _REFUSED_BELOW
    spelled = canonical(text)
    paths: list[_Path | None] = [_Path(0)] + [None] * len(text)
    for start in range(len(text)):
        path = paths[start]
        if path is None or path.price >= _REFUSED_BELOW:
            continue
        for end, further in _continued(text, spelled, start, path, vocabulary, letter):
            before = paths[end]
            if before is None or further.price < before.price:
                paths[end] = further
    last = paths[-1]
    return last.price if last else _REFUSED_BELOW


def _continued(
    text: str, spelled: str, start: int, path: _Path, vocabulary: Vocabulary, letter: int
) -> Iterator[tuple[int, _Path]]:
    """Give each piece that may follow: where it ends, and the explanation with it."""
    yield start + 1, _Path(path.price + _mark_price(text[start], letter), path.words)
    for end, price in walks(text, start):
        yield end, _Path(path.price + price, path.words)
    for end, price in pieces(text, start) if vocabulary.has_pieces else ():
        yield end, _Path(path.price + price, path.words)
    for end in date_ends(text, start):
        yield end, _Path(path.price + (_YEAR if end - start == 4 else _DATE), path.words)
    for end in range(start + _SHORTEST_WORD, min(start + _LONGEST_WORD, len(text)) + 1):
        word = spelled[start:end]
        word_price = vocabulary.price(word)
        if word_price is not None and _mostly_letters(text[start:end]):
            yield end, _with_word(path, word, word_price)


def _with_word(path: _Path, word: str, price: int) -> _Path:
    if word in path.words:
        return _Path(path.price + _SAME_WORD, path.words)
    extra = _FURTHER_WORD if path.words else 0
    return _Path(path.price + price + extra, path.words | {word})


def _mostly_letters(piece: str) -> bool:
    return 2 * sum(map(str.isalpha, piece)) >= len(piece)


def _mark_price(mark: str, letter: int = _LETTER) -> int:
    if mark.isdecimal():
        return _DIGIT
    if mark.isalpha():
        return letter
    return _SEPARATOR if mark in _SEPARATORS else _SIGN
