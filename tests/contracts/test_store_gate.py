"""What every keeper of past passwords and second factors must do."""

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime

import pytest
from msgspec.structs import replace

from contracts.conftest import KINDS
from credwatch.kernel.account import Account
from credwatch.kernel.factor import Factor
from credwatch.kernel.secret import Secret
from credwatch.policy.history import PastPasswords
from credwatch.policy.profile import MfaProfile
from credwatch.policy.totp import Factors, MfaOutcome
from credwatch.store.gate import FactorRows, PasswordHashes
from unit.policy.gate_fakes import MemoryFactors, MemoryPasswords, a_totp
from unit.policy.test_totp import code_at

LAN, MAI = Account("hoasen", "lan"), Account("hoasen", "mai")
NOON = datetime(2026, 3, 9, 12, 0, 0, 123456, tzinfo=UTC)


@pytest.fixture(params=["memory", *KINDS])
def place(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def factors(place: str, request: pytest.FixtureRequest) -> Factors:
    return MemoryFactors() if place == "memory" else FactorRows(request.getfixturevalue(f"on_{place}"))


@pytest.fixture
def passwords(place: str, request: pytest.FixtureRequest) -> PastPasswords:
    return MemoryPasswords() if place == "memory" else PasswordHashes(request.getfixturevalue(f"on_{place}"))


def a_factor(**changes: object) -> Factor:
    """Build a factor in which no field has its default."""
    facts = {
        "sealed": "v1.x.y",
        "digits": 8,
        "step_seconds": 60,
        "enrolled_at": NOON,
        "confirmed_at": NOON,
        "used_steps": ((58_000_000, 58_000_002), (59_000_000, 59_000_000)),
        "failures": 4,
        "forgiven": 1,
        "wait_until": NOON,
        "locked_at": NOON,
        "recovery_salt": "5eed",
        "recovery_codes": ("a1", "b2"),
    }
    return Factor(**(facts | changes))  # type: ignore[arg-type]


def put(factors: Factors, account: Account, factor: Factor | None) -> None:
    """Keep a factor."""
    factors.change(account, lambda _before: (factor, None))


def read(factors: Factors, account: Account) -> Factor | None:
    """Look at a factor without changing it."""
    return factors.change(account, lambda before: (before, before))


@pytest.mark.parametrize("factor", [a_factor(), a_factor(confirmed_at=None, wait_until=None, locked_at=None)])
def test_a_factor_is_kept_exactly(factors: Factors, factor: Factor) -> None:
    """What was kept is read again, to the microsecond, and for its account only."""
    put(factors, LAN, factor)
    assert factor == read(factors, LAN)
    assert read(factors, MAI) is None


def test_factors_change_and_go(factors: Factors) -> None:
    """A factor can be replaced, removed, and kept anew; removing what is not there is nothing."""
    for kept in (a_factor(), a_factor(failures=5), None, None, a_factor(failures=6)):
        put(factors, LAN, kept)
        assert kept == read(factors, LAN)


def test_a_decision_that_raises_keeps_nothing(factors: Factors) -> None:
    """What the decision raises reaches the caller, and the factor stays as it was."""
    put(factors, LAN, a_factor())

    def refuse(_factor: Factor | None) -> tuple[Factor | None, None]:
        raise LookupError

    with pytest.raises(LookupError):
        factors.change(LAN, refuse)
    assert a_factor() == read(factors, LAN)


def test_changes_never_overlap(factors: Factors) -> None:
    """Of many changes at a time, none is lost."""
    put(factors, LAN, a_factor(failures=0))

    def count(factor: Factor | None) -> tuple[Factor | None, None]:
        assert factor is not None
        return replace(factor, failures=factor.failures + 1), None

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda _: factors.change(LAN, count), range(40)))
    assert read(factors, LAN).failures == 40  # type: ignore[union-attr]


def test_the_same_code_at_the_same_time_counts_once(factors: Factors) -> None:
    """Of many simultaneous uses of one code exactly one is accepted (RFC 6238, section 5.2)."""
    totp, profile = a_totp(factors), MfaProfile()
    totp.enrol(LAN, profile, NOON)
    with ThreadPoolExecutor(8) as pool:
        verdicts = list(pool.map(lambda _: totp.confirm(LAN, code_at(NOON), profile, NOON), range(16)))
    assert [verdict.outcome for verdict in verdicts].count(MfaOutcome.ACCEPTED) == 1


def test_guesses_at_the_same_time_are_all_counted(factors: Factors) -> None:
    """Simultaneous guesses get no more tries than guesses one after another."""
    totp, profile = a_totp(factors), MfaProfile(max_failures=5, wait_after=100)
    totp.enrol(LAN, profile, NOON)
    with ThreadPoolExecutor(8) as pool:
        outcomes = list(pool.map(lambda _: totp.confirm(LAN, Secret("000000"), profile, NOON).outcome, range(16)))
    assert (outcomes.count(MfaOutcome.WRONG), outcomes.count(MfaOutcome.LOCKED)) == (5, 11)


def test_hashes_are_newest_first_and_trimmed(passwords: PastPasswords) -> None:
    """The newest hashes stay, in order, per account."""
    counts = [passwords.keep(LAN, word, most=3, now=NOON) for word in ("one", "two", "three", "four")]
    assert counts == [1, 2, 3, 3]
    assert passwords.hashes(LAN) == ("four", "three", "two")
    assert passwords.hashes(MAI) == ()


def test_keeping_none_forgets_all(passwords: PastPasswords) -> None:
    """With nothing to remember, nothing stays, and the other account is left alone."""
    passwords.keep(LAN, "one", most=2, now=NOON)
    passwords.keep(MAI, "one", most=2, now=NOON)
    assert passwords.keep(LAN, "", most=0, now=NOON) == 0
    assert (passwords.hashes(LAN), passwords.hashes(MAI)) == ((), ("one",))
