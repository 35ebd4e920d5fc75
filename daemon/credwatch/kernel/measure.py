"""A measure: what is done against an account or an address because of an incident, for how long, and why."""

from __future__ import annotations

from datetime import datetime, timedelta
from enum import StrEnum

from msgspec import Struct
from msgspec.structs import replace

from credwatch.kernel.ids import stable_id

ENFORCEMENT = "enforcement"
"""The workflow of the commands that carry measures out."""


class MeasureAction(StrEnum):
    """What is done."""

    LOCK_ACCOUNT = "lock_account"
    END_SESSIONS = "end_sessions"
    FORCE_RESET = "force_reset"
    REQUIRE_STEP_UP = "require_step_up"
    REVOKE_TOKENS = "revoke_tokens"
    BAN_ADDRESS = "ban_address"
    REMOVE_KEY = "remove_key"


UNDOABLE = frozenset({MeasureAction.LOCK_ACCOUNT, MeasureAction.REQUIRE_STEP_UP, MeasureAction.BAN_ADDRESS})
"""What lasts for a time and is undone after it; everything else is done in a moment, and stays done."""


class MeasureState(StrEnum):
    """Where a measure stands."""

    DRY = "dry"
    """It would have been carried out; its plan is a dry run."""
    REFUSED = "refused"
    """The governor does not allow it."""
    HELD = "held"
    """It waits for people to approve it."""
    QUEUED = "queued"
    """It is being carried out."""
    STOPPED = "stopped"
    """It was being carried out when a person stopped enforcement."""
    IN_FORCE = "in_force"
    """It was carried out, and lasts."""
    DONE = "done"
    """It was carried out, and that is all."""
    FAILED = "failed"
    """Its channel said no."""
    UNDOING = "undoing"
    """It is being undone."""
    UNDONE = "undone"
    """It was undone."""
    STUCK = "stuck"
    """Its channel does not undo it: a person must."""
    LAPSED = "lapsed"
    """Its time was over before it was carried out."""


STANDING = frozenset(
    {
        MeasureState.HELD,
        MeasureState.QUEUED,
        MeasureState.STOPPED,
        MeasureState.IN_FORCE,
        MeasureState.UNDOING,
        MeasureState.STUCK,
    }
)
"""While one stands so, no second measure of its kind is taken against the same target."""


class Grounds(StrEnum):
    """Why the governor decided as it did: the reason that `credwatch enforce show` gives."""

    WITHIN_CAPS = "within_caps"
    """Nothing forbids it."""
    PROTECTED = "protected"
    """The account or address stands on the list of those that are never touched."""
    PRIVATE = "private"
    """Nobody on the Internet comes from the address; a proxy may stand behind it."""
    SHARED = "shared"
    """Many people, or our own, sit behind the address."""
    FAMILIAR = "familiar"
    """People log in from the address who have long done so."""
    NO_ACT = "no_act"
    """The evidence is what strangers typed, and no reason to lock an account's owner out."""
    HISTORY = "history"
    """It was read long after it happened."""
    OVER_CUSTOMER_CAP = "over_customer_cap"
    """So much was done for this customer within the hour that two people must approve more."""
    OVER_CAP = "over_cap"
    """So much was done within the hour that two people must approve more."""
    STOPPED = "stopped"
    """A person has stopped enforcement."""


class Approval(Struct, frozen=True):
    """One person's word for a measure that waits."""

    by: str
    """A login name."""
    at: datetime
    """When, UTC."""
    why: str
    """The reason."""


class Measure(Struct, frozen=True, omit_defaults=True):
    """One measure against one target; all moments are aware, UTC, by the daemon's own clock."""

    id: str
    """Follows from plan, action, target, customer and detection, so the same cause is one measure."""
    plan: str
    """The plan of the configuration that asked for it."""
    action: MeasureAction
    """What is done."""
    channel: str
    """The name of the channel that carries it out."""
    target: str
    """The account, or the address or block in CIDR."""
    organization: str
    """The customer whose account it is, or whom the incident concerns; empty where none is known."""
    incident: str
    """The number of the incident."""
    kind: str
    """The incident's kind."""
    detection: str
    """The id of the detection that asked for it."""
    title: str
    """The detection's title: why."""
    proposed_at: datetime
    """When the detection asked for it."""
    lasts: timedelta = timedelta()
    """How long it lasts; zero for what is done in a moment."""
    state: MeasureState = MeasureState.HELD
    """Where it stands."""
    grounds: Grounds = Grounds.WITHIN_CAPS
    """Why it was allowed, refused or held."""
    note: str = ""
    """Which entry protects the target, or who is at home at the address; empty elsewhere."""
    dry: bool = False
    """Whether its plan is a dry run."""
    repeats: int = 0
    """How many such measures the target had before."""
    approvals: tuple[Approval, ...] = ()
    """Who approved it, where it waited."""
    acted_at: datetime | None = None
    """When it was let go to its channel; None while it was not."""
    done_at: datetime | None = None
    """When the channel said that it is done."""
    until: datetime | None = None
    """When it is undone by itself; None for what is done in a moment."""
    undone_at: datetime | None = None
    """When the channel said that it is undone."""
    undone_by: str = ""
    """Who had it undone: a login name, or `credwatch` because its time was over."""
    undone_why: str = ""
    """Why."""
    reply: str = ""
    """What the channel said last."""
    before: str = ""
    """What stood where it has put something else, where its channel tells that."""

    @property
    def do_id(self) -> str:
        """The id of the command that carries it out, which is its idempotency key."""
        return stable_id("do", self.id)

    @property
    def undo_id(self) -> str:
        """The id of the command that undoes it."""
        return stable_id("undo", self.id)

    @property
    def is_on_address(self) -> bool:
        """Whether its target is an address."""
        return self.action is MeasureAction.BAN_ADDRESS

    @property
    def is_undoable(self) -> bool:
        """Whether it can be undone."""
        return self.action in UNDOABLE

    def let_go(self, now: datetime) -> Measure:
        """Return it as one that is being carried out; its time begins anew once it is done."""
        until = now + self.lasts if self.lasts else None
        return replace(self, state=MeasureState.QUEUED, acted_at=now, until=until)
