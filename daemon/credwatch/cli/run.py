"""`credwatch run`: the daemon in the foreground, as systemd starts it."""

from __future__ import annotations

from typing import Annotated

import typer
from msgspec.structs import asdict

from credwatch.cli.options import DEFAULT_CONFIG, ConfigOption
from credwatch.cli.output import told_plainly
from credwatch.service.memory import left_out


def run(
    config: ConfigOption = DEFAULT_CONFIG,
    as_json: Annotated[bool, typer.Option("--json", help="The log as JSON, whatever daemon.log_format says.")] = False,
) -> None:
    """Run the daemon until SIGTERM; SIGHUP reloads. Refuses to start on any problem that `check` finds."""
    with told_plainly():
        from credwatch.service.first_check import FirstCheck

        checking = FirstCheck(config)
        import asyncio

        with left_out("rich"):  # for tracebacks in colour, with a lexer of every language: five megabytes
            import structlog

        from credwatch.app.settings import load_settings
        from credwatch.service.supervisor import Supervisor
        from credwatch.telemetry.logs import configure_logs

        tolerated = checking.refuse_on_problems()
        configure_logs("json" if as_json else load_settings(config).daemon.log_format)
        for problem in tolerated:
            structlog.get_logger(__name__).warning("check.warned", **asdict(problem))
        asyncio.run(Supervisor(config).run())
