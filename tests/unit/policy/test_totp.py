"""One-time codes count once, guesses are slowed and then locked (RFC 6238; NIST SP 800-63B-4, section 3.2.2)."""

import base64
from datetime import UTC, datetime, timedelta
from urllib.parse import parse_qs, urlparse

import pyotp
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from credwatch.kernel.account import Account
from credwatch.kernel.errors import ConfigurationError, StoreError
from credwatch.kernel.secret import Secret
from credwatch.policy.profile import MfaProfile
from credwatch.policy.sealing import Sealer
from credwatch.policy.totp import MfaOutcome, MfaVerdict, Totp, UnlockOutcome
from unit.policy.gate_fakes import KEY, LAN, RFC_SECRET, START, MemoryFactors, NoStore, a_totp

PROFILE = MfaProfile()
LATER = START + timedelta(minutes=10)


def code_at(moment: datetime, steps: int = 0) -> Secret:
    """Compute the code that the authenticator shows."""
    return Secret(pyotp.TOTP(RFC_SECRET).at(moment, counter_offset=steps))


def enrolled(factors: MemoryFactors | None = None, profile: MfaProfile = PROFILE) -> Totp:
    """Build a service in which Lan has a confirmed factor."""
    totp = a_totp(factors)
    totp.enrol(LAN, profile, START)
    assert totp.confirm(LAN, code_at(START), profile, START).accepted
    return totp


def outcome(totp: Totp, code: str | Secret, now: datetime = LATER, profile: MfaProfile = PROFILE) -> MfaVerdict:
    """Verify a code."""
    return totp.verify(LAN, code if isinstance(code, Secret) else Secret(code), profile, now)


@pytest.mark.parametrize(
    ("seconds", "code"),
    [
        (59, "94287082"),
        (1111111109, "07081804"),
        (1111111111, "14050471"),
        (1234567890, "89005924"),
        (2000000000, "69279037"),
        (20000000000, "65353130"),
    ],
)
def test_rfc_6238_vectors(seconds: int, code: str) -> None:
    """The SHA-1 vectors of RFC 6238, appendix B are accepted at their moments."""
    profile = MfaProfile(digits=8)
    totp = a_totp()
    totp.enrol(LAN, profile, START)
    moment = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(seconds=seconds)
    assert totp.confirm(LAN, Secret(code), profile, moment).accepted


def test_enrolment_gives_a_160_bit_secret_once() -> None:
    """The secret has 160 bits, the URI names issuer and account, and a second enrolment is refused."""
    totp = Totp(MemoryFactors(), Sealer(KEY), issuer="MODORO")
    enrolment = totp.enrol(LAN, PROFILE, START)
    assert enrolment is not None
    secret = enrolment.secret.reveal()
    assert 8 * len(base64.b32decode(secret)) == 160
    uri = urlparse(enrolment.uri.reveal())
    assert (uri.scheme, uri.netloc, uri.path) == ("otpauth", "totp", "/MODORO:lan")
    assert [secret] == parse_qs(uri.query)["secret"]
    assert totp.confirm(LAN, Secret(pyotp.TOTP(secret).at(START)), PROFILE, START).accepted
    assert totp.enrol(LAN, PROFILE, START) is None


def test_a_factor_counts_from_its_first_code() -> None:
    """Before the first code no code is accepted; after it none can confirm again."""
    totp = a_totp()
    assert MfaOutcome.NOT_ENROLLED is outcome(totp, "000000").outcome
    totp.enrol(LAN, PROFILE, START)
    assert MfaOutcome.NOT_ENROLLED is outcome(totp, code_at(LATER)).outcome
    assert MfaOutcome.WRONG is totp.confirm(LAN, Secret("000000"), PROFILE, START).outcome
    assert totp.confirm(LAN, code_at(START), PROFILE, START).accepted
    assert MfaOutcome.NOT_ENROLLED is totp.confirm(LAN, code_at(LATER), PROFILE, LATER).outcome


@pytest.mark.parametrize(("steps", "accepted"), [(-2, False), (-1, True), (0, True), (1, True), (2, False)])
def test_one_step_either_way(steps: int, accepted: bool) -> None:
    """Codes one step early or late are accepted, two steps are not."""
    assert accepted is outcome(enrolled(), code_at(LATER, steps)).accepted


