"""Holds the engine to plain loops: how lines fall into batches, and where a restart falls, changes nothing."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from datetime import datetime, timedelta
from itertools import accumulate
from typing import Any

from hypothesis import example, given, settings
from hypothesis import strategies as st

from credwatch.rules.model import (
    Bound,
    Correlation,
    CorrelationType,
    Limit,
    Operator,
    PartsAll,
    PartsAny,
    PartsNot,
    PartThere,
    RuleSet,
)
from unit.detect.watched import FAILED, SUCCEEDED, a_correlation, a_rule, an_event, found_in, rule_set

BURST = a_correlation()
SPRAY = a_correlation("spray", CorrelationType.VALUE_COUNT, field="user.name")
MANY = a_correlation("many", CorrelationType.VALUE_COUNT, group_by=("user.name",), field="source.ip", threshold=2)
HOSTS = a_correlation("hosts", CorrelationType.VALUE_COUNT, field="host.name", threshold=2)
SERVING = a_correlation("serving", threshold=2, alone=False)
TAKEOVER = a_correlation("takeover", CorrelationType.TEMPORAL_ORDERED, ("burst", "succeeded"), seconds=300)
QUIETLY = a_correlation("quietly", CorrelationType.TEMPORAL_ORDERED, ("serving", "succeeded"), seconds=90)
TOGETHER = a_correlation("together", CorrelationType.TEMPORAL, ("failed", "succeeded"), ("user.name",), seconds=60)
SINGLE = a_rule("single", group_by=("organization.id", "user.name"), alone=True)
RULES = rule_set(FAILED, SUCCEEDED, SINGLE, BURST, SPRAY, MANY, HOSTS, SERVING, TAKEOVER, QUIETLY, TOGETHER)

FEW = a_correlation("few", bounds=(Bound(Operator.GREATER_EQUAL, 2), Bound(Operator.LESS, 4)))
SUM = a_correlation("sum", CorrelationType.VALUE_SUM, field="credwatch.export.records", threshold=3)
MEAN = a_correlation("mean", CorrelationType.VALUE_AVG, field="credwatch.export.records", threshold=2)
MEDIAN = a_correlation(
    "median", CorrelationType.VALUE_PERCENTILE, field="credwatch.export.records", threshold=2, percentile=50
)
ABSENT = a_correlation(
    "absent",
    CorrelationType.TEMPORAL,
    ("failed", "succeeded"),
    ("user.name",),
    seconds=60,
    condition=PartsAll((PartThere(0), PartsNot(PartThere(1)))),
)
EITHER = a_correlation(
    "either",
    CorrelationType.TEMPORAL,
    ("burst", "succeeded"),
    seconds=60,
    condition=PartsAny((PartThere(0), PartThere(1))),
)
AGAIN = a_correlation("again", rules=("burst",), seconds=600, threshold=2)
USERS = a_correlation("users", CorrelationType.VALUE_COUNT, ("takeover",), seconds=600, threshold=2, field="user.name")
BEHIND = a_correlation("behind", CorrelationType.TEMPORAL_ORDERED, ("takeover", "failed"), seconds=90)
SCARCE = a_correlation("scarce", CorrelationType.TEMPORAL_ORDERED, ("few", "succeeded"), seconds=90)
DESERTED = a_correlation(
    "deserted",
    CorrelationType.TEMPORAL,
    ("burst", "succeeded"),
    seconds=60,
    condition=PartsAll((PartThere(0), PartsNot(PartThere(1)))),
)
OWN = a_correlation("own", threshold=4, limits=(Limit(2, customer="acme"), Limit(3, source="mail")))
OWN_NAMES = a_correlation(
    "own_names", CorrelationType.VALUE_COUNT, field="user.name", threshold=3, limits=(Limit(2, customer="acme"),)
)
EVERY = rule_set(
    *RULES.events,
    *RULES.correlations,
    FEW,
    SUM,
    MEAN,
    MEDIAN,
    ABSENT,
    EITHER,
    AGAIN,
    USERS,
    BEHIND,
    SCARCE,
    DESERTED,
    OWN,
    OWN_NAMES,
)
SAVE_USERS = rule_set(*EVERY.events, *(rule for rule in EVERY.correlations if rule is not USERS))

_LOGIN = st.tuples(
    st.sampled_from([0, 0, 1, 5, 20, 60, 61, 119, 120, 121, 200]),
    st.sampled_from(["failure", "failure", "failure", "success"]),
    st.sampled_from(["an", "binh", "chi", None]),
    st.sampled_from(["203.0.113.1", "203.0.113.1", "203.0.113.2", None]),
    st.sampled_from([None, "web1", "web2"]),
    st.sampled_from([None, None, 2]),
    st.sampled_from([None, -1, 0, 1, 2, 5]),
    st.sampled_from([None, "acme", "binhminh"]),
    st.sampled_from(["web", "mail"]),
)


@st.composite
def logins(draw: st.DrawFn, most: int = 40) -> list[dict[str, Any]]:
    """Draw logins in the order of their time, some at the same moment."""
    drawn = draw(st.lists(_LOGIN, min_size=1, max_size=most))
    moments = accumulate(gap for gap, *_ in drawn)
    return [
        an_event(
            at,
            event__outcome=outcome,
            user__name=user,
            source__ip=address,
            host__name=host,
            credwatch__repeat=repeat,
            credwatch__export__records=records,
            organization__id=customer,
            credwatch__source__id=source,
            event__original=f"line {number}",
        )
        for number, (at, (_, outcome, user, address, host, repeat, records, customer, source)) in enumerate(
            zip(moments, drawn, strict=True)
        )
    ]


@settings(max_examples=40)
@given(events=logins(), cuts=st.sets(st.integers(1, 40), max_size=8))
def test_the_split_into_batches_does_not_matter(events: list[dict[str, Any]], cuts: set[int]) -> None:
    """Any split between moments gives the same detections, with the same evidence, counts and last events."""
    assert found_in(RULES, events).outcome() == found_in(RULES, events, cuts=_between_moments(events, cuts)).outcome()


@settings(max_examples=40)
@given(events=logins(), cuts=st.sets(st.integers(1, 40), max_size=6))
def test_a_restart_does_not_matter(events: list[dict[str, Any]], cuts: set[int]) -> None:
    """An engine restored from the deltas after each batch goes on as the one that never stopped."""
    between = _between_moments(events, cuts)
    assert found_in(RULES, events).outcome() == found_in(RULES, events, cuts=between, restart=True).outcome()


def _between_moments(events: list[dict[str, Any]], cuts: set[int]) -> set[int]:
    """Leave out the cuts within a moment: there, which event is told of depends on what has been read so far."""
    whole = {cut for cut in cuts if cut < len(events)}
    return {cut for cut in whole if events[cut - 1]["@timestamp"] != events[cut]["@timestamp"]}


@settings(max_examples=60)
@given(events=logins(60), cuts=st.sets(st.integers(1, 60), max_size=3))
def test_counts_are_those_of_a_plain_loop(events: list[dict[str, Any]], cuts: set[int]) -> None:
    """Openings, counts and distinct counts equal those of a model that looks at one event after another."""
    rules = (BURST, SPRAY, MANY, HOSTS)
    kept = found_in(rule_set(FAILED, *rules), events, cuts=cuts)
    found = {
        (each.rule_id, each.group, each.opened_at, each.count, kept.last_counts()[each.id])
        for each in kept.detections.values()
    }
    assert {opening for rule in rules for opening in _plainly(rule, events)} == found


@settings(max_examples=60)
@given(events=logins(60), cuts=st.sets(st.integers(1, 60), max_size=3))
def test_each_row_counts_against_the_number_of_its_own_customer(events: list[dict[str, Any]], cuts: set[int]) -> None:
    """A condition with limits opens where a plain loop does that asks each moment for the least number of its rows."""
    kept = found_in(rule_set(FAILED, OWN), events, cuts=_between_moments(events, cuts))
    assert {detection.opened_at for detection in kept.detections.values()} == set(_openings_within_limits(events))


def _openings_within_limits(events: list[dict[str, Any]]) -> Iterator[datetime]:
    """Give the moments at which a chain of failures of one address first has enough for one of the moment's rows."""
    by_address: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for event in events:
        if event["event.outcome"] == "failure" and event["source.ip"]:
            by_address[event["source.ip"]] += [event] * (event["credwatch.repeat"] or 1)
    for rows in by_address.values():
        before, is_open = None, False
        for moment in dict.fromkeys(row["@timestamp"] for row in rows):
            is_open = is_open and moment - before <= timedelta(seconds=120)
            before = moment
            inside = [row for row in rows if moment - timedelta(seconds=120) <= row["@timestamp"] <= moment]
            asked = [_number_of(row) for row in inside if row["@timestamp"] == moment]
            if not is_open and len(inside) >= min(asked):
                is_open = True
                yield moment


