"""Proves to a service who asks it: by a token, a password, or a token that is got for a secret and renewed."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from typing import Any, Protocol, assert_never
from urllib.parse import quote

from msgspec import Struct

from credwatch.kernel.clock import Clock
from credwatch.kernel.errors import SourceError
from credwatch.kernel.secret import Secret
from credwatch.sources.pull.secrets import secret_of
from credwatch.sources.rest.moments import seconds_of
from credwatch.sources.rest.options import (
    BasicAuth,
    BearerAuth,
    GithubAppAuth,
    GoogleAuth,
    OAuth2Auth,
    RestSourceOptions,
    safe_url,
)
from credwatch.sources.rest.tokens import signed

_EARLY_SECONDS = 60.0
"""A token is renewed so long before it ends."""
_UNTOLD_SECONDS = 300.0
"""How long a token is used whose end the service does not tell."""
_ASSERTION_SECONDS = 540
"""How long a signed claim counts; GitHub takes ten minutes at most."""
_AHEAD_SECONDS = 30
"""So far our clock may be ahead of theirs."""
_GRANT = "urn:ietf:params:oauth:grant-type:jwt-bearer"
_GOOGLE_TOKENS = "https://oauth2.googleapis.com/token"


class TokenRequest(Struct, frozen=True):
    """A POST that is answered with a token."""

    url: str
    form: dict[str, str]
    headers: dict[str, str]


Ask = Callable[[TokenRequest], Any]
"""Sends such a request and returns what was answered, as JSON; raises SourceError."""


class Authentication(Protocol):
    """Gives the headers that prove who asks."""

    def headers(self, ask: Ask, /) -> dict[str, str]:
        """Give them, and ask for a token first where there is none; raises SourceError."""

    def forget(self) -> bool:
        """Take note that the service has refused them; say whether asking for others may help."""


def authentication(options: RestSourceOptions, clock: Clock) -> Authentication:
    """Return what proves who a source is."""
    match options.auth:
        case None:
            return NoAuthentication()
        case BearerAuth() | BasicAuth():
            return FixedSecret(options.id, options.auth)
        case OAuth2Auth() | GoogleAuth() | GithubAppAuth():
            return RenewedToken(options.id, options.auth, clock)
    assert_never(options.auth)


class NoAuthentication:
    """Proves nothing."""

    def headers(self, _ask: Ask) -> dict[str, str]:
        """Give none."""
        return {}

    def forget(self) -> bool:
        """Say that nothing helps."""
        return False


class FixedSecret:
    """A token or a password, read from its file each time."""

    def __init__(self, source: str, options: BearerAuth | BasicAuth) -> None:
        self._source = source
        self._options = options

    def headers(self, _ask: Ask) -> dict[str, str]:
        """Give the secret as it is now."""
        match self._options:
            case BearerAuth(token_file=file, scheme=scheme, header=header):
                return {header: _sendable(f"{scheme} {secret_of(self._source, file).reveal()}".strip(), self._source)}
            case BasicAuth(username=name, password_file=file):
                return {"Authorization": _basic(name, secret_of(self._source, file))}
        assert_never(self._options)

    def forget(self) -> bool:
        """Say that the file has to be mended by somebody."""
        return False


class RenewedToken:
    """A token that is got for a secret, kept until shortly before its end, and got anew."""

    def __init__(self, source: str, options: OAuth2Auth | GoogleAuth | GithubAppAuth, clock: Clock) -> None:
        self._source = source
        self._options = options
        self._clock = clock
        self._token: Secret | None = None
        self._ends_at = 0.0

    def headers(self, ask: Ask) -> dict[str, str]:
        """Give the token, which is asked for where there is none that lasts."""
        if self._token is None or self._now() >= self._ends_at:
            answer = ask(self._request())
            self._token = self._token_in(answer)
            self._ends_at = self._now() + max(self._seconds_in(answer) - _EARLY_SECONDS, 1.0)
        return {"Authorization": _sendable(f"Bearer {self._token.reveal()}", self._source)}

    def forget(self) -> bool:
        """Forget the token; another one may help."""
        had_one, self._token = self._token is not None, None
        return had_one

    def _now(self) -> float:
        return self._clock().timestamp()

    def _request(self) -> TokenRequest:
        match self._options:
            case OAuth2Auth():
                return _for_client(self._source, self._options)
            case GoogleAuth():
                return self._for_service_account(self._options)
            case GithubAppAuth():
                return self._for_app(self._options)
        assert_never(self._options)

    def _for_service_account(self, options: GoogleAuth) -> TokenRequest:
        try:
            key = json.loads(secret_of(self._source, options.key_file).reveal())
            url = safe_url(str(key.get("token_uri", _GOOGLE_TOKENS)))
            claims = {"iss": key["client_email"], "sub": options.subject, "scope": options.scope, "aud": url}
            assertion = signed(claims | self._span(), key["private_key"], str(key.get("private_key_id", "")))
        except (ValueError, KeyError, TypeError, AttributeError):
            hint = "use the JSON file that Google made for the service account, as it is"
            # Not chained: the error would carry parts of the key.
            raise SourceError("the key is none of a service account", where=self._where(), hint=hint) from None
        return TokenRequest(url, {"grant_type": _GRANT, "assertion": assertion}, {})

    def _for_app(self, options: GithubAppAuth) -> TokenRequest:
        try:
            proof = signed({"iss": options.app_id} | self._span(), secret_of(self._source, options.key_file).reveal())
        except ValueError as error:
            hint = "use the PEM file that GitHub made for the app"
            raise SourceError(f"the key {error}", where=self._where(), hint=hint) from None
        url = f"{options.api_url.rstrip('/')}/app/installations/{options.installation_id}/access_tokens"
        return TokenRequest(url, {}, {"Authorization": f"Bearer {proof}", "Accept": "application/vnd.github+json"})

    def _span(self) -> dict[str, int]:
        now = int(self._now())
        return {"iat": now - _AHEAD_SECONDS, "exp": now + _ASSERTION_SECONDS}

    def _token_in(self, answer: Any) -> Secret:
        key = "token" if isinstance(self._options, GithubAppAuth) else "access_token"
        token = answer.get(key) if isinstance(answer, dict) else None
        if not isinstance(token, str) or not token:
            hint = "check the URL that tokens are asked of"
            raise SourceError(f"the answer has no {key}", where=self._where(), hint=hint)
        return Secret(token)

    def _seconds_in(self, answer: Any) -> float:
        """Say how long a token lasts: RFC 6749 section 5.1, or the moment that GitHub tells."""
        if (moment := seconds_of(answer.get("expires_at"))) is not None:
            return moment - self._now()
        try:
            return float(answer.get("expires_in", _UNTOLD_SECONDS))
        except (TypeError, ValueError):
            return _UNTOLD_SECONDS

    def _where(self) -> str:
        return f"source {self._source}: auth"


def _for_client(source: str, options: OAuth2Auth) -> TokenRequest:
    secret = secret_of(source, options.client_secret_file)
    form = {"grant_type": "client_credentials"}
    form |= {"scope": options.scope} if options.scope else {}
    form |= {"audience": options.audience} if options.audience else {}
    if options.secret_in == "header":  # noqa: S105  # where it is sent
        # Both are encoded as form fields are, before they are joined: RFC 6749 section 2.3.1.
        name, password = quote(options.client_id, safe=""), Secret(quote(secret.reveal(), safe=""))
        return TokenRequest(options.token_url, form, {"Authorization": _basic(name, password)})
    form |= {"client_id": options.client_id, "client_secret": secret.reveal()}
    return TokenRequest(options.token_url, form, {})


def _basic(name: str, password: Secret) -> str:
    return f"Basic {base64.b64encode(f'{name}:{password.reveal()}'.encode()).decode()}"


def _sendable(value: str, source: str) -> str:
    """Return a header's value; raises SourceError where a secret has what no header may have."""
    if not value.isascii() or not value.isprintable():
        hint = "write the token alone into its file, on one line"
        raise SourceError("the secret is no token", where=f"source {source}: auth", hint=hint)
    return value
