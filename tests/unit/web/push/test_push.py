"""The push endpoints over real connections: what is taken, what is refused, and when each is told."""

from __future__ import annotations

import asyncio
import base64
import gzip
import json
import socket
import ssl
from pathlib import Path
from typing import Any

import httpx
import pytest
import zstandard
from starlette.applications import Starlette

from certificates import Authority
from credwatch.kernel.errors import ConfigurationError
from credwatch.service.parts.pushing import PushPart
from credwatch.sources.network_options import PushOptions
from credwatch.sources.received.intake import Intake
from unit.web.push.served import BEARER, TOKEN, serving

LINE = "Mar  1 11:00:00 srv1 sshd[7]: Failed password for root from 203.0.113.7 port 40022 ssh2"


async def test_lines_are_answered_once_they_are_committed() -> None:
    """While nothing is committed there is no answer; then it says how many lines were taken."""
    async with serving() as served:
        served.commits = False
        asked = asyncio.create_task(served.post("/lines", f"{LINE}\n\n{LINE} again"))
        await asyncio.sleep(0.2)
        assert not asked.done()
        served.commits = True
        answer = await asked
        assert (200, {"taken": 2, "refused": 0, "errors": []}) == (answer.status_code, answer.json())
        assert [LINE, f"{LINE} again"] == served.lines
        assert [("shipped", "taken", 0)] == served.outcomes


async def test_a_bad_record_is_answered_by_itself() -> None:
    """What is no JSON among documents is told with its number, and the others are taken."""
    async with serving() as served:
        body = '{"a": 1}\n{"a": \n{"log": "' + LINE + '", "stream": "stderr"}'
        answer = (await served.post("/lines", body, content_type="application/x-ndjson")).json()
        expected = {"taken": 2, "refused": 1, "errors": [{"record": 2, "reason": "not a JSON object"}]}
        assert expected == answer
        assert ['{"a": 1}', LINE] == served.lines
        assert 400 == (await served.post("/lines", "{")).status_code


@pytest.mark.parametrize(
    ("encoding", "packed"),
    [
        ("gzip", gzip.compress(LINE.encode()) + gzip.compress(b"\nsecond")),
        ("zstd", zstandard.compress(LINE.encode() + b"\nsecond")),
        ("identity", LINE.encode() + b"\nsecond"),
    ],
)
async def test_packed_bodies_are_unpacked(encoding: str, packed: bytes) -> None:
    """Gzip, in one member or several, and zstd."""
    async with serving() as served:
        assert 200 == (await served.post("/lines", packed, content_encoding=encoding)).status_code
        assert [LINE, "second"] == served.lines


@pytest.mark.parametrize(
    ("status", "encoding", "body"),
    [
        (413, "", b"x" * 9000),
        (413, "gzip", gzip.compress(b"\n" * 3_000_000)),
        (413, "zstd", zstandard.compress(b"\n" * 3_000_000)),
        (400, "gzip", gzip.compress(LINE.encode())[:-9]),
        (400, "gzip", b"no gzip"),
        (400, "zstd", b"no zstd"),
        (415, "br", b"x"),
    ],
    # By name: what gzip has packed holds the second in which it did, and so would the name of the test.
    ids=["plain", "large gzip", "large zstd", "torn gzip", "no gzip", "no zstd", "another packing"],
)
async def test_what_is_too_large_or_damaged_is_refused(status: int, encoding: str, body: bytes) -> None:
    """Whatever a body says of its packing, no more is unpacked than the bound, and the answer says what is wrong."""
    async with serving(options={"body_bytes": 8192, "unpacked_bytes": 8192}) as served:
        answer = await served.post("/lines", body, content_encoding=encoding)
        assert (status, True) == (answer.status_code, bool(answer.json()["error"]))
        assert [] == served.lines


async def test_only_a_right_token_lets_in() -> None:
    """As a Bearer token, or as the password of Basic and ApiKey; a wrong one is refused, and soon not even tried."""
    async with serving() as served:
        token = TOKEN.reveal()
        ways = {
            f"Bearer {token}": 200,
            f"Basic {base64.b64encode(f'any:{token}'.encode()).decode()}": 200,
            f"ApiKey {base64.b64encode(f'id:{token}'.encode()).decode()}": 200,
            f"Bearer {token}x": 401,
            "Bearer other.token": 401,
            f"Digest {token}": 401,
            "": 401,
        }
        for way, status in ways.items():
            answer = await served.client.post(served.url + "/lines", content="a", headers={"Authorization": way})
            assert (status, way) == (answer.status_code, way)
        for _ in range(20):
            answer = await served.client.post(
                served.url + "/lines", content="a", headers={"Authorization": "Bearer shipped.wrong"}
            )
        assert 429 == answer.status_code
        assert int(answer.headers["Retry-After"]) >= 1
        assert 200 == (await served.post("/lines", "a")).status_code