def _number_of(row: dict[str, Any]) -> int:
    if row["organization.id"] == "acme":
        return 2
    return 3 if row["credwatch.source.id"] == "mail" else 4


def _login(at: int, outcome: str = "failure") -> dict[str, Any]:
    """Build a login of one account from one address."""
    told = {"event__outcome": outcome, "credwatch__repeat": None, "event__original": f"{outcome} at {at}"}
    return an_event(at, user__name="an", source__ip="203.0.113.1", **told)


def _failures(*moments: int) -> list[dict[str, Any]]:
    return [_login(at) for at in moments]


# Late rows complete a second burst by a row that had come before: two bursts are `again`.
@example(events=_failures(60, 142, 142, 322, 322, 323), shifts=[0, 0, 0, 10, 10, 0], cuts={4})
# A late row joins the second burst to the first: it is no burst of its own any more, so `again` is no more.
@example(events=_failures(0, 0, 0, 120, 121, 121, 121), shifts=[0, 0, 0, 10, 0, 0, 0], cuts={6})
# A late row joins the third burst to the second: `again` goes on without it.
@example(
    events=_failures(0, 0, 0, 200, 200, 200, 318, 325, 325, 325), shifts=[0, 0, 0, 0, 0, 0, 10, 0, 0, 0], cuts={6, 9}
)
# A takeover lasts through its logins: a failure behind one of them is behind it, whichever batch brings the next.
@example(
    events=[
        *_failures(722, 725, 725),
        *(_login(at, "success") for at in (907, 967)),
        *_failures(1028, 1028),
        _login(1088, "success"),
        _login(1088),
    ],
    shifts=[0] * 9,
    cuts={7},
)
# A late row opens a burst of which no row comes later: it is `deserted` all the same.
@example(events=_failures(124, 125, 125, 400), shifts=[10, 0, 0, 0], cuts={2, 3})
# Late rows make `few` failures too many: what followed upon few of them has not happened.
@example(events=[*_failures(1, 21), _login(21, "success"), *_failures(21, 21)], shifts=[0, 0, 0, 1, 1], cuts={3})
@settings(max_examples=150)
@given(events=logins(), shifts=st.lists(st.integers(0, 10), min_size=40, max_size=40), cuts=st.sets(st.integers(1, 40)))
def test_the_order_of_arrival_does_not_matter(events: list[dict[str, Any]], shifts: list[int], cuts: set[int]) -> None:
    """Any order of arrival within the lateness, in any batches, gives the episodes of the lines in time order."""
    arrival = [event["@timestamp"] + timedelta(seconds=shift) for event, shift in zip(events, shifts, strict=False)]
    shuffled = [events[at] for at in sorted(range(len(events)), key=lambda at: (arrival[at], -at))]
    rules = _indifferent(events)
    assert found_in(rules, events).facts() == found_in(rules, shuffled, cuts=cuts).facts()


