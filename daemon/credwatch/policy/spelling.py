"""How one password can be spelled: the forms in which it is compared with known words.

These forms serve comparison only; a password itself is counted and hashed in NFC and never folded.
"""

from __future__ import annotations

import unicodedata

_LEET: dict[str, str] = {
    "0": "o",
    "1": "il",
    "2": "z",
    "3": "e",
    "4": "a",
    "5": "s",
    "6": "g",
    "7": "t",
    "8": "b",
    "9": "g",
    "@": "a",
    "$": "s",
    "!": "i",
    "|": "il",
    "+": "t",
}
"""Which letters a digit or sign may stand for."""

_NO_SEPARATORS = str.maketrans("", "", " ._-")


def folded(text: str) -> str:
    """Fold letter case, in NFC."""
    return unicodedata.normalize("NFC", unicodedata.normalize("NFC", text).casefold())


def unaccented(text: str) -> str:
    """Fold letter case and take the accents off, as Vietnamese is often typed: `Mật khẩu Đỏ` → `mat khau do`."""
    spread = unicodedata.normalize("NFD", text.casefold().replace("đ", "d"))
    return "".join(mark for mark in spread if not unicodedata.combining(mark))


def made_of(text: str, words: tuple[str, ...]) -> bool:
    """Tell whether all letters of a text belong to the given words, as it is or less its separators.

    The words may be repeated, joined in any order, written with digits or signs for letters, and have digits and
    signs before, between and behind them; at least one word must occur. Text and words are unaccented; the work is
    bounded by the length of the text times that of all words.
    """
    return _covered(text, words) or _covered(text.translate(_NO_SEPARATORS), words)


def _covered(text: str, words: tuple[str, ...]) -> bool:
    plain = [False] * (len(text) + 1)
    named = [False] * (len(text) + 1)
    plain[0] = True
    for start, mark in enumerate(text):
        if not (plain[start] or named[start]):
            continue
        if not mark.isalpha():
            plain[start + 1] |= plain[start]
            named[start + 1] |= named[start]
        for word in words:
            if _spells(text, start, word):
                named[start + len(word)] = True
    return named[len(text)]


def _spells(text: str, start: int, word: str) -> bool:
    if start + len(word) > len(text):
        return False
    return all(
        mark == letter or letter in _LEET.get(mark, "")
        for mark, letter in zip(text[start : start + len(word)], word, strict=True)
    )
