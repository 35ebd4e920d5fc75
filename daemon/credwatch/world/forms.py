"""Forms as data: what an authority's form asks, in its order and its words."""

from __future__ import annotations

from datetime import date
from typing import Literal

from pydantic import Field, RootModel, field_validator

from credwatch.kernel.options import Options, read_toml
from credwatch.world.entries import Id, Name
from credwatch.world.regimes import Item


class FormQuestion(Options):
    """One question; the same question in two forms, or twice in one, has one answer."""

    id: Item
    """What it asks for."""
    label: str = Field(min_length=1)
    """How this form asks it."""
    required: bool = True
    """Whether the form is incomplete without it."""


class FormSection(Options):
    """One `[[section]]`."""

    title: Name
    """Its heading."""
    question: tuple[FormQuestion, ...] = Field(min_length=1)
    """Its questions, in their order."""


class OfficialForm(Options):
    """One file of `config/forms`."""

    id: Id
    """Its id: the name of the file."""
    regime: Id
    """The regime that asks for it."""
    phase: Item
    """The phase of it."""
    reader: Literal["authority", "customer", "person"] = "authority"
    """Who reads it. A person is told of its own account, and what it should do itself."""
    language: Literal["vi", "en"]
    """The language it is written in."""
    title: tuple[str, ...] = Field(min_length=1)
    """Its title, line by line."""
    number: str = ""
    """Where its number goes."""
    place_and_date: str = ""
    """Where place and date go."""
    right: tuple[str, ...] = ()
    """What stands at the head, on the right, beside the organisation's name."""
    to: str = ""
    """To whom it is addressed."""
    opening: str = ""
    """The sentence before the first section; {organisation} is put in."""
    closing: str = ""
    """The sentence after the last one."""
    receivers: tuple[str, ...] = ()
    """Who gets a copy."""
    signature: tuple[str, ...] = ()
    """What stands where it is signed."""
    source: str = Field(min_length=1)
    """Where its structure was read."""
    checked_on: date
    """The day on which that was last checked."""
    section: tuple[FormSection, ...] = Field(min_length=1)
    """What it asks."""

    @property
    def salutation(self) -> str:
        """What stands before the addressee."""
        return "Kính gửi:" if self.language == "vi" else "To:"

    @property
    def questions(self) -> tuple[FormQuestion, ...]:
        """All questions in the order of the form."""
        return tuple(question for section in self.section for question in section.question)


class FormWords(RootModel[dict[str, dict[str, str]]]):
    """`words.toml`: what credwatch writes into forms by itself, by language."""

    @field_validator("root")
    @classmethod
    def _alike(cls, words: dict[str, dict[str, str]]) -> dict[str, dict[str, str]]:
        if len({frozenset(group) for group in words.values()}) > 1:
            raise ValueError("the languages have different words; give each the same keys")
        return words


def read_form(text: str, where: str) -> OfficialForm:
    """Read one form; raises ConfigurationError or ProblemsFound with file and key."""
    return read_toml(text, OfficialForm, where=where)


def read_form_words(text: str, where: str) -> dict[str, dict[str, str]]:
    """Read the words by language; raises ConfigurationError or ProblemsFound."""
    return read_toml(text, FormWords, where=where).root
