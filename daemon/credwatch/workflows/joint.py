"""Joint letters: what comes close together for one reader about one kind of trouble is one letter with updates.

A reader hears of the first matters of a kind by a letter each. What comes behind them within the hour joins: it is told
in one letter at once, then in letters at growing intervals, until an hour has brought nothing more. Nothing is dropped
by that, and no clock is missed: no interval is longer than two thirds of the duty's time.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime, timedelta

from msgspec import Struct
from msgspec.structs import replace

from credwatch.kernel.clock import rfc3339
from credwatch.kernel.command import Command, CommandKind, Precedence
from credwatch.kernel.detection import Level
from credwatch.workflows.facts import Duties, Facts
from credwatch.workflows.message import JOINT, Letter, bounded, compose

ALONE = 3
"""So many letters of one series leave by themselves within SPAN; what comes behind them joins."""
SPAN = timedelta(hours=1)
"""A series that nothing joins for so long is over."""
NAMED = 500
"""How many matters one letter names. What law asks to be told each by itself goes on in another letter."""
LISTED_MATTERS = 200
"""How many matters a letter names that may count the rest."""

_FIRST_INTERVAL = timedelta(minutes=2)
_LONGEST_INTERVAL = timedelta(hours=1)
_EACH_IS_NAMED = ("disclosure_notice", "breach_report")
"""The acts of staff and the breaches that law and policy ask to be told one by one: none is merely counted."""
_LAW = ("customer_notice", "disclosure_notice", "breach_report", "escalation")
_KINDS = {
    "customer_joint": CommandKind.NOTIFY,
    "disclosure_joint": CommandKind.NOTIFY,
    "breach_joint": CommandKind.REPORT,
    "escalation_joint": CommandKind.ESCALATE,
}
_TOLD = (
    *("number", "kind", "level", "occurred_first", "occurred_last", "detected_at", "detected_last", "accounts"),
    *("addresses", "outcome", "next_update", "reader", "action", "basis", "document", "issuer", "authorisation"),
    *("department", "organization", "phone", "duty", "regime", "due_at", "recipient", "reply", "matter"),
)
"""What a joint letter may say of each matter, of that which its own letter would have said."""


class Series(Struct, frozen=True):
    """What one reader is told of one kind of trouble by one workflow."""

    workflow: str
    """The workflow whose letters they are."""
    kind: str
    """The kind of incident; of escalations, the reason."""
    organization: str
    """The customer concerned; empty for escalations, which are about all of them."""
    recipient: str
    """One e-mail address."""


class SeriesState(Struct, frozen=True, omit_defaults=True):
    """What is remembered of a series."""

    alone: tuple[datetime, ...] = ()
    """When letters left by themselves, within the last SPAN."""
    number: str = ""
    """The number of the first matter that joined: the reference of its joint letters."""
    opened_by: str = ""
    """The id of the first letter that joined: what tells this series from one of another day."""
    joined_at: datetime | None = None
    """When something joined last."""
    wrote_at: datetime | None = None
    """When the latest joint letter was written."""
    letters: int = 0
    """How many joint letters there were."""
    matters: int = 0
    """How many matters they told."""
    latest: str = ""
    """The id of the latest joint letter."""
    waits: bool = False
    """Whether something has joined that no letter has told yet."""
    hurries: bool = False
    """Whether that must be told before its time, because another letter builds on it."""

    def is_open(self, now: datetime) -> bool:
        """Say whether what comes now joins."""
        return self.waits or (self.joined_at is not None and abs(now - self.joined_at) < SPAN)


class Matter(Struct, frozen=True):
    """What a joint letter tells of one letter that did not leave by itself."""

    id: str
    """The id of that letter."""
    incident: str
    """The incident's number."""
    languages: tuple[str, ...]
    """The languages of its reader, in their order."""
    values: dict[str, object]
    """What it would have said, as far as a joint letter says it."""


def series_of(command: Command) -> Series | None:
    """Name the series that a letter belongs to; None where it always leaves by itself, as what is held does."""
    is_escalation = command.kind is CommandKind.ESCALATE
    kind = str(command.payload.context.get("reason" if is_escalation else "kind", ""))
    if command.workflow not in JOINT or not command.incident or not kind or command.hold:
        return None
    return Series(command.workflow, kind, "" if is_escalation else command.organization, command.recipient)


def matter_of(command: Command) -> Matter:
    """Keep of a letter what a joint one says of it."""
    values = {name: command.payload.context[name] for name in _TOLD if command.payload.context.get(name)}
    return Matter(command.id, command.incident, command.payload.languages, values)


