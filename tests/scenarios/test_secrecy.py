"""What an order forbids to tell a customer waits, is never lost, and is told once the order is over."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from credwatch.app.build import build_knowledge
from credwatch.app.settings import load_settings
from credwatch.cli.main import app
from credwatch.kernel.command import CommandKind
from credwatch.kernel.receipt import Delivered, Refused, Retry
from credwatch.kernel.secret import Secret
from credwatch.pipeline.joining import tell_joined
from credwatch.pipeline.pipeline import Pipeline
from credwatch.pipeline.secrecy import ask_for_review
from credwatch.store import audit
from credwatch.store.audit import Chosen
from credwatch.store.cases import legal_clocks
from credwatch.store.commands import EVERY, StoredCommand
from credwatch.store.database import Database
from credwatch.store.outbox import OutboxStore
from scenarios.daemon import Site
from scenarios.lines import app_guessing, staff_access
from scenarios.pipeline import NOW, a_chunk, take
from scenarios.site_files import AUTHORISATIONS, CUSTOMERS, STAFF

SECRET = """secret_until = 2026-03-03T00:00:00Z
secrecy_article = "Bộ luật Tố tụng hình sự, Điều 177"
"""
USER, CUSTOMER = "ke.toan@haiau.example", "hai-au"


class Office:
    """A site whose pipeline takes lines when told, and whose operators use commands."""

    def __init__(self, folder: Path, authorisations: str = AUTHORISATIONS + SECRET) -> None:
        self.site = Site(
            folder, port=25, registers={"customers": CUSTOMERS, "staff": STAFF, "authorisations": authorisations}
        ).furnish()
        self.site.rules.unlink()
        settings = load_settings(self.site.config)
        self.database = Database(settings.daemon.store)
        self.database.migrate()
        self.knowledge = build_knowledge(settings, notice_key=Secret("key"))
        self._pipeline = Pipeline(self.knowledge, self.database, lambda: NOW)
        self._position = 0

    def take(self, *lines: str) -> None:
        """Have these lines read."""
        data = "".join(f"{line}\n" for line in lines).encode()
        take(self._pipeline, a_chunk(data, source="application", position=self._position))
        self._position += len(data)

    def run(self, *arguments: str, expected: int = 0) -> str:
        """Run a command, hold it to its exit code, and return what it shows."""
        result = CliRunner().invoke(app, [*arguments, "--config", str(self.site.config)])
        assert expected == result.exit_code, result.output
        return result.output

    def incident(self, kind: str) -> str:
        """Return the number of the incident of a kind."""
        rows = map(json.loads, self.run("incidents", "list", "--all", "--json").splitlines())
        (number,) = [row["number"] for row in rows if row["kind"] == kind]
        return str(number)

    def to_customer(self, *states: str) -> list[StoredCommand]:
        """Return the messages for a customer in these states."""
        stored = OutboxStore(self.database).listed(states or EVERY)
        return [one for one in stored if one.command.kind is CommandKind.NOTIFY]

    def deliver(self) -> int:
        """Have a mail server take what may leave to customers; return how many messages that is."""
        outbox, ready = OutboxStore(self.database), self.to_customer("queued")
        for stored in ready:
            outbox.begin(stored.command.id, NOW)
            outbox.settle(stored.command.id, Delivered(NOW, "250 accepted", content=b"as sent"), NOW, None)
        return len(ready)

    def joint_letters(self) -> tuple[list[str], list[str]]:
        """Have the joint letters written whose time has come; return the incidents they tell of, and their ids."""
        with self.database.writing() as connection:
            tell_joined(connection, self.knowledge.facts, NOW)
        letters = [one for one in self.to_customer("queued", "sending") if one.command.workflow == "customer_joint"]
        numbers = [matter["number"] for one in letters for matter in one.command.payload.context["matters"]]
        return sorted({*numbers}), [one.command.id for one in letters]

    def log_of_customer(self) -> list[dict[str, Any]]:
        """Return what the customer's own log tells, oldest first."""
        with self.database.reading() as connection:
            rows = audit.listed(connection, Chosen(customer=CUSTOMER), 1000)
        return [json.loads(row.entry) for row in rows[::-1]]


@pytest.fixture
def office(tmp_path: Path) -> Iterator[Office]:
    """Furnish the office."""
    office = Office(tmp_path)
    yield office
    office.database.close()


def order(folder: Path, *, until: str = "2027-01-01T00:00+0700") -> list[str]:
    """Give the options that name an order."""
    document = folder / "order.pdf"
    document.write_bytes(b"%PDF-1.7 an order")
    words = ("--reference", "77/2026", "--issuer", "VKSND tỉnh Khánh Hòa", "--article", "Điều 177")
    return [*words, "--document", str(document), "--until", until]


