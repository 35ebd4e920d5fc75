"""The part that does what is due by the clock: the timetable's thread."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence

from msgspec.structs import replace

from credwatch.service.parts.interface import Pulse, Trouble
from credwatch.service.schedule import Job, Timetable


class TimetablePart:
    """Runs a timetable; one that died is replaced by a new one."""

    name = "timetable"
    is_vital = True

    def __init__(self, jobs: Sequence[Job], timetable: Callable[[list[Job]], Timetable], pulse: Pulse) -> None:
        """Take the jobs, and how a timetable is made of them."""
        self._jobs = [replace(job, act=_beating(job.act, pulse)) for job in jobs]
        self._make = timetable
        self._pulse = pulse
        self._timetable: Timetable | None = None

    async def start(self) -> None:
        """Begin to watch the clock."""
        self._pulse.beat()
        self._timetable = self._make(self._jobs)
        self._timetable.start()

    def trouble(self) -> Trouble | None:
        """See whether its thread lives and has begun a job lately; the shortest pause between two is seconds.

        It sleeps by the wall clock, so it is told here of one that was set.
        """
        if self._timetable is None or not self._timetable.is_alive():
            return Trouble("its thread has ended")
        self._timetable.look_at_clock()
        return self._pulse.trouble()

    async def stop(self) -> None:
        """Wait for the job under way."""
        timetable, self._timetable = self._timetable, None
        if timetable is not None:
            await asyncio.to_thread(timetable.stop)


def _beating(act: Callable[[], None], pulse: Pulse) -> Callable[[], None]:
    def beaten() -> None:
        pulse.beat()
        act()

    return beaten
