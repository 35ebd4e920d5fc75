"""The passwords and words that may not be a password, compared whole."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import cached_property
from itertools import chain
from pathlib import Path

from credwatch.kernel.errors import ConfigurationError
from credwatch.kernel.resources import shipped
from credwatch.policy.derivation import LISTED, MOST, price_of_rank
from credwatch.policy.pattern import repeated_unit
from credwatch.policy.spelling import canonical, folded, unaccented

_LONGEST_LINE = 1024
_SHORTEST_RANKED = 4
_BETWEEN = re.compile(r"[\W_]+")


class Blocklist:
    """A set of whole passwords, without regard to letter case.

    The standard asks to compare the entire password, not parts of it (NIST SP 800-63B-4, section 3.1.1.2).
    """

    def __init__(self, words: Iterable[str], ranked: Callable[[], Mapping[str, Sequence[str]]] = dict) -> None:
        """Take the words, and lists by name, the usual first, that are fetched for the first password."""
        self._first = frozenset(words)
        self._ranked = ranked

    @cached_property
    def _words(self) -> frozenset[str]:
        return self._first.union(*self._ranked().values())

    @cached_property
    def prices(self) -> Mapping[str, int]:
        """Return what it costs to guess a word of which a password may be derived, by its canonical spelling."""
        prices: dict[str, int] = {}
        for name, words in self._ranked().items():
            for rank, word in enumerate(words, 1):
                if len(word) >= _SHORTEST_RANKED and word.isalpha():
                    key = canonical(word)
                    prices[key] = min(price_of_rank(rank, passwords=name == "passwords"), prices.get(key, MOST))
        listed = (canonical(_BETWEEN.sub("", unaccented(word))) for word in self._first)
        return prices | dict.fromkeys(listed, LISTED)

    def __len__(self) -> int:
        return len(self._words)

    def usual(self) -> Iterator[str]:
        """Give passwords as a guesser tries them: the usual first, and then what else is listed."""
        yield from self._ranked().get("passwords", ())
        yield from sorted(self._first)

    def holds(self, password: str) -> bool:
        """Tell whether the password is listed: as it is, without accents, without spaces, or as a repetition."""
        forms = {folded(password), unaccented(password)}
        forms |= {form.replace(" ", "") for form in forms}
        forms |= {repeated_unit(form) for form in forms}
        return not self._words.isdisjoint(forms)


def load_blocklist(files: Iterable[Path] = ()) -> Blocklist:
    """Read the shipped lists, the word lists inside zxcvbn, and the operator's own files.

    A file holds one password per line in UTF-8; lines that begin with `#` are remarks. Raises ConfigurationError
    with the file, and the line where one is at fault.
    """
    own = sorted((shipped("config") / "blocklists").glob("*.txt"))
    lists = [_words(path) for path in (*own, *files)]
    return Blocklist(chain.from_iterable(lists), _zxcvbn_lists)


def _zxcvbn_lists() -> Mapping[str, Sequence[str]]:
    """Give the word lists inside zxcvbn, which take 12 MiB: a daemon whose gate nobody asks does without."""
    from zxcvbn.frequency_lists import FREQUENCY_LISTS

    lists: Mapping[str, Sequence[str]] = FREQUENCY_LISTS
    return lists


def _words(path: Path) -> list[str]:
    try:
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        raise ConfigurationError(
            f"the blocklist cannot be read: {error.strerror}", where=str(path), hint="check its path and permissions"
        ) from error
    except UnicodeDecodeError as error:
        raise ConfigurationError(
            "the blocklist is not UTF-8", where=f"{path}: byte {error.start}", hint="save the file as UTF-8"
        ) from error
    words = []
    for number, line in enumerate(text.splitlines(), 1):
        if len(line) > _LONGEST_LINE:
            raise ConfigurationError(
                f"expected one password of at most {_LONGEST_LINE} characters, found {len(line)}",
                where=f"{path}:{number}",
                hint="put each password on a line of its own",
            )
        if line.strip() and not line.startswith("#"):
            words.append(folded(line.strip()))
    return words
