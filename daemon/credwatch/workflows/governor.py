"""The governor: decides whether a measure is carried out, waits for people, or is refused, and says on what grounds.

It decides in the transaction of the batch that asked for the measure. The store lets one writer in at a time, so what
was let go within the hour is counted and added to without a gap: no restart, kill or second process goes beyond a cap.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from ipaddress import ip_network

from msgspec import Struct
from msgspec.structs import replace

from credwatch.kernel.measure import Grounds, Measure, MeasureAction, MeasureState

HOUR = timedelta(hours=1)
"""What the caps are counted in."""
_MOST_DOUBLINGS = 20


class MeasureCaps(Struct, frozen=True):
    """How much may be done within an hour before people must approve more."""

    accounts: int = 10
    """Measures against accounts, in all."""
    accounts_of_customer: int = 3
    """Measures against accounts of one customer."""
    addresses: int = 200
    """Bans of addresses, in all."""
    addresses_of_customer: int = 100
    """Bans of addresses because of one customer's incidents, or of those of none."""


class Usage(Struct, frozen=True):
    """What was let go within the last hour: of the measure's kind, dry ones by themselves."""

    in_all: int
    """For everybody."""
    of_customer: int
    """For the measure's customer."""


def _nothing(_name: str) -> str:
    return ""


class Governor(Struct, frozen=True):
    """What the governor goes by."""

    caps: MeasureCaps = MeasureCaps()
    """How much may be done within an hour."""
    longest: timedelta = timedelta(days=7)
    """The longest that a measure lasts, however often it was repeated."""
    approvers: int = 2
    """How many people must approve what lies beyond a cap."""
    patience: timedelta = timedelta(days=1)
    """How long a measure waits for them before it lapses."""
    protector: Callable[[str], str] = _nothing
    """Tells which entry of the list protects an account or a block; empty where none does."""
    network: Callable[[str], str] = _nothing
    """Tells the kind of network that the operator's register has for an address: own, egress, mobile, private …"""


_SHARED = frozenset({"own", "egress", "mobile"})
_BY_STRANGERS = frozenset({"brute_force", "password_spray", "user_enumeration"})
"""Kinds of incidents whose evidence is what strangers typed."""


def judged(measure: Measure, governor: Governor, usage: Usage, *, stopped: bool, at_home: int = 0) -> Measure:
    """Return a measure with its verdict: dry, refused, held, or let go.

    `at_home` is how many accounts have long logged in from the address. What is refused is refused in a dry run too,
    and the caps count dry measures by themselves, so that a dry run shows what would happen.
    """
    now = measure.proposed_at
    objection, note = _objection(measure, governor)
    if objection is not None:
        return replace(measure, state=MeasureState.REFUSED, grounds=objection, note=note)
    grounds, note = _brake(measure, governor.caps, usage, stopped=stopped), ""
    if at_home and grounds is Grounds.WITHIN_CAPS:
        grounds, note = Grounds.FAMILIAR, f"{at_home} accounts" if at_home > 1 else "1 account"
    if measure.dry:
        # What the governor would have held does not count as let go.
        dry = measure.let_go(now) if grounds is Grounds.WITHIN_CAPS else measure
        return replace(dry, state=MeasureState.DRY, grounds=grounds, note=note)
    if grounds is Grounds.WITHIN_CAPS:
        return measure.let_go(now)
    return replace(measure, state=MeasureState.HELD, grounds=grounds, note=note)


def _objection(measure: Measure, governor: Governor) -> tuple[Grounds | None, str]:
    """Say what forbids a measure, whoever would approve it; to ask for a second factor locks nobody out."""
    if entry := governor.protector(measure.target):
        return Grounds.PROTECTED, entry
    if not measure.is_on_address:
        locks_out = measure.kind in _BY_STRANGERS and measure.action is not MeasureAction.REQUIRE_STEP_UP
        return (Grounds.NO_ACT, "") if locks_out else (None, "")
    kind = governor.network(str(ip_network(measure.target).network_address))
    if kind == "private":
        return Grounds.PRIVATE, ""
    return (Grounds.SHARED, kind) if kind in _SHARED else (None, "")


def _brake(measure: Measure, caps: MeasureCaps, usage: Usage, *, stopped: bool) -> Grounds:
    if stopped:
        return Grounds.STOPPED
    on_address = measure.is_on_address
    if usage.in_all >= (caps.addresses if on_address else caps.accounts):
        return Grounds.OVER_CAP
    if usage.of_customer >= (caps.addresses_of_customer if on_address else caps.accounts_of_customer):
        return Grounds.OVER_CUSTOMER_CAP
    return Grounds.WITHIN_CAPS


def lasting(measure: Measure, repeats: int, longest: timedelta) -> Measure:
    """Return a measure that lasts twice as long for each time that its target had one before."""
    lasts = min(measure.lasts * (1 << min(repeats, _MOST_DOUBLINGS)), max(longest, measure.lasts))
    return replace(measure, lasts=lasts, repeats=repeats)


def approvals_due(measure: Measure, governor: Governor) -> int:
    """Tell how many people must approve what waits: one alone where it does not lie beyond a cap."""
    return governor.approvers if measure.grounds in (Grounds.OVER_CAP, Grounds.OVER_CUSTOMER_CAP) else 1
