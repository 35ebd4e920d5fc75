"""Guesses come each once, the likelier first, and none of them would pass the gate."""

from __future__ import annotations

from itertools import islice

from credwatch.kernel.secret import Secret
from credwatch.policy.blocklist import load_blocklist
from credwatch.policy.context import PasswordContext
from credwatch.policy.password import PasswordRefused, check_password
from credwatch.policy.profile import PasswordProfile
from credwatch.posture.guessing.guesses import guesses

WORDS = PasswordContext(user="tranlan", organization="tanphat").words()


def test_the_likelier_come_first_and_none_twice() -> None:
    """Own words and usual passwords take turns, so that a dear hash is tried with the best of both."""
    some = list(guesses(WORDS, ["123456", "tranlan", "password"], 2026))
    assert ["tranlan", "123456", "Tranlan"] == some[:3]
    assert len(some) == len({*some})
    assert {"Tanphat@123", "tanphat2026", "Tranlan@2025", "tranlan26", "tranlantranlan", "nalnart"} <= {*some}


def test_without_words_the_usual_are_left() -> None:
    """An account of which nothing is known is tried with what everybody chooses."""
    assert ["123456", "password"] == list(guesses((), ["123456", "password"], 2026))


def test_no_guess_would_pass_the_gate() -> None:
    """What the audit says first, the gate refuses: both go by the same words and lists."""
    blocklist, context = load_blocklist(), PasswordContext(user="tranlan", organization="tanphat", with_mfa=True)
    profile = PasswordProfile()
    for guess in islice(guesses(context.words(), blocklist.usual(), 2026), 600):
        if len(guess) >= profile.minimum_with_mfa:
            verdict = check_password(Secret(guess), context, profile, blocklist)
            assert isinstance(verdict, PasswordRefused), guess
