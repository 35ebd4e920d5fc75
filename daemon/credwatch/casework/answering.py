"""Fills forms in from cases, and takes down what people answer to their questions."""

from __future__ import annotations

from datetime import datetime

from msgspec import Struct

from credwatch.app.build import sound_facts
from credwatch.app.forms import form_named, form_words
from credwatch.casework.acts import Actor, check_customer
from credwatch.casework.recording import Recording
from credwatch.incidents.lifecycle import IllegalTransition
from credwatch.kernel.case_entry import AnswerState, CaseEntry, EntryKind, FormAnswer
from credwatch.kernel.command import CommandKind
from credwatch.kernel.incident import Incident
from credwatch.kernel.resources import shipped
from credwatch.outbox.words.catalogue import read_catalogue
from credwatch.store import outbox
from credwatch.store.cases import case_entries, evidence, incidents, legal_clocks
from credwatch.workflows.answers import BreachFile, answers_of, at_home, missing, written
from credwatch.workflows.persons_notice import WORKFLOW as PERSONS
from credwatch.world.forms import OfficialForm


class FilledLine(Struct, frozen=True):
    """One question of a form, answered."""

    label: str
    """The question, as the form asks it."""
    text: str
    """The answer, as the form has it."""
    answer: FormAnswer
    """What it comes from."""

    @property
    def is_open(self) -> bool:
        """Whether somebody has yet to answer it."""
        return self.answer.state in (AnswerState.MISSING, AnswerState.UNKNOWN)


class FilledForm(Struct, frozen=True):
    """A form with its answers, ready to be written out."""

    form: OfficialForm
    """The form."""
    number: str
    """The incident's number."""
    organisation: str
    """Whose report it is."""
    sections: tuple[tuple[str, tuple[FilledLine, ...]], ...]
    """Its sections: heading and lines."""
    missing: tuple[str, ...]
    """The required questions that are not answered."""
    at: datetime
    """When it was filled in, UTC."""
    note: str
    """That it is a draft, of when and of which case."""

    def sentence(self, text: str) -> str:
        """Put the organisation into the form's opening or closing."""
        return text.replace("{organisation}", self.organisation)


class Answering(Recording):
    """Fills forms in from a store that a daemon may be using; use it in a `with` block."""

    def state(self, number: str, actor: Actor, answer: FormAnswer, customer: str = "") -> Incident | None:
        """Take down an answer; of several the latest counts. Returns None where the number is unknown.

        An answer for one customer counts in that customer's package, before those for the whole case.
        """

        def step(_connection: object, incident: Incident) -> Incident:
            if answer.state is AnswerState.KNOWN and not answer.value.strip():
                hint = "give it in words, or say --unknown or --not-applicable"
                raise IllegalTransition("the answer is empty", where=number, hint=hint)
            if customer:
                check_customer(incident, customer)
            return incident

        entry = CaseEntry(number, actor.at, EntryKind.STATED, actor.name, stated=answer, customer=customer)
        return self._work(entry, step)

    def fill(self, number: str, name: str, now: datetime) -> FilledForm | None:
        """Fill a form in; None where the number is unknown. Raises ConfigurationError where the form is."""
        form = form_named(name)
        case = self._case_file(number, form.language, now)
        return None if case is None else filled(form, case)

    def _case_file(self, number: str, language: str, now: datetime) -> BreachFile | None:
        with self._database.reading() as connection:
            incident = incidents.incident(connection, number)
            if incident is None:
                return None
            entries = tuple(case_entries.entries_of(connection, number))
            clocks = tuple(legal_clocks.clocks_of(connection, number))
            kept = [line for lines in evidence.lines_of(connection, number).values() for line in lines]
            messages = outbox.messages_of(connection, number)
        delivered_notices = [it for it in messages if it.state == "delivered" and it.command.kind is CommandKind.NOTIFY]
        accepted = tuple(it.settled_at for it in delivered_notices if it.settled_at and it.command.workflow != PERSONS)
        persons = tuple(it.settled_at for it in delivered_notices if it.settled_at and it.command.workflow == PERSONS)
        own = self._settings.daemon.templates_directory
        catalogue = read_catalogue([folder for folder in (own, shipped("config") / "templates") if folder])
        kind = catalogue.kind(incident.kind, language, incident.rules)
        return BreachFile(
            incident=incident,
            facts=sound_facts(self._settings),
            entries=entries,
            clocks=clocks,
            accepted=accepted,
            lines=len(kept),
            systems=tuple(sorted({f"{line.source} ({line.file})" for line in kept})),
            act=kind.what,
            now=now,
            steps=tuple(kind.steps),
            persons=persons,
        )


def filled(form: OfficialForm, case: BreachFile) -> FilledForm:
    """Fill a form in from what is known of a case."""
    words = form_words(form.language)
    answers = iter(answers_of(form, case, words))
    sections = tuple(
        (
            section.title,
            tuple(
                FilledLine(question.label, written(answer, words), answer)
                for question, answer in zip(section.question, answers, strict=False)
            ),
        )
        for section in form.section
    )
    gaps = missing(form, (line.answer for _, lines in sections for line in lines))
    number = case.incident.number
    note = words["drafted"].format(at=at_home(case.now, case), number=number)
    return FilledForm(form, number, case.facts.sender.name, sections, gaps, case.now, note)
