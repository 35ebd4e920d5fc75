"""The `[inbox]` table of `credwatch.toml`: which mail is read, and whom it is believed of."""

from __future__ import annotations

import re
from pathlib import Path

from pydantic import Field, StrictInt, field_validator

from credwatch.kernel.options import Options


class InboxOptions(Options):
    """Where mail comes in, and what one sender may take."""

    maildir: Path | None = None
    """The maildir that the mail server delivers to; none is read where it is left out."""
    authserv_id: str = ""
    """The name of our own mail server in Authentication-Results (RFC 8601, section 2.5); empty: nobody is proven."""
    message_bytes: StrictInt = Field(default=12_000_000, ge=10_000, le=100_000_000)
    """The longest mail that is read; a longer one is kept and listed."""
    receipts_per_hour: StrictInt = Field(default=5, ge=0, le=1000)
    """So many receipts one address gets in an hour: two programs that answer each other come to an end."""

    @field_validator("authserv_id")
    @classmethod
    def _one_word(cls, name: str) -> str:
        if name and not re.fullmatch(r"[A-Za-z0-9._-]+", name):
            raise ValueError("expected the name of one mail server, such as mail.modoro.com.vn")
        return name
