"""`credwatch demo`: the whole job on one terminal, with real daemons, log files and mail."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Annotated

import typer

from credwatch.cli.output import ExitCode, console, told_plainly

_STYLES = {
    "scene": "bold cyan",
    "line": "dim",
    "incident": "bold yellow",
    "notice": "bold green",
    "trouble": "bold red",
}
_MARKS = {
    "scene": "\n●",
    "line": "   │",
    "incident": "   ├─ incident",
    "notice": "   ├─ notice",
    "trouble": "   ├─ trouble",
}
WORKFLOWS = ("customer_notice", "disclosure_notice", "breach_report")


def demo(
    folder: Annotated[Path, typer.Option(help="Where it plays; made anew on each run.")] = Path("demo"),
    stay: Annotated[bool, typer.Option("--stay", help="Keep running after the story, until Ctrl-C.")] = False,
) -> None:
    """Play a working day: log lines, detections, incidents, and notices that a mail server accepts."""
    with told_plainly():
        from credwatch.app.demo.stage import play
        from credwatch.app.demo.world import World

        with World(folder.resolve()) as world:
            for daemon in world.daemons:
                console.print(f"{daemon.role}: metrics at http://127.0.0.1:{daemon.metrics_port}/metrics")
            outcome = play(world, _tell)
            _where_next(world.folder, outcome.accepted)
            if stay:
                _stay()
    lacking = [*outcome.missing, *(f"no {name} was accepted" for name in WORKFLOWS if not outcome.accepted.get(name))]
    for trouble in lacking:
        console.print(f"error: {trouble}", markup=False)
    raise typer.Exit(ExitCode.NO if lacking else ExitCode.DONE)


def _tell(kind: str, words: str) -> None:
    console.print(f"{_MARKS[kind]} {words}", style=_STYLES[kind], markup=False, soft_wrap=True)


def _where_next(folder: Path, accepted: dict[str, int]) -> None:
    console.print("\nAccepted by the mail server:", style="bold")
    for workflow, count in sorted(accepted.items()):
        console.print(f"  {count} × {workflow}")
    console.print("Where to look next:", style="bold")
    console.print(f"  the messages as their readers see them   {folder}/notices/", soft_wrap=True)
    console.print(
        f"  the incidents                            credwatch incidents list --config {folder}/provider/credwatch.toml",
        soft_wrap=True,
    )
    console.print("  the daemons' metrics while it runs       credwatch demo --stay")


def _stay() -> None:
    console.print("\nThe daemons keep running; Ctrl-C ends them.")
    try:
        while True:
            time.sleep(1)
    except KeyboardInterrupt:
        console.print("stopping")
