"""The program that carries measures out: JSON on standard input, the exit code says what came of it."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

import pytest
from pydantic import ValidationError

from builders_measures import an_order
from builders_outbox import NOON
from credwatch.kernel.receipt import Delivered, Receipt, Refused, Retry
from credwatch.outbox.enforcing.options import ProgramOptions
from credwatch.outbox.enforcing.program import MeasureProgram


async def ran(script: str, *, undo: bool = False, seconds: float = 60.0) -> Receipt:
    options = ProgramOptions(name="p", kind="command", argv=("/bin/sh", "-c", script), timeout_seconds=seconds)
    return await MeasureProgram(options, lambda: NOON).deliver(an_order(undo=undo))


async def test_it_gets_the_event(tmp_path: Path) -> None:
    """The program reads what to do as one object of JSON."""
    assert isinstance(await ran(f"cat > '{tmp_path}/event'"), Delivered)
    assert "lan@tanphat.example" == json.loads((tmp_path / "event").read_text())["data"]["target"]


@pytest.mark.parametrize(
    ("script", "undo", "outcome"),
    [
        ("exit 65", False, Refused),
        ("exit 69", True, Delivered),
        ("exit 69", False, Retry),
        ("exit 1", False, Retry),
        ("kill -9 $$", False, Retry),
    ],
)
async def test_its_exit_says_what_came_of_it(script: str, undo: bool, outcome: type[Receipt]) -> None:
    """65 refuses for good, 69 says that what is to be undone is gone, anything else is tried again."""
    assert isinstance(await ran(script, undo=undo), outcome)


async def test_one_that_never_ends_is_ended() -> None:
    """It is killed when its time is over."""
    assert isinstance(await asyncio.wait_for(ran("sleep 600", seconds=0.3), 60), Retry)


def test_it_is_named_by_its_whole_path() -> None:
    """What PATH says does not matter."""
    with pytest.raises(ValidationError):
        ProgramOptions(name="p", kind="command", argv=("lock",))
