"""Which detections a silence hides."""

from __future__ import annotations

from collections.abc import Iterable
from ipaddress import ip_address, ip_network

from credwatch.kernel.account import compared
from credwatch.kernel.detection import Detection
from credwatch.kernel.silence import Silence


def needs_second(detection: Detection) -> bool:
    """Say whether one person alone may not hide it: takeovers, acts of staff, and what others must be told of."""
    return detection.consequence.is_grave or ("credwatch.actor.kind", "staff") in detection.details


def is_meant(silence: Silence, detection: Detection) -> bool:
    """Say whether a detection has all that a silence names, and nothing beside it; whoever agreed to it."""
    hosts = {value for name, value in (*detection.group, *detection.details) if name == "host.name"}
    accounts = {compared(account) for account in detection.accounts or (detection.subject,)}
    customers = {detection.organization, *detection.organizations}
    return (
        silence.rule in ("", detection.rule_id)
        and (not silence.account or accounts == {compared(silence.account)})
        and (not silence.customer or customers == {silence.customer})
        and (not silence.host or hosts == {silence.host})
        and (not silence.address or _are_within(detection.addresses, silence.address))
    )


def hides(silence: Silence, detection: Detection) -> bool:
    """Say whether a silence keeps a detection from opening an incident."""
    return is_meant(silence, detection) and (bool(silence.second) or not needs_second(detection))


def hiding(silences: Iterable[Silence], detection: Detection) -> str:
    """Name the first silence that hides a detection; empty where none does."""
    return next((silence.id for silence in silences if hides(silence, detection)), "")


def _are_within(addresses: tuple[str, ...], network: str) -> bool:
    """Say whether there are addresses, and all of them are in a network; what is no address is in none."""
    try:
        return bool(addresses) and all(ip_address(address) in ip_network(network) for address in addresses)
    except ValueError:
        return False
