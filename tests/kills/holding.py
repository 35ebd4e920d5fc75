"""What is held of a trial: each line once, and all else as if nothing had happened."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from typing import Any

from msgspec.structs import fields

from credwatch.kernel.blindness import Blindness
from kills.numbered import NumberedLine, accounts, number_in
from kills.trial import Killed
from scenarios.outcome import Outcome


def hold_each_once(lines: list[NumberedLine], result: Killed) -> None:
    """Hold that each line was taken once, whatever another run says."""
    assert len(lines) == result.outcome.lines
    assert result.counts == dict.fromkeys(accounts(lines), 1)
    written = [number_in(line.text) for line in lines if line.is_unread]
    assert written == sorted(number_in(text) for _, text, _ in result.outcome.unparsed.elements())


def hold_equal(expected: Outcome, actual: Outcome) -> None:
    """Hold that two runs have come to the same."""
    for part in fields(Outcome):
        before, after = getattr(expected, part.name), getattr(actual, part.name)
        assert before == after, (part.name, _only_in(before, after), _only_in(after, before))


def _only_in(these: Any, those: Any) -> list[Any]:
    return [it for it in these if it not in those][:3] if isinstance(these, Iterable) else these


def hold_losses_told(lines: list[NumberedLine], result: Killed) -> None:
    """Hold that no line was taken twice, and that each that is missing was sent in a time told as blind."""
    numbers = Counter(number_in(text) for _, text, _ in result.outcome.unparsed.elements())
    assert {1} == {*result.counts.values(), *numbers.values()}
    blind = [it for it in result.blind if it.reason is Blindness.DOWN and it.source in ("", "syslog")]
    for line in lines:
        is_taken = line.account in result.counts if line.account else number_in(line.text) in numbers
        began, ended = result.sent_at[line.text]
        assert is_taken or any(it.started_at <= ended and (it.ended_at or ended) >= began for it in blind), line.text
