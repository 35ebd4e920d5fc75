"""What the archive costs: with cursors, commit and quarantine beside a bare replay; a byte count; a search."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from time import perf_counter

import numpy as np
import polars as pl

from bench.daemon import furnish
from bench.figures import Figure, at_least, at_most, below
from bench.programs import CREDWATCH, apart, measured, talk

_ACCOUNT = "user004711@kh211.example"
_MOST_DAYS, _LEAST_A_DAY = 365, 250_000
_KINDS = 4
"""So many different days are made; the others are one of them, later."""


def archive(folder: Path, log: Path, events: int, repeat: int) -> Iterator[Figure]:
    """Replay a log with a store that is kept and an archive, and without; search among so many archived events."""
    folder.mkdir()
    talk("replaying without a store, and with cursors, commit, archive and quarantine")
    runs = [
        [apart(replayed, folder / f"{kind}{n}", log, kind == "kept") for n in range(repeat)]
        for kind in ("bare", "kept")
    ]
    bare, kept = (min(seconds for seconds, _ in several) for several in runs)
    yield at_least(0.75, "kept: speed of a replay, beside a bare one", bare / kept, "times")
    yield at_most(25, "archive: an event", runs[1][0][1], "bytes")
    talk(f"archiving {events:,} made-up events")
    settings = furnish(folder / "search")
    yield at_most(25, "archive: a made-up event", apart(write_days, settings, events), "bytes")
    command = (*CREDWATCH, "events", "--json", "--account", _ACCOUNT, "--config", str(settings))
    found = measured(f"credwatch events among {events:,}", command, repeat)
    yield below(2, f"credwatch events, one account of {events:,}", found.seconds, "s")
    yield at_most(500, "  its memory", found.peak_mib, "MiB")


def replayed(folder: Path, log: Path, is_kept: bool) -> tuple[float, float]:
    """Replay a log; return how many seconds it took, its start left out, and how many bytes an archived event takes."""
    from msgspec.structs import replace

    from credwatch.archive.days import compact
    from credwatch.archive.folder import ArchiveFolder
    from credwatch.archive.moving import move
    from credwatch.archive.options import ArchiveOptions
    from credwatch.authoring.choice import choose_rules, knowledge_with, required, tool_settings
    from credwatch.kernel.clock import system_clock
    from credwatch.parse.parse import SourceFormat
    from credwatch.pipeline.archiving import ArchiveInlet
    from credwatch.pipeline.commit import Batch
    from credwatch.pipeline.pipeline import Pipeline
    from credwatch.pipeline.report import BatchResult
    from credwatch.replay import replay as module
    from credwatch.sources.replay import ReplaySource
    from credwatch.store.database import Database
    from credwatch.store.state import unarchived

    class Bare(Pipeline):
        def keep(self, batch: Batch, report: BatchResult) -> BatchResult:
            """Store nothing."""
            return report

    folder.mkdir()
    settings = tool_settings(None)
    choice = choose_rules((), settings, with_shipped=True)
    formats = {module.SOURCE: SourceFormat(module.SOURCE, "auto", "UTC")}
    knowledge = replace(knowledge_with(required(choice), settings, choice.packs), formats=formats)
    database = Database(folder / "store.sqlite")
    database.create()
    pipeline = (
        Pipeline(knowledge, database, system_clock, ArchiveInlet(ArchiveOptions(waiting_bytes=1 << 34), None))
        if is_kept
        else Bare(knowledge, database, system_clock)
    )
    source = ReplaySource(module.SOURCE, [str(log)], {}, clock=system_clock)
    files = module._Files(source, knowledge, settings.detection.batch_bytes)
    began = perf_counter()
    for _ in module._reports(files.next, lambda: pipeline, module.AttemptCounts()):
        pass
    seconds = perf_counter() - began
    if not is_kept:
        return seconds, 0.0
    filled = ArchiveFolder(folder / "archive")
    filled.prepare()
    with database.reading() as connection:
        move(filled, [(it.number, it.packed) for it in unarchived.waiting(connection, 0, 1 << 34)])
    compact(filled)
    return seconds, filled.size() / filled.rows()


def write_days(settings: Path, events: int) -> float:
    """Write an archive as the daemon would have in a year at most, cheaply; return how many bytes an event takes.

    Accounts are of fifty thousand, a few of them busy; addresses of forty thousand; ports and places as in a log.
    """
    from credwatch.app.archive import archive_folder
    from credwatch.app.settings import load_settings
    from credwatch.archive.days import write
    from credwatch.store.database import Database

    loaded = load_settings(settings)
    Database(loaded.daemon.store).migrate()
    folder, chance = archive_folder(loaded), np.random.default_rng(17)
    folder.prepare()
    begin = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0) - timedelta(days=_MOST_DAYS + 1)
    accounts = pl.Series([f"user{n:06d}@kh{n % 300:03d}.example" for n in range(50_000)])
    addresses = pl.Series([".".join(map(str, row)) for row in chance.integers(1, 250, (40_000, 4))])
    days = min(_MOST_DAYS, -(-events // _LEAST_A_DAY))
    each = events // days
    kinds = [_day(begin, each, accounts, addresses, chance) for _ in range(min(days, _KINDS))]
    for number in range(days):
        later = pl.col("@timestamp") + timedelta(days=number)
        rows = kinds[number % _KINDS].lazy().with_columns(later)
        folder.put(folder.day_path((begin + timedelta(days=number)).date(), 1), partial(write, rows))
    return folder.size() / (each * days)


def _day(
    begin: datetime, count: int, accounts: pl.Series, addresses: pl.Series, chance: np.random.Generator
) -> pl.DataFrame:
    """Make the events of a day, in pieces as the archive sorts them."""
    from credwatch.archive.days import sorted_for_search

    who = (chance.pareto(1.2, count) * 300).astype(np.int64) % len(accounts)
    whence = (who * 7 + chance.integers(0, 3, count)) % len(addresses)
    failed = chance.random(count) < 0.3
    times = np.sort(chance.integers(0, 86_400, count)) * 1_000_000
    rows = pl.DataFrame(
        {
            "@timestamp": pl.Series(times).cast(pl.Duration("us")) + begin,
            "event.category": pl.Series(["authentication"]).new_from_index(0, count),
            "event.type": pl.Series(["start"]).new_from_index(0, count),
            "event.action": pl.Series(["login", "logout"])[(chance.random(count) < 0.3).astype(np.int64)],
            "event.outcome": pl.Series(["success", "failure"])[failed.astype(np.int64)],
            "event.dataset": pl.Series(["openssh"]).new_from_index(0, count),
            "event.provider": pl.Series(["sshd"]).new_from_index(0, count),
            "host.name": pl.Series([f"web-{n}" for n in range(8)])[chance.integers(0, 8, count)],
            "process.name": pl.Series(["sshd"]).new_from_index(0, count),
            "process.pid": (np.arange(count) // 3 * 7 + chance.integers(0, 7, count)) % 4_194_304,
            "user.name": accounts[who],
            "organization.id": pl.Series([f"kh{n:03d}" for n in range(300)])[who % 300],
            "source.ip": addresses[whence],
            "source.port": chance.integers(1024, 65_536, count),
            "credwatch.auth.method": pl.Series(["password", "publickey"])[(who % 5 == 0).astype(np.int64)],
            "credwatch.source.id": pl.Series(["auth"]).new_from_index(0, count),
            "credwatch.source.block": addresses[whence],
            "credwatch.attempt": np.ones(count, dtype=bool),
            "credwatch.source.usual": ~failed,
            "log.file.path": pl.Series(["/var/log/auth.log"]).new_from_index(0, count),
            "log.offset": np.cumsum(chance.integers(90, 130, count)),
        }
    )
    piece = 4 * 65_536
    return pl.concat([sorted_for_search(rows.slice(start, piece)) for start in range(0, count, piece)])


if __name__ == "__main__":
    # One figure by hand: python -m bench.archive FOLDER EVENTS leaves an archive to ask.
    made = Path(sys.argv[1])
    print(write_days(furnish(made), int(sys.argv[2])), "bytes an event;", os.fspath(made / "credwatch.toml"))
