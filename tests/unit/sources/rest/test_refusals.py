"""What a service refuses, breaks off or gets wrong: it is told, waited for, and nothing is lost or comes twice."""

from __future__ import annotations

import time
from email.utils import formatdate
from pathlib import Path
from typing import Any

import pytest

from certificates import Authority
from credwatch.kernel.errors import SourceError
from credwatch.sources.network_options import Listener
from credwatch.sources.pull.source import PulledSource
from credwatch.sources.tls import server_context
from rest_services import TOKEN, OktaServer, Reply, a_service, okta_event
from unit.sources.rest.presets_served import (
    OKTA,
    PATIENCE,
    PRESETS,
    a_rest_source,
    drained,
    records,
    rest_options,
    take,
)


def _events(count: int) -> list[dict[str, Any]]:
    return [okta_event(number, time.time() - 100 + number / 10) for number in range(count)]


def _problem(source: PulledSource) -> SourceError:
    """Wait until a source says what is wrong."""
    deadline = time.monotonic() + PATIENCE
    while not source.problems():
        assert time.monotonic() < deadline
        try:
            source.read(65_536)
        except SourceError:
            break
        time.sleep(0.005)
    return source.problems()[0]


FAULTS = {
    "a status of failure": Reply(500, {"errorSummary": "internal"}),
    "an answer that is cut off": Reply(raw=b'[{"uuid":"1"', promised=4000),
    "an answer that is no JSON": Reply(raw=b"<html>please log in</html>"),
    "JSON that is no list": Reply(content={"message": "maintenance"}),
    "no UTF-8": Reply(raw=b'[{"uuid":"\xff\xfe"}]'),
    "too deep": Reply(raw=b"[" * 200_000),
    "a redirect": Reply(302, None, [("Location", "http://127.0.0.1:1/login")]),
    "a lie about packing": Reply(raw=b"no gzip", headers=[("Content-Encoding", "gzip")]),
    "a next page elsewhere": Reply(content=[], headers=[("Link", '<https://evil.example/log>; rel="next"')]),
    "a refusal": Reply(403, {"errorSummary": f"no permission for {TOKEN}"}),
}


@pytest.mark.parametrize("fault", FAULTS.values(), ids=FAULTS)
def test_a_fault_is_told_and_then_everything_comes(fault: Reply, tmp_path: Path) -> None:
    """The error names the source and says what to do, without the token; the next try gives all events once."""
    events = _events(5)
    with a_service(OktaServer) as server:
        server.add(*events)
        server.faults.append(fault)
        source = a_rest_source(rest_options(OKTA, server, tmp_path, read_from="start"))
        problem = _problem(source)
        assert problem.where == "source pulled"
        assert problem.hint
        assert TOKEN not in str(problem)
        assert events == records(drained(source, 5).lines)
        assert [] == source.problems()
        source.close()


@pytest.mark.parametrize(
    "headers",
    [
        lambda: {"Retry_After": "2"},
        lambda: {"Retry_After": formatdate(time.time() + 3, usegmt=True)},
        lambda: {"X_Rate_Limit_Reset": str(int(time.time()) + 3), "X_Rate_Limit_Remaining": "0"},
        lambda: {"X_RateLimit_Reset": str(int(time.time()) + 3), "X_RateLimit_Remaining": "0"},
        lambda: {"RateLimit_Reset": "2"},
    ],
    ids=["seconds", "date", "okta", "github-auth0", "draft"],
)
def test_a_service_that_wants_to_be_left_alone_is(headers: Any, tmp_path: Path) -> None:
    """After 429 nothing is asked before the moment that the service names, and it is no problem meanwhile."""
    with a_service(OktaServer) as server:
        server.add(*_events(3))
        server.refuse(429, **headers())
        source = a_rest_source(rest_options(OKTA, server, tmp_path, read_from="start"))
        begin = time.monotonic()
        drained(source, 3)
        assert time.monotonic() - begin > 1.0
        assert 2 <= len([asked for asked in server.asked if "after" not in asked.query])
        assert (1, []) == (source.tally.throttled, source.problems())
        source.close()


def test_the_last_request_that_is_allowed_is_known(tmp_path: Path) -> None:
    """Where an answer says that no request remains, the next one waits for the reset without being refused."""
    with a_service(OktaServer) as server:
        server.add(*_events(3))
        reset = [("X-Rate-Limit-Remaining", "0"), ("X-Rate-Limit-Reset", str(int(time.time()) + 3))]
        server.faults.append(Reply(content=[], headers=reset))
        source = a_rest_source(rest_options(OKTA, server, tmp_path, read_from="start"))
        begin = time.monotonic()
        drained(source, 3)
        assert time.monotonic() - begin > 1.0
        assert 0 == source.tally.throttled
        source.close()


