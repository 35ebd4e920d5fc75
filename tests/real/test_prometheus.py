"""A real Prometheus with the shipped configuration: it scrapes the running daemon, and an alert fires through it."""

from __future__ import annotations

import json
import shutil
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

from child_server import a_free_port

CONFIG = Path(__file__).resolve().parents[2] / "config/prometheus"

pytestmark = [
    pytest.mark.real,
    pytest.mark.skipif(shutil.which("prometheus") is None, reason="needs the Debian package prometheus"),
]

SETTINGS = """\
[daemon]
state_directory = "{folder}/state"
registers_directory = "{folder}"

[[source]]
id = "application"
paths = ["{folder}/application.jsonl"]
format = "json"
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


@pytest.fixture
def daemon(tmp_path: Path) -> Iterator[int]:
    """Run the daemon on a log in which staff opens an account without a reason; give its metrics' port."""
    port = a_free_port()
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
    address = f"127.0.0.1:{a_free_port()}"
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
        with urllib.request.urlopen(f"{address}/api/v1/alerts", timeout=60) as answer:
            alerts: list[dict[str, Any]] = json.load(answer)["data"]["alerts"]
    except urllib.error.URLError:
        return []
    return [alert for alert in alerts if alert["state"] == "firing"]


def test_an_alert_of_the_running_daemon_fires_through_a_real_prometheus(prometheus: str, tmp_path: Path) -> None:
    """A line in a log becomes an incident, the incident a metric, and the metric the alert; no other one fires."""
    firing: list[dict[str, Any]] = []
    deadline = time.monotonic() + 180
    while not firing and time.monotonic() < deadline:
        time.sleep(0.3)
        firing = _firing(prometheus)
    assert ["CredwatchStaffAccessUnexplained"] == [alert["labels"]["alertname"] for alert in firing], (
        tmp_path / "daemon.log"
    ).read_text()
    assert firing[0]["labels"]["kind"] == "unauthorised_staff_access"
    summary = "Staff touched a customer's account without an authorisation (1 open)"
    assert firing[0]["annotations"]["summary"] == summary
