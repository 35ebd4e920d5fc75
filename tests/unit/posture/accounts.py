"""Accounts that keep every rule unless a test says otherwise, and what is asked of them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from credwatch.policy.profile import MfaProfile
from credwatch.posture.account import AccountState
from credwatch.posture.hashes.recognise import recognise
from credwatch.posture.judging import Expectations
from credwatch.posture.options import PostureOptions
from credwatch.world.owners import Owner

NOW = datetime(2026, 3, 2, 8, tzinfo=UTC)
STAFF = Owner("lan-id", "staff", "support", False)


def an_account(**changes: Any) -> AccountState:
    """Give an account of which everything is told, and which keeps every rule."""
    state = {
        "user": "lan",
        "source": "site",
        "customer": "",
        "password": recognise("$2b$12$" + "a" * 53),
        "password_changed_at": NOW - timedelta(days=10),
        "created_at": NOW - timedelta(days=400),
        "last_login_at": NOW - timedelta(days=1),
        "has_logged_in": True,
        "factors": ("webauthn",),
        "roles": ("sales",),
        "owner": "lan-id",
        "owner_is_active": True,
        "is_enabled": True,
        "is_privileged": False,
        "is_interactive": True,
        "kind": "person",
    }
    return AccountState(**(state | changes))


def expectations(
    owner: Owner | None = STAFF,
    population: tuple[str, ...] = ("staff",),
    mfa: dict[str, Any] | None = None,
    **options: Any,
) -> Expectations:
    """Give what is asked of accounts whose owner the registers say is this one."""
    return Expectations(
        PostureOptions.model_validate(options),
        lambda _account: owner,
        lambda _customer: MfaProfile(required_for=population, **(mfa or {})),  # type: ignore[arg-type]
        frozenset({"lan-id"}),
    )
