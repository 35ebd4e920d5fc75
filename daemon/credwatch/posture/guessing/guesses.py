"""What a guesser says first: the account's own words with what people put behind them, and the usual passwords."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import chain, zip_longest

_ENDINGS = (
    *("", "123", "1", "@123", "12", "1234", "12345", "123456", "!", "1!", "123!", "@1", "@12", "@1234", "#123"),
    *("01", "111", "789", "88", "99", "2", "..", "*", "@"),
)
_MOST_WORDS = 16


def guesses(words: Iterable[str], usual: Iterable[str], year: int) -> Iterator[str]:
    """Give guesses, each once, the likelier first: one of the own words, one of the usual, and so on.

    `words` are those of `PasswordContext.words`, `usual` passwords the commonest first.
    """
    said = set[str]()
    for guess in chain.from_iterable(zip_longest(_of_words(tuple(words)[:_MOST_WORDS], year), usual)):
        if guess and guess not in said:
            said.add(guess)
            yield guess


def _of_words(words: tuple[str, ...], year: int) -> Iterator[str]:
    """Give each word with each ending, as it is and with a capital, before the next ending; then each word twice."""
    for ending in (*_ENDINGS[:4], *_years(year), *_ENDINGS[4:]):
        for word in words:
            yield word + ending
            yield word.capitalize() + ending
    for word in words:
        yield word * 2
        yield word[::-1]


def _years(year: int) -> Iterator[str]:
    for one in (year, year - 1, year - 2):
        yield from (str(one), f"@{one}", str(one)[2:])
