"""Recovery codes: ten of 80 bits, each good once, hashed as passwords are, counted with wrong one-time codes."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest
from msgspec.structs import replace

from credwatch.kernel.account import Account
from credwatch.kernel.errors import StoreError
from credwatch.kernel.secret import Secret
from credwatch.policy.profile import MfaProfile
from credwatch.policy.recovery import digest_of, new_codes, new_salt
from credwatch.policy.totp import MfaOutcome, Totp
from unit.policy.gate_fakes import LAN, START, MemoryFactors, NoStore, a_totp
from unit.policy.test_totp import LATER, code_at, enrolled

PROFILE = MfaProfile()


def made(totp: Totp, account: Account = LAN) -> tuple[Secret, ...]:
    """Make codes where there is a factor."""
    codes = totp.make_recovery_codes(account)
    assert codes is not None
    return codes


def test_ten_codes_of_80_bits() -> None:
    """Each is sixteen letters of base32 in four groups, and no two are alike."""
    codes = [code.reveal() for code in new_codes()]
    assert (10, 10) == (len(codes), len(set(codes)))
    assert all(re.fullmatch(r"([a-z2-7]{4}-){3}[a-z2-7]{4}", code) for code in codes)


def test_each_code_is_good_once() -> None:
    """It says how many are left, and the next time it is wrong; the others stay good."""
    totp = enrolled()
    first, second, *_ = made(totp)
    assert 9 == totp.recover(LAN, first, PROFILE, LATER).left
    assert MfaOutcome.WRONG is totp.recover(LAN, first, PROFILE, LATER).outcome
    assert 8 == totp.recover(LAN, second, PROFILE, LATER).left


@pytest.mark.parametrize("change", [str.upper, lambda code: code.replace("-", ""), lambda code: f" {code} "])
def test_how_it_is_written_does_not_matter(change) -> None:
    """Capitals, missing hyphens and blanks are no part of a code."""
    totp = enrolled()
    code = made(totp)[0].reveal()
    assert totp.recover(LAN, Secret(change(code)), PROFILE, LATER).accepted


def test_new_codes_end_the_old() -> None:
    """After a list was lost, what stands on it opens nothing."""
    totp = enrolled()
    old, new = made(totp)[0], made(totp)[0]
    assert not totp.recover(LAN, old, PROFILE, LATER).accepted
    assert totp.recover(LAN, new, PROFILE, LATER).accepted


def test_without_a_confirmed_factor_there_are_none() -> None:
    """A code recovers a factor, so there must be one; removing it ends its codes, too."""
    totp = a_totp()
    assert totp.make_recovery_codes(LAN) is None
    totp.enrol(LAN, PROFILE, START)
    assert totp.make_recovery_codes(LAN) is None
    assert MfaOutcome.NOT_ENROLLED is totp.recover(LAN, Secret("x"), PROFILE, LATER).outcome
    assert totp.confirm(LAN, code_at(START), PROFILE, START).accepted
    code = made(totp)[0]
    totp.remove(LAN)
    totp.enrol(LAN, PROFILE, LATER)
    assert totp.confirm(LAN, code_at(LATER), PROFILE, LATER).accepted
    assert MfaOutcome.WRONG is totp.recover(LAN, code, PROFILE, LATER).outcome


def test_wrong_codes_count_with_wrong_one_time_codes() -> None:
    """Whoever guesses at both is locked as soon as whoever guesses at one; a locked factor takes neither."""
    profile = MfaProfile(max_failures=2, wait_after=2)
    totp = enrolled(profile=profile)
    code = made(totp)[0]
    totp.verify(LAN, Secret("000000"), profile, LATER)
    assert totp.recover(LAN, Secret("aaaa-aaaa-aaaa-aaaa"), profile, LATER).locked_now
    assert MfaOutcome.LOCKED is totp.recover(LAN, code, profile, LATER).outcome
    assert MfaOutcome.LOCKED is totp.verify(LAN, code_at(LATER), profile, LATER).outcome


def test_after_failures_a_code_must_wait() -> None:
    """A right code is not looked at before the wait is over, and is still good then."""
    profile = MfaProfile(wait_after=1)
    totp = enrolled(profile=profile)
    code = made(totp)[0]
    until = totp.recover(LAN, Secret("wrong"), profile, LATER).until
    assert until is not None
    assert MfaOutcome.THROTTLED is totp.recover(LAN, code, profile, LATER).outcome
    assert totp.recover(LAN, code, profile, until + timedelta(hours=1)).accepted


def test_a_stolen_store_tells_no_code() -> None:
    """What is kept is argon2id of 256 bits with a salt of the set: the same code has another digest in another set."""
    factors = MemoryFactors()
    code = made(enrolled(factors))[0]
    factor = factors.change(LAN, lambda factor: (factor, factor))
    assert factor is not None
    assert {64} == {len(digest) for digest in factor.recovery_codes}
    assert digest_of(code, factor.recovery_salt) in factor.recovery_codes
    assert digest_of(code, new_salt()) not in factor.recovery_codes
    assert code.reveal() not in repr(factor)


def test_codes_that_change_meanwhile_accept_nothing() -> None:
    """Where a new set is made between the hashing and the look, an old code matches by no chance."""
    factors = MemoryFactors()
    totp = enrolled(factors)
    code = made(totp)[0]
    calls = []

    class Changing:
        def change(self, account, decide):
            calls.append(decide)
            if len(calls) == 2:
                factors.change(account, lambda factor: (replace(factor, recovery_salt=new_salt()), None))
            return factors.change(account, decide)

    totp._factors = Changing()
    assert MfaOutcome.WRONG is totp.recover(LAN, code, PROFILE, LATER).outcome


def test_without_the_store_no_code_is_accepted() -> None:
    """It fails closed, as for one-time codes."""
    with pytest.raises(StoreError):
        a_totp(NoStore()).recover(LAN, Secret("x"), PROFILE, LATER)
