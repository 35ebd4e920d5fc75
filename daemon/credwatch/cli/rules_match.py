"""`credwatch rules match`: JSON events in, the ids of the rules that match out, one answer for each line."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from credwatch.cli.options import JsonOption, RulePaths, ShippedOption, ToolConfigOption
from credwatch.cli.output import print_json, told_plainly
from credwatch.cli.parse import whole_lines

_CHUNK = 1 << 22
"""To hold a few events against all rules costs as much as to hold some thousand, nearly."""


def match(
    paths: RulePaths = None,
    config: ToolConfigOption = None,
    shipped: ShippedOption = True,
    correlate: Annotated[
        bool, typer.Option("--correlate", help="Keep windows from line to line, and name the detections that open.")
    ] = False,
    as_json: JsonOption = True,  # noqa: ARG001  # every command takes it; this one speaks nothing else
) -> None:
    """Say for each JSON event on stdin which rules it matches.

    One answer a line, in order: line and matches (the ids), or error; with --correlate also detections. Events have
    the fields that rules see (docs/events.md), dotted or nested. Without a path: the shipped rules and the settings'
    folders. Exit code 0 whatever the lines are, 2 where a rule or a file cannot be used.
    """
    with told_plainly():
        from credwatch.app.settings import microseconds
        from credwatch.authoring.choice import choose_rules, required, tool_settings
        from credwatch.authoring.match import Matcher

        settings = tool_settings(config)
        choice = choose_rules(paths or [], settings, with_shipped=shipped)
        required(choice)
        matcher = Matcher(choice, correlate=correlate, lateness_us=microseconds(settings.detection.lateness))
        for piece in whole_lines(sys.stdin.buffer, _CHUNK):
            for answer in matcher.answers(piece.removesuffix(b"\n").split(b"\n")):
                print_json(answer)
            sys.stdout.flush()
