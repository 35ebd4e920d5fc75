"""A change of what concerns staff: of a register, a rule or a silence. It needs two people who prove who they are."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

from msgspec import Struct

from credwatch.kernel.errors import CredwatchError


class ChangeForbidden(CredwatchError):
    """A change may not be confirmed so."""


class StaffChangeState(StrEnum):
    """Where a change stands."""

    WAITING = "waiting"
    """It holds already, and not enough people have confirmed it."""
    CONFIRMED = "confirmed"
    """Two people have."""
    TAKEN_BACK = "taken_back"
    """It is as it was before."""
    OVERDUE = "overdue"
    """Its time passed, and an incident tells of it."""


class ChangeApproval(Struct, frozen=True):
    """One person's word for a change, proven with a code."""

    by: str
    """The id of a member of the staff."""
    at: datetime
    """When, UTC."""
    text: str
    """The words given."""


class FormerMember(Struct, frozen=True):
    """A member of the staff as the register had them before a change."""

    id: str
    """Their id."""
    accounts: tuple[str, ...]
    """Their accounts: the factor that proves them is that of one of these."""


class StaffChange(Struct, frozen=True, omit_defaults=True):
    """One change."""

    id: str
    """Its number, such as CH-7KQ2M4AB."""
    what: str
    """What was changed: a file's path, or a silence's number."""
    before: str
    """The digest of what was there; empty for nothing."""
    after: str
    """The digest of what is there now; empty for nothing."""
    by: str
    """Whose file it is, or who says to have made the silence."""
    noticed_at: datetime
    """When the daemon took it up, UTC."""
    due_at: datetime
    """Until when it is to be confirmed, UTC."""
    eligible: tuple[FormerMember, ...]
    """The staff as they were before it: neither people nor accounts that a change brings in can confirm it."""
    approvals: tuple[ChangeApproval, ...] = ()
    """Who has confirmed it."""
    state: StaffChangeState = StaffChangeState.WAITING
    """Where it stands."""
    incident: str = ""
    """The number of the incident that tells of it, where one does."""
