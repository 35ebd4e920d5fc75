"""The alert rules: checked and tested by the distribution's promtool, and fired by a real Prometheus."""

from __future__ import annotations

import json
import shutil
import socket
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from credwatch.telemetry.metrics import Metrics, ServedMetrics, serve_metrics

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


@pytest.fixture
def served() -> Iterator[tuple[Metrics, ServedMetrics]]:
    """Serve the metrics of a daemon whose duty has run out."""
    metrics = Metrics()
    metrics.set_clocks({"customer_notice": (1, 1, -30.0)})
    server = serve_metrics(metrics, "127.0.0.1", 0)
    yield metrics, server
    server.stop()


@pytest.fixture
def prometheus(served: tuple[Metrics, ServedMetrics], tmp_path: Path) -> Iterator[str]:
    """Run a Prometheus with the shipped configuration, but for port and pace; give its address."""
    text = (CONFIG / "prometheus.yml").read_text()
    text = text.replace("127.0.0.1:9465", f"127.0.0.1:{served[1].port}").replace("15s", "1s")
    (tmp_path / "prometheus.yml").write_text(text)
    shutil.copy(CONFIG / "credwatch.rules.yml", tmp_path)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{free.getsockname()[1]}"
    command = ["prometheus", "--config.file=prometheus.yml", f"--web.listen-address={address}"]
    with (tmp_path / "log").open("w") as log, subprocess.Popen(command, cwd=tmp_path, stderr=log) as process:
        yield f"http://{address}"
        process.terminate()


def _asked(address: str) -> list[dict[str, Any]]:
    """Ask Prometheus for its alerts; one that is not ready yet has none."""
    try:
        with urllib.request.urlopen(f"{address}/api/v1/alerts", timeout=5) as answer:
            alerts: list[dict[str, Any]] = json.load(answer)["data"]["alerts"]
    except urllib.error.URLError:
        return []
    return alerts


@needs_prometheus
def test_an_alert_fires_through_a_real_prometheus(prometheus: str) -> None:
    """A clock that ran out reaches the operator with its text filled in, and nothing else is alarmed."""
    firing: list[dict[str, Any]] = []
    deadline = time.monotonic() + 30
    while not firing and time.monotonic() < deadline:
        time.sleep(0.3)
        firing = [alert for alert in _asked(prometheus) if alert["state"] == "firing"]
    assert [alert["labels"]["alertname"] for alert in firing] == ["CredwatchClockOverdue"]
    summary = "Duties to tell somebody not met in time: 1 (customer_notice)"
    assert firing[0]["annotations"]["summary"] == summary
