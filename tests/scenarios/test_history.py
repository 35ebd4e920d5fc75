"""What is read long after it happened waits for a person, and starts no clock in the past."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from msgspec import Struct
from msgspec.structs import replace

from credwatch.app.build import build_knowledge
from credwatch.app.settings import Settings, load_settings
from credwatch.kernel.clock import rfc3339
from credwatch.kernel.command import Command, CommandKind, LegalClock
from credwatch.kernel.incident import Incident
from credwatch.kernel.secret import Secret
from credwatch.pipeline import holding
from credwatch.pipeline.pipeline import Knowledge, Pipeline
from credwatch.service.chores import Chores
from credwatch.store import outbox
from credwatch.store.cases import legal_clocks
from credwatch.store.cases.case_list import list_incidents
from credwatch.store.commands import EVERY
from credwatch.store.database import Database
from credwatch.telemetry.metrics import Metrics
from credwatch.workflows.facts import Role, Vendor
from scenarios.daemon import Site
from scenarios.lines import BEGIN, app, app_guessing
from scenarios.pipeline import a_chunk, a_store, take

USER, ADDRESS = "ke.toan@haiau.example", "203.0.113.7"
MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
AFTER = timedelta(hours=6)


class Late(Struct):
    """A pipeline whose clock a test sets, and its store."""

    knowledge: Knowledge
    database: Database
    now: datetime = BEGIN
    position: int = 0
    pipeline: Pipeline | None = None

    def read(self, *lines: str, now: datetime) -> None:
        """Read lines at a moment, as one chunk."""
        self.now = now
        self.pipeline = self.pipeline or Pipeline(self.knowledge, self.database, lambda: self.now)
        data = "".join(f"{line}\n" for line in lines).encode()
        chunk = a_chunk(data, source="application", position=self.position)
        take(self.pipeline, replace(chunk, received_at=now, reference=now))
        self.position += len(data)

    def tick(self, now: datetime) -> None:
        """Do what the timetable does every few seconds."""
        facts = self.knowledge.facts
        Chores(self.database, Metrics(), lambda: None, lambda: now, lambda: facts, Settings()).tick()

    def incident(self, kind: str = "account_takeover") -> Incident:
        """Return the one incident of a kind."""
        with self.database.reading() as connection:
            (one,) = [each for each in list_incidents(connection) if each.kind == kind]
        return one

    def kinds(self) -> Counter[str]:
        """Count the incidents by kind."""
        with self.database.reading() as connection:
            return Counter(each.kind for each in list_incidents(connection))

    def messages(self, *states: str) -> list[Command]:
        """Return the messages in some states; in all where none is named."""
        return [stored.command for stored in outbox.OutboxStore(self.database).listed(states or EVERY)]

    def states(self, workflow: str = "customer_notice") -> Counter[str]:
        """Count the messages of a workflow by state."""
        listed = outbox.OutboxStore(self.database).listed(EVERY)
        return Counter(stored.state for stored in listed if stored.command.workflow == workflow)

    def clocks(self) -> list[LegalClock]:
        """Return the clocks that run."""
        with self.database.reading() as connection:
            return legal_clocks.running_clocks(connection)

    def release(self, now: datetime) -> list[str]:
        """Let the takeover's messages go."""
        with self.database.writing() as connection:
            facts, one = self.knowledge.facts, self.incident()
            return holding.release_incident(connection, one, facts, now, by="lan", why="looked at")


@pytest.fixture
def late(tmp_path: Path) -> Iterator[Late]:
    """Make a pipeline that takes for history what is read six hours after it happened."""
    site = Site(tmp_path, port=25).furnish()
    site.rules.unlink()
    knowledge = build_knowledge(load_settings(site.config), notice_key=Secret("notice key"))
    knowledge = replace(knowledge, history_after=AFTER)
    with a_store(tmp_path / "store.sqlite") as database:
        yield Late(knowledge, database)


