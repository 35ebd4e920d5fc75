"""Says what a change of profiles would come to for the accounts that are known, before it is made."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta

from msgspec import Struct

from credwatch.kernel.account import Account
from credwatch.kernel.factor import Factor
from credwatch.policy.policies import Policies
from credwatch.policy.profile import PasswordProfile, PolicyProfile


class JudgedAccount(Struct, frozen=True):
    """One account with what the store knows of it."""

    account: Account
    """Whose."""
    factor: Factor | None = None
    """Its app for one-time codes, where the first code was given."""
    password_set: datetime | None = None
    """When its password was set last, UTC; None where nobody told the gate, or its profile remembers none."""


class Shortfall(Struct, frozen=True):
    """What one account does not comply with."""

    account: Account
    """Which."""
    key: str
    """By which key of the profile."""
    rule: str
    """Which text asks for it."""
    problem: str
    """What is missing."""


class Difference(Struct, frozen=True):
    """What a change of one profile for another comes to."""

    newly: tuple[Shortfall, ...]
    """Who complies now and would not then."""
    no_longer: tuple[Shortfall, ...]
    """Who does not comply now and would then."""
    next_password: tuple[str, ...]
    """Keys that become stricter and hold from the next password on: no password is kept, so nobody can say for whom."""
    unknown: tuple[Account, ...]
    """Accounts whose password's age nobody knows, where a profile asks for it."""


def difference(
    accounts: list[JudgedAccount], old: PolicyProfile, new: PolicyProfile, policies: Policies, now: datetime
) -> Difference:
    """Hold each account against both profiles."""
    before = {(it.account, it.key): it for account in accounts for it in shortfalls(account, old, policies, now)}
    after = {(it.account, it.key): it for account in accounts for it in shortfalls(account, new, policies, now)}
    is_aged = bool(old.password.maximum_age_days or new.password.maximum_age_days)
    return Difference(
        newly=tuple(it for key, it in after.items() if key not in before),
        no_longer=tuple(it for key, it in before.items() if key not in after),
        next_password=tuple(_stricter_keys(old.password, new.password)),
        unknown=tuple(it.account for it in accounts if is_aged and it.password_set is None),
    )


def shortfalls(judged: JudgedAccount, profile: PolicyProfile, policies: Policies, now: datetime) -> Iterator[Shortfall]:
    """Give what an account lacks, as far as the store knows it."""
    mfa, limit = profile.mfa, timedelta(days=profile.password.maximum_age_days)
    account, factor = judged.account, judged.factor
    asks = {
        "mfa.required_for": (
            policies.is_concerned(account, mfa.required_for) and factor is None,
            "no second factor is enrolled at the gate",
        ),
        "mfa.required_roles": (
            policies.has_role(account, mfa.required_roles) and factor is None,
            "no second factor is enrolled at the gate",
        ),
        "mfa.phishing_resistant_for": (
            policies.is_concerned(account, mfa.phishing_resistant_for),
            "no key or passkey is registered at the gate",
        ),
        "mfa.digits": (
            factor is not None and factor.digits < mfa.digits,
            f"its codes have fewer than {mfa.digits} digits",
        ),
        "mfa.step_seconds": (
            factor is not None and factor.step_seconds > mfa.step_seconds,
            f"its codes change less often than every {mfa.step_seconds} seconds",
        ),
        "password.maximum_age_days": (
            bool(limit) and judged.password_set is not None and judged.password_set + limit < now,
            f"the password is older than {limit.days} days",
        ),
    }
    for key, (is_short, problem) in asks.items():
        if is_short:
            yield Shortfall(account, key, _rule(profile, key), problem)


def _rule(profile: PolicyProfile, key: str) -> str:
    table, _, name = key.partition(".")
    rules: dict[str, str] = getattr(profile, table).rules
    return rules.get(name, "profile")


def _stricter_keys(old: PasswordProfile, new: PasswordProfile) -> Iterator[str]:
    for key in ("minimum_alone", "minimum_with_mfa", "require_classes", "minimum_zxcvbn_score", "remember"):
        before, after = getattr(old, key), getattr(new, key)
        if after > before:
            yield f"password.{key}: {before} → {after}"
    if new.maximum < old.maximum:
        yield f"password.maximum: {old.maximum} → {new.maximum}"
    if words := sorted(set(new.context_words) - set(old.context_words)):
        yield f"password.context_words: {', '.join(words)}"
