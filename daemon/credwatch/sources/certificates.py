"""Says when the certificates of listeners end: behind that moment no shipper that looks at them connects."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta
from pathlib import Path

from cryptography import x509

from credwatch.kernel.errors import Problem, Severity
from credwatch.sources.network_options import Listener, PushSourceOptions, SyslogSourceOptions
from credwatch.sources.options import SourceOptions

SOON = timedelta(days=14)
"""A certificate that ends within this time is warned of."""


def listeners(push: Listener, sources: Iterable[SourceOptions]) -> dict[str, Path]:
    """Name the certificate of each listener: of `push` where any source is pushed to, and of syslog's sources."""
    named = [*sources]
    files = {source.id: source.certificate for source in named if isinstance(source, SyslogSourceOptions)}
    if any(isinstance(source, PushSourceOptions) for source in named):
        files["push"] = push.certificate
    return {name: file for name, file in files.items() if file is not None}


def ends_at(certificate: Path) -> datetime | None:
    """Tell when the first of the certificates in a PEM file ends, UTC; None where it holds none that can be read."""
    try:
        chain = x509.load_pem_x509_certificates(certificate.read_bytes())
    except (OSError, ValueError):
        return None
    return min(one.not_valid_after_utc for one in chain)


def ending_problems(files: dict[str, Path], now: datetime) -> list[Problem]:
    """Tell of the certificates that have ended, or end soon; one that cannot be read is told of by who loads it."""
    ends = [
        (name, file, end) for name, file in files.items() if (end := ends_at(file)) is not None and end - now < SOON
    ]
    return [_problem(name, file, end, now) for name, file, end in ends]


def _problem(name: str, file: Path, end: datetime, now: datetime) -> Problem:
    is_over = end <= now
    did = "has ended" if is_over else "ends"
    hint = "put a new one in its place, and restart the daemon, which takes it up"
    severity = Severity.FAULT if is_over else Severity.WARNING
    return Problem(f"{name}: {file}", f"the certificate {did} on {end:%Y-%m-%d %H:%M} UTC", hint, severity)
