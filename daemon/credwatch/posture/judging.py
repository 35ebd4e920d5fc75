"""The rules that an account is held to, each a function from what is told of it to a judgement.

A rule says nothing of an account where the source does not tell what it asks about: to call that kept would be a guess,
and to call it broken would be another.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import datetime, timedelta
from enum import StrEnum

from msgspec import Struct

from credwatch.kernel.account import compared
from credwatch.policy.factors import counting, resistant
from credwatch.policy.profile import MfaProfile, Population
from credwatch.posture.account import AccountState
from credwatch.posture.hashes.scheme import Weakness
from credwatch.posture.options import PostureOptions
from credwatch.posture.rows import UNNAMED_FACTOR
from credwatch.world.owners import Owner


class AccountRule(StrEnum):
    """What an account is held to: values of `event.reason` in findings."""

    EMPTY_PASSWORD = "empty_password"  # noqa: S105 - the name of a rule
    WEAK_HASH = "weak_hash"
    GUESSABLE_PASSWORD = "guessable_password"  # noqa: S105 - the name of a rule
    OLD_PASSWORD = "old_password"  # noqa: S105 - the name of a rule
    NO_SECOND_FACTOR = "no_second_factor"
    NO_RESISTANT_FACTOR = "no_resistant_factor"
    DORMANT = "dormant"
    LEAVER = "leaver"
    SHARED = "shared"
    INTERACTIVE_SERVICE = "interactive_service"
    DEFAULT_ACCOUNT = "default_account"
    NO_OWNER = "no_owner"
    EXEMPTION_LAPSED = "exemption_lapsed"
    """Found by the review, not by looking at the account."""


class Judgement(Struct, frozen=True):
    """What a rule says of one account."""

    asked: bool
    """Whether the rule is about such an account."""
    kept: bool | None = None
    """Whether it is kept; None where the source does not tell."""
    detail: str = ""
    """What breaks it, in words that stay the same for as long as the trouble does."""


class Expectations(Struct, frozen=True):
    """What is asked of accounts, and what the registers know of them."""

    options: PostureOptions
    """What is asked."""
    owner_of: Callable[[str], Owner | None]
    """Finds whose an account is by the registers."""
    mfa_of: Callable[[str], MfaProfile]
    """Says what a customer's policy profile asks of second factors, by the customer's id."""
    staff: frozenset[str]
    """Ids, names and accounts of the staff, as they are compared."""


class Asked(Struct, frozen=True):
    """One account, as a rule sees it."""

    state: AccountState
    """How it stands."""
    expectations: Expectations
    """What is asked."""
    owner: Owner | None
    """Whose it is by the registers."""
    at: datetime
    """When it was read."""

    @property
    def is_privileged(self) -> bool:
        """Say whether it may change what others may do, by the source, its roles or the registers."""
        roles = {role.lower() for role in self.expectations.options.privileged_roles}
        by_role = any(role in roles for role in self.state.roles or ())
        return bool(self.state.is_privileged or by_role or (self.owner and self.owner.privileged))


_NOT_ASKED = Judgement(asked=False)
_KEPT = Judgement(asked=True, kept=True)
_UNTOLD = Judgement(asked=True)


def judge(asked: Asked) -> dict[AccountRule, Judgement]:
    """Hold an account to every rule; a disabled one is held to none."""
    if asked.state.is_enabled is False:
        return dict.fromkeys(_RULES, _NOT_ASKED)
    return {rule: judging(asked) for rule, judging in _RULES.items()}


def _broken(detail: str) -> Judgement:
    return Judgement(asked=True, kept=False, detail=detail)


def _empty_password(asked: Asked) -> Judgement:
    password = asked.state.password
    if password is None:
        return _UNTOLD
    return _broken("no password is asked for") if password.weakness is Weakness.EMPTY else _KEPT


def _weak_hash(asked: Asked) -> Judgement:
    password = asked.state.password
    if password is None or password.scheme == "unknown":
        return _UNTOLD
    if password.is_locked or password.weakness in (Weakness.NOTHING, Weakness.EMPTY):
        return _KEPT
    return _broken(" ".join(filter(None, (password.weakness.value, password.scheme, password.cost))))


def _guessable_password(asked: Asked) -> Judgement:
    """Ask only where the source's passwords may be tried; with what one was guessed is told to nobody."""
    if asked.state.source not in asked.expectations.options.audit.sources:
        return _NOT_ASKED
    if asked.state.is_guessable is None:
        return _UNTOLD
    return _broken("among the first that a guesser says") if asked.state.is_guessable else _KEPT


def _old_password(asked: Asked) -> Judgement:
    """Ask only where the policy names an age; SP 800-63B-4, section 3.1.1.2, asks for no periodic change."""
    ages = asked.expectations.options.password_age
    roles = ("*", *(asked.state.roles or ()))
    limits = [ages[role] for role in roles if role in ages]
    password = asked.state.password
    if not limits or (password is not None and (password.is_locked or password.scheme == "none")):
        return _NOT_ASKED
    changed_at = asked.state.password_changed_at
    if changed_at is None:
        return _UNTOLD
    return _KEPT if asked.at - changed_at <= min(limits) else _broken(f"changed on {changed_at.date()}")


