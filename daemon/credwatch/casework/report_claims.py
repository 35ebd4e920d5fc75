"""What a report by mail says for programs, as far as its sender is believed.

A customer that our own mail server found proven may speak of its own accounts, and of those that nobody's register
names. Of anybody else the words alone are kept: what they claim must lead nowhere by itself.
"""

from __future__ import annotations

from datetime import datetime

from msgspec import Struct

from credwatch.inbox.mail import Mail
from credwatch.kernel.legible import in_a_log
from credwatch.kernel.report_part import REPORT_TYPE, ReportPart, ReportStage, read_part
from credwatch.workflows.facts import Facts

_MOST_ACCOUNTS, _MOST_NUMBERS = 200, 20


class ReportClaims(Struct, frozen=True):
    """What is taken from the part; nothing where there is none, or where nobody is proven."""

    accounts: tuple[str, ...] = ()
    """The accounts concerned: the sender's own, and those of nobody."""
    occurred_at: datetime | None = None
    """When it began."""
    phone: str = ""
    """Where to call back."""
    numbers: tuple[str, ...] = ()
    """The sender's own numbers for it."""
    is_first: bool = True
    """Whether it is the first report of these."""
    note: str = ""
    """What to tell the operators of the part: why it is not believed, or what was left out of it."""

    @property
    def reference(self) -> str:
        """The sender's own number, or several of them."""
        return ", ".join(self.numbers)


def claims_of(mail: Mail, customer: str, facts: Facts) -> ReportClaims:
    """Say what a report claims that may be believed."""
    parts = [attachment.content for attachment in mail.attachments if attachment.media_type == REPORT_TYPE]
    if not parts:
        return ReportClaims()
    if not customer:
        return ReportClaims(note="its part for programs is not believed: nothing proves its sender")
    try:
        if len(parts) > 1:
            raise ValueError("there are several")
        return _believed(read_part(parts[0]), customer, facts)
    except ValueError as error:
        return ReportClaims(note=in_a_log(f"its part for programs cannot be read: {error}"))


def _believed(part: ReportPart, customer: str, facts: Facts) -> ReportClaims:
    names = dict.fromkeys(in_a_log(name) for matter in part.matters for name in matter.accounts)
    own = [name for name in names if facts.owner(name) in (customer, "")]
    left_out = len(names) - len(own)
    return ReportClaims(
        accounts=tuple(own[:_MOST_ACCOUNTS]),
        occurred_at=min(matter.occurred_first for matter in part.matters),
        phone=in_a_log(part.contact.phone),
        numbers=tuple(dict.fromkeys(matter.incident for matter in part.matters))[:_MOST_NUMBERS],
        is_first=part.stage in (ReportStage.REPORT, ReportStage.JOINT),
        note=f"{left_out} accounts that it names are not this customer's, and are left out" if left_out else "",
    )
