"""Ranges are fetched once, again only where they have changed, and whatever a server does, what was fetched is kept."""

import gzip
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from credwatch.kernel.errors import ProblemsFound
from credwatch.kernel.options import validated
from credwatch.policy.corpus.fetching import Fetched, fetch_ranges
from credwatch.policy.corpus.layout import CorpusError, HashKind
from credwatch.policy.corpus.ranges import range_files, text_of_range
from credwatch.policy.options import GateOptions

PREFIXES = range(0x5BAA0, 0x5BAB0)


class RangeServer(ThreadingHTTPServer):
    """Serves ranges as the public service does, and fails as it is told."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), RangeHandler)
        self.version = 1
        self.failures: list[tuple[int, dict[str, str], bytes]] = []
        self.asked: list[tuple[str, int]] = []

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}/range/"


class RangeHandler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: RangeServer

    def do_GET(self) -> None:
        status, headers, body = self._answer()
        self.server.asked.append((self.path, status))
        self.send_response(status)
        for name, value in (headers | {"Content-Length": str(len(body))}).items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def _answer(self) -> tuple[int, dict[str, str], bytes]:
        if self.server.failures:
            return self.server.failures.pop()
        name = self.path.split("?")[0].rsplit("/", 1)[1]
        etag = f'"{name}-{self.server.version if name == "5BAA6" else 1}"'
        if self.headers.get("If-None-Match") == etag:
            return 304, {}, b""
        width = 27 if "mode=ntlm" in self.path else 35
        text = f"{'1' * width}:{self.server.version}\r\n{'2' * width}:1".encode()
        return 200, {"ETag": etag, "Content-Encoding": "gzip"}, gzip.compress(text)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture
def server() -> Iterator[RangeServer]:
    with RangeServer() as serving:
        thread = threading.Thread(target=serving.serve_forever)
        thread.start()
        yield serving
        serving.shutdown()
        thread.join(10)


def fetch(server: RangeServer, folder: Path, kind: HashKind = HashKind.SHA1) -> Fetched:
    return fetch_ranges(server.url, folder, kind, prefixes=PREFIXES, sleep=[].append)


def test_a_range_is_fetched_once(server: RangeServer, tmp_path: Path) -> None:
    """A second run gets nothing but answers that all is as it was, a third the one range that has changed."""
    assert Fetched(16, 0) == fetch(server, tmp_path)
    assert Fetched(0, 16) == fetch(server, tmp_path)
    server.version = 2
    assert Fetched(1, 15) == fetch(server, tmp_path)
    assert text_of_range(tmp_path, "5BAA6").startswith(b"1" * 35 + b":2")
    assert [*PREFIXES] == [file.prefix for file in range_files(tmp_path)]


def test_what_was_lost_is_fetched_again(server: RangeServer, tmp_path: Path) -> None:
    """A range whose file is gone, or whose ETag a crash has torn, is fetched anew."""
    fetch(server, tmp_path)
    (tmp_path / "5BA" / "5BAA1.gz").unlink()
    etags = tmp_path / "etags"
    etags.write_text(etags.read_text()[:-4] + "\nnot a line\n")
    assert 2 <= fetch(server, tmp_path).changed <= 3
    assert Fetched(0, 16) == fetch(server, tmp_path)


def test_ntlm_is_asked_for(server: RangeServer, tmp_path: Path) -> None:
    """Ranges of NTLM hashes are asked for by their mode."""
    fetch(server, tmp_path, HashKind.NTLM)
    assert all(path.endswith("?mode=ntlm") for path, _ in server.asked)


def test_a_busy_server_is_waited_for(server: RangeServer, tmp_path: Path) -> None:
    """A server that says when to come back, or fails for a while, is asked again."""
    server.failures = [(429, {"Retry-After": "7"}, b""), (503, {}, b""), (429, {"Retry-After": "99999"}, b"")]
    waits: list[float] = []
    sleep = waits.append
    assert Fetched(1, 0) == fetch_ranges(server.url, tmp_path, HashKind.SHA1, prefixes=[0x5BAA6], sleep=sleep)
    assert [120.0, 2.0, 7.0] == waits


@pytest.mark.parametrize(
    ("status", "body", "problem"),
    [
        (404, b"", "status 404"),
        (302, b"", "status 302"),
        (200, b"<html>log in first</html>\n", "a character"),
        (200, b"1" * 27 + b":1", "expected 35"),
        (200, b"", "found none"),
    ],
)
def test_an_answer_that_is_no_range_ends_the_run(
    server: RangeServer, tmp_path: Path, status: int, body: bytes, problem: str
) -> None:
    """A refusal, a login page, another kind of hash and nothing at all are no range; what was there is kept."""
    fetch(server, tmp_path)
    (tmp_path / "etags").unlink()
    before = text_of_range(tmp_path, "5BAA6")
    server.failures = [(status, {}, body)]
    with pytest.raises(CorpusError, match=problem) as raised:
        fetch(server, tmp_path)
    assert "127.0.0.1" in raised.value.where
    assert before == text_of_range(tmp_path, "5BAA6")


def test_a_server_that_is_away_is_given_up(tmp_path: Path) -> None:
    """After five tries at growing intervals the error says that a new run goes on."""
    waits: list[float] = []
    with pytest.raises(CorpusError, match="cannot be fetched") as raised:
        fetch_ranges("http://127.0.0.1:9/range/", tmp_path, HashKind.SHA1, prefixes=[1], sleep=waits.append)
    assert [1.0, 2.0, 4.0, 8.0, 16.0] == waits
    assert "run it again" in raised.value.hint


@pytest.mark.parametrize("url", ["http://ranges.example/range/", "ftp://ranges.example/", "https:///range/", "range/"])
def test_only_an_encrypted_server_is_allowed(url: str) -> None:
    """Whoever can alter the answers could let a password pass."""
    with pytest.raises(ProblemsFound, match="https://HOST/range/"):
        validated({"ranges_url": url}, GateOptions, where="gate")
    assert GateOptions(ranges_url="https://ranges.example/range/").ranges_url
