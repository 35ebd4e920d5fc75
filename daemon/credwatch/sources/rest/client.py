"""Sends requests to a service within every bound, and turns whatever comes back into an answer or an error."""

from __future__ import annotations

import json
import math
import ssl
import threading
import time
from collections import deque
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
from msgspec import Struct

from credwatch.kernel.clock import Clock
from credwatch.kernel.errors import SourceError
from credwatch.kernel.loopback import is_loopback
from credwatch.sources.pull.interface import Throttled
from credwatch.sources.rest.authentication import TokenRequest, authentication
from credwatch.sources.rest.limits import wait_after, wait_before_next
from credwatch.sources.rest.lookup import value_at
from credwatch.sources.rest.options import RestSourceOptions

_TOKEN_BYTES = 1024 * 1024
_ERROR_BYTES = 65_536
_MOST_WORDS = 200
_LONGEST_NUMBER = 4000
"""A whole number of more digits is kept as text: Python reads none of more than 4300."""
_WORDS = ("error_description", "errorSummary", "error.message", "message", "error")
"""Where services say in an answer what is wrong."""


class RefusedStatus(SourceError):
    """A service has answered with a status of refusal."""

    def __init__(self, message: str, *, where: str, hint: str, status: int) -> None:
        super().__init__(message, where=where, hint=hint)
        self.status = status
        """The status of HTTP."""


class RestAnswer(Struct, frozen=True):
    """What a service has answered with success."""

    content: Any
    """The JSON of its body; None where there was none."""
    link: str
    """Where its header Link says that the next page is, empty where it does not."""


class _Raw(Struct, frozen=True):
    status: int
    headers: httpx.Headers
    link: str
    body: bytes


