"""Services that give their logs over HTTP, as their documentation says that they page, order, limit and fail."""

from __future__ import annotations

import json
import ssl
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, ClassVar
from urllib.parse import parse_qs, urlencode, urlsplit

from msgspec import Struct, field

TOKEN = "s3cret-token"  # of a server on loopback
Event = dict[str, Any]


class Reply(Struct):
    """What a service answers."""

    status: int = 200
    content: Any = None
    headers: list[tuple[str, str]] = field(default_factory=list)
    raw: bytes | None = None
    """The body, where it is not the content as JSON."""
    promised: int | None = None
    """The length that is promised, where it is not that of the body."""
    after: float = 0.0
    """How many seconds it takes."""


class Asked(Struct):
    """A request that came."""

    path: str
    query: dict[str, str]
    headers: dict[str, str]
    body: str = ""
    method: str = "GET"


class RestServer:
    """One service: what it has stored, what it does wrong next, and what it was asked."""

    most: ClassVar[int] = 1000

    def __init__(self, port: int = 0, context: ssl.SSLContext | None = None) -> None:
        self.events: list[Event] = []
        self.faults: deque[Reply] = deque()
        self.asked: list[Asked] = []
        self.token = TOKEN
        self.tokens_given = 0
        self.lock = threading.Lock()
        self._server = ThreadingHTTPServer(("127.0.0.1", port), self._handler())
        self._server.daemon_threads = True
        self.scheme = "http"
        if context is not None:
            self.scheme = "https"
            self._server.socket = context.wrap_socket(self._server.socket, server_side=True)
        self.port = self._server.server_port
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True)
        self._thread.start()

    @property
    def url(self) -> str:
        """Where it is."""
        return f"{self.scheme}://{'localhost' if self.scheme == 'https' else '127.0.0.1'}:{self.port}"

    def close(self) -> None:
        """End it."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join(10)

    def add(self, *events: Event) -> None:
        """Store events, in the order in which they become visible."""
        with self.lock:
            self.events += events

    def refuse(self, status: int, times: int = 1, content: Any = None, **headers: str) -> None:
        """Answer the next requests with a status."""
        pairs = [(name.replace("_", "-"), value) for name, value in headers.items()]
        self.faults.extend(Reply(status, content, pairs) for _ in range(times))

    def reply(self, asked: Asked) -> Reply:
        """Answer a request for events."""
        raise NotImplementedError

    def token_reply(self, asked: Asked) -> Reply:
        """Answer a request for a token."""
        self.tokens_given += 1
        return Reply(content={"access_token": self.token, "token_type": "Bearer", "expires_in": 3600})

    def _answered(self, asked: Asked) -> Reply:
        with self.lock:
            self.asked.append(asked)
            if "token" in asked.path.rpartition("/")[2]:
                return self.token_reply(asked)
            if self.faults:
                return self.faults.popleft()
            if self.token not in asked.headers.get("authorization", ""):
                return Reply(401, {"errorSummary": "Invalid token provided"})
            return self.reply(asked)

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        service = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                parts = urlsplit(self.path)
                query = {name: values[0] for name, values in parse_qs(parts.query, keep_blank_values=True).items()}
                headers = {name.lower(): value for name, value in self.headers.items()}
                body = self.rfile.read(int(headers.get("content-length", 0))).decode()
                self._send(service._answered(Asked(parts.path, query, headers, body, self.command)))

            do_POST = do_PATCH = do_PUT = do_DELETE = do_GET

            def _send(self, reply: Reply) -> None:
                time.sleep(reply.after)
                body = reply.raw if reply.raw is not None else json.dumps(reply.content).encode()
                promised = len(body) if reply.promised is None else reply.promised
                self.send_response(reply.status)
                for name, value in [*reply.headers, ("Content-Length", str(promised))]:
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(body)
                if promised != len(body):
                    self.close_connection = True

            def log_message(self, *_: object) -> None:
                pass

        return Handler


@contextmanager
def a_service(kind: Callable[..., RestServer], **options: Any) -> Iterator[Any]:
    """Run a service for the length of a block."""
    service = kind(**options)
    try:
        yield service
    finally:
        service.close()


def _seconds(text: str) -> float:
    return datetime.fromisoformat(text).timestamp()


def stamp(seconds: float) -> str:
    """Write a moment as these services do."""
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


class OktaServer(RestServer):
    """Polling requests: in the order of storing, with a next link on every page; the link holds where it was left."""

    expired = False

    def reply(self, asked: Asked) -> Reply:
        """Give the page behind a link, or the first since a time."""
        if asked.query["sortOrder"] != "ASCENDING":
            return Reply(400, {"errorSummary": "unexpected order"})
        limit = min(int(asked.query["limit"]), self.most)
        if (after := asked.query.get("after")) is not None:
            if self.expired:
                return Reply(400, {"errorCode": "E0000001", "errorSummary": "The after parameter is invalid"})
            start = int(after)
        else:
            self.expired = False
            since = _seconds(asked.query["since"])
            later = (at for at, event in enumerate(self.events) if _seconds(event["published"]) >= since)
            start = next(later, len(self.events))
        page = self.events[start : start + limit]
        link = f"{self.url}{asked.path}?{urlencode({**asked.query, 'after': start + len(page)})}"
        self_link = f"{self.url}{asked.path}?{urlencode(asked.query)}"
        remaining = [("X-Rate-Limit-Limit", "60"), ("X-Rate-Limit-Remaining", "59")]
        links = [("Link", f'<{self_link}>; rel="self"'), ("Link", f'<{link}>; rel="next"')]
        return Reply(content=page, headers=links + remaining)


class Auth0Server(RestServer):
    """By checkpoint: in the order of log_id; the link of an empty page is that of the request."""

    most = 100

    def reply(self, asked: Asked) -> Reply:
        """Give the events behind an id, or search by time."""
        if (start := asked.query.get("from")) is None:
            since = _seconds(asked.query["q"].removeprefix("date:[").removesuffix(" TO *]"))
            found = sorted((it for it in self.events if _seconds(it["date"]) >= since), key=lambda it: it["date"])
            return Reply(content=found[: int(asked.query["per_page"])])
        take = int(asked.query["take"])
        page = sorted((it for it in self.events if it["log_id"] > start), key=lambda it: it["log_id"])[:take]
        last = page[-1]["log_id"] if page else start
        link = f"{self.url}{asked.path}?{urlencode({'from': last, 'take': take})}"
        return Reply(content=page, headers=[("Link", f'<{link}>; rel="next"')])


class GraphServer(RestServer):
    """Microsoft Graph: a filter by time, in the order of time, and a next link in the body while there is more."""

    def reply(self, asked: Asked) -> Reply:
        """Give a page; an empty one with a next link may come before the end."""
        name, _, since = asked.query["$filter"].partition(" ge ")
        found = sorted((it for it in self.events if it[name] >= since), key=lambda it: str(it[name]))
        start, top = int(asked.query.get("$skiptoken", 0)), min(int(asked.query["$top"]), self.most)
        content: Event = {"@odata.context": "https://graph.microsoft.com/v1.0/$metadata", "value": found[start:][:top]}
        if start + top < len(found):
            query = urlencode({**asked.query, "$skiptoken": start + top})
            content["@odata.nextLink"] = f"{self.url}{asked.path}?{query}"
        return Reply(content=content)


class GoogleServer(RestServer):
    """Reports API: the newest first, a token for the next page; no list where there is nothing."""

    def reply(self, asked: Asked) -> Reply:
        """Give a page of a span of time."""
        start, end = (_seconds(asked.query[name]) for name in ("startTime", "endTime"))
        found = [it for it in self.events if start <= _seconds(it["id"]["time"]) <= end]
        found.sort(key=lambda it: it["id"]["time"], reverse=True)
        at, most = int(asked.query.get("pageToken", 0)), min(int(asked.query["maxResults"]), self.most)
        content: Event = {"kind": "admin#reports#activities"} | ({"items": found[at:][:most]} if found[at:] else {})
        if at + most < len(found):
            content["nextPageToken"] = str(at + most)
        return Reply(content=content)


class GithubServer(RestServer):
    """Audit log: a phrase with a time, oldest first, and a Link header while there is more."""

    most = 100

    def reply(self, asked: Asked) -> Reply:
        """Give a page."""
        since = _seconds(asked.query["phrase"].removeprefix("created:>=")) * 1000
        found = sorted((it for it in self.events if it["@timestamp"] >= since), key=lambda it: it["@timestamp"])
        start, most = int(asked.query.get("after", 0)), min(int(asked.query["per_page"]), self.most)
        link = f"{self.url}{asked.path}?{urlencode({**asked.query, 'after': start + most})}"
        more = [("Link", f'<{link}>; rel="next"')] if start + most < len(found) else []
        return Reply(content=found[start:][:most], headers=more)


class KeycloakServer(RestServer):
    """Events of a realm: the newest first, by offset."""

    def reply(self, asked: Asked) -> Reply:
        """Give a page."""
        found = sorted(self.events, key=lambda it: it["time"], reverse=True)
        first, most = int(asked.query["first"]), min(int(asked.query["max"]), self.most)
        return Reply(content=found[first:][:most])


def okta_event(number: int, at: float, **more: Any) -> Event:
    """Make an event of Okta: a login that failed."""
    return {
        "actor": {"id": "00u1", "type": "User", "alternateId": f"lan{number}@acme.example"},
        "client": {"ipAddress": "203.0.113.9"},
        "displayMessage": "User login to Okta",
        "eventType": "user.session.start",
        "outcome": {"result": "FAILURE", "reason": "INVALID_CREDENTIALS"},
        "published": stamp(at),
        "uuid": f"uuid-{number}",
        "version": "0",
        **more,
    }


def auth0_event(number: int, at: float) -> Event:
    """Make an event of Auth0: a login that failed."""
    log_id = f"9002{number:050}"
    return {"date": stamp(at), "type": "fp", "ip": "203.0.113.9", "user_name": f"lan{number}@acme.example",
            "log_id": log_id, "_id": log_id, "description": "Wrong email or password."}  # fmt: skip


def signin_event(number: int, at: float) -> Event:
    """Make a sign-in of Entra ID that failed."""
    return {"id": f"signin-{number}", "createdDateTime": stamp(at), "userPrincipalName": f"lan{number}@acme.example",
            "ipAddress": "203.0.113.9", "status": {"errorCode": 50126, "failureReason": "x"}}  # fmt: skip


def audit_event(number: int, at: float) -> Event:
    """Make an entry of the directory audit of Entra ID."""
    return {"id": f"Directory_{number}", "activityDisplayName": "Add user", "activityDateTime": stamp(at),
            "result": "success", "initiatedBy": {"user": {"userPrincipalName": f"lan{number}@acme.example"}},
            "targetResources": []}  # fmt: skip


def google_event(number: int, at: float, names: Sequence[str] = ("login_failure",)) -> Event:
    """Make an activity of Google Workspace, of one event or of several."""
    return {"kind": "admin#reports#activity", "actor": {"email": f"lan{number}@acme.example"},
            "id": {"time": stamp(at), "uniqueQualifier": str(number), "applicationName": "login"},
            "ipAddress": "203.0.113.9",
            "events": [{"type": "login", "name": name, "parameters": []} for name in names]}  # fmt: skip


def github_event(number: int, at: float) -> Event:
    """Make an entry of GitHub's audit log."""
    return {"@timestamp": int(at * 1000), "created_at": int(at * 1000), "_document_id": f"doc{number}",
            "action": "user.login", "actor": f"lan{number}", "actor_ip": "203.0.113.9", "org": "acme"}  # fmt: skip


def keycloak_event(number: int, at: float) -> Event:
    """Make a user event of Keycloak: a login that failed."""
    return {"time": int(at * 1000), "type": "LOGIN_ERROR", "realmId": "acme", "clientId": "shop",
            "ipAddress": "203.0.113.9", "error": "invalid_user_credentials",
            "details": {"username": f"lan{number}@acme.example"}}  # fmt: skip
