"""Lines that nothing read, valid by default."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from credwatch.store.state.unparsed import UnparsedLine

RECEIVED = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)


def kept(*lines: str, source: str = "servers", reason: str = "unknown_program") -> list[UnparsedLine]:
    """Keep lines that were read a second apart."""
    return [
        UnparsedLine(
            number, source, f"/logs/{source}", 100 * number, RECEIVED + timedelta(seconds=number), reason, line
        )
        for number, line in enumerate(lines, 1)
    ]


def vault(*messages: str, reason: str = "unknown_program") -> list[UnparsedLine]:
    """Keep messages of a program that no pack knows."""
    return kept(*(f"2026-03-02T08:00:00Z srv1 vaultd[7]: {message}" for message in messages), reason=reason)
