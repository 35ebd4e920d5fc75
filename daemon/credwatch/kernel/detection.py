"""A detection: one rule's finding about one group, open while it lasts."""

from __future__ import annotations

from datetime import datetime
from enum import IntEnum

from msgspec import Struct


class Level(IntEnum):
    """Sigma's levels, in order."""

    INFORMATIONAL = 1
    LOW = 2
    MEDIUM = 3
    HIGH = 4
    CRITICAL = 5


GRAVE = frozenset(
    {
        "account_takeover",
        "account_recovered",
        "unauthorised_staff_access",
        "unauthorised_staff_change",
        "authorised_disclosure",
    }
)
"""Kinds of incidents that are takeovers or acts of staff."""
ABOUT_STAFF = frozenset({"unauthorised_staff_access", "unauthorised_staff_change", "authorised_disclosure"})
"""Those that are acts of staff."""


class Consequence(Struct, frozen=True, omit_defaults=True):
    """What a rule's `credwatch:` key says must follow from its detections."""

    incident: str
    """The kind of incident it opens; empty where it opens none."""
    subject: str = "user.name"
    """The field whose value is the incident's subject."""
    workflows: tuple[str, ...] = ()
    """The workflows the incident starts: customer_notice, disclosure_notice, breach_report."""
    clause: str = ""
    """The clause of the policy that the rule keeps, such as 8.4."""

    @property
    def is_grave(self) -> bool:
        """Whether one person alone may not hide it: takeovers, acts of staff, and what others must be told of."""
        return self.incident in GRAVE or bool(self.workflows)


class CountedLine(Struct, frozen=True):
    """One log line that a detection counted, and where it stands."""

    source: str
    """The source that delivered it, as the configuration names it."""
    file: str
    """The file it was read from."""
    position: int
    """The byte offset behind the line in that file."""
    at: datetime
    """Its event time, aware, UTC."""
    text: str
    """The line, secrets masked, cut where it is very long."""


class Detection(Struct, frozen=True, omit_defaults=True):
    """A rule's finding: opened once per group and episode, the same for every split of the same lines.

    `occurred_first` and `opened_at` are event time, which the log says; `recorded_at` and `detected_at` are by the
    daemon's own clock. All are aware, UTC.
    """

    id: str
    """Follows from rule, group and `opened_at`."""
    rule_id: str
    """The Sigma id of the rule."""
    title: str
    """The rule's title."""
    level: Level
    """The rule's level."""
    consequence: Consequence
    """What must follow."""
    group: tuple[tuple[str, str], ...]
    """The group-by fields and their values; for a single-event rule the subject field."""
    organization: str
    """The customer it concerns; empty where none is known."""
    subject: str
    """The value of the subject field; empty where the event has none."""
    occurred_first: datetime
    """The first event that belongs to it."""
    opened_at: datetime
    """The event that completed the condition."""
    count: int
    """How many events had been counted when it opened."""
    accounts: tuple[str, ...] = ()
    """The accounts in those events, sorted."""
    addresses: tuple[str, ...] = ()
    """The source addresses in those events, sorted."""
    organizations: tuple[str, ...] = ()
    """The customers in those events, sorted."""
    lines: tuple[str, ...] = ()
    """Sample lines, secrets masked."""
    evidence: tuple[CountedLine, ...] = ()
    """The first lines it counted and the one that completed it, in the order of event time; kept apart in the store."""
    counted: int = 0
    """How many events it counted: of what it follows where it follows counts, as a login after guesses does."""
    events_in_all: int = 0
    """How many events it rests on, those beside the counted ones included: what is not in `evidence` was not kept."""
    counted_since: datetime | None = None
    """The first of these events; None where nothing was counted."""
    rule_version: str = ""
    """The hash of the rule as it was then; empty where an earlier version of credwatch stored it."""
    tags: tuple[str, ...] = ()
    """ATT&CK tags of the rule, such as attack.t1110.001."""
    serial: int = 0
    """Its number in the store, by which more evidence finds it."""
    details: tuple[tuple[str, str], ...] = ()
    """Further fields of the completing event that a notice needs (action, actor, authorisation …)."""
    shadow: bool = False
    """True where the rule is on trial: it is stored and counted, and nothing follows from it."""
    silence: str = ""
    """The silence that hides it: it is stored and counted, and nothing follows from it; empty where none does."""
    recorded_at: datetime | None = None
    """When the lines that completed it were read; None until it is stored."""
    detected_at: datetime | None = None
    """When the daemon concluded it; None until it is stored."""
    history: bool = False
    """True where its latest event was read only long after it happened."""
    timed_by_log: bool = False
    """True where an earlier version stored it, which kept event time alone: the moments by our clock are that too."""

    @property
    def is_consequential(self) -> bool:
        """Whether an incident must follow."""
        return bool(self.consequence.incident) and not self.shadow and not self.silence
