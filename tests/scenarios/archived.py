"""A pipeline with a store and an archive, and no daemon around them, on a clock that stands."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Any

from credwatch.app.archive import build_inlet, open_search
from credwatch.app.settings import load_settings
from credwatch.archive.search import Sought
from credwatch.pipeline.pipeline import Pipeline
from credwatch.service.archiving import Archiving
from credwatch.store.database import Database
from credwatch.store.state import progress, unarchived
from credwatch.telemetry.metrics import Metrics
from scenarios.daemon import Site
from scenarios.pipeline import NOW, chunks_of, take, the_knowledge


class Archived:
    """A pipeline with an archive, both on a clock that stands."""

    def __init__(self, folder: Path, database: Database, **options: Any) -> None:
        self.site = Site(folder, port=25).furnish()
        settings = load_settings(self.site.config)
        self.settings = settings.model_copy(update={"archive": settings.archive.model_copy(update=options)})
        self.database = database
        self.now = NOW
        self.lost = 0
        self.metrics = Metrics()
        self.inlet = build_inlet(self.settings, database, self.clock)
        self.archiving = self.begin()
        self.pipeline = Pipeline(the_knowledge(folder), database, self.clock, self.inlet)

    def clock(self) -> datetime:
        return self.now

    def begin(self, ends: Any = dict) -> Archiving:
        """Start the archive's part of a daemon, whose steady clock runs an hour a look."""
        self.steady = 0.0

        def steady() -> float:
            self.steady += 3600
            return self.steady

        return Archiving(
            self.settings, self.database, self.inlet, self.metrics.archive, ends, self._on_lost, self.clock, steady
        )

    def _on_lost(self) -> None:
        self.lost += 1

    def take(self, lines: list[str]) -> None:
        for chunk in chunks_of([f"{line}\n".encode() for line in lines]):
            take(self.pipeline, chunk)

    def found(self) -> list[tuple[str, int]]:
        """Name every archived event by its place."""
        rows = open_search(self.settings, self.database, self.clock).latest(Sought(), 100_000)
        return [*rows.select("log.file.path", "log.offset").iter_rows()]

    def counted(self) -> int:
        with self.database.reading() as connection:
            return progress.tallies_of(connection, f"{NOW:%Y-%m-%d}").get("events", 0)

    def waiting(self) -> int:
        with self.database.reading() as connection:
            return unarchived.state(connection).events