@example(events=_failures(124, 125, 125, 160, 400), shifts=[10, 0, 0, 0, 0], cuts={2, 3, 4})
@settings(max_examples=60)
@given(events=logins(), shifts=st.lists(st.integers(0, 10), min_size=40, max_size=40), cuts=st.sets(st.integers(1, 40)))
def test_a_restart_among_rows_out_of_order_does_not_matter(
    events: list[dict[str, Any]], shifts: list[int], cuts: set[int]
) -> None:
    """Restored after each batch, the engine corrects what it told just the same."""
    arrival = [event["@timestamp"] + timedelta(seconds=shift) for event, shift in zip(events, shifts, strict=False)]
    shuffled = [events[at] for at in sorted(range(len(events)), key=lambda at: (arrival[at], -at))]
    rules = _indifferent(events)
    assert found_in(rules, events).facts() == found_in(rules, shuffled, cuts=cuts, restart=True).facts()


def _indifferent(events: list[dict[str, Any]]) -> RuleSet:
    """Leave out the rule that counts accounts of openings where a moment has logins of several.

    Of the rows of one moment an opening tells the one that arrived as the last that was needed: whose it is follows
    from the order of arrival.
    """
    accounts = defaultdict(set)
    for event in events:
        accounts[event["@timestamp"]].add(event["user.name"])
    return EVERY if all(len(names) == 1 for names in accounts.values()) else SAVE_USERS


def _plainly(rule: Correlation, events: list[dict[str, Any]]) -> list[tuple[Any, ...]]:
    """Tell the openings of a counting rule: (rule, group, opened at, count then, count in the end)."""
    groups: defaultdict[str, list[dict[str, Any]]] = defaultdict(list)
    (by,) = rule.group_by
    for event in events:
        if event["event.outcome"] == "failure" and event[by] is not None:
            groups[event[by]] += [event] * (event["credwatch.repeat"] or 1)
    span = timedelta(microseconds=rule.timespan_us)
    return [
        (rule.id, ((by, group),), *opening)
        for group, rows in groups.items()
        for chain in _chains(rows, span)
        for opening in _opening(rule, chain, span)
    ]


def _chains(rows: list[dict[str, Any]], span: timedelta) -> list[list[dict[str, Any]]]:
    chains: list[list[dict[str, Any]]] = []
    for row in rows:
        if chains and row["@timestamp"] - chains[-1][-1]["@timestamp"] <= span:
            chains[-1].append(row)
        else:
            chains.append([row])
    return chains


def _opening(rule: Correlation, chain: list[dict[str, Any]], span: timedelta) -> list[tuple[Any, ...]]:
    for number, row in enumerate(chain):
        begin = next(at for at, each in enumerate(chain) if row["@timestamp"] - each["@timestamp"] <= span)
        window = chain[begin : number + 1]
        values = {each[rule.field] for each in window} - {None} if rule.field else window
        if len(values) >= rule.bounds[0].number:
            return [(row["@timestamp"], len(window), len(chain) - begin)]
    return []
