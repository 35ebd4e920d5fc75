"""The engine opens a detection where a condition completes, carries it on, and ends it."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from credwatch.detect.plan import plan_for
from credwatch.detect.windows.event_time import Arrival
from credwatch.detect.windows.latest import NEVER
from credwatch.kernel.detection import Consequence, Detection
from credwatch.kernel.errors import RuleError
from credwatch.rules.model import Correlation, CorrelationType
from unit.detect.watched import (
    AT,
    FAILED,
    SUCCEEDED,
    Kept,
    a_correlation,
    a_frame,
    a_rule,
    an_engine,
    an_event,
    changed_in,
    found_in,
    rule_set,
)

BURST = a_correlation()
TAKEOVER = a_correlation(
    "takeover",
    CorrelationType.TEMPORAL_ORDERED,
    ("burst", "succeeded"),
    seconds=600,
    consequence=Consequence("account_takeover"),
)
SINGLE = a_rule("single", alone=True, group_by=("organization.id", "user.name"), consequence=Consequence("x"))


def the_only(kept: Kept) -> Detection:
    """Give the only detection."""
    (detection,) = kept.detections.values()
    return detection


def test_a_detection_tells_what_was_counted() -> None:
    """It opens at the completing event, with the evidence of the window and the completing event's details."""
    events = [
        an_event(0, user__name="an", organization__id="acme", event__original="one"),
        an_event(10, user__name="binh", event__original="two"),
        an_event(20, user__name="chi", organization__id="lotus", event__action="login", event__original="three"),
    ]
    found = the_only(found_in(rule_set(FAILED, BURST), events))
    assert (AT, AT + timedelta(seconds=20), 3) == (found.occurred_first, found.opened_at, found.count)
    assert (("source.ip", "203.0.113.9"),) == found.group
    assert ("203.0.113.9", "lotus") == (found.subject, found.organization)
    assert (("an", "binh", "chi"), ("203.0.113.9",)) == (found.accounts, found.addresses)
    assert (("acme", "lotus"), ("three",), ("attack.t1110",)) == (found.organizations, found.lines, found.tags)
    expected = {"event.action": "login", "event.outcome": "failure", "user.name": "chi", "source.ip": "203.0.113.9"}
    assert expected == dict(found.details)


def test_an_episode_goes_on_and_ends() -> None:
    """More events are updates, not detections; after the span without one it ends, and the next one is new."""
    engine = an_engine(rule_set(FAILED, BURST))
    first = engine.process(a_frame([an_event(at) for at in (0, 1, 2, 60)]))
    (opened,) = first.detections
    assert [4] == [int(row["count"]) for each in first.episodes for row in each.opened]
    later = engine.process(a_frame([an_event(180)]))
    assert ((), [(opened.serial, 5, False)]) == (later.detections, changed_in(later))
    quiet = engine.process(a_frame([an_event(311, source__ip="198.51.100.7")]))
    assert [(opened.serial, 5, True)] == changed_in(quiet)
    again = engine.process(a_frame([an_event(at) for at in (400, 401, 402)]))
    assert [AT + timedelta(seconds=402)] == [each.opened_at for each in again.detections]


def test_an_episode_that_a_new_one_follows_within_the_lateness_is_closed_first() -> None:
    """Its end comes with the batch that opens the next one, though more of it might have come."""
    engine = an_engine(rule_set(FAILED, BURST))
    (first,) = engine.process(a_frame([an_event(at) for at in (0, 1, 2)])).detections
    found = engine.process(a_frame([an_event(at) for at in (123, 124, 125)]))
    assert [(first.serial, 3, True)] == changed_in(found)
    assert 1 == len(found.detections)


def test_a_new_chain_that_began_in_the_batch_before_counts_from_there() -> None:
    """An episode that is still open but not carried on does not hide the rows that came behind it."""
    events = [an_event(at) for at in (0, 0, 119, 240, 300, 301)]
    rules = rule_set(FAILED, BURST)
    assert 2 == len(found_in(rules, events, cuts=[4]).detections)


def test_what_completed_long_ago_is_told_once() -> None:
    """An episode that has been forgotten does not open again while the rows that completed it are still kept."""
    quick = a_correlation("quick", CorrelationType.TEMPORAL_ORDERED, ("burst", "succeeded"), seconds=30)
    events = [*(an_event(at) for at in (0, 1, 2)), an_event(20, event__outcome="success"), an_event(122), an_event(122)]
    rules = rule_set(FAILED, SUCCEEDED, BURST, quick)
    assert found_in(rules, events).outcome() == found_in(rules, events, cuts=[4, 5]).outcome()


def test_what_lasts_is_followed_though_its_rows_have_gone() -> None:
    """A success soon after a burst completes also where the window of the burst has let its rows go."""
    others = [an_event(at, source__ip="198.51.100.7") for at in (200, 201, 202, 203, 300)]
    events = [*(an_event(at) for at in (0, 1, 2)), *others, an_event(301, event__outcome="success")]
    rules = rule_set(FAILED, SUCCEEDED, BURST, TAKEOVER)
    whole = found_in(rules, events).outcome()
    assert any(detection.rule_id == "takeover" for detection, *_ in whole.values())
    assert whole == found_in(rules, events, cuts=range(1, len(events))).outcome()


