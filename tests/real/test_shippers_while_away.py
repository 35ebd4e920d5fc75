"""Real shippers while the daemon is away: what docs/sources.md says of each holds, in an absence that is shorter.

Each retries at its own pace, which is quickened here as the absence is shortened; what it keeps meanwhile is the same.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from msgspec import Struct

from certificates import Authority
from child_server import a_free_port
from credwatch.kernel.blindness import Blindness
from kills.trial import blind_intervals
from real.journals import REMOTE, Journals
from real.test_push_shippers import _PROGRAM, PAGE, UPLOAD
from scenarios.daemon import RUN_UNCHECKED, Site, a_site, await_
from scenarios.lines import app, guessing, ssh
from scenarios.post_office import a_post_office
from scenarios.pushing import TOKEN, pushed_settings
from scenarios.site_files import SETTINGS

pytestmark = pytest.mark.real

ABSENCE_SECONDS = 4.0
"""An hour, to a shipper whose every pause is a second or less."""


UNDER_WAY = 3
"""So many lines a sender may lose, or send twice, where a connection ends or is refused."""


class Destination(Struct):
    """A site whose daemon is away, and how its shippers reach it."""

    site: Site
    authority: Authority
    port: int
    folder: Path

    def block(self, heading: str) -> str:
        """Give the first block below a heading of the page, put right for here, with short pauses."""
        text = re.search(rf"^### {heading}\n.*?^```\w*\n(.*?)^```", PAGE, re.M | re.S)
        assert text is not None
        return text[1].replace("192.0.2.10:9466", f"127.0.0.1:{self.port}").replace("sleep 10", "sleep 0.2")

    def environment(self) -> dict[str, str]:
        """Give the environment of a shipper that knows the token, and no authorities but those it is told."""
        kept = {name: value for name, value in os.environ.items() if not name.endswith("_CA_BUNDLE")}
        return kept | {"TOKEN": TOKEN.reveal()}


@pytest.fixture
def away(tmp_path: Path) -> Iterator[Destination]:
    """Furnish a site that would listen with TLS, if it ran."""
    authority, port = Authority(tmp_path), a_free_port()
    certificate, key = authority.issued("credwatch.example")
    tls = f'certificate = "{certificate}"\ncertificate_key = "{key}"\nclient_authority = "{authority.file}"\n'
    source = '[[source]]\nid = "journals"\nkind = "push"\nclient_names = ["web1.example"]\n'
    settings = pushed_settings(port, tls, source)
    with a_post_office() as office, a_site(tmp_path, office.port, settings=settings, command=RUN_UNCHECKED) as site:
        shutil.copy(authority.file, tmp_path / "authority.pem")
        yield Destination(site, authority, port, tmp_path)


@contextmanager
def _running(command: list[str], **more: object) -> Iterator[subprocess.Popen[bytes]]:
    process = subprocess.Popen(command, stderr=subprocess.PIPE, **more)  # type: ignore[call-overload]
    try:
        yield process
    finally:
        process.kill()
        process.wait()


def test_a_loop_around_curl_waits(away: Destination) -> None:
    """The loop of the page sends until it is taken: each line counts once, and the attack in them is found."""
    if shutil.which("curl") is None:
        pytest.skip("needs the Debian package curl")
    (away.folder / "auth.log").write_text("".join(f"{line}\n" for line in guessing(0, "quocbao", "203.0.113.21")))
    with _running(["sh", "-c", away.block("curl")], cwd=away.folder, env=away.environment()) as curl:
        time.sleep(ABSENCE_SECONDS)
        assert curl.poll() is None
        away.site.started()
        assert 0 == curl.wait(60)
    assert 11 == away.site.lines_taken()
    assert away.site.kinds()["account_takeover"] == 1


def test_a_journal_upload_that_is_started_again_goes_on(away: Destination) -> None:
    """Its unit starts it again after each failure: each entry comes once, those of the absence too."""
    if not UPLOAD.exists() or not Path(REMOTE).exists():
        pytest.skip("needs the Debian package systemd-journal-remote")
    journal, state = Journals(away.folder), away.folder / "upload-state"
    certificate, key = away.authority.issued("web1.example")
    url = re.search("URL=(.+)", away.block("systemd-journal-upload"))
    assert url is not None
    once = (
        f"{UPLOAD} --url={url[1]} --cert={certificate} --key={key} --trust={away.authority.file} "
        f"--directory={journal.folder} --save-state={state} --follow=no"
    )
    away.site.started()
    journal.write("first", 50)
    assert 0 == subprocess.run(["sh", "-c", once], capture_output=True, timeout=60).returncode
    away.site.kill()
    journal.write("first", 70)
    with _running(["sh", "-c", f"until {once}; do sleep 0.2; done"]) as unit:
        time.sleep(ABSENCE_SECONDS)
        assert unit.poll() is None
        away.site.started()
        assert 0 == unit.wait(60)
    assert 120 == away.site.lines_taken()


@pytest.mark.parametrize(("timeout", "expected"), [("60", 20), ("2", 0)], ids=["within", "beyond"])
def test_the_opentelemetry_sdk_waits_as_long_as_its_timeout(away: Destination, timeout: str, expected: int) -> None:
    """What it sends again within its timeout counts once; beyond it the SDK gives up and says so: nothing is kept."""
    lines = [app(n, "login", "success", f"p{n}@haiau.example", "hai-au", "198.51.100.9") for n in range(20)]
    script = away.folder / "program.py"
    script.write_text(_PROGRAM)
    words = " ".join(line.replace("$TOKEN", "${TOKEN}") for line in away.block("OpenTelemetry").splitlines())
    words = re.sub(r"(OTEL_EXPORTER_OTLP_LOGS_TIMEOUT)=\d+", rf"\1={timeout}", words)
    command = ["sh", "-c", f"{words} exec {sys.executable} {script}"]
    with _running(command, cwd=away.folder, env=away.environment(), stdin=subprocess.PIPE) as program:
        assert program.stdin is not None
        program.stdin.write("\n".join(lines).encode())
        program.stdin.close()
        time.sleep(ABSENCE_SECONDS)
        away.site.started()
        program.wait(120)
        assert program.stderr is not None
        said = program.stderr.read().decode()
    assert expected == away.site.lines_taken()
    assert ("Failed to export" in said) == (expected == 0), said


def test_rsyslog_keeps_a_queue_and_what_it_lost_is_told(tmp_path: Path) -> None:
    """What it reads while we are away comes afterwards; it may lose, or repeat, the few lines that were under way."""
    if shutil.which("rsyslogd") is None:
        pytest.skip("needs the Debian package rsyslog")
    port = a_free_port()
    settings = f'{SETTINGS}[[source]]\nid = "net"\nkind = "syslog"\ntcp_port = {port}\n'
    lines = [ssh(n, "Accepted", f"user{n}", "198.51.100.4", process=n) for n in range(600)]
    log, config = tmp_path / "auth.log", tmp_path / "rsyslog.conf"
    log.write_text("".join(f"{line}\n" for line in lines[:300]))
    config.write_text(_rsyslog(tmp_path, log, port))
    with a_post_office() as office, a_site(tmp_path, office.port, settings=settings, command=RUN_UNCHECKED) as site:
        with _running(["rsyslogd", "-n", "-f", str(config), "-i", str(tmp_path / "pid")]):
            time.sleep(ABSENCE_SECONDS)
            site.started()
            await_(lambda: site.lines_taken() >= 300, what="all that waited is taken")
            site.kill()
            with log.open("a") as more:
                more.write("".join(f"{line}\n" for line in lines[300:]))
            time.sleep(ABSENCE_SECONDS)
            site.started()
            await_(lambda: site.lines_taken() >= len(lines) - UNDER_WAY, what="what waited is taken")
        assert 0 == site.terminate()
        assert site.lines_taken() <= len(lines) + UNDER_WAY
        assert [("net", Blindness.DOWN)] == [(it.source, it.reason) for it in blind_intervals(site)]


def _rsyslog(folder: Path, log: Path, port: int) -> str:
    """Write settings that follow a log and forward it over TCP as the page says, with a short pause."""
    action = re.search(r"^# TCP\n(action\(.*?\))\n", PAGE, re.M | re.S)
    assert action is not None
    here = action[1].replace('"192.0.2.10"', '"127.0.0.1"').replace('port="601"', f'port="{port}"')
    return (
        'module(load="imfile" mode="polling" pollingInterval="1")\n'
        f'global(workDirectory="{folder}")\n'
        f'input(type="imfile" File="{log}" Tag="" ruleset="out")\n'
        'template(name="asread" type="string" string="%rawmsg%")\n'
        f'ruleset(name="out" parser="rsyslog.rfc3164") {{\n{here[:-1]} action.resumeInterval="1")\n}}\n'
    )
