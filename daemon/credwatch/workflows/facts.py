"""What the workflows need to know of the world: small values the application fills from its registers."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import timedelta
from enum import StrEnum

from msgspec import Struct, field

from credwatch.kernel.command import Command, LegalClock
from credwatch.kernel.secrecy import SecrecyOrder
from credwatch.kernel.secret import Secret
from credwatch.workflows.enforcement import Enforcement
from credwatch.world.calendars import WorkingCalendar
from credwatch.world.people import Person
from credwatch.world.regimes import Regime
from credwatch.world.staff import Staff


class Role(StrEnum):
    """At whom credwatch runs."""

    PROVIDER = "provider"
    """At the vendor: it tells its customers."""
    CUSTOMER = "customer"
    """At one customer: it reports to the vendor."""


class Recipients(Struct, frozen=True):
    """Who must hear of what concerns one customer."""

    organization: str
    """The customer's id."""
    name: str
    """Its name, as a letter addresses it."""
    language: str
    """The language it reads first: vi or en."""
    addresses: tuple[str, ...]
    """Its notice addresses, at least two."""
    compromised: tuple[str, ...] = ()
    """Mailboxes of the customer that are believed compromised and must not be written to."""
    phone: str = ""
    """Where it is called when mail does not reach it; empty where nobody knows."""
    reserve: tuple[str, ...] = ()
    """Addresses that are written to where a notice address sends a letter back, in this order."""
    report_token_hashes: tuple[str, ...] = ()
    """The argon2id hashes of the tokens with which its programs report."""


class Contact(Struct, frozen=True):
    """Who stands under a message and can be asked about it."""

    name: str
    """The company."""
    mailbox: str
    """The address it reads."""
    phone: str = ""
    """The telephone number it answers."""
    address: str = ""
    """Where it sits."""


class Vendor(Struct, frozen=True):
    """To whom a customer reports its breaches."""

    name: str
    """The company."""
    mailbox: str
    """Its security mailbox."""
    language: str = "vi"
    """The language it reads first: vi or en."""
    phone: str = ""
    """Where it is called when mail does not reach it; empty where nobody knows."""
    reserve: str = ""
    """Where reports go that its security mailbox sends back; empty for nowhere."""


class Operators(Struct, frozen=True):
    """Who runs credwatch and hears of what it cannot do alone."""

    addresses: tuple[str, ...]
    """Their addresses."""
    language: str = "vi"
    """The language they read first: vi or en."""


class Duties(Struct, frozen=True):
    """How long each duty may take: the operator's own measure of the policy's "immediately"."""

    customer_notice: timedelta = timedelta(minutes=15)
    """From the detection to the acceptance of the notice."""
    disclosure_notice: timedelta = timedelta(minutes=15)
    """From the detection of the act to the acceptance of the notice."""
    breach_report: timedelta = timedelta(minutes=15)
    """From the detection to the acceptance of the report."""
    update: timedelta = timedelta(hours=72)
    """From a notice to the update that it promises."""
    report_answer: timedelta = timedelta(hours=24)
    """From a customer's report to the answer that it is owed."""
    answer: timedelta = timedelta(hours=24)
    """From the acceptance of a notice or report to the answer, and from one reminder to the next."""


class Ground(Struct, frozen=True):
    """On what ground an act of the staff rests."""

    id: str
    """Its id in the register."""
    basis: str
    """customer_request, court_order, authority_request or emergency."""
    document: str
    """Reference of the request or order."""
    issuer: str = ""
    """The person, court or authority that issued it."""
    secrecy: SecrecyOrder | None = None
    """The order that forbids to tell of it, about no incident yet; None where nothing forbids that."""


def _nobody(_account: str) -> str:
    return ""


def _no_person(_account: str) -> Person:
    return Person()


class Facts(Struct, frozen=True):
    """Everything a workflow may look at besides the incident itself."""

    role: Role
    """At whom credwatch runs."""
    sender: Contact
    """Who stands under every message."""
    operators: Operators
    """Who hears of escalations."""
    notice_key: Secret
    """The key of the verification codes."""
    contract: Regime
    """The contract between vendor and customers, whose duties the workflows do."""
    regimes: Mapping[str, tuple[Regime, ...]] = field(default_factory=dict)
    """The laws that apply to each customer by its id, and under the empty one those that apply to the operator."""
    calendar: WorkingCalendar = field(default_factory=WorkingCalendar)
    """Which days are working days."""
    recipients: Mapping[str, Recipients] = field(default_factory=dict)
    """The customers by id."""
    vendor: Vendor | None = None
    """Where reports go, in role customer."""
    authorisations: Mapping[str, Ground] = field(default_factory=dict)
    """The authorisations by id."""
    staff: Staff = field(default_factory=Staff)
    """The operator's own people."""
    duties: Duties = Duties()
    """How long each duty may take."""
    owner: Callable[[str], str] = _nobody
    """Tells whose account a name is (the customer's id), or an empty string where nobody knows."""
    person_of: Callable[[str], Person] = _no_person
    """Tells who answers for an account."""
    zone: str = "Asia/Ho_Chi_Minh"
    """The time zone that readers live in (IANA name)."""
    enforcement: Enforcement = Enforcement()
    """When which measures are taken, and what keeps them within bounds."""
    canary: str = ""
    """Where canaries are sent; empty where there are none."""


class Reaction(Struct, frozen=True):
    """What follows from a change or a tick; to be committed with what caused it."""

    commands: tuple[Command, ...] = ()
    """Messages to queue; those whose id is queued already change nothing."""
    clocks: tuple[LegalClock, ...] = ()
    """Clocks to start, or to update."""
    secrecy: tuple[SecrecyOrder, ...] = ()
    """Orders that forbid to tell of the incident; those that are known change nothing."""

    def __add__(self, other: Reaction) -> Reaction:
        return Reaction(self.commands + other.commands, self.clocks + other.clocks, self.secrecy + other.secrecy)
