"""Where the secret of a pulled source comes from: a file, or a credential that systemd hands over."""

from __future__ import annotations

from pathlib import Path

from credwatch.kernel.credentials import credential
from credwatch.kernel.errors import ConfigurationError, SourceError
from credwatch.kernel.secret import Secret


def credential_of(source: str) -> str:
    """Name the credential that holds the secret of a source, where no file does."""
    return f"source-{source}"


def secret_of(source: str, file: Path | None) -> Secret:
    """Read the secret of a source anew each time, so that it can be replaced at any time; raises SourceError."""
    where = f"source {source}"
    try:
        secret = credential(credential_of(source)) if file is None else Secret(file.read_text("utf-8").strip())
    except ConfigurationError as error:
        raise SourceError(error.message, where=f"{where}: {error.where}", hint=error.hint) from error
    except OSError as error:
        hint = "let the daemon's user read it, and nobody else"
        raise SourceError(f"{file} cannot be read: {error.strerror}", where=where, hint=hint) from error
    except UnicodeDecodeError:
        # Not chained: the error would carry the bytes of the secret.
        raise SourceError(f"{file} is not UTF-8 text", where=where, hint="write the secret alone into it") from None
    if secret is None or not secret.reveal():
        what = "has no secret" if file is None else f"{file} is empty"
        hint = f"name a file that holds it, or hand over the credential {credential_of(source)}"
        raise SourceError(what, where=where, hint=hint)
    return secret


def optional_secret_of(source: str, file: Path | None) -> Secret | None:
    """Likewise, None where neither a file is named nor a credential handed over; raises SourceError."""
    try:
        has_none = file is None and credential(credential_of(source)) is None
    except ConfigurationError:
        has_none = False
    return None if has_none else secret_of(source, file)
