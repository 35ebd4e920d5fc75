"""Has a program of the operator's carry measures out: what to do on its standard input, done where it exits 0."""

from __future__ import annotations

from credwatch.kernel.clock import Clock
from credwatch.kernel.command import Command
from credwatch.kernel.legible import on_a_terminal
from credwatch.kernel.receipt import Delivered, Receipt, Refused, Retry
from credwatch.outbox.enforcing.options import ProgramOptions
from credwatch.outbox.enforcing.orders import event_of
from credwatch.outbox.program import ran

_REFUSES = 65
_GONE = 69
"""EX_DATAERR and EX_UNAVAILABLE of sysexits.h: it will never do it; what it is to undo is gone."""


class MeasureProgram:
    """Runs one program for each command, without a shell; keeps the contract of `Channel`."""

    def __init__(self, options: ProgramOptions, clock: Clock) -> None:
        self._options = options
        self._clock = clock

    async def deliver(self, command: Command) -> Receipt:
        """Make one attempt to deliver a command."""
        name = self._options.argv[0]
        try:
            run = await ran(self._options.argv, event_of(command), self._options.timeout_seconds)
        except TimeoutError:
            return Retry(f"{name}: not done after {self._options.timeout_seconds:g} seconds", of_the_way=True)
        except (OSError, ValueError) as error:
            reason = getattr(error, "strerror", "") or type(error).__name__
            return Retry(on_a_terminal(f"{name}: {reason}"), of_the_way=True)
        word = on_a_terminal(f"{name}: exit {run.code} {run.complaint}".rstrip())
        if run.code == 0 or (run.code == _GONE and command.payload.context["undo"]):
            gone = " (what it was done to is gone)" if run.code else ""
            return Delivered(self._clock(), f"{word}{gone}")
        return Refused(word) if run.code == _REFUSES else Retry(word, of_the_way=True)
