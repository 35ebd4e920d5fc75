"""What the rules are worth at fifteen characters, on passwords as people, programs and dice make them."""

import time
from collections import Counter

import pytest

from credwatch.kernel.secret import Secret
from credwatch.policy.password import PasswordRefused, check_password
from credwatch.policy.profile import PasswordProfile
from unit.policy.long_passwords import WEAK, strong, weak
from unit.policy.test_derivation import BLOCKLIST, LAN

EACH, STRONG = 100, 1000


def refused(password: str) -> bool:
    """Tell whether the default profile refuses a password for Lan."""
    return isinstance(check_password(Secret(password), LAN, PasswordProfile(), BLOCKLIST), PasswordRefused)


def test_weak_long_passwords_are_refused() -> None:
    """Of weak passwords as people make them 95 of 100 are refused, and of each kind 85."""
    shares = {kind: sum(map(refused, weak(kind, EACH))) for kind in WEAK}
    assert sum(shares.values()) >= 0.95 * EACH * len(WEAK), shares
    assert all(share >= 0.85 * EACH for share in shares.values()), shares


def test_strong_long_passwords_are_accepted() -> None:
    """Of what password managers and dice make, 999 of 1,000 are accepted."""
    wrong = Counter(kind for kind, password in strong(STRONG) if refused(password))
    assert sum(wrong.values()) <= STRONG // 1000, wrong


@pytest.mark.parametrize(
    "text",
    [
        "nguyenvan" * 14,
        "thethethethethe la la anh em yeu" * 4,
        "0912345678" * 12 + "x",
        "anhem" * 25 + "q",
        "annaan" * 21,
    ],
)
def test_the_work_is_bounded(text: str) -> None:
    """Names and everyday words one within the other cost little more than any other text."""
    refused("warm up the word lists")
    began = time.process_time()
    for _ in range(3):
        refused(text)
    assert time.process_time() - began < 3 * 0.5
