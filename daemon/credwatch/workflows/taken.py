"""What a customer is told of measures: what was done, or was ordered, about an incident of theirs, and how it ended."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from enum import StrEnum

from msgspec import Struct

from credwatch.kernel.clock import rfc3339
from credwatch.kernel.measure import Measure, MeasureAction, MeasureState
from credwatch.workflows.message import bounded, shown

TELLING = frozenset({"customer_notice", "customer_news", "customer_update"})
"""The workflows whose letters say what was done."""


class MeasureStage(StrEnum):
    """How far a measure has come, as a customer is told it."""

    ORDERED = "ordered"
    """Its channel was asked, and has not answered yet."""
    DONE = "done"
    """Its channel says that it is done."""
    UNDONE = "undone"
    """Its channel says that it is undone."""
    FAILED = "failed"
    """It was ordered and not carried out."""


_STAGES = {
    MeasureState.QUEUED: MeasureStage.ORDERED,
    MeasureState.STOPPED: MeasureStage.ORDERED,
    MeasureState.IN_FORCE: MeasureStage.DONE,
    MeasureState.DONE: MeasureStage.DONE,
    MeasureState.UNDOING: MeasureStage.DONE,
    MeasureState.STUCK: MeasureStage.DONE,
    MeasureState.UNDONE: MeasureStage.UNDONE,
    MeasureState.FAILED: MeasureStage.FAILED,
    MeasureState.LAPSED: MeasureStage.FAILED,
}


_ORDER = {action: place for place, action in enumerate(MeasureAction)}


class _Sentence(Struct, frozen=True):
    """What one sentence of a letter is about, its targets left aside."""

    action: MeasureAction
    stage: MeasureStage
    until: str


def stage_of(measure: Measure) -> MeasureStage | None:
    """Say how far a measure has come; None where nothing was ordered, as in a dry run."""
    if measure.dry or measure.acted_at is None:
        return None
    stage = _STAGES.get(measure.state)
    return MeasureStage.ORDERED if stage is MeasureStage.DONE and measure.done_at is None else stage


def steps_of(measures: Iterable[Measure], organization: str) -> tuple[str, ...]:
    """Name what its customer is owed a letter about: that a measure was ordered, has failed, or is undone.

    That what was ordered is done as well is no news.
    """
    stages = ((measure, stage_of(measure)) for measure in measures if measure.organization == organization)
    return tuple(
        f"{measure.id} {MeasureStage.ORDERED if stage is MeasureStage.DONE else stage}"
        for measure, stage in stages
        if stage
    )


def taken(
    measures: Iterable[Measure], organization: str, words: Mapping[str, str] | None = None
) -> list[dict[str, object]]:
    """Write for a letter to a customer what was done about its accounts, one entry for each sentence.

    `words` has the accounts as the letter writes them already; others lead nowhere.
    """
    sentences: dict[_Sentence, list[str]] = {}
    for measure in sorted(measures, key=lambda it: _ORDER[it.action]):
        stage = stage_of(measure)
        if stage is not None and measure.organization == organization:
            sentence = _Sentence(measure.action, stage, _until(measure, stage))
            sentences.setdefault(sentence, []).append(measure.target)
    return [_entry(sentence, targets, words or {}) for sentence, targets in sentences.items()]


def _until(measure: Measure, stage: MeasureStage) -> str:
    """Tell until when it lasts, to the second; empty where it does not, or not any more."""
    if measure.until is None or stage in (MeasureStage.UNDONE, MeasureStage.FAILED):
        return ""
    return rfc3339(measure.until.replace(microsecond=0))


def _entry(sentence: _Sentence, targets: list[str], words: Mapping[str, str]) -> dict[str, object]:
    return {
        "action": sentence.action.value,
        "stage": sentence.stage.value,
        "until": sentence.until,
        "targets": bounded(dict.fromkeys(targets), lambda target: words.get(target) or shown(target)),
    }
