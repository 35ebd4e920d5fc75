"""The examples of docs/gate.md are run as they stand there, by the real curl."""

import json
import re
import shutil
import subprocess
from pathlib import Path
from textwrap import dedent

import pytest

from unit.cli.test_gate_commands import gate_socket as gate_socket

PAGE = Path(__file__).parents[4] / "docs" / "gate.md"
EXAMPLES = re.findall(
    r"^    curl [^\n]*<<'JSON'\n.*?^    JSON$|^    curl [^\n]*$", PAGE.read_text(encoding="utf-8"), re.M | re.S
)
TELLING = {
    "health": "status",
    "password/check": "accepted",
    "password/changed": "recorded",
    "login/check": "waived",
    "push/check": "until",
    "totp/enrol": "outcome",
    "totp/confirm": "accepted",
    "recovery/make": "outcome",
    "recovery/verify": "accepted",
    "openapi.json": "openapi",
    "range/5BAA6": "error",
}


def test_there_is_an_example_for_each_way_to_ask() -> None:
    """The page shows each of them, so that the test below leaves none out."""
    asked = {re.search(r"http://gate/(?:v1/)?(\S+)", example)[1] for example in EXAMPLES}  # type: ignore[index]
    assert set(TELLING) == asked


@pytest.mark.real
@pytest.mark.skipif(shutil.which("curl") is None, reason="needs curl of the Debian package curl")
@pytest.mark.parametrize("example", EXAMPLES)
def test_an_example_is_understood(gate_socket: Path, example: str) -> None:
    """The gate answers each with what the page says it tells of; of ranges, that there are none here."""
    command = dedent(example).replace("/run/credwatch/gate.sock", str(gate_socket))
    done = subprocess.run(["bash", "-c", command], capture_output=True, text=True, check=True, timeout=30)
    answer = json.loads(done.stdout)
    (told,) = (key for place, key in TELLING.items() if f"/{place}" in command)
    assert told in answer
    assert "bad_request" not in done.stdout
