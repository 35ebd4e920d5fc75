"""What `systemd-journal-upload` sends: one long request with entries in the export format, answered at its end.

It sends everything again that stands behind the last request that was answered. So the entries are cut into parcels at
places that depend on them alone, and a parcel that begins with the same entry is known again, however far it goes on.
When it was started again it also sends the last entry of the request before, so that one stays known,
also where we were killed meanwhile.
"""

from __future__ import annotations

from hashlib import blake2b

from starlette.background import BackgroundTask
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response

from credwatch.sources.journal.decode import ExportDecoder
from credwatch.sources.push.pushed import refuse_media
from credwatch.sources.push.refused import RequestRefused
from credwatch.sources.received.parcel import Parcel
from credwatch.web.push.desk import PushDesk, refusal

MEDIA_TYPE = "application/vnd.fdo.journal"
_PARCEL_BYTES = 256 * 1024


class JournalUpload:
    """Takes entries as they come, and the next ones once those before are committed."""

    def __init__(self, desk: PushDesk) -> None:
        self._desk = desk

    async def taken(self, request: Request) -> Response:
        """Answer when every entry of the request is committed."""
        name, parcels = "", list[Parcel]()
        try:
            name = await self._desk.pusher(request)
            _refuse_other(request)
            await self._entries(request, name, parcels)
        except RequestRefused as error:
            self._desk.unanswered(name, parcels)
            self._desk.told(name, error)
            return refusal(error)
        except ClientDisconnect:
            self._desk.unanswered(name, parcels)
            self._desk.on_pushed(name, "gone", 0)
            return Response(status_code=499)
        self._desk.on_pushed(name, "taken", 0)
        response = Response("OK.\n", status_code=202, media_type="text/plain")
        if parcels:
            response.background = BackgroundTask(self._answered, name, parcels)
        return response

    async def _answered(self, name: str, parcels: list[Parcel]) -> None:
        """Forget what was answered, but for the last entry, until another is the last one."""
        await self._desk.answered(name, *parcels)
        self._desk.keep_last(name, parcels[-1])

    async def _entries(self, request: Request, name: str, parcels: list[Parcel]) -> None:
        """Have the entries stored, and put the parcels that they came to into a list."""
        decoder, cutter = ExportDecoder(), ParcelCutter()
        async for piece in request.stream():
            for data in cutter.cut(decoder.lines(piece)):
                parcels.append(await self._stored(request, name, data, is_over=False))
        for data in (*cutter.cut(decoder.rest()), cutter.rest()):
            if data:
                parcels.append(await self._stored(request, name, data, is_over=True))

    async def _stored(self, request: Request, name: str, data: bytes, *, is_over: bool) -> Parcel:
        last = data.splitlines(keepends=True)[-1]
        return await self._desk.stored(
            request, name, data, digest_of(data), is_over=is_over, last_line=(digest_of(last), len(last))
        )


def _refuse_other(request: Request) -> None:
    media_type = request.headers.get("content-type", "").partition(";")[0].strip()
    if media_type != MEDIA_TYPE:
        raise refuse_media(media_type, MEDIA_TYPE)
    if request.headers.get("content-encoding", "identity") != "identity":
        raise RequestRefused(415, "entries are read as they come: send them without Content-Encoding")


class ParcelCutter:
    """Cuts lines into parcels behind the first line that fills one, however the lines come in."""

    def __init__(self) -> None:
        self._lines: list[bytes] = []
        self._size = 0

    def cut(self, lines: bytes) -> list[bytes]:
        """Give the parcels that some more lines fill; empty lines are left out."""
        parcels = []
        for line in lines.splitlines(keepends=True):
            if line.strip():
                self._lines.append(line)
                self._size += len(line)
            if self._size >= _PARCEL_BYTES:
                parcels.append(self.rest())
        return parcels

    def rest(self) -> bytes:
        """Give the lines that fill no parcel."""
        data = b"".join(self._lines)
        self._lines, self._size = [], 0
        return data


def digest_of(data: bytes) -> str:
    """Know a parcel by its first line, which tells host, process and microsecond."""
    return blake2b(data.partition(b"\n")[0], digest_size=16, person=b"journal").hexdigest()
