"""Rules as values: what a rule file says, free of the library that read it."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from enum import StrEnum

from msgspec import Struct

from credwatch.kernel.detection import Consequence, Level


class Operator(StrEnum):
    """How a test compares a field with its value."""

    EQUALS = "equals"
    """The whole value; strings without regard to case unless `cased`."""
    STARTS_WITH = "starts_with"
    ENDS_WITH = "ends_with"
    CONTAINS = "contains"
    REGEX = "regex"
    """A linear-time regular expression that may match anywhere."""
    CIDR = "cidr"
    """The address lies in the network."""
    LESS = "lt"
    LESS_EQUAL = "lte"
    GREATER = "gt"
    GREATER_EQUAL = "gte"
    NOT_EQUAL = "neq"
    NULL = "null"
    """The field is absent."""
    EXISTS = "exists"
    """The field is present (value true) or absent (value false)."""
    FIELD = "field"
    """The value of another field, without regard to case unless `cased`; the next three likewise."""
    FIELD_STARTS_WITH = "field_starts_with"
    FIELD_ENDS_WITH = "field_ends_with"
    FIELD_CONTAINS = "field_contains"


class Test(Struct, frozen=True):
    """One comparison; a missing or null field fails every operator but NULL and EXISTS."""

    __test__ = False  # not a test case, whatever pytest thinks of the name

    field: str
    """A field of the event schema, or `native:` and a path of the writer's own object."""
    operator: Operator
    """How to compare."""
    value: str | int | float | bool | None
    """With what; the name of a field where the operator is about one."""
    cased: bool = False
    """True where case matters."""
    part: str = ""
    """The part of a moment that is compared instead of the whole: minute, hour, day, week, month or year, in UTC."""


class AllOf(Struct, frozen=True):
    """Every item holds."""

    items: tuple[Condition, ...]
    """The items, in the rule's order."""


class AnyOf(Struct, frozen=True):
    """At least one item holds."""

    items: tuple[Condition, ...]
    """The items, in the rule's order."""


class NotThis(Struct, frozen=True):
    """The item does not hold."""

    item: Condition
    """The item."""


Condition = Test | AllOf | AnyOf | NotThis


class EventRule(Struct, frozen=True):
    """A Sigma detection: one condition over one event."""

    id: str
    """The Sigma id, or the name where there is none."""
    name: str
    """What correlations refer to it by."""
    title: str
    """Its title."""
    level: Level
    """Its level."""
    tags: tuple[str, ...]
    """Its tags."""
    where: str
    """The file it comes from."""
    condition: Condition
    """When it matches."""
    consequence: Consequence
    """What must follow."""
    group_by: tuple[str, ...]
    """Fields whose values make one episode; an absent value counts as empty."""
    quiet_us: int
    """Microseconds of event time without a match after which an episode ends."""
    logsource: str = ""
    """The log source it asks for, in words."""
    packs: frozenset[str] | None = None
    """The packs whose events it sees, as its condition says; None for all, empty where no pack has its log source."""
    filters: tuple[tuple[str, str], ...] = ()
    """The filters that narrow it: place and title of each."""
    filter_ends: tuple[tuple[str, str, str, date], ...] = ()
    """Those of them that end: place, title, owner and the first day, in UTC, on which each holds no more."""
    alone: bool = True
    """False where it only serves correlations and gives no detections of its own."""
    shadow: bool = False
    """True where it is evaluated and counted, without consequence."""
    version: str = ""
    """The SHA-256 of all that decides what it finds, hexadecimal; see `RuleDocument`."""


class CorrelationType(StrEnum):
    """Sigma's correlation types."""

    EVENT_COUNT = "event_count"
    VALUE_COUNT = "value_count"
    VALUE_SUM = "value_sum"
    VALUE_AVG = "value_avg"
    VALUE_PERCENTILE = "value_percentile"
    TEMPORAL = "temporal"
    TEMPORAL_ORDERED = "temporal_ordered"

    @property
    def in_time(self) -> bool:
        """Say whether it asks what happened together, rather than how much."""
        return self in (CorrelationType.TEMPORAL, CorrelationType.TEMPORAL_ORDERED)


