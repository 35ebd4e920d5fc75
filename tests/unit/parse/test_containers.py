"""Holds lines of containers to being read as the lines that they hold, and what forges an envelope to being none."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

import pytest

from credwatch.kernel.resources import shipped
from credwatch.parse.containers import lines_in
from credwatch.parse.logs import Stacked
from credwatch.parse.parse import Parsed, SourceFormat, parse
from credwatch.parse.pieces import HEADLESS
from credwatch.rules.packs.packs import load_packs

PACKS = load_packs(shipped("rules") / "packs")
STAMP = "2026-04-28T13:11:40.123456789Z"
READ = datetime(2026, 4, 28, 13, 11, 40, 123456, UTC)
SSHD = "Failed password for lan from 203.0.113.7 port 38066 ssh2"
ID = "0123456789ab" * 5 + "cdef"
POD_LOG = f"/var/log/containers/bastion-0_ops_sshd-{ID}.log"
DOCKER_LOG = f"/var/lib/docker/containers/{ID}/{ID}-json.log"
KINDS = ("event.action", "user.name", "source.ip", "event.outcome")


def cri(text: str, tag: str = "F", stream: str = "stdout", stamp: str = STAMP) -> str:
    """Write a line as containerd does."""
    return f"{stamp} {stream} {tag} {text}\n"


def docker(text: str, stream: str = "stdout", **more: Any) -> str:
    """Write a line as Docker's driver json-file does."""
    return json.dumps({"log": text, "stream": stream, **more, "time": STAMP}, separators=(",", ":")) + "\n"


def read(text: str, file: str = POD_LOG, kind: str = "auto", before: bytes = b"") -> Parsed:
    """Read the lines of one log."""
    stacked = Stacked.of([lines_in(before + text.encode(), 0)], [datetime(2026, 5, 1, tzinfo=UTC)], [file])
    zone = "Asia/Ho_Chi_Minh"
    return parse(stacked.lines, packs=PACKS, source=SourceFormat("x", kind, zone), reference=stacked.logs)


def told(parsed: Parsed, *names: str) -> Sequence[tuple[Any, ...]]:
    """Give some fields of each event."""
    return parsed.events.select(*names).rows()


@pytest.mark.parametrize("kind", ["auto", "syslog"])
@pytest.mark.parametrize(
    "text",
    [
        f"Apr 28 20:11:39 bastion-0 sshd[7]: {SSHD}",
        f"2026-04-28 20:11:39 bastion-0 sshd[7]: {SSHD}",
        f"<38>1 - bastion-0 sshd 7 - - {SSHD}",
        f"<38>Apr 28 20:11:39 bastion-0 sshd[7]: {SSHD}",
        SSHD,
    ],
)
def test_the_runtimes_stamp_counts_where_the_text_says_no_zone(text: str, kind: str) -> None:
    """Whatever header stands within, or none, host, program and message are the same, and the zone is the stamp's."""
    for line in (cri(text), docker(f"{text}\n"), docker(f"{text}\r\n", attrs={"tag": "x"})):
        (event,) = told(read(line, kind=kind), "@timestamp", "host.name", "process.name", *KINDS)
        assert (READ, "bastion-0", "sshd", "login", "lan", "203.0.113.7", "failure") == event


def test_a_text_that_says_its_zone_keeps_its_time() -> None:
    """A stamp with a zone goes before that of the runtime."""
    line = cri(f"2026-04-28T20:11:39+07:00 web1 sshd[7]: {SSHD}")
    assert [(datetime(2026, 4, 28, 13, 11, 39, tzinfo=UTC), "web1")] == told(read(line), "@timestamp", "host.name")


def test_an_object_within_is_read_as_one() -> None:
    """JSON within either envelope gives the event that it gives alone, and its object for rules on native fields."""
    event = {"action": "login", "outcome": "failure"}
    people = {"user": {"name": "lan"}, "source": {"ip": "203.0.113.7"}}
    when = {"schema": "credwatch-app/1", "@timestamp": "2026-04-28T13:11:39Z"}
    inner = json.dumps({**when, "event": event, **people})
    alone = read(inner + "\n", file="/x.log")
    for line in (cri(inner), docker(inner + "\n")):
        within = read(line)
        assert told(alone, "@timestamp", *KINDS) == told(within, "@timestamp", *KINDS)
        assert [(inner,)] == told(within, "credwatch.native")


