"""`credwatch run`: the daemon in the foreground, as systemd starts it."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Annotated

import typer

from credwatch.app.settings import load_settings
from credwatch.cli.output import told_plainly
from credwatch.telemetry.logs import configure_logs

ConfigOption = Annotated[
    Path, typer.Option("--config", "-c", envvar="CREDWATCH_CONFIG", help="The settings file.", show_default=True)
]
DEFAULT_CONFIG = Path("/etc/credwatch/credwatch.toml")


def run(config: ConfigOption = DEFAULT_CONFIG) -> None:
    """Run the daemon until SIGTERM; SIGHUP reloads. Refuses to start on any problem that `check` finds."""
    with told_plainly():
        from credwatch.app.supervisor import Supervisor  # loads slowly: only where it is run

        configure_logs(load_settings(config).daemon.log_format)
        asyncio.run(Supervisor(config).run())
