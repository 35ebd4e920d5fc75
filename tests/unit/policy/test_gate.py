"""The gate decides by the customer's profile, and each refusal and change is an event."""

import unicodedata

import pytest

from credwatch.kernel.errors import ConfigurationError, CredwatchError, StoreError
from credwatch.kernel.secret import Secret
from credwatch.policy.events import EventError, rendered
from credwatch.policy.password import PasswordAccepted, PasswordRefused, Verdict
from credwatch.policy.profile import MfaProfile, PasswordProfile, PolicyProfile
from credwatch.policy.totp import MfaOutcome, UnlockOutcome
from unit.policy.gate_fakes import GOOD, LAN, MemoryEvents, MovableClock, NoStore, a_caller, a_gate, a_question, a_totp
from unit.policy.test_totp import code_at

REMEMBERING = PolicyProfile(password=PasswordProfile(remember=2))
TRUSTING = PolicyProfile(password=PasswordProfile(remember=2, on_failure="accept"))


def codes(verdict: Verdict) -> list[str]:
    """List the codes of a refusal; none for an acceptance."""
    return [refusal.reason.value for refusal in verdict.reasons] if isinstance(verdict, PasswordRefused) else []


def test_a_refused_password_is_an_event() -> None:
    """A refusal is told with all its codes, an acceptance is not told."""
    events = MemoryEvents()
    gate = a_gate(events=events)
    assert isinstance(gate.check_password(a_question()), PasswordAccepted)
    assert codes(gate.check_password(a_question("password"))) == ["too_short", "common"]
    assert events.told() == [("password_check", False, "too_short,common")]


def test_customer_and_service_are_context() -> None:
    """The customer's name and the gate's service name may not be the password."""
    gate = a_gate()
    assert codes(gate.check_password(a_question("congtyhoasen2026"))) == ["context"]
    assert codes(gate.check_password(a_question("modoro2026modoro"))) == ["context"]
    assert codes(gate.check_password(a_question("phanmem2026phanmem", service="Phan Mem"))) == ["context"]


class Breaches:
    """A corpus that holds one password; away, it cannot tell."""

    def __init__(self, password: str = "", *, ready: bool = True) -> None:
        self._password = password
        self.ready = ready

    def source_of(self, password: str) -> str:
        if not self.ready:
            raise CredwatchError("the corpus is away", where="test")
        return "breached passwords" if password == self._password else ""


def test_a_breached_password_is_refused() -> None:
    """What was in a breach is refused beside every other reason, with its rule and its source; NFC is looked up."""
    gate = a_gate(breached=Breaches(GOOD))
    verdict = gate.check_password(a_question(unicodedata.normalize("NFD", GOOD)))
    assert isinstance(verdict, PasswordRefused)
    (reason,) = [refusal.spelled_out() for refusal in verdict.reasons]
    assert ("breached", "breached passwords") == (reason["code"], reason["source"])
    assert "NIST SP 800-63B-4, section 3.1.1.2: blocklist" == reason["rule"]
    assert ["too_short", "breached"] == codes(
        a_gate(breached=Breaches("giraffes")).check_password(a_question("giraffes"))
    )
    assert isinstance(gate.check_password(a_question("giraffes paint blue fences")), PasswordAccepted)


def test_a_corpus_that_is_away_is_the_profiles_matter() -> None:
    """Without an answer one profile refuses and another accepts; what is bad for another reason stays refused."""
    away = Breaches(ready=False)
    assert ["unavailable"] == codes(a_gate(breached=away).check_password(a_question()))
    accepted = a_gate(TRUSTING, breached=away).check_password(a_question())
    assert isinstance(accepted, PasswordAccepted)
    assert ("breached",) == accepted.unchecked
    assert ["too_short"] == codes(a_gate(TRUSTING, breached=away).check_password(a_question("giraffes")))


def test_a_changed_password_may_not_come_again() -> None:
    """A recorded change is an event, and the password is refused from then on."""
    events = MemoryEvents()
    gate = a_gate(REMEMBERING, events=events)
    assert gate.password_changed(a_question()) == 1
    assert codes(gate.check_password(a_question())) == ["reused"]
    assert events.told() == [("password_change", True, ""), ("password_check", False, "reused")]


def test_the_profile_decides_what_a_failure_means() -> None:
    """With history away, one profile refuses and another accepts, saying what was not checked."""
    assert codes(a_gate(REMEMBERING, passwords=NoStore()).check_password(a_question())) == ["unavailable"]
    accepted = a_gate(TRUSTING, passwords=NoStore()).check_password(a_question())
    assert isinstance(accepted, PasswordAccepted)
    assert accepted.unchecked == ("history",)
    assert isinstance(a_gate(TRUSTING).when_undecided(LAN), PasswordAccepted)
    assert codes(a_gate().when_undecided(LAN)) == ["unavailable"]


