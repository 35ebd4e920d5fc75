"""Sources of accounts are read by the clock: what came is kept whole, and its lines are written once."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from msgspec import Struct, field
from msgspec.json import decode

from builders_outbox import NOON
from credwatch.app.settings import Settings, load_settings
from credwatch.app.sources import findings_file
from credwatch.service.posture import PostureWatch
from credwatch.store import posture
from credwatch.store.database import Database
from credwatch.telemetry.metrics import Metrics
from scenarios.pipeline import a_store

WEAK, STRONG = "5f4dcc3b5aa765d61d8327deb882cf99", "$2b$12$abc"


class Registry(Struct):
    """One export of accounts, and what watches it with a clock that a test moves."""

    settings: Settings
    database: Database
    export: Path
    now: datetime = NOON
    metrics: Metrics = field(default_factory=Metrics)
    noticed: list[bool] = field(default_factory=list)
    watch: PostureWatch | None = None

    def restart(self) -> None:
        """Begin anew, as after a kill."""
        self.watch = PostureWatch(self.settings, self.database, self.metrics.posture, self.notice, lambda: self.now)

    def notice(self, _source: str, *, is_up: bool, waiting: int) -> None:
        """Take note as the lookout does."""
        assert 0 == waiting
        self.noticed.append(is_up)

    def look(self, **later: float) -> None:
        """Let some time pass, read to the end where it is due, and write."""
        self.now += timedelta(**later)
        assert self.watch is not None
        self.watch.turn()
        for thread in self.watch._threads.values():
            thread.join(60)
        self.watch.turn()

    def accounts(self, **hashes: str) -> None:
        """Write the export."""
        self.export.write_text("who,hash\n" + "".join(f"{name},{stored}\n" for name, stored in hashes.items()))

    def written(self) -> list[tuple[str, str, str]]:
        """Return what was written for the rules."""
        file = findings_file(self.settings)
        lines = map(decode, file.read_bytes().splitlines() if file.exists() else ())
        return [(it["user"]["name"], it["event"]["reason"], it["event"]["outcome"]) for it in lines]

    def value(self, name: str) -> float | None:
        """Return a metric of the source."""
        return self.metrics.registry.get_sample_value(f"credwatch_posture_{name}", {"source": "site"})


@pytest.fixture
def registry(tmp_path: Path) -> Iterator[Registry]:
    """Give a source of accounts over an empty store."""
    config = tmp_path / "credwatch.toml"
    config.write_text(
        f'[daemon]\nstate_directory = "{tmp_path}"\nregisters_directory = "{tmp_path}"\n'
        f'[posture]\ninterval = "1d"\n[[posture.source]]\nid = "site"\nkind = "export"\npath = "{tmp_path}/users.csv"\n'
        'columns = { account = "who", password = "hash" }\n'
    )
    with a_store(tmp_path / "store.sqlite") as database:
        some = Registry(load_settings(config), database, tmp_path / "users.csv")
        some.restart()
        yield some


def test_changes_are_written_once(registry: Registry) -> None:
    """A source is read at once and then each day; what is as it was is not told again, across restarts too."""
    registry.accounts(lan=WEAK, minh=STRONG)
    registry.look()
    weak = ("lan", "weak_hash", "failure")
    assert [weak] == registry.written()
    registry.accounts(lan=STRONG)
    registry.look(hours=23)
    registry.restart()
    assert [weak] == registry.written()
    registry.look(hours=1)
    assert [weak, ("lan", "weak_hash", "success")] == registry.written()
    registry.restart()
    registry.look(days=1)
    assert 2 == len(registry.written())
    assert (1, 1, NOON.timestamp() + 2 * 86400) == tuple(
        map(registry.value, ("accounts", "up", "read_timestamp_seconds"))
    )


def test_no_hash_is_kept(registry: Registry) -> None:
    """Neither the store nor the lines have a part of one."""
    registry.accounts(lan=WEAK)
    registry.look()
    with registry.database.reading() as connection:
        assert WEAK[:8] not in repr(posture.all_findings(connection))
    assert WEAK[:8] not in findings_file(registry.settings).read_text()


def test_a_source_that_breaks_off(registry: Registry) -> None:
    """Nothing of a broken reading counts: what was found stands, the source is not seen, and it is tried again soon."""
    registry.accounts(lan=WEAK)
    registry.look()
    registry.export.write_text('who,hash\n"lan')
    registry.look(days=1)
    with registry.database.reading() as connection:
        state = posture.reading_states(connection)["site"]
        assert 1 == len(posture.all_findings(connection))
    assert ("no CSV" in state.error, NOON, False, 0) == (
        True,
        state.read_at,
        registry.noticed[-1],
        registry.value("up"),
    )
    registry.accounts(lan=WEAK)
    registry.look(minutes=14)
    assert False is registry.noticed[-1]
    registry.look(minutes=1)
    assert (True, 1) == (registry.noticed[-1], registry.value("up"))
    assert 1 == len(registry.written())


def test_a_kill_between_keeping_and_writing(registry: Registry) -> None:
    """What was kept is written after the restart, though half a line stood in the file."""
    registry.accounts(lan=WEAK, minh=WEAK)
    assert registry.watch is not None
    registry.watch.look(registry.settings.posture.source[0])
    with registry.database.reading() as connection:
        (_, first), _ = posture.lines_waiting(connection, 9)
    findings_file(registry.settings).write_text(first[:20])
    registry.restart()
    registry.look()
    assert [("lan", "weak_hash", "failure"), ("minh", "weak_hash", "failure")] == registry.written()


def test_a_clock_that_was_set_back(registry: Registry) -> None:
    """A reading that lies ahead does not keep the next one away."""
    registry.accounts(lan=STRONG)
    registry.look()
    registry.accounts(lan=WEAK)
    registry.look(days=-30)
    assert 1 == len(registry.written())


def test_a_source_that_is_named_no_more(registry: Registry) -> None:
    """What was kept of it goes at the next start."""
    registry.accounts(lan=WEAK)
    registry.look()
    other = registry.settings.posture.source[0].model_copy(update={"id": "other"})
    options = registry.settings.posture.model_copy(update={"source": (other,)})
    registry.settings = registry.settings.model_copy(update={"posture": options})
    registry.restart()
    registry.look()
    with registry.database.reading() as connection:
        assert {"other"} == set(posture.reading_states(connection))
