"""Finds what would keep whatever the daemon serves from listening, without listening."""

from __future__ import annotations

import grp
import os
import socket
from collections.abc import Iterator
from pathlib import Path

from credwatch.app.lock import Holder, holder_of
from credwatch.app.settings import Settings
from credwatch.inbox.options import LmtpOptions
from credwatch.kernel.errors import ConfigurationError, Problem, Severity
from credwatch.sources.network_options import PushSourceOptions, SyslogSourceOptions
from credwatch.sources.tls import server_context
from credwatch.web.access.options import AccessApiOptions
from credwatch.web.portal.options import PortalOptions
from credwatch.web.unix_socket import refuse_what_is_in_the_way

_MADE_BY_THE_UNIT = Path("/run/credwatch")
_LONGEST_PATH = 107
"""Bytes of a socket's path, unix(7)."""


def listening_problems(settings: Settings) -> Iterator[Problem]:
    """Yield what is in the way; what the daemon of this very state directory listens on is not."""
    running = holder_of(settings.daemon.state_directory)
    if settings.gate.enabled:
        yield from _socket("gate", settings.gate.socket, settings.gate.socket_group, running)
    portal, access = settings.portal, settings.access_api
    if portal.enabled:
        yield from _served("portal", portal, portal.socket, running)
    if access.enabled:
        yield from _served("access_api", access, access.socket if access.port is None else None, running)
    if settings.metrics.enabled and running is None:
        yield from _port("metrics", settings.metrics.address, settings.metrics.port)
    yield from _handing_over(settings.inbox.lmtp, running)
    yield from push_problems(settings, is_running=running is not None)
    for source in (source for source in settings.source if isinstance(source, SyslogSourceOptions)):
        yield from syslog_problems(source, is_running=running is not None)


def syslog_problems(source: SyslogSourceOptions, *, is_running: bool) -> Iterator[Problem]:
    """Yield what is wrong with where a source listens for syslog: its ports and its certificate."""
    where = f"source {source.id}"
    stream, datagram = socket.SOCK_STREAM, socket.SOCK_DGRAM
    ports = ((source.tcp_port, stream), (source.tls_port, stream), (source.udp_port, datagram))
    for port, kind in ports if not is_running else ():
        if port is not None:
            yield from _port(where, source.address, port, kind)
    try:
        server_context(source, where)
    except ConfigurationError as error:
        yield Problem.of(error, Severity.FAULT)


def push_problems(settings: Settings, *, is_running: bool) -> Iterator[Problem]:
    """Yield what is wrong with where shippers push: its port, its certificate, and tokens that anybody could read."""
    push = settings.push
    sources = [source for source in settings.source if isinstance(source, PushSourceOptions)]
    if not sources:
        return
    if not is_running:
        yield from _port("push", push.address, push.port)
    try:
        server_context(push)
    except ConfigurationError as error:
        yield Problem.of(error, Severity.FAULT)
    if push.certificate is None and not push.address.startswith(("127.", "::1", "localhost")):
        hint = "name a certificate (push.certificate), or listen on loopback behind something that speaks TLS"
        yield Problem("push", "tokens and lines cross the network in clear", hint, Severity.WARNING)
    if push.client_authority is None:
        for source in (source for source in sources if source.client_names):
            hint = "name the authority that signs client certificates (push.client_authority)"
            yield _fault(f"source {source.id}: client_names", "no client certificate is believed", hint)


def _served(
    table: str, place: PortalOptions | AccessApiOptions, path: Path | None, running: Holder | None
) -> Iterator[Problem]:
    if path is not None:
        yield from _socket(table, path, place.socket_group, running)
    elif running is None:
        yield from _port(table, place.address, place.port or 0)


def _handing_over(lmtp: LmtpOptions | None, running: Holder | None) -> Iterator[Problem]:
    if lmtp is not None and lmtp.socket is not None:
        yield from _socket("inbox.lmtp", lmtp.socket, lmtp.socket_group, running)
    elif lmtp is not None and running is None:
        yield from _port("inbox.lmtp", "127.0.0.1", lmtp.port)


def _socket(table: str, path: Path, group: str, running: Holder | None) -> Iterator[Problem]:
    if len(os.fsencode(path)) > _LONGEST_PATH:
        yield _fault(
            str(path), f"a socket's path has at most {_LONGEST_PATH} bytes", f"choose a shorter {table}.socket"
        )
        return
    if path.parent != _MADE_BY_THE_UNIT or path.parent.exists():
        yield from _folder(table, path.parent)
    if group and not _exists(group):
        yield _fault(f"{table}.socket_group", f"there is no group {group!r}", "name an existing group")
    try:
        refuse_what_is_in_the_way(path, own=running.process if running else 0, what=table)
    except ConfigurationError as error:
        yield Problem.of(error, Severity.FAULT)


def _folder(table: str, folder: Path) -> Iterator[Problem]:
    if not folder.is_dir():
        yield _fault(f"{table}.socket: {folder}", "the folder does not exist", "create it for the daemon's user")
    elif not os.access(folder, os.W_OK | os.X_OK):
        yield _fault(f"{table}.socket: {folder}", "the daemon may not write there", "give it to its user")


def _exists(group: str) -> bool:
    try:
        grp.getgrnam(group)
    except KeyError:
        return False
    return True


def _port(where: str, address: str, port: int, way: socket.SocketKind = socket.SOCK_STREAM) -> Iterator[Problem]:
    """Take a port for an instant; two checks at once are not in each other's way, for neither listens."""
    try:
        family, _, _, _, place = socket.getaddrinfo(address, port, type=way)[0]
        with socket.socket(family, way) as probe:
            if way is socket.SOCK_STREAM:
                probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(place)
    except OSError as error:
        yield _fault(
            where,
            f"cannot listen on {address}:{port}: {error.strerror or error}",
            "another program may use the port; choose another one, or 0 for any that is free",
        )


def _fault(where: str, message: str, hint: str) -> Problem:
    return Problem(where, message, hint, Severity.FAULT)
