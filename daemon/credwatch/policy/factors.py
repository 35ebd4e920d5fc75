"""What a second factor is worth, by the name that its service gives it."""

from __future__ import annotations

import re
from collections.abc import Iterable

_SEPARATORS = re.compile(r"[^a-z0-9]")
_RESISTANT = frozenset(
    {
        *("webauthn", "webauthnpasswordless", "passkey", "fido", "fido2", "u2f", "fido2securitykey", "securitykey"),
        *("passkeydevicebound", "passkeydeviceboundauthenticator", "passkeydeviceboundwindowshello", "passkeysynced"),
        *(
            "windowshelloforbusiness",
            "smartcard",
            "piv",
            "cac",
            "certificate",
            "x509",
            "x509certificate",
            "signednonce",
        ),
        *("platformcredential", "macossecureenclavekey"),
    }
)
"""Bound to the site that asks (SP 800-63B-4, section 3.2.5): what a false page is given is of no use to it."""
_NO_FACTORS = frozenset(
    {
        *("password", "email", "question", "securityquestion", "securityquestions", "none", "passwordhistory"),
        *("recoverycode", "recoverycodes", "recoveryauthncodes", "backupcode", "backupcodes", "backupverificationcode"),
    }
)
"""No second factors: e-mail may not be one (section 3.1.3.1), nor what one knows; recovery codes are for one day."""


def counting(factors: Iterable[str]) -> tuple[str, ...]:
    """Return those that are second factors at all."""
    return tuple(factor for factor in factors if _plain(factor) not in _NO_FACTORS)


def resistant(factors: Iterable[str]) -> tuple[str, ...]:
    """Return those that resist phishing."""
    return tuple(factor for factor in factors if _plain(factor) in _RESISTANT)


def _plain(factor: str) -> str:
    return _SEPARATORS.sub("", factor.lower())
