"""The authorisations: which staff may do what to which accounts of a customer, why, until when, and who agreed."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Annotated, Literal, Self

from msgspec import Struct
from pydantic import AwareDatetime, Field, model_validator

from credwatch.kernel.options import Options, read_toml
from credwatch.kernel.secrecy import SecrecyOrder
from credwatch.world.entries import Id, Name, require_unique

LONGEST = timedelta(days=90)
"""No authorisation lasts longer; what is needed longer is asked for again."""


class Permit(Struct, frozen=True):
    """What acts of staff are held against: an authorisation of the register, or access that was granted."""

    id: str
    """Its id in events and notices."""
    basis: str
    """What allows the act."""
    customer: str
    """Whose accounts, by the customer's id."""
    accounts: tuple[str, ...]
    """Which accounts, or `*`."""
    actors: tuple[str, ...]
    """Which staff, by id, or `*`."""
    actions: tuple[str, ...]
    """Which actions, or `*`."""
    approvers: tuple[str, ...]
    """The staff who agreed; none of them is covered."""
    valid_from: datetime
    """From when on, with its time zone."""
    valid_until: datetime
    """Until when, exclusive, with its time zone."""


class Authorisation(Options):
    """One `[[authorisation]]`."""

    id: Id
    """Its id in events and notices."""
    basis: Literal["customer_request", "court_order", "authority_request"]
    """What allows the act."""
    reference: Name
    """The order's or ticket's number."""
    issuer: Annotated[str, Field(max_length=254)] = ""
    """The person, court or authority that issued it; an order names it."""
    document_sha256: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
    """SHA-256 of the document that gives it, in 64 small hexadecimal digits."""
    customer: Id
    """Whose accounts."""
    accounts: Annotated[tuple[Name, ...], Field(min_length=1)]
    """Which accounts, by login name or e-mail address, or `*`."""
    actors: Annotated[tuple[Name, ...], Field(min_length=1)]
    """Which staff, by id, or `*`."""
    actions: Annotated[tuple[Name, ...], Field(min_length=1)]
    """Which actions, as `event.action` names them, or `*`."""
    valid_from: AwareDatetime
    """From when on, with its time zone."""
    valid_until: AwareDatetime
    """Until when, exclusive, with its time zone."""
    approvers: Annotated[tuple[Id, ...], Field(min_length=2, max_length=2)]
    """The two staff members who agreed, neither of them an actor."""
    secret_until: AwareDatetime | None = None
    """Until when the order forbids to tell the customer, with its time zone; it is reviewed then, and ends by hand."""
    secrecy_article: Annotated[str, Field(max_length=254)] = ""
    """The law and article that this rests on."""

    @property
    def permit(self) -> Permit:
        """What acts of staff are held against."""
        return Permit(
            id=self.id,
            basis=self.basis,
            customer=self.customer,
            accounts=self.accounts,
            actors=self.actors,
            actions=self.actions,
            approvers=self.approvers,
            valid_from=self.valid_from,
            valid_until=self.valid_until,
        )

    @property
    def secrecy(self) -> SecrecyOrder | None:
        """The order that forbids to tell the customer of acts it covers, about no incident yet; None: none does."""
        if self.secret_until is None:
            return None
        review_at = self.secret_until.astimezone(UTC)
        words = (self.reference, self.issuer, self.secrecy_article, self.document_sha256)
        return SecrecyOrder("", *words, review_at, self.approvers)

    @model_validator(mode="after")
    def _has_issuer(self) -> Self:
        if self.basis != "customer_request" and not self.issuer:
            raise ValueError("issuer is missing: name the court or authority that gave the order")
        return self

    @model_validator(mode="after")
    def _is_secret_by_law(self) -> Self:
        if self.secret_until is None:
            return self
        if self.basis == "customer_request":
            raise ValueError("secret_until is for orders: what a customer asked for is no secret to it")
        if not self.secrecy_article.strip():
            raise ValueError("secrecy_article is missing: name the law and article that forbid to tell the customer")
        return self

    @model_validator(mode="after")
    def _is_bounded(self) -> Self:
        if self.valid_until <= self.valid_from:
            raise ValueError("valid_until must be later than valid_from")
        if self.valid_until - self.valid_from > LONGEST:
            raise ValueError(f"valid_until may be {LONGEST.days} days after valid_from at most; ask again for longer")
        return self

    @model_validator(mode="after")
    def _is_agreed(self) -> Self:
        if len(set(self.approvers)) < len(self.approvers):
            raise ValueError("the two approvers must differ")
        if both := sorted(set(self.approvers) & set(self.actors)):
            raise ValueError(f"{both[0]!r} is both actor and approver; nobody approves their own act")
        return self


class _AuthorisationsFile(Options):
    authorisation: tuple[Authorisation, ...] = ()


def read_authorisations(text: str, where: str) -> tuple[Authorisation, ...]:
    """Read `authorisations.toml`; raises ConfigurationError or ProblemsFound with file, entry and key."""
    authorisations = read_toml(text, _AuthorisationsFile, where=where).authorisation
    require_unique((entry.id for entry in authorisations), key="authorisation.id", where=where)
    return authorisations
