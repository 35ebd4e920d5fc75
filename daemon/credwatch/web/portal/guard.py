"""What every request passes before a page sees it: host, pace, size, and the share of the processor that is left.

The pages run inside the daemon. So that no visitor disturbs it, each page is made on one of two threads, and their
time on the processor is counted: a bucket fills with `cpu_share` seconds a second, and where it is empty the answer is
that one should come back. What costs nothing (a refusal) is answered without it.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from ipaddress import ip_address, ip_network
from typing import TypeVar

from starlette.requests import Request

from credwatch.web.portal.options import PortalOptions
from credwatch.web.push.connection import SHIPPER, Shipper

T = TypeVar("T")

_SAVED_SECONDS = 3.0
"""So much unused time on the processor is kept for a rush."""

# A stricter Referrer-Policy would have browsers send forms with `Origin: null`, which says nothing (Fetch, 3.2).
HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; connect-src 'self'; "
        "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
    ),
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=(), publickey-credentials-get=(self)",
    "Referrer-Policy": "same-origin",
    "Strict-Transport-Security": "max-age=63072000; includeSubDomains",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Cache-Control": "no-store",
}
"""On every answer (OWASP ASVS 5.0, 3.4.1 to 3.4.8; no-store: 14.3.2)."""


class CpuShare:
    """Lets work go on for as long as less than a share of one core was used; threads may ask at once."""

    def __init__(self, share: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._share = share
        self._clock = clock
        self._left, self._at = _SAVED_SECONDS, clock()
        self._lock = threading.Lock()

    def wait(self) -> float:
        """Say how many seconds are to be waited until there is something left; 0 where there is."""
        with self._lock:
            now = self._clock()
            self._left = min(_SAVED_SECONDS, self._left + (now - self._at) * self._share)
            self._at = now
            return max(0.0, -self._left / self._share)

    def measured(self, work: Callable[[], T]) -> T:
        """Do some work on this thread, and count what it took."""
        begin = time.thread_time()
        try:
            return work()
        finally:
            with self._lock:
                self._left -= time.thread_time() - begin


def is_for_us(request: Request, options: PortalOptions) -> bool:
    """Say whether a request names our host: what is meant for another one is not answered (DNS rebinding)."""
    return request.headers.get("host", "").lower() == options.host


def visitor_address(request: Request, options: PortalOptions) -> str:
    """Say from which address a request comes: the proxy's word for it where the proxy is trusted, else the peer's.

    Of several addresses in the header the last one counts, which the trusted proxy itself has written.
    """
    shipper: Shipper = request.scope.get(SHIPPER, Shipper(""))
    peer = shipper.address
    if not _is_trusted(peer, options.trusted_proxies):
        return peer
    named = request.headers.getlist(options.client_header)
    last = named[-1].rpartition(",")[2].strip() if named else ""
    try:
        return str(ip_address(last))
    except ValueError:
        return peer


def pace_key(address: str) -> str:
    """Name whose pace an address shares: of IPv6 the first 64 bits count, for one visitor has all the rest."""
    try:
        parsed = ip_address(address)
    except ValueError:
        return address
    return str(ip_network((parsed, 64), strict=False)) if parsed.version == 6 else str(parsed)


def _is_trusted(peer: str, proxies: tuple[str, ...]) -> bool:
    if not peer:
        return "unix" in proxies
    try:
        address = ip_address(peer)
    except ValueError:
        return False
    return any(network != "unix" and address in ip_network(network) for network in proxies)
