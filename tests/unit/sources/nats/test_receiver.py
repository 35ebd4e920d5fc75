"""Messages of a real stream: in order, once, whatever the server, the network or a shipper does."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import zstandard

from credwatch.sources.received.source import ReceivedSource
from credwatch.sources.shipped.batch import LogBatch, headers_of
from nats_server import PATIENCE, NatsServerProcess, a_nats_server
from unit.sources.followed import NOW, Reader
from unit.sources.nats.following import StreamSource, options

SERIES = "series-1"


@pytest.fixture
def server(tmp_path: Path) -> Iterator[NatsServerProcess]:
    with a_nats_server(tmp_path / "nats") as running:
        running.make_stream()
        yield running


def await_(is_so: Callable[[], Any], what: str) -> None:
    deadline = time.monotonic() + PATIENCE
    while not is_so():
        assert time.monotonic() < deadline, what
        time.sleep(0.02)


def batches(*texts: str, begin: int = 0, **changes: Any) -> list[LogBatch]:
    """Make batches that follow one another, one of each text."""
    made = []
    for text in texts:
        made.append(LogBatch("web1", "/var/log/auth.log", SERIES, begin, text.encode(), reference=NOW, **changes))
        begin = made[-1].end
    return made


def ship(server: NatsServerProcess, *some: LogBatch) -> None:
    server.publish(*(("lines.web1", it.before + it.data, headers_of(it)) for it in some))


def opened(server: NatsServerProcess, cursors: dict[str, Any] | None = None, **changes: Any) -> StreamSource:
    return StreamSource(options(server.url, **changes), cursors or {})


def taken(source: ReceivedSource, count: int, *, is_acknowledged: bool = True) -> Reader:
    """Commit until so many lines have come."""
    reader = Reader(source)

    def step() -> bool:
        if reader.step() and is_acknowledged:
            source.acknowledge(reader.chunks[-1])
        return len(reader.lines) >= count

    await_(step, f"{count} lines come")
    return reader


def test_a_committed_message_that_comes_again_counts_once(server: NatsServerProcess) -> None:
    """Where the commit is stored and the acknowledgement is lost, the message is known by its place."""
    ship(server, *batches("one\n", "two\n"))
    first = opened(server, ack_seconds=1)
    before = taken(first, 2, is_acknowledged=False)
    first.close()
    after = opened(server, before.cursors, ack_seconds=1)
    ship(server, *batches("three\n", begin=8))
    assert [b"three"] == taken(after, 1).lines
    await_(lambda: after.intake.is_empty(), "all is acknowledged")
    after.close()


def test_what_was_published_again_after_days_counts_once(server: NatsServerProcess) -> None:
    """The server takes a message twice whose id it has forgotten; the bytes of the log that it has are known."""
    some = batches("one\n", "two\n", "three\n")
    ship(server, *some, *some[1:], *batches("four\n", begin=14))
    source = opened(server)
    assert [b"one", b"two", b"three", b"four"] == taken(source, 4).lines
    await_(lambda: source.intake.is_empty(), "the repeats are acknowledged too")
    assert 0 == source.tally.gaps
    source.close()


def test_a_repeat_cut_at_other_places_counts_once(server: NatsServerProcess) -> None:
    """What overlaps with what was given is given from where that ends."""
    ship(server, *batches("one\n", "two\n"), *batches("two\nthree\n", begin=4))
    source = opened(server)
    assert [b"one", b"two", b"three"] == taken(source, 3).lines
    source.close()


def test_messages_out_of_order_are_put_in_order(server: NatsServerProcess) -> None:
    """A batch that comes before its predecessor waits for it."""
    one, two, three = batches("one\n", "two\n", "three\n")
    ship(server, one, three)
    source = opened(server)
    reader = taken(source, 1)
    ship(server, two)
    deadline = time.monotonic() + PATIENCE
    while len(reader.lines) < 3 and time.monotonic() < deadline:
        reader.step()
        time.sleep(0.02)
    assert {b"one", b"two", b"three"} == {*reader.lines}
    source.close()


def test_what_is_missing_for_good_holds_up_nothing_and_is_counted(server: NatsServerProcess) -> None:
    """Where the stream has lost a batch, the next one is given, and a gap is counted."""
    one, _, three = batches("one\n", "two\n", "three\n")
    ship(server, one, three)
    source = opened(server)
    assert [b"one", b"three"] == taken(source, 2).lines
    assert 1 == source.tally.gaps
    source.close()


def test_a_redelivery_between_later_messages_keeps_the_order(server: NatsServerProcess) -> None:
    """One of many messages that was under way to somebody who died comes late, and its successors wait for it."""
    some = batches(*(f"line {number}\n" for number in range(6)))
    ship(server, *some)

    async def take_one(jetstream: Any) -> None:
        await jetstream.add_consumer("LINES", durable_name="credwatch", ack_policy="explicit", ack_wait=2)
        subscription = await jetstream.pull_subscribe_bind("credwatch", "LINES")
        messages = await subscription.fetch(2, timeout=5)
        await messages[1].nak()  # the first one is forgotten, as by a process that was killed

    server.ask(take_one)
    source = opened(server)
    assert [f"line {number}".encode() for number in range(6)] == taken(source, 6).lines
    assert 0 == source.tally.gaps
    source.close()


def test_each_host_and_file_is_a_log_of_its_own(server: NatsServerProcess) -> None:
    """Batches of other logs have places of their own, and say their host, zone and format."""
    told = LogBatch("db1", "/var/log/ü.log", SERIES, 0, b"x\n", reference=NOW, format="json", zone="Asia/Ho_Chi_Minh")
    ship(server, *batches("one\n"), told)
    source = opened(server)
    reader = taken(source, 2)
    by_file = {chunk.file: chunk for chunk in reader.chunks}
    assert {"web1:/var/log/auth.log", "db1:/var/log/ü.log"} == {*by_file}
    terms = by_file["db1:/var/log/ü.log"].reading
    assert terms is not None
    assert ("json", "Asia/Ho_Chi_Minh", "db1", "") == (terms.format, terms.zone, terms.host, terms.refused)
    source.close()


def test_lines_before_come_with_a_batch_and_are_no_lines_of_it(server: NatsServerProcess) -> None:
    """What `last message repeated` may stand for travels with the batch."""
    repeated = b"Feb  7 08:00:09 web1 last message repeated 3 times\n"
    batch = LogBatch("web1", "/log", SERIES, 0, repeated, before=b"Feb  7 08:00:00 web1 sshd[7]: x\n", reference=NOW)
    ship(server, batch)
    source = opened(server)
    chunk = taken(source, 1).chunks[-1]
    assert (repeated, batch.before) == (chunk.data, chunk.before)
    source.close()


POISON = {
    "false_range": {"Credwatch-Range": "0-9999"},
    "bad_headers": {"Credwatch-Range": "-5-0"},
    "damaged": {"Content-Encoding": "zstd"},
    "bad_headers host": {"Credwatch-Host": "%0A<script>"},
    "bad_headers zone": {"Credwatch-Zone": "../../etc/passwd"},
    "bad_headers series": {"Credwatch-Series": "x"},
    "bad_headers before": {"Credwatch-Before": "99999999"},
}


@pytest.mark.parametrize("name", [*POISON])
def test_a_message_that_lies_is_set_aside_and_the_next_one_is_read(server: NatsServerProcess, name: str) -> None:
    """Its lines are given with the reason why none of them is to be read; nothing stops, and it does not come again."""
    (good,) = batches("good\n")
    server.publish(("lines.web1", b"evil\n", {**headers_of(good), "Credwatch-Range": "0-5"} | POISON[name]))
    ship(server, good)
    source = opened(server)
    reader = taken(source, 2)
    reasons = {chunk.data: chunk.reading.refused if chunk.reading else None for chunk in reader.chunks}
    assert {b"evil\n": name.split()[0], b"good\n": ""} == reasons
    await_(lambda: source.intake.is_empty(), "both are acknowledged")
    source.close()


def test_a_message_that_would_fill_memory_is_set_aside(server: NatsServerProcess) -> None:
    """A small message that unpacks to more than is allowed is not unpacked."""
    bomb = zstandard.ZstdCompressor().compress(b"\n" * 2_000_000)
    server.publish(("lines.web1", bomb, {"Content-Encoding": "zstd"}))
    source = opened(server, unpacked_bytes=1_000_000)
    terms = taken(source, 1).chunks[-1].reading
    assert terms is not None
    assert "too_large" == terms.refused
    source.close()


def test_messages_of_anybody_are_lines_or_documents(server: NatsServerProcess) -> None:
    """What other shippers publish is read as what they push; what comes again is known by its number in the stream."""
    document = b'{"message": "Feb  7 08:00:00 web1 sshd[7]: x", "@timestamp": "2026-02-07T08:00:00Z", "host": "web1"}'
    server.publish(("lines.a", b"one\ntwo", {}), ("lines.a", document, {}), ("lines.a", b"", {}))
    first = opened(server, ack_seconds=1)
    before = taken(first, 3, is_acknowledged=False)
    assert [b"one", b"two", b"Feb  7 08:00:00 web1 sshd[7]: x"] == before.lines
    first.close()
    after = opened(server, before.cursors)
    server.publish(("lines.a", b"three", {}))
    assert [b"three"] == taken(after, 1).lines
    after.close()


def test_a_server_that_is_away_is_told_and_come_back_to(server: NatsServerProcess) -> None:
    """While the server is gone the source has a problem; afterwards it goes on, nothing lost, nothing twice."""
    one, two = batches("one\n", "two\n")
    ship(server, one)
    source = opened(server)
    reader = taken(source, 1)
    server.kill()
    await_(source.problems, "the loss is told")
    assert source.problems()[0].hint
    server.start()
    ship(server, two)
    await_(lambda: (reader.step(), len(reader.lines) > 1)[1], "the source goes on")
    assert [b"one", b"two"] == reader.lines
    await_(lambda: not source.problems(), "the problem is over")
    source.close()


@pytest.mark.parametrize(("make", "told"), [("consumer", "no stream OTHER"), ("nothing", "no consumer credwatch")])
def test_what_is_missing_is_named(server: NatsServerProcess, make: str, told: str) -> None:
    """A stream or a consumer that is not there, and may not be made, is an error that says how to make it."""
    stream = "OTHER" if make == "consumer" else "LINES"
    source = opened(server, make=make, stream=stream)
    await_(source.problems, "the problem is told")
    assert told in source.problems()[0].message
    assert source.problems()[0].hint
    source.close()


def test_a_stream_is_made_where_that_is_allowed(server: NatsServerProcess) -> None:
    """With make = "stream" the first start needs nothing but a server."""
    source = opened(server, make="stream", stream="NEW", subjects=("new.>",))
    await_(lambda: source.looked, "the consumer is there")
    server.publish(("new.web1", b"one\n", {}))
    assert [b"one"] == taken(source, 1).lines
    source.close()


def test_no_more_is_under_way_than_the_bound_allows(server: NatsServerProcess) -> None:
    """Messages that wait for their commit are bounded by the consumer, and lag tells of the others."""
    ship(server, *batches(*(f"line {number}\n" for number in range(30))))
    source = opened(server, unacknowledged=4)
    reader = taken(source, 4, is_acknowledged=False)
    await_(lambda: source.looked and source.looked[-1][1] == 4, "four are under way")
    assert 26 == source.looked[-1][0]
    assert source.lag() >= 26
    for chunk in reader.chunks:
        source.acknowledge(chunk)
    assert 26 == len(taken(source, 26).lines)
    source.close()


def test_a_purged_stream_holds_up_nothing(server: NatsServerProcess) -> None:
    """A stream that was deleted and made again counts anew, and its messages are new ones."""
    server.publish(("lines.a", b"one\n", {}))
    first = opened(server)
    reader = taken(first, 1)
    await_(lambda: first.intake.is_empty(), "it is acknowledged")
    first.close()
    server.ask(lambda jetstream: jetstream.delete_stream("LINES"))
    server.make_stream()
    server.publish(("lines.a", b"one\n", {}))
    second = opened(server, reader.cursors)
    assert [b"one"] == taken(second, 1).lines
    second.close()


def test_what_was_there_before_can_be_left_out(server: NatsServerProcess) -> None:
    """With read_from = "end" the very first start begins with what comes."""
    server.publish(("lines.a", b"old\n", {}))
    source = opened(server, read_from="end")
    await_(lambda: source.looked, "the consumer is there")
    server.publish(("lines.a", b"new\n", {}))
    assert [b"new"] == taken(source, 1).lines
    source.close()


def test_the_reference_of_a_batch_dates_its_lines(server: NatsServerProcess) -> None:
    """A stamp without a year is dated by when the log was written, not by when the message came."""
    old = NOW - timedelta(days=700)
    ship(server, LogBatch("web1", "/log", SERIES, 0, b"Dec 31 23:59:59 web1 x: y\n", reference=old))
    source = opened(server)
    assert old == taken(source, 1).chunks[-1].reference
    source.close()
