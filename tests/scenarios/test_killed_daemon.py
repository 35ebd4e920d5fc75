"""Nothing is lost and nothing happens twice, whenever the daemon dies.

`make kills` makes a long run of it.
"""

from __future__ import annotations

import json
import os
import random
import shutil
import threading
import time
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import fields

from credwatch.app import keys
from credwatch.app.settings import load_settings
from credwatch.app.trail import SignedTrail
from credwatch.store import audit
from credwatch.store.audit import Chosen
from scenarios.daemon import PATIENCE, RUN_UNCHECKED, Site, a_site, append, await_
from scenarios.lines import app, app_guessing, guessing, ssh, staff_access
from scenarios.outcome import Outcome, news_of, outcome_of, told_jointly
from scenarios.post_office import PostOffice, a_post_office
from scenarios.site_files import SETTINGS

KILLS = max(2, int(os.environ.get("CREDWATCH_KILLS", "500")) // 10)
"""A tenth of all; the others are those of `tests/kills`."""
FILES = int(os.environ.get("CREDWATCH_KILL_FILES", "60"))
SEED = 20260302
ROTATE, COPYTRUNCATE = "rotate", "copytruncate"

Step = tuple[str, str]
"""A log and a line for it, or what happens to a log and its name."""

HOSTS = """
[[source]]
id = "hosts"
paths = ["{folder}/logs/hosts/*"]
format = "syslog"
read_from = "start"
"""
"""Many logs under one glob, beside what is no log."""


def a_story() -> list[Step]:
    """Write forty minutes of several customers: guessing with and without success, staff, orders, and noise."""
    auth: list[str] = []
    application: list[str] = []
    for round_ in range(8):
        begin, last = round_ * 300, 10 + round_
        auth += guessing(begin, "quocbao", f"203.0.113.{last}")
        auth += [ssh(begin + 30 + n, "Accepted", f"user{n}", "198.51.100.4", process=900 + n) for n in range(12)]
        auth += [f"{round_} no pack knows this line {n}" for n in range(3)]
        application += app_guessing(begin, "ke.toan@haiau.example", "hai-au", f"203.0.113.{40 + last}")
        application += app_guessing(
            begin + 40,
            f"clerk{round_}@blueharbor.example",
            "blue-harbor",
            f"203.0.113.{80 + last}",
            succeeds=round_ % 2 == 0,
        )
        application += [
            app(begin + 70 + n, "login", "success", f"p{n}@haiau.example", "hai-au", "198.51.100.9") for n in range(12)
        ]
        application += [staff_access(begin + 90, "minh", f"u{round_}@haiau.example", "hai-au")]
        application += [staff_access(begin + 91, "thao", f"u{round_}@haiau.example", "hai-au")]
    steps = [("auth", line) for line in auth]
    for part in (1, 2, 3, 4):
        steps.insert(part * len(auth) // 5, (ROTATE, "auth"))
    hosts = [(f"hosts/h{n}.log", ssh(n, "Accepted", f"user{n}", "198.51.100.5", process=n)) for n in range(FILES)]
    hosts += [
        (f"hosts/h{n}.log", ssh(2000 + n, "Accepted", f"user{n}", "198.51.100.5", process=n)) for n in range(FILES)
    ]
    hosts.insert(len(hosts) * 2 // 3, (COPYTRUNCATE, "hosts/h0.log"))
    return _woven(_woven(steps, [("application", line) for line in application]), hosts)


def _woven(left: list[Step], right: list[Step]) -> list[Step]:
    """Put two series into one that goes through both evenly."""
    numbered = [(number / len(series), step) for series in (left, right) for number, step in enumerate(series)]
    return [step for _, step in sorted(numbered, key=lambda pair: pair[0])]


class Writer(threading.Thread):
    """Writes the story into the logs of a site, a portion each time it is asked, some lines in two pieces."""

    def __init__(self, site: Site, story: list[Step], *, chance: random.Random, pause: float) -> None:
        super().__init__(daemon=True)
        self._site = site
        self._story = iter(story)
        self._chance = chance
        self._pause = pause
        self._asked = threading.Semaphore(0)
        self.written = 0
        """How many lines are in the logs."""

    def ask(self, lines: int) -> None:
        """Have so many more lines written."""
        self._asked.release(lines)

    def run(self) -> None:
        """Write until the story ends."""
        for log, line in self._story:
            self._asked.acquire()
            self._write(log, line)
            self.written += log not in (ROTATE, COPYTRUNCATE)
            time.sleep(self._chance.random() * self._pause)

    def _write(self, log: str, line: str) -> None:
        if log == ROTATE:
            _rotate(self._path(line))
        elif log == COPYTRUNCATE:
            # What nobody has read a line of cannot be known again in its copy (docs/sources.md).
            await_(lambda: self._site.offset(self._path(line)), what="the log is begun")
            _copy_and_truncate(self._path(line))
        elif self._chance.random() < 0.1 and self._pause:
            half = len(line) // 2
            with self._path(log).open("ab", buffering=0) as file:
                file.write(line[:half].encode())
                time.sleep(self._chance.random() * self._pause)
                file.write(f"{line[half:]}\n".encode())
        else:
            append(self._path(log), line)

    def _path(self, log: str) -> Path:
        named = {"auth": self._site.auth_log, "application": self._site.application_log}
        return named.get(log, self._site.folder / "logs" / log)


def _rotate(path: Path) -> None:
    """Rotate a log as logrotate does: every generation gets the next number, and the log is made anew."""
    for number in (4, 3, 2, 1):
        older = path.with_name(f"{path.name}.{number}")
        if older.exists():
            older.rename(path.with_name(f"{path.name}.{number + 1}"))
    path.rename(path.with_name(f"{path.name}.1"))
    path.touch()


def _copy_and_truncate(path: Path) -> None:
    """Rotate a log as logrotate does with copytruncate, while nobody writes."""
    shutil.copy(path, path.with_name(f"{path.name}.1"))
    os.truncate(path, 0)


def settle(site: Site, lines: int) -> None:
    """Wait until every line is taken and every message delivered."""
    await_(lambda: site.lines_taken() >= lines, what=f"all {lines} lines are taken")
    await_(lambda: not site.messages("queued", "sending", "refused"), what="every message is delivered")


@pytest.fixture(scope="module")
def story() -> list[Step]:
    """Return the story that all runs tell."""
    return a_story()


@pytest.fixture(scope="module")
def undisturbed(story: list[Step], tmp_path_factory: pytest.TempPathFactory) -> Outcome:
    """Tell the story to a daemon that nobody kills."""
    with a_post_office() as office, _a_site(tmp_path_factory.mktemp("undisturbed"), office) as site:
        site.started()
        writer = Writer(site, story, chance=random.Random(SEED), pause=0)
        writer.ask(len(story))
        writer.run()
        settle(site, _lines(story))
        assert 0 == site.terminate()
        return _outcome(site)


@pytest.mark.slow
def test_kills_change_nothing(story: list[Step], undisturbed: Outcome, tmp_path: Path) -> None:
    """After SIGKILLs at random instants incidents, detections and notices equal those of an undisturbed run.

    Half of them strike while the daemon starts, the others while it reads, stores or delivers. How long a start takes
    is measured on the way: on a busy machine everything takes its time.
    """
    chance = random.Random(SEED)
    with a_post_office() as office, _a_site(tmp_path, office) as site:
        writer = Writer(site, story, chance=random.Random(SEED), pause=0.04)
        writer.start()
        portion, progress, start_seconds = -(-len(story) // KILLS), set(), 1.0
        for number in range(KILLS):
            began, before = time.monotonic(), site.lines_taken()
            site.start()
            writer.ask(portion)
            if number % 2:
                site.await_ready()
                start_seconds = time.monotonic() - began
                wanted = before + chance.randrange(portion + 1)
                await_(lambda wanted=wanted: site.lines_taken() >= min(wanted, writer.written), what="lines are taken")
                time.sleep(chance.uniform(0, 0.3))
            else:
                time.sleep(chance.uniform(0, start_seconds))
            site.kill()
            progress.add(site.lines_taken())
        assert len(progress) >= KILLS // 4, "the daemon never got anywhere between two kills"
        writer.join(PATIENCE)
        assert not writer.is_alive()
        site.started()
        settle(site, _lines(story))
        assert 0 == site.terminate()
        _hold_equal(undisturbed, _outcome(site))
        _hold_sent_once(office, undisturbed, site)
        _hold_written_once(site)


def _outcome(site: Site) -> Outcome:
    with site.store() as database:
        return outcome_of(database)


def _hold_equal(expected: Outcome, actual: Outcome) -> None:
    for part in fields(Outcome):
        assert getattr(expected, part.name) == getattr(actual, part.name), part.name


def _hold_sent_once(office: PostOffice, expected: Outcome, site: Site) -> None:
    """Hold that each notice came under its one id, or joined one, and as the same bytes however often it came."""
    taken, notices = office.taken(), {notice[0] for notice in expected.notices}
    with site.store() as database:
        jointly, news = told_jointly(database), news_of(database)
    assert notices == ((set(taken) & notices) | set(jointly)) - news
    assert set(taken) <= notices | news | set(jointly.values())
    assert not set(taken) & set(jointly), "none is told twice"
    assert {1} == {len(contents) for contents in taken.values()}
    causes = Counter(notice[1:5] for notice in expected.notices)
    assert {1} == set(causes.values())


def _hold_written_once(site: Site) -> None:
    """Hold that the audit trail tells of each incident and message once, and is what was signed at the end."""
    trail = SignedTrail(site.folder / "state", keys.audit_key(load_settings(site.config)))
    with site.store() as database, database.reading() as connection:
        assert trail.compare(connection) == (trail.last() or pytest.fail("nothing was signed")).size
        rows = audit.listed(connection, Chosen(), 1_000_000)[::-1]
    assert list(range(len(rows))) == [row.position for row in rows]
    entries = [json.loads(row.entry) for row in rows]
    opened = Counter(
        entry["incident"] for entry in entries if entry["kind"] == "incident_opened" and not entry["customer"]
    )
    opened |= Counter(
        entry["incident"] for entry in entries if entry["kind"] == "incident_opened" and entry["customer"]
    )
    assert dict.fromkeys((incident.number for incident in site.incidents()), 1) == dict(opened)
    for kind in ("notice_queued", "notice_accepted"):
        told = Counter(entry["details"]["message"] for entry in entries if entry["kind"] == kind)
        delivered = [stored.command.id for stored in site.messages("delivered")]
        assert dict.fromkeys(delivered, 1) == {id_: told[id_] for id_ in delivered}


def test_the_story_has_all_that_can_go_wrong(undisturbed: Outcome) -> None:
    """The story leads to break-ins, to guessing that failed, to staff incidents, to disclosures and to unread lines."""
    kinds = Counter(incident.kind for incident in undisturbed.incidents)
    assert {"own_guessing", "own_break_in", "unauthorised_staff_access", "authorised_disclosure"} <= set(kinds)
    assert {"customer_notice", "disclosure_notice"} == {notice[1] for notice in undisturbed.notices}
    assert {"hai-au", "blue-harbor"} == {notice[3] for notice in undisturbed.notices}
    assert 24 == undisturbed.unparsed.total()


def _a_site(folder: Path, office: PostOffice) -> Any:
    hosts = folder / "logs" / "hosts"
    hosts.mkdir(parents=True)
    os.mkfifo(hosts / "pipe.log")
    (hosts / "folder.log").mkdir()
    (hosts / "nowhere.log").symlink_to("missing")
    return a_site(folder, office.port, command=RUN_UNCHECKED, settings=SETTINGS + HOSTS)


def _lines(story: list[Step]) -> int:
    return sum(log not in (ROTATE, COPYTRUNCATE) for log, _ in story)
