"""The timetable runs its jobs, and survives those that fail."""

from __future__ import annotations

from collections import Counter
from datetime import datetime

from credwatch.app.schedule import Daily, Every, Job, Timetable
from credwatch.kernel.errors import StoreError
from scenarios.daemon import await_


def test_jobs_run_again_and_again_and_failures_are_not_counted_as_runs() -> None:
    """A job that fails is tried at its next time, while the others go on; only good ends are told."""
    begun: Counter[str] = Counter()
    ended: Counter[str] = Counter()

    def well() -> None:
        begun["well"] += 1

    def badly() -> None:
        begun["badly"] += 1
        raise StoreError("the store failed")

    def heard(name: str, _at: datetime) -> None:
        ended[name] += 1

    jobs = [
        Job("well", Every(1), well),
        Job("badly", Every(1), badly),
        Job("daily", Daily(8, 0, "Asia/Ho_Chi_Minh"), lambda: None),
    ]
    timetable = Timetable(jobs, heard)
    timetable.start()
    try:
        await_(lambda: ended["well"] >= 2 and begun["badly"] >= 2, what="both jobs have run twice", seconds=15)
    finally:
        timetable.stop()
    assert 0 == ended["badly"]
    assert begun["well"] >= ended["well"]
