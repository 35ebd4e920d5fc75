"""The README is true: its commands run, its help is the program's, its links and targets exist."""

import os
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from credwatch.kernel.resources import shipped
from scenarios.daemon import PATIENCE

TOP = shipped("config").parent
README = (TOP / "README.md").read_text(encoding="utf-8")
PLAIN = {"COLUMNS": "80", "NO_COLOR": "1", "TERM": "dumb"}
PROGRAMS = Path(sys.executable).parent
GUESSER = "203.0.113.7"


def blocks(language: str) -> list[str]:
    """Return the fenced blocks of a language, in their order."""
    return re.findall(rf"^```{language}\n(.*?)^```$", README, re.MULTILINE | re.DOTALL)


def shell(command: str, folder: Path) -> subprocess.CompletedProcess[str]:
    """Run a block as a reader would paste it, stopping at the first line that fails."""
    environment = os.environ | PLAIN | {"PATH": f"{PROGRAMS}:{os.environ['PATH']}"}
    return subprocess.run(
        ["bash", "-ec", command], cwd=folder, env=environment, capture_output=True, text=True, timeout=PATIENCE
    )


@pytest.fixture
def log(tmp_path: Path) -> Path:
    """A reader's own log: somebody guesses root's password twelve times and gets in."""
    path, start = tmp_path / "auth.log", datetime.now(UTC) - timedelta(minutes=5)
    lines = [
        f"{start + timedelta(seconds=number):%Y-%m-%dT%H:%M:%S+00:00} web1 sshd[{700 + number}]: "
        f"{'Accepted' if number == 12 else 'Failed'} password for root from {GUESSER} port {40000 + number} ssh2"
        for number in range(13)
    ]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


@contextmanager
def running(folder: Path) -> Iterator[None]:
    """Keep the README's daemon running, on a metrics port that is free."""
    command = [PROGRAMS / "credwatch", "run", "--config", "try/credwatch.toml"]
    with (folder / "daemon.log").open("wb") as said, subprocess.Popen(command, cwd=folder, stderr=said) as daemon:
        deadline = time.monotonic() + PATIENCE
        while "daemon.ready" not in (folder / "daemon.log").read_text(encoding="utf-8"):
            assert daemon.poll() is None, (folder / "daemon.log").read_text(encoding="utf-8")
            assert time.monotonic() < deadline
            time.sleep(0.1)
        try:
            yield
        finally:
            daemon.terminate()
            daemon.wait(PATIENCE)


def shown_in_time(command: str, folder: Path, *wanted: str) -> None:
    """Repeat a command until it shows what is wanted."""
    deadline = time.monotonic() + PATIENCE
    while not all(word in (shown := shell(command, folder)).stdout for word in wanted):
        assert time.monotonic() < deadline, shown
        time.sleep(0.3)


def test_a_newcomer_gets_to_a_notice(tmp_path: Path, log: Path) -> None:
    """Pasted one after the other, the blocks find the guesser, make an incident, queue its notice, and ask the gate."""
    own, read, follow, watch, look, gate = (
        block.replace("/var/log/auth.log", str(log)).replace("[gate]", "[metrics]\nport = 0\n\n[gate]")
        for block in blocks("sh")
    )
    found = shell(own, tmp_path)
    assert (0, True) == (found.returncode, GUESSER in found.stdout), found.stderr
    assert 3 == len(shell(read, tmp_path).stdout.splitlines())
    checked = shell(follow, tmp_path)
    assert (0, "no problems found\n") == (checked.returncode, checked.stderr)
    foresight, run = watch.splitlines()
    assert "customer_notice to security@acme.example" in shell(foresight, tmp_path).stdout
    assert "credwatch run --config try/credwatch.toml" == run
    with running(tmp_path):
        incidents, outbox = look.splitlines()
        shown_in_time(incidents, tmp_path, "Login after", "acme")
        shown_in_time(outbox, tmp_path, "it@acme.example", "security@acme.example")
        refused = shell(gate, tmp_path)
    assert (1, True) == (refused.returncode, "name of your company" in refused.stdout), refused.stderr


def test_help_is_the_programs() -> None:
    """Each block of help says what the program says; how a release of Typer marks a value's type is left aside."""
    shown = blocks("text")
    assert 6 == len(shown)
    for block in shown:
        command, text = block.removeprefix("$ ").split("\n", 1)
        assert words(shell(command, TOP).stdout) == words(text), f"paste anew: COLUMNS=80 {command}"


def words(text: str) -> list[str]:
    """Split help into its words, without brackets and types, which differ between releases of Typer."""
    return re.sub(r"<[^>]*>|[{}\[\]]|\.\.\.", " ", text).split()


def test_targets_exist() -> None:
    """Every `make` target that the README names is one of the Makefile."""
    makefile = (TOP / "Makefile").read_text(encoding="utf-8")
    named = set(re.findall(r"^ {4}(?:sudo )?make ([a-z]+)", README, re.MULTILINE))
    assert {"demo", "test", "install"} == named
    assert named <= set(re.findall(r"^([a-z]+):", makefile, re.MULTILINE))


@pytest.mark.parametrize(
    "page", ["README.md", "CONTRIBUTING.md", *sorted(f"docs/{p.name}" for p in TOP.glob("docs/*"))]
)
def test_links_lead_somewhere(page: str) -> None:
    """A relative link leads to a file that exists, and its anchor to a heading of that file."""
    here = TOP / page
    for link in re.findall(r"\]\((?!https?:)([^)\s]+)\)", here.read_text(encoding="utf-8")):
        path, _, anchor = link.partition("#")
        target = (here.parent / path).resolve() if path else here
        assert target.is_file(), link
        assert not anchor or anchor in anchors(target), link


def anchors(page: Path) -> set[str]:
    """Name the headings of a page as GitHub's anchors do."""
    headings = re.findall(r"^#+ (.+)$", page.read_text(encoding="utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def test_every_page_is_named() -> None:
    """Whoever reads the README finds every page of the documentation."""
    assert set() == {f"docs/{page.name}" for page in (TOP / "docs").glob("*.md")} - set(
        re.findall(r"\((docs/[^)]+)\)", README)
    )
