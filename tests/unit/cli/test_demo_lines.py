"""How the demonstration writes log lines on a terminal."""

import pytest

from credwatch.cli.demo import shown_line


@pytest.mark.parametrize(
    ("line", "shown"),
    [
        (
            "2026-03-02T08:15:30.123+00:00 srv1 sshd[900]: Invalid user admin from 203.0.113.66 port 42000",
            "08:15:30 srv1 sshd[900]: Invalid user admin from 203.0.113.66 port 42000",
        ),
        (
            '{"@timestamp": "2026-03-02T08:15:30.123+00:00", "event.action": "login", "event.outcome": "failure", '
            '"user.name": "lan", "source.ip": "203.0.113.9"}',
            "08:15:30 login failure lan from 203.0.113.9",
        ),
        (
            '{"@timestamp": "2026-03-02T08:15:30.123+00:00", "event.action": "staff_access", "event.outcome": '
            '"success", "user.name": "minh", "user.target.name": "lan", "source.ip": "203.0.113.9"}',
            "08:15:30 staff_access success minh → lan from 203.0.113.9",
        ),
    ],
)
def test_a_line_is_shown_short(line: str, shown: str) -> None:
    """The date goes, and of JSON only what happened, who did it, to whom, and from where is left."""
    assert shown == shown_line(line)
