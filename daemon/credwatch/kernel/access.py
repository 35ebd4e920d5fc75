"""Access of staff to a customer's accounts: what is asked for, who agreed, and how it went."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

from msgspec import Struct

from credwatch.kernel.errors import CredwatchError


class AccessForbidden(CredwatchError):
    """Who asks may not do this to a request for access, or its state forbids it; nothing has changed."""


class CodeRefused(AccessForbidden):
    """The one-time code of who would do it is missing, wrong, or was used before."""


class OtherAccess(AccessForbidden):
    """What names one sending of a request has come with another request before."""


class AccessGround(StrEnum):
    """What access rests on."""

    CUSTOMER_REQUEST = "customer_request"
    """The customer wants it, and says so itself."""
    COURT_ORDER = "court_order"
    AUTHORITY_REQUEST = "authority_request"
    EMERGENCY = "emergency"
    """Nobody could be asked in time: it holds at once, everybody is told, and it is reviewed within a day."""

    @property
    def is_order(self) -> bool:
        """Whether a court or an authority has given an order for it."""
        return self in (AccessGround.COURT_ORDER, AccessGround.AUTHORITY_REQUEST)


class AccessState(StrEnum):
    """How a request stands."""

    WAITING = "waiting"
    """Not everybody has agreed yet."""
    GRANTED = "granted"
    """Staff may act within its scope and time."""
    REFUSED = "refused"
    WITHDRAWN = "withdrawn"
    """Who asked has taken it back."""
    EXPIRED = "expired"
    """Its time passed before everybody had agreed."""
    REVOKED = "revoked"
    """It was ended before its time."""
    ENDED = "ended"
    """Its time is over."""


class AccessStepKind(StrEnum):
    """What somebody did about a request."""

    APPROVED = "approved"
    """A member of the staff agreed, and proved it with a code."""
    CUSTOMER_APPROVED = "customer_approved"
    """A contact of the customer agreed."""
    REFUSED = "refused"
    CUSTOMER_REFUSED = "customer_refused"
    WITHDRAWN = "withdrawn"
    EXPIRED = "expired"
    REVOKED = "revoked"
    ENDED = "ended"
    DISCLOSED = "disclosed"
    """The customer was told what the access was used for."""
    REVIEWED = "reviewed"
    REMINDED = "reminded"
    """The operators were asked to review an emergency."""
    OVERDUE = "overdue"
    """An emergency was not reviewed in time; an incident tells of it."""


class AccessStep(Struct, frozen=True, omit_defaults=True):
    """One thing that was done about a request."""

    kind: AccessStepKind
    """What."""
    by: str
    """Who: the id of a member of the staff, a contact, or `credwatch`."""
    at: datetime
    """When, UTC."""
    text: str = ""
    """In their words: why, or on which way the customer said it."""
    through: str = ""
    """The ticket system that says so; empty where a command or a page of ours does."""


class AccessOrder(Struct, frozen=True, omit_defaults=True):
    """The order that access rests on."""

    issuer: str
    """The court or authority."""
    article: str
    """The law and article that it rests on."""
    document_sha256: str
    """SHA-256 of the document, 64 small hexadecimal digits."""
    secret_until: datetime | None = None
    """Until when it forbids to tell the customer, UTC; None where it does not."""


class AccessUse(Struct, frozen=True):
    """How often access was used: acts that it covers, in the logs that are read."""

    count: int = 0
    """How many acts."""
    first: datetime | None = None
    """When the first one was, UTC; None where there is none."""
    last: datetime | None = None
    """When the last one was, UTC."""


class AccessRequest(Struct, frozen=True, omit_defaults=True):
    """A request for access, and what became of it."""

    id: str
    """Its number, such as AR-7KQ2M4AB."""
    customer: str
    """The id of the customer whose accounts it is about."""
    ground: AccessGround
    """What it rests on."""
    reference: str
    """The number of the ticket or order."""
    reason: str
    """What it is for; the customer reads it."""
    asked_by: str
    """The id of the member of the staff who asks."""
    asked_at: datetime
    """When, UTC."""
    actors: tuple[str, ...]
    """The ids of the staff who may act."""
    accounts: tuple[str, ...]
    """Which accounts, by login name or e-mail address, or `*`."""
    actions: tuple[str, ...]
    """Which actions, as `event.action` names them, or `*`."""
    starts_at: datetime
    """From when on it is wanted, UTC."""
    ends_at: datetime
    """Until when, exclusive, UTC."""
    data: tuple[str, ...] = ()
    """Which kinds of data will be seen, in words; logs do not tell them, so no act is held against them."""
    order: AccessOrder | None = None
    """The order; None where it rests on none."""
    through: str = ""
    """The ticket system that asked for it; empty where a command of ours did."""
    sending: str = ""
    """SHA-256 of what that system sent, without codes; the same again is no second request."""
    state: AccessState = AccessState.WAITING
    """How it stands."""
    granted_at: datetime | None = None
    """When everybody had agreed, UTC."""
    over_at: datetime | None = None
    """When it was over, whatever ended it, UTC."""
    steps: tuple[AccessStep, ...] = ()
    """What was done about it, in that order."""

    def step(self, *kinds: AccessStepKind) -> AccessStep | None:
        """Return the latest step of one of these kinds, None where there is none."""
        return next((step for step in reversed(self.steps) if step.kind in kinds), None)

    @property
    def approvers(self) -> tuple[str, ...]:
        """The ids of the staff who agreed."""
        return tuple(step.by for step in self.steps if step.kind is AccessStepKind.APPROVED)

    @property
    def holds_from(self) -> datetime | None:
        """The first moment that it covers; None where it was never granted."""
        return None if self.granted_at is None else max(self.starts_at, self.granted_at)

    @property
    def holds_until(self) -> datetime:
        """The moment from which on it covers nothing."""
        return min(self.ends_at, self.over_at or self.ends_at)

    def is_secret(self, now: datetime) -> bool:
        """Say whether an order forbids to tell the customer of it now."""
        return self.order is not None and self.order.secret_until is not None and now < self.order.secret_until
