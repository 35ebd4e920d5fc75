"""Who must confirm a change of what concerns staff, and by when."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime, timedelta

from msgspec import Struct
from msgspec.structs import replace

from credwatch.kernel.ids import stable_id
from credwatch.kernel.staff_change import ChangeApproval, ChangeForbidden, FormerMember, StaffChange, StaffChangeState
from credwatch.world.entries import folded

CONFIRMATIONS = 2
"""So many people: who made it, and somebody else. Nothing proves who wrote a file, so both give a code."""
REGISTERS = frozenset({"staff.toml", "authorisations.toml"})
"""The registers that say who the staff are, and what they may do."""


class Edit(Struct, frozen=True):
    """One thing that is other than it was."""

    what: str
    """A file's path, or a silence's number."""
    before: str
    """Its digest before; empty for nothing."""
    after: str
    """Its digest now; empty for nothing."""
    by: str
    """Whose it is."""


def noticed(
    changes: Sequence[StaffChange],
    edits: Iterable[Edit],
    eligible: tuple[FormerMember, ...],
    now: datetime,
    within: timedelta,
) -> Iterator[StaffChange]:
    """Give the changes that edits make or end.

    What is edited again while it waits is one change, with a new time and nobody's word; what is as it was before is
    taken back. Who was eligible for the first edit stays so for the whole.
    """
    waiting = {one.what: one for one in changes if one.state is StaffChangeState.WAITING}
    for edit in edits:
        first = waiting.get(edit.what)
        if first is not None and edit.after == first.before:
            yield replace(first, state=StaffChangeState.TAKEN_BACK)
        elif first is not None:
            yield replace(first, after=edit.after, by=edit.by, due_at=now + within, approvals=())
        else:
            number = stable_id("CH", edit.what, edit.after, now.isoformat(), length=8).upper()
            yield StaffChange(number, edit.what, edit.before, edit.after, edit.by, now, now + within, eligible)


def confirmer(change: StaffChange, name: str) -> FormerMember:
    """Return who of the staff as they were before a change has this id or account; raises ChangeForbidden."""
    wanted = folded(name)
    for person in change.eligible:
        if wanted in {folded(person.id), *map(folded, person.accounts)}:
            return person
    hint = f"one of {', '.join(person.id for person in change.eligible)} confirms it"
    raise ChangeForbidden(f"{name!r} was none of the staff before it", where=change.id, hint=hint)


def confirmed(change: StaffChange, by: str, now: datetime, text: str) -> StaffChange:
    """Return a change with one more person's word, by their id; raises ChangeForbidden where it is settled."""
    if change.state is not StaffChangeState.WAITING:
        hint = "credwatch changes list --all"
        raise ChangeForbidden(f"it is {change.state.value} already", where=change.id, hint=hint)
    if by in {approval.by for approval in change.approvals}:
        raise ChangeForbidden(f"{by} has confirmed it", where=change.id, hint="a second person confirms it")
    approvals = (*change.approvals, ChangeApproval(by, now, text))
    is_enough = len(approvals) >= CONFIRMATIONS
    return replace(change, approvals=approvals, state=StaffChangeState.CONFIRMED if is_enough else change.state)
