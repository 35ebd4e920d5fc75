"""Fetches the public ranges into a folder, and later those of them alone that have changed.

The folder is laid out as `5BA/5BAA6.gz`, and its file `etags` has the ETag that each range came with. So what was
fetched is not fetched again, however the last run ended, and a range that has not changed costs an answer without a
body (304).
"""

from __future__ import annotations

import gzip
import http.client
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from threading import Lock, get_ident, local
from urllib.parse import urlsplit

from msgspec import Struct

from credwatch.policy.corpus.layout import RANGES, CorpusError, HashKind
from credwatch.policy.corpus.ranges import MOST_RANGE_BYTES, rows_of_range, unpacked

Sleep = Callable[[float], None]
OnFetched = Callable[[int], None]
"""Told how many ranges were just looked at."""

_CONNECTIONS = 16
_SLICE = 1024
_TRIES = 5
_LONGEST_WAIT = 120.0
_TIMEOUT_SECONDS = 30
_GO_ON = "what was fetched is kept; run it again to go on"


class Fetched(Struct, frozen=True):
    """What came of a run."""

    changed: int = 0
    """Ranges that were fetched."""
    unchanged: int = 0
    """Ranges that were there already as they are now."""


def fetch_ranges(
    url: str,
    folder: Path,
    kind: HashKind,
    *,
    prefixes: Sequence[int] = range(RANGES),
    sleep: Sleep = time.sleep,
    on_fetched: OnFetched = lambda _ranges: None,
) -> Fetched:
    """Fetch each range that is not there, or has changed since; `url` is what stands before its five digits.

    Raises CorpusError where a range cannot be had or is not one; what was fetched before is kept.
    """
    changed = 0
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with _EtagsFile(folder / "etags") as etags, ThreadPoolExecutor(_CONNECTIONS) as pool:
            fetch = _Fetcher(url, folder, kind, etags, sleep)
            for start in range(0, len(prefixes), _SLICE):
                part = prefixes[start : start + _SLICE]
                changed += sum(pool.map(fetch.fetched, part))
                on_fetched(len(part))
    except OSError as error:
        raise CorpusError(f"it cannot be written: {error.strerror}", where=str(folder), hint=_GO_ON) from error
    return Fetched(changed, len(prefixes) - changed)


class _EtagsFile:
    """The ETags of a folder: lines are appended, and of several for a range the last counts."""

    def __init__(self, path: Path) -> None:
        self._lock = Lock()
        self._tags: dict[int, str] = {}
        with suppress(FileNotFoundError):
            for line in path.read_text("latin-1").splitlines():
                prefix, _, tag = line.partition(" ")
                with suppress(ValueError):  # a line that a crash has torn: that range is fetched again
                    self._tags[int(prefix, 16)] = tag
        lines = [f"{prefix:05X} {tag}\n" for prefix, tag in sorted(self._tags.items())]
        unfinished = path.with_name("etags.new")
        unfinished.write_text("".join(lines), "latin-1")
        unfinished.replace(path)
        self._file = path.open("a", encoding="latin-1")

    def __enter__(self) -> _EtagsFile:
        return self

    def __exit__(self, *_error: object) -> None:
        self._file.close()

    def of(self, prefix: int) -> str:
        """Return the ETag of a range, or nothing."""
        return self._tags.get(prefix, "")

    def keep(self, prefix: int, tag: str) -> None:
        """Note the ETag of a range that has just been written."""
        with self._lock:
            self._tags[prefix] = tag
            self._file.write(f"{prefix:05X} {tag}\n")
            self._file.flush()


class _Fetcher:
    """Asks for single ranges, on a connection for each thread."""

    def __init__(self, url: str, folder: Path, kind: HashKind, etags: _EtagsFile, sleep: Sleep) -> None:
        parts = urlsplit(url)
        self._connect = http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
        self._host, self._path = parts.netloc, parts.path
        self._query = "?mode=ntlm" if kind is HashKind.NTLM else ""
        self._folder, self._kind, self._etags, self._sleep = folder, kind, etags, sleep
        self._local = local()

    def fetched(self, prefix: int) -> bool:
        """Bring one range up to date; return whether it was another one."""
        name = f"{prefix:05X}"
        target = self._folder / name[:3] / f"{name}.gz"
        tag = self._etags.of(prefix) if target.exists() else ""
        answer = self._answered(name, tag)
        if answer is None:
            return False
        body, tag = answer
        where = f"{self._host}{self._path}{name}"
        if not len(rows_of_range(unpacked(body, where), self._kind, prefix, where).keys):
            raise CorpusError("expected the rows of a range, found none", where=where, hint=_GO_ON)
        target.parent.mkdir(exist_ok=True)
        unfinished = target.with_suffix(f".{get_ident()}")
        unfinished.write_bytes(body)
        unfinished.replace(target)
        if tag:
            self._etags.keep(prefix, tag)
        return True

    def _answered(self, name: str, tag: str) -> tuple[bytes, str] | None:
        """Return the packed range and its ETag, or None where it is unchanged."""
        problem = ""
        for attempt in range(_TRIES):
            try:
                response, body = self._asked(name, tag)
            except (OSError, http.client.HTTPException) as error:
                self._local.connection = None
                problem, wait = type(error).__name__, 2.0**attempt
            else:
                if response.status == http.client.NOT_MODIFIED and tag:
                    return None
                if response.status == http.client.OK:
                    packed = response.headers.get("Content-Encoding") == "gzip"
                    etag = response.headers.get("ETag", "")
                    return body if packed else gzip.compress(body, mtime=0), etag if etag.isprintable() else ""
                problem, wait = f"status {response.status}", _wait(response, attempt)
                if response.status != http.client.TOO_MANY_REQUESTS and response.status < 500:
                    break
            self._sleep(wait)
        raise CorpusError(
            f"the range {name} cannot be fetched: {problem}", where=f"{self._host}{self._path}", hint=_GO_ON
        )

    def _asked(self, name: str, tag: str) -> tuple[http.client.HTTPResponse, bytes]:
        connection: http.client.HTTPConnection | None = getattr(self._local, "connection", None)
        if connection is None:
            connection = self._local.connection = self._connect(self._host, timeout=_TIMEOUT_SECONDS)
        headers = {"User-Agent": "credwatch", "Accept-Encoding": "gzip"} | ({"If-None-Match": tag} if tag else {})
        connection.request("GET", f"{self._path}{name}{self._query}", headers=headers)
        response = connection.getresponse()
        body = response.read(MOST_RANGE_BYTES + 1)
        if len(body) > MOST_RANGE_BYTES:
            raise http.client.HTTPException("too long")
        return response, body


def _wait(response: http.client.HTTPResponse, attempt: int) -> float:
    """Return how long the server asks to wait, within two minutes."""
    asked = response.headers.get("Retry-After", "")
    return min(_LONGEST_WAIT, float(asked)) if asked.isdecimal() else 2.0**attempt
