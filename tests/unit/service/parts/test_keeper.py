"""The keeper: parts begin, die, come back, stand still and are lost, by a clock that the test moves."""

from __future__ import annotations

import pytest

from credwatch.kernel.errors import ConfigurationError
from credwatch.service.parts.interface import STILL_SECONDS, Pulse, Trouble
from credwatch.service.parts.keeper import Keeper, PartLost
from credwatch.telemetry.metrics import Metrics


class SteadyClock:
    """Seconds that pass when the test says so."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


class FakePart:
    """A part that dies and fails to begin as the test says."""

    def __init__(self, name: str = "gate", *, is_vital: bool = False, diary: list[str] | None = None) -> None:
        self.name = name
        self.is_vital = is_vital
        self.obstacle = ""
        self.now: Trouble | None = None
        self.starts = 0
        self.diary = diary if diary is not None else []

    async def start(self) -> None:
        self.starts += 1
        if self.obstacle:
            raise ConfigurationError(self.obstacle)
        self.now = None
        self.diary.append(f"{self.name} starts")

    def trouble(self) -> Trouble | None:
        return self.now

    async def stop(self) -> None:
        self.diary.append(f"{self.name} stops")


@pytest.fixture
def clock() -> SteadyClock:
    return SteadyClock()


@pytest.fixture
def metrics() -> Metrics:
    return Metrics()


async def looks(keeper: Keeper, clock: SteadyClock, seconds: int) -> None:
    """Look once a second."""
    for _ in range(seconds):
        clock.now += 1
        await keeper.look()


def up(metrics: Metrics, part: str) -> float | None:
    return metrics.registry.get_sample_value("credwatch_part_up", {"part": part})


def deaths(metrics: Metrics, part: str) -> float | None:
    return metrics.registry.get_sample_value("credwatch_part_deaths_total", {"part": part})


async def test_all_live_after_one_look(clock: SteadyClock, metrics: Metrics) -> None:
    """Before it nothing has begun, and the metrics say so; parts begin in their order."""
    diary: list[str] = []
    keeper = Keeper([FakePart("metrics", diary=diary), FakePart("gate", diary=diary)], metrics, clock)
    assert {"metrics", "gate"} == set(keeper.troubles())
    assert 0 == up(metrics, "gate")
    await keeper.look()
    assert {} == keeper.troubles()
    assert keeper.is_sound()
    assert 1 == up(metrics, "gate")
    assert ["metrics starts", "gate starts"] == diary


async def test_the_end_of_an_obstacle_is_noticed(clock: SteadyClock, metrics: Metrics) -> None:
    """A part that cannot begin is tried again within ten seconds, for as long as it takes; the rest goes on."""
    gate, reader = FakePart(), FakePart("reader", is_vital=True)
    gate.obstacle = "a file is in the way"
    keeper = Keeper([gate, reader], metrics, clock)
    await keeper.look()
    await looks(keeper, clock, 300)
    assert {"gate": "a file is in the way"} == keeper.troubles()
    assert keeper.is_sound()
    assert (0, 1) == (up(metrics, "gate"), up(metrics, "reader"))
    gate.obstacle = ""
    await looks(keeper, clock, 10)
    assert {} == keeper.troubles()
    assert 1 == up(metrics, "gate")


async def test_a_death_is_counted_once_and_mended(clock: SteadyClock, metrics: Metrics) -> None:
    """What is left of the dead part is tidied up before it begins again."""
    diary: list[str] = []
    reader = FakePart("reader", is_vital=True, diary=diary)
    keeper = Keeper([reader], metrics, clock)
    await keeper.look()
    reader.now = Trouble("the thread has ended")
    await keeper.look()
    assert not keeper.is_sound()
    assert (0, 1) == (up(metrics, "reader"), deaths(metrics, "reader"))
    await looks(keeper, clock, 2)
    assert keeper.is_sound()
    assert (1, 1) == (up(metrics, "reader"), deaths(metrics, "reader"))
    assert ["reader starts", "reader stops", "reader starts"] == diary


async def test_a_vital_part_that_cannot_come_back_is_lost(clock: SteadyClock, metrics: Metrics) -> None:
    """Within a minute the error that ends the daemon names the part and why."""
    reader = FakePart("reader", is_vital=True)
    keeper = Keeper([reader], metrics, clock)
    await keeper.look()
    reader.now, reader.obstacle = Trouble("the thread has ended"), "no thread can be made"
    with pytest.raises(PartLost, match="no thread can be made") as caught:
        await looks(keeper, clock, 60)
    assert "reader" == caught.value.where


async def test_a_vital_part_that_dies_again_and_again_is_lost(clock: SteadyClock, metrics: Metrics) -> None:
    """Coming back for an instant does not count as living."""
    reader = FakePart("reader", is_vital=True)
    keeper = Keeper([reader], metrics, clock)

    async def live_and_die() -> None:
        for _ in range(60):
            await looks(keeper, clock, 1)
            reader.now = Trouble("the thread has ended")

    with pytest.raises(PartLost):
        await live_and_die()


async def test_deaths_hours_apart_are_forgiven(clock: SteadyClock, metrics: Metrics) -> None:
    """Each is a first one, and each is counted."""
    reader = FakePart("reader", is_vital=True)
    keeper = Keeper([reader], metrics, clock)
    for _ in range(10):
        await looks(keeper, clock, 100)
        reader.now = Trouble("the thread has ended")
    await looks(keeper, clock, 100)
    assert {} == keeper.troubles()
    assert 10 == deaths(metrics, "reader")


async def test_who_stands_still_is_not_started_twice(clock: SteadyClock, metrics: Metrics) -> None:
    """A hung thread cannot be ended: the daemon is not sound until it moves, so the watchdog gets no answer."""
    reader, pulse = FakePart("reader", is_vital=True), Pulse(clock)
    keeper = Keeper([reader], metrics, clock)
    await keeper.look()
    clock.now += STILL_SECONDS - 1
    reader.now = pulse.trouble()
    await keeper.look()
    assert keeper.is_sound()
    clock.now += 1
    reader.now = pulse.trouble()
    await keeper.look()
    assert not keeper.is_sound()
    assert 0 == up(metrics, "reader")
    assert 1 == reader.starts
    pulse.beat()
    reader.now = pulse.trouble()
    await keeper.look()
    assert keeper.is_sound()


async def test_a_defect_in_one_part_ends_no_other(clock: SteadyClock, metrics: Metrics) -> None:
    """An unforeseen exception at the start counts as an obstacle; one at the end keeps no other from ending."""

    class Defective(FakePart):
        async def start(self) -> None:
            raise ZeroDivisionError

        async def stop(self) -> None:
            raise ZeroDivisionError

    reader = FakePart("reader", is_vital=True)
    keeper = Keeper([reader, Defective()], metrics, clock)
    await keeper.look()
    assert {"gate"} == set(keeper.troubles())
    await keeper.stop()
    assert "reader stops" in reader.diary


async def test_parts_end_the_other_way_round(clock: SteadyClock, metrics: Metrics) -> None:
    """The last to begin is the first to end, and one that never began is ended, too."""
    diary: list[str] = []
    keeper = Keeper([FakePart(name, diary=diary) for name in ("metrics", "gate", "reader")], metrics, clock)
    await keeper.stop()
    assert ["reader stops", "gate stops", "metrics stops"] == diary


async def test_a_part_that_tries_again_by_itself_is_told_and_left_alone(clock: SteadyClock, metrics: Metrics) -> None:
    """The metric says that it is down, nobody starts it again, and it keeps the daemon from no readiness."""
    inbox = FakePart("inbox_imap")
    inbox.now = Trouble("the server is gone", comes_back=True)
    keeper = Keeper([inbox], metrics, clock)
    assert not keeper.has_begun()
    await keeper.look()
    inbox.now = Trouble("the server is gone", comes_back=True)
    await looks(keeper, clock, 10)
    assert ({"inbox_imap": "the server is gone"}, 1, 0.0) == (
        keeper.troubles(),
        inbox.starts,
        up(metrics, "inbox_imap"),
    )
    assert keeper.has_begun()
    assert keeper.is_sound()
    inbox.now = None
    await looks(keeper, clock, 1)
    assert ({}, 1.0) == (keeper.troubles(), up(metrics, "inbox_imap"))
