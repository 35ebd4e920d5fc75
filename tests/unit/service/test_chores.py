"""What the daemon owes by the clock."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from msgspec import Struct, field

from builders_outbox import NOON, a_command, an_incident, some_facts
from credwatch.app.archive import build_inlet
from credwatch.app.regimes import shipped_regimes
from credwatch.app.settings import AuditOptions, DaemonOptions, RehearsalOptions, Settings
from credwatch.casework.customer_desk import CustomerDesk
from credwatch.kernel.account_finding import AccountFinding, FindingKey
from credwatch.kernel.case_entry import CaseEntry, EntryKind
from credwatch.kernel.command import CommandKind, LegalClock
from credwatch.kernel.receipt import Delivered
from credwatch.service.archiving import Archiving
from credwatch.service.canaries import Canaries
from credwatch.service.chores import Chores
from credwatch.service.daily_digest import silent_sources
from credwatch.service.enforcing import EnforcingJobs
from credwatch.service.portal import Portal
from credwatch.service.rehearsals import Rehearsals
from credwatch.service.signing import Signing
from credwatch.store import outbox, posture
from credwatch.store.cases import case_entries, incidents, legal_clocks
from credwatch.store.database import Database
from credwatch.store.receipts import settle
from credwatch.store.state import progress
from credwatch.telemetry.label_values import TASKS
from credwatch.telemetry.metrics import Metrics
from credwatch.workflows.regimes import regime_clocks
from scenarios.pipeline import a_store


class Post(Struct):
    """Chores over a store, with a clock that a test moves."""

    database: Database
    now: datetime = NOON
    steady: float = 0.0
    wakes: list[datetime] = field(default_factory=list)
    metrics: Metrics = field(default_factory=Metrics)
    settings: Settings = Settings()

    def chores(self) -> Chores:
        """Build the chores."""
        return Chores(
            self.database,
            self.metrics,
            lambda: self.wakes.append(self.now),
            lambda: self.now,
            some_facts,
            self.settings,
            lambda: self.steady,
        )

    def digest(self) -> dict[str, object]:
        """Return what the one digest tells."""
        stored = [one.command for one in outbox.OutboxStore(self.database).listed()]
        (digest,) = [command for command in stored if command.kind is CommandKind.DIGEST]
        return digest.payload.context

    def kinds(self) -> list[CommandKind]:
        """Return the kinds of the messages that wait."""
        return [stored.command.kind for stored in outbox.OutboxStore(self.database).listed()]


@pytest.fixture
def post(tmp_path: Path) -> Iterator[Post]:
    """Make a store in which one duty runs and one message waits."""
    clock = LegalClock("clock-1", "customer_notice", "CW-2026-7KQ2M4", "tanphat", NOON, NOON + timedelta(minutes=15))
    with a_store(tmp_path / "store.sqlite") as database:
        with database.writing() as connection:
            incidents.save_incidents(connection, [an_incident()])
            legal_clocks.save_clocks(connection, [clock])
            outbox.queue(connection, [a_command(1)])
        yield Post(database)


def test_a_clock_that_ran_out_is_told_once(post: Post) -> None:
    """Before its end nobody is written to; after it the operators are, once however often it ticks."""
    chores = post.chores()
    post.now = NOON + timedelta(minutes=14)
    chores.tick()
    assert ([], [CommandKind.NOTIFY]) == (post.wakes, post.kinds())
    post.now = NOON + timedelta(minutes=16)
    chores.tick()
    chores.tick()
    assert [CommandKind.NOTIFY, CommandKind.ESCALATE] == post.kinds()
    assert [post.now] == post.wakes


def test_a_clock_set_back_does_not_keep_a_duty_from_running_out(post: Post) -> None:
    """The operators are told when its time is over by the steady clock."""
    chores, post.now = post.chores(), NOON
    chores.tick()
    post.now, post.steady = NOON - timedelta(hours=3), post.steady + 16 * 60
    chores.tick()
    assert [CommandKind.NOTIFY, CommandKind.ESCALATE] == sorted(post.kinds(), reverse=True)


def test_gauges_tell_what_the_store_has(post: Post) -> None:
    """Open incidents, waiting messages and their age, and what the clocks have left."""
    post.now = NOON + timedelta(minutes=20)
    post.chores().gauge()
    value = post.metrics.registry.get_sample_value
    assert 1 == value("credwatch_incidents_open", {"kind": "account_takeover"})
    assert 0 == value("credwatch_incidents_forgotten")
    assert 1200 == value("credwatch_outbox_oldest_age_seconds")
    assert -300 == value("credwatch_clock_remaining_seconds", {"workflow": "customer_notice"})
    assert 1 == value("credwatch_clocks_overdue", {"workflow": "customer_notice"})


def test_a_laws_clock_is_told_and_measured(post: Post) -> None:
    """At four fifths of 24 hours operators are warned once, and the gauges say which law and how much is left."""
    law = shipped_regimes()["vn-consumer"]
    incident = an_incident(workflows=("customer_notice",))
    with post.database.writing() as connection:
        legal_clocks.save_clocks(connection, regime_clocks(incident, some_facts(regimes={"": (law,)})))
    chores, value = post.chores(), post.metrics.registry.get_sample_value
    labels = {"regime": "vn-consumer", "phase": "notification"}
    for hours, short, overdue in ((19, 0, 0), (20, 1, 0), (25, 0, 1)):
        post.now, post.steady = NOON + timedelta(hours=hours), hours * 3600.0
        chores.tick()
        chores.tick()
        chores.gauge()
        assert (24 - hours) * 3600 == value("credwatch_regime_clock_remaining_seconds", labels)
        assert short == value("credwatch_regime_clocks_short", labels)
        assert overdue == value("credwatch_regime_clocks_overdue", labels)
    stored = [one.command for one in outbox.OutboxStore(post.database).listed()]
    about = [
        command.payload.context["reason"] for command in stored if command.payload.context.get("duty") == "legal_report"
    ]
    assert ["clock_runs_short", "clock_ran_out"] == about


def test_whoever_breaks_a_rule_is_reminded_by_the_timetable(post: Post) -> None:
    """With a ladder in the settings the contacts hear of an account, once; without one nobody does."""
    finding = AccountFinding(FindingKey("idp", "tanphat", "lan", "weak_hash"), "md5", NOON, is_told=True)
    with post.database.writing() as connection:
        posture.save_findings(connection, "idp", [finding])
    post.now = NOON + timedelta(days=9)
    post.chores().remind()
    assert [] == post.wakes
    post.settings = Settings.model_validate({"posture": {"reminders": {"contact_after": "9d"}}})
    for _ in range(2):
        post.chores().remind()
    letters = [it.command for it in outbox.OutboxStore(post.database).listed()]
    reminded = [letter.recipient for letter in letters if letter.workflow == "account_reminder"]
    assert (["it@tanphat.example", "kt@tanphat.example"], [post.now]) == (reminded, post.wakes)


def test_a_case_that_nobody_works_on_is_forgotten(post: Post) -> None:
    """After three days it is counted, and no longer once somebody has written something down."""
    chores, value = post.chores(), post.metrics.registry.get_sample_value
    post.now = NOON + timedelta(days=3, seconds=1)
    chores.gauge()
    assert 1 == value("credwatch_incidents_forgotten")
    with post.database.writing() as connection:
        case_entries.add_entry(connection, CaseEntry("CW-2026-7KQ2M4", post.now, EntryKind.NOTED, "lan", "I look"))
    chores.gauge()
    assert 0 == value("credwatch_incidents_forgotten")


def test_the_digest_tells_of_yesterday(post: Post) -> None:
    """It goes to the operators once a day, with the counts of the day before."""
    with post.database.writing() as connection:
        progress.add_tallies(connection, f"{NOON - timedelta(days=1):%Y-%m-%d}", {"lines": 12_345})
    post.chores().send_digest()
    post.chores().send_digest()
    (digest,) = [
        stored.command
        for stored in outbox.OutboxStore(post.database).listed()
        if stored.command.kind is CommandKind.DIGEST
    ]
    assert "12345" in str(digest.payload.context)
    assert "ops@modoro.example" == digest.recipient


def test_the_digest_counts_its_local_day_alone(post: Post) -> None:
    """A day of Việt Nam ends at 17:00 UTC: what was accepted or read on another day is not told."""
    post.now = NOON.replace(hour=23)  # six in the morning of the 21st
    with post.database.writing() as connection:
        progress.add_tallies(connection, "2026-11-20", {"lines": 20})
        progress.add_tallies(connection, "2026-11-21", {"lines": 21})
        outbox.queue(connection, [a_command(number) for number in (2, 3, 4)])
        for number, at in ((2, 16), (3, 17), (4, -8)):
            accepted = NOON.replace(hour=0) + timedelta(hours=at)
            settle(connection, a_command(number).id, Delivered(accepted, "250 ok"), accepted, None)
    post.chores().send_digest()
    kind = CommandKind.DIGEST
    (context,) = [
        stored.command.payload.context
        for stored in outbox.OutboxStore(post.database).listed()
        if stored.command.kind is kind
    ]
    assert "2026-11-20" == context["day"]
    counts: Any = context["counts"]
    assert (20, 1) == (counts["lines"], counts["delivered"])
    standing: Any = context["standing"]
    assert (1, 1) == (standing["waiting"], standing["overdue"])


@pytest.mark.parametrize(
    ("day", "begin", "end"),
    [
        ("2026-03-29", "2026-03-28T23:00+00:00", "2026-03-29T22:00+00:00"),
        ("2026-10-25", "2026-10-24T22:00+00:00", "2026-10-25T23:00+00:00"),
    ],
    ids=["a day of 23 hours", "a day of 25 hours"],
)
def test_a_day_is_as_long_as_it_is(post: Post, day: str, begin: str, end: str) -> None:
    """Where summer time begins or ends, the digest counts from midnight to midnight, and names zone and day."""
    first, after = datetime.fromisoformat(begin), datetime.fromisoformat(end)
    post.settings = Settings.model_validate({"daemon": {"time_zone": "Europe/Berlin"}})
    post.now = after + timedelta(hours=8)
    second = timedelta(seconds=1)
    with post.database.writing() as connection:
        outbox.queue(connection, [a_command(number) for number in range(2, 6)])
        for number, at in enumerate((first - second, first, after - second, after), start=2):
            settle(connection, a_command(number).id, Delivered(at, "250 ok"), at, None)
    post.chores().send_digest()
    context = post.digest()
    counts: Any = context["counts"]
    assert (day, 2) == (context["day"], counts["delivered"])


def test_the_digest_names_what_is_silent_and_unanswered(post: Post) -> None:
    """Sources without a line that day, and notices whose time to answer is over; it says so in both languages."""
    source = {"kind": "syslog", "paths": ["/var/log/x.log"]}
    post.settings = Settings.model_validate({"source": [source | {"id": "auth"}, source | {"id": "vpn"}]})
    yesterday = f"{NOON - timedelta(days=1):%Y-%m-%d}"
    with post.database.writing() as connection:
        progress.add_tallies(connection, yesterday, {"lines": 7, "lines of auth": 7})
        at = NOON - timedelta(hours=25)
        settle(connection, a_command(1).id, Delivered(at, "250 ok"), at, None)
    post.chores().send_digest()
    context: Any = post.digest()
    assert (["vpn"], 1) == (context["silent"], context["unanswered"]["count"])
    assert "CW-2026-7KQ2M4" == context["unanswered"]["first"][0]["number"]


@pytest.mark.parametrize(
    ("counts", "expected"),
    [
        ({}, ("auth", "vpn")),
        ({"lines": 7, "lines of auth": 3, "lines of gone": 4}, ("vpn",)),
        ({"lines": 7, "lines of auth": 3}, ()),
    ],
    ids=["nothing was read", "one spoke", "counted by an older version for a part of the day"],
)
def test_silence_is_told_where_it_is_known(counts: dict[str, int], expected: tuple[str, ...]) -> None:
    """A source is called silent only where all lines of the day were counted by their source."""
    assert expected == silent_sources(("auth", "vpn"), counts)


def test_every_job_has_a_time_and_can_run(post: Post, tmp_path: Path) -> None:
    """Names are told apart, and each act runs on a store as it is."""
    audit = AuditOptions(timestamp_url="http://127.0.0.1:1/", timestamp_roots=tmp_path / "roots.pem")
    settings = Settings(daemon=DaemonOptions(state_directory=tmp_path), audit=audit)
    signing = Signing(settings, post.database, post.metrics, lambda: post.now, some_facts)
    span = timedelta(minutes=5)
    file, wake = tmp_path / "canary.jsonl", lambda: None
    canaries = Canaries(file, span, span, post.database, post.metrics, lambda: post.now, some_facts, wake)
    desk = CustomerDesk(settings, post.database, some_facts, lambda: post.now)
    portal = Portal(settings, post.database, desk, lambda: post.now, post.metrics, wake)
    inlet = build_inlet(settings, post.database, lambda: post.now)
    archiving = Archiving(settings, post.database, inlet, post.metrics.archive, dict, wake, lambda: post.now)
    enforcing = EnforcingJobs(post.database, post.metrics.measures, wake, lambda: post.now, some_facts)
    played = RehearsalOptions(scenario="account-takeover")
    rehearsals = Rehearsals(
        file,
        played,
        "UTC",
        post.database,
        post.metrics.rehearsals,
        lambda: post.now,
        some_facts,
        wake,
        command=("/bin/true",),
    )
    makers = (post.chores(), signing, canaries, portal, archiving, enforcing, rehearsals)
    jobs = [job for maker in makers for job in maker.jobs()]
    assert set(TASKS) == {job.name for job in jobs}
    assert len(jobs) == len({job.name for job in jobs})
    for job in jobs:
        job.act()
    archiving.stop()
    rehearsals.stop()


def test_files_that_are_gone_are_forgotten(tmp_path: Path) -> None:
    """Of a log that was deleted long ago neither place nor mark is kept; those of the others stay."""
    stays, gone = tmp_path / "stays.log", tmp_path / "gone.log"
    stays.touch()
    mark = {"inode": 1, "fingerprint": "", "width": 0, "offset": 0, "modified": 0}
    with a_store(tmp_path / "store.sqlite") as database:
        with database.writing() as connection:
            progress.save_cursors(connection, [("servers", str(file), mark) for file in (stays, gone)])
            progress.save_watermarks(connection, [(f"servers\t{file}", 1) for file in (stays, gone)])
        Post(database).chores().tidy()
        with database.reading() as connection:
            assert {str(stays): mark} == progress.cursors_of(connection, "servers")
            assert [(f"servers\t{stays}", 1)] == progress.all_watermarks(connection)