def test_an_act_under_a_secret_order_is_told_once_the_order_is_over(office: Office) -> None:
    """Nothing leaves, nobody can let it go or drop it, the customer's log names nothing; two people end it."""
    office.take(staff_access(10, "thao", USER, CUSTOMER))
    number = office.incident("authorised_disclosure")
    assert {("held", "secrecy")} == {(one.state, one.last_reason) for one in office.to_customer()}
    (entry,) = office.log_of_customer()
    assert ("messages_withheld", "", {}) == (entry["kind"], entry["incident"], entry["details"])
    with office.database.reading() as connection:
        assert {True} == {clock.held for clock in legal_clocks.clocks_of(connection, number)}

    assert "forbids to tell" in office.run("incidents", "release", number, "--why", "please", expected=2)
    message = office.to_customer()[0].command.id
    office.run("outbox", "release", message, expected=2)
    office.run("incidents", "drop", number, "--why", "please", "--reports")
    office.run("incidents", "close", number, "--why", "done")
    folder = office.site.config.parent
    office.run("evidence", number, "--customer", CUSTOMER, "--output", str(folder / "out.zip"), expected=2)
    assert "forbids to tell the customer" in office.run("incidents", "show", number)
    assert 0 == office.deliver()
    assert 1 == len(office.log_of_customer()), "what people did meanwhile is told to nobody"

    assert "proposed" in office.run("incidents", "lift", number, "--why", "it has run out", "--by", "lan")
    assert "cannot confirm" in office.run("incidents", "lift", number, "--why", "indeed", "--by", "LAN", expected=2)
    assert 0 == office.deliver()
    office.run("incidents", "lift", number, "--why", "I have read it", "--by", "minh")
    assert 2 == office.deliver()
    told = office.log_of_customer()
    assert {"secrecy_ended", "incident_went_on", "notice_accepted"} <= {entry["kind"] for entry in told}
    assert {number} == {entry["incident"] for entry in told[1:]}
    office.run("incidents", "lift", number, "--why", "again", "--by", "minh", expected=2)


def test_an_order_whose_time_is_over_holds_nothing(tmp_path: Path) -> None:
    """An act behind the day until which it is secret is told like any other."""
    office = Office(tmp_path, AUTHORISATIONS + SECRET.replace("2026-03-03", "2026-03-02"))
    office.take(staff_access(10, "thao", USER, CUSTOMER))
    assert 2 == office.deliver()
    office.database.close()


def test_two_people_hold_an_incident_and_every_later_word_of_it(office: Office, tmp_path: Path) -> None:
    """One proposal changes nothing; once confirmed, notice, news and update wait, and each leaves once afterwards."""
    office.take(*app_guessing(10, USER, CUSTOMER, "203.0.113.7"))
    number = office.incident("account_takeover")
    office.run("incidents", "hold", number, "--why", "ordered", "--by", "lan", expected=2)
    office.run("incidents", "hold", number, "--why", "ordered", "--reference", "1", "--by", "lan", expected=2)
    office.run("incidents", "hold", number, "--why", "ordered", "--by", "lan", *order(tmp_path))
    office.run("incidents", "hold", number, "--why", "ordered", "--by", "lan", expected=2)
    before = office.to_customer("queued")
    assert before, "a proposal holds nothing back"
    office.run("incidents", "hold", number, "--why", "seen it", "--by", "minh")
    assert [] == office.to_customer("queued")
    office.take(*app_guessing(300, USER, CUSTOMER, "198.51.100.8"))
    office.run("incidents", "close", number, "--why", "over", "--outcome", "confirmed")
    assert 0 == office.deliver()
    waiting = {one.command.id for one in office.to_customer("held")}
    assert {one.command.id for one in before} <= waiting
    assert {"customer_update"} <= {one.command.workflow for one in office.to_customer("held")}

    for name in ("minh", "lan"):
        office.run("incidents", "lift", number, "--why", "revoked", "--by", name)
    assert waiting <= {one.command.id for one in office.to_customer("queued")}
    assert office.deliver() >= len(waiting)
    assert 0 == office.deliver()
    shown = office.run("incidents", "show", number)
    assert "minh and lan ended it" in shown
    assert "as lan proposed" in shown


def test_what_has_left_is_not_called_back(office: Office, tmp_path: Path) -> None:
    """A notice that a mail server has taken stays delivered, and is not sent again when the order ends."""
    office.take(*app_guessing(10, USER, CUSTOMER, "203.0.113.7"))
    number = office.incident("account_takeover")
    assert office.deliver()
    for name, options in (("lan", order(tmp_path)), ("minh", [])):
        office.run("incidents", "hold", number, "--why", "ordered", "--by", name, *options)
    for name in ("minh", "lan"):
        office.run("incidents", "lift", number, "--why", "revoked", "--by", name)
    assert 0 == office.deliver()


