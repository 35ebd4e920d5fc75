"""Stored passwords are tried where that is allowed, each once, whoever is killed; of a hit only the account is kept."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from contextlib import suppress
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from msgspec import Struct, field
from msgspec.json import decode
from prometheus_client import generate_latest

from builders_outbox import NOON
from credwatch.app.settings import Settings, load_settings
from credwatch.app.sources import findings_file
from credwatch.posture.guessing.guesser import Guesser
from credwatch.posture.guessing.worker import GuessAnswer, GuessTask
from credwatch.service.password_audit import PasswordAudit
from credwatch.service.posture import PostureWatch
from credwatch.store import posture
from credwatch.store.database import Database
from credwatch.telemetry.metrics import Metrics
from scenarios.pipeline import a_store


def stored(word: str) -> str:
    """Store a word as a site does that knows of salt."""
    return "sha1$salt$" + hashlib.sha1(b"salt" + word.encode()).hexdigest()


class Killed(BaseException):
    """The process ends here."""


class Hasty(Guesser):
    """Tries in this process, so that a test is quick, and may be killed after some."""

    def __init__(self, most: int = 1000) -> None:
        super().__init__(1.0)
        self.most = most
        self.users: list[str] = []

    def tried(self, task: GuessTask) -> GuessAnswer | None:
        """Try one."""
        if len(self.users) == self.most:
            raise Killed
        self.users.append(task.user)
        right = {stored(word) for word in ("123456", *task.words)}
        outcome = "untried" if task.stored.startswith("$P$") else "guessed" if task.stored in right else "held"
        return GuessAnswer(outcome, 1, 0.5)


class Site(Struct):
    """One export of accounts whose passwords may be tried, with a clock that a test moves."""

    settings: Settings
    database: Database
    export: Path
    now: datetime = NOON
    metrics: Metrics = field(default_factory=Metrics)

    def accounts(self, **hashes: str) -> None:
        """Write the export."""
        lines = [f"{name},{it},2026-01-01\n" for name, it in hashes.items()]
        self.export.write_text("who,hash,changed\n" + "".join(lines))

    def audit(self, guesser: Hasty | None = None) -> list[str]:
        """Make one pass, and give whose passwords were tried."""
        guesser = guesser or Hasty()
        (source,) = self.settings.posture.source
        PasswordAudit(self.settings, self.database, self.metrics.posture, lambda: self.now).audit(source, guesser)
        return guesser.users

    def look(self) -> list[tuple[str, str]]:
        """Read the source where that is due, and give what the rules were told of guessable passwords."""
        notice = lambda _source, *, is_up, waiting: None  # noqa: E731
        watch = PostureWatch(self.settings, self.database, self.metrics.posture, notice, lambda: self.now)
        watch.turn()
        for thread in watch._threads.values():
            thread.join(60)
        watch.turn()
        lines = findings_file(self.settings).read_text().splitlines() if findings_file(self.settings).exists() else []
        events = [decode(line) for line in lines]
        return [
            (it["user"]["name"], it["event"]["outcome"])
            for it in events
            if it["event"]["reason"] == "guessable_password"
        ]


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    export = tmp_path / "users.csv"
    config = tmp_path / "credwatch.toml"
    config.write_text(
        f'[daemon]\nregisters_directory = "{tmp_path}"\nstate_directory = "{tmp_path}"\n'
        f'[posture.audit]\nsources = ["shop"]\n[[posture.source]]\nid = "shop"\nkind = "export"\npath = "{export}"\n'
        'columns = { account = "who", password = "hash", password_changed_at = "changed" }\n'
    )
    with a_store(tmp_path / "store.sqlite") as database:
        site = Site(load_settings(config), database, export)
        hashes = {"minh": stored("correct horse"), "chi": "$P$B12345678Qm9v", "dung": "!" + stored("dung")}
        site.accounts(lan=stored("lan"), **hashes)
        yield site


def test_a_guessable_password_becomes_a_finding_and_ends_with_it(site: Site) -> None:
    """The rules are told of the account, once; when another password was set, that it is over."""
    assert [] == site.look()
    assert ["chi", "lan", "minh"] == sorted(site.audit())
    assert [("lan", "failure")] == site.look()
    site.accounts(lan=stored("another one"), minh=stored("correct horse"))
    site.now += timedelta(days=1)
    site.audit()
    site.now += timedelta(seconds=1)
    assert [("lan", "failure"), ("lan", "success")] == site.look()


def test_nothing_of_a_password_is_kept(site: Site, tmp_path: Path) -> None:
    """Neither hash nor guess is in the store, in the events or in the metrics."""
    site.audit()
    site.look()
    digest = stored("lan").rpartition("$")[2]
    for path in (file for file in tmp_path.iterdir() if file.is_file() and file != site.export):
        assert digest.encode() not in path.read_bytes(), path
    assert digest.encode() not in generate_latest(site.metrics.registry)


def test_whoever_is_killed_goes_on_with_the_next(site: Site) -> None:
    """Killed after any number of accounts, each is tried once in all."""
    site.accounts(**{f"user{number}": stored(f"word {number}") for number in range(7)})
    users = list[str]()
    for most in (0, 1, 2, 1, 1000):
        guesser = Hasty(most)
        with suppress(Killed):
            site.audit(guesser)
        users += guesser.users
    assert sorted(f"user{number}" for number in range(7)) == sorted(users)


def test_who_is_tried_again_and_when(site: Site) -> None:
    """A guessed one as often as accounts are read, a changed one at once, the others after the interval."""
    site.audit()
    assert [] == site.audit()
    site.now += timedelta(days=1)
    assert ["lan"] == site.audit()
    site.export.write_text(f"who,hash,changed\nminh,{stored('a new one')},{site.now.date()}T23:00:00\n")
    site.now += timedelta(days=1)
    assert ["minh"] == site.audit()
    site.now += timedelta(days=29)
    assert [] == site.audit()
    site.now += timedelta(days=1)
    assert ["minh"] == site.audit()


def test_what_is_gone_is_forgotten(site: Site) -> None:
    """Of an account that its source has no more, nothing is kept."""
    site.audit()
    site.accounts(minh=stored("correct horse"))
    site.audit()
    with site.database.reading() as connection:
        assert [("", "minh")] == list(posture.audits_of(connection, "shop"))


def test_nothing_is_tried_without_leave(site: Site) -> None:
    """Off by default: there is no job, and no account is held to the rule."""
    options = site.settings.posture.model_copy(update={"audit": type(site.settings.posture.audit)()})
    site.audit()
    site.settings = site.settings.model_copy(update={"posture": options})
    assert [] == PasswordAudit(site.settings, site.database, site.metrics.posture, lambda: site.now).jobs()
    assert [] == site.look()


def test_the_daemon_runs_it_in_a_thread(site: Site) -> None:
    """A turn begins a pass with the real process, and the next ones set the metrics."""
    watch = PasswordAudit(site.settings, site.database, site.metrics.posture, lambda: site.now)
    (job,) = watch.jobs()
    watch.turn()
    assert watch._thread is not None
    watch._thread.join(120)
    watch.turn()
    value = site.metrics.registry.get_sample_value
    labels = {"source": "shop", "outcome": "guessed"}
    assert ("password_audit", 1) == (job.name, value("credwatch_posture_audited_accounts", labels))


def test_a_source_that_cannot_be_read_is_asked_again(site: Site) -> None:
    """The error is logged, and the next pass begins after a quarter of an hour."""
    site.export.unlink()
    watch = PasswordAudit(site.settings, site.database, site.metrics.posture, lambda: site.now)
    watch.run(list(site.settings.posture.source))
    assert {"shop": NOON + timedelta(minutes=15)} == watch._next
