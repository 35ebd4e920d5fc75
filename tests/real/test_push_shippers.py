"""Real shippers push to a real daemon over TLS, configured as docs/sources.md says."""

from __future__ import annotations

import gzip
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from msgspec import Struct

from certificates import Authority
from real.journals import REMOTE, Journals
from scenarios.daemon import RUN_UNCHECKED, Site, a_site
from scenarios.lines import app_guessing, guessing
from scenarios.post_office import a_post_office
from scenarios.pushing import TOKEN, port_in, pushed_settings

pytestmark = pytest.mark.real

PAGE = (Path(__file__).resolve().parents[2] / "docs" / "sources.md").read_text(encoding="utf-8")
UPLOAD = Path("/lib/systemd/systemd-journal-upload")


class Receiver(Struct):
    """A daemon that is pushed to, and the authority that its shippers believe."""

    site: Site
    authority: Authority
    port: int

    def block(self, heading: str) -> str:
        """Give the first block below a heading of the page, with what is another's there put right for here."""
        text = re.search(rf"^### {heading}\n.*?^```\w+\n(.*?)^```", PAGE, re.M | re.S)
        assert text is not None
        return text[1].replace("192.0.2.10:9466", f"127.0.0.1:{self.port}")

    def takeovers(self) -> int:
        """Count the takeovers that were found."""
        return self.site.kinds()["account_takeover"]


@pytest.fixture(scope="module")
def receiver(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Receiver]:
    """Run a daemon that listens with TLS."""
    folder = tmp_path_factory.mktemp("receiver")
    authority = Authority(folder)
    certificate, key = authority.issued("credwatch.example")
    tls = f'certificate = "{certificate}"\ncertificate_key = "{key}"\nclient_authority = "{authority.file}"\n'
    source = '[[source]]\nid = "journals"\nkind = "push"\nclient_names = ["web1.example"]\n'
    settings = pushed_settings(0, tls, source)
    with a_post_office() as office, a_site(folder, office.port, settings=settings, command=RUN_UNCHECKED) as site:
        site.started()
        yield Receiver(site, authority, port_in(site))


def _ran(command: list[str], **more: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command, capture_output=True, text=True, timeout=60, **more)  # type: ignore[call-overload, no-any-return]


def _environment(token: str) -> dict[str, str]:
    """Give the environment of a shipper that knows a token, and no authorities but those it is told."""
    return {name: value for name, value in os.environ.items() if not name.endswith("_CA_BUNDLE")} | {"TOKEN": token}


def test_curl(receiver: Receiver, tmp_path: Path) -> None:
    """The command of the page sends a log; packed, it is taken too, and without the token it is not."""
    if shutil.which("curl") is None:
        pytest.skip("needs the Debian package curl")
    before = receiver.takeovers()
    (tmp_path / "auth.log").write_text("".join(f"{line}\n" for line in guessing(0, "quocbao", "203.0.113.21")))
    shutil.copy(receiver.authority.file, tmp_path / "authority.pem")
    command = receiver.block("curl")
    environment = _environment(TOKEN.reveal())
    sent = _ran(["sh", "-c", command], cwd=tmp_path, env=environment)
    assert (0, '{"taken":11,"refused":0,"errors":[]}') == (sent.returncode, sent.stdout), sent.stderr
    assert before + 1 == receiver.takeovers()
    log = "".join(f"{line}\n" for line in guessing(3600, "quocbao", "203.0.113.22")).encode()
    (tmp_path / "auth.log").write_bytes(gzip.compress(log))
    packed = command.replace("--data-binary", '-H "Content-Encoding: gzip" --data-binary')
    assert 0 == _ran(["sh", "-c", packed], cwd=tmp_path, env=environment).returncode
    assert 22 <= receiver.site.lines_taken()
    once = command.replace("until ", "").partition("\ndo ")[0]  # the loop would go on until the token is right
    refused = _ran(["sh", "-c", once], cwd=tmp_path, env=_environment("shipped.wrong"))
    assert (22, True) == (refused.returncode, "401" in refused.stderr)


def test_opentelemetry(receiver: Receiver, tmp_path: Path) -> None:
    """A Python program that logs with the SDK is read, with the settings of the page."""
    before = receiver.takeovers()
    shutil.copy(receiver.authority.file, tmp_path / "authority.pem")
    lines = app_guessing(7200, "ke.toan@haiau.example", "hai-au", "203.0.113.23")
    script = tmp_path / "program.py"
    script.write_text(_PROGRAM)
    environment = _environment(TOKEN.reveal())
    words = " ".join(line.replace("$TOKEN", "${TOKEN}") for line in receiver.block("OpenTelemetry").splitlines())
    sent = _ran(
        ["sh", "-c", f"{words} exec {sys.executable} {script}"], cwd=tmp_path, env=environment, input="\n".join(lines)
    )
    assert (0, "") == (sent.returncode, sent.stderr)
    assert before + 1 == receiver.takeovers()


_PROGRAM = """
import sys, logging
from opentelemetry.exporter.otlp.proto.http._log_exporter import OTLPLogExporter
from opentelemetry.sdk._logs import LoggerProvider, LoggingHandler
from opentelemetry.sdk._logs.export import BatchLogRecordProcessor
provider = LoggerProvider()
provider.add_log_record_processor(BatchLogRecordProcessor(OTLPLogExporter()))
log = logging.getLogger("program")
log.addHandler(LoggingHandler(logger_provider=provider))
log.propagate = False
for line in sys.stdin.read().splitlines():
    log.warning(line)
provider.shutdown()
"""


def test_systemd_journal_upload(receiver: Receiver, tmp_path: Path) -> None:
    """It sends a journal with its certificate, then only what came since; a stranger's certificate is refused."""
    if not UPLOAD.exists() or not Path(REMOTE).exists():
        pytest.skip("needs the Debian package systemd-journal-remote")
    before = receiver.site.lines_taken()
    journal = Journals(tmp_path)
    journal.write("first", 500)
    state = tmp_path / "state"
    assert "" == _uploaded(receiver, journal.folder, state, *receiver.authority.issued("web1.example"))
    assert 500 == receiver.site.lines_taken() - before
    journal.write("first", 2)
    assert "" == _uploaded(receiver, journal.folder, state, *receiver.authority.issued("web1.example"))
    assert 502 == receiver.site.lines_taken() - before
    assert "401" in _uploaded(receiver, journal.folder, tmp_path / "other", *receiver.authority.issued("web9.example"))
    assert 502 == receiver.site.lines_taken() - before


def _uploaded(receiver: Receiver, folder: Path, state: Path, certificate: Path, key: Path) -> str:
    """Send what a state file does not say was sent; give what is complained of."""
    url = re.search("URL=(.+)", receiver.block("systemd-journal-upload"))
    assert url is not None
    command = [
        str(UPLOAD), f"--url={url[1]}", f"--cert={certificate}", f"--key={key}", f"--trust={receiver.authority.file}",
        f"--directory={folder}", f"--save-state={state}", "--follow=no",
    ]  # fmt: skip
    sent = _ran(command)
    return "" if sent.returncode == 0 else sent.stderr or "failed"
