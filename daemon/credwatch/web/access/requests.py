"""What ticket systems may send, as strict models that never show what they hold."""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime
from typing import Annotated

from pydantic import AfterValidator, AwareDatetime, BaseModel, BeforeValidator, ConfigDict, Field, StringConstraints
from pydantic_core import to_json

from credwatch.kernel.access import AccessGround, AccessOrder, AccessRequest
from credwatch.web.gate.requests import Hidden

_MOST = 50
_NO_CONTROL = r"^[^\x00-\x1f\x7f]*$"


def _text(value: object) -> object:
    """Take text alone: pydantic would read a number as seconds since 1970."""
    if not isinstance(value, str):
        raise ValueError("expected text")
    return value


def _utc(moment: datetime) -> datetime:
    try:
        return moment.astimezone(UTC)
    except OverflowError as error:
        raise ValueError("out of range") from error


def _bounded(least: int, most: int) -> StringConstraints:
    return StringConstraints(strict=True, strip_whitespace=True, min_length=least, max_length=most, pattern=_NO_CONTROL)


Line = Annotated[str, _bounded(1, 254)]
Words = Annotated[str, _bounded(1, 1000)]
MaybeWords = Annotated[str, _bounded(0, 1000)]
Lines = Annotated[tuple[Line, ...], Field(max_length=_MOST)]
Moment = Annotated[AwareDatetime, BeforeValidator(_text), AfterValidator(_utc)]


class _Sent(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True, arbitrary_types_allowed=True)

    by: Line
    """Who does it: the id or an account of a member of the staff."""


class SentOrder(BaseModel):
    """The order that access rests on; its document stays where it is."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)

    issuer: Line
    """The court or authority."""
    article: Line
    """The law and article that it rests on."""
    document_sha256: Annotated[str, Field(strict=True, pattern="^[0-9a-f]{64}$")]
    """SHA-256 of the document, in hexadecimal digits."""
    secret_until: Moment | None = None
    """Until when it forbids to tell the customer, RFC 3339 with an offset."""

    def order(self) -> AccessOrder:
        """Return it as it is kept."""
        return AccessOrder(self.issuer, self.article, self.document_sha256, self.secret_until)


class AskedAccess(_Sent):
    """The body of POST /v1/access-requests."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "by": "minh",
                    "customer": "hai-au",
                    "ground": "customer_request",
                    "reference": "ticket 4711",
                    "why": "the books do not close",
                    "accounts": ["ke.toan@haiau.example"],
                    "actions": ["staff_access"],
                    "data": ["ledger"],
                    "ends_at": "2026-03-02T12:00:00+07:00",
                }
            ]
        }
    )

    customer: Line
    """The customer's id."""
    ground: AccessGround
    """What it rests on."""
    reference: Line
    """The number of the ticket or order."""
    why: Words
    """What it is for; the customer reads it."""
    accounts: Annotated[Lines, Field(min_length=1)]
    """Which accounts, or `*`."""
    actions: Annotated[Lines, Field(min_length=1)]
    """Which actions, as `event.action` names them, or `*`."""
    actors: Lines = ()
    """Who will act, where it is not who asks."""
    data: Lines = ()
    """Which kinds of data will be seen."""
    starts_at: Moment | None = None
    """From when on, if not from now; RFC 3339 with an offset."""
    ends_at: Moment
    """Until when."""
    order: SentOrder | None = None
    """The order, where it rests on one."""
    code: Hidden | None = None
    """A one-time code of who asks; an emergency needs it."""

    def access(self, now: datetime) -> AccessRequest:
        """Return the request, without what the desk gives it."""
        content = to_json(self.model_dump(exclude={"code"}))
        return AccessRequest(
            id="",
            customer=self.customer,
            ground=self.ground,
            reference=self.reference,
            reason=self.why,
            asked_by="",
            asked_at=now,
            actors=self.actors,
            accounts=self.accounts,
            actions=self.actions,
            starts_at=self.starts_at or now,
            ends_at=self.ends_at,
            data=self.data,
            order=self.order.order() if self.order else None,
            sending=hashlib.sha256(content).hexdigest(),
        )


class SentApproval(_Sent):
    """The body of an approval."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"by": "quang", "code": "123456"}]})

    code: Hidden
    """A one-time code of who approves."""
    contact: Annotated[str, _bounded(0, 254)] = ""
    """The customer's contact who agreed on another way than its pages; then `why` says on which."""
    why: MaybeWords = ""
    """Words that are kept."""


class SentEnd(_Sent):
    """The body of a refusal, and of what ends access."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"by": "thao", "why": "the ticket is closed"}]})

    why: Words
    """The reason; it is kept."""


class SentReview(_Sent):
    """The body of a review."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"by": "yen", "code": "123456", "why": "as agreed, one act"}]}
    )

    code: Hidden
    """A one-time code of who reviews."""
    why: Words
    """What was found; it is kept."""