def test_repeats_count() -> None:
    """A line that stands for several equal events counts as that many."""
    assert 3 == the_only(found_in(rule_set(FAILED, BURST), [an_event(credwatch__repeat=3)])).count
    assert {} == found_in(rule_set(FAILED, BURST), [an_event(credwatch__repeat=1), an_event(1)]).detections


def test_late_events() -> None:
    """What is later than the lateness is counted, and counts in windows with what they still hold."""
    engine = an_engine(rule_set(FAILED, BURST, SINGLE))
    engine.process(a_frame([an_event(100), an_event(101)]))
    found = engine.process(a_frame([an_event(90, user__name="late"), an_event(91.5, user__name="in time")]))
    assert {"": 1} == found.late
    assert {"late", "in time"} == {each.subject for each in found.detections if each.rule_id == "single"}
    assert [AT + timedelta(seconds=100)] == [each.opened_at for each in found.detections if each.rule_id == "burst"]


def test_late_events_are_counted_by_their_source() -> None:
    """An operator is told which source it is."""
    engine = an_engine(rule_set(FAILED))
    engine.process(a_frame([an_event(100)]))
    events = [an_event(1, credwatch__source__id=source) for source in ("a", "b", "a")]
    assert {"a": 2, "b": 1} == engine.process(a_frame(events)).late


def arrived(log: str, seconds: float, *, expected: float | None = None, received: float = 0) -> Arrival:
    """Say that one log has been read up to a moment, by default hours before the time of reading."""
    micros = [None if it is None else int((AT + timedelta(seconds=it)).timestamp() * 1e6) for it in (seconds, expected)]
    now = int((AT + timedelta(seconds=received)).timestamp() * 1e6) if received else NEVER // 2
    return Arrival({log: micros[0] or 0}, micros[1], now, now)


def test_a_log_whose_clock_is_hours_behind_is_not_blind() -> None:
    """Its windows are kept while another log goes on in between, batch by batch."""
    engine = an_engine(rule_set(FAILED, BURST))
    behind = -7 * 3600
    for at in range(3):
        other = an_event(at * 40, source__ip=f"198.51.100.{at}")
        assert () == engine.process(a_frame([other]), arrived("right", at * 40)).detections
        found = engine.process(a_frame([an_event(behind + at * 40)]), arrived("behind", behind + at * 40))
    assert [AT + timedelta(seconds=behind + 80)] == [each.opened_at for each in found.detections]


def test_a_clock_that_was_wrong_blinds_nobody_once_it_is_right() -> None:
    """Burst, clock ahead by years, burst again at the right time: each is told, also over a restart in between."""
    ahead = 5 * 365 * 86_400
    for is_restarted in (False, True):
        rules, kept = rule_set(FAILED, BURST), Kept()
        engine, openings = an_engine(rules), []
        for begin, log in ((0, "a"), (ahead, "a"), (1000, "a")):
            events = a_frame([an_event(begin + at) for at in range(3)])
            found = engine.process(events, arrived(log, begin + 2, received=begin + 2))
            kept.commit(found)
            openings += [each.opened_at for each in found.detections]
            if is_restarted:
                engine = kept.restarted(rules)
        assert [AT + timedelta(seconds=begin + 2) for begin in (0, ahead, 1000)] == openings


def test_what_waits_is_waited_for() -> None:
    """While another log has more lines of before, an episode does not end and its window is kept."""
    engine = an_engine(rule_set(FAILED, BURST))
    engine.process(a_frame([an_event(at) for at in (0, 1, 2)]), arrived("a", 2))
    later = a_frame([an_event(5000, source__ip="198.51.100.7")])
    assert [] == changed_in(engine.process(later, arrived("a", 5000, expected=3)))
    assert [(1, 4, False)] == changed_in(engine.process(a_frame([an_event(4)]), arrived("b", 4, expected=5)))


def test_a_silent_source_holds_nothing_up() -> None:
    """A source whose log ends hours ago does not keep the episodes of another one open."""
    engine = an_engine(rule_set(FAILED, BURST))
    engine.process(a_frame([an_event(-7200)]), arrived("old", -7200))
    engine.process(a_frame([an_event(at) for at in (0, 1, 2)]), arrived("new", 2))
    found = engine.process(a_frame([an_event(1000, source__ip="198.51.100.7")]), arrived("new", 1000))
    assert [True] == [closed for _, _, closed in changed_in(found)]


def test_a_group_without_the_field() -> None:
    """An event without a group-by field is in no group of a correlation, and in one of its own for a single rule."""
    events = [an_event(at, source__ip=None) for at in range(5)]
    assert {} == found_in(rule_set(FAILED, BURST), events).detections
    found = the_only(found_in(rule_set(SINGLE), events))
    assert (("organization.id", ""), ("user.name", "lan")) == found.group


