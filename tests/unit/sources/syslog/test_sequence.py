"""Numbers that senders give their messages."""

from __future__ import annotations

import pytest

from credwatch.sources.syslog.sequence import Sequences


def _message(number: int, host: str = "srv1") -> bytes:
    return f'<34>1 - {host} sshd 7 - [origin ip="192.0.2.1"][meta sysUpTime="1" sequenceId="{number}"] x'.encode()


@pytest.mark.parametrize(
    ("numbers", "missing"),
    [
        ((1, 2, 3), 0),
        ((1, 2, 5), 2),
        ((1, 3, 2), 0),
        ((7, 8, 1, 2), 0),
        ((2147483647, 1), 0),
        ((1, 4, 2), 1),
    ],
)
def test_what_is_missing_is_counted(numbers: tuple[int, ...], missing: int) -> None:
    """A gap counts, a number that comes late takes one from it, and a new beginning is none."""
    sequences = Sequences()
    assert missing == sum(sequences.missing("192.0.2.7", _message(number)) for number in numbers)


def test_each_sender_counts_for_itself() -> None:
    """Senders differ by address and host; what is not numbered tells nothing."""
    sequences = Sequences()
    for sender, message in (("a", _message(1)), ("b", _message(9)), ("a", _message(5, "srv2")), ("a", b"<34>x")):
        assert 0 == sequences.missing(sender, message)
    assert 0 == sequences.missing("a", _message(2))