def admit(
    series: Series, before: SeriesState, letters: Sequence[Command], now: datetime, *, all_join: bool = False
) -> tuple[int, SeriesState]:
    """Say how many of these letters leave by themselves, the first of them, and what is remembered then.

    Operators get what comes all at once in one letter, and none by itself.
    """
    recent = tuple(at for at in before.alone if abs(now - at) < SPAN)
    room = 0 if all_join or before.is_open(now) else max(0, ALONE - len(recent))
    if series.workflow == "escalation" and len(letters) > room:
        room = 0
    alone = min(room, len(letters))
    after = replace(before, alone=(*recent, *(now for _ in range(alone))))
    if alone == len(letters):
        return alone, after
    if not before.is_open(now):
        after = SeriesState(after.alone, letters[alone].incident, letters[alone].id)
    return alone, replace(after, joined_at=now, waits=True)


def is_due(series: Series, state: SeriesState, duties: Duties, now: datetime) -> bool:
    """Say whether what has joined is told now: the first time at once, then at intervals that double."""
    if not state.waits or state.wrote_at is None or state.hurries:
        return state.waits
    return abs(now - state.wrote_at) >= interval(series, state.letters, duties)


def interval(series: Series, letters: int, duties: Duties) -> timedelta:
    """Tell how long after so many joint letters the next one is written.

    From two minutes it doubles up to an hour, but never beyond two thirds of the duty's time: what joins right after a
    letter has a third left to be accepted.
    """
    limit: timedelta | None = getattr(duties, series.workflow, None)
    longest = _LONGEST_INTERVAL if limit is None else min(_LONGEST_INTERVAL, limit * 2 / 3)
    doubled: timedelta = _FIRST_INTERVAL * 2 ** min(letters - 1, 10)
    return min(longest, doubled)


def joint_letters(
    series: Series, state: SeriesState, waiting: Sequence[Matter], facts: Facts, now: datetime
) -> tuple[tuple[tuple[Command, tuple[Matter, ...]], ...], SeriesState]:
    """Write what waits, the oldest first: each letter with the matters that it tells; and what is remembered then."""
    letters = []
    for part in _parts(series, waiting):
        state = replace(state, letters=state.letters + 1, matters=state.matters + len(part))
        (command,) = compose(_letter(series, state, part), (series.recipient,), facts, now)
        state = replace(state, latest=command.id, wrote_at=now)
        letters.append((command, part))
    return tuple(letters), replace(state, waits=False, hurries=False)


def _parts(series: Series, waiting: Sequence[Matter]) -> Iterator[tuple[Matter, ...]]:
    size = NAMED if series.workflow in _EACH_IS_NAMED else max(1, len(waiting))
    for start in range(0, len(waiting), size):
        yield tuple(waiting[start : start + size])


def _letter(series: Series, state: SeriesState, part: Sequence[Matter]) -> Letter:
    template, latest = JOINT[series.workflow], part[-1]
    return Letter(
        kind=_KINDS[template],
        workflow=template,
        language=latest.languages[0],
        values=_values(series, state, part) | {"reader": latest.values.get("reader", "")},
        incident=state.number,
        organization=series.organization,
        phase=_phase(series, state, state.letters),
        precedence=Precedence.LAW if series.workflow in _LAW else Precedence.COURTESY,
    )


def _phase(series: Series, state: SeriesState, letter: int) -> str:
    return f"{series.workflow} {state.opened_by} {letter}"


def _values(series: Series, state: SeriesState, part: Sequence[Matter]) -> dict[str, object]:
    matters = [matter.values for matter in part]
    most = NAMED if series.workflow in _EACH_IS_NAMED else LISTED_MATTERS
    levels = [Level[str(value).upper()] for value in _all(matters, "level")]
    return {
        "number": state.number,
        "of": series.workflow,
        "kind": series.kind,
        "reason": series.kind,
        "level": max(levels).name.lower() if levels else "",
        "letters": state.letters,
        "thread": _phase(series, state, 1),
        "count": len(part),
        "total": state.matters,
        "occurred_first": min(_all(matters, "occurred_first"), default=""),
        "occurred_last": max(_all(matters, "occurred_last"), default=""),
        "detected_at": min(_all(matters, "detected_at"), default=""),
        "detected_last": max(_all(matters, "detected_last"), default=""),
        "next_update": min(_all(matters, "next_update"), default=""),
        "addresses": _together(matters, "addresses"),
        "matters": matters[:most],
        "more": max(0, len(part) - most),
        "as_of": rfc3339(state.joined_at) if state.joined_at else "",
    }


def _all(matters: Iterable[dict[str, object]], name: str) -> list[str]:
    """List a text of each matter that has it; moments in RFC 3339 of one zone stand in their order."""
    return [str(values[name]) for values in matters if values.get(name)]


def _together(matters: Iterable[dict[str, object]], name: str) -> dict[str, object]:
    """List what the matters name, each once; those that were harmless in one letter are so in this one."""
    lists = [values[name] for values in matters if values.get(name)]
    return bounded(
        dict.fromkeys(str(value) for listed in lists if isinstance(listed, dict) for value in listed["first"]), str
    )
