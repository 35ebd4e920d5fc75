"""Runs journalctl, and keeps what it writes until it is asked for, within a bound."""

from __future__ import annotations

import os
import selectors
import subprocess
import threading
from collections import deque
from collections.abc import Callable, Sequence
from typing import IO

from credwatch.sources.journal.decode import MOST_ENTRY_BYTES

_PIECE_BYTES = 65_536
_MOST_HELD = 4 * 1024 * 1024
"""So many bytes wait here at most; journalctl waits for us where there are more."""

_MOST_COMPLAINTS = 4096
_QUIET_SECONDS = 0.25
"""journalctl has written all there is where it has written nothing for so long."""

_END_SECONDS = 5.0

_ENVIRONMENT = {"LC_ALL": "C", "SYSTEMD_COLORS": "0", "SYSTEMD_LOG_LEVEL": "notice", "TZ": "UTC"}


class JournalProcess:
    """One run of journalctl, read by a thread of its own. Raises OSError where the program cannot be started.

    `wake` is called from the thread whenever there is more to take, and where the program ends.
    """

    def __init__(self, command: Sequence[str], wake: Callable[[], None]) -> None:
        self._wake = wake
        self._lines: deque[bytes] = deque()
        self._held = 0
        self._begun = b""
        self._is_dropping = False
        self._cut_lines = 0
        self._complaints = b""
        self._is_quiet = False
        self._is_closing = False
        self._changed = threading.Condition()
        environment = {**os.environ, **_ENVIRONMENT}
        self._process = subprocess.Popen(  # noqa: S603  # no shell, and its words are from the settings
            [*command], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=environment
        )
        self._thread = threading.Thread(target=self._pump, name="journal", daemon=True)
        self._thread.start()

    def take(self, limit: int) -> list[bytes]:
        """Give whole lines without their newlines, about so many bytes of them, one at least where there is one."""
        batch: list[bytes] = []
        size = 0
        with self._changed:
            while self._lines and (not batch or size + len(self._lines[0]) <= limit):
                batch.append(self._lines.popleft())
                size += len(batch[-1]) + 1
            self._held -= size
            self._changed.notify()
        return batch

    @property
    def waiting(self) -> int:
        """Say how many bytes wait here; 1 more where journalctl may be about to write others."""
        with self._changed:
            return self._held + (not self._is_quiet)

    @property
    def cut_lines(self) -> int:
        """Count the entries that were too long."""
        return self._cut_lines

    @property
    def complaints(self) -> str:
        """Give what it has said on its standard error, the latest of it."""
        with self._changed:
            return self._complaints.decode(errors="replace").strip()

    @property
    def has_ended(self) -> bool:
        """Tell whether it has ended, and everything it wrote was taken."""
        with self._changed:
            return not self._lines and not self._thread.is_alive()

    @property
    def code(self) -> int | None:
        """Give what it has ended with; None as long as it runs."""
        return self._process.poll()

    def close(self) -> None:
        """End the program; what it has written is forgotten. May be called twice."""
        with self._changed:
            self._is_closing = True
            self._changed.notify()
        self._process.terminate()
        self._thread.join(_END_SECONDS)
        if self._process.poll() is None:
            self._process.kill()
            self._thread.join(_END_SECONDS)

    def _pump(self) -> None:
        out, err = self._process.stdout, self._process.stderr
        assert out is not None
        assert err is not None
        with selectors.DefaultSelector() as selector, out, err:
            selector.register(out, selectors.EVENT_READ, self._take_lines)
            selector.register(err, selectors.EVENT_READ, self._take_complaints)
            while selector.get_map() and not self._is_closing:
                ready = selector.select(None if self._is_quiet else _QUIET_SECONDS)
                if not ready:
                    self._is_quiet = True
                    self._wake()
                for key, _ in ready:
                    self._read(selector, key)
        self._process.wait()
        self._is_quiet = True
        self._wake()

    def _read(self, selector: selectors.BaseSelector, key: selectors.SelectorKey) -> None:
        stream: IO[bytes] = key.fileobj  # type: ignore[assignment]  # what was registered
        piece = os.read(stream.fileno(), _PIECE_BYTES)
        if piece:
            key.data(piece)
        else:
            selector.unregister(stream)

    def _take_complaints(self, piece: bytes) -> None:
        with self._changed:
            self._complaints = (self._complaints + piece)[-_MOST_COMPLAINTS:]
        self._wake()

    def _take_lines(self, piece: bytes) -> None:
        *whole, rest = (self._begun + piece).split(b"\n")
        if whole and self._is_dropping:
            del whole[0]
            self._is_dropping = False
        if len(rest) > MOST_ENTRY_BYTES:
            self._cut_lines += not self._is_dropping
            self._is_dropping = True
        self._begun = b"" if self._is_dropping else rest
        with self._changed:
            self._is_quiet = False
            self._lines.extend(whole)
            self._held += sum(len(line) + 1 for line in whole)
        if whole:
            self._wake()
        with self._changed:
            self._changed.wait_for(lambda: self._held <= _MOST_HELD or self._is_closing)
