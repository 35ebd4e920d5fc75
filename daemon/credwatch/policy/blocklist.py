"""The passwords and words that may not be a password, compared whole."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import cached_property
from itertools import chain
from pathlib import Path

from credwatch.kernel.errors import ConfigurationError
from credwatch.kernel.resources import shipped
from credwatch.policy.pattern import repeated_unit
from credwatch.policy.spelling import folded, unaccented

_LONGEST_LINE = 1024


class Blocklist:
    """A set of whole passwords, without regard to letter case.

    The standard asks to compare the entire password, not parts of it (NIST SP 800-63B-4, section 3.1.1.2).
    """

    def __init__(self, words: Iterable[str], more: Callable[[], Iterable[str]] = tuple) -> None:
        """Take the words, and `more` that are fetched when the first password is asked about."""
        self._first = frozenset(words)
        self._more = more

    @cached_property
    def _words(self) -> frozenset[str]:
        return self._first.union(self._more())

    def __len__(self) -> int:
        return len(self._words)

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
    return Blocklist(chain.from_iterable(lists), _zxcvbn_words)


def _zxcvbn_words() -> Iterable[str]:
    """Give the word lists inside zxcvbn, which take 12 MiB: a daemon whose gate nobody asks does without."""
    from zxcvbn.frequency_lists import FREQUENCY_LISTS

    return chain.from_iterable(FREQUENCY_LISTS.values())


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
