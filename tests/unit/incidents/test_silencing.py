"""Which detections a silence hides, and which never."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from msgspec.structs import replace

from builders_outbox import NOON, a_detection
from credwatch.incidents.silencing import hides, hiding, is_meant
from credwatch.kernel.detection import Consequence, Detection
from credwatch.kernel.silence import Silence


def guessing(**changes: Any) -> Detection:
    """Build guessing at one account of a customer."""
    case: dict[str, Any] = {
        "consequence": Consequence("brute_force"),
        "organization": "acme",
        "organizations": ("acme",),
        "accounts": ("lan",),
        "addresses": ("192.0.2.7",),
        "details": (("host.name", "web1"),),
    }
    return a_detection(**case | changes)


def a_silence(**criteria: str) -> Silence:
    """Build a silence of one person."""
    expires_at = NOON + timedelta(days=1)
    return Silence(id="silence-1", by="lan", why="a test", starts_at=NOON, expires_at=expires_at, **criteria)


@pytest.mark.parametrize(
    ("criteria", "others"),
    [
        ({"rule": "r-1"}, {"rule_id": "r-2"}),
        ({"account": "LAN"}, {"accounts": ("lan", "mai")}),
        ({"account": "lan"}, {"accounts": ("mai",)}),
        ({"account": "./LAN"}, {"accounts": (r"acme\lan",)}),
        ({"customer": "acme"}, {"organizations": ("acme", "tanphat")}),
        ({"address": "192.0.2.0/24"}, {"addresses": ("192.0.2.7", "203.0.113.9")}),
        ({"address": "192.0.2.7/32"}, {"addresses": ()}),
        ({"address": "192.0.2.7"}, {"addresses": ("no address",)}),
        ({"host": "web1"}, {"details": (("host.name", "web2"),)}),
        ({"host": "web1", "rule": "r-1"}, {"details": ()}),
    ],
)
def test_a_criterion_means_that_alone(criteria: dict[str, str], others: dict[str, Any]) -> None:
    """What has all that is named is hidden; what has something else too, or lacks one of them, is not."""
    assert hides(a_silence(**criteria), guessing())
    assert not hides(a_silence(**criteria), guessing(**others))


@pytest.mark.parametrize(
    "grave",
    [
        {"consequence": Consequence("account_takeover")},
        {"consequence": Consequence("unauthorised_staff_access")},
        {"consequence": Consequence("privilege_change", workflows=("customer_notice",))},
        {"details": (("credwatch.actor.kind", "staff"),)},
    ],
)
def test_one_person_hides_nothing_grave(grave: dict[str, Any]) -> None:
    """Takeovers, acts of staff and what others must be told of are hidden with a second person alone."""
    silence, detection = a_silence(customer="acme"), guessing(**grave)
    assert is_meant(silence, detection)
    assert not hides(silence, detection)
    assert hides(replace(silence, second="mai"), detection)


def test_the_first_silence_is_named() -> None:
    """Of several that hide a detection the first counts it; where none does, nobody does."""
    first, second = a_silence(account="lan"), replace(a_silence(rule="r-1"), id="silence-2")
    assert "silence-1" == hiding([first, second], guessing())
    assert "silence-2" == hiding([first, second], guessing(accounts=("mai",)))
    assert "" == hiding([first], guessing(accounts=("mai",)))
