"""Answers the questions of a form from the case: what can be known is filled in, and what is missing says so."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from zoneinfo import ZoneInfo

from msgspec import Struct

from credwatch.kernel.case_entry import AnswerState, CaseEntry, EntryKind, FormAnswer
from credwatch.kernel.command import LegalClock
from credwatch.kernel.incident import Incident
from credwatch.kernel.moment import Moment
from credwatch.workflows.facts import Facts
from credwatch.world.forms import OfficialForm

_NAMED = 20
"""So many accounts or addresses are named in a form, the rest are counted."""


class BreachFile(Struct, frozen=True):
    """All that is known of a case when a form is filled in."""

    incident: Incident
    """The incident."""
    facts: Facts
    """What registers and settings tell."""
    entries: tuple[CaseEntry, ...]
    """What people wrote, said and decided, in order."""
    clocks: tuple[LegalClock, ...]
    """Its clocks."""
    accepted: tuple[datetime, ...]
    """When a mail server took each notice to a customer."""
    lines: int
    """How many log lines are kept of it."""
    systems: tuple[str, ...]
    """The machines and logs that its lines come from."""
    act: str
    """What its kind means, in the form's language."""
    now: datetime
    """When the form is filled in, UTC."""
    steps: tuple[str, ...] = ()
    """What those concerned should do, in the form's language."""
    persons: tuple[datetime, ...] = ()
    """When a mail server took each notice to a person whom the data are about."""


def answers_of(form: OfficialForm, case: BreachFile, words: Mapping[str, str]) -> tuple[FormAnswer, ...]:
    """Answer each question of a form, in its order.

    What a person stated last comes before what the case tells; what neither answers is missing, and never left out.
    What was stated for one customer counts in its package alone.
    """
    whole = (entry.stated for entry in case.entries if not entry.customer)
    stated = {answer.question: answer for answer in whole if answer is not None}
    return tuple(
        stated.get(question.id)
        or _by_itself(question.id, form, case, words)
        or FormAnswer(question.id, "", "", AnswerState.MISSING)
        for question in form.questions
    )


def missing(form: OfficialForm, answers: Iterable[FormAnswer]) -> tuple[str, ...]:
    """List the required questions that nobody and nothing has answered, each once."""
    required = {question.id for question in form.questions if question.required}
    gaps = (answer.question for answer in answers if answer.state is AnswerState.MISSING)
    return tuple(dict.fromkeys(question for question in gaps if question in required))


def written(answer: FormAnswer, words: Mapping[str, str]) -> str:
    """Put an answer into the words of a form."""
    if answer.state is AnswerState.KNOWN:
        return answer.value
    rest = f": {answer.value}" if answer.value else ""
    return words[answer.state.value] + rest


def at_home(moment: datetime, case: BreachFile) -> str:
    """Write a moment in the readers' zone, with its offset."""
    local = moment.astimezone(ZoneInfo(case.facts.zone))
    return f"{local:%H:%M:%S, %d/%m/%Y} (UTC{local.isoformat()[-6:]})"


_Source = Callable[[BreachFile, OfficialForm, Mapping[str, str]], "tuple[str, str] | None"]
"""Gives the answer and the fact it comes from; None where the case does not tell."""


def _by_itself(question: str, form: OfficialForm, case: BreachFile, words: Mapping[str, str]) -> FormAnswer | None:
    if question == "late_reason":
        return _lateness(form, case, words)
    if question == "subjects_number" and case.incident.accounts:
        value = words["at_least"].format(count=len(case.incident.accounts))
        return FormAnswer(question, value, "incident.accounts", AnswerState.UNKNOWN)
    source = _SOURCES.get(question)
    answer = source(case, form, words) if source else None
    return FormAnswer(question, *answer) if answer is not None and answer[0] else None


def _lateness(form: OfficialForm, case: BreachFile, words: Mapping[str, str]) -> FormAnswer | None:
    """Answer why a report is late: not at all while its clock has time left; else by the reason given."""
    for clock in case.clocks:
        if (clock.regime, clock.phase) == (form.regime, form.phase):
            if (clock.met_at or case.now) <= clock.due_at:
                return FormAnswer("late_reason", words["not_late"], "clock.due_at", AnswerState.NOT_APPLICABLE)
            return FormAnswer("late_reason", clock.late_reason, "clock.late_reason") if clock.late_reason else None
    return None


def _contact(case: BreachFile, _form: OfficialForm, _words: Mapping[str, str]) -> tuple[str, str] | None:
    sender = case.facts.sender
    if not (sender.mailbox or sender.phone):
        return None  # a name alone is nobody whom one could ask
    return ", ".join(filter(None, (sender.name, sender.mailbox, sender.phone))), "contact"


def _occurred(case: BreachFile, _form: OfficialForm, words: Mapping[str, str]) -> tuple[str, str]:
    first, last = at_home(case.incident.occurred_first, case), at_home(case.incident.occurred_last, case)
    return words["span"].format(first=first, last=last), "incident.occurred_first, incident.occurred_last"


def _parties(case: BreachFile, _form: OfficialForm, words: Mapping[str, str]) -> tuple[str, str]:
    parts = []
    for key, names in (("accounts", case.incident.accounts), ("addresses", case.incident.addresses)):
        if names:
            parts.append(words[key].format(count=len(names), names=_listed(names, words)))
    return ". ".join(parts), "incident.accounts, incident.addresses"


