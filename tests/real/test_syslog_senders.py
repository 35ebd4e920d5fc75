"""Real senders forward syslog to a real daemon, configured as docs/sources.md says."""

from __future__ import annotations

import re
import shutil
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from msgspec import Struct

from certificates import Authority
from scenarios.daemon import RUN_UNCHECKED, Site, a_site, await_
from scenarios.lines import guessing
from scenarios.post_office import a_post_office
from scenarios.site_files import SETTINGS

pytestmark = pytest.mark.real

PAGE = (Path(__file__).resolve().parents[2] / "docs" / "sources.md").read_text(encoding="utf-8")


class Receiver(Struct):
    """A daemon that listens for syslog, and the authority that its senders believe."""

    site: Site
    authority: Authority
    ports: dict[str, int]


@pytest.fixture(scope="module")
def receiver(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Receiver]:
    """Run a daemon that listens in every way."""
    folder = tmp_path_factory.mktemp("receiver")
    authority = Authority(folder)
    certificate, key = authority.issued("credwatch.example")
    source = (
        f'[[source]]\nid = "net"\nkind = "syslog"\nudp_port = 0\ntcp_port = 0\ntls_port = 0\n'
        f'certificate = "{certificate}"\ncertificate_key = "{key}"\nclient_authority = "{authority.file}"\n'
        'client_names = ["web1.example"]\n'
    )
    with (
        a_post_office() as office,
        a_site(folder, office.port, settings=SETTINGS + source, command=RUN_UNCHECKED) as site,
    ):
        site.started()
        line = next(line for line in site.log().splitlines() if "syslog.listening" in line)
        ports = {way: int(port) for way, port in re.findall(r'"(tcp|tls|udp)": ?(\d+)', line)}
        yield Receiver(site, authority, ports)


def test_logger(receiver: Receiver) -> None:
    """logger(1) sends both formats over both ways; each message is a line."""
    if shutil.which("logger") is None:
        pytest.skip("needs the Debian package bsdutils")
    before = receiver.site.lines_taken()
    text = "Failed password for root from 203.0.113.7 port 40022 ssh2"
    ways = {
        "tcp": (["--rfc3164"], ["--rfc5424"], ["--rfc5424", "--octet-count"]),
        "udp": (["--rfc3164"], ["--rfc5424"], ["--rfc5424=notq"]),
    }
    for way, forms in ways.items():
        for form in forms:
            command = ["logger", f"--{way}", "--server", "127.0.0.1", "--port", str(receiver.ports[way]), *form]
            subprocess.run([*command, "-t", "sshd", "-p", "auth.info", text], check=True, timeout=30)
    await_(lambda: receiver.site.lines_taken() == before + 6, what="each message is a line")
    await_(lambda: receiver.site.metric(READ) == 6, what="each line is read as sshd's")


READ = 'credwatch_events_total{pack="openssh",source="net"}'


def _forwarding(receiver: Receiver, folder: Path, way: str) -> str:
    """Give the action for rsyslog that stands on the page for a way, put right for here."""
    text = re.search(rf"^# {way}\n(action\(.*?\))\n", PAGE, re.M | re.S)
    assert text is not None
    return _put_right(receiver, text[1])


def _put_right(receiver: Receiver, text: str) -> str:
    """Put the places of this test for those of the page."""
    certificate, key = receiver.authority.issued("web1.example")
    places = {
        '"192.0.2.10"': '"127.0.0.1"',
        "port(6514)": f"port({receiver.ports['tls']})",
        'port="514"': f'port="{receiver.ports["udp"]}"',
        'port="601"': f'port="{receiver.ports["tcp"]}"',
        'port="6514"': f'port="{receiver.ports["tls"]}"',
        "/etc/ssl/authority.pem": str(receiver.authority.file),
        "/etc/ssl/web1.pem": str(certificate),
        "/etc/ssl/private/web1.key": str(key),
    }
    for shown, own in places.items():
        text = text.replace(shown, own)
    return text


@pytest.mark.parametrize("way", ["UDP", "TCP", "TLS"])
def test_rsyslog(receiver: Receiver, tmp_path: Path, way: str) -> None:
    """rsyslog forwards a log as the page says: every line comes, and what is in it is found."""
    if shutil.which("rsyslogd") is None or not Path("/usr/lib/x86_64-linux-gnu/rsyslog/lmnsd_ossl.so").exists():
        pytest.skip("needs the Debian packages rsyslog and rsyslog-openssl")
    number = ["UDP", "TCP", "TLS"].index(way)
    before = receiver.site.lines_taken()
    config, log = tmp_path / "rsyslog.conf", tmp_path / "auth.log"
    log.write_text("".join(f"{line}\n" for line in guessing(number * 7200, "quocbao", f"203.0.113.{50 + number}")))
    config.write_text(
        'module(load="imfile")\n'
        f'global(workDirectory="{tmp_path}")\n'
        f'input(type="imfile" File="{log}" Tag="" ruleset="out")\n'
        'template(name="asread" type="string" string="%rawmsg%")\n'
        f'ruleset(name="out" parser="rsyslog.rfc3164") {{\n{_forwarding(receiver, tmp_path, way)}\n}}\n'
    )
    process = subprocess.Popen(["rsyslogd", "-n", "-f", str(config), "-i", str(tmp_path / "pid")])
    try:
        await_(lambda: receiver.site.lines_taken() >= before + 11, what="every line is taken", seconds=60)
    finally:
        process.terminate()
        process.wait(30)
    time.sleep(0.3)
    assert before + 11 == receiver.site.lines_taken()
    assert receiver.site.kinds()["account_takeover"] == 1


def test_syslog_ng(receiver: Receiver, tmp_path: Path) -> None:
    """syslog-ng forwards a log over TLS as the page says; its messages are numbered, and none is missing."""
    if shutil.which("syslog-ng") is None:
        pytest.skip("needs the Debian package syslog-ng-core, which Debian does not install beside rsyslog")
    block = re.search(r"^### syslog-ng\n\n```\n(.*?)^```", PAGE, re.M | re.S)
    assert block is not None
    before = receiver.site.lines_taken()
    config, log = tmp_path / "syslog-ng.conf", tmp_path / "auth.log"
    log.write_text("".join(f"{line}\n" for line in guessing(4 * 7200, "quocbao", "203.0.113.60")))
    config.write_text(
        "@version: 3.35\noptions { keep-hostname(yes); frac-digits(3); };\n"
        f'source s_log {{ file("{log}" follow-freq(0.1)); }};\n{_put_right(receiver, block[1])}'
        "log { source(s_log); destination(d_credwatch); };\n"
    )
    places = [f"--{name}={tmp_path / name}" for name in ("persist-file", "pidfile", "control")]
    process = subprocess.Popen(["syslog-ng", "-F", "--no-caps", f"--cfgfile={config}", *places])
    try:
        await_(lambda: receiver.site.lines_taken() >= before + 11, what="every line is taken", seconds=60)
    finally:
        process.terminate()
        process.wait(30)
    assert before + 11 == receiver.site.lines_taken()
    assert 0 == receiver.site.metric('credwatch_source_file_events_total{source="net",what="gaps"}')
    await_(lambda: (receiver.site.metric(READ) or 0) >= 11, what="its lines are read as sshd's")
