"""Secrets that systemd hands over as credentials. Without systemd there are none."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from pathlib import Path

from credwatch.kernel.errors import ConfigurationError
from credwatch.kernel.secret import Secret

_CREDENTIAL_NAME = re.compile(r"[a-z0-9][a-z0-9._-]{0,63}")


def credential(name: str, environ: Mapping[str, str] = os.environ) -> Secret | None:
    """Return a credential that the unit hands over, without the newline at its end; None where it hands over none.

    Credentials are files in $CREDENTIALS_DIRECTORY (systemd.exec(5), LoadCredential=). Raises ConfigurationError
    where one is there and empty, not UTF-8 or unreadable.
    """
    folder = environ.get("CREDENTIALS_DIRECTORY", "")
    if not folder or not _CREDENTIAL_NAME.fullmatch(name):
        return None
    path = Path(folder) / name
    try:
        value = path.read_text(encoding="utf-8").rstrip("\r\n")
    except FileNotFoundError:
        return None
    except OSError as error:
        raise _unusable(name, f"cannot be read: {error.strerror}") from error
    except UnicodeDecodeError:
        # Not chained: the error would carry the bytes of the secret.
        raise _unusable(name, "is not UTF-8 text") from None
    if not value:
        raise _unusable(name, "is empty")
    return Secret(value)


def _unusable(name: str, why: str) -> ConfigurationError:
    return ConfigurationError(
        why, where=f"credential {name}", hint="see LoadCredential= in the unit, and the file that it names"
    )
