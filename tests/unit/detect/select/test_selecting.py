"""What of a condition is about the kinds of events, and which fields must have a value for it to hold."""

from __future__ import annotations

import pytest

from credwatch.detect.select.selecting import KINDS, needed_by, weakened, without
from credwatch.rules.model import AllOf, AnyOf, Condition, NotThis, Operator, Test
from unit.detect.watched import equals

LOGIN, SUDO, LAN = equals("event.action", "login"), equals("event.action", "sudo"), equals("user.name", "lan")
MASKED = Test("credwatch.masked", Operator.EQUALS, True)


@pytest.mark.parametrize(
    ("condition", "expected"),
    [
        (LOGIN, LOGIN),
        (LAN, None),
        (AllOf((LOGIN, LAN)), AllOf((LOGIN,))),
        (AnyOf((LOGIN, LAN)), None),
        (AnyOf((AllOf((LOGIN, LAN)), SUDO)), AnyOf((AllOf((LOGIN,)), SUDO))),
        (AllOf((NotThis(LOGIN), NotThis(AllOf((SUDO, LAN))))), AllOf((NotThis(LOGIN),))),
    ],
)
def test_a_weakened_condition_holds_wherever_the_whole_one_does(
    condition: Condition, expected: Condition | None
) -> None:
    """Of alternatives each must say something, and what is forbidden says something only as a whole."""
    assert expected == weakened(condition, frozenset(KINDS))


@pytest.mark.parametrize(
    ("condition", "expected"),
    [
        (LOGIN, None),
        (LAN, LAN),
        (AllOf((LOGIN, AllOf((SUDO, LAN)), NotThis(LAN))), AllOf((AllOf((LAN,)), NotThis(LAN)))),
        (AnyOf((LOGIN, LAN)), AnyOf((LOGIN, LAN))),
        (AllOf((LOGIN, AnyOf((SUDO, LAN)))), AllOf((AnyOf((SUDO, LAN)),))),
    ],
)
def test_what_is_left_to_ask(condition: Condition, expected: Condition | None) -> None:
    """What must hold besides, without the parts that are about kinds alone."""
    assert expected == without(condition, frozenset(KINDS))


@pytest.mark.parametrize(
    ("condition", "expected"),
    [
        (AllOf((LOGIN, LAN)), {"event.action", "user.name"}),
        (AnyOf((AllOf((LOGIN, LAN)), SUDO)), {"event.action"}),
        (AnyOf((LAN, SUDO)), set()),
        (NotThis(LAN), set()),
        (MASKED, {"credwatch.masked"}),
        (Test("credwatch.masked", Operator.EQUALS, False), set()),
        (Test("user.name", Operator.NULL, None), set()),
        (Test("user.name", Operator.EXISTS, False), set()),
        (Test("user.name", Operator.EXISTS, True), {"user.name"}),
        (Test("credwatch.masked", Operator.EXISTS, True), set()),
        (equals("native:actor.id", "lan"), set()),
    ],
)
def test_what_a_condition_needs(condition: Condition, expected: set[str]) -> None:
    """A test needs a value but for those of absence, and one for true needs a true."""
    assert expected == needed_by(condition)
