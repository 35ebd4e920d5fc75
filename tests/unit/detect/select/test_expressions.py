"""Conditions become expressions that never raise and never match by accident."""

from __future__ import annotations

from typing import Any

import polars as pl
import pytest

from credwatch.detect.select.comparisons import OF_FIELDS
from credwatch.detect.select.expressions import compiled, fields_of, with_fields
from credwatch.rules.model import AllOf, AnyOf, Condition, NotThis, Operator, Test
from unit.detect.watched import AT, a_frame, equals

EVENT: dict[str, Any] = {
    "@timestamp": AT,
    "user.name": "Lan.Nguyen",
    "user.target.name": "LAN.NGUYEN",
    "source.ip": "10.1.2.3",
    "source.port": 443,
    "credwatch.masked": True,
    "source.geo.location.lat": 21.5,
    "credwatch.mfa.used": False,
    "message": "load 7.5",
    "event.outcome": "failure",
    "user.id": "7",
}


def matches(condition: Condition, event: dict[str, Any] = EVENT) -> bool:
    """Hold one event against a condition."""
    frame = with_fields(a_frame([event]), fields_of(condition))
    (answer,) = frame.select(compiled(condition).alias("hit"))["hit"].to_list()
    assert isinstance(answer, bool)
    return answer


def a_test(field: str, operator: Operator, value: Any, *, cased: bool = False) -> Test:
    """Build a test."""
    return Test(field, operator, value, cased)


@pytest.mark.parametrize(
    ("expected", "test"),
    [
        (True, a_test("user.name", Operator.EQUALS, "lan.nguyen")),
        (False, a_test("user.name", Operator.EQUALS, "lan.nguyen", cased=True)),
        (True, a_test("user.name", Operator.EQUALS, "Lan.Nguyen", cased=True)),
        (True, a_test("event.outcome", Operator.EQUALS, "Failure")),
        (True, a_test("user.id", Operator.EQUALS, 7)),
        (False, a_test("user.id", Operator.EQUALS, True)),
        (True, a_test("user.name", Operator.STARTS_WITH, "LAN")),
        (True, a_test("user.name", Operator.ENDS_WITH, "nguyen")),
        (True, a_test("user.name", Operator.CONTAINS, "N.N")),
        (False, a_test("user.name", Operator.CONTAINS, "nxn")),
        (True, a_test("user.name", Operator.REGEX, "^L.n", cased=True)),
        (False, a_test("user.name", Operator.REGEX, "^l.n", cased=True)),
        (True, a_test("user.name", Operator.FIELD, "user.target.name")),
        (False, a_test("user.name", Operator.FIELD, "host.name")),
        (False, a_test("user.name", Operator.NULL, None)),
        (True, a_test("host.name", Operator.NULL, None)),
        (True, a_test("user.name", Operator.EXISTS, True)),
        (True, a_test("host.name", Operator.EXISTS, False)),
        (True, a_test("source.ip", Operator.CIDR, "10.0.0.0/8")),
        (False, a_test("source.ip", Operator.CIDR, "10.2.0.0/16")),
        (False, a_test("source.ip", Operator.CIDR, "2001:db8::/32")),
        (False, a_test("user.name", Operator.CIDR, "0.0.0.0/0")),
        (True, a_test("source.port", Operator.EQUALS, 443)),
        (True, a_test("source.port", Operator.EQUALS, "443")),
        (False, a_test("source.port", Operator.EQUALS, "https")),
        (False, a_test("source.port", Operator.EQUALS, True)),
        (True, a_test("source.port", Operator.STARTS_WITH, "4")),
        (True, a_test("source.port", Operator.LESS, 444)),
        (True, a_test("source.port", Operator.LESS_EQUAL, 443)),
        (False, a_test("source.port", Operator.GREATER, 443)),
        (True, a_test("source.port", Operator.GREATER_EQUAL, 443)),
        (False, a_test("source.port", Operator.NOT_EQUAL, 443)),
        (True, a_test("user.id", Operator.LESS, 8)),
        (False, a_test("user.name", Operator.GREATER, 1)),
        (False, a_test("credwatch.masked", Operator.GREATER, 0)),
        (False, a_test("@timestamp", Operator.GREATER, 0)),
        (False, a_test("source.port", Operator.GREATER, "low")),
        (True, a_test("credwatch.masked", Operator.EQUALS, True)),
        (True, a_test("credwatch.masked", Operator.EQUALS, "TRUE")),
        (True, a_test("credwatch.mfa.used", Operator.EQUALS, False)),
        (False, a_test("credwatch.masked", Operator.EQUALS, "yes")),
        (True, a_test("credwatch.masked", Operator.CONTAINS, "ru")),
        (True, Test("@timestamp", Operator.EQUALS, 3, part="hour")),
        (True, Test("@timestamp", Operator.EQUALS, 2026, part="year")),
        (False, Test("@timestamp", Operator.EQUALS, 3, part="minute")),
        (False, Test("user.name", Operator.EQUALS, 3, part="hour")),
        (True, a_test("source.geo.location.lat", Operator.EQUALS, 21.5)),
        (True, a_test("source.geo.location.lat", Operator.GREATER, 21)),
        (False, a_test("source.geo.location.lat", Operator.LESS_EQUAL, 21)),
    ],
)
def test_each_operator(expected: bool, test: Test) -> None:
    """Values, letter case, numbers, networks and moments compare as Sigma says."""
    assert expected == matches(test)


