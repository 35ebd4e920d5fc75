"""A customer's contact in the demonstration: logs in to the pages by the link in the mail, and answers a notice."""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from typing import Any

import httpx
import pyotp

from credwatch.kernel.errors import CredwatchError

_PATIENCE_SECONDS = 45
_POLL_SECONDS = 0.2
_LINK = re.compile(r"http://localhost:[0-9]+(/login/link/[A-Za-z0-9_-]+)")
_SECRET = re.compile(r'id="secret">([A-Z2-7 ]+)<')
_HIDDEN = re.compile(r'<input type="hidden" name="(form|submission)" value="([^"]+)">')


class Visitor:
    """Does by HTTP what a person does in a browser; no step is left out."""

    def __init__(self, url: str, letters: Callable[[], list[str]]) -> None:
        """Take the address of the pages, and what gives the texts of the letters so far."""
        # Browsers send cookies that ask for TLS to localhost too; this one is told that it is TLS.
        host = url.removeprefix("http://")
        headers = {"Host": host, "Origin": url, "Sec-Fetch-Site": "same-origin"}
        self._client = httpx.Client(base_url=url, headers=headers, follow_redirects=False, timeout=30)
        self._letters = letters
        self._hidden: dict[str, str] = {}

    def answer(self, address: str, number: str, words: str) -> None:
        """Log in as a contact, and say of an incident that it was not them; raises CredwatchError where it fails."""
        with self._client:
            self._log_in(address)
            self._open(f"/notices/{number}")
            self._send(f"/notices/{number}", **{"said-0": "not-us", "text": words})

    def agree(self, address: str, request: str) -> None:
        """Log in as a contact, and agree to what the staff ask for; raises CredwatchError where it fails."""
        with self._client:
            self._log_in(address)
            self._open("/touches")
            self._send(f"/access/{request}", said="agree", text="Đồng ý, trong hôm nay.")

    def _log_in(self, address: str) -> None:
        """Log in by the link in the letter, and give the account an app as its second factor."""
        self._open("/login")
        self._send("/login", address=address)
        path = self._link()
        self._open(path)
        self._send(path)
        self._open("/login/second")
        secret = self._found(_SECRET, self._send("/login/app")).replace(" ", "")
        self._send("/login/app/confirm", code=pyotp.TOTP(secret).now())

    def _link(self) -> str:
        """Wait for the letter, and return the path in it."""
        deadline = time.monotonic() + _PATIENCE_SECONDS
        while time.monotonic() < deadline:
            if links := [match[1] for text in self._letters() if (match := _LINK.search(text))]:
                return links[-1]
            time.sleep(_POLL_SECONDS)
        raise CredwatchError("no letter with a link to log in has come", where="the customers' pages")

    def _open(self, path: str) -> None:
        self._asked("GET", path)

    def _send(self, path: str, **fields: str) -> str:
        return self._asked("POST", path, data=self._hidden | fields)

    def _asked(self, method: str, path: str, **content: Any) -> str:
        try:
            answer = self._client.request(method, path, headers=self._cookies(), **content)
        except httpx.HTTPError as error:
            raise CredwatchError(f"{error}", where=f"the customers' pages, {path}") from error
        if answer.status_code >= 400:
            raise CredwatchError(f"answered {answer.status_code}", where=f"the customers' pages, {answer.url.path}")
        self._hidden |= {name: value for name, value in _HIDDEN.findall(answer.text)}
        return answer.text

    def _cookies(self) -> dict[str, str]:
        """Send every cookie, those that ask for TLS too, as browsers do to localhost."""
        return {"Cookie": "; ".join(f"{cookie.name}={cookie.value}" for cookie in self._client.cookies.jar)}

    def _found(self, pattern: re.Pattern[str], text: str) -> str:
        match = pattern.search(text)
        if match is None:
            raise CredwatchError("the page is not as it should be", where="the customers' pages")
        return match[1]
