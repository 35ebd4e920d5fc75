"""News: what became known of an incident after its readers were told of it, sent within bounds and never swallowed."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta

from msgspec import Struct
from msgspec.structs import replace

from credwatch.kernel.command import Command, CommandKind, Precedence
from credwatch.kernel.detection import Level
from credwatch.kernel.incident import Incident, Status
from credwatch.kernel.measure import Measure
from credwatch.workflows.facts import Facts, Role
from credwatch.workflows.matter import matter_values
from credwatch.workflows.message import Letter, bounded_accounts, compose, incident_values
from credwatch.workflows.message import bounded as listed
from credwatch.workflows.taken import steps_of
from credwatch.workflows.touched import accounts_of, attacked_addresses, customers_of, own_accounts, safe_addresses

NEWS = {"customer_notice": "customer_news", "breach_report": "breach_news"}
"""The workflow of the news that follow each notice, in the notice's thread."""

BOUNDS = ((timedelta(minutes=5), 1), (timedelta(hours=1), 4), (timedelta(days=1), 8))
"""So many letters at most to one reader about one incident, its notice among them, within so long.

What comes meanwhile waits, and is one letter then.
"""

_LATER = timedelta(days=1)
"""More of the same is news again when it comes so long after what was told."""


class Duty(Struct, frozen=True):
    """One reader of one incident."""

    workflow: str
    """The workflow that told it first: customer_notice or breach_report."""
    incident: str
    """The incident's number."""
    organization: str
    """The customer concerned."""


class ReaderKnowledge(Struct, frozen=True, omit_defaults=True):
    """What one reader knows of an incident."""

    level: Level
    """Its level."""
    rules: tuple[str, ...]
    """The rules that had fired."""
    accounts: tuple[str, ...]
    """The accounts that the reader may know of."""
    addresses: tuple[str, ...]
    """The addresses it came from."""
    occurred_last: datetime
    """The last event that belonged to it."""
    letters: tuple[datetime, ...]
    """When the letters of the last day were written."""
    count: int = 0
    """How many news there were."""
    waits: bool = False
    """Whether there is news that must wait for its turn."""
    steps: tuple[str, ...] = ()
    """What was done about the incident."""


def duties_of(incident: Incident, facts: Facts) -> Iterator[Duty]:
    """Name the readers that an incident's notices or reports have gone to."""
    if facts.role is Role.PROVIDER and "customer_notice" in incident.workflows:
        for organization in customers_of(incident):
            if organization in facts.recipients:
                yield Duty("customer_notice", incident.number, organization)
    if facts.role is Role.CUSTOMER and "breach_report" in incident.workflows and facts.vendor is not None:
        yield Duty("breach_report", incident.number, incident.organization)


def first_knowledge(
    duty: Duty, incident: Incident, facts: Facts, now: datetime, measures: Iterable[Measure] = ()
) -> ReaderKnowledge:
    """Say what a notice that is written now tells."""
    return _knowledge(duty, incident, facts, (now,), measures)


def on_news(
    duty: Duty,
    incident: Incident,
    reader: ReaderKnowledge,
    facts: Facts,
    now: datetime,
    measures: Iterable[Measure] = (),
) -> tuple[tuple[Command, ...], ReaderKnowledge]:
    """Write to a reader what is new of an incident, if anything is and the bounds allow it; say what it knows then.

    News is another account or address, another rule that fires, a higher level, more of the same a day later, or that
    a measure was taken, has failed or is undone.
    """
    latest = _knowledge(duty, incident, facts, reader.letters, measures)
    fresh = _fresh(reader, latest)
    if fresh is None or incident.status is Status.CLOSED:
        return (), replace(reader, waits=False)
    letters = tuple(at for at in reader.letters if abs(now - at) < BOUNDS[-1][0])
    if any(sum(abs(now - at) < span for at in letters) >= most for span, most in BOUNDS):
        return (), replace(reader, waits=True)
    commands = _letter(duty, incident, fresh, reader.count + 1, facts, now)
    return commands, replace(latest, letters=(*letters, now), count=reader.count + 1)


def _knowledge(
    duty: Duty, incident: Incident, facts: Facts, letters: tuple[datetime, ...], measures: Iterable[Measure]
) -> ReaderKnowledge:
    own = duty.workflow == "customer_notice"
    return ReaderKnowledge(
        level=incident.level,
        rules=incident.rules,
        accounts=own_accounts(incident, duty.organization, facts) if own else accounts_of(incident),
        addresses=incident.addresses,
        occurred_last=incident.occurred_last,
        letters=letters,
        steps=steps_of(measures, duty.organization) if own else (),
    )


class _Fresh(Struct, frozen=True):
    """What is new."""

    is_higher: bool
    is_of_another_kind: bool
    accounts: tuple[str, ...]
    addresses: tuple[str, ...]
    steps: tuple[str, ...]


def _fresh(reader: ReaderKnowledge, news: ReaderKnowledge) -> _Fresh | None:
    fresh = _Fresh(
        is_higher=news.level > reader.level,
        is_of_another_kind=not {*news.rules} <= {*reader.rules},
        accounts=tuple(name for name in news.accounts if name not in {*reader.accounts}),
        addresses=tuple(name for name in news.addresses if name not in {*reader.addresses}),
        steps=tuple(step for step in news.steps if step not in {*reader.steps}),
    )
    is_later = news.occurred_last - reader.occurred_last >= _LATER
    is_news = fresh.is_higher or fresh.is_of_another_kind or fresh.accounts or fresh.addresses or fresh.steps
    return fresh if is_news or is_later else None


def _letter(
    duty: Duty, incident: Incident, fresh: _Fresh, count: int, facts: Facts, now: datetime
) -> tuple[Command, ...]:
    reader, language, addresses, accounts = _reader(duty, incident, facts)
    letter = Letter(
        kind=CommandKind.NOTIFY if duty.workflow == "customer_notice" else CommandKind.REPORT,
        workflow=NEWS[duty.workflow],
        language=language,
        values={
            "reader": reader,
            "is_higher": fresh.is_higher,
            "is_of_another_kind": fresh.is_of_another_kind,
            "is_acted_on": bool(fresh.steps),
            "new_accounts": bounded_accounts(fresh.accounts, facts),
            "new_addresses": listed(fresh.addresses),
            **incident_values(incident, accounts, facts),
            **(matter_values(incident) if duty.workflow == "breach_report" else {}),
        },
        incident=incident.number,
        organization=duty.organization,
        phase=f"news {count}",
        precedence=Precedence.COURTESY,
    )
    return compose(letter, addresses, facts, now)


def _reader(duty: Duty, incident: Incident, facts: Facts) -> tuple[str, str, tuple[str, ...], tuple[str, ...]]:
    """Tell a reader's name, language and addresses, and the accounts it may know of."""
    if duty.workflow == "breach_report":
        vendor = facts.vendor
        assert vendor is not None, "a report has its duty only where there is a vendor"
        return vendor.name, vendor.language, (vendor.mailbox,), accounts_of(incident)
    reader = facts.recipients[duty.organization]
    accounts = own_accounts(incident, duty.organization, facts)
    return reader.name, reader.language, safe_addresses(reader, attacked_addresses(incident)), accounts