class Bound(Struct, frozen=True):
    """One comparison of what a correlation computes."""

    operator: Operator
    """LESS, LESS_EQUAL, GREATER, GREATER_EQUAL, EQUALS or NOT_EQUAL."""
    number: int | float
    """With what."""


class PartThere(Struct, frozen=True):
    """A part has matched within the timespan."""

    part: int
    """Its place among the correlation's parts."""


class PartsAll(Struct, frozen=True):
    """Every item holds."""

    items: tuple[PartCondition, ...]
    """The items."""


class PartsAny(Struct, frozen=True):
    """At least one item holds."""

    items: tuple[PartCondition, ...]
    """The items."""


class PartsNot(Struct, frozen=True):
    """The item does not hold."""

    item: PartCondition
    """The item."""


PartCondition = PartThere | PartsAll | PartsAny | PartsNot


class Part(Struct, frozen=True):
    """One rule that a correlation refers to."""

    rule: str
    """The id of the rule referred to."""
    group_by: tuple[str, ...]
    """The group-by fields as that rule's events name them, aliases resolved."""


class Limit(Struct, frozen=True):
    """The number that is enough at one customer, or for what one source delivers."""

    number: float
    """It takes the place of the number in the correlation's bound."""
    customer: str = ""
    """The customer's id; empty where the limit is a source's."""
    source: str = ""
    """The source's id; empty where the limit is a customer's."""


class Correlation(Struct, frozen=True):
    """A Sigma correlation over events or over other correlations."""

    id: str
    """The Sigma id, or the name where there is none."""
    name: str
    """What other correlations refer to it by."""
    title: str
    """Its title."""
    level: Level
    """Its level."""
    tags: tuple[str, ...]
    """Its tags."""
    where: str
    """The file it comes from."""
    type: CorrelationType
    """What it computes."""
    parts: tuple[Part, ...]
    """The rules it refers to, in order."""
    group_by: tuple[str, ...]
    """The names of the group, aliases included."""
    timespan_us: int
    """The window, in microseconds of event time."""
    bounds: tuple[Bound, ...]
    """What must hold of the number it computes; empty for temporal types."""
    field: str
    """The field whose values are counted or computed with (`value_*`); empty otherwise."""
    consequence: Consequence
    """What must follow."""
    percentile: int = 0
    """Which percentile, 1 to 100 (value_percentile)."""
    condition: PartCondition | None = None
    """For temporal types: which of the parts must and must not have matched; None where all must."""
    limits: tuple[Limit, ...] = ()
    """Other numbers than that of its bound, which settings name for customers and sources; a customer's goes first."""
    is_adjusted: bool = False
    """True where settings have put another number or time in the place of its own."""
    alone: bool = True
    """False where it only serves other correlations."""
    shadow: bool = False
    """True where it is evaluated and counted, without consequence."""
    version: str = ""
    """The SHA-256 of all that decides what it finds, hexadecimal; see `RuleDocument`."""


Rule = EventRule | Correlation


class RuleDocument(Struct, frozen=True):
    """A rule as it was written, and the hash that names this version of it."""

    rule: str
    """The rule's id."""
    version: str
    """The SHA-256 of `text` in UTF-8, hexadecimal."""
    text: str
    """JSON, keys sorted: `rule`, and where there are any, `filters`, `placeholders`, `thresholds` of the settings, and
    the versions it `refers_to`."""


class RuleSet(Struct, frozen=True):
    """Every rule that loaded, referenced rules before those that refer to them."""

    events: tuple[EventRule, ...]
    """The detections over one event."""
    correlations: tuple[Correlation, ...]
    """The correlations, in dependency order."""
    documents: Mapping[str, RuleDocument] = {}
    """What the rules are written in, by their ids; empty where they come from no files."""

    def by_id(self) -> dict[str, Rule]:
        """Map each rule's id to the rule."""
        every: tuple[Rule, ...] = (*self.events, *self.correlations)
        return {rule.id: rule for rule in every}
