"""Asks each NATS server whether it lets us in and has the stream."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from contextlib import suppress

from nats.errors import Error
from nats.js.errors import APIError, NotFoundError

from credwatch.kernel.errors import Problem, Severity, SourceError
from credwatch.sources.nats.connection import connected
from credwatch.sources.nats.options import NatsSourceOptions
from credwatch.sources.options import PlacedSource


def stream_problems(sources: Sequence[PlacedSource]) -> list[Problem]:
    """Say which streams cannot be read; a stream that is made at the start need not be there."""
    streams = [source for source in sources if isinstance(source, NatsSourceOptions)]
    return asyncio.run(_problems(streams)) if streams else []


async def _problems(streams: Sequence[NatsSourceOptions]) -> list[Problem]:
    errors = await asyncio.gather(*(_error(options) for options in streams))
    return [Problem.of(error, Severity.FAULT) for error in errors if error is not None]


async def _error(options: NatsSourceOptions) -> SourceError | None:
    where = f"source {options.id}"
    try:
        async with connected(options, where, lost=asyncio.Event()) as client:
            with suppress(*((NotFoundError,) if options.make == "stream" else ())):
                await client.jetstream().stream_info(options.stream)
    except SourceError as error:
        return error
    except NotFoundError:
        hint = f'make it (nats stream add {options.stream}), or let it be made: make = "stream"'
        return SourceError(f"there is no stream {options.stream}", where=where, hint=hint)
    except (APIError, Error, TimeoutError) as error:
        words = error.description if isinstance(error, APIError) else str(error).removeprefix("nats: ")
        return SourceError(f"the stream cannot be read: {words}", where=where, hint="see what the NATS server says")
    return None
