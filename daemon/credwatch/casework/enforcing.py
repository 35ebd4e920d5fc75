"""What people do about measures: look why, approve, undo, stop everything and have it go on."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from msgspec import Struct, to_builtins
from msgspec.structs import replace

from credwatch.app.build import known_facts
from credwatch.casework.casebook import Casebook
from credwatch.kernel.clock import rfc3339
from credwatch.kernel.errors import CredwatchError
from credwatch.kernel.measure import Approval, Grounds, Measure, MeasureAction, MeasureState
from credwatch.ledger.entry import Act, ActKind
from credwatch.pipeline import enforcing
from credwatch.pipeline.enforcing import Stop
from credwatch.store import audit, measures, outbox
from credwatch.store.measure_receipts import measure_act
from credwatch.store.receipts import receipts_of
from credwatch.workflows.enforcement import carry_out
from credwatch.workflows.facts import Facts
from credwatch.workflows.governor import approvals_due

_ENDABLE = (MeasureState.HELD, MeasureState.QUEUED, MeasureState.STOPPED, MeasureState.IN_FORCE, MeasureState.STUCK)


class EnforcementRefused(CredwatchError):
    """What was asked of a measure cannot be done."""


class Decision(Struct, frozen=True):
    """Who decides something, when and why."""

    by: str
    """A login name."""
    at: datetime
    """Now, UTC."""
    why: str
    """The reason."""


class Enforcing(Casebook):
    """Reads and moves the measures of a store that a daemon may be using; use it in a `with` block."""

    def listed(self, states: Sequence[MeasureState], limit: int, plan: str = "") -> list[Measure]:
        """Return measures in these states, the latest first; of one plan where it is named."""
        with self._database.reading() as connection:
            return measures.listed(connection, states, limit, plan)

    def measure(self, id_: str) -> tuple[Measure, list[dict[str, Any]]] | None:
        """Return a measure with the attempts to carry it out and to undo it; None where there is none of this id."""
        with self._database.reading() as connection:
            measure = measures.measure_of(connection, id_)
            if measure is None:
                return None
            return measure, [*receipts_of(connection, measure.do_id), *receipts_of(connection, measure.undo_id)]

    def stopped(self) -> Stop | None:
        """Return who has stopped enforcement; None where nobody has."""
        with self._database.reading() as connection:
            return enforcing.stop_of(connection)

    def approve(self, ids: Sequence[str], decision: Decision) -> list[Measure]:
        """Say yes to measures that wait, all where none is named; return them as they are now.

        Beyond a cap it takes several people by name. Raises EnforcementRefused, and then nothing was approved.
        """
        _require_reason(decision)
        facts = self._facts()
        with self._database.writing() as connection:
            if (stop := enforcing.stop_of(connection)) is not None:
                hint = "`credwatch enforce resume` has it go on; then approve"
                raise EnforcementRefused(f"{stop.by} has stopped enforcement", where="enforcement", hint=hint)
            waiting = {measure.id: measure for measure in measures.in_state(connection, MeasureState.HELD)}
            for id_ in ids:
                if id_ not in waiting:
                    hint = "`credwatch enforce list --state held` names what waits"
                    raise EnforcementRefused("no measure of this id waits", where=id_, hint=hint)
            approved = [_approved(waiting[id_], decision, facts) for id_ in ids or waiting]
            self._save(connection, approved, decision.at, facts)
            let_go = [measure for measure in approved if measure.state is MeasureState.QUEUED]
            outbox.queue(connection, [carry_out(measure, decision.at) for measure in let_go])
            kind = ActKind.MEASURE_APPROVED
            acts = (measure_act(kind, measure, decision.at, decision.by, decision.why) for measure in approved)
            audit.append(connection, *acts)
            enforcing.tell_of_held_measures(connection, facts, decision.at)
        return approved

    def undo(
        self, ids: Sequence[str], decision: Decision, plan: str = "", *, everything: bool = False
    ) -> list[Measure]:
        """Have measures undone, or called off where they were not carried out; return them as they are now.

        Those named, or all of a plan, or all. What cannot be undone is left as it is, and raises EnforcementRefused
        where it was named.
        """
        _require_reason(decision)
        facts, patience = self._facts(), self._patience()
        with self._database.writing() as connection:
            if ids:
                chosen = [_endable(measures.measure_of(connection, id_), id_) for id_ in ids]
            else:
                chosen = [
                    measure
                    for measure in measures.in_state(connection, *_ENDABLE)
                    if everything or measure.plan == plan
                ]
            for measure in chosen:
                if measure.state is MeasureState.STUCK:
                    connection.execute(enforcing.try_again(measure.undo_id, decision.at))
                    again = replace(measure, state=MeasureState.UNDOING, undone_by=decision.by, undone_why=decision.why)
                    self._save(connection, [again], decision.at, facts)
                else:
                    enforcing.end(connection, measure, decision.at, patience, decision.by, decision.why)
            enforcing.tell_of_held_measures(connection, facts, decision.at)
            after = [measures.measure_of(connection, measure.id) for measure in chosen]
        return [measure for measure in after if measure is not None]

    def stop(self, decision: Decision) -> int:
        """Stop enforcement at once; return how many measures were on their way."""
        _require_reason(decision)
        with self._database.writing() as connection:
            count = enforcing.stop(connection, self._facts(), decision.at, decision.by, decision.why)
            audit.append(connection, _act(ActKind.ENFORCEMENT_STOPPED, decision, count))
        return count

    def resume(self, decision: Decision) -> int:
        """Have enforcement go on; return how many measures go on with it. Raises EnforcementRefused where it does."""
        _require_reason(decision)
        with self._database.writing() as connection:
            if enforcing.stop_of(connection) is None:
                raise EnforcementRefused(
                    "enforcement is not stopped", where="enforcement", hint="nothing is to be done"
                )
            count = enforcing.resume(connection, self._facts(), decision.at)
            audit.append(connection, _act(ActKind.ENFORCEMENT_RESUMED, decision, count))
        return count

    def bans(self, now: datetime) -> list[tuple[str, timedelta, Measure]]:
        """Return the blocks that are banned, how much longer, and why."""
        with self._database.reading() as connection:
            done = measures.in_state(connection, MeasureState.IN_FORCE)
        return [
            (measure.target, measure.until - now, measure)
            for measure in done
            if measure.action is MeasureAction.BAN_ADDRESS and measure.until is not None and measure.until > now
        ]

    def _facts(self) -> Facts:
        return replace_governor(known_facts(self._settings), self._settings.enforcement.approvers, self._patience())

    def _patience(self) -> timedelta:
        return self._settings.enforcement.approve_within

    def _save(self, connection: Any, changed: Sequence[Measure], now: datetime, facts: Facts) -> None:
        measures.save_measures(connection, changed, now, facts.enforcement.governor.patience)


def replace_governor(facts: Facts, approvers: int, patience: timedelta) -> Facts:
    """Return facts with what a person's decision needs of the governor; lists and networks are the daemon's."""
    governor = replace(facts.enforcement.governor, approvers=approvers, patience=patience)
    return replace(facts, enforcement=replace(facts.enforcement, governor=governor))


def _act(kind: ActKind, decision: Decision, count: int) -> Act:
    return Act(decision.at, kind, decision.by, details={"measures": count}, unshared={"words": decision.why})


def _require_reason(decision: Decision) -> None:
    if not decision.why.strip():
        raise EnforcementRefused("a reason is missing", where="--why", hint="say why; it is kept with the decision")


def _approved(measure: Measure, decision: Decision, facts: Facts) -> Measure:
    """Add one person's word; let the measure go where that is enough."""
    if decision.by.casefold() in {approval.by.casefold() for approval in measure.approvals}:
        hint = "another person must approve it too"
        raise EnforcementRefused(f"{decision.by} has approved it already", where=measure.id, hint=hint)
    approvals = (*measure.approvals, Approval(decision.by, decision.at, decision.why))
    heard = replace(measure, approvals=approvals)
    due = approvals_due(measure, facts.enforcement.governor)
    return heard.let_go(decision.at) if len(approvals) >= due else heard


