"""Local rules for logins: which factor, how old a password, when to ask again, and what excuses from them."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest

from builders_outbox import NOON
from credwatch.policy.gate import CustomerPolicy, Gate
from credwatch.policy.login import LoginQuestion, LoginStanding, LoginVerdict, check_login
from credwatch.policy.profile import MfaProfile, PasswordProfile, PolicyProfile
from credwatch.policy.reasons import Reason
from credwatch.world.exemptions import Exemption
from unit.policy.gate_fakes import GOOD, LAN, MemoryEvents, a_caller, a_gate, a_question

DAY = timedelta(days=1)
MINUTE = timedelta(minutes=1)


def a_login(*factors: str, **changes: Any) -> LoginQuestion:
    """Build a login with these second factors."""
    return LoginQuestion(a_caller(), factors, **changes)


def standing(mfa: dict[str, Any], password: dict[str, Any] | None = None, **changes: Any) -> LoginStanding:
    """Build the standing of a member of the staff."""
    profile = PolicyProfile(mfa=MfaProfile(**mfa), password=PasswordProfile(**(password or {})))
    return LoginStanding(profile, **({"populations": ("staff", "all")} | changes))


def codes(verdict: LoginVerdict) -> list[str]:
    """List the codes of the reasons."""
    return [reason.reason.value for reason in verdict.reasons]


def an_exemption(rule: str, until: datetime = NOON + DAY) -> Exemption:
    """Build an exemption of Lan from a rule, by An."""
    return Exemption(
        account="lan", rules=(rule,), reason="A lost key", approver="an", since=NOON - 30 * DAY, until=until
    )


@pytest.mark.parametrize("factors", [(), ("password",), ("email",), ("recovery_code",)])
def test_who_must_have_a_second_factor_is_refused_without(factors: tuple[str, ...]) -> None:
    """What is no second factor by the standard counts as none; the refusal names the text that asks for it."""
    rules = {"required_for": "contract 2026/17, clause 4"}
    verdict = check_login(a_login(*factors), standing({"required_for": ("staff",), "rules": rules}), NOON)
    (reason,) = (it.spelled_out() for it in verdict.reasons)
    assert ("no_second_factor", "contract 2026/17, clause 4") == (reason["code"], reason["rule"])
    assert () == check_login(a_login("totp"), standing({"required_for": ("staff",)}), NOON).reasons
    assert () == check_login(a_login(), standing({"required_for": ("privileged",)}), NOON).reasons


def test_a_role_needs_a_second_factor_whoever_says_it() -> None:
    """A role counts in any letter case, from the registers or from the application, and the rule names its key."""
    mfa = {"required_for": (), "required_roles": ("Accountant",)}
    by_register = check_login(a_login(), standing(mfa, roles=("accountant",)), NOON)
    by_application = check_login(a_login(roles=("ACCOUNTANT",)), standing(mfa), NOON)
    assert ["no_second_factor"] == codes(by_register) == codes(by_application)
    assert "profile: mfa.required_roles" == by_register.reasons[0].spelled_out()["rule"]
    assert [] == codes(check_login(a_login(roles=("cook",)), standing(mfa), NOON))


def test_staff_need_a_factor_that_no_false_page_can_pass_on() -> None:
    """A code or push is not enough where the profile asks for a key; a passkey is."""
    asks = standing({"phishing_resistant_for": ("staff",)})
    assert ["no_resistant_factor"] == codes(check_login(a_login("totp", "push"), asks, NOON))
    assert [] == codes(check_login(a_login("passkey"), asks, NOON))


@pytest.mark.parametrize(("age", "reasons"), [(90, []), (91, ["old_password"])])
def test_a_password_beyond_its_age_is_refused(age: int, reasons: list[str]) -> None:
    """The first moment behind the profile's days, and not before; the number stands in the sentence."""
    password = {"maximum_age_days": 90}
    asks = standing({"required_for": ()}, password)
    verdict = check_login(a_login(password_set_at=NOON - age * DAY), asks, NOON)
    assert reasons == codes(verdict)
    assert all("90" in reason.sentence("vi") for reason in verdict.reasons)
    assert ("password_age",) == check_login(a_login(), asks, NOON).unchecked, "nobody said how old it is"


