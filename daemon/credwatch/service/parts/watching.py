"""The part that notices edits of configuration: threads that the kernel wakes."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from credwatch.service.parts.interface import Trouble
from credwatch.service.watchfiles import ConfigurationWatch


class WatchPart:
    """Watches the folders of rules, packs and registers; goes on where one of them comes, goes or is replaced."""

    name = "configuration"
    is_vital = False

    def __init__(self, watch: Callable[[], ConfigurationWatch], changed: Callable[[], None]) -> None:
        """Take how the watch is made, and whom to tell that edits may have been missed meanwhile."""
        self._make = watch
        self._changed = changed
        self._watch: ConfigurationWatch | None = None
        self._has_run = False

    async def start(self) -> None:
        """Begin to watch the folders that are there; raises ConfigurationError where the kernel lets nobody watch."""
        watch = self._make()
        await asyncio.to_thread(watch.start)
        self._watch = watch
        if self._has_run:
            self._changed()
        self._has_run = True

    def trouble(self) -> Trouble | None:
        """See whether it watches what is there."""
        if self._watch is None:
            return Trouble("it has ended")
        reason = self._watch.trouble()
        return Trouble(reason) if reason else None

    async def stop(self) -> None:
        """Watch no more."""
        watch, self._watch = self._watch, None
        if watch is not None:
            await asyncio.to_thread(watch.stop)
