"""An `[[enforcement.channel]]` of kind ssf, and which event of the Shared Signals Framework tells which measure."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from msgspec import Struct
from pydantic import Field, field_validator

from credwatch.kernel.measure import MeasureAction
from credwatch.kernel.options import Options
from credwatch.outbox.enforcing.urls import protected_url
from credwatch.world.entries import Id

_CAEP = "https://schemas.openid.net/secevent/caep/event-type/"
_RISC = "https://schemas.openid.net/secevent/risc/event-type/"


class SignalEvent(Struct, frozen=True):
    """One event of OpenID CAEP 1.0 or RISC 1.0, with the claims that it must have."""

    uri: str
    """Its type."""
    claims: tuple[tuple[str, str], ...] = ()
    """The claims of its own, beside those of every event."""
    is_caep: bool = True
    """Whether it may say who initiated it and why (CAEP, section 2)."""


def _caep(name: str, **claims: str) -> SignalEvent:
    return SignalEvent(_CAEP + name, tuple(claims.items()))


def _risc(name: str, **claims: str) -> SignalEvent:
    return SignalEvent(_RISC + name, tuple(claims.items()), is_caep=False)


_AAL = {"namespace": "NIST-AAL", "current_level": "nist-aal1", "previous_level": "nist-aal2"}
_BACK = {"namespace": "NIST-AAL", "current_level": "nist-aal2", "previous_level": "nist-aal1"}

EVENTS: dict[MeasureAction, dict[str, SignalEvent]] = {
    MeasureAction.END_SESSIONS: {
        "session-revoked": _caep("session-revoked"),
        "sessions-revoked": _risc("sessions-revoked"),
    },
    MeasureAction.REVOKE_TOKENS: {"session-revoked": _caep("session-revoked")},
    MeasureAction.FORCE_RESET: {
        "credential-change": _caep("credential-change", credential_type="password", change_type="revoke"),
        "credential-compromise": _risc("credential-compromise", credential_type="password"),
        "account-credential-change-required": _risc("account-credential-change-required"),
    },
    MeasureAction.LOCK_ACCOUNT: {"account-disabled": _risc("account-disabled", reason="hijacking")},
    MeasureAction.REQUIRE_STEP_UP: {
        "assurance-level-change": _caep("assurance-level-change", change_direction="decrease", **_AAL),
    },
}
"""By measure the events that may tell it; the first is sent where the settings name none."""

UNDOINGS: dict[MeasureAction, SignalEvent] = {
    MeasureAction.LOCK_ACCOUNT: _risc("account-enabled"),
    MeasureAction.REQUIRE_STEP_UP: _caep("assurance-level-change", change_direction="increase", **_BACK),
}
"""What tells that a measure is undone."""


class SignalOptions(Options):
    """An `[[enforcement.channel]]` of kind ssf: a receiver of Security Event Tokens (RFC 8417, RFC 8935)."""

    name: Id
    """What plans call it."""
    kind: Literal["ssf"]
    """It is told by events of the Shared Signals Framework."""
    url: str
    """Where tokens are pushed to; https, or http on the loopback interface."""
    issuer: str = Field(min_length=1, max_length=512)
    """Who we are to the receiver: the claim `iss`."""
    audience: str = Field(min_length=1, max_length=512)
    """Who the receiver is: the claim `aud`."""
    key_file: Path
    """The private key that tokens are signed with, PEM without a password: EC P-256 (ES256), or RSA (RS256)."""
    key_id: str = Field(default="", max_length=128)
    """The claim `kid`; the thumbprint of the key (RFC 7638) where it is empty."""
    token_file: Path | None = None
    """File with the token that the receiver asks for as `Authorization: Bearer`; none where it asks for none."""
    subject: Literal["email", "iss_sub", "opaque"] = "email"
    """How an account is named (RFC 9493)."""
    subject_issuer: str = Field(default="", max_length=512)
    """Whose account it is where it is named by iss_sub; the issuer where it is empty."""
    events: dict[MeasureAction, str] = Field(default_factory=dict)
    """Which event tells a measure where there are several, such as `force_reset = "credential-compromise"`."""
    ca_file: Path | None = None
    """Certificates to trust instead of the system's, in PEM."""
    timeout_seconds: float = Field(default=10.0, gt=0, le=60)
    """How long one request may take."""

    @field_validator("url")
    @classmethod
    def _protected(cls, url: str) -> str:
        return protected_url(url, "the token stands in token_file")

    @field_validator("events")
    @classmethod
    def _fit(cls, events: dict[MeasureAction, str]) -> dict[MeasureAction, str]:
        for action, name in events.items():
            if name not in (some := EVENTS.get(action, {})):
                raise ValueError(f"{action}: there is no event {name!r}; known: {', '.join(some) or 'none'}")
        return events

    @property
    def switches(self) -> dict[MeasureAction, SignalEvent]:
        """The event that tells each measure."""
        return {action: some[self.events.get(action, next(iter(some)))] for action, some in EVENTS.items()}
