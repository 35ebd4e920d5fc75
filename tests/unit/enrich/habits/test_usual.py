"""Holds the enricher to knowing from where an account usually comes, and which addresses many come from."""

from __future__ import annotations

from datetime import timedelta

import polars as pl
import pytest

from credwatch.enrich.habits.attempts import AttemptPairing, mark_attempts
from credwatch.enrich.habits.novelty import mark_novelty
from credwatch.enrich.habits.profiles import Learning, Profiles
from credwatch.enrich.habits.usual import mark_usual
from unit.enrich.known_world import AT, a_frame, a_line
from unit.enrich.logins import SEED

Line = dict[str, object]


def attempt(user: str, outcome: str = "success", **fields: object) -> Line:
    """Build an attempt of an account from 203.0.113.9."""
    return a_line("result", outcome, event__action="login", user__name=user, **fields)


def marks(*lines: Line, cut: int | None = None) -> pl.DataFrame:
    """Mark lines in one batch, or in two with everything that is remembered stored between them."""
    profiles, pairing, parts = Profiles(SEED), AttemptPairing(), []
    frame = a_frame(*lines)
    for part in (frame,) if cut is None else (frame[:cut], frame[cut:]):
        events, pairing = mark_attempts(part, pairing)
        events, rows = mark_usual(events, profiles)
        _, delta = mark_novelty(events, None, profiles, Learning(), AT + timedelta(days=1), rows)
        parts.append(events)
        profiles = Profiles(SEED, [*delta.parts()] if delta else [])
        if delta is not None:
            profiles.keep(delta)
    return pl.concat(parts, how="diagonal")


@pytest.mark.parametrize("cut", [None, 1])
def test_a_failure_from_the_accounts_own_address_is_usual(cut: int | None) -> None:
    """Once it has logged in from there, also where that was told in the batch before."""
    told = marks(attempt("lan"), attempt("LAN", "failure"), attempt("minh", "failure"), cut=cut)
    assert [False, True, False] == told["credwatch.source.usual"].to_list()


def test_a_login_behind_guesses_is_not_learnt() -> None:
    """Who guessed an account once is not at home there the next time."""
    told = marks(*[attempt("lan", "failure")] * 3, attempt("lan"), attempt("lan", "failure"))
    assert [False] * 5 == told["credwatch.source.usual"].to_list()


def test_a_login_behind_one_typing_error_is_learnt() -> None:
    """People mistype."""
    assert True is marks(attempt("lan", "failure"), attempt("lan"), attempt("lan"))["credwatch.source.usual"][-1]


def test_an_address_of_three_accounts_is_shared() -> None:
    """From the third account's login on, whoever comes next."""
    told = marks(attempt("a"), attempt("b"), attempt("c"), attempt("d", "failure"))
    assert [False, False, False, True] == told["credwatch.source.shared"].to_list()


def test_ones_own_network_is_shared() -> None:
    """networks.toml says so, and nothing need be learnt."""
    told = marks(attempt("a", "failure", credwatch__network__kind="own"))
    assert [True] == told["credwatch.source.shared"].to_list()


def test_what_is_no_attempt_is_not_marked() -> None:
    """Neither is an attempt without an address."""
    told = marks(
        attempt("a"), a_line(None, user__name="a", event__action="session_start"), attempt("a", source__ip=None)
    )
    assert [False, None, None] == told["credwatch.source.usual"].to_list()


def test_attempts_of_which_none_names_an_account_are_not_marked() -> None:
    """A batch whose lines tell no name has no such column; that stops nothing."""
    nameless = a_frame(attempt("a", "failure")).drop("user.name")
    events, rows = mark_usual(nameless, Profiles(SEED))
    assert (nameless.columns, 0) == (events.columns, len(rows))
