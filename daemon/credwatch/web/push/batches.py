"""What `credwatch collect` pushes: `POST /batch`, one batch of one log, answered once it is committed.

A batch says which bytes of its log it has, so a repeat is known after any time. What is no batch is kept as unparsed,
and answered alike: its sender would only send it again.
"""

from __future__ import annotations

from collections.abc import Mapping

from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response

from credwatch.sources.push.refused import RequestRefused
from credwatch.sources.shipped.batch import BatchRefused, LogBatch, read_batch, read_body
from credwatch.web.push.desk import PushDesk, refusal


class BatchEndpoint:
    """Takes batches."""

    def __init__(self, desk: PushDesk) -> None:
        self._desk = desk

    async def taken(self, request: Request) -> Response:
        """Answer when the lines of a batch are committed."""
        name = ""
        try:
            name = await self._desk.pusher(request)
            self._desk.has_room(name)
            body = await self._desk.body(request)
            batch = await self._desk.apart(lambda: _read(request.headers, body, self._desk.unpacked_bytes))
            parcel = self._desk.parcel_of(name, batch, body)
            if parcel.data:
                await self._desk.committed(request, name, parcel)
        except RequestRefused as error:
            self._desk.told(name, error)
            return refusal(error)
        except ClientDisconnect:
            self._desk.on_pushed(name, "gone", 0)
            return Response(status_code=499)
        reason = parcel.shipped.refused if parcel.shipped else ""
        self._desk.on_pushed(name, "taken", int(bool(reason)))
        return JSONResponse({"set_aside": reason} if reason else {"taken": len(parcel.data)})


def _read(headers: Mapping[str, str], body: bytes, most_bytes: int) -> LogBatch | BatchRefused:
    try:
        return read_batch(headers, read_body(headers, body, most_bytes))
    except BatchRefused as error:
        return error