@pytest.mark.parametrize("operator", [each for each in Operator if each not in (Operator.NULL, Operator.EXISTS)])
@pytest.mark.parametrize("field", ["host.name", "process.pid", "credwatch.attempt", "@timestamp"])
def test_a_missing_field_fails(operator: Operator, field: str) -> None:
    """No operator but NULL and EXISTS matches what is not there, whatever its type."""
    values = {Operator.CIDR: "0.0.0.0/0", **dict.fromkeys(OF_FIELDS, "group.name")}
    assert not matches(a_test(field, operator, values.get(operator, "1")), {"@timestamp": None, "user.name": "lan"})


def test_conditions_nest() -> None:
    """And, or and not hold over tests, and a missing field is a plain false under not."""
    lan, root, host = equals("user.name", "lan.nguyen"), equals("user.name", "root"), equals("host.name", "web1")
    assert matches(AllOf((lan, NotThis(root), NotThis(host))))
    assert matches(AnyOf((root, lan)))
    assert not matches(AnyOf((root, host)))
    assert matches(AnyOf((host, equals("source.port", "443"))))
    assert matches(AnyOf((a_test("user.name", Operator.EQUALS, "Lan.Nguyen", cased=True), root)))
    assert matches(AnyOf((root, equals("user.id", "7"))))
    assert {"user.name", "host.name"} == fields_of(AllOf((lan, NotThis(AnyOf((root, host))))))
    assert {"user.name", "host.name"} == fields_of(a_test("user.name", Operator.FIELD, "host.name"))


def test_alternatives_of_one_kind_are_one_test() -> None:
    """Texts of which one must be found are looked for together, those that mind case apart from those that do not."""
    many = tuple(a_test("user.name", Operator.CONTAINS, word) for word in ("root", "NGUY"))
    assert matches(AnyOf(many))
    assert not matches(AnyOf(many), {"user.name": "minh"})
    cased = tuple(a_test("user.name", Operator.CONTAINS, word, cased=True) for word in ("root", "NGUY"))
    assert not matches(AnyOf(cased))
    assert matches(AnyOf((*cased, a_test("user.name", Operator.CONTAINS, ""))))
    whole = tuple(a_test("user.name", Operator.EQUALS, word, cased=True) for word in ("root", "Lan.Nguyen"))
    assert matches(
        AnyOf((*whole, a_test("source.port", Operator.EQUALS, "1"), a_test("source.port", Operator.EQUALS, 2)))
    )


def test_thousands_of_alternatives() -> None:
    """Joined in a row they would be too deep a tree for the engine underneath."""
    names = (f"account-{number}" for number in range(3000))
    assert not matches(AnyOf(tuple(a_test("user.name", Operator.STARTS_WITH, name) for name in names)))


def test_what_can_never_hold_has_a_row_for_each_event() -> None:
    """Alone in a batch it is false for every event, not once."""
    frame = a_frame([EVENT, EVENT])
    for test in (a_test("source.port", Operator.EQUALS, "x"), Test("source.port", Operator.EQUALS, 0, part="hour")):
        assert [False, False] == frame.select(compiled(test)).to_series().to_list()


@pytest.mark.parametrize(
    ("expected", "operator", "value", "other", "cased"),
    [
        (True, Operator.FIELD_STARTS_WITH, "Lan.Nguyen", "LAN", False),
        (False, Operator.FIELD_STARTS_WITH, "Lan.Nguyen", "LAN", True),
        (True, Operator.FIELD_ENDS_WITH, "Lan.Nguyen", "nguyen", False),
        (True, Operator.FIELD_CONTAINS, "Lan.Nguyen", ".N", True),
        (False, Operator.FIELD_CONTAINS, "Lan.Nguyen", "%", False),
        (False, Operator.FIELD, "Lan", "lan", True),
        (False, Operator.FIELD_CONTAINS, "Lan", None, False),
    ],
)
def test_fields_compare_with_fields(
    expected: bool, operator: Operator, value: str, other: str | None, cased: bool
) -> None:
    """The other field's value is taken literally, and an absent one is equal to nothing."""
    event = {"user.name": value, "user.target.name": other}
    assert expected == matches(a_test("user.name", operator, "user.target.name", cased=cased), event)


def test_fields_of_different_types_compare_as_texts() -> None:
    """A number and its digits are the same, a moment is written as RFC 3339."""
    assert matches(a_test("source.port", Operator.FIELD, "user.id"), {"source.port": 7, "user.id": "7"})
    stamp = {"@timestamp": AT, "user.id": "2026-03-02T03:00:00.000000Z"}
    assert matches(a_test("user.id", Operator.FIELD, "@timestamp"), stamp)
    assert matches(a_test("@timestamp", Operator.STARTS_WITH, "2026-03-02t"), stamp)


