"""The pages behind nginx, with the configuration that docs/portal.md shows."""

from __future__ import annotations

import re
import shutil
import ssl
import subprocess
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from builders_outbox import a_certificate
from child_server import a_free_port
from portal_site import PortalSite, served

pytestmark = pytest.mark.real
PAGE = Path(__file__).parents[2] / "docs" / "portal.md"
_HOST = "security.modoro.com.vn"


def test_the_proxy_of_the_documentation_serves_the_pages(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Over TLS the pages come; the visitor's own X-Forwarded-For counts for nothing; another host gets 421."""
    nginx = shutil.which("nginx")
    if nginx is None:
        pytest.skip("needs the Debian package nginx-light")
    port, inner = a_free_port(), a_free_port()
    proxies = f'port = {inner}\ntrusted_proxies = ["127.0.0.1"]\n'
    site = PortalSite(tmp_path, monkeypatch, url=f"https://{_HOST}", options=proxies)
    seen: list[str] = []
    monkeypatch.setattr("credwatch.web.portal.front_door.pace_key", lambda address: seen.append(address) or "everybody")
    with served(site), _running(nginx, tmp_path, port, inner) as context:
        request = urllib.request.Request(
            f"https://127.0.0.1:{port}/check", headers={"Host": _HOST, "X-Forwarded-For": "198.51.100.99"}
        )
        text = urllib.request.urlopen(request, timeout=60, context=context).read().decode()
        assert "Kiểm tra thông báo" in text
        wrong = urllib.request.Request(f"https://127.0.0.1:{port}/", headers={"Host": "evil.example"})
        with pytest.raises(urllib.error.HTTPError, match="421"):
            urllib.request.urlopen(wrong, timeout=60, context=context)
    assert {"127.0.0.1"} == set(seen)
    site.close()


@contextmanager
def _running(nginx: str, folder: Path, port: int, inner: int) -> Iterator[ssl.SSLContext]:
    """Run nginx with the block of the page, with ports and certificate of the test."""
    (block,) = re.findall(r"```nginx\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.S)
    certificate, _ = a_certificate(folder)
    key = folder / "server.key"
    for shown, ours in (
        ("listen 443 ssl", f"listen 127.0.0.1:{port} ssl"),
        ("127.0.0.1:9467", f"127.0.0.1:{inner}"),
        (f"/etc/ssl/{_HOST}.pem", str(certificate)),
        (f"/etc/ssl/{_HOST}.key", str(key)),
    ):
        assert shown in block
        block = block.replace(shown, ours)
    kinds = ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    temporary = "".join(f"{kind}_temp_path {folder}/{kind};\n" for kind in kinds)
    settings = folder / "nginx.conf"
    settings.write_text(
        f"daemon off;\npid {folder}/nginx.pid;\nerror_log stderr;\nevents {{}}\n"
        f"http {{\naccess_log off;\n{temporary}{block}\n}}\n"
    )
    subprocess.run([nginx, "-t", "-q", "-c", str(settings), "-e", "stderr"], check=True, capture_output=True)
    process = subprocess.Popen([nginx, "-c", str(settings), "-e", "stderr"], stderr=subprocess.DEVNULL)
    try:
        context = ssl.create_default_context()
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        _await(port, context)
        yield context
    finally:
        process.terminate()
        process.wait(60)


def _await(port: int, context: ssl.SSLContext) -> None:
    deadline = time.monotonic() + 60
    while True:
        try:
            request = urllib.request.Request(f"https://127.0.0.1:{port}/", headers={"Host": _HOST})
            urllib.request.urlopen(request, timeout=10, context=context).read()
        except OSError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.1)
        else:
            return
