"""The words for kinds of incidents and for short values, by language, from TOML files that operators may extend."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping, Sequence
from pathlib import Path

from msgspec import Struct
from pydantic import RootModel

from credwatch.kernel.errors import ConfigurationError
from credwatch.kernel.options import M, Options, validated


class KindWords(Options):
    """What one kind of incident means, in one language."""

    title: str
    """Names it in a subject line."""
    what: str
    """What happened."""
    known: str
    """What is established."""
    unknown: str
    """What is not."""
    steps: tuple[str, ...]
    """What the reader should do now."""


class BothLanguages(Options):
    """One kind of incident in each language."""

    vi: KindWords
    """Vietnamese."""
    en: KindWords
    """English."""


class _Kinds(RootModel[dict[str, BothLanguages]]):
    pass


class _Words(RootModel[dict[str, dict[str, dict[str, str]]]]):
    pass


class Catalogue(Struct, frozen=True):
    """Looks words up; what it does not know it describes in general terms, or shows as it is."""

    kinds: Mapping[str, BothLanguages]
    """Incident kinds by name; `other` is always there."""
    words: Mapping[tuple[str, str, str], str]
    """Words by (language, group, value)."""

    def kind(self, name: str, language: str) -> KindWords:
        """Describe a kind of incident, in general terms where it is not listed."""
        found = self.kinds.get(name) or self.kinds["other"]
        return found.vi if language == "vi" else found.en

    def word(self, language: str, group: str, value: str) -> str:
        """Say a value in a language, or as it is where no word is listed."""
        return self.words.get((language, group, value), value)


def read_catalogue(folders: Sequence[Path]) -> Catalogue:
    """Read `kinds.toml` and `words.toml` from each folder that has them; the first folder's words win.

    Raises ConfigurationError or ProblemsFound with the file and the key.
    """
    kinds: dict[str, BothLanguages] = {}
    words: dict[tuple[str, str, str], str] = {}
    for folder in reversed(folders):
        kinds |= _read(folder / "kinds.toml", _Kinds, _Kinds({})).root
        words |= _flat(_read(folder / "words.toml", _Words, _Words({})))
    if "other" not in kinds:
        where = str(folders[-1] / "kinds.toml")
        raise ConfigurationError("[other.vi] and [other.en] are missing", where=where, hint="add both")
    return Catalogue(kinds, words)


def _flat(words: _Words) -> dict[tuple[str, str, str], str]:
    return {
        (language, group, value): word
        for language, groups in words.root.items()
        for group, entries in groups.items()
        for value, word in entries.items()
    }


def _read(path: Path, model: type[M], absent: M) -> M:
    try:
        raw = tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return absent
    except (tomllib.TOMLDecodeError, OSError, UnicodeDecodeError) as error:
        hint = "mend or remove the file"
        raise ConfigurationError(f"cannot be read: {error}", where=str(path), hint=hint) from error
    return validated(raw, model, where=str(path))
