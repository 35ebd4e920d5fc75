"""Holds the enricher to counting each attempt once, in whichever ways a log tells of it."""

from __future__ import annotations

import pytest

from credwatch.enrich.habits.attempts import AttemptPairing, mark_attempts
from credwatch.enrich.habits.tellings import repeats
from unit.enrich.known_world import a_frame, a_line

Line = dict[str, object]


def told(role: str, way: str | None = None, **fields: object) -> Line:
    """Build a line about a failed login of lan."""
    always = {"event__action": "login", "user__name": "lan", "credwatch__auth__method": "password"}
    return a_line(role, **(always | {"event__provider": way} | fields))


PAM, SSSD = told("echo", "pam_unix"), told("echo", "pam_sss")
MORE = told("echo", "pam_unix", credwatch__repeat=5)
DIALOGUE = told("echo", "PAM", credwatch__auth__method="keyboard-interactive")
LIMIT = told("echo", event__reason="maximum_attempts")
RESULT = told("result")
KEY = told("result", credwatch__auth__method="publickey")

CASES = {
    "PAM alone": ([PAM, PAM], [1, 1]),
    "PAM and then the result": ([PAM, RESULT, PAM, RESULT], [1, 0, 1, 0]),
    "the result and then PAM": ([RESULT, PAM], [1, 0]),
    "two modules of one stack": ([PAM, SSSD, PAM, SSSD], [1, 0, 1, 0]),
    "the first and five more, alone": ([PAM, MORE], [1, 5]),
    "the first and five more, of which each has its result": ([PAM, *[RESULT] * 6, MORE], [1, 0, 1, 1, 1, 1, 1, 0]),
    "two of three have their result": ([PAM, MORE, RESULT, RESULT], [1, 5, 0, 0]),
    "a dialogue that is told from the third time on": (
        [*[DIALOGUE] * 4, RESULT, DIALOGUE, RESULT],
        [1] * 4 + [0, 1, 0],
    ),
    "a limit alone": ([LIMIT, LIMIT], [1, 1]),
    "a limit behind results": ([RESULT, RESULT, LIMIT], [1, 1, 0]),
    "a limit that keys have reached": ([KEY, KEY, KEY, LIMIT], [1, 1, 1, 0]),
    "an echo that names nobody": ([told("echo", "pam_unix", user__name=None)], [0]),
    "another account": ([RESULT, told("echo", "pam_unix", user__name="minh")], [1, 1]),
    "another address": ([RESULT, told("echo", "pam_unix", source__ip="203.0.113.10")], [1, 1]),
    "the same account in capitals": ([RESULT, told("echo", "pam_unix", user__name="LAN")], [1, 0]),
    "another process of the same program": ([told("echo", "pam_unix", process__pid=812), RESULT], [1, 0]),
    "a login among failures": ([PAM, told("result", outcome="success"), RESULT], [1, 1, 0]),
}


@pytest.mark.parametrize(("lines", "expected"), CASES.values(), ids=CASES)
def test_an_attempt_counts_in_the_way_that_tells_most(lines: list[Line], expected: list[int]) -> None:
    """Whatever tells of attempts, and however often, each counts once."""
    frame, _ = mark_attempts(a_frame(*lines), AttemptPairing())
    counted = [
        count * (row.get("credwatch.repeat") or 1)
        for row, count in zip(frame.to_dicts(), frame["credwatch.attempt"].to_list(), strict=True)
    ]
    assert expected == counted


def test_a_pause_ends_what_was_told() -> None:
    """Ten minutes later an echo is no echo of what was told before."""
    late = told("echo", "pam_unix") | {"@timestamp": a_line("echo", seconds=601)["@timestamp"]}
    frame, _ = mark_attempts(a_frame(RESULT, late), AttemptPairing())
    assert [True, True] == frame["credwatch.attempt"].to_list()


def test_a_number_that_a_line_states_is_believed_up_to_a_bound() -> None:
    """Whoever writes `message repeated 99999999999 times` makes a thousand attempts, and no more."""
    assert [1, 1000] == repeats(a_frame(told("result"), told("result", credwatch__repeat=10**11))).tolist()
