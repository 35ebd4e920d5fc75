"""What goes with a change of what concerns staff: the audit trail, the letters, and the incident."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from pathlib import Path

from msgspec.structs import replace
from sqlalchemy import Connection

from credwatch.app.settings import Settings
from credwatch.kernel.detection import Level
from credwatch.kernel.ids import incident_number
from credwatch.kernel.incident import Incident, Status
from credwatch.kernel.staff_change import FormerMember, StaffChange, StaffChangeState
from credwatch.ledger.entry import MACHINE, Act, ActKind
from credwatch.pipeline.acts import incident_act
from credwatch.store import audit, outbox, staff_changes
from credwatch.store.cases import incidents
from credwatch.store.staff_changes import Watched
from credwatch.workflows.escalation import EscalationReason, on_staff_change
from credwatch.workflows.facts import Facts
from credwatch.world.staff_changes import CONFIRMATIONS, REGISTERS, Edit, noticed

KIND = "staff_change_unconfirmed"
_SWITCH = "audit.second_person"
_ACTS = {
    StaffChangeState.WAITING: ActKind.STAFF_CHANGE_NOTICED,
    StaffChangeState.CONFIRMED: ActKind.STAFF_CHANGE_CONFIRMED,
    StaffChangeState.TAKEN_BACK: ActKind.STAFF_CHANGE_TAKEN_BACK,
    StaffChangeState.OVERDUE: ActKind.STAFF_CHANGE_OVERDUE,
}


def concerns_staff(path: str, settings: Settings) -> bool:
    """Say whether a file is a register of staff or authorisations, or one of the operators' own rules and filters."""
    file, daemon = Path(path), settings.daemon
    is_register = file.parent == daemon.registers_directory.absolute() and file.name in REGISTERS
    return is_register or any(file.is_relative_to(folder.absolute()) for folder in daemon.rules_directories)


def take_up(
    connection: Connection,
    edits: Iterable[Edit],
    files: Iterable[str],
    settings: Settings,
    facts: Facts,
    now: datetime,
) -> None:
    """Take up what the daemon found changed among its `files`, and note how things are for the next look.

    A file that concerned staff before does so still where the settings leave it out now; and to ask for no second
    person any more is a change that needs one.
    """
    options = settings.audit
    before = staff_changes.watched_before(connection)
    watched = Watched(tuple(path for path in files if concerns_staff(path, settings)), options.second_person)
    concerned = {*watched.files, *(before.files if before else ())}
    changed = [edit for edit in edits if edit.what in concerned]
    was_asked_for = before is not None and before.second_person
    if was_asked_for and not options.second_person:
        changed.append(Edit(_SWITCH, "true", "false", MACHINE))
    elif options.second_person and staff_changes.is_waiting(connection, _SWITCH):
        changed.append(Edit(_SWITCH, "false", "true", MACHINE))
    within = options.confirm_within if was_asked_for or options.second_person else None
    notice(connection, changed, facts, now, within)
    if watched != before:
        staff_changes.save_watched(connection, watched)
    note_staff(connection, facts)


def notice(connection: Connection, edits: Sequence[Edit], facts: Facts, now: datetime, within: timedelta | None) -> int:
    """Take up edits of what concerns staff; return how many letters were queued.

    Where no two people were there before, nobody could confirm anything, and nothing is asked for.
    """
    before = staff_changes.staff_before(connection)
    eligible = _members(facts) if before is None else before
    if within is None or not edits or len(eligible) < CONFIRMATIONS:
        return 0
    changes = [*noticed(staff_changes.all_changes(connection), edits, eligible, now, within)]
    staff_changes.save_changes(connection, changes)
    audit.append(connection, *(change_act(change, _ACTS[change.state], now) for change in changes))
    waiting = [change for change in changes if change.state is StaffChangeState.WAITING]
    return _call(connection, EscalationReason.STAFF_CHANGE, waiting, facts, now) if waiting else 0


def note_staff(connection: Connection, facts: Facts) -> None:
    """Note who the staff are from now on, once the edits that may have changed that are taken up.

    The daemon alone does so: a command reads a register that the daemon may not have taken up yet.
    """
    if (members := _members(facts)) != staff_changes.staff_before(connection):
        staff_changes.save_staff(connection, members)


def _members(facts: Facts) -> tuple[FormerMember, ...]:
    return tuple(FormerMember(member.id, member.accounts) for member in facts.staff.staff)


def keep(connection: Connection, change: StaffChange, now: datetime) -> None:
    """Keep a change with one more person's word."""
    staff_changes.save_changes(connection, [change])
    kinds = [ActKind.STAFF_CHANGE_APPROVED]
    kinds += [ActKind.STAFF_CHANGE_CONFIRMED] if change.state is StaffChangeState.CONFIRMED else []
    last = change.approvals[-1]
    audit.append(connection, *(change_act(change, kind, now, last.by, last.text) for kind in kinds))


def look_after(connection: Connection, facts: Facts, now: datetime) -> int:
    """Open the incident of each change whose time passed unconfirmed; return how many letters were queued."""
    late = [
        change
        for change in staff_changes.all_changes(connection)
        if change.state is StaffChangeState.WAITING and change.due_at <= now
    ]
    return sum(_overdue(connection, change, facts, now) for change in late)


def _overdue(connection: Connection, change: StaffChange, facts: Facts, now: datetime) -> int:
    number = incident_number(KIND, change.id, at=now)
    after = replace(change, state=StaffChangeState.OVERDUE, incident=number)
    incident = Incident(
        number=number,
        kind=KIND,
        organization="",
        subject=change.what,
        level=Level.HIGH,
        status=Status.NEW,
        title="A change of what concerns staff was not confirmed by a second person",
        clause="8.4",
        occurred_first=change.noticed_at,
        occurred_last=now,
        recorded_at=now,
        detected_at=now,
        recorded_last=now,
        detected_last=now,
        details=(("change", change.id), ("by", change.by), ("from", change.before), ("to", change.after)),
    )
    incidents.save_incidents(connection, [incident])
    staff_changes.save_changes(connection, [after])
    opened = incident_act(ActKind.INCIDENT_OPENED, incident, now)
    audit.append(connection, change_act(after, ActKind.STAFF_CHANGE_OVERDUE, now), opened)
    return _call(connection, EscalationReason.STAFF_CHANGE_UNCONFIRMED, [after], facts, now)


def change_act(change: StaffChange, kind: ActKind, now: datetime, by: str = "", words: str = "") -> Act:
    """Write what became of a change; no customer's log has it."""
    details: dict[str, object] = {"change": change.id, "what": change.what, "from": change.before, "to": change.after}
    details |= {"by": change.by, "approved_by": [approval.by for approval in change.approvals]}
    unshared: dict[str, object] = {"words": words} if words else {}
    return Act(now, kind, by or MACHINE, change.incident, details=details, unshared=unshared)


def _call(
    connection: Connection, reason: EscalationReason, changes: Iterable[StaffChange], facts: Facts, now: datetime
) -> int:
    return outbox.queue(connection, on_staff_change(reason, [*changes], facts, now))
