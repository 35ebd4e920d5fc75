"""The words for kinds of incidents and for short values, by language, from TOML files that operators may extend."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from msgspec import Struct
from pydantic import RootModel, field_validator

from credwatch.kernel.errors import ConfigurationError
from credwatch.kernel.options import M, Options, validated

_BETWEEN_SENTENCES = re.compile(r"(?<=[.!?])\s+")


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


class RuleWords(Options):
    """What one rule found, in one language: true whenever it fires."""

    what: str
    """What happened."""
    known: str = ""
    """What is established; the kind's sentence where it is empty."""
    title: str = ""
    """Names it in a subject line; the kind's title where it is empty."""
    counted: str = ""
    """What it counted, with `{count}` for the number; empty where it counts nothing that a reader asks for."""

    @field_validator("counted")
    @classmethod
    def _has_the_number(cls, words: str) -> str:
        if words and (words.count("{count}") != 1 or "{" in words.replace("{count}", "")):
            raise ValueError("write {count} once, where the number goes, and no other braces")
        return words


class RuleInBothLanguages(Options):
    """One rule in each language."""

    covers: tuple[str, ...] = ()
    """Rules of which nothing more is to be said where this one is told: what they found is part of it."""
    vi: RuleWords
    """Vietnamese."""
    en: RuleWords
    """English."""


class _Rules(RootModel[dict[str, RuleInBothLanguages]]):
    pass


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
    rules: Mapping[str, RuleInBothLanguages]
    """What rules found, by the id of the rule."""

    def kind(self, name: str, language: str, rules: Sequence[str] = ()) -> KindWords:
        """Describe an incident: by what its rules found where they are listed, by its kind in general terms otherwise.

        Each rule that fired is told once, in the order in which they fired, but for those that another one covers, and
        a sentence that several of them end with once, behind the last of these; the last rule names the incident.
        """
        kind = self.kinds.get(name) or self.kinds["other"]
        general = kind.vi if language == "vi" else kind.en
        listed = {rule: self.rules[rule] for rule in rules if rule in self.rules}
        covered = {name for words in listed.values() for name in words.covers}
        texts = [words.vi if language == "vi" else words.en for rule, words in listed.items() if rule not in covered]
        if not texts:
            return general
        words = {
            "title": texts[-1].title or general.title,
            "what": _each_once(rule.what for rule in texts),
            "known": _each_once(rule.known for rule in texts) or general.known,
        }
        return general.model_copy(update=words)

    def counted(self, rule: str, language: str, number: str) -> str:
        """Say what a rule counted; empty where no words are listed."""
        if rule not in self.rules:
            return ""
        words = self.rules[rule].vi if language == "vi" else self.rules[rule].en
        return words.counted.replace("{count}", number)

    def word(self, language: str, group: str, value: str) -> str:
        """Say a value in a language, or as it is where no word is listed."""
        return self.words.get((language, group, value), value)


def _each_once(texts: Iterable[str]) -> str:
    """Join texts, each of their sentences once: where it stands last."""
    sentences = [sentence for text in texts for sentence in _BETWEEN_SENTENCES.split(text) if sentence]
    return " ".join([*dict.fromkeys(reversed(sentences))][::-1])


def read_catalogue(folders: Sequence[Path]) -> Catalogue:
    """Read `kinds.toml`, `rules.toml` and `words.toml` from each folder that has them; the first folder's words win.

    Raises ConfigurationError or ProblemsFound with the file and the key.
    """
    kinds: dict[str, BothLanguages] = {}
    words: dict[tuple[str, str, str], str] = {}
    rules: dict[str, RuleInBothLanguages] = {}
    for folder in reversed(folders):
        kinds |= _read(folder / "kinds.toml", _Kinds, _Kinds({})).root
        rules |= _read(folder / "rules.toml", _Rules, _Rules({})).root
        words |= _flat(_read(folder / "words.toml", _Words, _Words({})))
    if "other" not in kinds:
        where = str(folders[-1] / "kinds.toml")
        raise ConfigurationError("[other.vi] and [other.en] are missing", where=where, hint="add both")
    return Catalogue(kinds, words, rules)


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
