"""The alert rules and metrics: checked and tested by the distribution's promtool."""

from __future__ import annotations

import shutil
import subprocess
import urllib.request
from pathlib import Path

import pytest

from credwatch.telemetry.metrics import Metrics
from credwatch.telemetry.serving import serve_metrics

CONFIG = Path(__file__).resolve().parents[2] / "config/prometheus"

pytestmark = [
    pytest.mark.real,
    pytest.mark.skipif(shutil.which("promtool") is None, reason="needs promtool of the Debian package prometheus"),
]


def _promtool(*words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(["promtool", *words], cwd=CONFIG, capture_output=True, text=True, check=False, timeout=900)


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
        with urllib.request.urlopen(f"http://127.0.0.1:{served.port}/metrics", timeout=60) as answer:
            text = answer.read().decode()
    finally:
        served.stop()
    done = subprocess.run(
        ["promtool", "check", "metrics"], input=text, capture_output=True, text=True, check=False, timeout=180
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