def test_a_refusal_stands_when_its_event_is_lost() -> None:
    """A bad password is refused under any profile, whether or not the event can be written."""
    gate = a_gate(TRUSTING, events=MemoryEvents(full=True))
    assert codes(gate.check_password(a_question("password"))) == ["too_short", "common"]


def test_a_change_that_cannot_be_kept_is_an_error() -> None:
    """Recording with the store away raises, so that the application can ask again."""
    with pytest.raises(StoreError):
        a_gate(REMEMBERING, passwords=NoStore()).password_changed(a_question())


def test_a_factor_from_enrolment_to_login() -> None:
    """Wrong first code, right first code, login, replay: each is told."""
    events, clock = MemoryEvents(), MovableClock()
    gate, caller = a_gate(events=events, clock=clock), a_caller()
    assert gate.enrol(caller) is not None
    assert not gate.confirm(caller, Secret("000000")).accepted
    assert gate.confirm(caller, code_at(clock.now)).accepted
    assert gate.enrol(caller) is None
    clock.move(60)
    assert gate.verify(caller, code_at(clock.now)).accepted
    assert MfaOutcome.REPLAYED is gate.verify(caller, code_at(clock.now)).outcome
    expected = [
        ("mfa_verify", False, "wrong"),
        ("factor_added", True, ""),
        ("mfa_verify", True, ""),
        ("mfa_verify", False, "replayed"),
    ]
    assert expected == events.told()


def test_a_lock_is_told_once_and_its_end_too() -> None:
    """The failure that locks is told as a lock, later ones as refusals; unlocking and removing name the operator."""
    events, caller = MemoryEvents(), a_caller()
    gate = a_gate(PolicyProfile(mfa=MfaProfile(max_failures=1)), events=events)
    operator = a_caller(by="an.support")
    gate.enrol(caller)
    gate.confirm(caller, Secret("000000"))
    gate.confirm(caller, Secret("000000"))
    assert UnlockOutcome.UNLOCKED is gate.unlock(operator, "seen in person")
    assert UnlockOutcome.NOT_LOCKED is gate.unlock(operator, "again")
    assert gate.remove(operator, "new phone")
    assert not gate.remove(operator, "again")
    expected = [
        ("mfa_verify", False, "wrong"),
        ("account_locked", True, "too_many_failures"),
        ("mfa_verify", False, "locked"),
        ("account_unlocked", True, "seen in person"),
        ("factor_removed", True, "new phone"),
    ]
    assert expected == events.told()
    assert events.written[-1].caller.by == "an.support"


def test_recovery_codes_are_events() -> None:
    """That they were made, and each use, right or wrong, is told as one of a recovery code."""
    events = MemoryEvents()
    gate = a_gate(events=events)
    caller = a_caller()
    assert gate.make_recovery_codes(caller) is None
    gate.enrol(caller)
    gate.confirm(caller, code_at(MovableClock().now))
    made = gate.make_recovery_codes(caller)
    assert made is not None
    assert gate.recover(caller, made[0]).accepted
    gate.recover(caller, made[0])
    written = [rendered(event, "1") for event in events.written]
    assert ["totp", "recovery_code", "recovery_code", "recovery_code"] == [
        event["credwatch"]["mfa"]["factor"] for event in written
    ]
    assert ["factor_added", "factor_added", "mfa_verify", "mfa_verify"] == [
        event["event"]["action"] for event in written
    ]


def test_second_factors_fail_closed() -> None:
    """Without key, store or a place for the event there is an error and no acceptance."""
    caller = a_caller()
    without_key = a_gate(totp=a_totp(key=None))
    assert not without_key.mfa_ready
    with pytest.raises(ConfigurationError):
        without_key.enrol(caller)
    with pytest.raises(StoreError):
        a_gate(totp=a_totp(NoStore())).verify(caller, Secret("000000"))
    events, clock = MemoryEvents(), MovableClock()
    gate = a_gate(events=events, clock=clock)
    gate.enrol(caller)
    events.full = True
    with pytest.raises(EventError):
        gate.confirm(caller, code_at(clock.now))


def test_no_secret_in_any_text() -> None:
    """Questions, verdicts, enrolments, events and errors show neither password nor secret."""
    gate, events = a_gate(events=(events := MemoryEvents())), events
    question = a_question()
    enrolment = gate.enrol(a_caller())
    shown = [repr(question), repr(gate.check_password(question)), repr(enrolment), repr(events.written)]
    try:
        a_gate(REMEMBERING, passwords=NoStore()).password_changed(question)
    except CredwatchError as error:
        shown.append(str(error))
    assert enrolment is not None
    text = "\n".join(shown)
    assert GOOD not in text
    assert enrolment.secret.reveal() not in text
