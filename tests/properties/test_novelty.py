"""Holds novelty to the rule told login by login, for any order within the lateness, any batches and any restarts."""

from __future__ import annotations

from datetime import timedelta
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from credwatch.enrich.habits.profiles import STEP_US, Learning
from unit.enrich.logins import HANOI, LATER, PARIS, SAIGON, a_login, answered

DAY_STEPS = 86_400_000_000 // STEP_US
LEARNING = Learning(learning=timedelta(minutes=5), learning_logins=4, forget_after=timedelta(days=2))

LOGIN = st.builds(
    lambda gap, user, address, place, client: (gap, {"user.name": user, "source.ip": address, **place, **client}),
    st.sampled_from([0, 0.5, 7, 15, 40, 90, 4000, 100_000, 200_000]),
    st.sampled_from(["lan", "minh"]),
    st.sampled_from(["203.0.113.9", "198.51.100.1", "2001:db8::1"]),
    st.sampled_from([{}, HANOI, SAIGON, PARIS]),
    st.sampled_from([{"user_agent.original": name} for name in ("curl", "Firefox", None)]),
)


@st.composite
def streams(draw: st.DrawFn) -> list[dict[str, object]]:
    """Draw logins in the order of their time."""
    now, logins = 0.0, []
    for gap, fields in draw(st.lists(LOGIN, min_size=1, max_size=30)):
        now += gap
        logins.append(a_login(seconds=now) | fields)
    return logins


def _split(logins: list[dict[str, object]], cuts: set[int]) -> list[list[dict[str, object]]]:
    edges = [0, *sorted(cut for cut in cuts if 0 < cut < len(logins)), len(logins)]
    return [logins[begin:end] for begin, end in pairwise(edges)]


CUTS = st.sets(st.integers(1, 30))


@given(logins=streams(), cuts=CUTS, restarts=st.booleans())
def test_batches_and_restarts_do_not_matter(logins: list[dict[str, object]], cuts: set[int], restarts: bool) -> None:
    """Any split, with what is remembered read anew from the store between batches, gives the answers of one batch."""
    whole = answered([logins], LEARNING)
    assert whole == answered(_split(logins, cuts), LEARNING, restarts=restarts)


@given(logins=streams(), delays=st.lists(st.floats(0, 10), min_size=30, max_size=30), cuts=CUTS)
def test_the_order_within_the_lateness_does_not_matter(
    logins: list[dict[str, object]], delays: list[float], cuts: set[int]
) -> None:
    """Each login up to ten seconds late, in any batches: the same answers."""
    arrivals = [each["@timestamp"] + timedelta(seconds=late) for each, late in zip(logins, delays, strict=False)]
    order = sorted(range(len(logins)), key=arrivals.__getitem__)
    found = answered(_split([logins[at] for at in order], cuts), LEARNING)
    assert answered([logins], LEARNING) == [found[order.index(at)] for at in range(len(logins))]


@given(logins=streams(), disorder=st.randoms(use_true_random=False), cuts=CUTS)
def test_batches_do_not_matter_in_any_disorder(
    logins: list[dict[str, object]], disorder: object, cuts: set[int]
) -> None:
    """However late logins come, how they fall into batches changes nothing."""
    disorder.shuffle(logins)  # type: ignore[attr-defined]
    assert answered([logins], LEARNING) == answered(_split(logins, cuts), LEARNING, restarts=True)


@given(logins=streams())
def test_the_columns_say_what_a_plain_loop_says(logins: list[dict[str, object]]) -> None:
    """Each login is held against the earlier ones of its account, one by one."""
    found = answered([logins], LEARNING)
    for login, answer in zip(logins, found, strict=True):
        step = _step(login)
        same = [each for each in logins if each["user.name"] == login["user.name"] and _step(each) <= step - 2]
        steps = {_step(each) for each in same}
        assert ((step - max(steps)) // DAY_STEPS if steps else None) == answer["credwatch.login.days_since_last"]
        fresh = [each for each in same if _step(each) >= step - 2 * DAY_STEPS]
        is_learnt = bool(fresh) and (step - min(steps) >= 15 or len(steps) >= 4)
        for field, name in (("source.geo.country_iso_code", "country"), ("user_agent.original", "device")):
            value = login.get(field)
            is_new = all(each.get(field) != value for each in fresh)
            expected = is_new if is_learnt and value is not None else None
            assert expected == answer[f"credwatch.novelty.{name}"]
        _holds_for_travel(login, same, answer)


def _holds_for_travel(login: dict[str, object], same: list[dict[str, object]], answer: dict[str, object]) -> None:
    north = "source.geo.location.lat"
    placed = [each for each in same if each.get(north) is not None]
    if not placed or login.get(north) is None:
        assert answer["credwatch.travel.km"] is None
        return
    latest = {each[north] for each in placed if _step(each) == max(map(_step, placed))}
    if len(latest) == 1:
        assert (latest == {login[north]}) == (answer["credwatch.travel.km"] == 0)


def _step(login: dict[str, object]) -> int:
    return int(login["@timestamp"].timestamp() * 1_000_000) // STEP_US  # type: ignore[attr-defined]


def test_the_logins_lie_before_their_reading() -> None:
    """The longest stream ends before LATER, so that none of its logins is passed over as one of the future."""
    assert a_login(seconds=30 * 200_000)["@timestamp"] < LATER  # type: ignore[operator]
