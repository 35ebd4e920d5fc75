"""A flood at full size, with the time handed in: nobody is flooded, every duty is done in its time, nothing is lost."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from pathlib import Path

from credwatch.app.build import build_knowledge
from credwatch.app.settings import Settings, load_settings
from credwatch.kernel.command import Command, CommandKind
from credwatch.kernel.receipt import Delivered, Refused
from credwatch.kernel.secret import Secret
from credwatch.pipeline.pipeline import Knowledge, Pipeline
from credwatch.service.chores import Chores
from credwatch.store.database import Database
from credwatch.store.outbox import OutboxStore, messages_of
from credwatch.telemetry.metrics import Metrics
from credwatch.workflows.escalation import on_refused
from scenarios.daemon import Site
from scenarios.lines import app
from scenarios.pipeline import NOW, a_chunk, a_store, take
from scenarios.site_files import SETTINGS, STAFF

MINUTE = timedelta(minutes=1)
RULE = """
title: One event is an incident
id: 7d2c1f0e-0002-4000-8000-00000000000{at}
logsource: {{category: authentication}}
detection:
  selected: {{event.action: login, event.outcome: {outcome}}}
  condition: selected
level: high
credwatch: {{incident: {kind}, subject: user.name, workflows: [{workflow}], clause: "8.2"}}
"""
BOUND = 3 + 8
"""Letters of a kind to one reader in an hour: three by themselves, then joint ones, soon every ten minutes."""


class Town:
    """A site whose clock a test moves, and a mail server that takes all but what it shall refuse."""

    def __init__(self, database: Database, knowledge: Knowledge, settings: Settings) -> None:
        self.database, self.knowledge, self.now, self.position = database, knowledge, NOW, 0
        self.refused: set[str] = set()
        self.sent: list[tuple[datetime, Command]] = []
        self._pipeline = Pipeline(knowledge, database, lambda: self.now)
        steady = lambda: (self.now - NOW).total_seconds()  # noqa: E731
        facts = lambda: knowledge.facts  # noqa: E731
        self._chores = Chores(database, Metrics(), lambda: None, lambda: self.now, facts, settings, steady)

    def bring(self, lines: list[str]) -> None:
        """Take lines as one batch, at the present."""
        data = "".join(f"{line}\n" for line in lines).encode()
        take(self._pipeline, a_chunk(data, source="application", position=self.position))
        self.position += len(data)
        self.deliver()

    def pass_by(self, time: timedelta, step: timedelta = 2 * MINUTE) -> None:
        """Let time go by, with the jobs of the timetable and the mail."""
        end = self.now + time
        while self.now < end:
            self.now += step
            self._chores.tick()
            self.deliver()

    def deliver(self) -> None:
        """Deliver all that may leave."""
        outbox = OutboxStore(self.database)
        while due := outbox.due(self.now, 100):
            for stored in due:
                self._deliver(outbox, stored.command)

    def _deliver(self, outbox: OutboxStore, command: Command) -> None:
        outbox.begin(command.id, self.now)
        if command.recipient in self.refused:
            escalations = on_refused(command, "550 no", self.knowledge.facts, self.now)
            return outbox.settle(command.id, Refused("550 no"), self.now, None, escalations)
        self.sent.append((self.now, command))
        return outbox.settle(command.id, Delivered(self.now, "250 ok"), self.now, None)

    def letters(self, *workflows: str) -> list[Command]:
        """Give what was accepted of these workflows."""
        return [command for _, command in self.sent if command.workflow in workflows]

    def late(self, workflow: str) -> int:
        """Count the clocks of a duty that were met too late, or not."""
        with self.database.reading() as connection:
            query = "SELECT count(*) FROM legal_clocks WHERE workflow = ? AND (met_at IS NULL OR met_at > due_at)"
            return int(connection.exec_driver_sql(query, (workflow,)).scalar_one())

    def most(self) -> int:
        """Count the letters of the reader who got most of one kind."""
        letters = [each for _, each in self.sent if each.kind is not CommandKind.ESCALATE]
        of_kind = Counter(
            (each.recipient, each.workflow.partition("_")[0], each.payload.context["kind"]) for each in letters
        )
        return max(of_kind.values())


@contextmanager
def a_town(
    folder: Path, customers: list[str], rules: list[tuple[str, str, str]], role: str = "provider"
) -> Iterator[Town]:
    """Make a town whose customers and rules (outcome, kind, workflow) are these."""
    register = "".join(_customer(name) for name in customers)
    settings = SETTINGS.replace("[daemon]", f'[daemon]\nrole = "{role}"', 1)
    site = Site(
        folder, port=25, settings=settings, registers={"customers": register, "staff": STAFF, "authorisations": ""}
    )
    site.furnish()
    written = [
        RULE.format(at=at, outcome=outcome, kind=kind, workflow=to) for at, (outcome, kind, to) in enumerate(rules)
    ]
    site.rules.write_text("---".join(written), encoding="utf-8")
    loaded = load_settings(site.config)
    with a_store(folder / "town.sqlite") as database:
        yield Town(database, build_knowledge(loaded, notice_key=Secret("notice key")), loaded)


def _customer(name: str) -> str:
    return f"""
