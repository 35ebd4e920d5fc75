"""Mail that comes in: bounces, answers and reports, each once, and nobody believed for what a mail says of itself."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from msgspec.structs import replace

from credwatch.casework.returned_mail import TooEarly
from credwatch.kernel.case_entry import EntryKind, Way
from credwatch.kernel.command import Command
from credwatch.kernel.incident import Incident
from credwatch.kernel.mail_outcome import MailOutcome
from credwatch.store.cases import case_entries, legal_clocks
from credwatch.store.commands import EVERY, StoredCommand, commands
from credwatch.store.outbox import OutboxStore
from credwatch.store.receipts import receipts_of
from incoming_mail import BOUNCES, MailSite, a_dsn, a_mail
from portal_site import CONTACT, HAI_AU

BOSS, RESERVE = "giam.doc@haiau.example", "luat.su@haiau.example"


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[MailSite]:
    """Make two customers, of which one has had a notice."""
    site = MailSite(tmp_path, monkeypatch)
    site.tell()
    yield site
    site.close()


def the_notice(site: MailSite, recipient: str = CONTACT) -> Command:
    """Return the notice that a contact has got."""
    return site.letters("customer_notice", recipient)[0]


def the_incident(site: MailSite) -> Incident:
    """Return the one incident."""
    return site.incident(the_notice(site).incident)


def stored(site: MailSite, command: Command) -> StoredCommand:
    """Return how a message stands."""
    return next(one for one in OutboxStore(site.database).listed(EVERY) if one.command.id == command.id)


def entries(site: MailSite, kind: EntryKind) -> list[case_entries.CaseEntry]:
    """Return the entries of a kind in the one incident's case."""
    with site.database.reading() as connection:
        every = case_entries.entries_of(connection, the_notice(site).incident)
    return [entry for entry in every if entry.kind is kind]


def runs(site: MailSite, workflow: str = "customer_notice") -> bool:
    """Say whether a clock of the one incident runs."""
    with site.database.reading() as connection:
        clocks = legal_clocks.clocks_of(connection, the_notice(site).incident)
    return any(clock.met_at is None for clock in clocks if clock.workflow == workflow)


def with_reserve(site: MailSite, *addresses: str) -> None:
    """Give the customer reserve addresses."""
    reader = replace(site.facts.recipients[HAI_AU], reserve=addresses)
    site.facts = replace(site.facts, recipients={**site.facts.recipients, HAI_AU: reader})


def test_a_bounce_goes_to_the_next_address_and_then_somebody_is_called(site: MailSite) -> None:
    """The clock runs again until the next address has it; where none is left, the operators get the number to call."""
    with_reserve(site, RESERVE)
    assert not runs(site)
    assert MailOutcome.BOUNCED is site.take(a_dsn(site.return_path(the_notice(site).id)))
    assert "returned" == stored(site, the_notice(site)).state
    assert runs(site)
    (second,) = site.letters("customer_notice", RESERVE)
    assert second.payload.context["code"] != the_notice(site).payload.context["code"]
    assert [] == site.letters("escalation")
    site.deliver()
    assert not runs(site)

    assert MailOutcome.BOUNCED is site.take(a_dsn(site.return_path(second.id), id="4F01"))
    assert "refused" == stored(site, second).state
    assert "bounced: 550 5.1.1 no such user here" == stored(site, second).last_reason
    assert runs(site)
    (call,) = site.letters("escalation")
    context = call.payload.context
    assert ("returned", "+84 258 5550 0111", RESERVE) == tuple(context[n] for n in ("reason", "phone", "recipient"))


def test_the_receipt_stands_with_the_message(site: MailSite) -> None:
    """Accepted first, then what the servers reported, in that order; a delay moves nothing else."""
    notice, path = the_notice(site), site.return_path(the_notice(site).id)
    for at, action in enumerate(("delayed", "delivered", "failed")):
        site.take(a_dsn(path, id=str(at), action=action))
        assert runs(site) is (action == "failed")
    with site.database.reading() as connection:
        results = [receipt["result"] for receipt in receipts_of(connection, notice.id)]
    assert ["delivered", "delayed", "arrived", "bounced"] == results


@pytest.mark.parametrize("place", ["recipient", "envelope"])
def test_a_forged_bounce_counts_as_nothing(place: str, site: MailSite) -> None:
    """One with another proof is counted and kept, and the notice stays accepted."""
    notice = the_notice(site)
    forged = f"{notice.id}.aaaaaaaaaaaaaaaa"
    raw = a_dsn(f"bounces+{forged}@modoro.example") if place == "recipient" else a_dsn(BOUNCES, envelope=forged)
    assert MailOutcome.FORGED is site.take(raw)
    assert "delivered" == stored(site, notice).state
    assert not runs(site)
    assert [MailOutcome.FORGED] == [mail.outcome for mail in site.mails()]


