"""What of a breach one customer may have: its own accounts and lines, and a case that names nobody else."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator

from msgspec import Struct
from msgspec.structs import replace

from credwatch.kernel.case_entry import CaseEntry, EntryKind, FormAnswer
from credwatch.kernel.detection import CountedLine
from credwatch.kernel.incident import Incident
from credwatch.workflows.answers import BreachFile
from credwatch.workflows.facts import Contact, Facts
from credwatch.workflows.touched import customers_of, own_accounts

_WORD = re.compile(r"[^\s\"'<>,;=()\[\]{}]+")
_OF_THE_BREACH = frozenset(
    {
        *("act", "biometric_location", "cause", "children", "consequences", "data_kinds", "encrypted", "harm"),
        *("measures", "next_update", "place", "remedy", "severity", "subject_categories", "system", "what_to_do"),
    }
)
"""What is the same for every customer of a breach; numbers, and what forms ask of an organisation, is not."""
_NUMBERS = frozenset({"records_number", "subjects_number"})
"""What counts for a customer too where nobody else is concerned."""


class KeptLine(Struct, frozen=True):
    """One line that is kept of an incident, with what it was kept for."""

    line: CountedLine
    """The line and its place."""
    rule: str
    """The rule that counted it."""
    customers: tuple[str, ...]
    """The customers whom the detection concerns."""


class OwnAccount(Struct, frozen=True):
    """One account of the customer's, with what its own lines tell of it."""

    name: str
    """The account."""
    lines: tuple[CountedLine, ...]
    """The lines that name it."""


class OwnPart(Struct, frozen=True):
    """The part of a breach that is one customer's."""

    case: BreachFile
    """The case as if nobody else were concerned."""
    lines: tuple[KeptLine, ...]
    """Its lines, in the order of their time."""
    accounts: tuple[OwnAccount, ...]
    """Its accounts."""
    withheld: int
    """How many kept lines it does not get, for they are others' or name others."""


def own_part(
    case: BreachFile, customer: str, lines: Iterable[KeptLine], names_others: Callable[[str], bool]
) -> OwnPart:
    """Cut out of a case what is one customer's; `names_others` tells what it may not read."""
    every = list(lines)
    accounts = tuple(it for it in own_accounts(case.incident, customer, case.facts) if not names_others(it))
    is_alone = customers_of(case.incident) == (customer,)

    def is_own(kept: KeptLine) -> bool:
        place = f"{kept.line.source} {kept.line.file} {kept.line.text}"
        is_theirs = is_alone or kept.customers == (customer,) or _names_own(kept.line.text, customer, case.facts)
        return is_theirs and not names_others(place)

    own = tuple(sorted(filter(is_own, every), key=lambda kept: (kept.line.at, kept.line.position)))
    texts = {kept.line.text for kept in own}
    words = {word for text in texts for word in _WORD.findall(text)}
    incident = _own_incident(case.incident, customer, accounts, words if not is_alone else None)
    if own and not is_alone:
        incident = replace(incident, occurred_first=own[0].line.at, occurred_last=own[-1].line.at)
    return OwnPart(
        replace(
            case,
            incident=incident,
            entries=tuple(_own_statements(case.entries, customer, is_alone, names_others)),
            clocks=tuple(clock for clock in case.clocks if clock.organization == customer),
            accepted=(),
            lines=len(own),
            systems=tuple(sorted({f"{kept.line.source} ({kept.line.file})" for kept in own})),
        ),
        own,
        tuple(OwnAccount(name, tuple(it.line for it in own if name in it.line.text)) for name in accounts),
        len(every) - len(own),
    )


def as_controller(part: OwnPart, answers: Iterable[tuple[str, str]]) -> BreachFile:
    """Return the case as the customer itself must report it; `answers` are those that only this package can give."""
    case, (customer,) = part.case, part.case.incident.organizations
    reader = case.facts.recipients[customer]
    facts = replace(case.facts, sender=Contact(reader.name, ""))
    return replace(case, facts=facts, entries=(*case.entries, *_given(case, answers)))


def as_processor(part: OwnPart, answers: Iterable[tuple[str, str]]) -> BreachFile:
    """Return the case as the operator hands it over to the customer."""
    return replace(part.case, entries=(*part.case.entries, *_given(part.case, answers)))


def _given(case: BreachFile, answers: Iterable[tuple[str, str]]) -> Iterator[CaseEntry]:
    for question, value in answers:
        answer = FormAnswer(question, value, "package")
        yield CaseEntry(case.incident.number, case.now, EntryKind.STATED, "credwatch", stated=answer)


def _names_own(text: str, customer: str, facts: Facts) -> bool:
    return any(facts.owner(word) == customer for word in _WORD.findall(text))


def _own_incident(incident: Incident, customer: str, accounts: tuple[str, ...], words: set[str] | None) -> Incident:
    """Return the incident as one of this customer alone; `words` are those of its lines where others are touched."""
    is_alone = words is None
    return replace(
        incident,
        organization=customer,
        organizations=(customer,),
        subject=incident.subject if incident.subject in accounts else "",
        accounts=accounts,
        addresses=tuple(address for address in incident.addresses if words is None or address in words),
        lines=(),
        kept=(),
        events=incident.events if is_alone else 0,
        details=(),
        transitions=(),
        moments=tuple(note for note in incident.moments if note.organization in ("", customer)),
        former="",
    )


def _own_statements(
    entries: Iterable[CaseEntry], customer: str, is_alone: bool, names_others: Callable[[str], bool]
) -> Iterator[CaseEntry]:
    """Give what was stated of the breach, then what was stated for this customer; what names others is left out."""
    shared = _OF_THE_BREACH | (_NUMBERS if is_alone else frozenset())
    stated = [entry for entry in entries if entry.stated is not None]
    for entry in sorted(stated, key=lambda entry: bool(entry.customer)):
        assert entry.stated is not None, "those without an answer are gone"
        is_theirs = entry.customer == customer or (not entry.customer and entry.stated.question in shared)
        if is_theirs and not names_others(entry.stated.value):
            yield replace(entry, customer="", text="", stated=replace(entry.stated, source="stated"))