def test_our_own_budget_is_kept(tmp_path: Path) -> None:
    """No more requests are sent in a minute than requests_per_minute says; closing does not wait for the next."""
    with a_service(OktaServer) as server:
        server.most = 1
        server.add(*_events(20))
        options = rest_options(OKTA, server, tmp_path, read_from="start", requests_per_minute=4)
        source = a_rest_source(options)
        while len(server.asked) < 4:
            source.read(65_536)
            time.sleep(0.005)
        time.sleep(0.3)
        begin = time.monotonic()
        source.close()
        assert time.monotonic() - begin < 5
        assert 4 == len(server.asked)


def test_a_place_that_the_service_forgot_is_found_again_by_time(tmp_path: Path) -> None:
    """After a 400 for the cursor it goes on by time: it says so, and what was given does not come again."""
    events = _events(6)
    with a_service(OktaServer) as server:
        server.add(*events[:4])
        source = a_rest_source(rest_options(OKTA, server, tmp_path, read_from="start"))
        reader = drained(source, 4)
        server.expired = True
        server.add(*events[4:])
        while len(reader.lines) < 6 or not source.tally.expired:
            take(reader)
        assert events == records(reader.lines)
        assert 1 == source.tally.expired
        source.close()


def test_a_place_older_than_the_service_keeps_is_told_as_a_gap(tmp_path: Path) -> None:
    """Who was away for longer than the service keeps events is told that some may be missing, once."""
    with a_service(OktaServer) as server:
        server.add(*_events(2))
        old = {"pulled": {"position": 9, "place": {"since": time.time() - 91 * 86_400}}}
        source = a_rest_source(rest_options(OKTA, server, tmp_path), old)
        reader = drained(source, 2)
        assert (2, 1) == (len(reader.lines), source.tally.expired)
        source.close()


def test_a_hanging_service_holds_up_nobody(tmp_path: Path) -> None:
    """While one service does not answer, its source returns at once, and is closed at once."""
    with a_service(OktaServer) as server:
        server.faults.append(Reply(content=[], after=20))
        source = a_rest_source(rest_options(OKTA, server, tmp_path, request_seconds=1))
        begin = time.monotonic()
        assert source.read(65_536) is not None or source.read(65_536) is None
        assert time.monotonic() - begin < 1
        assert "does not answer" in str(_problem(source))
        source.close()
        server.faults.clear()


def test_an_answer_without_end_is_bounded(tmp_path: Path) -> None:
    """More bytes than body_bytes are not kept; the error says which bound it was."""
    with a_service(OktaServer) as server:
        server.faults.append(Reply(raw=b"[" + b" " * 100_000 + b"]"))
        source = a_rest_source(rest_options(OKTA, server, tmp_path, body_bytes=5000))
        assert "longer than 5000 bytes" in str(_problem(source))
        source.close()


def test_a_token_that_is_replaced_in_its_file_is_taken_up(tmp_path: Path) -> None:
    """A refused token is told with a hint; once the file has another one, everything comes."""
    with a_service(OktaServer) as server:
        server.add(*_events(2))
        server.token = "another"
        source = a_rest_source(rest_options(OKTA, server, tmp_path, read_from="start"))
        problem = _problem(source)
        assert "401" in problem.message
        assert "token" in problem.hint
        (tmp_path / "secret").write_text("another")
        assert 2 == len(drained(source, 2).lines)
        source.close()


def test_a_token_that_ended_is_renewed_at_once(tmp_path: Path) -> None:
    """Where a service refuses a token that was got for a secret, another one is got, and nothing is told."""
    served = next(served for served in PRESETS if served.preset == "entra-signins")
    with a_service(served.server) as server:
        server.add(served.event(1, time.time() - 5))
        server.refuse(401)
        source = a_rest_source(rest_options(served, server, tmp_path, read_from="start"))
        assert 1 == len(drained(source, 1).lines)
        assert (2, []) == (server.tokens_given, source.problems())
        form = next(asked.body for asked in server.asked if asked.path == "/token")
        assert "grant_type=client_credentials" in form
        assert f"client_secret={TOKEN}" in form
        source.close()


def test_certificates_are_checked(tmp_path: Path) -> None:
    """A service whose certificate no authority has signed gets no token; with its authority it is believed."""
    authority = Authority(tmp_path)
    certificate, key = authority.issued("okta.example")
    context = server_context(Listener(certificate=certificate, certificate_key=key))
    with a_service(OktaServer, context=context) as server:
        server.add(*_events(1))
        options = rest_options(OKTA, server, tmp_path, read_from="start")
        source = a_rest_source(options)
        assert "certificate verify failed" in str(_problem(source))
        source.close()
        assert not server.asked
        source = a_rest_source(options.model_copy(update={"ca_file": authority.file}))
        assert 1 == len(drained(source, 1).lines)
        source.close()