def test_what_is_read_at_once_is_told_at_once(late: Late) -> None:
    """Nothing waits, and the clock starts when it was detected."""
    late.read(*app_guessing(0, USER, "hai-au", ADDRESS), now=BEGIN + MINUTE)
    assert not late.incident().history
    assert Counter(queued=2) == late.states()
    assert {BEGIN + MINUTE} == {clock.started_at for clock in late.clocks()}


def test_an_old_backlog_waits_for_a_person(late: Late) -> None:
    """Three days late: the three moments are kept apart, no notice may leave, and the operators are told at once."""
    now = BEGIN + 3 * DAY
    late.read(*app_guessing(0, USER, "hai-au", ADDRESS), now=now)
    one = late.incident()
    assert (True, now, now) == (one.history, one.recorded_at, one.detected_at)
    assert BEGIN <= one.occurred_first <= one.occurred_last < BEGIN + MINUTE
    assert Counter(held=2) == late.states()
    (letter,) = late.messages("queued")
    assert ("escalation", "held", 1) == (
        letter.workflow,
        letter.payload.context["reason"],
        letter.payload.context["held"]["incidents"],
    )


def test_no_clock_is_born_overdue(late: Late) -> None:
    """The duty's clock starts at the detection, and no update is promised before the notice has gone."""
    now = BEGIN + 3 * DAY
    late.read(*app_guessing(0, USER, "hai-au", ADDRESS), now=now)
    (clock,) = late.clocks()
    assert ("customer_notice", now, now + 15 * MINUTE, True) == (
        clock.workflow,
        clock.started_at,
        clock.due_at,
        clock.held,
    )


def test_released_notices_go_with_their_promise(late: Late) -> None:
    """They are written anew: dated now, with an update promised from now on, and their time begins again."""
    now = BEGIN + 3 * DAY
    late.read(*app_guessing(0, USER, "hai-au", ADDRESS), now=now)
    later = now + 5 * HOUR
    assert 2 == len(late.release(later))
    assert Counter(queued=2) == late.states()
    notice = next(each for each in late.messages("queued") if each.workflow == "customer_notice")
    assert (later, True, "") == (notice.created_at, notice.payload.context["history"], notice.hold)
    assert rfc3339(later + 72 * HOUR) == notice.payload.context["next_update"]
    duty = next(clock for clock in late.clocks() if clock.workflow == "customer_notice")
    assert (now, later + 15 * MINUTE, False) == (duty.started_at, duty.alarm_at, duty.held)


def test_a_held_clock_that_runs_out_calls_nobody_and_a_released_one_does(late: Late) -> None:
    """The operators know of what is held; of what was let go and is not accepted in time they hear."""
    now = BEGIN + 3 * DAY
    late.read(*app_guessing(0, USER, "hai-au", ADDRESS), now=now)
    late.tick(now + HOUR)
    assert ["held"] == [each.payload.context["reason"] for each in late.messages("queued")]
    late.release(now + 2 * HOUR)
    late.tick(now + 2 * HOUR + MINUTE)
    late.tick(now + 2 * HOUR + 16 * MINUTE)
    reasons = [each.payload.context["reason"] for each in late.messages("queued") if each.kind is CommandKind.ESCALATE]
    assert ["held", "clock_ran_out"] == reasons


def test_new_live_evidence_lets_the_notices_go(late: Late) -> None:
    """What began in the backlog and goes on is no history: it is told as it is now."""
    late.read(*app_guessing(0, USER, "hai-au", ADDRESS), now=BEGIN + 3 * DAY)
    seconds = (3 * DAY + HOUR).total_seconds()
    late.read(*app_guessing(seconds, USER, "hai-au", ADDRESS), now=BEGIN + 3 * DAY + HOUR + MINUTE)
    assert (False, BEGIN + 3 * DAY + HOUR + MINUTE) == (late.incident().history, late.incident().released_at)
    assert Counter(queued=2) == late.states()
    assert "customer_update" in {clock.workflow for clock in late.clocks()}


