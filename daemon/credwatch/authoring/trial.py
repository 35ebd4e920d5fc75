"""Parts of a rule set on trial: an engine with empty windows, for the tools that authors of rules use."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime

import numpy as np
import polars as pl
from msgspec import Struct
from msgspec.structs import replace

from credwatch.detect.engine import Engine
from credwatch.detect.episodes.conclusions import Conclusions
from credwatch.detect.plan import plan_for
from credwatch.detect.select.expressions import compiled, fields_of, only_fields, with_fields
from credwatch.detect.select.native import with_native
from credwatch.detect.select.selecting import KINDS, Rows, Selection, weakened
from credwatch.detect.windows.event_time import moment
from credwatch.kernel.fields import NATIVE, is_native
from credwatch.rules.model import Condition, Correlation, EventRule, RuleSet

_ABOUT = frozenset({"event.action", "event.dataset"})
_SEED = 1
"""Nobody crafts collisions against a trial, and its detections must be the same every time."""


def trial_engine(rules: RuleSet, lateness_us: int) -> Engine:
    """Build the engine that the daemon runs, with empty windows; raises RuleError as `plan_for` does."""
    return Engine(plan_for(rules, lateness_us=lateness_us), seed=_SEED, lateness_us=lateness_us)


class EventTrial:
    """Holds events against rules over one event, as the engine does: only those rules that may hold are asked."""

    def __init__(self, rules: Iterable[EventRule]) -> None:
        self._rules = tuple(rules)
        self._selection = Selection(self._rules)
        self._fields = frozenset[str]().union(*(fields_of(rule.condition) for rule in self._rules))

    def rows(self, events: pl.DataFrame) -> dict[str, Rows]:
        """Map the ids of the rules that match any event, in their order, to the rows of those events."""
        return self._selection.matches(with_fields(_with_paths(events, self._fields), self._fields | {*KINDS}))

    def masks(self, events: pl.DataFrame) -> pl.DataFrame:
        """Give a Boolean column for each rule, named by its id, a row for each event."""
        rows = self.rows(events)
        masks = {rule.id: np.zeros(events.height, np.bool_) for rule in self._rules}
        for name, matched in rows.items():
            masks[name][matched] = True
        return pl.DataFrame(masks)


def holding(conditions: Mapping[str, Condition], events: pl.DataFrame) -> pl.DataFrame:
    """Evaluate conditions as the engine does: a Boolean column for each, a row for each event."""
    fields = frozenset().union(*map(fields_of, conditions.values()))
    whole = with_fields(_with_paths(events, fields), fields)
    held = whole.with_columns(compiled(condition).alias(name) for name, condition in conditions.items())
    return pl.DataFrame({name: held.get_column(name) for name in conditions})


def _with_paths(events: pl.DataFrame, fields: frozenset[str]) -> pl.DataFrame:
    """Add the fields of the writers' own objects that are asked for, whichever pack the events are of."""
    paths = frozenset(name.removeprefix(NATIVE) for name in fields if is_native(name))
    packs = events["event.dataset"].drop_nulls().unique() if "event.dataset" in events.columns else ()
    return with_native(events, dict.fromkeys(packs, paths)) if paths else events


def applicable(rules: Sequence[EventRule], event: pl.DataFrame) -> list[EventRule]:
    """Choose the rules that the engine asks at all about an event of this action, read by this pack."""
    weak = {rule.id: weakened(rule.condition, _ABOUT) for rule in rules}
    asked = [compiled(condition).alias(name) for name, condition in weak.items() if condition is not None]
    (held,) = only_fields(event, _ABOUT).select(asked).to_dicts() if asked else ({},)
    return [rule for rule in rules if held.get(rule.id, True)]


class OpenedEpisode(Struct, frozen=True):
    """An episode that a batch opened or changed."""

    serial: int
    """The number of its detection."""
    last: datetime
    """Its latest event, UTC."""
    closed: bool
    """Whether it has ended."""


def lasting(result: Conclusions) -> Iterator[OpenedEpisode]:
    """Give the episodes that a batch opened or changed, each as it is behind the batch."""
    for episodic in result.episodes:
        for table in (episodic.opened, episodic.changed):
            for row in table:
                yield OpenedEpisode(int(row["serial"]), moment(int(row["last"])), bool(row["closed"]))


def needed_for(rules: RuleSet, ids: Iterable[str]) -> RuleSet:
    """Return the rules of these ids, with all that they refer to, in the order of `rules`."""
    by_id = rules.by_id()
    ids_needed, waiting = set(), list(ids)
    while waiting:
        rule = by_id[waiting.pop()]
        if rule.id not in ids_needed:
            ids_needed.add(rule.id)
            waiting += [part.rule for part in rule.parts] if isinstance(rule, Correlation) else []
    return RuleSet(
        tuple(rule for rule in rules.events if rule.id in ids_needed),
        tuple(rule for rule in rules.correlations if rule.id in ids_needed),
        {id_: document for id_, document in rules.documents.items() if id_ in ids_needed},
    )


def audible(rules: RuleSet) -> RuleSet:
    """Make every rule give detections of its own, also those that only serve others."""
    return replace(
        rules,
        events=tuple(replace(rule, alone=True) for rule in rules.events),
        correlations=tuple(replace(rule, alone=True) for rule in rules.correlations),
    )
