"""The customers: who must be told, in which language, under which policy, and how their users are recognised."""

from __future__ import annotations

from datetime import date
from typing import Annotated, Literal

from pydantic import AfterValidator, Field

from credwatch.kernel.options import Options, read_toml
from credwatch.kernel.telephone import OptionalTelephone
from credwatch.kernel.thresholds import Numbers
from credwatch.world.addresses import EmailAddress, EmailDomain
from credwatch.world.entries import Id, Name, folded, require_unique


def _distinct(addresses: tuple[str, ...]) -> tuple[str, ...]:
    if len({folded(address) for address in addresses}) < len(addresses):
        raise ValueError("the addresses must differ: a second one is for when the first cannot be reached")
    return addresses


class Recognition(Options):
    """By what an event is known to concern a customer; the earlier key wins over the later."""

    organizations: tuple[Name, ...] = ()
    """What the application writes in `organization.id`, beside the customer's own id."""
    users: tuple[Name, ...] = ()
    """Login names."""
    email_domains: tuple[EmailDomain, ...] = ()
    """Domains of e-mail addresses, exactly: a sub-domain is another one."""
    hosts: tuple[Name, ...] = ()
    """Host names, with `*` and `?`."""


class Customer(Options):
    """One `[[customer]]`."""

    id: Id
    """Its id in events, incidents and notices."""
    name: Name
    """Its name, as a letter addresses it."""
    language: Literal["vi", "en"] = "vi"
    """The language that comes first in its notices."""
    notice_addresses: Annotated[tuple[EmailAddress, ...], Field(min_length=2), AfterValidator(_distinct)]
    """Who is told, at least two."""
    reserve_addresses: Annotated[tuple[EmailAddress, ...], AfterValidator(_distinct)] = ()
    """Who is told where a notice address sends a notice back, in this order; nobody logs in with these."""
    phone: OptionalTelephone = ""
    """Where it is called when it cannot be told by mail in time."""
    profile: Name = "default"
    """The policy profile its users are held to."""
    role_profiles: dict[Name, Name] = Field(default_factory=dict)
    """Further profiles for those with a role, by the role: of each rule the stricter one holds."""
    report_token_hashes: tuple[str, ...] = ()
    """Hashes of the tokens with which its programs report breaches; `credwatch contacts token ID` makes one."""
    regimes: tuple[Id, ...] = ()
    """The laws that its breaches fall under, whose clocks are kept for it: ids of regimes."""
    thresholds: Numbers = Field(default_factory=dict)
    """How much is enough for a rule where it concerns this customer, by the name of the rule."""
    service_ended: date | None = None
    """The last day of its service, UTC; what is archived of it goes some time after (`archive.after_service`)."""
    recognise: Recognition = Recognition()
    """By what its users and systems are known."""


class _CustomersFile(Options):
    customer: tuple[Customer, ...] = ()


def read_customers(text: str, where: str) -> tuple[Customer, ...]:
    """Read `customers.toml`; raises ConfigurationError or ProblemsFound with file, entry and key."""
    customers = read_toml(text, _CustomersFile, where=where).customer
    require_unique((customer.id for customer in customers), key="customer.id", where=where)
    return customers