async def test_pressure_is_told() -> None:
    """Where too much waits, or requests come too fast, the answer is 429 and says when to ask again."""
    async with serving(options={"waiting_bytes": 65_536, "requests_per_second": 3}) as served:
        served.commits = False
        first = asyncio.create_task(served.post("/lines", "a" * 70_000))
        await asyncio.sleep(0.3)
        answer = await served.post("/lines", "b")
        assert (429, "5") == (answer.status_code, answer.headers["Retry-After"])
        served.commits = True
        assert 200 == (await first).status_code
        assert 429 in [(await served.post("/lines", "b")).status_code for _ in range(8)]


async def test_a_commit_that_does_not_come_is_told_and_its_repeat_counts_once() -> None:
    """After a while the shipper is told to send again; what it sends then is known."""
    async with serving(options={"commit_seconds": 0.3}) as served:
        served.commits = False
        assert 503 == (await served.post("/lines", "a")).status_code
        served.commits = True
        await asyncio.sleep(0.1)
        assert 200 == (await served.post("/lines", "a")).status_code
        assert ["a"] == served.lines
        assert 200 == (await served.post("/lines", "a")).status_code
        assert ["a", "a"] == served.lines


async def test_a_shipper_that_goes_away_and_comes_again_counts_once() -> None:
    """A connection that breaks before the answer leads to no second line."""
    async with serving() as served:
        served.commits = False
        with socket.create_connection(("127.0.0.1", served.port)) as connection:
            fields = f"host: a\r\nauthorization: {BEARER['Authorization']}\r\ncontent-length: 1"
            connection.sendall(f"POST /lines HTTP/1.1\r\n{fields}\r\n\r\na".encode())
            await asyncio.sleep(0.3)
        await asyncio.sleep(0.1)
        again = asyncio.create_task(served.post("/lines", "a"))
        await asyncio.sleep(0.1)
        served.commits = True
        assert 200 == (await again).status_code
        assert ["a"] == served.lines


async def test_a_slow_head_is_given_up() -> None:
    """Who sends no whole head in time is told so, and let go."""
    async with serving(options={"head_seconds": 0.3}) as served:
        reader, writer = await asyncio.open_connection("127.0.0.1", served.port)
        writer.write(b"POST /lines HTTP/1.1\r\n")
        assert b"408" in await asyncio.wait_for(reader.read(), 10)
        writer.close()


async def test_bulk_answers_each_action() -> None:
    """Documents are taken, other actions refused by themselves; Beats are given a version and a licence."""
    async with serving() as served:
        actions: list[Any] = [
            {"create": {"_index": "logs"}},
            {"@timestamp": "2026-03-01T11:00:00Z", "message": LINE, "host": {"name": "srv1"}, "agent": {}, "ecs": {}},
            {"delete": {"_index": "logs", "_id": "7"}},
            {"index": {}},
            {"message": "Failed password for root", "appname": "sshd", "procid": 7, "hostname": "srv1", "timestamp": 1},
        ]
        body = "".join(json.dumps(action) + "\n" for action in actions)
        answer = (await served.post("/logs/_bulk", body, content_type="application/json")).json()
        assert [True, [201, 400, 201]] == [
            answer["errors"],
            [next(iter(item.values()))["status"] for item in answer["items"]],
        ]
        assert [LINE, "<13>1 1970-01-01T00:00:01.000000Z srv1 sshd 7 - - Failed password for root"] == served.lines
        about = await served.client.get(served.url + "/", headers=BEARER)
        assert ("Elasticsearch", "8.17.0") == (about.headers["X-Elastic-Product"], about.json()["version"]["number"])
        licence = await served.client.get(served.url + "/_license", headers=BEARER)
        assert "active" == licence.json()["license"]["status"]
        assert (await served.client.put(served.url + "/_index_template/x", headers=BEARER)).json()["acknowledged"]
        assert 401 == (await served.client.get(served.url + "/")).status_code
        assert 400 == (await served.post("/_bulk", LINE)).status_code


async def test_loki_streams_become_lines() -> None:
    """Lines with a header are taken as they are, others get one from the labels; protobuf is refused with advice."""
    async with serving() as served:
        streams = [
            {"stream": {"job": "auth"}, "values": [["1772362800000000000", LINE]]},
            {"stream": {"appname": "sshd", "host": "srv1"}, "values": [["1772362800000000000", "Failed password"]]},
        ]
        answer = await served.post(
            "/loki/api/v1/push", json.dumps({"streams": streams}), content_type="application/json"
        )
        assert 204 == answer.status_code
        assert [LINE, "<13>1 2026-03-01T11:00:00.000000Z srv1 sshd - - - Failed password"] == served.lines
        streams[0]["values"].append([5])
        answer = await served.post(
            "/loki/api/v1/push", json.dumps({"streams": streams}), content_type="application/json"
        )
        assert (400, "1 of 3 lines were not taken; line 2: expected a time as text, and a line\n") == (
            answer.status_code,
            answer.text,
        )
        packed = await served.post("/loki/api/v1/push", b"\x00", content_type="application/x-protobuf")
        assert (415, True) == (packed.status_code, "send application/json" in packed.text)


