"""What people did about an incident and what they were told: the entries of its case, which are only ever added."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

from msgspec import Struct

from credwatch.kernel.case_task import CaseTask
from credwatch.kernel.moment import DutyPhase, NotedMoment
from credwatch.kernel.report import CustomerReport, ReportFile
from credwatch.kernel.secrecy import SecrecyStep


class EntryKind(StrEnum):
    """What an entry is about."""

    ASSIGNED = "assigned"
    """Somebody is in charge of it from now on."""
    NOTED = "noted"
    """Somebody wrote down what they saw or did."""
    ACKNOWLEDGED = "acknowledged"
    """Somebody has read it."""
    REOPENED = "reopened"
    """It was closed, and is open again."""
    ANSWERED = "answered"
    """Somebody outside said something about it."""
    MOMENT = "moment"
    """Somebody recorded when something was: when a person knew, when a report was handed over."""
    ASSESSED = "assessed"
    """Somebody decided whether a law asks for a report."""
    STATED = "stated"
    """Somebody answered a question of a form."""
    REPORTED = "reported"
    """A customer told of it."""
    SECRECY = "secrecy"
    """Somebody said that an order forbids to tell of it, or does so no longer."""
    MAILED = "mailed"
    """A mail came that is nobody's answer: a program wrote it, or nothing proves who did."""
    ATTACHED = "attached"
    """Somebody added a file."""
    TASK = "task"
    """Somebody is to do something."""
    TASK_DONE = "task_done"
    """It is done, or dropped."""
    PACKAGED = "packaged"
    """What one customer is owed of the case was put together for it."""
    REMINDED = "reminded"
    """The operators were reminded that somebody has not answered."""


class Statement(StrEnum):
    """What somebody says of an act that was notified to them."""

    OURS = "that-was-us"
    """They did it themselves."""
    NOT_OURS = "not-us"
    """They did not do it."""
    UNCLEAR = "unclear"
    """They answered, and do not know."""


class Way(StrEnum):
    """How an answer came."""

    PHONE = "phone"
    MAIL = "mail"
    MEETING = "meeting"
    PAGES = "pages"
    """On the customers' pages, by a contact who was logged in."""
    OTHER = "other"


class Answer(Struct, frozen=True, omit_defaults=True):
    """What somebody outside said: a customer of a notice, or the vendor of a report."""

    statement: Statement | None = None
    """What they say of the act; None where they did not speak of it."""
    party: str = ""
    """Who said it: a name, a department."""
    way: Way = Way.OTHER
    """How it came."""
    reference: str = ""
    """The number that the other side gave it, such as the vendor's for a report."""
    spoken_at: datetime | None = None
    """When it was said, UTC; None where that is when it was written down."""
    accounts: tuple[str, ...] = ()
    """Of which accounts it was said; empty for all of the incident."""


class Assessment(Struct, frozen=True, omit_defaults=True):
    """Whether a law asks for a report about an incident, as one person decided it."""

    about: DutyPhase
    """The regime, or one phase of it."""
    notifiable: bool
    """Whether it does."""
    confirms: str = ""
    """Who decided so before; without such a second person a refusal to notify is only proposed."""


class AnswerState(StrEnum):
    """How much is known of what a form asks."""

    KNOWN = "known"
    UNKNOWN = "unknown"
    """It was looked for, and is not known yet."""
    NOT_APPLICABLE = "not-applicable"
    """It does not arise here."""
    MISSING = "missing"
    """Nobody has said anything about it."""


class FormAnswer(Struct, frozen=True, omit_defaults=True):
    """The answer to one question of a form."""

    question: str
    """The question's id."""
    value: str
    """The answer in words; empty where it is not known."""
    source: str
    """Where it comes from: a fact of the case, or who said so."""
    state: AnswerState = AnswerState.KNOWN
    """How much is known."""


class CaseEntry(Struct, frozen=True, omit_defaults=True):
    """One entry of a case."""

    incident: str
    """The incident's number."""
    at: datetime
    """When it was written down, UTC."""
    kind: EntryKind
    """What it is about."""
    by: str
    """Who wrote it: a login name, or `credwatch`."""
    text: str = ""
    """The words given: a reason, a note, what was said."""
    owner: str = ""
    """Who is in charge from now on, where it was assigned."""
    answer: Answer | None = None
    """The answer, where it is one."""
    moment: NotedMoment | None = None
    """The moment, where one was recorded."""
    reference: str = ""
    """The number that the receiver of a report gave it."""
    late_reason: str = ""
    """Why a report was late."""
    assessment: Assessment | None = None
    """The decision, where one was taken."""
    stated: FormAnswer | None = None
    """The answer to a form's question, where one was given."""
    report: CustomerReport | None = None
    """What a customer reported, where one did."""
    secrecy: SecrecyStep | None = None
    """What was said of an order, where somebody said it."""
    files: tuple[ReportFile, ...] = ()
    """What came with a mail, or was made or added by people; it is kept, and never opened here."""
    task: CaseTask | None = None
    """The task, where one was set or has come to its end."""
    customer: str = ""
    """The id of the customer who answered or was waited for; an answer without one is everybody's."""
