"""Why a request is not taken."""

from __future__ import annotations

from credwatch.kernel.errors import CredwatchError


class RequestRefused(CredwatchError):
    """A request that is not taken; nothing of it was kept."""

    def __init__(self, status: int, message: str, *, retry_seconds: int = 0) -> None:
        """Take the status of RFC 9110, a sentence for whoever runs the shipper, and when to ask again."""
        super().__init__(message, where="push")
        self.status = status
        self.retry_seconds = retry_seconds
