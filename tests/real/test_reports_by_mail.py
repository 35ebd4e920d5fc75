"""A breach report goes the whole way: the customer's channel, a real Postfix, the vendor's listener, desk and case."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from builders_outbox import TEMPLATES
from credwatch.inbox.options import LmtpOptions
from credwatch.kernel.clock import system_clock
from credwatch.kernel.mail_outcome import MailOutcome
from credwatch.kernel.receipt import Delivered
from credwatch.outbox.email.channel import EmailChannel
from credwatch.outbox.email.render import MailSender, Renderer
from credwatch.outbox.options import EmailOptions
from credwatch.service.parts.lmtp import HandedOver, LmtpPart
from credwatch.store.portal import reports
from incoming_mail import SERVER, MailSite
from portal_site import CONTACT, HAI_AU
from postfix_server import POSTFIX, a_postfix
from reporting_customer import ACCOUNTS, NUMBER, SECURITY, a_closing, a_report

pytestmark = [
    pytest.mark.real,
    pytest.mark.skipif(POSTFIX is None, reason="needs the Debian package postfix"),
    pytest.mark.skipif(os.geteuid() != 0, reason="postfix starts its daemons as root"),
]

SIGNED = f"/^From:.*{CONTACT}/ PREPEND Authentication-Results: {SERVER}; dkim=pass header.d=haiau.example\n"
"""What a program such as OpenDKIM writes, once it has checked a signature: here for one sender, without a key."""


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[MailSite]:
    """Make the vendor's desk."""
    site = MailSite(tmp_path, monkeypatch)
    site.tell()
    yield site
    site.close()


async def test_a_report_and_its_end_reach_the_vendor_s_case(site: MailSite) -> None:
    """The case has the accounts, names what the vendor saw of them itself, and takes the end of the matter in."""
    with TemporaryDirectory(prefix="credwatch-reports-") as folder:
        os.chmod(folder, 0o755)  # noqa: PTH101  # Postfix reaches into it
        socket = Path(folder) / "lmtp.sock"
        outcomes: list[MailOutcome] = []
        handed_over = HandedOver(site.settings.inbox, site.mail_desk.take, outcomes.append)
        listener = LmtpPart(LmtpOptions(socket=socket, socket_group="postfix"), 1_000_000, handed_over)
        await listener.start()

        def configured(root: Path) -> str:
            (root / "config" / "header_checks").write_text(SIGNED)
            with (root / "config" / "master.cf").open("a") as services:
                services.write("lmtp unix - - n - - lmtp\n")
            return (
                f"virtual_mailbox_domains = modoro.example\nvirtual_transport = lmtp:unix:{socket}\n"
                f"header_checks = regexp:{root}/config/header_checks\n"
            )

        running = a_postfix(configured)
        port, _ = await asyncio.to_thread(running.__enter__)
        try:
            options = EmailOptions(host="127.0.0.1", port=port, security="none", sender=CONTACT)
            channel = EmailChannel(options, Renderer(TEMPLATES, MailSender(CONTACT, "Hải Âu")), system_clock)
            for number, command in enumerate((a_report(), a_closing()), start=1):
                assert isinstance(await channel.deliver(command), Delivered)
                async with asyncio.timeout(120):
                    while len(outcomes) < number:  # noqa: ASYNC110  # another thread counts
                        await asyncio.sleep(0.05)
        finally:
            await asyncio.to_thread(running.__exit__, None, None, None)
            await listener.stop()
    assert [MailOutcome.REPORTED, MailOutcome.ANSWERED] == outcomes
    with site.database.reading() as connection:
        (report,) = reports.reports_of(connection, HAI_AU, 10)
    assert (ACCOUNTS, NUMBER, ("CW-2026-7KQ2M4AB",)) == (report.accounts, report.reference, report.matches)
    assert {report.number} == {mail.incident for mail in site.mails()}
    assert SECURITY in {command.recipient for command in (a_report(), a_closing())}
