"""What people did about an incident and what they were told: the entries of its case, which are only ever added."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

from msgspec import Struct

from credwatch.kernel.moment import NotedMoment


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
    customer: str = ""
    """The id of the customer who answered or was waited for; an answer without one is everybody's."""