def test_what_goes_on_after_the_backlog_is_no_history(late: Late) -> None:
    """One attack over the whole gap is one detection: when it is seen to go on, its notices go."""
    access = [_staff(60.0 * minute) for minute in range(0, 60 * 24)]
    late.read(*access[:60], now=BEGIN + DAY)
    assert late.incident("unauthorised_staff_access").history
    late.read(*access[60:], now=BEGIN + DAY)
    assert not late.incident("unauthorised_staff_access").history
    assert not late.states()["held"]


def test_a_flood_of_the_past_makes_one_letter(late: Late) -> None:
    """Three hundred old incidents in five batches: one letter to each operator, which says how many there are."""
    now = BEGIN + 3 * DAY
    for batch in range(5):
        users = [f"u{batch}-{number}@haiau.example" for number in range(60)]
        lines = [line for number, user in enumerate(users) for line in app_guessing(number, user, "hai-au", _ip(user))]
        late.read(*lines, now=now + batch * MINUTE)
        late.tick(now + batch * MINUTE)
    (letter,) = late.messages("queued")
    with late.database.reading() as connection:
        waiting = sum(each.is_held for each in list_incidents(connection))
    assert (waiting, 300) == (letter.payload.context["held"]["incidents"], waiting)


def test_a_flood_that_was_told_and_grows_is_told_again_after_an_hour(late: Late) -> None:
    """A letter that has left cannot be mended; the next one comes an hour later, and only where there is more."""
    now = BEGIN + 3 * DAY
    late.read(*app_guessing(0, USER, "hai-au", ADDRESS), now=now)
    store = outbox.OutboxStore(late.database)
    store.begin(late.messages("queued")[0].id, now)
    late.read(*app_guessing(3, "giam.doc@haiau.example", "hai-au", "203.0.113.9"), now=now + MINUTE)
    for minutes in (2, 30, 59):
        late.tick(now + minutes * MINUTE)
    assert [] == late.messages("queued")
    for minutes in (61, 90, 200):
        late.tick(now + minutes * MINUTE)
    assert [2] == [each.payload.context["held"]["incidents"] for each in late.messages("queued")]


def test_a_held_report_survives_the_closing(late: Late) -> None:
    """In role customer: dropping an incident's messages leaves the breach report held until it is meant by name."""
    facts = replace(late.knowledge.facts, role=Role.CUSTOMER, vendor=Vendor("MODORO", "security@modoro.example"))
    late.knowledge = replace(late.knowledge, facts=facts)
    late.read(*app_guessing(0, USER, "hai-au", ADDRESS), now=BEGIN + 3 * DAY)
    number = late.incident().number
    for with_reports, left in ((False, Counter(held=1)), (True, Counter(dropped=1))):
        with late.database.writing() as connection:
            holding.drop_held(connection, number, facts, late.now, by="lan", why="a test", with_reports=with_reports)
        assert left == late.states("breach_report")
    assert [] == late.clocks()


def test_single_messages_can_be_released(late: Late) -> None:
    """One of two leaves, written anew with its promise; the other waits on."""
    now = BEGIN + 3 * DAY
    late.read(*app_guessing(0, USER, "hai-au", ADDRESS), now=now)
    first, _ = late.messages("held")
    with late.database.writing() as connection:
        assert [first.id] == holding.release_messages(
            connection, [first.id, "cw-0"], late.knowledge.facts, now + HOUR, "lan"
        )
    assert Counter(queued=1, held=1) == late.states()
    assert {"customer_notice", "customer_update"} == {clock.workflow for clock in late.clocks()}


def _ip(user: str) -> str:
    batch, number = user.partition("@")[0].removeprefix("u").split("-")
    return f"203.0.{batch}.{number}"


def _staff(seconds: float) -> str:
    return app(
        seconds, "staff_access", "success", "minh@vendor.example", "hai-au", "192.0.2.15",
        **{"user.target.name": USER},
    )  # fmt: skip