def _no_second_factor(asked: Asked) -> Judgement:
    if asked.state.kind == "service" or not _needs_factor(asked) or _is_new(asked):
        return _NOT_ASKED
    if asked.state.factors is None:
        return _UNTOLD
    return _KEPT if counting(asked.state.factors) else _broken("no second factor")


def _needs_factor(asked: Asked) -> bool:
    expectations, mfa = asked.expectations, asked.expectations.mfa_of(asked.state.customer)
    roles = (*expectations.options.second_factor_roles, *mfa.required_roles)
    return _is_among(asked, mfa.required_for) or bool({role.lower() for role in roles} & {*(asked.state.roles or ())})


def _is_new(asked: Asked) -> bool:
    """Say whether the profile gives the account time still; not where the source does not tell how old it is."""
    made_at, days = asked.state.created_at, asked.expectations.mfa_of(asked.state.customer).grace_days
    return made_at is not None and asked.at - made_at < timedelta(days=days)


def _is_among(asked: Asked, populations: Iterable[Population]) -> bool:
    is_staff = asked.owner is not None and asked.owner.kind == "staff"
    own = {"all": True, "staff": is_staff, "privileged": asked.is_privileged}
    return any(own[population] for population in populations)


def _no_resistant_factor(asked: Asked) -> Judgement:
    is_concerned = asked.is_privileged or _is_among(
        asked, asked.expectations.mfa_of(asked.state.customer).phishing_resistant_for
    )
    if asked.state.kind == "service" or not is_concerned or _is_new(asked):
        return _NOT_ASKED
    factors = asked.state.factors
    if factors is None or factors == (UNNAMED_FACTOR,):
        return _UNTOLD
    if resistant(factors):
        return _KEPT
    return _broken(f"{_why_resistant(asked)}, and has {', '.join(counting(factors)) or 'no second factor'}")


def _why_resistant(asked: Asked) -> str:
    return "privileged" if asked.is_privileged else "the profile asks for a key or passkey"


def _dormant(asked: Asked) -> Judgement:
    state = asked.state
    used_at = state.last_login_at or (state.created_at if state.has_logged_in is False else None)
    if used_at is None:
        return _UNTOLD
    if asked.at - used_at <= asked.expectations.options.dormant_after:
        return _KEPT
    return _broken(f"used last on {used_at.date()}" if state.last_login_at else f"never used since {used_at.date()}")


def _leaver(asked: Asked) -> Judgement:
    state, staff = asked.state, asked.expectations.staff
    if state.owner_is_active is not None:
        return _KEPT if state.owner_is_active else _broken("the owner has left")
    if state.customer or not staff or not state.owner:
        return _UNTOLD
    return _KEPT if compared(state.owner) in staff else _broken("the owner is not in the register of staff")


def _shared(asked: Asked) -> Judgement:
    if asked.state.kind is None:
        return _UNTOLD
    return _broken("several people use it") if asked.state.kind == "shared" else _KEPT


def _interactive_service(asked: Asked) -> Judgement:
    state = asked.state
    if state.kind is None:
        return _UNTOLD
    if state.kind != "service":
        return _NOT_ASKED
    if state.is_interactive is None:
        return _UNTOLD
    is_open = state.is_interactive and not (state.password is not None and state.password.is_locked)
    return _broken("a person can log in with it") if is_open else _KEPT


def _default_account(asked: Asked) -> Judgement:
    names = {compared(name) for name in asked.expectations.options.default_accounts}
    if compared(asked.state.user) not in names:
        return _KEPT
    password = asked.state.password
    return _KEPT if password is not None and password.is_locked else _broken("a name that every guesser tries first")


def _no_owner(asked: Asked) -> Judgement:
    if asked.owner is not None or asked.state.owner:
        return _KEPT
    return _UNTOLD if asked.state.owner is None else _broken("nobody answers for it")


_RULES: dict[AccountRule, Callable[[Asked], Judgement]] = {
    AccountRule.EMPTY_PASSWORD: _empty_password,
    AccountRule.WEAK_HASH: _weak_hash,
    AccountRule.GUESSABLE_PASSWORD: _guessable_password,
    AccountRule.OLD_PASSWORD: _old_password,
    AccountRule.NO_SECOND_FACTOR: _no_second_factor,
    AccountRule.NO_RESISTANT_FACTOR: _no_resistant_factor,
    AccountRule.DORMANT: _dormant,
    AccountRule.LEAVER: _leaver,
    AccountRule.SHARED: _shared,
    AccountRule.INTERACTIVE_SERVICE: _interactive_service,
    AccountRule.DEFAULT_ACCOUNT: _default_account,
    AccountRule.NO_OWNER: _no_owner,
}
