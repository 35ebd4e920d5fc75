"""Conditions become expressions that never raise and never match by accident."""

from __future__ import annotations

from typing import Any

import polars as pl
import pytest

from credwatch.detect.expressions import compiled, fields_of, with_fields
from credwatch.rules.model import AllOf, AnyOf, Condition, NotThis, Operator, Test
from unit.detect.watched import AT, a_frame, equals

EVENT: dict[str, Any] = {
    "@timestamp": AT,
    "user.name": "Lan.Nguyen",
    "user.target.name": "LAN.NGUYEN",
    "source.ip": "10.1.2.3",
    "source.port": 443,
    "credwatch.masked": True,
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
        (True, a_test("@timestamp", Operator.TIME_PART, ("hour", 3))),
        (True, a_test("@timestamp", Operator.TIME_PART, ("year", 2026))),
        (False, a_test("@timestamp", Operator.TIME_PART, ("minute", 3))),
        (False, a_test("user.name", Operator.TIME_PART, ("hour", 3))),
    ],
)
def test_each_operator(expected: bool, test: Test) -> None:
    """Values, letter case, numbers, networks and moments compare as Sigma says."""
    assert expected == matches(test)


@pytest.mark.parametrize("operator", [each for each in Operator if each not in (Operator.NULL, Operator.EXISTS)])
@pytest.mark.parametrize("field", ["host.name", "process.pid", "credwatch.attempt", "@timestamp"])
def test_a_missing_field_fails(operator: Operator, field: str) -> None:
    """No operator but NULL and EXISTS matches what is not there, whatever its type."""
    values = {Operator.CIDR: "0.0.0.0/0", Operator.TIME_PART: ("hour", 0), Operator.FIELD: "group.name"}
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


@pytest.mark.parametrize("address", ["::ffff:10.1.2.3", "10.1.2.3"])
def test_mapped_addresses_lie_in_ipv4_networks(address: str) -> None:
    """An IPv4 address that IPv6 wraps is the same address."""
    assert matches(a_test("source.ip", Operator.CIDR, "10.0.0.0/8"), {"source.ip": address})


def test_columns_that_are_there_stay() -> None:
    """Only what is missing is added, with its type."""
    frame = with_fields(pl.DataFrame({"user.name": ["lan"]}), frozenset({"user.name", "source.port"}))
    assert {"user.name": pl.String(), "source.port": pl.Int64()} == dict(frame.schema)
