"""`credwatch collect`: the shipper for hosts that do not run the daemon."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from msgspec.structs import asdict

from credwatch.cli.output import ExitCode, print_json, print_problems, tell, told_plainly
from credwatch.service.memory import left_out

DEFAULT_COLLECT_CONFIG = Path("/etc/credwatch/collect.toml")

ConfigOption = Annotated[
    Path,
    typer.Option(
        "--config", "-c", envvar="CREDWATCH_COLLECT_CONFIG", show_envvar=False, metavar="FILE", help="The settings."
    ),
]
CheckOption = Annotated[bool, typer.Option("--check", help="Say what is wrong, and send nothing.", show_default=False)]
JsonOption = Annotated[
    bool, typer.Option("--json", help="The log, or the answer of --check, as JSON.", show_default=False)
]


def collect(
    config: ConfigOption = DEFAULT_COLLECT_CONFIG, check: CheckOption = False, as_json: JsonOption = False
) -> None:
    """Ship this host's logs to a daemon elsewhere.

    Runs until SIGTERM. Reads files and the journal, keeps what it read on disk, and sends it to NATS JetStream or
    to the daemon's push port until it was taken over. With --check: exit code 0 where all is
    well, 1 where there is a problem.
    """
    with told_plainly():
        with left_out("rich"):  # for tracebacks in colour, with a lexer of every language: five megabytes
            import structlog  # noqa: F401

        from credwatch.collect.check import load_collect_options

        options = load_collect_options(config)
        if check:
            from credwatch.collect.check import problems_of
            from credwatch.kernel.errors import Severity

            problems = problems_of(options)
            errors = [problem for problem in problems if problem.severity is not Severity.WARNING]
            if as_json:
                print_json({"problems": [asdict(problem) for problem in problems]})
            else:
                print_problems(problems)
                tell(f"problems found: {len(errors)}" if errors else "no problems found")
            raise typer.Exit(ExitCode.NO if errors else ExitCode.DONE)
        import asyncio

        from credwatch.collect.collector import Collector
        from credwatch.service.memory import settle
        from credwatch.telemetry.logs import configure_logs

        configure_logs("json" if as_json else "auto")
        collector = Collector(options)
        settle()
        asyncio.run(collector.run())
