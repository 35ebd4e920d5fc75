"""Passwords that are expected whatever the word list says: repetitions and rows of neighbours.

NIST SP 800-63B-4, section 3.1.1.2 asks to refuse commonly used *and expected* values; a list cannot hold these in
every length.
"""

from __future__ import annotations

from credwatch.policy.spelling import unaccented

_SHORT_UNIT = 4
_ROWS = (
    "1234567890",
    "0123456789",
    "abcdefghijklmnopqrstuvwxyz",
    "qwertyuiopasdfghjklzxcvbnm",
    "qazwsxedcrfvtgbyhnujmikolp",
    "1qaz2wsx3edc4rfv5tgb6yhn7ujm8ik9ol0p",
    "1q2w3e4r5t6y7u8i9o0p",
    "!@#$%^&*()_+",
)


def repeated_unit(text: str) -> str:
    """Return the shortest piece that the whole text repeats, or the text itself where nothing repeats."""
    # A text repeats with period p exactly where it occurs within itself doubled, at offset p.
    return text[: (text + text).find(text, 1)] if text else text


def is_pattern(text: str) -> bool:
    """Tell whether the whole text is a short piece repeated, or a walk along one row, forwards or backwards.

    It is looked at as it was typed, and less its accents and unseen marks; what is little more than
    such marks is one too.
    """
    plain = unaccented(text)
    if len(plain) <= _SHORT_UNIT < len(text) or _repeats(text) or _repeats(plain):
        return True
    return len(plain) > _SHORT_UNIT and any(_walks(plain, row) or _walks(plain, row[::-1]) for row in _ROWS)


def _repeats(text: str) -> bool:
    unit = repeated_unit(text)
    return len(unit) < len(text) and len(unit) <= _SHORT_UNIT


def _walks(text: str, row: str) -> bool:
    return text in row * (len(text) // len(row) + 2)