def _listed(names: tuple[str, ...], words: Mapping[str, str]) -> str:
    rest = [words["more"].format(count=len(names) - _NAMED)] if len(names) > _NAMED else []
    return ", ".join([*names[:_NAMED], *rest])


def _told(case: BreachFile, _form: OfficialForm, words: Mapping[str, str]) -> tuple[str, str] | None:
    sentence, accepted = ("persons_told", case.persons) if case.persons else ("told", case.accepted)
    if not accepted:
        return None
    return words[sentence].format(count=len(accepted), at=at_home(max(accepted), case)), "receipts"


def _next_report(case: BreachFile, form: OfficialForm, words: Mapping[str, str]) -> tuple[str, str] | None:
    this = next((clock for clock in case.clocks if (clock.regime, clock.phase) == (form.regime, form.phase)), None)
    later = [
        clock.due_at
        for clock in case.clocks
        if this and clock.regime == form.regime and clock.due_at > this.due_at and clock.met_at is None
    ]
    return (words["next_report"].format(at=at_home(min(later), case)), "clock.due_at") if later else None


def _next_update(case: BreachFile, _form: OfficialForm, words: Mapping[str, str]) -> tuple[str, str] | None:
    """Say by when the update is due that the customer was promised."""
    promised = [clock.due_at for clock in case.clocks if clock.workflow.endswith("_update") and clock.met_at is None]
    return (words["next_update"].format(at=at_home(min(promised), case)), "clock.due_at") if promised else None


def _earlier(case: BreachFile, form: OfficialForm, words: Mapping[str, str]) -> tuple[str, str] | None:
    """Name the reports of the same regime that were handed over before, with their numbers."""
    sent = [
        " ".join(filter(None, (clock.phase, clock.reference, at_home(clock.met_at, case))))
        for clock in case.clocks
        if clock.regime == form.regime and clock.phase != form.phase and clock.met_at is not None
    ]
    return (words["before"].format(names="; ".join(sent)), "clock.reference") if sent else None


def _aware(case: BreachFile, _form: OfficialForm, _words: Mapping[str, str]) -> tuple[str, str] | None:
    noted = [note.at for note in case.incident.moments if note.moment is Moment.AWARE]
    return (at_home(min(noted), case), "incident.moments") if noted else None


def _attachments(case: BreachFile, _form: OfficialForm, _words: Mapping[str, str]) -> tuple[str, str] | None:
    """Name the files that people added, with their digests."""
    files = [file for entry in case.entries if entry.kind is EntryKind.ATTACHED for file in entry.files]
    return ("\n".join(f"{file.name} (SHA-256 {file.sha256})" for file in files), "case entries") if files else None


def _next_steps(case: BreachFile, _form: OfficialForm, _words: Mapping[str, str]) -> tuple[str, str] | None:
    """Name the tasks that are open: what, who, until when."""
    done = {entry.task.id for entry in case.entries if entry.kind is EntryKind.TASK_DONE and entry.task}
    tasks = [entry.task for entry in case.entries if entry.kind is EntryKind.TASK and entry.task]
    steps = [
        ", ".join(filter(None, (task.what, task.owner, at_home(task.due_at, case) if task.due_at else "")))
        for task in tasks
        if task.id not in done
    ]
    return ("\n".join(steps), "case entries") if steps else None


def _decisions(case: BreachFile, form: OfficialForm, words: Mapping[str, str]) -> tuple[str, str] | None:
    taken = [
        words["decision"].format(
            at=at_home(entry.at, case),
            by=entry.by,
            verdict=words["is_owed" if entry.assessment.notifiable else "none_is_owed"],
            why=entry.text,
        )
        for entry in case.entries
        if entry.assessment is not None and entry.assessment.about.regime == form.regime
    ]
    return ("\n".join(taken), "case entries") if taken else None


_SOURCES: Mapping[str, _Source] = {
    "organisation": lambda case, _form, _words: (case.facts.sender.name, "contact.name"),
    "organisation_address": lambda case, _form, _words: (case.facts.sender.address, "contact.address"),
    "organisation_phone": lambda case, _form, _words: (case.facts.sender.phone, "contact.phone"),
    "contact": _contact,
    "own_reference": lambda case, _form, _words: (case.incident.number, "incident.number"),
    "occurred_at": _occurred,
    "detected_at": lambda case, _form, _words: (at_home(case.incident.detected_at, case), "incident.detected_at"),
    "aware_at": _aware,
    "detected_how": lambda case, _form, words: (
        words["detected_how"].format(number=case.incident.number),
        "incident.number",
    ),
    "system": lambda case, _form, words: (
        words["systems"].format(names=_listed(case.systems, words)) if case.systems else "",
        "evidence",
    ),
    "act": lambda case, _form, _words: (case.act, "incident.kind"),
    "parties": _parties,
    "evidence": lambda case, _form, words: (
        words["evidence"].format(count=case.lines) if case.lines else "",
        "evidence",
    ),
    "subjects_told": _told,
    "attachments": _attachments,
    "next_steps": _next_steps,
    "next_report_at": _next_report,
    "next_update": _next_update,
    "account": lambda _case, form, words: (words["each_account"] if form.reader == "person" else "", "register"),
    "what_to_do": lambda case, form, words: (
        words["person_steps"] if form.reader == "person" else "\n".join(case.steps),
        "incident.kind",
    ),
    "earlier_report": _earlier,
    "decisions": _decisions,
}
"""What the case tells by itself, by question; the rest is for people to state."""
