"""What a browser proves: that a form is one of ours, and that it is the browser that was here before.

Two cookies, both `__Host-` (bound to this host, over TLS alone, and no script reads them). The first names the browser
from its first page on: forms are bound to it, and so is a link to log in. The second names the session.
"""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets
from base64 import urlsafe_b64encode

from starlette.requests import Request
from starlette.responses import Response

from credwatch.web.portal.options import PortalOptions

BROWSER, SESSION, LANGUAGE = "__Host-credwatch-browser", "__Host-credwatch-session", "__Host-credwatch-language"
_TOKEN = re.compile(r"[A-Za-z0-9_-]{43}")
_MONTH = 30 * 86_400


def new_token() -> str:
    """Make 256 bits of chance, as text that a URL and a cookie carry."""
    return secrets.token_urlsafe(32)


def digest(token: str) -> str:
    """Return what the store keeps of a token."""
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).hexdigest()


def token_in(request: Request, cookie: str) -> str:
    """Return the token in a cookie; empty where there is none that we could have made."""
    value = request.cookies.get(cookie, "")
    return value if _TOKEN.fullmatch(value) else ""


def form_token(browser: str) -> str:
    """Return what our forms carry for a browser: who does not see its cookie cannot make it."""
    raw = hmac.new(browser.encode(), b"credwatch form", hashlib.sha256).digest()
    return urlsafe_b64encode(raw).decode().rstrip("=")


def is_our_form(request: Request, token: str, options: PortalOptions) -> bool:
    """Say whether a form was sent from one of our pages in this browser: origin, fetch metadata and token say so."""
    browser, headers = token_in(request, BROWSER), request.headers
    site, origin = headers.get("sec-fetch-site"), headers.get("origin")
    if site not in (None, "same-origin") or origin not in (None, options.public_url):
        return False
    if site is None and origin is None:
        return False
    return bool(browser) and hmac.compare_digest(token.encode("utf-8", "replace"), form_token(browser).encode())


def remember(response: Response, cookie: str, value: str, *, strict: bool = False, seconds: int | None = None) -> None:
    """Set one of our cookies; without seconds it ends with the browser."""
    response.set_cookie(
        cookie, value, max_age=seconds, path="/", secure=True, httponly=True, samesite="strict" if strict else "lax"
    )


def remember_language(response: Response, language: str) -> None:
    """Have later pages in this language."""
    remember(response, LANGUAGE, language, seconds=12 * _MONTH)


def forget(response: Response, cookie: str) -> None:
    """Take one of our cookies away."""
    response.delete_cookie(cookie, path="/", secure=True, httponly=True)
