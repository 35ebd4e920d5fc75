"""A flood of incidents is told once, with its size, and once when it is over."""

from __future__ import annotations

from datetime import datetime, timedelta

from builders_outbox import NOON, some_facts
from credwatch.kernel.command import Command
from credwatch.workflows.flood import MANY, SPAN, Flood, on_opened

MINUTE = timedelta(minutes=1)


def _told(*opened: tuple[int, int]) -> list[tuple[str, int]]:
    """Open so many incidents at so many minutes past noon; return reason and size of each letter, renewed ones once."""
    flood, letters = Flood(), dict[str, Command]()
    for minutes, count in opened:
        commands, flood = on_opened(count, flood, some_facts(), NOON + minutes * MINUTE)
        letters |= {command.id: command for command in commands}
    return [(str(each.payload.context["reason"]), _size(each)) for each in letters.values()]


def _size(command: Command) -> int:
    size = command.payload.context["flood"]
    assert isinstance(size, dict)
    return int(size["incidents"])


def test_fewer_are_no_flood() -> None:
    """Ninety-nine in ten minutes, and ninety-nine more in the next ten, are told one by one alone."""
    assert [] == _told((0, MANY - 1), (10, MANY - 1), (20, 0), (40, 0))


def test_a_flood_is_told_once_with_its_size_and_once_when_it_is_over() -> None:
    """Ten thousand in a minute: one letter when it came, one when it is over, both with all of them."""
    minute_by_minute = [(0, 4000), (1, 6000), *((minutes, 0) for minutes in range(2, 40))]
    assert [("flood", 10_000), ("flood_over", 10_000)] == _told(*minute_by_minute)


def test_a_flood_that_goes_on_is_one() -> None:
    """A hundred a minute for an hour make one letter, and one behind them with the total."""
    going_on = [(minutes, 100) for minutes in range(60)]
    assert [("flood", 6000), ("flood_over", 6000)] == _told(*going_on, (71, 0))


def test_a_second_flood_is_told_again() -> None:
    """After the first one is over, the next has letters of its own."""
    first, second = [(0, 200), (15, 0)], [(60, 300), (75, 0)]
    assert ["flood", "flood_over"] * 2 == [reason for reason, _ in _told(*first, *second)]


def test_a_clock_that_is_set_back_ends_no_flood_for_ever() -> None:
    """What was counted under a clock far ahead is forgotten, and the flood is over."""
    _, flood = on_opened(200, Flood(), some_facts(), NOON + 365 * 24 * 60 * MINUTE)
    commands, flood = on_opened(0, flood, some_facts(), NOON)
    assert ["flood_over"] == [command.payload.context["reason"] for command in commands]
    assert flood.began is None


def test_a_flood_that_comes_drop_by_drop_counts_within_its_span() -> None:
    """Incidents one by one count for as long as SPAN says, and no longer."""
    flood, reasons = Flood(), []
    for number in range(MANY):
        moment: datetime = NOON + number * SPAN / (MANY - 1) * 0.99
        commands, flood = on_opened(1, flood, some_facts(), moment)
        reasons += [command.payload.context["reason"] for command in commands]
    assert ["flood"] == reasons
