"""Commands: what a workflow asks the outbox to do, and what came of it."""

from __future__ import annotations

from datetime import datetime
from enum import IntEnum, StrEnum

from msgspec import Struct

from credwatch.kernel.moment import Moment


class CommandKind(StrEnum):
    """What a command is."""

    NOTIFY = "notify"
    """A notice to a customer."""
    REPORT = "report"
    """A breach report to the vendor's security mailbox."""
    ESCALATE = "escalate"
    """A message to the operators: a clock ran out, a notice cannot be delivered."""
    DIGEST = "digest"
    """The daily digest to the operators."""
    ENFORCE = "enforce"
    """An act against an account or an address, or its undoing."""


class Precedence(IntEnum):
    """What leaves first; within one rank, customers and duties take turns."""

    LAW = 0
    """A duty that has a clock, and what tells the operators that one is in danger."""
    COURTESY = 1
    """What more became known, and how a matter ended."""
    DIGEST = 2
    """The daily digest."""


class Message(Struct, frozen=True, tag_field="kind"):
    """What is said to one recipient; which kind it is, each of its members tells."""

    recipient: str
    """One e-mail address."""
    languages: tuple[str, ...]
    """Languages in the order they appear in the message, such as ("vi", "en")."""
    template: str
    """The template's name."""
    context: dict[str, object]
    """What the template may use: JSON values only, moments as RFC 3339, no secrets."""


class Notify(Message, frozen=True, tag=CommandKind.NOTIFY.value):
    """A notice to a customer."""


class Report(Message, frozen=True, tag=CommandKind.REPORT.value):
    """A breach report to the vendor's security mailbox."""


class Escalate(Message, frozen=True, tag=CommandKind.ESCALATE.value):
    """A message to the operators: a clock ran out, a notice cannot be delivered."""


class Digest(Message, frozen=True, tag=CommandKind.DIGEST.value):
    """The daily digest to the operators."""


class Enforce(Message, frozen=True, tag=CommandKind.ENFORCE.value):
    """A measure, or its undoing, told to a machine: the channel is the recipient, the action is the template."""


Payload = Notify | Report | Escalate | Digest | Enforce
"""What a command carries; its kind decides by which channel it leaves."""

PAYLOADS: dict[CommandKind, type[Payload]] = {
    CommandKind.NOTIFY: Notify,
    CommandKind.REPORT: Report,
    CommandKind.ESCALATE: Escalate,
    CommandKind.DIGEST: Digest,
    CommandKind.ENFORCE: Enforce,
}


class Command(Struct, frozen=True):
    """One thing to be done once, queued in the transaction that caused it.

    `id` follows from workflow, incident, recipient and phase, so the same cause is queued once.
    """

    id: str
    """Deduplication key, and root of a message's Message-ID."""
    payload: Payload
    """What it carries, and to whom."""
    workflow: str
    """customer_notice, disclosure_notice, breach_report, escalation, digest or enforcement."""
    incident: str
    """The incident's number; empty for a digest."""
    organization: str
    """The customer concerned; empty where none is."""
    created_at: datetime
    """When it was queued, UTC."""
    hold: str = ""
    """Why it must wait for a person; empty where it may leave."""
    precedence: Precedence = Precedence.LAW
    """Before what it leaves where many wait."""

    @property
    def kind(self) -> CommandKind:
        """What it is."""
        return CommandKind(str(self.payload.__struct_config__.tag))

    @property
    def recipient(self) -> str:
        """Whom it reaches; one attempt at a time is made to each."""
        return self.payload.recipient

    @property
    def lane(self) -> str:
        """Whose turn it takes in the queue: one customer's for one duty, or the operators'."""
        to_operators = self.kind in (CommandKind.ESCALATE, CommandKind.DIGEST)
        return f"{'' if to_operators else self.organization} {self.workflow}"


HISTORY = "history"
"""Why a command waits: what it tells of was read only long after it happened."""


LEGAL_REPORT = "legal_report"
"""The workflow of what a person hands over: credwatch counts its time, and writes no letter for it."""


class LegalClock(Struct, frozen=True):
    """The time a duty leaves: started by an incident, met when its notices are accepted, escalated when it runs out."""

    id: str
    """Follows from incident and workflow."""
    workflow: str
    """The duty's workflow."""
    incident: str
    """The incident's number."""
    organization: str
    """The customer concerned."""
    started_at: datetime
    """When it began to run, UTC."""
    due_at: datetime
    """When it runs out, UTC."""
    met_at: datetime | None = None
    """When every notice of the duty had been accepted; None while it runs."""
    escalated_at: datetime | None = None
    """When the operators were told that it had run out."""
    starts: Moment = Moment.DETECTED
    """The moment that it started at."""
    held: bool = False
    """True while the duty's messages wait for a person: the clock runs, and the operators know."""
    released_at: datetime | None = None
    """When its messages were let go; None where they never waited, or still do."""
    waived_at: datetime | None = None
    """When a person decided that its messages shall not be sent, or that the duty is none."""
    regime: str = ""
    """The id of the law or contract that the duty is of; empty where an earlier version started the clock."""
    phase: str = ""
    """The phase of it."""
    regime_version: str = ""
    """The version of the regime as it was when the clock started."""
    terms: str = ""
    """The phase as it was then, JSON: a regime that is edited later moves no running clock."""
    calendar: str = ""
    """The version of the calendar that its working days were counted by; empty where none were."""
    soft_at: datetime | None = None
    """When the operators are warned that it will run out, UTC; None where they are not."""
    warned_at: datetime | None = None
    """When they were warned."""
    stops: Moment = Moment.ACCEPTED
    """The moment that meets it."""
    reference: str = ""
    """The number that the receiver gave to what met it."""
    late_reason: str = ""
    """Why it was met late."""

    @property
    def alarm_at(self) -> datetime:
        """When the operators must hear of it: what a person has let go has its whole time to arrive."""
        if self.released_at is None:
            return self.due_at
        return max(self.due_at, self.released_at + (self.due_at - self.started_at))