@pytest.mark.parametrize(
    ("file", "host", "program"),
    [
        (POD_LOG, "bastion-0", "sshd"),
        ("/var/log/pods/ops_bastion-0_6f1d-77/sshd/0.log", "bastion-0", "sshd"),
        ("/var/log/pods/ops_bastion-0_6f1d-77/sshd/0.log.20261127-100000.gz", "bastion-0", "sshd"),
    ],
)
def test_the_files_name_says_pod_and_container(file: str, host: str, program: str) -> None:
    """A text without a header is a message of the container's program, on the pod."""
    assert [(host, program)] == told(read(cri(SSHD), file), "host.name", "process.name")


def test_a_container_of_docker_is_named_by_its_id() -> None:
    """Docker gives a container the beginning of its id as host name, and its path says no more."""
    line = docker(f"2026-04-28T13:11:40Z sshd[7]: {SSHD}\n")
    assert [(ID[:12], "sshd")] == told(read(line, DOCKER_LOG), "host.name", "process.name")
    unread = read(docker("hello\n"), DOCKER_LOG).unparsed
    assert [("unknown_program", cri("hello").rstrip())] == unread.select("reason", "line").rows()


def test_pieces_of_both_streams_are_joined() -> None:
    """Pieces that stand between those of the other stream become two lines, each in the place of its last piece."""
    head, tail = SSHD[:20], SSHD[20:]
    lines = [
        cri(head, "P"),
        cri("Invalid user ", "P", "stderr"),
        cri(tail),
        cri("root from 203.0.113.9", "F", "stderr"),
    ]
    frame = lines_in("".join(lines).encode(), 0)
    ends = [sum(map(len, lines[:3])), sum(map(len, lines))]
    assert ends == frame["position"].to_list()
    assert [ends[1], ends[1]] == frame["until"].to_list(), "within them nobody may go on"
    assert [SSHD, "Invalid user root from 203.0.113.9"] == frame["inner"].to_list()
    docked = docker(head) + docker(f"{tail}\n")
    assert [SSHD] == lines_in(docked.encode(), 0)["inner"].to_list()


def test_a_line_in_endless_pieces_is_bounded() -> None:
    """Of pieces beyond the longest line nothing is kept, and the line says that it is cut."""
    frame = lines_in((cri("x" * 16_384, "P") * 100 + cri("end")).encode(), 0)
    assert [65_536] == frame["inner"].str.len_bytes().to_list()
    assert ["too_long"] == frame["malformed"].to_list()


@pytest.mark.parametrize(
    "line",
    [
        json.dumps({"kind": "x", "note": cri(SSHD)}) + "\n",
        json.dumps({"log": f"{SSHD}\n", "stream": "stdout", "time": STAMP, "user": "x"}) + "\n",
        json.dumps({"log": f"{SSHD}\n", "stream": "stdin", "time": STAMP}) + "\n",
        json.dumps({"log": f"{SSHD}\n", "stream": "stdout", "time": "now"}) + "\n",
        f"x {cri(SSHD)}",
        cri(cri(SSHD).rstrip()),
        cri(docker(f"{SSHD}\n").rstrip()),
        docker(cri(SSHD)),
        docker(docker(f"{SSHD}\n")),
        docker(f"hello\n{cri(SSHD)}"),
    ],
)
def test_a_forged_envelope_is_none(line: str) -> None:
    """An envelope counts at the beginning of a line, once, and in the runtime's own form alone."""
    parsed = read(line, file="/var/log/x.log")
    assert (0, 1) == (parsed.events.height, parsed.unparsed.height)


def test_what_goes_on_with_a_given_line_is_no_line() -> None:
    """Whoever makes a line so long that it is given in parts cannot make its rest pass for a line, then or later."""
    parsed = read(cri("", "P") + cri(SSHD) + cri(SSHD), before=HEADLESS)
    assert 1 == parsed.events.height
    (kept,) = [line for line in parsed.unparsed["line"] if SSHD in line]
    again = read(kept + "\n")
    assert (0, 1) == (again.events.height, again.unparsed.height)


@pytest.mark.parametrize("line", [cri(""), docker("\n")])
def test_an_empty_text_is_an_empty_line(line: str) -> None:
    """A container that prints an empty line has told nothing, and nothing is kept of it."""
    parsed = read(line)
    assert (0, 0, 1) == (parsed.events.height, parsed.unparsed.height, parsed.skipped)


@pytest.mark.parametrize("secret", ['{"user":"lan","password":"hunter2hunter2"}', "login --password hunter2hunter2"])
def test_secrets_within_are_masked(secret: str) -> None:
    """What is kept of a container's line holds no secret, however Docker has escaped it."""
    for line in (cri(secret), docker(f"{secret}\n")):
        (kept,) = read(line).unparsed["line"]
        assert "hunter2" not in kept
        assert "***" in kept