def _endable(measure: Measure | None, id_: str) -> Measure:
    if measure is None:
        raise EnforcementRefused("no measure has this id", where=id_, hint="`credwatch enforce list` names them")
    if measure.state is MeasureState.DONE:
        hint = "what is done in a moment stays done"
        raise EnforcementRefused(f"{measure.action} cannot be undone", where=id_, hint=hint)
    if measure.state not in _ENDABLE:
        hint = f"`credwatch enforce show {id_}` says how it stands"
        raise EnforcementRefused(f"it is {measure.state}: there is nothing to undo", where=id_, hint=hint)
    return measure


def described(measure: Measure) -> dict[str, Any]:
    """Return a measure as JSON values, all of them, moments as RFC 3339."""
    plain: dict[str, Any] = {name: to_builtins(getattr(measure, name)) for name in Measure.__struct_fields__}
    moments = ("proposed_at", "acted_at", "done_at", "until", "undone_at")
    plain |= {name: rfc3339(value) if (value := getattr(measure, name)) else "" for name in moments}
    return plain | {"lasts": int(measure.lasts.total_seconds()), "why": explained(measure)}


_WORDS = {
    Grounds.WITHIN_CAPS: "nothing forbids it, and the caps are not reached",
    Grounds.PROTECTED: "the target is never touched",
    Grounds.PRIVATE: "nobody on the Internet comes from the address, so a proxy may stand behind it",
    Grounds.SHARED: "many people, or your own, sit behind the address",
    Grounds.FAMILIAR: "people who have long done so log in from the address",
    Grounds.NO_ACT: "the evidence is what strangers typed, and no reason to lock an account's owner out",
    Grounds.HISTORY: "it was read long after it happened",
    Grounds.OVER_CUSTOMER_CAP: "so much was done for this customer within the hour that more must be approved",
    Grounds.OVER_CAP: "so much was done within the hour that more must be approved",
    Grounds.STOPPED: "enforcement was stopped",
}


def explained(measure: Measure) -> str:
    """Say in one sentence why the governor decided as it did."""
    note = f" ({measure.note})" if measure.note else ""
    verdict = {
        MeasureState.DRY: "Only recorded, for its plan is a dry run" if measure.dry else "Recorded",
        MeasureState.REFUSED: "Refused",
        MeasureState.HELD: "Held",
    }.get(measure.state, "Allowed")
    if measure.state is MeasureState.DRY and measure.grounds is not Grounds.WITHIN_CAPS:
        return f"{verdict}; it would have been held: {_WORDS[measure.grounds]}{note}."
    if measure.approvals and verdict == "Allowed":
        people = ", ".join(approval.by for approval in measure.approvals)
        return f"Approved by {people}, though {_WORDS[measure.grounds]}{note}."
    return f"{verdict}: {_WORDS[measure.grounds]}{note}."
