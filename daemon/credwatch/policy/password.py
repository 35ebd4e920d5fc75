"""Judges a prospective password by a customer's profile."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator

from msgspec import Struct

from credwatch.kernel.secret import Secret
from credwatch.policy.blocklist import Blocklist
from credwatch.policy.context import PasswordContext
from credwatch.policy.derivation import OWN, Vocabulary, is_derived
from credwatch.policy.pattern import is_pattern
from credwatch.policy.profile import PasswordProfile
from credwatch.policy.reasons import Reason, Refusal
from credwatch.policy.spelling import canonical, made_of, unaccented
from credwatch.policy.strength import Estimate, estimated


class PasswordAccepted(Struct, frozen=True):
    """The password keeps the profile."""

    estimate: Estimate
    """How hard it is to guess."""
    unchecked: tuple[str, ...] = ()
    """Checks that could not be made and that the profile lets pass, such as `history`."""

    def spelled_out(self) -> dict[str, object]:
        """Return the verdict as JSON values."""
        estimate = {"score": self.estimate.score, "guesses_log10": self.estimate.guesses_log10}
        return {"accepted": True, "estimate": estimate, "unchecked": list(self.unchecked)}


class PasswordRefused(Struct, frozen=True):
    """The password breaks the profile."""

    reasons: tuple[Refusal, ...]
    """Every reason, at least one."""

    def spelled_out(self) -> dict[str, object]:
        """Return the verdict as JSON values, each reason in English and Vietnamese."""
        return {"accepted": False, "reasons": [reason.spelled_out() for reason in self.reasons]}


Verdict = PasswordAccepted | PasswordRefused


def normalized(candidate: Secret) -> str:
    """Return a password in NFC: the form that is counted and hashed (NIST SP 800-63B-4, section 3.1.1.2).

    Lone surrogates pass through; `check_password` refuses them.
    """
    return unicodedata.normalize("NFC", candidate.reveal())


def check_password(
    candidate: Secret, context: PasswordContext, profile: PasswordProfile, blocklist: Blocklist
) -> Verdict:
    """Judge a password: length, blocklist, patterns and context words, then whatever else the profile asks.

    Nothing is trimmed and no input raises. History is no part of this; see `PasswordHistory`.
    """
    text = normalized(candidate)
    unreadable = _unreadable(text, profile)
    if unreadable:
        return PasswordRefused((unreadable.under(profile.rules),))
    estimate = estimated(text, context.words(profile.context_words))
    reasons = (
        *_length(text, context, profile),
        *_guessable(text, context, profile, blocklist),
        *_demanded(text, estimate, profile),
    )
    ruled = tuple(reason.under(profile.rules, with_mfa=context.with_mfa) for reason in reasons)
    return PasswordRefused(ruled) if ruled else PasswordAccepted(estimate)


def _unreadable(text: str, profile: PasswordProfile) -> Refusal | None:
    if len(text) > profile.maximum:
        return Refusal(Reason.TOO_LONG, profile.maximum)
    categories = {unicodedata.category(mark) for mark in text}
    if "Cs" in categories:
        return Refusal(Reason.NOT_UNICODE)
    return Refusal(Reason.CONTROL_CHARACTER) if "Cc" in categories else None


def _length(text: str, context: PasswordContext, profile: PasswordProfile) -> Iterator[Refusal]:
    minimum = profile.minimum_with_mfa if context.with_mfa else profile.minimum_alone
    if len(text) < minimum:
        yield Refusal(Reason.TOO_SHORT, minimum)


def _guessable(
    text: str, context: PasswordContext, profile: PasswordProfile, blocklist: Blocklist
) -> tuple[Refusal, ...]:
    words = context.words(profile.context_words)
    whole = (
        (Reason.COMMON, blocklist.holds(text)),
        (Reason.PATTERN, is_pattern(text)),
        (Reason.CONTEXT, made_of(unaccented(text), words)),
    )
    refusals = tuple(Refusal(reason) for reason, holds in whole if holds)
    return refusals or _derived(text, words, blocklist)


def _derived(text: str, words: tuple[str, ...], blocklist: Blocklist) -> tuple[Refusal, ...]:
    if is_derived(text, Vocabulary(blocklist.prices)):
        return (Refusal(Reason.DERIVED),)
    own = dict.fromkeys(map(canonical, words), OWN)
    return (Refusal(Reason.CONTEXT),) if own and is_derived(text, Vocabulary(blocklist.prices, own)) else ()


def _demanded(text: str, estimate: Estimate, profile: PasswordProfile) -> Iterator[Refusal]:
    if _classes(text) < profile.require_classes:
        yield Refusal(Reason.TOO_FEW_CLASSES, profile.require_classes)
    if estimate.score < profile.minimum_zxcvbn_score:
        yield Refusal(Reason.TOO_WEAK)


def _classes(text: str) -> int:
    return len({_class_of(mark) for mark in text})


def _class_of(mark: str) -> str:
    category = unicodedata.category(mark)
    return category if category in ("Ll", "Lu", "Nd") else "other"