async def test_otlp_records_become_lines() -> None:
    """As JSON and as protobuf, with a header from their attributes where they have none; the answer is alike."""
    from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import (
        ExportLogsServiceRequest,
        ExportLogsServiceResponse,
    )

    async with serving() as served:
        records = [
            {"timeUnixNano": "1772362800000000000", "body": {"stringValue": LINE}},
            {"timeUnixNano": "1772362800000000000", "body": {"stringValue": "Failed password"}},
            {"body": {"kvlistValue": {"values": [{"key": "event.action", "value": {"stringValue": "login"}}]}}},
        ]
        about = [
            {"key": "service.name", "value": {"stringValue": "sshd"}},
            {"key": "host.name", "value": {"stringValue": "srv1"}},
        ]
        request = {"resourceLogs": [{"resource": {"attributes": about}, "scopeLogs": [{"logRecords": records}]}]}
        expected = [
            LINE,
            "<13>1 2026-03-01T11:00:00.000000Z srv1 sshd - - - Failed password",
            '{"event.action":"login"}',
        ]
        answer = await served.post("/v1/logs", json.dumps(request), content_type="application/json")
        assert (200, {}) == (answer.status_code, answer.json())
        assert expected == served.lines
        from google.protobuf.json_format import ParseDict

        packed = ParseDict(request, ExportLogsServiceRequest()).SerializeToString()
        answer = await served.post("/v1/logs", packed, content_type="application/x-protobuf")
        assert (200, "application/x-protobuf") == (answer.status_code, answer.headers["content-type"])
        assert not ExportLogsServiceResponse.FromString(answer.content).HasField("partial_success")
        assert [*expected, *expected] == served.lines
        assert 400 == (await served.post("/v1/logs", b"\xff\xff", content_type="application/x-protobuf")).status_code
        assert 400 == (await served.post("/v1/logs", "{", content_type="application/json")).status_code


async def test_journal_entries_are_known_when_an_upload_is_repeated() -> None:
    """An upload that breaks off is sent again from its beginning, with what came since: each entry counts once."""
    async with serving() as served:
        entries = [
            f"__CURSOR=s=1;i={n}\n__REALTIME_TIMESTAMP=177236280000{n:04}\nMESSAGE=line {n} {'x' * 900}\n_COMM=sshd\n\n"
            for n in range(900)
        ]
        head = BEARER | {"Content-Type": "application/vnd.fdo.journal"}

        async def broken() -> Any:
            yield "".join(entries[:800]).encode()
            while not served.lines:  # noqa: ASYNC110  # the reader sets no event
                await asyncio.sleep(0.01)
            raise ConnectionError

        with pytest.raises(ConnectionError):
            await served.client.post(served.url + "/upload", content=broken(), headers=head)
        answer = await served.client.post(served.url + "/upload", content="".join(entries).encode(), headers=head)
        assert 202 == answer.status_code
        assert [f"line {n}" for n in range(900)] == [" ".join(line.split()[-3:-1]) for line in served.lines]


async def test_a_client_certificate_stands_for_a_token(tmp_path: Path) -> None:
    """Who has a certificate of that name needs no token; one of another name, or of a stranger's authority, does."""
    ours, theirs = Authority(tmp_path), Authority(tmp_path, "Strangers")
    certificate, key = ours.issued("credwatch.example")
    options = {"certificate": certificate, "certificate_key": key, "client_authority": ours.file}
    statuses = []
    for authority, name in ((ours, "web1.example"), (ours, "web2.example"), (theirs, "web1.example"), (None, "")):
        context = ssl.create_default_context(cafile=ours.file)
        if authority is not None:
            context.load_cert_chain(*authority.issued(name))
        async with serving(options=options, source={"client_names": ("web1.example",)}, verify=context) as served:
            try:
                statuses.append((await served.client.post(served.url + "/lines", content="a")).status_code)
                statuses.append((await served.post("/lines", "b")).status_code)
            except httpx.TransportError:
                statuses.append(0)
    assert [200, 200, 401, 200, 0, 401, 200] == statuses


async def test_a_port_that_is_taken_is_told_and_the_sources_are_down() -> None:
    """The error names the address; the sources have the problem until the listener has its port."""
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        intake = Intake(1000)
        part = PushPart(Starlette, PushOptions(port=port), [intake])
        with pytest.raises(ConfigurationError, match=f"cannot listen on 127.0.0.1:{port}"):
            await part.start()
        assert intake.problem is not None
        await part.stop()
