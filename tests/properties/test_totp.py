"""Under any walk of the clock each code counts once, and a clock that is right again accepts right codes again."""

from collections import Counter
from datetime import datetime, timedelta
from itertools import pairwise

import pyotp
from hypothesis import given, settings
from hypothesis import strategies as st

from credwatch.kernel.secret import Secret
from credwatch.policy.profile import MfaProfile
from credwatch.policy.totp import MfaOutcome, Totp
from credwatch.policy.used_steps import is_used, with_used
from unit.policy.gate_fakes import LAN, RFC_SECRET, START, a_totp

PROFILE = MfaProfile()
STEP = timedelta(seconds=30)
DAY = 24 * 60 * 2

clock_steps = st.one_of(st.integers(-5, 5), st.integers(-2 * DAY, 2 * DAY), st.integers(-3000 * DAY, 3000 * DAY))
"""How far the clock is set, in steps."""
walks = st.lists(st.tuples(clock_steps, st.integers(-1, 1)), min_size=1, max_size=30)
"""Settings of the clock, each followed by a code of the step shown or of a neighbour."""


def enrolled() -> Totp:
    """Build a service in which Lan has a confirmed factor."""
    totp = a_totp()
    totp.enrol(LAN, PROFILE, START)
    assert totp.confirm(LAN, code(START), PROFILE, START).accepted
    return totp


def code(moment: datetime) -> Secret:
    """Compute what the authenticator shows at a moment."""
    return Secret(pyotp.TOTP(RFC_SECRET).at(moment))


def walked(totp: Totp, walk: list[tuple[int, int]]) -> Counter[str]:
    """Give a code at each reading of the clock; count how often each one was accepted."""
    accepted, now = Counter([code(START).reveal()]), START
    for steps, early in walk:
        now = START if abs((now - START) / STEP + steps) > 10_000 * DAY else now + steps * STEP
        shown = code(now + early * STEP)
        accepted[shown.reveal()] += totp.verify(LAN, shown, PROFILE, now).accepted
    return accepted


@settings(max_examples=150, deadline=None)
@given(walks)
def test_no_code_counts_twice(walk: list[tuple[int, int]]) -> None:
    """However the clock is set back and forth, no code is accepted a second time."""
    totp = enrolled()
    repeated = [*walk, *((-steps, early) for steps, early in reversed(walk))]
    assert max(walked(totp, repeated).values()) == 1


@settings(max_examples=150, deadline=None)
@given(walks)
def test_a_right_clock_heals(walk: list[tuple[int, int]]) -> None:
    """Whatever clocks went before, a right code is accepted within two steps for each code taken, and one more."""
    totp = enrolled()
    taken = sum(walked(totp, walk).values())
    bound = 2 * taken + 1
    moments = [START + number * STEP for number in range(bound)]
    assert any(totp.verify(LAN, code(moment), PROFILE, moment).accepted for moment in moments)


@settings(max_examples=100, deadline=None)
@given(walks)
def test_a_wait_set_by_a_wrong_clock_ends(walk: list[tuple[int, int]]) -> None:
    """A wait is never longer than one that begins now, and asking meanwhile does not lengthen it."""
    totp, now = enrolled(), START
    for steps, _ in walk:
        now = START if abs((now - START) / STEP + steps) > 10_000 * DAY else now + steps * STEP
        totp.verify(LAN, Secret("000000"), PROFILE, now)
    first = totp.verify(LAN, Secret("000000"), PROFILE, START)
    again = totp.verify(LAN, Secret("000000"), PROFILE, START + timedelta(seconds=1))
    if first.until is not None:
        assert first.until - START <= timedelta(seconds=PROFILE.wait_longest_seconds)
        assert again.outcome is MfaOutcome.THROTTLED
        assert first.until == again.until


@settings(max_examples=100, deadline=None)
@given(st.lists(st.integers(0, 10**7), max_size=300))
def test_what_is_remembered_is_bounded_and_forgets_no_step(steps: list[int]) -> None:
    """At most 64 spans are kept, in order and apart, and each step that was ever used counts as used."""
    spans: tuple[tuple[int, int], ...] = ()
    for step in steps:
        spans = with_used(spans, step)
    assert len(spans) <= 64
    assert all(before[1] < after[0] for before, after in pairwise(spans))
    assert all(is_used(spans, step, step) for step in steps)
