"""How hard a password is to guess, by zxcvbn, within a bound of work that no password exceeds.

zxcvbn tries every reading of the digits and signs that may stand for letters, and does so again for each repeated
piece: a text of 70 characters can take it eight seconds. Here its matchers see the first characters only, each letter
may be written in one other way only, and a repeated piece is read once. Whatever is typed, the work is that of a
fixed number of lookups. What lies behind the first characters counts for nothing.
"""

from __future__ import annotations

import re
from typing import Any

from msgspec import Struct

_CHARACTERS = 48
"""How many characters are looked at: the work grows with the square of them and worse."""

_WHOLLY_REPEATED = re.compile(r"(.+?)\1+", re.DOTALL)

Matches = list[dict[str, Any]]
"""zxcvbn's matches: each a dictionary with `pattern`, `token`, `i`, `j` and what belongs to the pattern."""


class Estimate(Struct, frozen=True):
    """How hard a password is to guess, by zxcvbn, from its first 48 characters."""

    score: int
    """0 (too guessable) to 4 (very unguessable)."""
    guesses_log10: float
    """Powers of ten of guesses needed."""


def estimated(text: str, words: tuple[str, ...]) -> Estimate:
    """Estimate how hard a text is to guess for one who knows the given words, which are in small letters."""
    if not text:
        return Estimate(0, 0.0)
    # Loaded when the first password is asked about: it takes 12 MiB.
    from zxcvbn import matching, scoring, time_estimates

    dictionaries = {**matching.RANKED_DICTIONARIES, "user_inputs": matching.build_ranked_dict(words)}
    start = text[:_CHARACTERS]
    sequence = scoring.most_guessable_match_sequence(
        start, [*_matches(start, dictionaries), *_repetitions(start, dictionaries)]
    )
    return Estimate(time_estimates.guesses_to_score(sequence["guesses"]), round(float(sequence["guesses_log10"]), 2))


def _matches(text: str, dictionaries: dict[str, dict[str, int]]) -> Matches:
    """Return what zxcvbn's matchers find, but for repetitions."""
    from zxcvbn import matching

    matches: Matches = [
        *matching.dictionary_match(text, dictionaries),
        *matching.reverse_dictionary_match(text, dictionaries),
        *matching.l33t_match(text, dictionaries, _l33t_table=_one_way_each(text)),
        *matching.spatial_match(text),
        *matching.sequence_match(text),
        *matching.regex_match(text),
        *matching.date_match(text),
    ]
    return matches


def _one_way_each(text: str) -> dict[str, list[str]]:
    """Return for each letter the one sign that may stand for it and occurs most often in the text."""
    from zxcvbn import matching

    usual = {letter: max(signs, key=text.count) for letter, signs in matching.L33T_TABLE.items()}
    return {letter: [sign] for letter, sign in usual.items() if sign in text}


def _repetitions(text: str, dictionaries: dict[str, dict[str, int]]) -> Matches:
    """Return the pieces that are repeated on the spot, each scored without looking for repetitions within it."""
    from zxcvbn import scoring

    repetitions: Matches = []
    for repeated in _WHOLLY_REPEATED.finditer(text):
        unit = repeated.group(1)
        analysis = scoring.most_guessable_match_sequence(unit, _matches(unit, dictionaries))
        repetitions.append(
            {
                "pattern": "repeat",
                "i": repeated.start(),
                "j": repeated.end() - 1,
                "token": repeated.group(),
                "base_token": unit,
                "base_guesses": analysis["guesses"],
                "base_matches": analysis["sequence"],
                "repeat_count": len(repeated.group()) // len(unit),
            }
        )
    return repetitions
