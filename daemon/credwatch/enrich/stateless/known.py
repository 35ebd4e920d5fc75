"""What the enricher asks of the registers, told by shape, for the two stand on one floor and do not know each other."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from ipaddress import IPv4Network, IPv6Network
from typing import Protocol


class KnownMarks(Protocol):
    """By what an event is known to concern a customer."""

    @property
    def organizations(self) -> Sequence[str]:
        """What the writer puts in `organization.id`, beside the customer's id."""

    @property
    def users(self) -> Sequence[str]:
        """Login names."""

    @property
    def email_domains(self) -> Sequence[str]:
        """Domains of addresses, exactly."""

    @property
    def hosts(self) -> Sequence[str]:
        """Host names with `*` and `?`."""


class KnownCustomer(Protocol):
    """A customer."""

    @property
    def id(self) -> str:
        """Its id."""

    @property
    def profile(self) -> str:
        """The policy profile of its users."""

    @property
    def recognise(self) -> KnownMarks:
        """Its marks."""


class KnownUser(Protocol):
    """An account known by name."""

    @property
    def name(self) -> str:
        """Its login name."""

    @property
    def email(self) -> str | None:
        """Its address."""

    @property
    def customer(self) -> str | None:
        """The customer it belongs to."""

    @property
    def privileged(self) -> bool:
        """Whether it is privileged."""


class KnownMember(Protocol):
    """A staff member."""

    @property
    def id(self) -> str:
        """The person's id."""

    @property
    def accounts(self) -> Sequence[str]:
        """The names the person acts under."""

    @property
    def department(self) -> str:
        """Where the person works."""

    @property
    def is_privileged(self) -> bool:
        """Whether the accounts are privileged."""


class KnownStaff(Protocol):
    """The staff."""

    @property
    def staff(self) -> Sequence[KnownMember]:
        """The people."""

    @property
    def barred(self) -> frozenset[str]:
        """The ids of those who may not act on customers' accounts at all."""


class KnownAuthorisation(Protocol):
    """An authorisation; `*` stands for all accounts, actors or actions."""

    @property
    def id(self) -> str:
        """Its id."""

    @property
    def basis(self) -> str:
        """What allows the act."""

    @property
    def customer(self) -> str:
        """Whose accounts."""

    @property
    def accounts(self) -> Sequence[str]:
        """Which accounts."""

    @property
    def actors(self) -> Sequence[str]:
        """Which staff, by id."""

    @property
    def actions(self) -> Sequence[str]:
        """Which actions."""

    @property
    def approvers(self) -> Sequence[str]:
        """Who agreed, and may not act themselves."""

    @property
    def valid_from(self) -> datetime:
        """From when on, aware."""

    @property
    def valid_until(self) -> datetime:
        """Until when, aware, exclusive."""


class KnownNetwork(Protocol):
    """A network."""

    @property
    def kind(self) -> str:
        """What it is: own, hosting, anonymiser, mobile or fixed."""

    @property
    def addresses(self) -> Sequence[IPv4Network | IPv6Network]:
        """Its blocks of addresses."""

    @property
    def systems(self) -> Sequence[int]:
        """Its autonomous systems."""


class Known(Protocol):
    """Everything that is known beforehand."""

    @property
    def customers(self) -> Sequence[KnownCustomer]:
        """The customers."""

    @property
    def users(self) -> Sequence[KnownUser]:
        """The accounts known by name."""

    @property
    def staff(self) -> KnownStaff:
        """The staff."""

    @property
    def authorisations(self) -> Sequence[KnownAuthorisation]:
        """The authorisations."""
