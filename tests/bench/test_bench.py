"""`make bench` runs: every figure is there, and nothing it made stays behind."""

import json
import os
import subprocess
import sys
from pathlib import Path

BENCH = Path(__file__).parent / "bench.py"


def test_a_small_run_gives_every_figure(tmp_path: Path) -> None:
    """With two thousand lines each program is run once, and the figures come as JSON with their floors."""
    command = [sys.executable, str(BENCH), "--lines", "2000", "--repeat", "1", "--idle-seconds", "0.5", "--json"]
    environment = os.environ | {"TMPDIR": str(tmp_path)}
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, env=environment)
    assert 0 == done.returncode, done.stderr
    figures = {figure["name"].strip(): figure for figure in json.loads(done.stdout)["figures"]}
    assert {
        "credwatch replay, all shipped rules": "≥ 300,000",
        "peak memory": "< 500",
        "peak memory, twice the lines": "< 500",
        "daemon, idle: memory": "< 150",
        "daemon, idle: share of one core": "< 1",
    }.items() <= {name: figure["floor"] for name, figure in figures.items()}.items()
    assert all(figure["value"] is not None or "Debian package" in figure["unit"] for figure in figures.values())
    assert [] == list(tmp_path.iterdir())
