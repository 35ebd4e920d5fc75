"""What a canary is called: a login that credwatch makes up, to prove that lines become messages.

It goes the way of any login, from a line to a message that a mail server has accepted, and nothing of it is stored,
counted or told as if it had happened.
"""

from __future__ import annotations

from datetime import datetime

from credwatch.kernel.clock import rfc3339
from credwatch.kernel.ids import stable_id

CANARY = "canary"
"""The id of its source, the kind of its incident, and its workflow; no other source may have that id."""

SUBJECTS = 1024
"""So many names canaries have, one after the other: what is remembered of names does not grow."""


def canary_id(subject: str, at: datetime) -> str:
    """Return the id of the message that a canary becomes, which follows from its name and its moment."""
    return stable_id("cw", CANARY, subject, rfc3339(at))