def test_a_code_counts_once() -> None:
    """The second use of a code is a replay, also in the next step, and so is an earlier code."""
    totp = enrolled()
    code, before = code_at(LATER), code_at(LATER, -1)
    assert outcome(totp, code).accepted
    assert MfaOutcome.REPLAYED is outcome(totp, code).outcome
    assert MfaOutcome.REPLAYED is outcome(totp, code, LATER + timedelta(seconds=30)).outcome
    assert MfaOutcome.REPLAYED is outcome(totp, before).outcome
    assert outcome(totp, code_at(LATER, 1)).accepted


def test_the_confirming_code_counts_as_used() -> None:
    """The code that confirmed the factor does not log in as well."""
    assert MfaOutcome.REPLAYED is outcome(enrolled(), code_at(START), START).outcome


def test_guesses_are_slowed_and_locked() -> None:
    """Three mistakes are free, then the wait doubles from 30 s to its longest, and the tenth failure locks."""
    totp, now, waits = enrolled(), LATER, []
    for _ in range(9):
        verdict = outcome(totp, "000000", now)
        assert MfaOutcome.WRONG is verdict.outcome
        waits.append((verdict.until - now).total_seconds() if verdict.until else 0)
        now = verdict.until or now
    assert waits == [0, 0, 30, 60, 120, 240, 480, 960, 1920]
    assert MfaVerdict(MfaOutcome.WRONG, locked_now=True) == outcome(totp, "000000", now)
    assert MfaOutcome.LOCKED is outcome(totp, code_at(now), now).outcome


def test_the_longest_wait_is_the_longest() -> None:
    """A wait never grows beyond the profile's longest."""
    profile = MfaProfile(max_failures=100, wait_longest_seconds=90)
    totp, now = enrolled(profile=profile), LATER
    for _ in range(60):
        verdict = outcome(totp, "000000", now, profile)
        assert verdict.until is None or verdict.until - now <= timedelta(seconds=90)
        now = verdict.until or now


def test_the_right_code_waits_too() -> None:
    """While a wait runs no code is looked at, and looking does not count; behind it the right one is accepted."""
    totp = enrolled()
    for _ in range(3):
        until = outcome(totp, "000000").until
    assert until is not None
    just_before = until - timedelta(seconds=1)
    for _ in range(20):
        assert MfaVerdict(MfaOutcome.THROTTLED, until=until) == outcome(totp, code_at(just_before), just_before)
    assert outcome(totp, code_at(until), until).accepted


def test_a_code_taken_by_a_wrong_clock_spends_no_other() -> None:
    """A login under a clock two days ahead leaves today's codes good, and its own code used when its day comes."""
    totp, ahead = enrolled(), LATER + timedelta(days=2)
    assert outcome(totp, code_at(ahead), ahead).accepted
    assert outcome(totp, code_at(LATER)).accepted
    assert MfaOutcome.REPLAYED is outcome(totp, code_at(LATER)).outcome
    assert MfaOutcome.REPLAYED is outcome(totp, code_at(ahead), ahead).outcome
    assert outcome(totp, code_at(ahead, 1), ahead).accepted


def test_a_wait_set_by_a_wrong_clock_is_the_usual_wait() -> None:
    """Mistakes under a clock two days ahead cost half a minute of the right time, from the first question on."""
    totp, ahead = enrolled(), LATER + timedelta(days=2)
    for _ in range(3):
        outcome(totp, "000000", ahead)
    until = LATER + timedelta(seconds=30)
    for seconds in (0, 10, 29):
        moment = LATER + timedelta(seconds=seconds)
        assert MfaVerdict(MfaOutcome.THROTTLED, until=until) == outcome(totp, code_at(moment), moment)
    assert outcome(totp, code_at(until), until).accepted


def test_a_wait_outlasts_a_clock_that_is_set_forward() -> None:
    """Whoever sets the clock a day ahead has the whole wait before him, and no more of it than there was."""
    present = 1000.0
    totp = a_totp(steady=lambda: present)
    totp.enrol(LAN, PROFILE, START)
    assert totp.confirm(LAN, code_at(START), PROFILE, START).accepted
    for _ in range(3):
        outcome(totp, "000000")
    present += 10
    ahead = LATER + timedelta(days=1)
    verdict = outcome(totp, code_at(ahead), ahead)
    assert MfaVerdict(MfaOutcome.THROTTLED, until=ahead + timedelta(seconds=20)) == verdict
    present += 20
    assert outcome(totp, code_at(ahead, 1), ahead + timedelta(seconds=20)).accepted


