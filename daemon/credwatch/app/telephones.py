"""Asks for the telephone numbers without which nobody can be told once mail fails."""

from __future__ import annotations

from collections.abc import Iterator

from credwatch.app.settings import Settings
from credwatch.kernel.errors import Problem, Severity
from credwatch.pipeline.pipeline import Knowledge

_NAMED = 5
"""So many customers are named, the rest are counted."""
_AS_IN = 'add phone = "+84 …"'


def telephone_problems(settings: Settings, knowledge: Knowledge) -> Iterator[Problem]:
    """Warn of numbers that are missing: one's own, those of customers, and the vendor's in role customer."""
    if not settings.contact.phone:
        message = "no telephone number: letters ask to contact you, and name none"
        yield Problem("contact.phone", message, _AS_IN, Severity.WARNING)
    if settings.daemon.role == "customer":
        if not settings.vendor.phone:
            message = "no telephone number: what mail cannot report in time nobody can"
            yield Problem("vendor.phone", message, _AS_IN, Severity.WARNING)
        return
    without = sorted(reader.organization for reader in knowledge.facts.recipients.values() if not reader.phone)
    if without:
        names = ", ".join(without[:_NAMED]) + (f" and {len(without) - _NAMED} more" if len(without) > _NAMED else "")
        where = str(settings.daemon.registers_directory / "customers.toml")
        message = f"no telephone number of {names}: whom mail does not reach in time cannot be called"
        yield Problem(f"{where}: customer.phone", message, _AS_IN, Severity.WARNING)
