"""The operators' view of incidents in the store, and what they decide by hand: release, drop, close."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Self

from msgspec import Struct, to_builtins

from credwatch.app import keys
from credwatch.app.build import build_knowledge, known_facts
from credwatch.app.contact_changes import with_changes
from credwatch.app.settings import Settings, load_settings
from credwatch.app.store import open_store
from credwatch.incidents.lifecycle import check_reason, moved
from credwatch.kernel.blindness import BlindInterval
from credwatch.kernel.clock import rfc3339
from credwatch.kernel.command import LegalClock
from credwatch.kernel.detection import Detection
from credwatch.kernel.incident import ChangeKind, Incident, IncidentChange, Resolution, Status
from credwatch.ledger.entry import ActKind
from credwatch.pipeline import holding
from credwatch.pipeline.acts import incident_act
from credwatch.pipeline.granting import with_grants
from credwatch.pipeline.pipeline import Knowledge
from credwatch.store import audit, outbox
from credwatch.store.cases import (
    case_entries,
    case_list,
    case_search,
    evidence,
    held,
    incidents,
    legal_clocks,
    secrecy_orders,
)
from credwatch.store.cases.case_search import Findings, Wanted
from credwatch.store.cases.forgotten import forgotten
from credwatch.store.commands import EVERY, StoredCommand
from credwatch.store.database import Database
from credwatch.store.pages import FIRST, Page
from credwatch.store.state import seeing
from credwatch.workflows.clocks import names_of
from credwatch.workflows.decide import react
from credwatch.workflows.facts import Facts
from credwatch.workflows.regimes import waiting_phases


@contextmanager
def opened_outbox(config: Path, store: Path | None) -> Iterator[outbox.OutboxStore]:
    """Open the outbox of a settings file's store, or of the store named instead, and close it at the end.

    Raises ConfigurationError, ProblemsFound or StoreError.
    """
    database = open_store(store or keys.store_place(load_settings(config)))
    try:
        yield outbox.OutboxStore(database)
    finally:
        database.close()


def described(incident: Incident) -> dict[str, Any]:
    """Return an incident as JSON values, its level by name, and whether its messages wait for a person."""
    return {**to_builtins(incident), "level": incident.level.name.lower(), "held": incident.is_held}


def interval_of(interval: BlindInterval) -> dict[str, str]:
    """Return a blind interval as JSON values; its end is empty while it lasts."""
    ended = rfc3339(interval.ended_at) if interval.ended_at else ""
    return {
        "source": interval.source,
        "reason": interval.reason.value,
        "started_at": rfc3339(interval.started_at),
        "ended_at": ended,
    }


class Marks(Struct, frozen=True):
    """What a list says of incidents beside what they are."""

    held: frozenset[str]
    """The numbers of those of which messages wait for a person."""
    owners: Mapping[str, str]
    """Who is in charge, by number; those of nobody are left out."""
    zone: str
    """The time zone of the readers (IANA name)."""


class Casebook:
    """Reads and closes incidents in a store that a daemon may be using at the same time; use it in a `with` block."""

    def __init__(self, settings: Settings, database: Database | None = None) -> None:
        """Work on a store that is open already, or open that of the settings."""
        self._settings = settings
        self._database = database or open_store(keys.store_place(settings))

    def __enter__(self) -> Self:
        """Return the casebook itself."""
        return self

    def __exit__(self, *_: object) -> None:
        """Give the store back."""
        self._database.close()

    @classmethod
    def at(cls, config: Path) -> Self:
        """Open the casebook of a settings file; raises ConfigurationError, ProblemsFound or StoreError."""
        return cls(load_settings(config))

    def incidents(self, only_open: bool, page: Page = FIRST) -> list[Incident]:
        """Return a page of the incidents, the latest first; raises UnknownPlace."""
        with self._database.reading() as connection:
            return case_list.list_incidents(connection, only_open=only_open, page=page)

    def forgotten(self, now: datetime, span: timedelta | None = None, page: Page = FIRST) -> list[Incident]:
        """Return a page of the open incidents that nobody has worked on for so long, those untouched longest first.

        Without a span it is `operators.forgotten_after`. Raises UnknownPlace.
        """
        before = now - (span or self._settings.operators.forgotten_after)
        with self._database.reading() as connection:
            return forgotten(connection, before, page)

    def marks(self, listed: Iterable[Incident]) -> Marks:
        """Return what a list says of these incidents beside what they are."""
        with self._database.reading() as connection:
            waiting = frozenset(held.held_numbers(connection))
            return Marks(
                waiting,
                case_entries.owners(connection, [incident.number for incident in listed]),
                self._settings.daemon.time_zone,
            )

    def held_incidents(self, page: Page = FIRST) -> list[Incident]:
        """Return a page of the incidents of which messages wait, closed ones too, the latest first."""
        with self._database.reading() as connection:
            return case_list.some_incidents(connection, held.held_numbers(connection), page)

    def search(self, query: Wanted, page: Page = FIRST) -> Findings:
        """Look for the incidents that are wanted, the latest first; raises UnknownPlace."""
        with self._database.reading() as connection:
            return case_search.search(connection, query, page)

    def held(self) -> set[str]:
        """Return the numbers of the incidents of which messages wait for a person."""
        with self._database.reading() as connection:
            return set(held.held_numbers(connection))

    def detections(self, number: str) -> list[tuple[Detection, int, datetime]]:
        """Return an incident's detections, each with its present count and latest event."""
        with self._database.reading() as connection:
            return incidents.detections_of(connection, number)

    def messages(self, page: Page = FIRST) -> list[StoredCommand]:
        """Return a page of the messages, delivered and dropped ones too, the oldest first; raises UnknownPlace."""
        return outbox.OutboxStore(self._database).listed(EVERY, page)

    def case(self, number: str) -> dict[str, Any] | None:
        """Return one incident with its detections and messages as JSON values; None where it is unknown."""
        with self._database.reading() as connection:
            incident = incidents.incident(connection, number)
            if incident is None:
                return None
            clocks = legal_clocks.clocks_of(connection, number)
            entries = case_entries.entries_of(connection, number)
            lines = evidence.lines_of(connection, number)
            messages = outbox.messages_of(connection, number)
            unseen = seeing.intervals_between(connection, incident.occurred_first, incident.occurred_last)
            secrecy = secrecy_orders.orders_of(connection, number)
        case, findings = described(incident), self.detections(number)
        case["evidence"] = [
            {**to_builtins(line), "rule": detection.rule_id, "rule_version": detection.rule_version}
            for detection, _, _ in findings
            for line in lines.get(detection.serial, ())
        ]
        case["found"] = [
            {
                "id": detection.id,
                "title": detection.title,
                "occurred_first": rfc3339(detection.occurred_first),
                "opened_at": rfc3339(detection.opened_at),
                "recorded_at": rfc3339(detection.recorded_at) if detection.recorded_at else "",
                "detected_at": rfc3339(detection.detected_at) if detection.detected_at else "",
                "history": detection.history,
                "last": rfc3339(last),
                "count": count,
                "counted": detection.counted,
                "events": detection.events_in_all,
                "rule": detection.rule_id,
                "rule_version": detection.rule_version,
                "tags": list(detection.tags),
            }
            for detection, count, last in findings
        ]
        case["messages"] = [
            {
                "id": stored.command.id,
                "workflow": stored.command.workflow,
                "organization": stored.command.organization,
                "recipient": stored.command.recipient,
                "state": stored.state,
                "last_reason": stored.last_reason,
                "accepted_at": _accepted_at(stored),
            }
            for stored in messages
        ]
        facts = known_facts(self._settings)
        case["clocks"] = [_clock(clock, facts) for clock in clocks]
        case["waiting_phases"] = waiting_phases(incident, facts, clocks)
        case["secrecy"] = [to_builtins(order) for order in secrecy]
        case["unseen"] = [interval_of(interval) for interval in unseen]
        case["time_zone"] = self._settings.daemon.time_zone
        case["owner"] = case_entries.owner_of(entries)
        case["entries"] = [to_builtins(entry) for entry in entries]
        return case

    def release(self, number: str, *, by: str, why: str, now: datetime) -> list[str] | None:
        """Let go what is held of an incident; return the ids of the messages, None where the incident is unknown.

        Raises IllegalTransition where nothing is held or the reason is empty.
        """
        facts = self._facts()
        with self._database.writing() as connection:
            incident = incidents.incident(connection, number)
            if incident is None:
                return None
            return holding.release_incident(connection, incident, facts, now, by=by, why=why)

    def release_messages(self, ids: Sequence[str], *, by: str, now: datetime) -> list[str]:
        """Let single held messages go; return the ids of those that were held."""
        facts = self._facts()
        with self._database.writing() as connection:
            return holding.release_messages(connection, ids, facts, now, by)

    def drop(self, number: str, *, by: str, why: str, with_reports: bool, now: datetime) -> int | None:
        """Drop what is held of an incident; return how many messages stay held, None where it is unknown.

        Reports are dropped `with_reports` alone. Raises IllegalTransition where the reason is empty.
        """
        facts = self._facts()
        with self._database.writing() as connection:
            incident = incidents.incident(connection, number)
            if incident is None:
                return None
            check_reason(incident, why)
            reason = f"dropped by {by}: {why}"
            rest = holding.drop_held(connection, number, facts, now, by=by, why=reason, with_reports=with_reports)
            return len(rest)

    def close(
        self, number: str, *, by: str, why: str, now: datetime, outcome: Resolution | None = None
    ) -> Incident | None:
        """Close an incident and queue the updates that its notices promised, with what came of it; None where unknown.

        What is held of it is dropped with the reason, reports excepted. Raises IllegalTransition where it is closed
        already or the reason is empty.
        """
        facts = self._facts()
        with self._database.writing() as connection:
            incident = incidents.incident(connection, number)
            if incident is None:
                return None
            closed = moved(incident, Status.CLOSED, at=now, by=by, why=why, outcome=outcome)
            audit.append(connection, incident_act(ActKind.INCIDENT_CLOSED, closed, now, by, why))
            incidents.save_incidents(connection, [closed])
            reaction = react(IncidentChange(ChangeKind.CLOSED, closed), facts, now)
            outbox.queue(connection, reaction.commands)
            legal_clocks.save_clocks(connection, reaction.clocks)
            reason = f"closed by {by}: {why}"
            holding.drop_held(connection, number, facts, now, by=by, why=reason, with_reports=False)
        return closed

    def _facts(self) -> Facts:
        return self._knowledge().facts

    def _knowledge(self) -> Knowledge:
        knowledge = build_knowledge(self._settings, notice_key=keys.notice_key(self._settings))
        with self._database.reading() as connection:
            return with_grants(with_changes(knowledge, self._database), connection)


def _clock(clock: LegalClock, facts: Facts) -> dict[str, Any]:
    """Return a clock as JSON values, with the names of its regime and addressee."""
    regime, addressee = names_of(clock, facts)
    row: dict[str, Any] = to_builtins(clock) | {"regime_name": regime, "addressee": addressee}
    del row["terms"]
    return row


def _accepted_at(stored: StoredCommand) -> str:
    """Tell when a mail server took a message; empty where none has."""
    return rfc3339(stored.settled_at) if stored.state == "delivered" and stored.settled_at else ""
