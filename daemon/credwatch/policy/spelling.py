"""How one password can be spelled: the forms in which it is compared with known words.

These forms serve comparison only; a password itself is counted and hashed in NFC and never folded.
"""

from __future__ import annotations

import unicodedata

_CANONICAL = str.maketrans(
    {
        **dict.fromkeys("l1!|", "i"),
        **dict.fromkeys("5$", "s"),
        **dict.fromkeys("4@", "a"),
        **dict.fromkeys("69", "g"),
        **dict.fromkeys("7+", "t"),
        "0": "o",
        "2": "z",
        "3": "e",
        "8": "b",
    }
)
"""One letter for all marks that may stand for one another; `1` may be an i or an l, so these two are one."""

_ALIKE = str.maketrans(
    "авеһіјкмноԛрсѕтуԝхԁӏαβεζηικμνορτυχđøłıɑɡ",
    "abehijkmhoqpcstywxdlabezhikmvoptyxdoliag",
)
"""Cyrillic, Greek and other letters that look like a plain one in one of their cases; a selection of UTS 39's table."""

_NO_SEPARATORS = str.maketrans("", "", " ._-")

_LONGEST_COVERED = 128


def folded(text: str) -> str:
    """Fold letter case and the forms of one letter, such as full width, in NFKC (Unicode standard, annex 15)."""
    return unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", text).casefold())


def unaccented(text: str) -> str:
    """Fold letter case, forms and letters that look alike, and take off accents and unseen marks.

    `Mật khẩu Đỏ` becomes `mat khau do`.
    """
    spread = unicodedata.normalize("NFKD", folded(text)).translate(_ALIKE)
    return "".join(mark for mark in spread if not (unicodedata.combining(mark) or unicodedata.category(mark) == "Cf"))


def canonical(text: str) -> str:
    """Write each digit and sign that may stand for a letter as that letter; `text` is unaccented, its length stays."""
    return text.translate(_CANONICAL)


def made_of(text: str, words: tuple[str, ...]) -> bool:
    """Tell whether all letters of a text belong to the given words, as it is or less its separators.

    The words may be repeated, joined in any order, written with digits or signs for letters, and have digits and
    signs before, between and behind them; at least one word must occur. Text and words are unaccented. Of a longer text
    the first 128 characters decide, so that the work is bounded by 128 times the number of words.
    """
    return _covered(text, words) or _covered(text.translate(_NO_SEPARATORS), words)


def _covered(text: str, words: tuple[str, ...]) -> bool:
    cut, text = len(text) > _LONGEST_COVERED, text[:_LONGEST_COVERED]
    spelled, canonical_words = canonical(text), [canonical(word) for word in words]
    plain = [False] * (len(text) + 1)
    named = [False] * (len(text) + 1)
    plain[0] = True
    for start, mark in enumerate(text):
        if not (plain[start] or named[start]):
            continue
        if not mark.isalpha():
            plain[start + 1] |= plain[start]
            named[start + 1] |= named[start]
        for word in canonical_words:
            if spelled.startswith(word, start):
                named[start + len(word)] = True
    # A cut may go through a word: then it is enough that a word ends near it.
    return any(named[-_LONGEST_COVERED // 2 :]) if cut else named[-1]
