"""Lives of the daemon for a seventh of what a start by exec takes: forked from a process that has imported all of it.

What a life reads of its settings, registers, rules, packs and store it reads itself, but for rules and shipped packs
that the nursery has read already. Some tests start `credwatch run` by exec instead, as an operator would.
"""

from __future__ import annotations

import atexit
import json
import os
import signal
import subprocess
import sys
import threading
import time
from functools import cache
from pathlib import Path
from typing import Any

_PROGRAM = Path(__file__).with_name("nursery_process.py")
_ENVIRONMENT = {"POLARS_MAX_THREADS": "2", "OPENBLAS_NUM_THREADS": "1", "_RJEM_MALLOC_CONF": "background_thread:false"}
"""jemalloc, which polars uses for frames, would start threads of its own."""


class Nursery:
    """Starts lives, and tells whether they have ended."""

    def __init__(self, source_root: Path) -> None:
        self._environment = {"PYTHONPATH": str(source_root), **_ENVIRONMENT}
        environment = {**os.environ, **self._environment}
        self._lock = threading.Lock()
        self._process = subprocess.Popen(
            [sys.executable, str(_PROGRAM)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env=environment,
            text=True,
            start_new_session=True,  # an interrupt is for whoever asks
        )

    def start(self, program: str, config: Path, log: Path) -> Life:
        """Fork a life that does what `python -c PROGRAM CONFIG` does, and writes into a log."""
        request = {"program": program, "config": str(config), "log": str(log)}
        answer = self.ask({"do": "start", "environment": {**os.environ, **self._environment}, **request})
        return Life(self, int(answer["process"]))

    def ask(self, request: dict[str, Any]) -> dict[str, Any]:
        """Have something done."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        with self._lock:
            self._process.stdin.write(json.dumps(request) + "\n")
            self._process.stdin.flush()
            answer: dict[str, Any] = json.loads(self._process.stdout.readline() or '{"error": "the nursery is gone"}')
        assert "error" not in answer, answer["error"]
        return answer

    def close(self) -> None:
        """End the nursery, and with it all that still lives."""
        self._process.kill()
        self._process.wait()


@cache
def nursery(source_root: Path) -> Nursery:
    """Give the nursery of this process, which ends with it."""
    nursery = Nursery(source_root)
    atexit.register(nursery.close)
    return nursery


class Life:
    """A daemon that was forked, handled as `subprocess.Popen` handles one."""

    def __init__(self, nursery: Nursery, pid: int) -> None:
        self._nursery = nursery
        self.pid = pid
        """Its process; nobody else gets that number before `poll` has told of its end."""
        self.returncode: int | None = None

    def poll(self) -> int | None:
        """Return its exit code, None while it lives."""
        if self.returncode is None:
            self.returncode = self._nursery.ask({"do": "look", "process": self.pid})["code"]
        return self.returncode

    def wait(self, timeout: float) -> int:
        """Return its exit code once it has ended; raises TimeoutExpired."""
        deadline = time.monotonic() + timeout
        while (code := self.poll()) is None:
            if time.monotonic() > deadline:
                raise subprocess.TimeoutExpired("credwatch", timeout)
            time.sleep(0.005)
        return code

    def send_signal(self, number: int) -> None:
        """Send a signal, if it lives."""
        if self.poll() is None:
            os.kill(self.pid, number)

    def kill(self) -> None:
        """End it at once."""
        self.send_signal(signal.SIGKILL)

    def terminate(self) -> None:
        """Have it end in order."""
        self.send_signal(signal.SIGTERM)