def test_the_envelope_id_proves_a_bounce_too(site: MailSite) -> None:
    """A server that answers to a bare address names the ENVID, which has the same proof."""
    token = site.return_path(the_notice(site).id).partition("+")[2].partition("@")[0]
    assert MailOutcome.BOUNCED is site.take(a_dsn(BOUNCES, envelope=token))


def test_a_bounce_that_is_none_of_ours(site: MailSite) -> None:
    """Without a message of ours in it, of one that we never sent, or of long ago: nothing follows."""
    assert MailOutcome.FOREIGN is site.take(a_dsn(BOUNCES))
    assert MailOutcome.FOREIGN is site.take(a_dsn(site.return_path("cw-2222222222222222"), id="1"))
    site.moved = timedelta(days=15)
    assert MailOutcome.FOREIGN is site.take(a_dsn(site.return_path(the_notice(site).id), id="2"))
    assert not runs(site)


def test_a_mail_counts_once(site: MailSite) -> None:
    """Whichever way it comes again: the second time nothing follows, and it is counted."""
    raw = a_dsn(site.return_path(the_notice(site).id))
    assert MailOutcome.BOUNCED is site.take(raw)
    assert MailOutcome.REPEATED is site.take(b"Received: from elsewhere\r\n" + raw)
    assert [1] == [mail.repeats for mail in site.mails()]
    assert 1 == len(site.letters("escalation"))


def test_a_second_bounce_of_one_message_calls_nobody_again(site: MailSite) -> None:
    """Another report of the same message is kept as its receipt."""
    path = site.return_path(the_notice(site).id)
    for name in ("a", "b"):
        assert MailOutcome.BOUNCED is site.take(a_dsn(path, id=name))
    assert 1 == len(site.letters("escalation"))


def test_a_bounce_waits_for_the_attempt_that_it_is_about(site: MailSite) -> None:
    """It may come before the acceptance is noted; then it is taken again, and nothing of it is done yet."""
    notice = the_notice(site).id
    with site.database.writing() as connection:
        connection.execute(commands.update().where(commands.c.id == notice).values(state="sending"))
    with pytest.raises(TooEarly):
        site.take(a_dsn(site.return_path(the_notice(site).id)))
    assert [] == site.mails()


def test_an_address_that_the_incident_touches_is_no_next_one(site: MailSite) -> None:
    """Such a reserve address is passed over."""
    with_reserve(site, "ke.toan@haiau.example", RESERVE)
    site.take(a_dsn(site.return_path(the_notice(site).id)))
    assert [RESERVE] == [
        one.recipient for one in site.letters("customer_notice") if one.recipient not in (CONTACT, BOSS)
    ]


def test_an_answer_is_kept_acknowledged_and_told(site: MailSite) -> None:
    """It stands in the case without what it quotes, secrets masked; its sender gets a receipt, operators a letter."""
    notice = the_notice(site)
    raw = a_mail("Không phải.\npassword=hunter2\n\n> Kính gửi\n", In_Reply_To=f"<{notice.id}@modoro.com.vn>")
    assert MailOutcome.ANSWERED is site.take(raw)
    (entry,) = entries(site, EntryKind.ANSWERED)
    assert "Không phải.\npassword=***" == entry.text
    assert entry.answer is not None
    assert (CONTACT, Way.MAIL, HAI_AU) == (entry.answer.party, entry.answer.way, entry.customer)
    (receipt,) = site.letters("mail_receipt")
    context = receipt.payload.context
    assert (CONTACT, "answer", "<1@haiau.example>") == (receipt.recipient, context["what"], context["answers"])
    assert ["mail_answered"] == [letter.payload.context["reason"] for letter in site.letters("escalation")]


@pytest.mark.parametrize("way", ["references", "address", "number"])
def test_an_answer_finds_its_case(way: str, site: MailSite) -> None:
    """By References, by the address that the message came from, and by the number in the subject."""
    notice = the_notice(site)
    headers = {
        "references": {"References": f"<0@x> <{notice.id}@modoro.com.vn> <9@y>"},
        "address": {"To": site.return_path(notice.id)},
        "number": {"Subject": f"Re: [{notice.incident}] thông báo"},
    }[way]
    assert MailOutcome.ANSWERED is site.take(a_mail(**headers))
    assert [notice.incident] == [mail.incident for mail in site.mails()]


def test_nobody_answers_in_another_s_name(site: MailSite) -> None:
    """Unproven, or another customer's contact: kept with the case as a mail of nobody, without a receipt."""
    answers = {"In_Reply_To": f"<{the_notice(site).id}@modoro.com.vn>"}
    assert MailOutcome.NOTED is site.take(a_mail(Authentication_Results="evil; dkim=pass", **answers))
    other = {"From": "security@blueharbor.example", "Message_ID": "<2@blueharbor.example>"}
    proven = {"Authentication_Results": "mail.modoro.example; dkim=pass header.d=blueharbor.example"}
    assert MailOutcome.NOTED is site.take(a_mail(**answers, **other, **proven))
    assert [] == entries(site, EntryKind.ANSWERED)
    assert ["a stranger", "a stranger"] == [entry.by for entry in entries(site, EntryKind.MAILED)]
    assert [] == site.letters("mail_receipt")