class RestClient:
    """Asks one service. `interrupt` may be called from another thread, all else comes from one."""

    def __init__(self, options: RestSourceOptions, clock: Clock) -> None:
        self._options = options
        self._clock = clock
        self._where = f"source {options.id}"
        self._authentication = authentication(options, clock)
        self._http: httpx.Client | None = None
        self._sent_at: deque[float] = deque(maxlen=options.requests_per_minute)
        self._not_before = 0.0
        self._interrupted = threading.Event()
        self._secrets: tuple[str, ...] = ()

    def ask(self, url: str, query: Mapping[str, str], body: str = "") -> RestAnswer:
        """Send a request; raises Throttled, RefusedStatus or SourceError, none of which holds a secret."""
        raw = self._send_proven(url, query, body)
        if raw.status in (401, 403) and self._is_refused(raw) and self._authentication.forget():
            raw = self._send_proven(url, query, body)
        self._not_before = time.monotonic() + wait_before_next(raw.headers, self._clock())
        self._refuse(raw, url)
        return RestAnswer(self._decoded(raw.body), raw.link)

    def interrupt(self) -> None:
        """Wait for nothing any more."""
        self._interrupted.set()

    def close(self) -> None:
        """Close the connections."""
        if self._http is not None:
            self._http.close()

    def _send_proven(self, url: str, query: Mapping[str, str], body: str) -> _Raw:
        proof = self._authentication.headers(self._ask_token)
        self._secrets = tuple(value.rpartition(" ")[2] for value in proof.values())
        headers = {"Accept": "application/json", **self._options.headers, **proof}
        if body:
            headers.setdefault("Content-Type", "application/json")
        # What the URL holds itself is kept: `params` would replace it.
        whole = httpx.URL(url).copy_merge_params(dict(query))
        request = self._client().build_request(self._options.method, whole, headers=headers, content=body or None)
        return self._send(request, self._options.body_bytes)

    def _ask_token(self, wanted: TokenRequest) -> Any:
        self._secrets = tuple(value for key, value in wanted.form.items() if key in ("client_secret", "assertion"))
        headers = {"Accept": "application/json", **wanted.headers}
        request = self._client().build_request("POST", wanted.url, headers=headers, data=wanted.form)
        raw = self._send(request, _TOKEN_BYTES)
        self._refuse(raw, wanted.url)
        return self._decoded(raw.body)

    def _client(self) -> httpx.Client:
        """Open a client at the first request."""
        if self._http is None:
            file = self._options.ca_file
            try:
                context = _trust(file, file.stat().st_mtime_ns if file else 0)
            except (OSError, ValueError) as error:
                hint = "name a PEM file with certificates of authorities"
                raise SourceError(f"{file} cannot be used as an authority", where=self._where, hint=hint) from error
            host = urlsplit(self._options.url).hostname or ""
            timeout = httpx.Timeout(min(self._options.request_seconds, 30))
            self._http = httpx.Client(verify=context, timeout=timeout, trust_env=not is_loopback(host))
        return self._http

    def _send(self, request: httpx.Request, most_bytes: int) -> _Raw:
        self._wait_for_turn()
        deadline = time.monotonic() + self._options.request_seconds
        host = request.url.host
        try:
            response = self._client().send(request, stream=True)
            try:
                body = self._body(response, most_bytes, deadline)
                links = response.links.get("next", {}).get("url", "")
            finally:
                response.close()
        except httpx.HTTPError as error:
            hint = "check the network, the name and the certificate; it is asked again by itself"
            message = f"{host} does not answer: {_reason(error)}"
            raise SourceError(message, where=self._where, hint=hint) from error
        return _Raw(response.status_code, response.headers, links, body)

    def _body(self, response: httpx.Response, most_bytes: int, deadline: float) -> bytes:
        pieces, size = list[bytes](), 0
        most = most_bytes if response.is_success else _ERROR_BYTES
        for piece in response.iter_bytes():
            pieces.append(piece)
            size += len(piece)
            if self._interrupted.is_set() or time.monotonic() > deadline:
                raise httpx.ReadTimeout("the answer takes too long")
            if size > most and not response.is_success:
                break
            if size > most:
                message = f"the answer is longer than {most} bytes"
                raise SourceError(message, where=self._where, hint="ask for smaller pages, or raise body_bytes")
        return b"".join(pieces)

    def _wait_for_turn(self) -> None:
        """Wait until the service allows a request, and our own budget does."""
        now = time.monotonic()
        wait = self._not_before - now
        if len(self._sent_at) == self._options.requests_per_minute:
            wait = max(wait, self._sent_at[0] + 60 - now)
        if wait > 0 and self._interrupted.wait(min(wait, 3600)):
            raise SourceError("the source is closed", where=self._where)
        self._sent_at.append(time.monotonic())

    def _is_refused(self, raw: _Raw) -> bool:
        """Tell whether a refusal is about who asks, and not about how often."""
        return wait_after(raw.status, raw.headers, raw.body, self._clock()) is None

    def _refuse(self, raw: _Raw, url: str) -> None:
        """Raise what a status says, save where it is one of success."""
        if 200 <= raw.status < 300:
            return
        host = urlsplit(url).hostname
        wait = wait_after(raw.status, raw.headers, raw.body, self._clock())
        if wait is not None:
            message = f"{host} allows no further requests for now ({raw.status})"
            raise Throttled(message, where=self._where, seconds=wait)
        message = f"{host} answers {raw.status}{self._words(raw.body)}"
        raise RefusedStatus(message, where=self._where, hint=_hint(raw.status), status=raw.status)

    def _words(self, body: bytes) -> str:
        """Give what a service says is wrong, without secrets and on one line."""
        try:
            content = json.loads(body)
        except (ValueError, RecursionError):
            return ""
        words = next((text for path in _WORDS if isinstance(text := value_at(content, path), str) and text), "")
        for secret in self._secrets:
            words = words.replace(secret, "***") if secret else words
        plain = "".join(sign if sign.isprintable() else " " for sign in words)
        return f": {plain[:_MOST_WORDS]}" if plain else ""

    def _decoded(self, body: bytes) -> Any:
        if not body.strip():
            return None
        try:
            return json.loads(body, parse_constant=str, parse_int=_whole, parse_float=_broken)
        except (ValueError, RecursionError) as error:
            hint = "check the URL: a proxy or a login page may answer in its place; it is asked again by itself"
            # Not chained: the error would carry the body.
            raise SourceError(f"the answer is no JSON ({type(error).__name__})", where=self._where, hint=hint) from None


@cache
def _trust(file: Path | None, _changed_at: int) -> ssl.SSLContext:
    """Read the authorities that are believed once: those of the system take a tenth of a second."""
    context = ssl.create_default_context(cafile=file)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    return context


def _whole(digits: str) -> int | str:
    return int(digits) if len(digits) < _LONGEST_NUMBER else digits


def _broken(digits: str) -> float | str:
    number = float(digits)
    return number if math.isfinite(number) else digits


def _reason(error: httpx.HTTPError) -> str:
    return str(error) or type(error).__name__


def _hint(status: int) -> str:
    if status in (401, 403):
        return "check the token or secret, and what it is allowed"
    if 300 <= status < 400:
        return "correct url: redirects are not followed, for they would take the token elsewhere"
    if status >= 500:
        return "it is asked again by itself"
    return "check url, query and the names that the preset needs"
