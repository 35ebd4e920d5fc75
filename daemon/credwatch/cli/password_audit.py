"""`credwatch posture audit`: how trying stored passwords stands, and trying them by hand."""

from __future__ import annotations

import sys
import time
from pathlib import Path
from typing import Annotated, Any

import typer

from credwatch.cli.options import DEFAULT_CONFIG, ConfigOption, JsonOption
from credwatch.cli.output import ExitCode, print_json, say, tell, told_plainly

_TOLD_EVERY_SECONDS = 30.0


def audit(
    run: Annotated[
        bool, typer.Option("--run", help="Try what is due now, within posture.audit.share, until nothing is.")
    ] = False,
    config: ConfigOption = DEFAULT_CONFIG,
    as_json: JsonOption = False,
) -> None:
    """Say how the audit of stored passwords stands, or run it.

    Counts by source the passwords that were guessed, that held, and that cannot be tried. With what one was guessed is
    kept nowhere. A run that is cut off goes on at the next. Exit code 1 where one was guessed.
    """
    with told_plainly():
        from credwatch.casework.posture_book import PostureBook

        if run:
            _run(config)
        with PostureBook.at(config) as book:
            answers = book.audits()
    if as_json:
        print_json({"sources": answers})
    else:
        for answer in answers:
            say(_standing(answer))
    raise typer.Exit(ExitCode.NO if any(it["guessed"] for it in answers) else ExitCode.DONE)


def _run(config: Path) -> None:
    from prometheus_client import CollectorRegistry

    from credwatch.app import keys
    from credwatch.app.settings import load_settings
    from credwatch.app.store import open_store
    from credwatch.kernel.clock import system_clock
    from credwatch.kernel.errors import ConfigurationError
    from credwatch.posture.guessing.guesser import Guesser
    from credwatch.service.password_audit import PasswordAudit
    from credwatch.telemetry.posture_metrics import PostureMetrics

    settings = load_settings(config)
    options = settings.posture.audit
    if not options.sources:
        hint = "name sources whose passwords may be tried: [posture.audit] sources"
        raise ConfigurationError("no source of accounts may be audited", where=str(config), hint=hint)
    database = open_store(keys.store_place(settings))
    try:
        watch = PasswordAudit(settings, database, PostureMetrics(CollectorRegistry()), system_clock, _Progress())
        with Guesser(options.share, settings.gate.blocklists) as guesser:
            for source in settings.posture.source:
                while source.id in options.sources and not watch.audit(source, guesser):
                    continue
    finally:
        database.close()


class _Progress:
    """Tells a person who waits how far it has come, now and then."""

    def __init__(self) -> None:
        self._told_at = time.monotonic()

    def __call__(self, done: int, due: int) -> None:
        """Tell it where the last time is some seconds ago."""
        if sys.stderr.isatty() and time.monotonic() - self._told_at >= _TOLD_EVERY_SECONDS:
            self._told_at = time.monotonic()
            tell(f"{done} of {due} tried")


def _standing(answer: dict[str, Any]) -> str:
    if not answer["is_allowed"]:
        return f"source {answer['source']}: not audited"
    counts = f"{answer['guessed']} guessed, {answer['held']} held, {answer['untried']} cannot be tried"
    return f"source {answer['source']}: {counts}, last at {answer['tried_at'] or 'no time'}"
