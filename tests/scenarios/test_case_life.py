"""A whole life of a case by commands: from the list to the export, on a store that the pipeline has filled."""

from __future__ import annotations

import json
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace
from typer.testing import CliRunner

from builders_outbox import TEMPLATES
from credwatch.app.build import build_knowledge
from credwatch.app.keys import store_place
from credwatch.app.settings import load_settings
from credwatch.cli.main import app
from credwatch.kernel.clock import system_clock
from credwatch.kernel.command import Command
from credwatch.kernel.incident import Resolution
from credwatch.kernel.receipt import Delivered
from credwatch.kernel.resources import shipped
from credwatch.kernel.secret import Secret
from credwatch.pipeline.pipeline import Pipeline
from credwatch.store.commands import EVERY
from credwatch.store.database import Database
from credwatch.store.outbox import OutboxStore
from scenarios.daemon import PATIENCE, Site
from scenarios.lines import BEGIN as WRITTEN
from scenarios.lines import app_guessing
from scenarios.pipeline import a_chunk, take

USER, ADDRESS = "ke.toan@haiau.example", "203.0.113.7"
WORDS = tomllib.loads((shipped("config") / "templates" / "words.toml").read_text(encoding="utf-8"))


class Desk:
    """The commands of an operator, on a site where an account was just taken over and its customer told."""

    def __init__(self, site: Site) -> None:
        self.site = site
        settings = load_settings(site.config)
        self.database = Database(store_place(settings))
        self.database.migrate()
        now = system_clock()
        begin = (now - timedelta(seconds=60) - WRITTEN).total_seconds()
        data = "".join(f"{line}\n" for line in app_guessing(begin, USER, "hai-au", ADDRESS, succeeds=True)).encode()
        pipeline = Pipeline(build_knowledge(settings, notice_key=Secret("key")), self.database, system_clock)
        take(pipeline, replace(a_chunk(data, source="application"), received_at=now, reference=now))
        self.deliver()
        (self.number,) = [row["number"] for row in self.rows("list") if row["kind"] == "account_takeover"]

    def deliver(self) -> None:
        """Have a mail server accept everything that waits."""
        outbox, now = OutboxStore(self.database), system_clock()
        for stored in outbox.listed(("queued",)):
            outbox.begin(stored.command.id, now)
            outbox.settle(stored.command.id, Delivered(now, "250 accepted", content=b"as sent"), now, None)

    def run(self, *arguments: str, expected: int = 0) -> str:
        """Run `credwatch incidents`, hold it to its exit code, and return what it shows."""
        result = CliRunner().invoke(app, ["incidents", *arguments, "--config", str(self.site.config)])
        assert expected == result.exit_code, result.output
        return result.stdout

    def rows(self, *arguments: str) -> list[dict[str, Any]]:
        """Run a command that writes JSON, one object a line."""
        return [json.loads(line) for line in self.run(*arguments, "--json").splitlines()]

    def case(self) -> dict[str, Any]:
        """Return the case as JSON values."""
        (case,) = self.rows("show", self.number)
        return case

    def updates(self) -> list[Command]:
        """Return the updates about the case, oldest first."""
        stored = [one.command for one in OutboxStore(self.database).listed(EVERY)]
        return [command for command in stored if command.workflow == "customer_update"]


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    """Make the site, its store and its case."""
    site = Site(tmp_path, port=25).furnish()
    site.rules.unlink()
    desk = Desk(site)
    yield desk
    desk.database.close()


def test_a_case_from_the_list_to_the_export(desk: Desk, tmp_path: Path) -> None:
    """Each step stands in the case with its person; two closings send two updates; the export can be checked."""
    number = desk.number
    assert "Login after" in desk.run("list")
    desk.run("acknowledge", number, "--by", "lan")
    desk.run("assign", number, "mai", "--by", "lan")
    desk.run("note", number, "asked the customer", "--by", "mai")
    desk.run("answer", number, "--said", "that-was-us", "--from", "Ms Thu", "--way", "phone", "--by", "mai")
    assert {"mai"} == {row["owner"] for row in desk.rows("list") if row["number"] == number}
    desk.run("close", number, "--outcome", "authorised", "--why", "a test of theirs", "--by", "mai")
    desk.run("assign", number, "ba", expected=2)
    assert number not in desk.run("list")
    desk.run("reopen", number, "--why", "it was not them", "--by", "ba")
    assert None is desk.case()["outcome"]
    desk.run("close", number, "--outcome", "confirmed", "--why", "password changed", "--by", "ba")
    desk.deliver()
    assert ["authorised", "authorised", "confirmed", "confirmed"] == [
        one.payload.context["outcome"] for one in desk.updates()
    ]

    case = desk.case()
    assert ["acknowledged", "assigned", "noted", "answered", "reopened"] == [one["kind"] for one in case["entries"]]
    assert ["new", "in_progress", "closed", "in_progress", "closed"] == [one["status"] for one in case["transitions"]]
    assert all(message["accepted_at"] for message in case["messages"])
    shown = desk.run("show", number)
    assert "answered by mai: that-was-us, from Ms Thu, by phone" in shown
    assert "accepted 20" in shown

    folder = tmp_path / "out"
    desk.run("export", number, str(folder))
    assert 0 == subprocess.run(["sha256sum", "--quiet", "-c", "SHA256SUMS"], cwd=folder).returncode
    assert shown == (folder / "case.txt").read_text(encoding="utf-8")
    assert len(case["messages"]) == len(list((folder / "messages").glob("*.eml")))


def test_two_operators_close_at_once(desk: Desk) -> None:
    """One of them closes it, the other is told who has; the case has one closing, and the customer one update."""

    def close(by: str) -> subprocess.CompletedProcess[str]:
        words = ["incidents", "close", desk.number, "--outcome", "confirmed", "--why", f"by {by}", "--by", by]
        command = [sys.executable, "-m", "credwatch", *words, "--config", str(desk.site.config)]
        return subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE)

    with ThreadPoolExecutor(2) as both:
        first, second = both.map(close, ("lan", "mai"))
    assert [0, 2] == sorted([first.returncode, second.returncode]), first.stderr + second.stderr
    late = first if first.returncode else second
    assert "it is closed already" in late.stderr
    assert f"credwatch incidents show {desk.number}" in late.stderr
    assert ["closed"] == [step["status"] for step in desk.case()["transitions"] if step["status"] == "closed"]
    recipients = [update.recipient for update in desk.updates()]
    assert ["giam.doc@haiau.example", "it@haiau.example"] == sorted(recipients)


@pytest.mark.parametrize("outcome", Resolution)
def test_each_outcome_sends_its_update(desk: Desk, outcome: Resolution) -> None:
    """The update says in both languages what came of it, asks for steps only where some are left, and keeps why."""
    desk.run("close", desk.number, "--outcome", outcome.value, "--why", "words for colleagues alone")
    assert outcome.value == desk.case()["outcome"]
    text = " ".join(TEMPLATES.render(desk.updates()[0]).text.split())
    for language, left in (("vi", "VIỆC QUÝ KHÁCH HÀNG CẦN HOÀN TẤT"), ("en", "WHAT REMAINS TO BE DONE")):
        assert WORDS[language]["outcome"][outcome.value] in text
        assert (outcome in (Resolution.CONFIRMED, Resolution.DUPLICATE)) == (left in text)
    assert "words for colleagues alone" not in text