def test_success_forgets_failures() -> None:
    """After a success the free mistakes are free again."""
    totp = enrolled()
    outcome(totp, "000000")
    outcome(totp, "000000")
    assert outcome(totp, code_at(LATER)).accepted
    assert outcome(totp, "000000").until is None


def test_a_new_secret_does_not_forget_failures() -> None:
    """Asking for a new secret before the first code gives no new guesses."""
    factors = MemoryFactors()
    totp = a_totp(factors)
    totp.enrol(LAN, PROFILE, START)
    totp.confirm(LAN, Secret("000000"), PROFILE, START)
    totp.enrol(LAN, PROFILE, START)
    assert factors.kept[LAN].failures == 1


def test_an_operator_unlocks() -> None:
    """Unlocking frees a locked factor once; what is not locked stays as it is."""
    profile = MfaProfile(max_failures=1)
    totp = enrolled(profile=profile)
    assert UnlockOutcome.NOT_LOCKED is totp.unlock(LAN)
    assert outcome(totp, "000000", profile=profile).locked_now
    assert UnlockOutcome.UNLOCKED is totp.unlock(LAN)
    assert outcome(totp, code_at(LATER), profile=profile).accepted


def test_a_hundred_failures_end_a_factor() -> None:
    """However often an operator unlocks, the hundredth failure in a row leaves only a new enrolment."""
    profile = MfaProfile(max_failures=1)
    totp = enrolled(profile=profile)
    for _ in range(99):
        outcome(totp, "000000", profile=profile)
        assert UnlockOutcome.UNLOCKED is totp.unlock(LAN)
    outcome(totp, "000000", profile=profile)
    assert UnlockOutcome.REENROL is totp.unlock(LAN)
    assert totp.remove(LAN)
    assert totp.enrol(LAN, profile, LATER) is not None


def test_removal() -> None:
    """A removed factor is gone; there is nothing to remove twice."""
    totp = enrolled()
    assert totp.remove(LAN)
    assert not totp.remove(LAN)
    assert MfaOutcome.NOT_ENROLLED is outcome(totp, code_at(LATER)).outcome


def test_a_profile_changed_later_leaves_enrolled_factors_alone() -> None:
    """An authenticator with six digits goes on when the profile asks new ones for eight."""
    assert outcome(enrolled(), code_at(LATER), profile=MfaProfile(digits=8, step_seconds=60)).accepted


def test_blanks_in_a_code_are_passed_over() -> None:
    """`123 456` is the code that the authenticator shows as two groups."""
    code = code_at(LATER).reveal()
    assert outcome(enrolled(), f"{code[:3]} {code[3:]}").accepted


def test_without_key_or_store_nothing_is_accepted() -> None:
    """A missing key and a missing store are errors, not acceptances."""
    factors = MemoryFactors()
    enrolled(factors)
    with pytest.raises(ConfigurationError):
        outcome(a_totp(factors, key=None), code_at(LATER))
    with pytest.raises(ConfigurationError):
        a_totp(key=None).enrol(LAN, PROFILE, START)
    with pytest.raises(StoreError):
        outcome(a_totp(NoStore()), code_at(LATER))


def test_accounts_are_apart() -> None:
    """A code of one account is no code of another."""
    verdict = enrolled().verify(Account("hoasen", "mai"), code_at(LATER), PROFILE, LATER)
    assert MfaOutcome.NOT_ENROLLED is verdict.outcome


@settings(max_examples=200)
@given(st.text(st.characters(), max_size=40))
def test_no_code_raises(code: str) -> None:
    """Whatever is typed as a code, the answer is a verdict."""
    right = {code_at(LATER, steps).reveal() for steps in (-1, 0, 1)}
    expected = MfaOutcome.ACCEPTED if code.replace(" ", "") in right else MfaOutcome.WRONG
    assert expected is outcome(enrolled(), code).outcome
