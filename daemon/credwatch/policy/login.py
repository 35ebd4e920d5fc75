"""Judges a login, or an act within one, by the local rules: which factor, how old a password, when to ask again."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta

from msgspec import Struct, field

from credwatch.kernel.clock import rfc3339
from credwatch.policy.events import Caller
from credwatch.policy.factors import counting, resistant
from credwatch.policy.profile import PolicyProfile, Populations
from credwatch.policy.reasons import Reason, Refusal
from credwatch.world.entries import folded
from credwatch.world.exemptions import Exemption

_EXEMPTIBLE = frozenset({Reason.NO_SECOND_FACTOR, Reason.NO_RESISTANT_FACTOR, Reason.OLD_PASSWORD})
"""What an exemption may be from: rules of docs/posture.md."""


class LoginQuestion(Struct, frozen=True):
    """A login that the application holds for right, and what it knows of it."""

    caller: Caller
    """For whom."""
    factors: tuple[str, ...]
    """The second factors that were used, by the names that docs/gate.md lists; empty for none."""
    roles: tuple[str, ...] = ()
    """What the account may do, beside what the registers know."""
    account_made_at: datetime | None = None
    """When the account was made; None where the application does not say."""
    password_set_at: datetime | None = None
    """When its password was set; None where no password was used, or the application does not say."""
    factor_proven_at: datetime | None = None
    """When a second factor was given last; None where none was."""
    act: str = ""
    """What the person is about to do; empty for the login itself."""


class LoginStanding(Struct, frozen=True):
    """What registers and profiles say of the account of a login."""

    profile: PolicyProfile
    """Its rules."""
    populations: Populations = ()
    """To which populations it belongs."""
    roles: tuple[str, ...] = ()
    """Its roles by the registers."""
    exemptions: tuple[Exemption, ...] = ()
    """What it need not keep for a while."""


class LoginVerdict(Struct, frozen=True):
    """What came of it."""

    reasons: tuple[Refusal, ...] = ()
    """Every reason why not; empty where it is accepted."""
    waived: tuple[str, ...] = ()
    """What lets it pass all the same: the rule, and who has exempted it or until when there is grace."""
    unchecked: tuple[str, ...] = field(default_factory=tuple)
    """What could not be checked because nobody said it, such as password_age."""

    def spelled_out(self) -> dict[str, object]:
        """Return the verdict as JSON values, each reason in English and Vietnamese."""
        return {
            "accepted": not self.reasons,
            "reasons": [reason.spelled_out() for reason in self.reasons],
            "waived": list(self.waived),
            "unchecked": list(self.unchecked),
        }


def check_login(question: LoginQuestion, account: LoginStanding, now: datetime) -> LoginVerdict:
    """Hold a login against the rules; what an exemption or the time of grace covers is no reason."""
    reasons, waived = [], []
    for refusal in _refusals(question, account, now):
        if words := _waiver(refusal.reason, question, account, now):
            waived.append(f"{refusal.reason}: {words}")
        else:
            reasons.append(refusal)
    is_age_unknown = account.profile.password.maximum_age_days and question.password_set_at is None
    return LoginVerdict(tuple(reasons), tuple(waived), ("password_age",) if is_age_unknown else ())


def _refusals(question: LoginQuestion, account: LoginStanding, now: datetime) -> Iterator[Refusal]:
    mfa, password = account.profile.mfa, account.profile.password
    factors = counting(question.factors)
    if _is_required(question, account) and not factors:
        yield _ruled(Refusal(Reason.NO_SECOND_FACTOR), mfa.rules, _required_by(account))
    if {*mfa.phishing_resistant_for} & {*account.populations} and not resistant(factors):
        yield Refusal(Reason.NO_RESISTANT_FACTOR).under(mfa.rules)
    if _is_old(question.password_set_at, password.maximum_age_days, now):
        yield Refusal(Reason.OLD_PASSWORD, password.maximum_age_days).under(password.rules)
    if question.act in mfa.ask_again_before and not _is_fresh(question, mfa.ask_again_after_minutes, now):
        yield Refusal(Reason.ASK_AGAIN, mfa.ask_again_after_minutes).under(mfa.rules)


def _is_required(question: LoginQuestion, account: LoginStanding) -> bool:
    roles = {folded(role) for role in (*account.roles, *question.roles)}
    by_role = any(folded(role) in roles for role in account.profile.mfa.required_roles)
    return by_role or _required_by(account) == "required_for"


def _required_by(account: LoginStanding) -> str:
    """Name the key of the profile that asks this account for a second factor."""
    is_concerned = {*account.profile.mfa.required_for} & {*account.populations}
    return "required_for" if is_concerned else "required_roles"


def _ruled(refusal: Refusal, rules: dict[str, str], key: str) -> Refusal:
    return Refusal(refusal.reason, rule=rules.get(key, f"profile: mfa.{key}"))


def _is_old(set_at: datetime | None, days: int, now: datetime) -> bool:
    return bool(days) and set_at is not None and now - set_at > timedelta(days=days)


def _is_fresh(question: LoginQuestion, minutes: int, now: datetime) -> bool:
    """Say whether a second factor was given lately; one from a time ahead was not."""
    proven_at = question.factor_proven_at
    return proven_at is not None and timedelta(minutes=-1) <= now - proven_at <= timedelta(minutes=minutes)


def _waiver(reason: Reason, question: LoginQuestion, account: LoginStanding, now: datetime) -> str:
    if reason not in _EXEMPTIBLE:
        return ""
    for it in account.exemptions:
        if reason.value in it.rules and it.holds_at(now):
            return f"exempt by {it.approver} until {rfc3339(it.until)}"
    made_at, days = question.account_made_at, timedelta(days=account.profile.mfa.grace_days)
    if reason is not Reason.OLD_PASSWORD and made_at is not None and made_at <= now < made_at + days:
        return f"grace until {rfc3339(made_at + days)}"
    return ""
