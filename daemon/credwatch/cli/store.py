"""`credwatch store copy`, `credwatch backup` and `credwatch restore`: the store as a whole."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from credwatch.cli.actor import login_name
from credwatch.cli.options import DEFAULT_CONFIG, ConfigOption, JsonOption
from credwatch.cli.output import print_json, say, told_plainly
from credwatch.kernel.clock import system_clock

if TYPE_CHECKING:
    from credwatch.store.place import Place

store_app = typer.Typer(no_args_is_help=True, help="Copy the store to another database.")


@store_app.callback()
def store() -> None:
    """Copy the store to another database."""


@store_app.command()
def copy(
    source: Annotated[str, typer.Argument(metavar="FROM", help="A file, or postgresql://USER@HOST/DATABASE.")],
    target: Annotated[str, typer.Argument(metavar="TO", help="The same; there must be no store yet.")],
    config: ConfigOption = DEFAULT_CONFIG,
    as_json: JsonOption = False,
) -> None:
    """Copy a whole store that no daemon uses.

    A daemon goes on with the copy where the other ended.
    The password of a server is that of the settings where they name the same URL, else libpq finds it (~/.pgpass).
    """
    with told_plainly():
        from credwatch.app.settings import load_settings
        from credwatch.casework import backup as backups

        settings = load_settings(config)
        origin, copied = (backups.place_of(_place(text), settings) for text in (source, target))
        rows = backups.copy(origin, copied, login_name())
    _tell(rows, target, as_json)


def backup(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="Where it goes; it must not be there yet.")],
    config: ConfigOption = DEFAULT_CONFIG,
    as_json: JsonOption = False,
) -> None:
    """Back up the store while the daemon runs.

    FILE.sha256 has its digest, as sha256sum writes it.
    """
    with told_plainly():
        from credwatch.app.settings import load_settings
        from credwatch.casework import backup as backups

        rows = backups.back_up(load_settings(config), file, system_clock(), login_name())
    _tell(rows, str(file), as_json)


def restore(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="What `backup` has made.")],
    config: ConfigOption = DEFAULT_CONFIG,
    as_json: JsonOption = False,
) -> None:
    """Put a backup where the settings have the store.

    No daemon may run, and no store be there.
    """
    with told_plainly():
        from credwatch.app.settings import load_settings
        from credwatch.casework import backup as backups

        rows = backups.restore(load_settings(config), file, login_name())
    _tell(rows, str(file), as_json)


def _place(text: str) -> Place:
    from credwatch.kernel.errors import ConfigurationError
    from credwatch.store.place import place_named

    try:
        return place_named(text)
    except ValueError as error:
        message, _, hint = str(error).partition("; ")
        raise ConfigurationError(message, where="store", hint=hint) from error


def _tell(rows: int, where: str, as_json: bool) -> None:
    print_json({"rows": rows, "where": where}) if as_json else say(f"{where}: {rows} rows, read back and equal")
