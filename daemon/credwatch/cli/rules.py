"""`credwatch rules`: the tools of whoever writes rules; which sub-command is where."""

from __future__ import annotations

import typer

from credwatch.cli.rules_check import check
from credwatch.cli.rules_diff import diff
from credwatch.cli.rules_match import match
from credwatch.cli.rules_test import run as test

rules_app = typer.Typer(help="Check, test, match and compare rules.", no_args_is_help=True)
rules_app.command()(check)
rules_app.command("test")(test)
rules_app.command()(match)
rules_app.command()(diff)
