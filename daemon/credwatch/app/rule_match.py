"""Answers, for a stream of JSON events, which rules each of them matches, and which detections it opens."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from credwatch.app.json_events import BEGINNING, frame_of, read_event
from credwatch.app.rule_choice import RuleChoice
from credwatch.app.trial import matching, needed_for, trial_engine
from credwatch.kernel.clock import rfc3339
from credwatch.kernel.detection import Detection
from credwatch.rules.model import EventRule


class Matcher:
    """Holds lines against the chosen rules, in their order; with `correlate`, windows go on from line to line.

    The rules chosen are answered for; those they refer to are evaluated too. Raises RuleError as `plan_for` does.
    """

    def __init__(self, choice: RuleChoice, *, correlate: bool, lateness_us: int) -> None:
        asked = choice.asked()
        self._rules = [rule for rule in asked if isinstance(rule, EventRule)]
        self._asked = {rule.id for rule in asked}
        self._shadow = {rule.id for rule in asked if rule.shadow}
        needed = needed_for(choice.rules, self._asked)
        self._engine = trial_engine(needed, lateness_us) if correlate else None
        self._number = 0
        self._latest = BEGINNING

    def answers(self, lines: Sequence[bytes]) -> list[dict[str, Any]]:
        """Answer each line: its number and the ids that match, or what is wrong with it; JSON values only."""
        events = [read_event(line) for line in lines]
        good = [event for event in events if not event.error]
        frame = frame_of(good, self._latest)
        masks = iter(matching(self._rules, frame).to_dicts()) if good and self._rules else iter({} for _ in good)
        rows = iter(range(len(good)))
        answers: list[dict[str, Any]] = []
        for event in events:
            self._number += 1
            if event.error:
                answers.append({"line": self._number, "error": event.error})
                continue
            matches = [name for name, holds in next(masks).items() if holds]
            answer = {"line": self._number, "matches": matches}
            at = next(rows)
            if self._engine is not None:
                found = self._engine.process(frame[at : at + 1], "stdin").detections
                answer["detections"] = [_described(each) for each in found if each.rule_id in self._asked]
            if shadow := sorted(self._shadow.intersection(matches)):
                answer["shadow"] = shadow
            answers.append(answer)
        if good:
            self._latest = frame["@timestamp"][-1]
        return answers


def _described(detection: Detection) -> dict[str, Any]:
    return {
        "rule": detection.rule_id,
        "title": detection.title,
        "level": detection.level.name.lower(),
        "group": dict(detection.group),
        "opened_at": rfc3339(detection.opened_at),
        "count": detection.count,
        "shadow": detection.shadow,
    }
