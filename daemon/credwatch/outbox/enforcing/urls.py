"""URLs that channels of enforcement may speak to: nobody on the way can read or change what is said."""

from __future__ import annotations

from urllib.parse import urlsplit

from credwatch.kernel.loopback import is_loopback


def protected_url(url: str, hint: str) -> str:
    """Return a URL of https, or of http on the loopback interface; raises ValueError, as validators do."""
    parts = urlsplit(url)
    host = parts.hostname or ""
    if parts.username or parts.password:
        raise ValueError(f"names no user and no password; {hint}")
    if not host or not (parts.scheme == "https" or (parts.scheme == "http" and is_loopback(host))):
        raise ValueError("must begin with https://, or with http:// on the loopback interface")
    return url
