"""A source that reads a stream of a real server, with the receiver in a thread of its own."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Mapping
from typing import Any

from credwatch.sources.interface import Cursor
from credwatch.sources.nats.options import NatsSourceOptions
from credwatch.sources.nats.receiver import NatsReceiver
from credwatch.sources.received.intake import MOST_SHIPPED_LOGS, Intake
from credwatch.sources.received.source import ReceivedSource
from unit.sources.followed import NOW


def options(url: str, **changes: Any) -> NatsSourceOptions:
    """Read the stream LINES; valid by default."""
    return NatsSourceOptions(**{"id": "auth", "kind": "nats", "servers": (url,), "stream": "LINES"} | changes)


class StreamSource(ReceivedSource):
    """The source and its receiver, which ends with it: at once where it is `killed`."""

    def __init__(self, chosen: NatsSourceOptions, cursors: Mapping[str, Cursor]) -> None:
        self.intake = Intake(chosen.waiting_bytes, MOST_SHIPPED_LOGS)
        super().__init__("auth", self.intake, cursors, clock=lambda: NOW)
        self.looked: list[tuple[int, int, int]] = []
        receiver = NatsReceiver(chosen, self.intake, lambda: NOW, lambda _source, *numbers: self.looked.append(numbers))
        self._loop = asyncio.new_event_loop()
        self._task = self._loop.create_task(receiver.run())
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _run(self) -> None:
        try:
            self._loop.run_until_complete(self._task)
        except asyncio.CancelledError:
            pass
        finally:
            self._loop.run_until_complete(self._loop.shutdown_asyncgens())
            self._loop.close()

    def lag(self) -> int:
        """Count one more for as long as nobody knows what waits in the stream."""
        return super().lag() + (not self.looked)

    def close(self) -> None:
        """End the receiver in order."""
        if self._thread.is_alive():
            self._loop.call_soon_threadsafe(self._task.cancel)
            self._thread.join(30)
        super().close()
