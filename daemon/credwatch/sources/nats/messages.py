"""What a message of a stream comes to: a batch, lines of anybody's, or something to set aside."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from msgspec import Struct
from nats.aio.msg import Msg

from credwatch.sources.interface import LINE_LIMIT
from credwatch.sources.nats.options import NatsSourceOptions
from credwatch.sources.push.json_lines import read_lines
from credwatch.sources.push.refused import RequestRefused
from credwatch.sources.received.intake import OTHERS
from credwatch.sources.received.parcel import Parcel, Shipped
from credwatch.sources.shipped.batch import BatchRefused, LogBatch, is_batch, read_batch, read_body
from credwatch.sources.shipped.parcels import batch_parcel, kept_lines

MessagePlace = tuple[str, int]
"""The stream, and the number of a message in it."""

_WIDTH = 27
"""A message has room for so many bits of bytes: its place among the bytes of the stream, as far as we count them."""


class StreamDelivery(Struct, frozen=True, eq=False):
    """One delivery of a message."""

    message: Msg
    """The message, by which it is acknowledged."""
    epoch: str
    """Names the stream."""
    number: int
    """Its number in the stream."""

    @classmethod
    def of(cls, message: Msg, epoch: str) -> StreamDelivery:
        """Say where a message stands."""
        return cls(message, epoch, message.metadata.sequence.stream)

    @property
    def place(self) -> MessagePlace:
        """What no other message has."""
        return self.epoch, self.number


def parcel_of(
    delivered: StreamDelivery, options: NatsSourceOptions, file_of: Callable[[str], str], floor: int, now: datetime
) -> Parcel:
    """Make a parcel of a message, whatever is in it; the messages up to number `floor` will not come again."""
    headers, body = delivered.message.headers or {}, delivered.message.data
    try:
        text = read_body(headers, body, options.unpacked_bytes)
        if is_batch(headers):
            return _batch(read_batch(headers, text), file_of, now)
        data, reason = _lines(text, headers, json_only=options.format == "json"), ""
    except BatchRefused as error:
        data, reason = kept_lines(body), error.reason
    file = file_of(delivered.message.subject[:512])
    begin = delivered.number << _WIDTH
    shipped = Shipped(
        series=delivered.epoch,
        begin=begin,
        end=begin + (1 << _WIDTH),
        settled=(floor + 1) << _WIDTH,
        is_joined=False,
        refused=reason,
    )
    return Parcel(file, data, "", now, shipped=shipped)


def _batch(batch: LogBatch, file_of: Callable[[str], str], now: datetime) -> Parcel:
    parcel = batch_parcel(batch, file_of, now, waits=True)
    if parcel.file == OTHERS:
        raise BatchRefused("too_many_logs", "there are too many logs")
    return parcel


def _lines(text: bytes, headers: dict[str, str], *, json_only: bool) -> bytes:
    """Read lines and documents as `POST /lines` does; where a record is none, every line is taken as it is."""
    media_type = next((value for name, value in headers.items() if name.lower() == "content-type"), "")
    media_type = media_type.partition(";")[0].strip().lower()
    try:
        pushed = read_lines(text, media_type, json_only)
    except RequestRefused:
        return kept_lines(text)
    return kept_lines(text) if pushed.refused or any(len(line) > LINE_LIMIT for line in pushed.lines) else pushed.data
