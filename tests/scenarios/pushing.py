"""A daemon that shippers push to, and a shipper that never gives up."""

from __future__ import annotations

import re
import time

import httpx

from child_server import a_free_port
from credwatch.kernel.secret import Secret
from credwatch.sources.push.tokens import new_token
from scenarios.daemon import PATIENCE, Site, await_
from scenarios.site_files import SETTINGS

SOURCE = "shipped"
TOKEN, HASH = new_token(SOURCE)


def pushed_settings(port: int, more: str = "", source: str = "") -> str:
    """Give the settings of a site with one source that is pushed to on a port of loopback."""
    table = f'[push]\nport = {port}\n{more}\n[[source]]\nid = "{SOURCE}"\nkind = "push"\ntoken_hashes = ["{HASH}"]\n'
    return SETTINGS + (table + source).replace("{", "{{").replace("}", "}}")


class PatientShipper:
    """Sends each batch until it is told that it was taken."""

    def __init__(self, port: int, token: Secret = TOKEN) -> None:
        self._url = f"http://127.0.0.1:{port}"
        self._headers = {"Authorization": f"Bearer {token.reveal()}"}
        self.sent = 0
        """How often something was sent."""

    def post(self, path: str, body: bytes | str, **headers: str) -> httpx.Response:
        """Send once."""
        self.sent += 1
        return httpx.post(self._url + path, content=body, headers=self._headers | headers, timeout=20)

    def deliver(self, *lines: str) -> None:
        """Send lines until they are taken."""
        deadline = time.monotonic() + PATIENCE
        while time.monotonic() < deadline:
            try:
                if self.post("/lines", "".join(f"{line}\n" for line in lines)).status_code == 200:
                    return
            except httpx.TransportError:
                pass
            time.sleep(0.1)
        raise AssertionError("the lines were never taken")


def port_in(site: Site) -> int:
    """Say where a site listens for shippers."""
    await_(lambda: "push.listening" in site.log(), what="the daemon listens for shippers")
    line = next(line for line in site.log().splitlines() if "push.listening" in line)
    port = re.search(r'"port": ?(\d+)', line)
    assert port is not None
    return int(port[1])


__all__ = ["SOURCE", "TOKEN", "PatientShipper", "a_free_port", "port_in", "pushed_settings"]
