"""What is remembered of accounts: found by key, stored by deltas, bounded and aged."""

from __future__ import annotations

from datetime import timedelta
from itertools import chain

import numpy as np
import pytest

from credwatch.enrich.habits import profiles as profiles_module
from credwatch.enrich.habits.profiles import NEVER, ROW, Learning, ProfileDelta, Profiles, Rows
from unit.enrich.known_world import AT
from unit.enrich.logins import LATER, SEED, a_login, answered

DAY = 4320
"""The steps of a day."""

START = int(AT.timestamp()) // 20
"""The step of `AT`."""


def some_rows(*accounts: tuple[int, int], values: int = 1) -> Rows:
    """Build accounts, each by its number and its newest step, with so many values."""
    rows = [
        (key, number << 32, (step, NEVER, NEVER, NEVER), (step, 0, NEVER, NEVER) if is_account else (NEVER,) * 4)
        for number, step in accounts
        for key, is_account in [(number << 32, True), *(((number << 32) + 1 + at, False) for at in range(values))]
    ]
    found = np.array(rows, ROW)
    return found[np.argsort(found["key"])]


def kept_after(profiles: Profiles, rows: Rows, learning: Learning = Learning()) -> ProfileDelta:  # noqa: B008
    """Take rows up as if they had been stored."""
    delta = profiles.delta(rows, learning, LATER)
    profiles.keep(delta)
    return delta


def test_rows_are_found_and_replaced(monkeypatch: pytest.MonkeyPatch) -> None:
    """The latest row of a key is given, wherever it lies; an unknown key has no steps."""
    monkeypatch.setattr(profiles_module, "_RECENT", 3)
    profiles, stored = Profiles(SEED), []
    for step in range(10):
        delta = kept_after(profiles, some_rows((step + 2, START + step), (1, START + step)))
        stored += list(delta.parts())
        for each in (profiles, Profiles(SEED, stored)):
            found = each.find(np.array([1 << 32, (step + 2) << 32, 99 << 32], np.uint64))
            assert [START + step, START + step, NEVER] == found["steps"][:, 0].tolist()
            assert (step + 2, 2 * (step + 2)) == (each.accounts, len(each))


def test_a_delta_that_is_not_kept_changes_nothing() -> None:
    """A batch whose commit failed leaves what is remembered as it was."""
    profiles = Profiles(SEED)
    kept_after(profiles, some_rows((1, START)))
    profiles.delta(some_rows((1, START + 9), (2, START)), Learning(most_accounts=1), LATER)
    assert (1, START) == (profiles.accounts, profiles.find(np.array([1 << 32], np.uint64))["steps"][0, 0])


def test_too_many_accounts_lose_the_one_unseen_longest() -> None:
    """The limit is kept to a twentieth; what goes is counted, with all its values."""
    few = Learning(most_accounts=20)
    profiles = Profiles(SEED)
    assert 0 == kept_after(profiles, some_rows(*((number, START + number) for number in range(1, 22))), few).evicted
    delta = kept_after(profiles, some_rows((22, START + 22)), few)
    assert (True, 2, 20, 40) == (delta.whole, delta.evicted, profiles.accounts, len(profiles))
    found = profiles.find(np.array([number << 32 for number in (1, 2, 3, 22)], np.uint64))["steps"][:, 0]
    assert [NEVER, NEVER, START + 3, START + 22] == found.tolist()


def test_deltas_are_written_together_now_and_then(monkeypatch: pytest.MonkeyPatch) -> None:
    """After so many deltas everything is stored anew, and reads back the same."""
    monkeypatch.setattr(profiles_module, "_MOST_DELTAS", 5)
    profiles = Profiles(SEED)
    deltas = [kept_after(profiles, some_rows((number, START + number))) for number in range(1, 8)]
    assert [False] * 5 + [True, False] == [delta.whole for delta in deltas]
    again = Profiles(SEED, chain.from_iterable(delta.parts() for delta in deltas[5:]))
    assert (7, 14) == (again.accounts, len(again))


def test_the_same_rows_stored_again_and_again_are_written_together(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is stored is at most twice what is kept, and a little."""
    monkeypatch.setattr(profiles_module, "_STALE", 4)
    profiles = Profiles(SEED)
    deltas = [kept_after(profiles, some_rows((1, START + at))) for at in range(8)]
    assert [False] * 5 + [True, False, False] == [delta.whole for delta in deltas]


@pytest.fixture
def _always_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(profiles_module, "_MOST_DELTAS", 0)


@pytest.mark.usefixtures("_always_whole")
def test_old_accounts_and_values_are_dropped() -> None:
    """Values ninety days older than their account's newest login, and accounts unseen for four times as long."""
    profiles = Profiles(SEED)
    kept_after(profiles, some_rows((1, START), (2, START + 300 * DAY)))
    kept_after(profiles, some_rows((2, START + 361 * DAY), values=0))
    kept_after(profiles, some_rows((3, START + 362 * DAY)))
    assert (2, 4) == (profiles.accounts, len(profiles))
    kept_after(profiles, some_rows((2, START + 391 * DAY), values=0))
    assert (2, 3) == (profiles.accounts, len(profiles))


@pytest.mark.usefixtures("_always_whole")
def test_an_account_keeps_its_newest_values(monkeypatch: pytest.MonkeyPatch) -> None:
    """One that comes from ever new networks does not fill the memory."""
    monkeypatch.setattr(profiles_module, "_MOST_VALUES", 3)
    profiles = Profiles(SEED)
    rows = some_rows((1, START + 9), (2, START), values=5)
    rows["steps"][1:6, 0] = [START + step for step in (4, 8, 2, 9, 1)]
    kept_after(profiles, rows)
    kept = profiles.find(rows["key"][:6])["steps"][:, 0] - START
    assert [9, 4, 8, 9] == kept[kept >= 0].tolist()
    assert (2, 8) == (profiles.accounts, len(profiles))


@pytest.mark.usefixtures("_always_whole")
def test_dropping_does_not_change_answers() -> None:
    """What is dropped for its age would not have been looked at."""
    learning = Learning(learning=timedelta(seconds=1), learning_logins=1, forget_after=timedelta(days=2))
    logins = [a_login(days=day / 2, source__ip=f"203.0.{day % 7}.9") for day in range(40)]
    assert answered([logins], learning) == answered([[each] for each in logins], learning, restarts=True)
