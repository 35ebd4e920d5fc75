"""Persons whom the data are about are told each of its own account, in both languages, and clocks know who was."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from msgspec.structs import replace

from builders_outbox import NOON, a_renderer, some_facts
from credwatch.app.regimes import shipped_regimes
from credwatch.kernel.command import Command
from credwatch.kernel.receipt import Delivered
from credwatch.store.cases.legal_clocks import save_clocks
from credwatch.store.commands import EVERY
from credwatch.store.database import Database
from credwatch.store.outbox import OutboxStore
from credwatch.workflows.regimes import regime_clocks
from unit.casework.test_packaging import NUMBER, OTHERS, a_shared_breach, a_site, run

LAW = "vn-personal-data-subjects"
USERS = """
[[user]]
name = "hoa"
email = "hoa@mailbox.example"
customer = "tanphat"

[[user]]
name = "mai"
email = "mai@mailbox.example"
customer = "tanphat"
"""
ANSWERS = {
    "data_kinds": "Họ tên, số điện thoại",
    "severity": "Nghiêm trọng: có thể bị dùng để lừa đảo",
    "measures": "Đã khóa tài khoản, buộc đổi mật khẩu",
}


@pytest.fixture
def site(tmp_path: Path) -> Path:
    """A breach of several persons and two customers, under the law that asks to tell them."""
    accounts = ("hoa", "mai", "lan@tanphat.example", "quill@private.example")
    incident = replace(a_shared_breach(), accounts=accounts, details=())
    site = a_site(tmp_path, incident, own=f'["{LAW}"]')
    with (site / "users.toml").open("a") as users:
        users.write(USERS)
    database = Database(site / "credwatch.sqlite")
    with database.writing() as connection:
        save_clocks(connection, regime_clocks(incident, some_facts(regimes={"": (shipped_regimes()[LAW],)})))
    database.close()
    return site


def answer_all(site: Path) -> None:
    """State what the notice must have."""
    for question, value in ANSWERS.items():
        run(site, "state", NUMBER, question, value)


def letters(site: Path) -> list[Command]:
    """Return the letters to persons, by recipient."""
    database = Database(site / "credwatch.sqlite")
    every = [stored.command for stored in OutboxStore(database).listed(EVERY)]
    database.close()
    return sorted((one for one in every if one.workflow == "persons_notice"), key=lambda one: one.recipient)


def accept(site: Path, command: Command) -> None:
    """Have a mail server take a letter."""
    database = Database(site / "credwatch.sqlite")
    store = OutboxStore(database)
    store.begin(command.id, NOON)
    store.settle(command.id, Delivered(NOON, "250 accepted", content=b"as sent"), NOON, None)
    database.close()


def test_nobody_is_told_before_the_notice_says_all_that_it_must(site: Path) -> None:
    """What is missing of the six items is named, and no letter is queued."""
    code, words = run(site, "tell", NUMBER, LAW, "--customer", "tanphat")
    assert 2 == code
    assert "lacks data_kinds, severity, measures" in " ".join(words.split())
    assert [] == letters(site)


def test_each_person_reads_of_its_own_account_alone(site: Path) -> None:
    """In Vietnamese and in English, with all six items; no other account, customer or address is in the letter."""
    answer_all(site)
    code, words = run(site, "tell", NUMBER, LAW, "--customer", "tanphat", "--json")
    assert 0 == code, words
    told = json.loads(words)
    assert (["hoa", "mai"], ["lan@tanphat.example"], 2) == (told["written_to"], told["unreached"], told["queued"])
    for command, (own, other) in zip(letters(site), (("hoa", "mai"), ("mai", "hoa")), strict=True):
        assert (f"{own}@mailbox.example", ("vi", "en")) == (command.recipient, command.payload.languages)
        text = a_renderer().render(command).get_body(("plain",)).get_content()
        flat = " ".join(text.split())
        assert f"Tài khoản của Anh/Chị: {own}" in flat
        assert f"Your account: {own}" in flat
        assert all(value in flat for value in ANSWERS.values())
        assert "Bật xác thực hai lớp" in flat
        assert "info@modoro.example" in flat
        assert [] == [mark for mark in (*OTHERS, f" {other} ", "lan@tanphat") if mark in text.casefold()]


def test_a_second_time_writes_nothing_twice(site: Path) -> None:
    """Who was written to gets no second letter."""
    answer_all(site)
    run(site, "tell", NUMBER, LAW, "--customer", "tanphat")
    told = json.loads(run(site, "tell", NUMBER, LAW, "--customer", "tanphat", "--json")[1])
    assert (2, 0) == (len(told["written_to"]), told["queued"])
    assert 2 == len(letters(site))


def test_letters_end_no_clock_and_a_person_says_how_the_others_were_told(site: Path) -> None:
    """Accepted letters alone meet nothing; handing over counts once nobody is left, or the public notice is named."""
    answer_all(site)
    run(site, "tell", NUMBER, LAW, "--customer", "tanphat")
    for command in letters(site):
        accept(site, command)
    assert [None] == met(site)
    submitted = (
        "moment",
        NUMBER,
        "submitted",
        "--of",
        f"{LAW}/subjects",
        "--at",
        "2026-11-20T18:00+07:00",
        "--why",
        "x",
    )
    code, words = run(site, *submitted)
    assert 2 == code
    assert "mail servers accepted letters to 2 persons of 4" in " ".join(words.split())
    assert [None] == met(site)
    assert 0 == run(site, *submitted, "--reference", "https://tanphat.example/thong-bao")[0]
    assert [True] == [bool(at) for at in met(site)]


def met(site: Path) -> list[str | None]:
    """Tell when the clock of the notice to persons was met."""
    clocks = json.loads(run(site, "show", NUMBER, "--json")[1])["clocks"]
    return [clock["met_at"] for clock in clocks if clock["regime"] == LAW]


def test_a_law_that_is_not_ones_own_is_refused(site: Path) -> None:
    """A customer's law is the customer's to keep: its notice is a draft in its package."""
    code, words = run(site, "tell", NUMBER, "eu-gdpr")
    assert 2 == code
    assert "a customer's own notice is in its package" in " ".join(words.split())
    assert 1 == run(site, "tell", "CW-0", LAW)[0]
