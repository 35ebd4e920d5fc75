"""How much one report may bring, whichever way it comes."""

from __future__ import annotations

from collections.abc import Sequence

from credwatch.web.portal.options import PortalOptions
from credwatch.web.portal.visit import Upload


class ReportLimits:
    """The bounds of a report."""

    text = 20_000
    """The longest text."""
    accounts = 50
    """The most accounts."""
    line = 254
    """The longest account, address or name."""

    def __init__(self, options: PortalOptions) -> None:
        self.files = options.attachments
        self.file_bytes = options.attachment_bytes

    @property
    def file_megabytes(self) -> int:
        """The longest file in megabytes, for people."""
        return max(1, self.file_bytes // 1_000_000)

    def problem(self, text: str, accounts: Sequence[str], uploads: Sequence[Upload]) -> str:
        """Say which bound a report breaks; empty where it keeps all."""
        if len(text) > self.text:
            return "too_long"
        if len(accounts) > self.accounts or any(len(account) > self.line for account in accounts):
            return "too_many_accounts"
        if len(uploads) > self.files:
            return "too_many_files"
        if any(len(upload.content) > self.file_bytes for upload in uploads):
            return "too_large"
        return ""
