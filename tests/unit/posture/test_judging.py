"""Each rule has an account that keeps it, one that breaks it, and one of which nobody can tell."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from credwatch.posture.hashes.recognise import recognise
from credwatch.posture.judging import AccountRule, Asked, Expectations, Judgement, judge
from credwatch.world.owners import Owner
from unit.posture.accounts import NOW, STAFF, an_account, expectations

ADMIN = Owner("lan-id", "staff", "support", True)
YEARS = timedelta(days=800)


def judged(asked: Expectations | None = None, **changes: Any) -> dict[AccountRule, Judgement]:
    """Hold an account to every rule."""
    asked = asked or expectations()
    return judge(Asked(an_account(**changes), asked, asked.owner_of("lan"), NOW))


def broken(asked: Expectations | None = None, **changes: Any) -> dict[str, str]:
    """Give the rules that an account breaks, with the detail."""
    judgements = judged(asked, **changes)
    return {rule.value: it.detail for rule, it in judgements.items() if it.asked and it.kept is False}


def test_an_account_in_order() -> None:
    """It breaks nothing, and everything that is asked of it is told."""
    assert {} == broken()
    assert not [rule for rule, it in judged().items() if it.asked and it.kept is None]


def test_an_account_of_which_nothing_is_told() -> None:
    """No rule but that of its name says anything: neither kept nor broken."""
    nothing = dict.fromkeys(an_account().__struct_fields__[3:])
    nobody = expectations(owner=None, population=("all",), password_age={"*": "60d"})
    judgements = judged(nobody, **nothing)
    assert [AccountRule.DEFAULT_ACCOUNT] == [rule for rule, it in judgements.items() if it.kept is not None]


@pytest.mark.parametrize(
    ("changes", "rule", "detail"),
    [
        ({"password": recognise("")}, "empty_password", "no password is asked for"),
        ({"password": recognise("$1$abcdefgh$Qm9v")}, "weak_hash", "broken_scheme md5_crypt"),
        ({"password": recognise("$2b$08$abc")}, "weak_hash", "low_cost bcrypt cost=8"),
        ({"factors": ()}, "no_second_factor", "no second factor"),
        ({"factors": ("email", "recovery-codes")}, "no_second_factor", "no second factor"),
        ({"is_privileged": True, "factors": ("totp",)}, "no_resistant_factor", "privileged, and has totp"),
        ({"roles": ("wheel",), "factors": ("push",)}, "no_resistant_factor", "privileged, and has push"),
        ({"last_login_at": NOW - timedelta(days=46)}, "dormant", "used last on 2026-01-15"),
        ({"last_login_at": None, "has_logged_in": False}, "dormant", "never used since 2025-01-26"),
        ({"owner_is_active": False}, "leaver", "the owner has left"),
        ({"owner_is_active": None, "owner": "minh-id"}, "leaver", "the owner is not in the register of staff"),
        ({"kind": "shared"}, "shared", "several people use it"),
        ({"kind": "service"}, "interactive_service", "a person can log in with it"),
        ({"user": "Admin"}, "default_account", "a name that every guesser tries first"),
    ],
)
def test_what_breaks_a_rule(changes: dict[str, Any], rule: str, detail: str) -> None:
    """One thing that is wrong breaks one rule, and the detail says what."""
    assert {rule: detail} == broken(**changes)


@pytest.mark.parametrize(
    "changes",
    [
        {"password": recognise("!$1$abcdefgh$Qm9v")},
        {"password": recognise("*"), "user": "root"},
        {"password": recognise(None)},
        {"kind": "service", "is_interactive": False, "factors": ()},
        {"kind": "service", "password": recognise("!")},
        {"is_privileged": True, "factors": ("second_factor",)},
        {"last_login_at": None, "has_logged_in": False, "created_at": NOW - timedelta(days=44)},
        {"customer": "acme", "owner": "somebody", "owner_is_active": None},
    ],
)
def test_what_breaks_none(changes: dict[str, Any]) -> None:
    """What only looks wrong, or cannot be told, is no finding."""
    assert {} == broken(**changes)


def test_a_disabled_account() -> None:
    """It is held to nothing, however bad it looks."""
    bad = {"password": recognise("hunter2"), "factors": (), "last_login_at": NOW - YEARS, "kind": "shared"}
    assert not any(it.asked for it in judged(is_enabled=False, **bad).values())


def test_an_account_of_nobody() -> None:
    """The source says that nobody answers for it, and no register knows it."""
    assert "no_owner" in broken(expectations(owner=None), owner="")
    assert "no_owner" not in broken(expectations(owner=STAFF), owner="")
    assert "no_owner" not in broken(expectations(owner=None), owner="lan-id")


@pytest.mark.parametrize(
    ("asked", "is_broken"),
    [
        (expectations(owner=None, population=("staff",)), False),
        (expectations(owner=None, population=("all",)), True),
        (expectations(owner=ADMIN, population=("privileged",)), True),
        (expectations(owner=STAFF, population=("privileged",)), False),
        (expectations(owner=None, population=(), second_factor_roles=["Sales"]), True),
    ],
)
def test_of_whom_a_second_factor_is_asked(asked: Expectations, is_broken: bool) -> None:
    """The profile asks it of staff, of the privileged, or of all; a role may need one too."""
    assert is_broken == ("no_second_factor" in broken(asked, factors=()))


def test_the_age_of_a_password() -> None:
    """It is asked only where an age is set; the shortest of an account's roles counts."""
    old = {"password_changed_at": NOW - timedelta(days=100)}
    assert {} == broken(expectations(), **old)
    assert {} == broken(expectations(password_age={"*": "365d", "admin": "60d"}), **old)
    shorter = expectations(password_age={"*": "365d", "sales": "60d"})
    assert {"old_password": "changed on 2025-11-22"} == broken(shorter, **old)
    assert {} == broken(shorter, **old, password=recognise("!"))


def test_the_profile_asks_staff_for_a_resistant_factor() -> None:
    """Where it does, an app for codes is not enough for staff without privileges; where it does not, it is."""
    app = {"factors": ("totp",)}
    asks = expectations(mfa={"phishing_resistant_for": ("staff",)})
    wanted = "the profile asks for a key or passkey, and has totp"
    assert {"no_resistant_factor": wanted} == broken(asks, **app)
    assert {} == broken(expectations(), **app)


def test_the_profile_asks_a_role_for_a_second_factor() -> None:
    """A role that the profile names needs one, whoever has it."""
    asks = expectations(owner=None, population=(), mfa={"required_roles": ("Sales",)})
    assert "no_second_factor" in broken(asks, factors=())
    assert "no_second_factor" not in broken(asks, factors=(), roles=("cook",))


def test_a_new_account_has_the_profiles_time_for_its_factor() -> None:
    """Within `grace_days` after it was made it is not asked; after them, and where nobody tells its age, it is."""
    asks = expectations(mfa={"grace_days": 14, "phishing_resistant_for": ("staff",)})
    both = {"no_second_factor", "no_resistant_factor"}
    assert not both & set(broken(asks, factors=(), created_at=NOW - timedelta(days=13)))
    assert both <= set(broken(asks, factors=(), created_at=NOW - timedelta(days=14)))
    assert both <= set(broken(asks, factors=(), created_at=None))
