"""The alert rules: checked and tested by the distribution's promtool, and fired by a real Prometheus."""

from __future__ import annotations

import json
import shutil
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from credwatch.telemetry.metrics import Metrics, serve_metrics

CONFIG = Path(__file__).resolve().parents[2] / "config/prometheus"

pytestmark = [
    pytest.mark.real,
    pytest.mark.skipif(shutil.which("promtool") is None, reason="needs promtool of the Debian package prometheus"),
]
needs_prometheus = pytest.mark.skipif(shutil.which("prometheus") is None, reason="needs the Debian package prometheus")


def _promtool(*words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(["promtool", *words], cwd=CONFIG, capture_output=True, text=True, check=False, timeout=60)


@pytest.mark.parametrize(
    "words",
    [
        ("check", "rules", "credwatch.rules.yml"),
        ("check", "config", "prometheus.yml"),
        ("test", "rules", "credwatch.tests.yml"),
    ],
    ids=" ".join,
)
def test_promtool_is_content(words: tuple[str, ...]) -> None:
    """Syntax is right, and every unit test of the alerts passes."""
    done = _promtool(*words)
    assert done.returncode == 0, done.stdout + done.stderr


def test_promtool_lints_our_metrics() -> None:
    """Names, units and help texts follow Prometheus' conventions."""
    metrics = Metrics()
    served = serve_metrics(metrics, "127.0.0.1", 0)
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{served.port}/metrics", timeout=5) as answer:
            text = answer.read().decode()
    finally:
        served.stop()
    done = subprocess.run(
        ["promtool", "check", "metrics"], input=text, capture_output=True, text=True, check=False, timeout=30
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


SETTINGS = """\
[daemon]
state_directory = "{folder}/state"
registers_directory = "{folder}"

[[source]]
id = "application"
paths = ["{folder}/application.jsonl"]
kind = "json"
read_from = "start"

[operators]
addresses = ["operators@modoro.example"]

[outbox.email]
host = "127.0.0.1"
port = 9
security = "none"

[metrics]
port = {port}

[gate]
enabled = false
"""
CUSTOMERS = """\
[[customer]]
id = "hai-au"
name = "Hải Âu"
language = "vi"
notice_addresses = ["it@haiau.example", "giam.doc@haiau.example"]

[customer.recognise]
organizations = ["hai-au"]
"""
STAFF = """\
[[staff]]
id = "minh"
name = "Trần Văn Minh"
accounts = ["minh@modoro.example"]
department = "support"
roles = ["support"]
"""
ACCESS = {
    "schema": "credwatch-app/1",
    "event": {"action": "staff_access", "outcome": "success"},
    "user": {"name": "minh@modoro.example", "target": {"name": "lan@haiau.example"}},
    "organization": {"id": "hai-au"},
}


def _free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


@pytest.fixture
def daemon(tmp_path: Path) -> Iterator[int]:
    """Run the daemon on a log in which staff opens an account without a reason; give its metrics' port."""
    port = _free_port()
    (tmp_path / "state").mkdir()
    (tmp_path / "credwatch.toml").write_text(SETTINGS.format(folder=tmp_path, port=port))
    (tmp_path / "customers.toml").write_text(CUSTOMERS)
    (tmp_path / "staff.toml").write_text(STAFF)
    event = {**ACCESS, "@timestamp": datetime.now(UTC).isoformat()}
    (tmp_path / "application.jsonl").write_text(json.dumps(event) + "\n")
    command = [sys.executable, "-m", "credwatch", "run", "--config", str(tmp_path / "credwatch.toml")]
    with (tmp_path / "daemon.log").open("w") as log, subprocess.Popen(command, stderr=log) as process:
        yield port
        process.terminate()


@pytest.fixture
def prometheus(daemon: int, tmp_path: Path) -> Iterator[str]:
    """Run a Prometheus with the shipped configuration, but for port and pace; give its address."""
    text = (CONFIG / "prometheus.yml").read_text()
    text = text.replace("127.0.0.1:9465", f"127.0.0.1:{daemon}").replace("15s", "1s")
    (tmp_path / "prometheus.yml").write_text(text)
    shutil.copy(CONFIG / "credwatch.rules.yml", tmp_path)
    address = f"127.0.0.1:{_free_port()}"
    command = [
        "prometheus",
        "--config.file=prometheus.yml",
        f"--web.listen-address={address}",
        "--storage.tsdb.path=tsdb",
    ]
    with (tmp_path / "prometheus.log").open("w") as log, subprocess.Popen(command, cwd=tmp_path, stderr=log) as process:
        yield f"http://{address}"
        process.terminate()


def _firing(address: str) -> list[dict[str, Any]]:
    """Ask Prometheus for the alerts that fire; one that is not ready yet has none."""
    try:
        with urllib.request.urlopen(f"{address}/api/v1/alerts", timeout=5) as answer:
            alerts: list[dict[str, Any]] = json.load(answer)["data"]["alerts"]
    except urllib.error.URLError:
        return []
    return [alert for alert in alerts if alert["state"] == "firing"]


@needs_prometheus
def test_an_alert_of_the_running_daemon_fires_through_a_real_prometheus(prometheus: str, tmp_path: Path) -> None:
    """A line in a log becomes an incident, the incident a metric, and the metric the alert; no other one fires."""
    firing: list[dict[str, Any]] = []
    deadline = time.monotonic() + 60
    while not firing and time.monotonic() < deadline:
        time.sleep(0.3)
        firing = _firing(prometheus)
    assert ["CredwatchStaffAccessUnexplained"] == [alert["labels"]["alertname"] for alert in firing], (
        tmp_path / "daemon.log"
    ).read_text()
    assert firing[0]["labels"]["kind"] == "unauthorised_staff_access"
    summary = "Staff touched a customer's account without an authorisation (1 open)"
    assert firing[0]["annotations"]["summary"] == summary
