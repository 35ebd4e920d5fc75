"""What a report to the vendor says of an incident for programs."""

from __future__ import annotations

from msgspec import to_builtins

from credwatch.kernel.incident import Incident
from credwatch.kernel.report_part import ReportedMatter, named
from credwatch.workflows.message import MASKED
from credwatch.workflows.touched import accounts_of


def matter_values(incident: Incident) -> dict[str, object]:
    """Give the value of a letter's context that becomes a part of the mail (`outbox/email/report_part.py`)."""
    accounts, more_accounts = named(name for name in accounts_of(incident) if name != MASKED)
    addresses, more_addresses = named(incident.addresses)
    matter = ReportedMatter(
        incident=incident.number,
        kind=incident.kind,
        level=incident.level.name.lower(),
        occurred_first=incident.occurred_first,
        occurred_last=incident.occurred_last,
        detected_at=incident.detected_at,
        accounts=accounts,
        more_accounts=more_accounts,
        addresses=addresses,
        more_addresses=more_addresses,
        outcome=incident.outcome.value if incident.outcome else "",
    )
    return {"matter": to_builtins(matter)}
