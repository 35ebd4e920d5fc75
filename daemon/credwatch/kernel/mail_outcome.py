"""What became of a mail that came in."""

from __future__ import annotations

from enum import StrEnum


class MailOutcome(StrEnum):
    """What became of a mail: each has one, and none is thrown away."""

    BOUNCED = "bounced"
    """A message of ours came back, and goes to another address or to the operators."""
    DELAYED = "delayed"
    """A server has not been able to deliver a message of ours yet."""
    ARRIVED = "arrived"
    """A server says that a message of ours arrived."""
    FORGED = "forged"
    """It speaks of a message of ours, and its proof is not ours: nothing follows from it."""
    FOREIGN = "foreign"
    """It speaks of a message that we never sent, or of one that was sent too long ago."""
    ANSWERED = "answered"
    """A contact of a customer, or the vendor, answered a message of ours."""
    NOTED = "noted"
    """It belongs to a case and is kept with it, and is nobody's answer: a program's letter, or a sender unproven."""
    REPORTED = "reported"
    """It opened a case of its own."""
    SURPLUS = "surplus"
    """Too many came from strangers today: it is kept and listed, and opened no case."""
    MACHINE = "machine"
    """A program wrote it, about nothing that we know."""
    OWN = "own"
    """A message of ours came back in a circle."""
    REPEATED = "repeated"
    """It had come before."""
    UNREADABLE = "unreadable"
    """It cannot be read."""
