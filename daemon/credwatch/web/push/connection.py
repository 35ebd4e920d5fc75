"""One connection of a shipper: its bounds are those of the gate's, and it knows who is at the other end."""

from __future__ import annotations

import asyncio
import ssl
from typing import Any, cast

from msgspec import Struct

from credwatch.sources.tls import names_in
from credwatch.web.bounded_http import BoundedHttp, Bounds

SHIPPER = "credwatch.shipper"
"""The key of the ASGI scope under which a request finds its `Shipper`."""


class Shipper(Struct, frozen=True):
    """Who is at the other end of a connection."""

    address: str
    """Its IP address."""
    names: tuple[str, ...] = ()
    """The names in its client certificate, which an authority that is believed has signed."""


class ShipperHttp(BoundedHttp):
    """One connection, counted by the address at its other end."""

    shipper = Shipper("")

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Take a connection in, and note whose it is."""
        super().connection_made(transport)
        inner, self.shipper = self.app, _shipper(transport)

        async def app(scope: Any, receive: Any, send: Any) -> None:
            await cast("Any", inner)({**scope, SHIPPER: self.shipper}, receive, send)

        self.app = app

    def peer_of(self, transport: asyncio.Transport) -> tuple[object, object]:
        """Tell connections apart by their address alone."""
        address = _address(transport)
        return address, address


def shippers(limits: Bounds) -> type[ShipperHttp]:
    """Return the protocol with the given bounds, as uvicorn takes a class."""
    return type("ShipperHttp", (ShipperHttp,), {"bounds": limits})


def _shipper(transport: asyncio.Transport) -> Shipper:
    tls: ssl.SSLObject | None = transport.get_extra_info("ssl_object")
    certificate = tls.getpeercert() if tls is not None else None
    return Shipper(_address(transport), names_in(certificate or {}))


def _address(transport: asyncio.Transport) -> str:
    name = transport.get_extra_info("peername")
    return str(name[0]).removeprefix("::ffff:") if name else ""
