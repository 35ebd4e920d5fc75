"""`credwatch explain`: how one line is read, and what each rule makes of it."""

from __future__ import annotations

import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from credwatch.cli.options import JsonOption, KindOption, LineKind, ShippedOption, ToolConfigOption, ZoneOption
from credwatch.cli.output import ExitCode, print_error, print_json, told_plainly
from credwatch.kernel.clock import system_clock
from credwatch.kernel.errors import ConfigurationError

if TYPE_CHECKING:
    import polars as pl

    from credwatch.authoring.explain import Explanation
    from credwatch.authoring.explain_line import Reading
    from credwatch.pipeline.pipeline import Knowledge

_STANDARD_INPUT = "-"


def explain(
    line: Annotated[str, typer.Argument(metavar="LINE", help="The line; none, or -, is standard input.")] = "-",
    event: Annotated[
        str, typer.Option("--event", metavar="JSON", help="An event as rules see it, in place of a line; - is stdin.")
    ] = "",
    after: Annotated[
        Path | None, typer.Option("--after", metavar="FILE", help="What came before: lines, or JSON events.")
    ] = None,
    rule: Annotated[str, typer.Option("--rule", metavar="NAME", help="Only this rule, and what it refers to.")] = "",
    everything: Annotated[bool, typer.Option("--all", help="Every rule, not only those that could apply.")] = False,
    rules: Annotated[
        list[Path] | None, typer.Option("--rules", metavar="PATH", help="Rules in place of the settings' folders.")
    ] = None,
    config: ToolConfigOption = None,
    shipped: ShippedOption = True,
    kind: KindOption = LineKind.AUTO,
    zone: ZoneOption = "UTC",
    as_json: JsonOption = False,
) -> None:
    """Say how one line is read, and why rules match it or not.

    Shows envelope, pack and pattern, the event, what enrichment added, each condition with the values found, and what
    the windows of correlations hold and lack. Of several lines on stdin the last is explained, behind the others.
    Exit code 0 where it is an event, 1 where it is none, 2 where a file or a rule cannot be used.
    """
    with told_plainly():
        from credwatch.authoring.explain import described

        knowledge = _knowledge(rules or [], config, shipped)
        reading, events = _given(line, event, after, knowledge, kind, zone)
        explanation = _explained(events, knowledge, rule, everything)
    if as_json:
        print_json(described(reading, explanation))
    else:
        _print(reading, explanation, events)
    raise typer.Exit(ExitCode.DONE if explanation else ExitCode.NO)


def _knowledge(rules: list[Path], config: Path | None, with_shipped: bool) -> Knowledge:
    from credwatch.authoring.choice import choose_rules, knowledge_with, required, tool_settings

    settings = tool_settings(config)
    choice = choose_rules(rules, settings, with_shipped=with_shipped)
    return knowledge_with(required(choice), settings, choice.packs)


def _given(
    line: str, event: str, after: Path | None, knowledge: Knowledge, kind: LineKind, zone: str
) -> tuple[Reading | None, pl.DataFrame]:
    """Read what is to be explained and what came before it: how the line was read, and all events, its own last."""
    before = _file(after) if after else b""
    text = event or line
    if text == _STANDARD_INPUT:
        *earlier, text = [line for line in sys.stdin.read().splitlines() if line.strip()] or [""]
        before += "".join(f"{line}\n" for line in earlier).encode(errors="surrogateescape")
    if not text.strip():
        raise ConfigurationError("there is nothing to explain", where="stdin", hint="give a line, or --event JSON")
    if event:
        return None, _events(text, before)
    from credwatch.authoring.explain_line import read_line
    from credwatch.parse.parse import SourceFormat

    reading = read_line(text, before, knowledge, SourceFormat("explain", kind.value, zone), _reference(after))
    return reading, reading.events if reading.status == "event" else reading.events.clear()


def _events(text: str, before: bytes) -> pl.DataFrame:
    from credwatch.authoring.json_events import advice, frame_of, read_event

    events = []
    for number, line in enumerate([*before.splitlines(), text.encode()], 1):
        read = read_event(line)
        if read.error:
            raise ConfigurationError(read.error, where=f"event {number}", hint="docs/events.md has every field")
        for name in read.ignored:
            print_error(f"event {number}: unknown field {advice(name)}")
        events.append(read)
    return frame_of(events)


def _file(path: Path) -> bytes:
    try:
        data = path.read_bytes()
    except OSError as error:
        reason = error.strerror or str(error)
        raise ConfigurationError(reason, where=f"--after {path}", hint="check path and rights") from error
    return data if data.endswith(b"\n") or not data else data + b"\n"


def _reference(after: Path | None) -> datetime:
    return datetime.fromtimestamp(after.stat().st_mtime, UTC) if after else system_clock()


def _explained(events: pl.DataFrame, knowledge: Knowledge, name: str, everything: bool) -> Explanation | None:
    if not events.height:
        return None
    from credwatch.authoring.explain import explain as explain_event
    from credwatch.authoring.explain import wanted_rules

    rules = wanted_rules(knowledge.rules, events, name, everything=everything)
    return explain_event(events, knowledge.rules, rules, knowledge.lateness_us)


def _print(reading: Reading | None, explanation: Explanation | None, events: pl.DataFrame) -> None:
    from credwatch.cli.explain_trees import reading_tree, rule_tree, window_tree
    from credwatch.cli.screen import Screen

    screen = Screen()
    if reading is not None:
        screen.tree(reading_tree(reading))
    if explanation is None:
        return
    for rule in explanation.rules:
        screen.tree(rule_tree(rule))
    for window in explanation.windows:
        screen.tree(window_tree(window))
    if not explanation.rules and not explanation.windows:
        action = events["event.action"][-1] if "event.action" in events.columns else None
        screen.line(f"No rule asks about the action {action!r}; --all holds every rule against it.")
