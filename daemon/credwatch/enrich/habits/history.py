"""Lays the logins of a batch beside what is remembered of their accounts, and says what was seen before each."""

from __future__ import annotations

from datetime import timedelta

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from credwatch.enrich.habits.logins import PLACE, Logins
from credwatch.enrich.habits.profiles import KEPT, NEVER, STEP_US, Learning, Profiles, Rows
from credwatch.kernel.ordering import distinct, numbered

Steps = NDArray[np.int64]

_EARLIEST = 2
_STEP_BITS = np.int64(32)
_STEP_MASK = np.int64((1 << 32) - 1)


class Sightings(Struct, frozen=True, eq=False):
    """What the history of one kind of value has for each login."""

    step: Steps
    """The latest step that is old enough to be compared with; NEVER where there is none."""
    place: NDArray[np.intp]
    """Where that step stands in the timeline; meaningless where there is none."""


class History:
    """The steps of every value that the logins of a batch show or ask for, those of the batch among them.

    The timeline is one sorted array: the number of the value in its upper bits, the step in its lower ones. Stored
    steps are enough to answer: a login asks for two steps before its own, which is one step behind its account's newest
    at most, and so for nothing newer than the oldest of KEPT.
    """

    def __init__(self, logins: Logins, profiles: Profiles) -> None:
        first, number = numbered(logins.keys.ravel())
        keys = logins.keys.ravel()[first]
        self._numbers = number.reshape(logins.keys.shape)
        self._stored = profiles.find(keys)
        self._stored["account"][self._numbers] = logins.keys[0]
        self.steps = self._effective(np.maximum(logins.steps, _EARLIEST))
        self._is_shown = np.zeros(len(keys), np.bool_)
        self._is_shown[self._numbers[logins.shown]] = True
        shown = _codes(self._numbers, self.steps)[logins.shown]
        is_filled = self._stored["steps"] != NEVER
        stored = _codes(np.nonzero(is_filled)[0], self._stored["steps"][is_filled])
        self._line = distinct(np.concatenate([shown, stored]))
        lengths = np.bincount(self._line >> _STEP_BITS, minlength=len(keys))
        self._begins = np.append(0, np.cumsum(lengths))
        self._places = np.full(len(self._line), NEVER, np.int32)
        self._lay(stored, self._stored["about"][is_filled])
        self._lay(_codes(self._numbers[PLACE], self.steps), logins.places)

    def sightings(self, kind: int) -> Sightings:
        """Say when the value of each login was last seen before it."""
        number = self._numbers[kind]
        place = np.searchsorted(self._line, _codes(number, self.steps - 2), side="right") - 1
        is_there = place >= self._begins[number]
        return Sightings(np.where(is_there, self._line[place] & _STEP_MASK, NEVER), place)

    def learnt(self, account: Sightings, learning: Learning) -> NDArray[np.bool_]:
        """Say for each login whether its account's habits were known: seen long or often, and not long ago."""
        number = self._numbers[0]
        begin = self._begins[number]
        first, older = self._beginnings(number)
        times = older + account.place - begin + 1
        is_old = self.steps - first >= in_steps(learning.learning)
        is_fresh = account.step >= self.steps - in_steps(learning.forget_after)
        return np.asarray((account.step != NEVER) & is_fresh & (is_old | (times >= learning.learning_logins)))

    def places(self, sightings: Sightings) -> NDArray[np.int32]:
        """Give where each account was when it was last seen, as `travel.place_code` writes it."""
        return np.where(sightings.step != NEVER, self._places[sightings.place], NEVER)

    def changed(self) -> Rows:
        """Give the rows of the values that were shown, where they differ from what is stored, sorted by key."""
        number = np.flatnonzero(self._is_shown)
        begin, end = self._begins[number], self._begins[number + 1]
        at = end[:, None] - 1 - np.arange(KEPT)
        is_there = at >= begin[:, None]
        at = np.maximum(at, 0)
        rows = self._stored[number]
        steps = np.where(is_there, self._line[at] & _STEP_MASK, NEVER)
        about = np.where(is_there, self._places[at], NEVER)
        is_account = np.flatnonzero(rows["key"] == rows["account"])
        first, older = self._beginnings(number[is_account])
        about[is_account] = NEVER
        about[is_account, 0] = first
        about[is_account, 1] = older + np.maximum((end - begin)[is_account] - KEPT, 0)
        differs = (steps != rows["steps"]).any(axis=1) | (about != rows["about"]).any(axis=1)
        rows["steps"], rows["about"] = steps, about
        return np.asarray(rows[differs])

    def _beginnings(self, account: NDArray[np.int64]) -> tuple[Steps, Steps]:
        """Give the first step of accounts, and how many of their steps are older than those stored."""
        about = self._stored["about"][account].astype(np.int64)
        earliest = self._line[self._begins[account]] & _STEP_MASK
        is_new = about[:, 0] == NEVER
        return np.where(is_new, earliest, np.minimum(about[:, 0], earliest)), np.where(is_new, 0, about[:, 1])

    def _effective(self, steps: Steps) -> Steps:
        """Take what arrives more than a step behind its account's newest login as a step behind it."""
        account = self._numbers[0]
        codes = _codes(account, np.maximum(steps, self._stored["steps"][account, 0]))
        newest = np.maximum.accumulate(codes) & _STEP_MASK
        return np.asarray(np.maximum(steps, newest - 1))

    def _lay(self, codes: Steps, places: NDArray[np.int32]) -> None:
        """Lay places beside the timeline; of several in one step the greatest, whichever came first."""
        there = places != NEVER
        np.maximum.at(self._places, np.searchsorted(self._line, codes[there]), places[there])


def in_steps(span: timedelta) -> int:
    """Tell how many whole steps a span of time has."""
    return int(span.total_seconds() * 1_000_000) // STEP_US


def _codes(number: NDArray[np.int64], steps: Steps) -> Steps:
    return (number << _STEP_BITS) | steps
