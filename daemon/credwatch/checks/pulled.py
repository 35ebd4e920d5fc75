"""Asks the services and databases of the settings for a page, and finds what keeps them from being asked."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Protocol, assert_never

from credwatch.kernel.clock import system_clock
from credwatch.kernel.errors import Problem, Severity, SourceError
from credwatch.sources.options import PlacedSource, PulledSourceOptions, pulled_among
from credwatch.sources.pull.interface import Throttled
from credwatch.sources.pull.secrets import optional_secret_of, secret_of
from credwatch.sources.rest.options import RestSourceOptions
from credwatch.sources.sql.options import SqlSourceOptions
from credwatch.sources.sql.service import SqlService

_SECONDS = 20.0
"""How long a service may take; all are asked side by side."""
_AT_ONCE = 8


class TriedService(Protocol):
    """What can be asked once."""

    def try_out(self) -> None:
        """Ask, and forget the answer; raises SourceError."""

    def close(self) -> None:
        """Give back connections."""


def secret_problems(sources: Sequence[PlacedSource]) -> Iterator[Problem]:
    """Yield what is wrong with the secret of each source that needs one; asks nobody."""
    for source in pulled_among(sources):
        try:
            if isinstance(source, SqlSourceOptions):
                optional_secret_of(source.id, source.secret_file)
            elif source.auth is not None:
                secret_of(source.id, source.secret_file)
        except SourceError as error:
            yield Problem.of(error, Severity.FAULT)


def pulled_problems(sources: Sequence[PlacedSource]) -> list[Problem]:
    """Ask each service for a page, and each database for a row, and say which of them cannot be asked.

    A source whose secret is wrong is passed over: that is a problem of its own.
    """
    asked = [source for source in pulled_among(sources) if not [*secret_problems([source])]]
    with ThreadPoolExecutor(_AT_ONCE) as executor:
        return [problem for problem in executor.map(_ask, asked) if problem is not None]


def _ask(source: PulledSourceOptions) -> Problem | None:
    service = _service(source)
    try:
        service.try_out()
    except Throttled as error:
        return Problem.of(error, Severity.WARNING)
    except SourceError as error:
        return Problem.of(error, Severity.FAULT)
    finally:
        service.close()
    return None


def _service(source: PulledSourceOptions) -> TriedService:
    # The HTTP client takes 7 MiB and a tenth of a second: only where a service is asked.
    from credwatch.sources.rest.service import RestService

    match source:
        case RestSourceOptions():
            seconds = min(source.request_seconds, _SECONDS)
            return RestService(source.model_copy(update={"request_seconds": seconds}), system_clock)
        case SqlSourceOptions():
            seconds = min(source.statement_seconds, _SECONDS)
            return SqlService(source.model_copy(update={"statement_seconds": seconds}))
    assert_never(source)