def test_a_number_alone_lets_no_stranger_into_a_case(site: MailSite) -> None:
    """What names an incident, and is no contact's, is a report of a stranger."""
    subject = f"Re: [{the_notice(site).incident}]"
    assert MailOutcome.REPORTED is site.take(a_mail(Subject=subject, From="x@evil.example"))
    assert [] == entries(site, EntryKind.MAILED)


def test_a_program_s_answer_answers_nothing(site: MailSite) -> None:
    """It stands with the case, is nobody's answer, and gets no receipt: else two programs would never end."""
    raw = a_mail("Tôi đang nghỉ phép.", Auto_Submitted="auto-replied", To=site.return_path(the_notice(site).id))
    assert MailOutcome.NOTED is site.take(raw)
    assert ["a program"] == [entry.by for entry in entries(site, EntryKind.MAILED)]
    assert [] == site.letters("mail_receipt") + site.letters("escalation")
    assert MailOutcome.MACHINE is site.take(a_mail("Newsletter", Precedence="bulk", Message_ID="<9@x.example>"))


def test_receipts_are_bounded_for_each_sender(site: MailSite) -> None:
    """Two programs that answer each other without saying what they are come to an end."""
    for at in range(8):
        raw = a_mail(Message_ID=f"<{at}@haiau.example>", In_Reply_To=f"<{the_notice(site).id}@modoro.com.vn>")
        assert MailOutcome.ANSWERED is site.take(raw)
    assert site.settings.inbox.receipts_per_hour == len(site.letters("mail_receipt"))
    assert 8 == len(entries(site, EntryKind.ANSWERED))


def test_our_own_letter_comes_back_in_a_circle(site: MailSite) -> None:
    """A mailbox that forwards to us brings it; nothing follows."""
    raw = a_mail(Message_ID=f"<{the_notice(site).id}@modoro.com.vn>", Auto_Submitted="auto-generated")
    assert MailOutcome.OWN is site.take(raw)


def test_a_contact_reports_by_mail(site: MailSite) -> None:
    """It has a case with its clock, and the customer's addresses have the receipt, as with the form."""
    assert MailOutcome.REPORTED is site.take(a_mail("Có người lạ đăng nhập.", Subject="Sự cố"))
    (mail,) = site.mails()
    assert HAI_AU == mail.customer
    incident = site.incident(mail.incident)
    assert ("customer_report", HAI_AU) == (incident.kind, incident.organization)
    receipts = [one.recipient for one in site.letters("portal_news") if one.incident == mail.incident]
    assert {CONTACT, BOSS} == set(receipts)
    assert [] == site.letters("mail_receipt")


def test_a_stranger_reports_by_mail(site: MailSite) -> None:
    """It has a case of nobody and no clock; who is proven gets a receipt, and who is not gets none."""
    proven = {"Authentication_Results": "mail.modoro.example; dmarc=pass header.from=other.example"}
    assert MailOutcome.REPORTED is site.take(a_mail("Tôi thấy…", From="x@other.example", **proven))
    assert ["x@other.example"] == [letter.recipient for letter in site.letters("mail_receipt")]
    assert MailOutcome.REPORTED is site.take(a_mail("Và…", From="y@other.example", Message_ID="<2@x.example>"))
    assert 1 == len(site.letters("mail_receipt"))
    assert {""} == {mail.customer for mail in site.mails()}


def test_strangers_are_bounded_and_customers_are_not(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is beyond is kept and listed, and opens no case."""
    site = MailSite(tmp_path, monkeypatch)
    portal = site.settings.portal.model_copy(update={"strangers_reports_per_day": 2})
    site.mail_desk._settings = site.settings.model_copy(update={"portal": portal})
    outcomes = [
        site.take(a_mail(f"words {at}", From=f"x{at}@evil.example", Message_ID=f"<{at}@evil.example>"))
        for at in range(4)
    ]
    assert [MailOutcome.REPORTED] * 2 + [MailOutcome.SURPLUS] * 2 == outcomes
    assert MailOutcome.REPORTED is site.take(a_mail())
    site.close()


def test_spam_calls_nobody(site: MailSite) -> None:
    """What our own filter marked has its case at level low, and no letter."""
    assert MailOutcome.REPORTED is site.take(a_mail("Buy", From="x@evil.example", X_Spam_Flag="YES"))
    assert [] == site.letters("escalation")


def test_what_cannot_be_read_is_listed(site: MailSite) -> None:
    """With its reason."""
    assert MailOutcome.UNREADABLE is site.take(b"boundary" * 1_000)
    assert ["it has too many parts"] == [mail.subject for mail in site.mails()]
