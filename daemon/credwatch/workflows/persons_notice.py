"""The notice to those whom the data are about: to each a letter of its own, about its own account alone."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from msgspec import Struct
from msgspec.structs import replace

from credwatch.kernel.command import Command, CommandKind
from credwatch.kernel.moment import DutyPhase
from credwatch.workflows.facts import Facts
from credwatch.workflows.message import Letter, compose

WORKFLOW = "persons_notice"


class PersonsLetter(Struct, frozen=True):
    """What is written to one person."""

    incident: str
    """The incident's number."""
    customer: str
    """Whose account it is."""
    about: DutyPhase
    """The phase of the law that asks for it."""
    account: str
    """The account that it is about."""
    recipient: str
    """The person's mailbox."""
    forms: Mapping[str, dict[str, object]]
    """The filled notice by language: title, opening, sections, closing."""


def persons_notice(letter: PersonsLetter, language: str, facts: Facts, now: datetime) -> tuple[Command, ...]:
    """Write a letter to a person, in the languages that its notice has; the same cause gives the same letter."""
    values: dict[str, object] = {"number": letter.incident, "notice": dict(letter.forms)}
    composed = Letter(
        kind=CommandKind.NOTIFY,
        workflow=WORKFLOW,
        language=language,
        values=values,
        incident=letter.incident,
        organization=letter.customer,
        phase=str(letter.about),
    )
    return tuple(_in_its_languages(command, letter) for command in compose(composed, (letter.recipient,), facts, now))


def _in_its_languages(command: Command, letter: PersonsLetter) -> Command:
    languages = tuple(language for language in command.payload.languages if language in letter.forms)
    return replace(command, payload=replace(command.payload, languages=languages))