@pytest.mark.parametrize(
    ("expected", "text", "operator", "number"),
    [
        (True, "10", Operator.GREATER, 9),
        (True, "9.5", Operator.GREATER, 9),
        (True, "9007199254740993", Operator.GREATER, 2**53),
        (True, "-1e3", Operator.LESS, 0),
        (False, "nan", Operator.GREATER, 0),
        (False, "inf", Operator.GREATER, 0),
        (False, "", Operator.LESS, 1),
        (False, "root", Operator.NOT_EQUAL, 1),
        (False, "1_000", Operator.GREATER, 1),
    ],
)
def test_numbers_in_texts(expected: bool, text: str, operator: Operator, number: float) -> None:
    """They compare as numbers, exactly where they are whole; what is no finite number passes nothing."""
    assert expected == matches(a_test("user.id", operator, number), {"user.id": text})


@pytest.mark.parametrize(
    ("expected", "text", "part", "number"),
    [
        (True, "2026-03-02T23:30:00+07:00", "hour", 16),
        (True, "2026-03-02T23:30:00Z", "hour", 23),
        (True, "2026-03-02", "day", 2),
        (True, "2027-01-01", "week", 53),
        (False, "soon", "hour", 0),
        (False, "0001-01-01T00:00:00+14:00", "year", 1),
    ],
)
def test_moments_in_texts(expected: bool, text: str, part: str, number: int) -> None:
    """A text that is a moment has its parts in UTC; weeks are those of ISO 8601."""
    assert expected == matches(Test("user.id", Operator.EQUALS, number, part=part), {"user.id": text})


def test_parts_of_moments_compare() -> None:
    """The hour may be greater or less; a number has none."""
    assert matches(Test("@timestamp", Operator.GREATER_EQUAL, 3, part="hour"))
    assert not matches(Test("@timestamp", Operator.LESS, 3, part="hour"))
    assert not matches(Test("source.port", Operator.EQUALS, 0, part="hour"))


GROUPS = ["Admins", None, "users"]


@pytest.mark.parametrize(
    ("expected", "values", "test"),
    [
        (True, GROUPS, a_test("group.name", Operator.EQUALS, "admins")),
        (True, GROUPS, a_test("group.name", Operator.REGEX, "^A")),
        (True, GROUPS, a_test("group.name", Operator.NULL, None)),
        (True, ["10.1.2.3"], a_test("group.name", Operator.CIDR, "10.0.0.0/8")),
        (True, ["x", "7"], a_test("group.name", Operator.GREATER, 6)),
        (True, GROUPS, a_test("group.name", Operator.FIELD, "user.name")),
        (True, GROUPS, a_test("user.name", Operator.FIELD_STARTS_WITH, "group.name")),
        (False, GROUPS, a_test("group.name", Operator.FIELD, "user.name", cased=True)),
        (False, GROUPS, a_test("group.name", Operator.EQUALS, "root")),
        (False, [], a_test("group.name", Operator.EQUALS, "root")),
        (False, [], a_test("group.name", Operator.NULL, None)),
        (True, [], a_test("group.name", Operator.EXISTS, True)),
        (True, None, a_test("group.name", Operator.NULL, None)),
        (False, None, a_test("group.name", Operator.EXISTS, True)),
        (False, None, a_test("group.name", Operator.CONTAINS, "a")),
        (False, None, a_test("group.name", Operator.FIELD, "user.name")),
    ],
)
def test_a_list_passes_where_an_element_does(expected: bool, values: list[str | None] | None, test: Test) -> None:
    """Each operator looks at the elements; an empty list is there and has none."""
    frame = pl.DataFrame(
        {"group.name": [values], "user.name": ["admins"]}, schema_overrides={"group.name": pl.List(pl.String)}
    )
    lists = frozenset({"group.name"})
    assert expected == frame.select(compiled(test, lists)).item()
    assert expected == frame.select(compiled(AnyOf((test, test)), lists)).item()
    assert expected != frame.select(compiled(NotThis(test), lists)).item()


@pytest.mark.parametrize("network", ["10.0.0.0/8", "::ffff:10.0.0.0/104"])
@pytest.mark.parametrize("address", ["::ffff:10.1.2.3"])
def test_a_mapped_network_holds_mapped_addresses(address: str, network: str) -> None:
    """Both ways of writing an IPv4 network hold an address that IPv6 wraps."""
    assert matches(a_test("source.ip", Operator.CIDR, network), {"source.ip": address})


@pytest.mark.parametrize("address", ["::ffff:10.1.2.3", "10.1.2.3"])
def test_mapped_addresses_lie_in_ipv4_networks(address: str) -> None:
    """An IPv4 address that IPv6 wraps is the same address."""
    assert matches(a_test("source.ip", Operator.CIDR, "10.0.0.0/8"), {"source.ip": address})


def test_columns_that_are_there_stay() -> None:
    """Only what is missing is added, with its type."""
    frame = with_fields(pl.DataFrame({"user.name": ["lan"]}), frozenset({"user.name", "source.port"}))
    assert {"user.name": pl.String(), "source.port": pl.Int64()} == dict(frame.schema)
