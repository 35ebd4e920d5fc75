"""How accounts stand, as the store has it: coverage by customer, role and rule, and who does not keep which."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from msgspec import Struct

from credwatch.casework.casebook import Casebook
from credwatch.kernel.account_finding import AccountFinding
from credwatch.kernel.clock import rfc3339
from credwatch.store import posture
from credwatch.store.finding_reminders import SentReminder, sent_reminders
from credwatch.store.posture import ReadingState


class PostureChoice(Struct, frozen=True):
    """Which part of it is wanted; empty for all."""

    customer: str | None = None
    """One customer; empty for one's own accounts."""
    role: str = ""
    """One role."""
    rule: str = ""
    """One rule."""


class PostureBook(Casebook):
    """Says how accounts stand in a store that a daemon may be using; use it in a `with` block."""

    def accounts(self, choice: PostureChoice, now: datetime) -> dict[str, Any]:
        """Return readings, coverage and findings as JSON values."""
        with self._database.reading() as connection:
            states = posture.reading_states(connection)
            findings = posture.all_findings(connection, choice.customer, choice.rule)
            sent = sent_reminders(connection)
        interval = self._settings.posture.interval
        sources = [source.id for source in self._settings.posture.source]
        return {
            "sources": [_source(name, states.get(name), interval, now) for name in sources],
            "coverage": _coverage([states[name] for name in sources if name in states], choice),
            "findings": [
                _described(finding, sent.get(finding.key, ()))
                for finding in findings
                if not choice.role or choice.role.lower() in finding.roles
            ],
        }

    def audits(self) -> list[dict[str, Any]]:
        """Return how trying the passwords of each source stands, as JSON values."""
        with self._database.reading() as connection:
            counts = posture.count_audits(connection)
            times = posture.audit_times(connection)
        options = self._settings.posture
        return [
            {
                "source": source.id,
                "is_allowed": source.id in options.audit.sources,
                **{outcome: counts.get((source.id, outcome), 0) for outcome in ("guessed", "held", "untried")},
                "tried_at": rfc3339(times[source.id]) if source.id in times else "",
            }
            for source in options.source
        ]


def _source(name: str, state: ReadingState | None, interval: timedelta, now: datetime) -> dict[str, Any]:
    """Say how the readings of a source stand; one that is older than two intervals is overdue."""
    read_at = state.read_at if state else None
    return {
        "source": name,
        "read_at": rfc3339(read_at) if read_at else "",
        "is_overdue": read_at is None or now - read_at > 2 * interval,
        "error": state.error if state else "",
        "accounts": state.accounts if state else 0,
        "wrong_values": state.wrong if state else 0,
    }


def _coverage(states: list[ReadingState], choice: PostureChoice) -> list[dict[str, Any]]:
    """Add up what the sources say of each customer, role and rule."""
    sums: defaultdict[tuple[str, str, str], list[int]] = defaultdict(lambda: [0, 0, 0])
    for count in (count for state in states for count in state.counts):
        is_wanted = choice.customer in (None, count.customer) and choice.rule in ("", count.rule)
        if is_wanted and choice.role.lower() == count.role:
            tally = sums[count.customer, count.role, count.rule]
            for place, number in enumerate((count.kept, count.broken, count.untold)):
                tally[place] += number
    return [
        {"customer": customer, "role": role, "rule": rule, "kept": kept, "broken": broken, "untold": untold}
        for (customer, role, rule), (kept, broken, untold) in sorted(sums.items())
    ]


def _described(finding: AccountFinding, reminders: Sequence[SentReminder]) -> dict[str, Any]:
    key = finding.key
    sent = [
        {"rung": it.rung.value, "recipient": it.recipient, "at": rfc3339(it.at), "state": it.state} for it in reminders
    ]
    return {
        "customer": key.customer,
        "account": key.user,
        "source": key.source,
        "rule": key.rule,
        "detail": finding.detail,
        "since": rfc3339(finding.since),
        "roles": list(finding.roles),
        "exemption": finding.exemption,
        "reminders": sent,
    }
