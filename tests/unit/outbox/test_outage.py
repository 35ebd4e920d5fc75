"""Whose a refusal is: one mailbox's, or the relay's, and when mail counts as down."""

from __future__ import annotations

from msgspec import Struct

from builders_outbox import NOON, a_command
from credwatch.kernel.command import Command
from credwatch.kernel.receipt import Delivered, Refused, Retry
from credwatch.outbox.outage import ALIKE_SECONDS, MOST_DOUBTS, POSTPONING_SECONDS, Outage, Ruling

ACCEPTED = Delivered(NOON, "250 ok")
NO_USER = Refused("550 5.1.1 no such user", by_server=True)
DENIED = Refused("554 5.7.1 relay access denied", by_server=True)


class Time(Struct):
    """A steady clock that the test moves."""

    seconds: float = 0.0

    def __call__(self) -> float:
        return self.seconds


def _to(recipient: str, number: int = 1) -> Command:
    return a_command(number, recipient=recipient)


def _outage(time: Time | None = None) -> Outage:
    return Outage(time or Time(), 30)


def test_one_mailbox_refused_while_another_is_accepted_is_its_own() -> None:
    """The acceptance that follows settles the doubt, and mail was never down."""
    outage = _outage()
    assert Ruling() == outage.hear(_to("gone@acme.example", 1), NO_USER)
    assert outage.is_first_doubt
    (judged,) = outage.hear(_to("it@acme.example", 2), ACCEPTED).readers
    assert ("gone@acme.example", NO_USER.reason) == (judged.command.recipient, judged.reason)
    assert not outage.is_on
    assert outage.may_begin_in is None


def test_two_recipients_refused_and_nobody_accepted_is_the_relays() -> None:
    """Within seconds, whatever the code says; an acceptance ends it, and makes nobody's refusal final."""
    time = Time()
    outage = _outage(time)
    outage.hear(_to("a@acme.example", 1), NO_USER)
    outage.hear(_to("b@acme.example", 2), NO_USER)
    assert (False, ALIKE_SECONDS) == (outage.is_on, outage.may_begin_in)
    time.seconds += ALIKE_SECONDS
    assert outage.is_on
    assert Ruling() == outage.hear(_to("c@acme.example", 3), ACCEPTED)
    assert not outage.is_on


def test_two_dead_mailboxes_are_no_outage() -> None:
    """The operators are told of the first one at once, and the relay takes that."""
    outage = _outage()
    outage.hear(_to("a@acme.example", 1), NO_USER)
    outage.hear(_to("b@acme.example", 2), NO_USER)
    assert 2 == len(outage.hear(_to("ops@vendor.example", 3), ACCEPTED).readers)
    assert outage.may_begin_in is None


def test_two_messages_to_one_recipient_refused_prove_nothing() -> None:
    """The mailbox may be gone."""
    time = Time()
    outage = _outage(time)
    outage.hear(_to("a@acme.example", 1), NO_USER)
    outage.hear(_to("a@acme.example", 2), NO_USER)
    time.seconds += ALIKE_SECONDS
    assert not outage.is_on


def test_relaying_denied_to_two_domains_stays_ours_while_the_relays_own_domain_is_accepted() -> None:
    """The operators' mailbox beside the relay takes everything, and the customers get nothing."""
    time = Time()
    outage = _outage(time)
    outage.hear(_to("it@acme.example", 1), DENIED)
    outage.hear(_to("it@tanphat.example", 2), DENIED)
    assert Ruling() == outage.hear(_to("ops@vendor.example", 3), ACCEPTED)
    time.seconds += ALIKE_SECONDS
    assert outage.is_on
    outage.hear(_to("kt@tanphat.example", 4), ACCEPTED)
    assert not outage.is_on


def test_a_refusal_that_seemed_the_readers_is_taken_back_when_another_domain_gets_it_too() -> None:
    """The operators were told of the first one beside the relay, and accepted, before the second one was tried."""
    outage = _outage()
    outage.hear(_to("it@acme.example", 1), DENIED)
    assert 1 == len(outage.hear(_to("ops@vendor.example", 2), ACCEPTED).readers)
    (back,) = outage.hear(_to("it@tanphat.example", 3), DENIED).relays
    assert "it@acme.example" == back.command.recipient
    assert ALIKE_SECONDS == outage.may_begin_in


def test_a_refusal_of_a_domain_that_accepts_others_is_not_taken_back() -> None:
    """The relay carries mail there, so the policy was about that mailbox."""
    outage = _outage()
    outage.hear(_to("it@acme.example", 1), DENIED)
    outage.hear(_to("kt@acme.example", 2), ACCEPTED)
    assert Ruling() == outage.hear(_to("it@tanphat.example", 3), DENIED)


def test_a_policy_of_one_domain_is_its_own() -> None:
    """5.7.1 from one customer's domain alone is that customer's spam filter."""
    outage = _outage()
    outage.hear(_to("a@acme.example", 1), DENIED)
    outage.hear(_to("b@acme.example", 2), DENIED)
    assert 2 == len(outage.hear(_to("ops@vendor.example", 3), ACCEPTED).readers)


def test_a_broken_way_is_an_outage_after_a_while() -> None:
    """A relay that is started anew is none."""
    time = Time()
    outage = _outage(time)
    outage.hear(_to("a@acme.example"), Retry("connection refused", of_the_way=True))
    assert (False, 30.0) == (outage.is_on, outage.may_begin_in)
    time.seconds += 29
    outage.hear(_to("a@acme.example"), Retry("connection refused", of_the_way=True))
    assert (False, 1.0) == (outage.is_on, outage.may_begin_in)
    time.seconds += 1
    assert outage.is_on
    outage.hear(_to("a@acme.example"), ACCEPTED)
    assert not outage.is_on


def test_one_refused_recipient_alone_is_an_outage_after_a_while() -> None:
    """Where nobody else is written to, nobody can tell: the operators hear of it."""
    time = Time()
    outage = _outage(time)
    outage.hear(_to("a@acme.example"), NO_USER)
    time.seconds += 30
    assert outage.is_on


def test_greylisting_is_none() -> None:
    """4yz to everybody counts only when it lasts longer than greylisting does."""
    time = Time()
    outage = _outage(time)
    outage.hear(_to("a@acme.example", 1), Retry("451 4.7.1 later"))
    outage.hear(_to("b@acme.example", 2), Retry("451 4.7.1 later"))
    time.seconds += POSTPONING_SECONDS - 1
    assert not outage.is_on
    time.seconds += 1
    assert outage.is_on


def test_what_could_not_be_sent_says_nothing_of_the_relay() -> None:
    """A template that cannot be rendered is no refusal by anybody."""
    outage = _outage()
    outage.hear(_to("a@acme.example", 1), Refused("not sent"))
    outage.hear(_to("b@acme.example", 2), Refused("not sent"))
    assert not outage.is_on
    assert outage.may_begin_in is None


def test_doubts_are_bounded() -> None:
    """A long outage with very many messages takes no more memory than a short one."""
    outage = _outage()
    for number in range(MOST_DOUBTS + 500):
        outage.hear(_to(f"r{number}@acme.example", number), NO_USER)
    assert MOST_DOUBTS == len(outage.hear(_to("x@acme.example", 10**6), ACCEPTED).readers)
