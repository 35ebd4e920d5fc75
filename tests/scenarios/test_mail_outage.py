"""A mail server that is down, refuses, or takes its time: notices wait, clocks run, operators hear of it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import SMTP
from pathlib import Path

import pytest

from scenarios.daemon import RUN_IMPATIENT, Site, a_site, append, await_
from scenarios.lines import app_guessing, guessing, ssh, staff_access
from scenarios.post_office import PostOffice, a_post_office
from scenarios.site_files import SETTINGS


@pytest.fixture
def office() -> Iterator[PostOffice]:
    """Run a mail server."""
    with a_post_office() as running:
        yield running


@pytest.fixture
def site(office: PostOffice, tmp_path: Path) -> Iterator[Site]:
    """Furnish a site whose daemon tries to deliver every second and waits long for an answer."""
    settings = SETTINGS.replace("timeout_seconds = 5", "timeout_seconds = 60")
    with a_site(tmp_path, office.port, settings=settings, command=RUN_IMPATIENT) as furnished:
        yield furnished


def _delivered_all(site: Site, office: PostOffice) -> None:
    """Wait until nothing waits, and hold that each message came once under its own id."""
    await_(lambda: not site.messages("queued", "sending"), what="nothing waits")
    delivered = [stored.command.id for stored in site.messages("delivered")]
    assert sorted(delivered) == sorted(letter.id for letter in office.letters)
    assert {1} == set(Counter(delivered).values())


def test_an_outage_delays_notices_and_loses_none(site: Site, office: PostOffice) -> None:
    """Notices wait while the server is away, over a restart too, and clocks run until each was accepted."""
    office.close()
    site.started()
    append(site.auth_log, *guessing(0, "quocbao", "203.0.113.7"))
    await_(lambda: [stored for stored in site.messages("queued") if stored.attempts], what="an attempt has failed")
    waiting = {stored.command.id for stored in site.messages("queued", "sending")}
    assert 0 == site.terminate()
    site.started()
    append(site.application_log, staff_access(60, "minh", "ke.toan@haiau.example", "hai-au"))
    await_(lambda: len(site.messages("queued", "sending")) > len(waiting), what="more messages wait")
    assert {"customer_notice", "customer_update"} == site.duties()
    assert not site.messages("delivered", "refused")
    office.open()
    _delivered_all(site, office)
    assert waiting < {letter.id for letter in office.letters}
    assert {"customer_update"} == site.duties()


def test_a_server_that_asks_to_come_back_is_come_back_to(site: Site, office: PostOffice) -> None:
    """A reply of 4yz postpones: the same message is sent again until it is taken."""
    office.answer = lambda recipient: "451 4.7.1 later" if office.attempts[recipient] < 3 else "250 taken"
    site.started()
    append(site.auth_log, *guessing(0, "quocbao", "203.0.113.7"))
    await_(lambda: office.letters, what="a message was taken")
    _delivered_all(site, office)
    assert all(attempts >= 3 for attempts in office.attempts.values())
    assert {"customer_update"} == site.duties()


def test_a_refusal_is_told_to_the_operators(site: Site, office: PostOffice) -> None:
    """A reply of 5yz is final for one recipient: the operators are written to, the others still get theirs."""
    refused = "it@haiau.example"
    office.answer = lambda recipient: "550 5.1.1 no such user" if recipient == refused else "250 taken"
    site.started()
    append(site.auth_log, *guessing(0, "quocbao", "203.0.113.7"))
    await_(lambda: "operators@vendor.example" in _recipients(office), what="the operators were written to")
    _delivered_all(site, office)
    assert {refused} == {stored.command.recipient for stored in site.messages("refused")}
    assert {"550 5.1.1 no such user"} == {stored.last_reason for stored in site.messages("refused")}
    assert {"giam.doc@haiau.example", "operators@vendor.example"} == _recipients(office)
    attempts = office.attempts[refused]
    assert attempts >= len(site.messages("refused")), "each was tried, and again while it was doubted"
    assert 0 == site.terminate()
    site.started()
    assert attempts == office.attempts[refused], "what is final is not tried again, after a new start neither"
    assert "customer_notice" in site.duties(), "no duty is met while one of its notices was refused"


ELSEWHERE = """
[outbox.fallback]
after_seconds = 1
file = "{folder}/escalations.txt"
command = ["/bin/sh", "-c", "cat >> {folder}/paged.txt"]
"""
DOWN, BACK = "Máy chủ thư không nhận thư", "Máy chủ thư đã nhận thư trở lại"


@pytest.fixture
def watched_site(office: PostOffice, tmp_path: Path) -> Iterator[Site]:
    """Furnish a site whose operators hear by a file and a program while mail is down."""
    with a_site(tmp_path, office.port, settings=SETTINGS + ELSEWHERE, command=RUN_IMPATIENT) as furnished:
        yield furnished


@pytest.mark.parametrize("trouble", ["550 5.7.1 relay access denied", "554 5.3.5 mail loop", "closed"])
def test_a_relay_that_takes_nothing_is_told_of_once_and_loses_nothing(
    trouble: str, watched_site: Site, office: PostOffice
) -> None:
    """Operators hear by the other ways; none counts as refused; when it is mended all go out, over a restart too."""
    site = watched_site
    if trouble == "closed":
        office.close()
    office.answer = lambda _recipient: trouble
    site.started()
    append(site.auth_log, *guessing(0, "quocbao", "203.0.113.7"))
    for name in ("escalations.txt", "paged.txt"):
        await_(lambda name=name: DOWN in _written(site, name), what=f"the operators hear by {name}")
    assert 1 == site.metric("credwatch_mail_down")
    assert 0 == site.terminate()
    site.started()
    await_(lambda: site.metric("credwatch_mail_down") == 1, what="mail is down after the restart too")
    assert not site.messages("refused", "delivered")
    office.answer = lambda _recipient: "250 2.0.0 taken"
    if trouble == "closed":
        office.open()
    await_(lambda: not site.messages("queued", "sending") and office.letters, what="everything has gone out")
    await_(lambda: site.metric("credwatch_mail_down") == 0, what="mail is up")
    assert not site.messages("refused")
    assert {"it@haiau.example", "giam.doc@haiau.example", "operators@vendor.example"} == _recipients(office)
    assert 1 == _written(site, "escalations.txt").count(DOWN + " của credwatch. ")
    subjects = [str(message["Subject"]) for message in _mails(office) if message["To"] == "operators@vendor.example"]
    assert 1 == sum(BACK.casefold() in subject.casefold() for subject in subjects)


def _written(site: Site, name: str) -> str:
    path = site.folder / name
    return path.read_text("utf-8") if path.exists() else ""


def _mails(office: PostOffice) -> list[EmailMessage]:
    return [message_from_bytes(letter.content, policy=SMTP) for letter in office.letters]


def test_a_slow_server_holds_up_no_lines(site: Site, office: PostOffice) -> None:
    """While a message is under way, lines are read and incidents open."""
    office.is_awake.clear()
    site.started()
    append(site.auth_log, *guessing(0, "quocbao", "203.0.113.7"))
    await_(lambda: office.attempts, what="a message is under way")
    more = app_guessing(100, "ke.toan@haiau.example", "hai-au", "203.0.113.9")
    append(site.application_log, *more)
    append(site.auth_log, *(ssh(200 + n, "Accepted", "lan", "198.51.100.4") for n in range(500)))
    await_(lambda: site.lines_taken() == 11 + len(more) + 500, what="all lines are taken")
    assert 2 == site.kinds()["own_break_in"]
    assert [] == office.letters
    office.is_awake.set()
    _delivered_all(site, office)


def _recipients(office: PostOffice) -> set[str]:
    return {letter.recipient for letter in office.letters}
