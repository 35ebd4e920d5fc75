"""Whatever way mail comes in: each mail counts once, whenever the daemon is killed, and nobody has two receipts for it.

`make kills` makes a long run of it. Where it fails, the seed is told: CREDWATCH_KILL_SEED repeats it.
"""

from __future__ import annotations

import os
import random
import threading
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import pytest
from sqlalchemy import inspect, select

from credwatch.inbox.reading import digest_of
from credwatch.kernel.case_entry import EntryKind
from credwatch.kernel.mail_outcome import MailOutcome
from credwatch.kernel.return_path import ReturnPath
from credwatch.kernel.secret import Secret
from credwatch.store.cases import case_entries
from credwatch.store.mails import latest_mails, mails
from credwatch.store.portal import reports
from credwatch.store.receipts import receipts_of
from incoming_mail import BOUNCES, SERVER, a_dsn, a_mail
from kills.mailed import WAYS, MailWay, missing
from portal_site import CONTACT, PortalSite
from scenarios.daemon import PATIENCE, RUN_IMPATIENT, Site, await_
from scenarios.post_office import PostOffice, a_post_office
from scenarios.site_files import SETTINGS

KILLS = max(4, int(os.environ.get("CREDWATCH_KILLS", "150")) // 30)
SEED = os.environ.get("CREDWATCH_KILL_SEED", "20261128")
NOTICE_KEY = "a key of the tests that is long enough"
REPORTS, STRANGERS, ANSWERS = 3 * KILLS, 5, 3


class Postman(threading.Thread):
    """Brings mails, one after the other, and some of them twice, while daemons come and go."""

    def __init__(self, way: MailWay, brought: Sequence[bytes], chance: random.Random) -> None:
        super().__init__(daemon=True)
        self._way = way
        self._mails = brought
        self._chance = chance
        self._asked = threading.Semaphore(0)
        self.error: BaseException | None = None

    def ask(self, count: int) -> None:
        """Have some more brought."""
        self._asked.release(count)

    def run(self) -> None:
        """Bring all; what fails is kept for `finish`."""
        try:
            for mail in self._mails:
                self._asked.acquire()
                if self._chance.random() < 0.15:
                    self._way.disturb(self._chance)
                for _ in range(2 if self._chance.random() < 0.15 else 1):
                    self._way.deliver(mail)
                time.sleep(self._chance.random() * 0.2)
        except BaseException as error:  # noqa: BLE001  # it is raised in the test's own thread
            self.error = error

    def finish(self) -> None:
        """Wait for the end; raises what failed."""
        self.join(PATIENCE)
        assert not self.is_alive(), "mails could not be brought"
        if self.error is not None:
            raise self.error


@contextmanager
def a_vendor(folder: Path, way: MailWay, office: PostOffice, monkeypatch: pytest.MonkeyPatch) -> Iterator[Site]:
    """Furnish a site that has told one customer of an incident, and takes mail in."""
    before = PortalSite(folder, monkeypatch)
    before.tell()
    before.close()
    key = folder / "state" / "notice.key"
    key.write_text(NOTICE_KEY, encoding="utf-8")
    key.chmod(0o600)
    settings = SETTINGS.replace("[outbox.email]\n", f'[outbox.email]\nbounces = "{BOUNCES}"\n')
    settings += f'[inbox]\nauthserv_id = "{SERVER}"\n{way.settings()}'
    site = Site(folder, office.port, settings=settings, command=RUN_IMPATIENT).furnish()
    try:
        yield site
    finally:
        if site.runs():
            site.kill()


def the_mails(site: Site, chance: random.Random) -> dict[bytes, MailOutcome]:
    """Write mails of every kind, each with what must become of it."""
    path = ReturnPath(BOUNCES, Secret(NOTICE_KEY))
    letters = [one.command for one in site.messages("delivered") if one.command.workflow == "customer_notice"]
    written: dict[bytes, MailOutcome] = {}
    for at in range(REPORTS):
        mail = a_mail(f"report {at}", Subject="Sự cố", Message_ID=f"<r{at}@haiau.example>")
        written[mail] = MailOutcome.REPORTED
    for at in range(STRANGERS):
        proof = f"{SERVER}; dmarc=pass header.from=s{at}.example"
        sender = f"x@s{at}.example"
        words = f"stranger {at}"
        mail = a_mail(words, From=sender, Authentication_Results=proof, Message_ID=f"<s{at}@s{at}.example>")
        written[mail] = MailOutcome.REPORTED
    first = next(one for one in letters if one.recipient == CONTACT)
    for at in range(ANSWERS):
        answered = {"Message_ID": f"<a{at}@haiau.example>", "In_Reply_To": f"<{first.id}@modoro.example>"}
        written[a_mail(f"answer {at}", **answered)] = MailOutcome.ANSWERED
    for letter in letters:
        mail = a_dsn(path.of(letter.id), id=letter.id)
        written[mail.replace(b"\r\n", b"\n").replace(b"\n", b"\r\n")] = MailOutcome.BOUNCED
    return dict(sorted(written.items(), key=lambda _: chance.random()))


def outcomes_of(site: Site) -> dict[str, MailOutcome]:
    """Say what became of each mail, by its digest."""
    with site.store() as database, database.reading() as connection:
        if not inspect(connection).has_table(mails.name):
            return {}
        return {mail.digest: mail.outcome for mail in latest_mails(connection, "", 1000)}


def life(site: Site, chance: random.Random, number: int, start_seconds: float) -> float:
    """Let the daemon live for a while, kill it, and return how long a start takes now."""
    began, before = time.monotonic(), len(outcomes_of(site))
    site.start()
    if number % 2:
        site.await_ready()
        start_seconds = time.monotonic() - began
        wanted, until = before + chance.randrange(1, 4), time.monotonic() + 3
        while len(outcomes_of(site)) < wanted and time.monotonic() < until:
            time.sleep(0.01)
        time.sleep(chance.uniform(0, 0.05))
    else:
        time.sleep(chance.uniform(0, start_seconds))
    assert site.runs(), site.log()
    site.kill()
    return start_seconds


def hold_each_once(site: Site, written: dict[bytes, MailOutcome], office: PostOffice) -> None:
    """Hold that every mail is one record of its kind, with what follows from it once."""
    assert {digest_of(mail): outcome for mail, outcome in written.items()} == outcomes_of(site)
    with site.store() as database, database.reading() as connection:
        sendings = [*connection.execute(select(reports.customer_reports.c.sending)).scalars()]
        answers = [
            entry
            for incident in site.incidents()
            for entry in case_entries.entries_of(connection, incident.number)
            if entry.kind is EntryKind.ANSWERED
        ]
        bounces = Counter(
            stored.command.id
            for stored in site.messages("queued", "sending", "refused", "delivered", "returned")
            for receipt in receipts_of(connection, stored.command.id)
            if receipt["result"] == "bounced"
        )
    wanted = Counter(written.values())
    assert wanted[MailOutcome.REPORTED] == len(sendings) == len({*sendings})
    assert ANSWERS == len(answers)
    assert {1} == {*bounces.values()}
    assert wanted[MailOutcome.BOUNCED] == len(bounces)
    receipts = Counter(one.command.recipient for one in site.messages() if one.command.workflow == "mail_receipt")
    assert {f"x@s{at}.example": 1 for at in range(STRANGERS)}.items() <= receipts.items()
    assert ANSWERS == receipts[CONTACT]
    sent = Counter(recipient for recipient, _ in {(letter.recipient, letter.id) for letter in office.letters})
    assert {1} == {sent[f"x@s{at}.example"] for at in range(STRANGERS)}


@pytest.mark.slow
@pytest.mark.parametrize("name", WAYS)
def test_each_mail_counts_once(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """After SIGKILLs at random instants each report, answer and bounce is there once, with one receipt for each."""
    if reason := missing(name):
        pytest.skip(reason)
    print(f"to repeat: CREDWATCH_KILL_SEED={SEED}, the test with [{name}]")
    chance = random.Random(f"{SEED}/{name}")
    way = WAYS[name](tmp_path)
    try:
        with a_post_office() as office, a_vendor(tmp_path, way, office, monkeypatch) as site:
            written = the_mails(site, chance)
            postman = Postman(way, [*written], random.Random(f"{SEED}/{name}/postman"))
            postman.start()
            start_seconds = 1.0
            for number in range(KILLS):
                postman.ask(len(written) // KILLS)
                start_seconds = life(site, chance, number, start_seconds)
            site.started()
            postman.ask(len(written))
            postman.finish()
            await_(lambda: len(outcomes_of(site)) == len(written) and not way.waiting(), what="all mails are taken in")
            await_(lambda: not site.messages("queued", "sending"), what="every message is delivered")
            assert 0 == site.terminate()
            hold_each_once(site, written, office)
    finally:
        way.close()
