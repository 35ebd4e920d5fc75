"""How a connection to elsewhere is made safe: whom it believes, and the secrets that it shows."""

from __future__ import annotations

import os
import ssl
from collections.abc import Mapping
from pathlib import Path
from typing import Protocol

from credwatch.kernel.errors import SourceError


def secret_path(path: Path, environ: Mapping[str, str] = os.environ) -> Path:
    """Say where a file is: a name without a folder is that of a credential, systemd.exec(5).

    Outside of the unit, such as for a check by hand, that is the file which the unit loads it from.
    """
    if path.is_absolute():
        return path
    folder = environ.get("CREDENTIALS_DIRECTORY", "")
    return Path(folder) / path if folder else _STORED / f"credwatch.{path}"


def secret_in(path: Path, where: str, environ: Mapping[str, str] = os.environ) -> str:
    """Read a secret from its file; raises SourceError, which names the file and never what is in it."""
    place = secret_path(path, environ)
    try:
        value = place.read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        why = error.strerror if isinstance(error, OSError) else "it is no text"
        raise SourceError(f"a secret cannot be read: {why}", where=f"{where}: {place}", hint=_READABLE) from None
    if not value:
        raise SourceError("the file of a secret is empty", where=f"{where}: {place}", hint=_READABLE)
    return value


_READABLE = "name a file that this user may read, or a credential of the unit (LoadCredential=)"


_STORED = Path("/etc/credstore")


class TlsOptions(Protocol):
    """Which certificates are believed and shown."""

    @property
    def authority(self) -> Path | None:
        """The authorities that are believed."""

    @property
    def certificate(self) -> Path | None:
        """The certificate that is shown."""

    @property
    def certificate_key(self) -> Path | None:
        """Its private key."""


def client_context(server: TlsOptions, where: str) -> ssl.SSLContext:
    """Make what TLS needs of us; raises SourceError. TLS 1.2 is the oldest version taken, RFC 9325 section 3.1.1.

    Files that are named without a folder are credentials, see `secret_path`.
    """
    paths = (server.authority, server.certificate, server.certificate_key)
    authority, certificate, key = (secret_path(path) if path is not None else None for path in paths)
    try:
        context = ssl.create_default_context(cafile=authority)
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        if certificate is not None:
            context.load_cert_chain(certificate, key)
    except (OSError, ValueError) as error:
        files = ", ".join(str(path) for path in (authority, certificate, key) if path)
        hint = "name PEM files that this user may read"
        raise SourceError(f"cannot be used for TLS: {error}", where=f"{where}: {files}", hint=hint) from error
    return context
