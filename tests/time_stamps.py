"""An authority of time stamps (RFC 3161) on loopback: OpenSSL's own `ts` behind a small HTTP server."""

from __future__ import annotations

import shutil
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from msgspec import Struct, field

_SETTINGS = """
[tsa]
default_tsa = here
[here]
serial = {folder}/serial
signer_cert = {folder}/tsa.pem
signer_key = {folder}/tsa.key
signer_digest = sha256
default_policy = 1.2.3.4.1
digests = sha256, sha384, sha512
accuracy = secs:1
[root]
basicConstraints = critical, CA:true
keyUsage = critical, keyCertSign, cRLSign
[stamping]
basicConstraints = critical, CA:false
keyUsage = critical, digitalSignature
extendedKeyUsage = critical, timeStamping
[req]
distinguished_name = name
[name]
"""


class StampingAuthority(Struct):
    """One authority; a test says how it answers."""

    folder: Path
    url: str = ""
    queries: list[bytes] = field(default_factory=list)
    status: int = 200
    reply: bytes | None = None
    """What it answers instead of a stamp."""

    @property
    def roots(self) -> Path:
        """Its certificates."""
        return self.folder / "root.pem"

    def answer(self, query: bytes) -> bytes:
        """Answer a query as OpenSSL does."""
        self.queries.append(query)
        if self.reply is not None:
            return self.reply
        question = self.folder / f"{len(self.queries)}.tsq"
        question.write_bytes(query)
        openssl(
            *("ts", "-reply", "-config", self.folder / "settings", "-section", "here"),
            *("-queryfile", question, "-out", question.with_suffix(".tsr")),
        )
        return question.with_suffix(".tsr").read_bytes()

    def verifies(self, stamp: Path, note: Path) -> bool:
        """Say whether OpenSSL takes a stamp for one of a file."""
        program = shutil.which("openssl") or ""
        command = (program, "ts", "-verify", "-in", stamp, "-data", note, "-CAfile", self.roots)
        return subprocess.run(command, capture_output=True, timeout=60, check=False).returncode == 0


def openssl(*arguments: str | Path) -> None:
    """Run OpenSSL."""
    subprocess.run(["openssl", *map(str, arguments)], check=True, capture_output=True, timeout=60)


@contextmanager
def a_stamping_authority(folder: Path, name: str = "Authority of the tests") -> Iterator[StampingAuthority]:
    """Make the keys of an authority, and have it answer on loopback."""
    if shutil.which("openssl") is None:
        pytest.skip("needs openssl")
    folder.mkdir(parents=True)
    authority = StampingAuthority(folder)
    settings = folder / "settings"
    settings.write_text(_SETTINGS.format(folder=folder))
    (folder / "serial").write_text("01\n")
    for who, section, signer in (("root", "root", ()), ("tsa", "stamping", ("-CA", "root.pem", "-CAkey", "root.key"))):
        signed = [folder / part if part.startswith("root.") else part for part in signer]
        openssl(
            *("req", "-x509", "-config", settings, "-newkey", "rsa:2048", "-nodes", "-days", "30"),
            *("-subj", f"/CN={name} {who}", "-extensions", section, *signed),
            *("-keyout", folder / f"{who}.key", "-out", folder / f"{who}.pem"),
        )
    server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(authority))
    authority.url = f"http://127.0.0.1:{server.server_address[1]}/"
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield authority
    finally:
        server.shutdown()
        server.server_close()
        thread.join(60)


def _handler(authority: StampingAuthority) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            assert "application/timestamp-query" == self.headers["Content-Type"]
            body = authority.answer(self.rfile.read(int(self.headers["Content-Length"])))
            self.send_response(authority.status)
            self.send_header("Content-Type", "application/timestamp-reply")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_arguments: object) -> None:
            """Say nothing."""

    return Handler
