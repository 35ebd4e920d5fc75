"""Decisions about a breach: whether a law asks for a report; a refusal to notify takes a reason and two people."""

from __future__ import annotations

from collections.abc import Iterable

from sqlalchemy import Connection

from credwatch.app.build import sound_facts
from credwatch.casework.acts import Actor
from credwatch.casework.recording import Recorded, Recording, noted
from credwatch.incidents.lifecycle import IllegalTransition, check_reason
from credwatch.kernel.case_entry import Assessment, CaseEntry, EntryKind
from credwatch.kernel.incident import Incident
from credwatch.kernel.moment import DutyPhase, Moment
from credwatch.store.cases import case_entries, incidents, legal_clocks
from credwatch.workflows.facts import Facts
from credwatch.workflows.regimes import owed_phases


class Assessing(Recording):
    """Takes down decisions in a store that a daemon may be using; use it in a `with` block."""

    def assess(
        self, number: str, actor: Actor, about: DutyPhase, *, notifiable: bool, why: str
    ) -> tuple[Incident, Assessment] | None:
        """Record a decision; return it with the incident, or None where the number is unknown.

        That a report is owed one person decides, and clocks that had been ended run on. That none is owed is proposed
        by one person, and ends the clocks once another one decides the same. Raises IllegalTransition where the regime
        is none that the incident falls under, or no reason is given.
        """
        facts = sound_facts(self._settings)
        with self._database.writing() as connection:
            incident = incidents.incident(connection, number)
            if incident is None:
                return None
            check_reason(incident, why)
            _check_regime(incident, about, facts)
            entries = case_entries.entries_of(connection, number)
            confirms = "" if notifiable else _proposer(entries, about, actor.name)
            taken = Assessment(about, notifiable, confirms)
            after = _follow(connection, incident, actor, taken, why, facts)
            if after != incident:
                incidents.save_incidents(connection, [after])
            entry = CaseEntry(number, actor.at, EntryKind.ASSESSED, actor.name, why, assessment=taken)
            case_entries.add_entry(connection, entry)
        return after, taken


def _follow(
    connection: Connection, incident: Incident, actor: Actor, taken: Assessment, why: str, facts: Facts
) -> Incident:
    """Do what follows from a decision."""
    if not taken.notifiable and not taken.confirms:
        return incident
    concerned = [
        clock.id
        for clock in legal_clocks.clocks_of(connection, incident.number)
        if clock.terms and taken.about.holds(clock.regime, clock.phase)
    ]
    moments = [Moment.ASSESSED]
    if taken.notifiable:
        legal_clocks.revive_clocks(connection, concerned)
        moments.append(Moment.ASSESSED_NOTIFIABLE)
    else:
        legal_clocks.end_clocks(connection, concerned, actor.at)
    about = DutyPhase(taken.about.regime)
    for moment in moments:
        incident = noted(connection, incident, actor, Recorded(moment, actor.at, why, about), facts)
    return incident


def _proposer(entries: Iterable[CaseEntry], about: DutyPhase, name: str) -> str:
    """Name another person whose latest word on the matter is that nothing is owed; empty where there is none."""
    proposer = ""
    for entry in entries:
        if entry.assessment is not None and entry.assessment.about == about:
            if entry.assessment.notifiable:
                proposer = ""
            elif entry.by.casefold() != name.casefold():
                proposer = entry.by
    return proposer


def _check_regime(incident: Incident, about: DutyPhase, facts: Facts) -> None:
    owed = [(phase.regime.id, phase.phase.id) for phase in owed_phases(incident, facts)]
    if not any(about.holds(*names) for names in owed):
        names = ", ".join(sorted({regime for regime, _ in owed})) or "none; name laws under [regimes] own"
        raise IllegalTransition(f"{about} does not apply", where=incident.number, hint=f"those that do: {names}")
