"""Logs that are gone are told, and rotations are not."""

from __future__ import annotations

from pathlib import Path

import pytest

from credwatch.service.missing import MissingLogs


class SteadyClock:
    """Seconds that pass when the test says so."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def _after(missing: MissingLogs, clock: SteadyClock, seconds: int) -> bool:
    """Look once a second for so long, and return what is said at the end."""
    said = missing.is_any("servers")
    for _ in range(seconds):
        clock.now += 1
        said = missing.is_any("servers")
    return said


@pytest.fixture
def clock() -> SteadyClock:
    return SteadyClock()


def test_a_log_that_goes_and_comes_is_told(tmp_path: Path, clock: SteadyClock) -> None:
    """Not at once, within ten seconds, and no longer once it is back."""
    path = tmp_path / "auth.log"
    missing = MissingLogs({"servers": [str(path)]}, clock)
    path.touch()
    assert not _after(missing, clock, 30)
    path.unlink()
    assert not _after(missing, clock, 2)
    assert _after(missing, clock, 7)
    path.touch()
    assert not _after(missing, clock, 1)


def test_a_rotation_is_not_told(tmp_path: Path, clock: SteadyClock) -> None:
    """Gaps of a second are not added up."""
    path = tmp_path / "auth.log"
    missing = MissingLogs({"servers": [str(path)]}, clock)
    for _ in range(20):
        path.touch()
        assert not _after(missing, clock, 1)
        path.unlink()
        assert not _after(missing, clock, 1)


def test_a_wildcard_asks_for_no_file(tmp_path: Path, clock: SteadyClock) -> None:
    """A pattern that matches nothing is no log that is gone, and neither is a source without paths of its own."""
    missing = MissingLogs({"servers": [str(tmp_path / "*.log")]}, clock)
    assert not _after(missing, clock, 30)
    assert not missing.is_any("gate")
