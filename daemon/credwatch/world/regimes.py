"""Laws and contracts as data: who must hear of a breach, by when, counted from what, and what must be said."""

from __future__ import annotations

import hashlib
from datetime import date
from functools import cached_property
from typing import Annotated, Literal

from pydantic import Field, field_validator, model_validator

from credwatch.kernel.moment import Moment
from credwatch.kernel.options import Options, known_zone, read_toml
from credwatch.world.entries import Id, Name

Item = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{1,40}$")]
"""The id of a question that a report must answer."""

KNOWN_BY_ITSELF = frozenset({Moment.OCCURRED, Moment.RECORDED, Moment.DETECTED})
"""The moments that an incident has without anybody's doing."""


class TimeLimit(Options):
    """How long a phase may take; one unit of four."""

    hours: int | None = Field(default=None, ge=1, le=100_000)
    """Exact hours, through nights, weekends and holidays."""
    calendar_days: int | None = Field(default=None, ge=1, le=4000)
    """The first day is not counted; the last ends at 23:59:59 in the regime's zone."""
    working_days: int | None = Field(default=None, ge=1, le=400)
    """As calendar days, without weekends and holidays of the regime's country."""
    months: int | None = Field(default=None, ge=1, le=120)
    """To the end of the same day of a later month, or of its last day where it is shorter."""

    @model_validator(mode="after")
    def _one_unit(self) -> TimeLimit:
        if len(self.model_fields_set) != 1:
            raise ValueError("name one unit; one of hours, calendar_days, working_days and months")
        return self


class RegimePhase(Options):
    """One `[[phase]]`: one thing that is owed, to one addressee, by one time."""

    id: Item
    """Its id within the regime."""
    step: Literal["early_warning", "initial", "intermediate", "final", "update"]
    """Which of the reports about one incident it is."""
    addressee: Name
    """To whom it is owed."""
    toward: Literal["authority", "persons", "customer", "vendor"]
    """What kind of addressee that is; what is owed to customers is owed to each of them."""
    starts: Moment
    """The moment that starts the clock."""
    after: str = ""
    """The phase whose moment that is, where it is not the incident's."""
    within: TimeLimit | None = None
    """The time that law or contract gives."""
    measure: TimeLimit | None = None
    """The operator's own measure, where law or contract names no number."""
    wording: Name
    """What the text says of the time, shortly."""
    soft: float = Field(default=0.8, gt=0, lt=1)
    """After this part of the time the operators are warned."""
    rolls: bool = False
    """Whether a last day that is no working day moves to the next one."""
    latest: TimeLimit | None = None
    """The time after which not even reasons excuse."""
    threshold: str = ""
    """What must be so that it is owed; empty where it always is."""
    stops: Moment = Moment.SUBMITTED
    """The moment that meets it."""
    workflow: str = ""
    """The messages of credwatch that do it; empty where a person does."""
    contents: tuple[Item, ...] = ()
    """What must be said."""
    late: str = ""
    """What a late report must say; empty where nothing is asked."""
    supersedes: str = ""
    """The phase that it completes, and refers to."""

    @model_validator(mode="after")
    def _one_time(self) -> RegimePhase:
        if (self.within is None) == (self.measure is None):
            raise ValueError("the time stands twice or not at all; give within where a number is named, else measure")
        if self.after and self.starts in KNOWN_BY_ITSELF:
            raise ValueError("a phase has no moment of that name; let it start at submitted, or leave after out")
        return self

    @property
    def limit(self) -> TimeLimit:
        """The time that it is held to."""
        limit = self.within or self.measure
        assert limit is not None, "the validator asks for one of them"
        return limit


class RegimeConflict(Options):
    """One `[[conflict]]`: what contradicts something else, so that a person must decide."""

    others: tuple[Id, ...] = Field(min_length=1)
    """The regimes that it contradicts, or `policy`."""
    says: str = Field(min_length=1)
    """What the contradiction is, and what is to be decided."""


class Regime(Options):
    """One file of `config/regimes`."""

    id: Id
    """Its id: the name of the file."""
    name: Name
    """What it is called."""
    texts: tuple[Name, ...] = Field(min_length=1)
    """The laws or clauses, as they are cited."""
    in_force: bool
    """Whether it holds today; what is only proposed does not."""
    since: date | None = None
    """Since when, where a source tells."""
    source: str = Field(min_length=1)
    """Where the facts below were read."""
    checked_on: date
    """The day on which they were last checked."""
    certainty: Literal["primary", "secondary"]
    """Whether the law's own text was read, or somebody's about it."""
    zone: str
    """The time zone in which days end: the recipient's."""
    country: Annotated[str, Field(pattern=r"^[A-Z]{2}$")]
    """The country whose holidays count (ISO 3166-1)."""
    role: Literal["provider", "customer", "either"] = "either"
    """At whom credwatch must run for it."""
    workflows: tuple[str, ...] = ("customer_notice", "breach_report")
    """Incidents that start one of these are what it may be about."""
    controller: tuple[Id, ...] = ()
    """Of a processor's duty: under which regimes its customer must report, where the customer's register names none."""
    signed_by: str = ""
    """Who signs what is handed over."""
    retention_years: int | None = Field(default=None, ge=1, le=100)
    """How long the file of a breach must be kept."""
    retention_from: str = ""
    """From when that counts."""
    phase: tuple[RegimePhase, ...] = Field(min_length=1)
    """What is owed, in its order."""
    conflict: tuple[RegimeConflict, ...] = ()
    """What it contradicts."""

    @field_validator("zone")
    @classmethod
    def _known_zone(cls, name: str) -> str:
        return known_zone(name)

    @model_validator(mode="after")
    def _phases_fit(self) -> Regime:
        earlier: set[str] = {""}
        for phase in self.phase:
            if phase.id in earlier:
                raise ValueError(f"two phases are called {phase.id!r}; give each a name of its own")
            for named in (phase.after, phase.supersedes):
                if named not in earlier:
                    raise ValueError(f"phase {phase.id!r} names {named!r}; name a phase that stands before it")
            earlier.add(phase.id)
        return self

    @cached_property
    def version(self) -> str:
        """What tells this edition from any other: twelve hexadecimal digits of a hash over all it says."""
        return hashlib.sha256(self.model_dump_json().encode()).hexdigest()[:12]

    def phase_of(self, workflow: str) -> RegimePhase | None:
        """Return the phase that the messages of a workflow do; None where there is none."""
        return next((phase for phase in self.phase if phase.workflow == workflow), None)


def read_regime(text: str, where: str) -> Regime:
    """Read one regime; raises ConfigurationError or ProblemsFound with file and key."""
    return read_toml(text, Regime, where=where)