@pytest.mark.parametrize(
    ("proven", "reasons"),
    [(None, ["ask_again"]), (15, []), (16, ["ask_again"]), (-5, ["ask_again"])],
    ids=["never", "lately", "long ago", "ahead"],
)
def test_risky_acts_ask_again(proven: int | None, reasons: list[str]) -> None:
    """Before an act that the profile names the second factor must be fresh; before others it need not be."""
    asks = standing({"ask_again_before": ("data_export",), "ask_again_after_minutes": 15})
    at = None if proven is None else NOON - proven * MINUTE
    export = a_login("totp", act="data_export", factor_proven_at=at)
    assert reasons == codes(check_login(export, asks, NOON))
    assert [] == codes(check_login(a_login("totp", act="print", factor_proven_at=at), asks, NOON))


def test_there_is_a_time_of_grace_after_an_account_is_made() -> None:
    """Within it the login passes and the answer says until when; after it, and where nobody says its age, not."""
    asks = standing({"required_for": ("all",), "grace_days": 14})
    verdict = check_login(a_login(account_made_at=NOON - 13 * DAY), asks, NOON)
    assert ([], ("no_second_factor: grace until 2026-11-21T05:00:00.000Z",)) == (codes(verdict), verdict.waived)
    for made_at in (NOON - 14 * DAY, NOON + DAY, None):
        assert ["no_second_factor"] == codes(check_login(a_login(account_made_at=made_at), asks, NOON))


def test_an_exemption_holds_until_its_end_and_names_who_approved_it() -> None:
    """It is from the rule it names alone."""
    mfa = {"required_for": ("staff",), "phishing_resistant_for": ("staff",)}
    exempt = standing(mfa, exemptions=(an_exemption("no_resistant_factor"),))
    verdict = check_login(a_login("totp"), exempt, NOON)
    assert ([], ("no_resistant_factor: exempt by an until 2026-11-21T05:00:00.000Z",)) == (
        codes(verdict),
        verdict.waived,
    )
    assert ["no_second_factor"] == codes(check_login(a_login(), exempt, NOON))
    over = standing(mfa, exemptions=(an_exemption("no_resistant_factor", NOON),))
    assert ["no_resistant_factor"] == codes(check_login(a_login("totp"), over, NOON))


def test_nobody_is_exempt_from_being_asked_again() -> None:
    """Exemptions are from the rules of accounts, not from a question before a risky act."""
    asks = standing({"ask_again_before": ("data_export",)}, exemptions=(an_exemption(Reason.ASK_AGAIN.value),))
    assert ["ask_again"] == codes(check_login(a_login("totp", act="data_export"), asks, NOON))


def _gate(profile: PolicyProfile, events: MemoryEvents) -> Gate:
    return a_gate(profile, events=events, clock=lambda: NOON)


def test_a_refused_login_is_an_event_and_an_accepted_one_is_none() -> None:
    """The event names account and reasons."""
    events = MemoryEvents()
    gate = _gate(PolicyProfile(mfa=MfaProfile(ask_again_before=("data_export",))), events)
    assert [] == codes(gate.check_login(a_login("totp")))
    assert ["ask_again"] == codes(gate.check_login(a_login("totp", act="data_export")))
    assert [("login_check", False, "ask_again")] == events.told()


def test_the_age_of_a_remembered_password_counts() -> None:
    """Where the application does not say when it was set, the gate knows it from the recorded change."""
    moment = [NOON - 91 * DAY]
    profile = PolicyProfile(password=PasswordProfile(maximum_age_days=90, remember=1))
    gate = a_gate(profile, clock=lambda: moment[0])
    gate.password_changed(a_question(GOOD))
    assert [] == codes(gate.check_login(a_login()))
    moment[0] = NOON
    assert ["old_password"] == codes(gate.check_login(a_login()))


def test_pushes_are_counted_and_the_next_ones_refused() -> None:
    """Five an hour by default; the sixth is refused with rule and moment, told as an event, and does not count."""
    events = MemoryEvents()
    gate = _gate(PolicyProfile(), events)
    assert [None] * 5 == [gate.count_push(a_caller()).refusal for _ in range(5)]
    verdict = gate.count_push(a_caller())
    assert verdict.refusal is not None
    assert ("too_many_pushes", 5) == (verdict.refusal.reason.value, verdict.refusal.limit)
    assert "NIST SP 800-63B-4" in str(verdict.refusal.spelled_out()["rule"])
    assert NOON + timedelta(hours=1) == verdict.until
    assert [("login_check", False, "too_many_pushes")] == events.told()


def test_a_policy_without_registers_is_the_profile_alone() -> None:
    """Where nobody knows the account, no population is asked for anything."""
    assert LoginStanding(PolicyProfile()) == CustomerPolicy(PolicyProfile(), LAN.organization).login_standing()
