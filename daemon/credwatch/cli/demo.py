"""`credwatch demo`: the whole job on one terminal, with real daemons, log files and mail."""

from __future__ import annotations

import json
import shutil
import signal
import sys
import time
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from credwatch.cli.output import ExitCode, print_error, print_json, tell, told_plainly

if TYPE_CHECKING:
    from credwatch.cli.screen import Screen
    from credwatch.demo.world import World

WORKFLOWS = ("customer_notice", "disclosure_notice", "breach_report")
_FOLDER = Path("demo")
_INTERRUPTED = 130
_PAUSE_SECONDS = 1.0
_LOOKS = {
    "scene": ("●", "bold cyan"),
    "line": (" │", "dim"),
    "more": (" │", "dim"),
    "quiet": (" └", "green"),
    "detection": (" ├ detection", "yellow"),
    "incident": (" ├ incident ", "bold yellow"),
    "person": (" ├ person   ", "bold magenta"),
    "measure": (" ├ measure  ", "bold red"),
    "said": (" │   it says:", "green"),
    "notice": (" ├ notice   ", "bold green"),
    "trouble": (" └ trouble  ", "bold red"),
}


def demo(
    folder: Annotated[Path, typer.Option(metavar="FOLDER", help="Where it plays; made anew on each run.")] = _FOLDER,
    stay: Annotated[bool, typer.Option("--stay", help="Keep running after the story, until Ctrl-C.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="The story as JSON on stdout, one object a line.")] = False,
) -> None:
    """Play a working day, from log lines to accepted notices.

    Starts a mail server, an application and two daemons on loopback, writes logs for them to follow, and says what
    comes of it. Exit code 0 where each workflow had a notice accepted, and the takeover was stopped.
    """
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        with told_plainly():
            lacking = _played(folder, stay, as_json)
    except KeyboardInterrupt as interruption:
        tell("stopped")
        raise typer.Exit(_INTERRUPTED) from interruption
    for trouble in lacking:
        print_error(trouble)
    raise typer.Exit(ExitCode.NO if lacking else ExitCode.DONE)


def _played(folder: Path, stay: bool, as_json: bool) -> list[str]:
    """Play the story, say where to look next, and return what did not come."""
    from credwatch.demo.stage import play
    from credwatch.demo.world import World

    talk = _terminal(is_talk=as_json)
    talk.line("Starting a mail server, an application, the vendor's daemon and a customer's.", "bold")
    with World(folder.resolve()) as world:
        pause = _PAUSE_SECONDS if talk.is_terminal and not as_json else 0.0
        outcome = play(world, _tell_json if as_json else _tell, pause_seconds=pause)
        if as_json:
            print_json({"kind": "end", "accepted": dict(outcome.accepted), "missing": outcome.missing})
        else:
            _where_next(world, folder, outcome.accepted)
        if stay:
            _stay(talk, folder)
    unsent = [f"no {name} was accepted" for name in WORKFLOWS if not outcome.accepted.get(name)]
    return [*outcome.missing, *unsent]


@cache
def _terminal(*, is_talk: bool = False) -> Screen:
    """The story is what this command is for, so it goes to stdout, and to stderr where JSON takes its place."""
    from credwatch.cli.screen import Screen

    return Screen(is_talk=is_talk)


def _tell(kind: str, words: str) -> None:
    mark, style = _LOOKS[kind]
    shown = shown_line(words) if kind == "line" else words
    if kind == "scene":
        _terminal().line("")
    (_terminal().line if kind == "scene" else _terminal().cut_line)(f"{mark} {shown}", style)


def _tell_json(kind: str, words: str) -> None:
    print_json({"kind": str(kind), "words": words})
    sys.stdout.flush()


def shown_line(line: str) -> str:
    """Write a log line as a person at a terminal reads it: the time without its date, JSON without its quotes."""
    if line.startswith("{"):
        return _shown_event(json.loads(line))
    stamp, _, rest = line.partition(" ")
    return f"{stamp[11:19]} {rest}"


def _shown_event(event: Mapping[str, str]) -> str:
    words = [event["@timestamp"][11:19], event["event.action"], event["event.outcome"], event["user.name"]]
    if target := event.get("user.target.name"):
        words += ["→", target]
    return " ".join([*words, "from", event["source.ip"]])


def _where_next(world: World, folder: Path, accepted: Mapping[str, int]) -> None:
    sent = ", ".join(f"{count} × {workflow}" for workflow, count in sorted(accepted.items())) or "nothing"
    _tell_whole("")
    _tell_whole(f"Accepted by the mail server: {sent}")
    _tell_whole("")
    _tell_whole("Where to look next:")
    _tell_whole(f"  the messages, as their readers see them   {folder}/notices/")
    _tell_whole(f"  the log lines that the daemons followed   {folder}/*/logs/")
    _tell_whole(f"  the customers' pages                      {world.pages} (with --stay)")
    _tell_whole("      log in as giam.doc@haiau.example; the letter with the link is among the messages")
    for daemon in world.daemons:
        settings = f"{folder}/{daemon.role}/credwatch.toml"
        _tell_whole(f"  the {f'incidents, {daemon.role}':<37} {_program()} incidents list --config {settings}")
    for daemon in world.daemons:
        metrics = f"http://127.0.0.1:{daemon.metrics_port}/metrics"
        _tell_whole(f"  the {f'metrics, {daemon.role}':<37} {metrics} (with --stay)")


def _tell_whole(words: str) -> None:
    """Say a line in full, however wide the terminal is, so that it can be copied."""
    _terminal().line(words)


def _program() -> str:
    """Tell how this program was called, so that the commands shown can be copied."""
    called = sys.argv[0]
    return "credwatch" if shutil.which("credwatch") or not called.endswith("credwatch") else called


def _stay(talk: Screen, folder: Path) -> None:
    talk.line("")
    talk.line(f"The daemons go on following {folder}/*/logs/; Ctrl-C ends them.")
    while True:
        time.sleep(1)
