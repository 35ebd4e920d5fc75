"""How a listener proves who it is, and whom it believes."""

from __future__ import annotations

import ssl
from collections.abc import Mapping
from typing import Any

from credwatch.kernel.errors import ConfigurationError
from credwatch.sources.network_options import Listener


def server_context(options: Listener, where: str = "push", *, must_have_client: bool = False) -> ssl.SSLContext | None:
    """Make what TLS needs of a listener's certificate, None where it has none; raises ConfigurationError.

    A client certificate is asked for where an authority for it is named; `must_have_client` refuses who has none.
    TLS 1.2 is the oldest version taken, as RFC 9325 section 3.1.1 has it.
    """
    if options.certificate is None:
        return None
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    try:
        context.load_cert_chain(options.certificate, options.certificate_key, password=_no_password)
    except (OSError, ValueError) as error:
        hint = "name PEM files that the daemon's user may read: the certificate and its key, without a password"
        raise ConfigurationError(
            f"cannot be used as a certificate: {_reason(error)}", where=f"{where}: {options.certificate}", hint=hint
        ) from error
    if options.client_authority is not None:
        try:
            context.load_verify_locations(options.client_authority)
        except (OSError, ValueError) as error:
            raise ConfigurationError(
                f"cannot be used as an authority: {_reason(error)}",
                where=f"{where}: {options.client_authority}",
                hint="name a PEM file with certificates of authorities",
            ) from error
        context.verify_mode = ssl.CERT_REQUIRED if must_have_client else ssl.CERT_OPTIONAL
    return context


def names_in(certificate: Mapping[str, Any]) -> tuple[str, ...]:
    """Return the DNS names and the common name of a certificate, as `ssl` decodes it."""
    names = [value for kind, value in certificate.get("subjectAltName", ()) if kind == "DNS"]
    names += [value for part in certificate.get("subject", ()) for key, value in part if key == "commonName"]
    return tuple(dict.fromkeys(names))


def _no_password() -> str:
    """Give no password where a key has one: OpenSSL would ask on the terminal."""
    raise ValueError("its key is locked with a password")


def _reason(error: Exception) -> str:
    return getattr(error, "reason", None) or getattr(error, "strerror", None) or str(error)
