"""Reads one chunk ahead: while a chunk is held against the rules, the next one is parsed on the other core."""

from __future__ import annotations

from concurrent.futures import Future, ThreadPoolExecutor

from credwatch.app.pipeline import Pipeline
from credwatch.app.report import Prepared
from credwatch.sources.interface import Source


class ReadAhead:
    """Gives a source's chunks prepared for the pipeline, in their order.

    The source is read by the calling thread only. What was read ahead and not given is lost with this object, so
    whoever goes back to committed cursors begins with a new one.
    """

    def __init__(self, source: Source, pipeline: Pipeline, executor: ThreadPoolExecutor) -> None:
        self._source = source
        self._pipeline = pipeline
        self._executor = executor
        self._pending: Future[Prepared] | None = None

    def next(self, limit_bytes: int) -> Prepared | None:
        """Give the next chunk, or None where nothing waits; raises SourceError, and what preparing a chunk raises."""
        current = self._pending or self._begin(limit_bytes)
        self._pending = None
        if current is None:
            return None
        prepared = current.result()
        if prepared.chunk.backlog:
            self._pending = self._begin(limit_bytes)
        return prepared

    def _begin(self, limit_bytes: int) -> Future[Prepared] | None:
        chunk = self._source.read(limit_bytes)
        return None if chunk is None else self._executor.submit(self._pipeline.prepare, chunk)