def test_one_thing_after_another() -> None:
    """A success completes after the burst, not before it, and takes its subject from the completing event."""
    guesses = [an_event(at) for at in (0, 1, 2)]
    success = an_event(3, event__outcome="success", user__name="minh")
    rules = rule_set(FAILED, SUCCEEDED, BURST, TAKEOVER)
    kept = found_in(rules, [*guesses, success])
    assert {"burst", "takeover"} == {each.rule_id for each in kept.detections.values()}
    (takeover,) = [each for each in kept.detections.values() if each.rule_id == "takeover"]
    assert "minh" == takeover.subject
    early = an_event(0, event__outcome="success")
    assert {"burst"} == {each.rule_id for each in found_in(rules, [early, *guesses]).detections.values()}


def test_any_order() -> None:
    """An unordered correlation completes whichever part comes last."""
    together = a_correlation("together", CorrelationType.TEMPORAL, ("failed", "succeeded"), ("user.name",))
    rules = rule_set(FAILED, SUCCEEDED, together)
    failure, success = an_event(0), an_event(0, event__outcome="success")
    for first, second in ((failure, success), (success, failure)):
        later = {**second, "@timestamp": AT + timedelta(seconds=120)}
        assert 1 == len(found_in(rules, [first, later]).detections)
        assert {} == found_in(rules, [first, {**later, "@timestamp": AT + timedelta(seconds=121)}]).detections


def test_rules_of_several_parts_count_them_together() -> None:
    """A count over two rules counts the matches of both."""
    both = a_correlation(rules=("failed", "succeeded"))
    events = [an_event(0), an_event(1, event__outcome="success"), an_event(2)]
    assert 3 == the_only(found_in(rule_set(FAILED, SUCCEEDED, both), events)).count


def test_nothing_to_do() -> None:
    """An empty batch and an empty set of rules lead to nothing."""
    assert 0 == an_engine(rule_set(FAILED, BURST)).process(a_frame([])).evaluations
    assert () == an_engine(rule_set()).process(a_frame([an_event()])).detections


def test_windows_forget() -> None:
    """What no rule can need any more is let go, and the store is told."""
    engine, kept = an_engine(rule_set(FAILED, BURST)), Kept()
    for hour in range(4):
        found = engine.process(a_frame([an_event(hour * 3600 + at) for at in range(50)]))
        kept.commit(found)
    assert engine.rows_kept() <= 100
    assert 2 >= len(kept.windows)


def test_a_restart_with_other_rules() -> None:
    """Windows and episodes of rules that are gone are passed over; those that stay go on."""
    kept = found_in(rule_set(FAILED, BURST, SINGLE), [an_event(0), an_event(1)])
    found = kept.restarted(rule_set(FAILED, BURST)).process(a_frame([an_event(2)]))
    assert ["burst"] == [each.rule_id for each in found.detections]
    assert ("lan",) == found.detections[0].accounts


@pytest.mark.parametrize(
    ("rule", "message"),
    [
        (a_correlation("alone", group_by=()), "needs group-by"),
        (a_correlation("t", CorrelationType.TEMPORAL, group_by=()), "needs group-by"),
        (a_correlation("over", rules=("burst", "failed")), "over events and correlations at once"),
        (a_correlation("a", rules=("a",)), "refer to each other: a → a"),
        (a_correlation("over", CorrelationType.VALUE_COUNT, ("burst",), field="host.name"), "over correlations is not"),
        (a_correlation("over", rules=("burst",), group_by=("host.name",)), "groups by other fields"),
        (
            a_correlation("t", CorrelationType.TEMPORAL, ("burst",), ("user.name", "source.ip")),
            "groups by other fields",
        ),
    ],
)
def test_what_a_plan_cannot_follow(rule: Correlation, message: str) -> None:
    """A correlation that cannot be evaluated is refused with its file and a hint."""
    with pytest.raises(RuleError, match=message) as caught:
        plan_for(rule_set(FAILED, SUCCEEDED, BURST, TAKEOVER, rule))
    assert ("rules.yml", True) == (caught.value.where, bool(caught.value.hint))


def test_equal_streams_are_shared() -> None:
    """Rules that agree on selection and group share one stream, kept for the longest of them."""
    slow = a_correlation("slow", seconds=3600, threshold=9)
    spray = a_correlation("spray", CorrelationType.VALUE_COUNT, field="user.name", seconds=60)
    plan = plan_for(rule_set(FAILED, BURST, slow, spray), lateness_us=5)
    assert [3_600_000_005] == [stream.log.retention_us for stream in plan.streams]


def test_words_outlive_their_windows_only_so_long() -> None:
    """Names are known as long as a window can hold them, across turns and restarts."""
    rules = rule_set(FAILED, a_correlation(seconds=120, threshold=3))
    engine, kept = an_engine(rules), Kept()
    for minute in range(12):
        events: list[dict[str, Any]] = [an_event(minute * 50, user__name=f"user{minute}")]
        found = engine.process(a_frame(events))
        kept.commit(found)
        engine = kept.restarted(rules)
    (first,) = kept.detections.values()
    assert ("user0", "user1", "user2") == first.accounts
    assert len({generation for generation, _ in kept.names}) >= 1