[[customer]]
id = "{name}"
name = "{name}"
language = "en"
phone = "+84 258 5550 0111"
notice_addresses = ["a@{name}.example", "b@{name}.example"]
recognise = {{ organizations = ["{name}"], email_domains = ["{name}.example"] }}
"""


def _login(outcome: str, place: int, customer: str) -> str:
    return app(place / 200, "login", outcome, f"u{place}@{customer}.example", customer, "203.0.113.9")


def test_a_flood_at_fifty_customers_and_a_takeover_at_another(tmp_path: Path) -> None:
    """After 10,000 the last customer's notice leaves at once, nobody gets more than the bound, no clock runs out."""
    names = [f"c{number}" for number in range(50)]
    with a_town(tmp_path, [*names, "last"], [("success", "own_trouble", "customer_notice")]) as town:
        flood = [_login("success", place, names[place % 50]) for place in range(10_000)]
        for start in range(0, len(flood), 500):
            town.bring(flood[start : start + 500])
            town.pass_by(timedelta(seconds=3), timedelta(seconds=3))
        began = town.now
        town.bring([_login("success", 10_000, "last")])
        mine = [moment for moment, command in town.sent if command.organization == "last"]
        assert 2 == len(mine)
        assert max(mine) - began < MINUTE
        town.pass_by(58 * MINUTE)
        assert 0 == town.late("customer_notice")
        assert town.most() <= BOUND
        told = sum(command.payload.context["count"] for command in town.letters("customer_joint"))
        assert 2 * 10_001 == told + len(town.letters("customer_notice")), "each is told once to each reader"
        reasons = Counter(
            command.payload.context["reason"] for command in town.letters("escalation", "escalation_joint")
        )
        assert {"flood", "flood_over"} == set(reasons)
        with town.database.reading() as connection:
            query = "SELECT number FROM incidents WHERE kind = 'own_trouble'"
            numbers = connection.exec_driver_sql(query).scalars().all()
            untold = [number for number in numbers[::500] if len(messages_of(connection, number)) < 2]
            assert not untold, "each case shows the messages that told it"


def test_a_flood_of_disclosures_names_each(tmp_path: Path) -> None:
    """2,000 acts at one customer in a minute, and notices of breaches beside them: each is named, in time, once."""
    rules = [("success", "own_act", "disclosure_notice"), ("failure", "own_trouble", "customer_notice")]
    with a_town(tmp_path, ["c0"], rules) as town:
        for start in range(0, 2000, 500):
            town.bring([_login("success", place, "c0") for place in range(start, start + 500)])
            town.pass_by(timedelta(seconds=15), timedelta(seconds=15))
        town.bring([_login("failure", 5000, "c0")])
        assert 2 == len(town.letters("customer_notice")), "another duty does not wait behind them"
        town.pass_by(58 * MINUTE)
        assert 0 == town.late("disclosure_notice")
        _each_is_named(town, "disclosure_notice", "disclosure_joint", readers=2, acts=2000)
        assert town.most() <= BOUND


def test_a_flood_of_reports_names_each(tmp_path: Path) -> None:
    """A customer's 2,000 breaches are each named to the vendor in time; one of another kind leaves at once."""
    rules = [("success", "own_breach", "breach_report"), ("failure", "own_trouble", "breach_report")]
    with a_town(tmp_path, ["c0"], rules, role="customer") as town:
        for start in range(0, 2000, 500):
            town.bring([_login("success", place, "c0") for place in range(start, start + 500)])
            town.pass_by(timedelta(seconds=15), timedelta(seconds=15))
        before = len(town.letters("breach_report"))
        town.bring([_login("failure", 5000, "c0")])
        assert before + 1 == len(town.letters("breach_report"))
        town.pass_by(58 * MINUTE)
        assert 0 == town.late("breach_report")
        _each_is_named(town, "breach_report", "breach_joint", readers=1, acts=2001)


def _each_is_named(town: Town, workflow: str, joint: str, *, readers: int, acts: int) -> None:
    """Hold that each reader reads of each act in one letter, once."""
    named = Counter((command.recipient, command.payload.context["number"]) for command in town.letters(workflow))
    for command in town.letters(joint):
        named.update((command.recipient, matter["number"]) for matter in command.payload.context["matters"])
    assert readers * acts == len(named)
    assert {1} == set(named.values())


def test_what_is_refused_and_overdue_is_one_letter_to_the_operators(tmp_path: Path) -> None:
    """Where 300 customers' notices are refused, operators get a handful of letters, with size and telephone."""
    names = [f"c{number}" for number in range(300)]
    with a_town(tmp_path, names, [("success", "own_trouble", "customer_notice")]) as town:
        town.refused = {f"{box}@{name}.example" for name in names for box in "ab"}
        town.bring([_login("success", place, name) for place, name in enumerate(names)])
        town.pass_by(20 * MINUTE)
        letters = town.letters("escalation", "escalation_joint")
        reasons = Counter(command.payload.context["reason"] for command in letters)
        assert reasons["not_delivered"] <= BOUND
        assert 1 == reasons["clock_ran_out"], "all of them ran out at once"
        (late,) = [command for command in letters if command.payload.context["reason"] == "clock_ran_out"]
        assert 300 == late.payload.context["count"]
        assert {"+84 258 5550 0111"} == {matter["phone"] for matter in late.payload.context["matters"]}