def hold(office: Office, number: str, folder: Path) -> None:
    """Have two people let an order begin."""
    for name, options in (("lan", order(folder)), ("minh", [])):
        office.run("incidents", "hold", number, "--why", "ordered", "--by", name, *options)


def lift(office: Office, number: str) -> None:
    """Have two people let it end."""
    for name in ("minh", "lan"):
        office.run("incidents", "lift", number, "--why", "revoked", "--by", name)


def try_again(office: Office, way: str, message: str) -> None:
    """Bring a message, whose attempt was under way when an order began, back to the queue."""
    outbox = OutboxStore(office.database)
    if way == "the server asks to try later":
        outbox.settle(message, Retry("451 later"), NOW, NOW)
    elif way == "a crash":
        outbox.recover(NOW)
    else:
        outbox.settle(message, Refused("550 no"), NOW, None)
        office.run("outbox", "retry", message)


@pytest.mark.parametrize("way", ["the server asks to try later", "a crash", "a person has it tried again"])
def test_what_was_under_way_when_an_order_began_is_not_tried_again(office: Office, tmp_path: Path, way: str) -> None:
    """The attempt that ran ends as it does; no other one begins before the order is over, and then one does."""
    office.take(*app_guessing(10, USER, CUSTOMER, "203.0.113.7"))
    number, outbox = office.incident("account_takeover"), OutboxStore(office.database)
    messages = [one.command.id for one in office.to_customer("queued")]
    assert all(outbox.begin(message, NOW) for message in messages)
    hold(office, number, tmp_path)
    for message in messages:
        try_again(office, way, message)
    assert not any(outbox.begin(one.command.id, NOW) for one in office.to_customer("queued"))
    assert {("held", "secrecy")} == {(one.state, one.last_reason) for one in office.to_customer()}
    lift(office, number)
    assert {*messages} <= {one.command.id for one in office.to_customer("queued")}


@pytest.mark.parametrize("has_begun", [False, True], ids=["queued", "under way"])
def test_a_joint_letter_is_written_anew_without_what_an_order_forbids_to_tell(
    office: Office, tmp_path: Path, *, has_begun: bool
) -> None:
    """Its other matters are told in another letter, the secret one is told by itself once the order is over."""
    attacks = (
        app_guessing(10 + at, f"{name}@haiau.example", CUSTOMER, "203.0.113.7") for at, name in enumerate("abcdef")
    )
    office.take(*(line for attack in attacks for line in attack))
    numbers, letters = office.joint_letters()
    number, outbox = numbers[-1], OutboxStore(office.database)
    begun = letters if has_begun else []
    assert [True] * len(begun) == [outbox.begin(letter, NOW) for letter in begun]
    hold(office, number, tmp_path)
    for letter in begun:
        outbox.settle(letter, Retry("451 later"), NOW, NOW)
    assert [False] * len(begun) == [outbox.begin(letter, NOW) for letter in begun]
    others, anew = office.joint_letters()
    assert numbers == sorted([*others, number])
    assert not {*letters} & {*anew}
    states = {one.command.id: one.state for one in office.to_customer()}
    assert {"dropped"} == {states[letter] for letter in letters}
    lift(office, number)
    by_itself = {
        one.command.incident for one in office.to_customer("queued") if one.command.workflow == "customer_notice"
    }
    assert number in by_itself.union(office.joint_letters()[0])


def test_the_operators_are_asked_each_day_from_the_review_on(office: Office) -> None:
    """Not before; once a day, whatever the ticks; no more once the order is over."""
    office.take(staff_access(10, "thao", USER, CUSTOMER))
    number, review = office.incident("authorised_disclosure"), datetime.fromisoformat("2026-03-03T00:00:00Z")

    def asked(*hours: float) -> list[int]:
        counts = []
        for hour in hours:
            with office.database.writing() as connection:
                now = review + timedelta(hours=hour)
                counts.append(ask_for_review(connection, office.knowledge.facts, now))
        return counts

    assert [0, 1, 0, 0, 1, 1] == asked(-1, 0, 1, 23, 24, 48)
    for name in ("minh", "lan"):
        office.run("incidents", "lift", number, "--why", "revoked", "--by", name)
    assert [0] == asked(96)
    letters = [stored.command for stored in OutboxStore(office.database).listed(EVERY)]
    reviews = [letter for letter in letters if letter.payload.context.get("reason") == "secrecy_review"]
    assert 3 == len(reviews)
    assert "118/2026" in str(reviews[0].payload.context["secrecy"])
