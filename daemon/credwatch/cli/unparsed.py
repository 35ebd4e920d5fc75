"""`credwatch unparsed`: the lines that nothing read, by shape, and the pack that would read them."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from credwatch.cli.options import DEFAULT_CONFIG, ConfigOption, JsonOption
from credwatch.cli.output import ExitCode, print_error, print_json, say, say_document, tell, tell_hint, told_plainly

unparsed_app = typer.Typer(help="See lines that no pack reads, and draft packs for them.", no_args_is_help=True)

_LONGEST = 200


@unparsed_app.command("list")
def list_(
    source: Annotated[str, typer.Option("--source", help="The lines of one source.")] = "",
    limit: Annotated[int, typer.Option("--limit", min=1, max=10_000, help="How many shapes are shown at most.")] = 50,
    config: ConfigOption = DEFAULT_CONFIG,
    as_json: JsonOption = False,
) -> None:
    """List the kept lines by shape, the most frequent first.

    A shape is a message with placeholders for what varies: numbers, addresses, names, times. Each has an example, with
    secrets masked; the names and addresses in it are people's.
    """
    with told_plainly():
        from credwatch.casework.quarantine import Quarantine, described_shape

        with Quarantine.at(config) as quarantine:
            shapes = quarantine.shapes(source)
        rows = [described_shape(shape) for shape in shapes[:limit]]
    for row in rows:
        print_json(row) if as_json else _show(row)
    if not as_json and not rows:
        tell("no unparsed lines are kept")
    elif len(shapes) > limit:
        tell(f"and {len(shapes) - limit} shapes more: --limit {len(shapes)}")


@unparsed_app.command()
def draft(
    shape: Annotated[str, typer.Argument(metavar="SHAPE", help="The id of a shape, as `unparsed list` names it.")],
    config: ConfigOption = DEFAULT_CONFIG,
    as_json: JsonOption = False,
) -> None:
    """Draft the pack that reads every line of a shape.

    It loads as it is, beside the packs in use; what its lines tell is for you to fill in. Exit code 1 where no kept
    line has that shape, 2 where no pack can be drafted for it.
    """
    with told_plainly():
        from credwatch.casework.quarantine import Quarantine

        with Quarantine.at(config) as quarantine:
            text = quarantine.draft(shape)
    if text is None:
        print_error(f"no shape {shape}; `credwatch unparsed list` names them")
        raise typer.Exit(ExitCode.NO)
    print_json({"shape": shape, "pack": text}) if as_json else say_document(text)
    if not as_json:
        tell_hint("put it into a folder that packs_directories names; the daemon then reads the kept lines again")


@unparsed_app.command()
def again(config: ConfigOption = DEFAULT_CONFIG, as_json: JsonOption = False) -> None:
    """Say how many kept lines the packs would read by now.

    The daemon reads them at its start and at each reload, each once. Nothing is changed by this command.
    """
    with told_plainly():
        from credwatch.casework.quarantine import Quarantine

        with Quarantine.at(config) as quarantine:
            kept, readable = quarantine.again()
    if as_json:
        print_json({"kept": kept, "readable": readable})
        return
    say(f"kept: {kept}, of which the packs read {readable} by now")
    if readable:
        tell_hint("systemctl reload credwatch: it takes them up")


def _show(row: dict[str, Any]) -> None:
    program = f"{row['program']}: " if row["program"] else ""
    say(
        f"{row['id']}  {row['count']:>6}  {row['reason']}  {', '.join(row['sources'])}  {row['first']} to {row['last']}"
    )
    say(f"    {program}{row['shape'][:_LONGEST]}")
    say(f"    e.g. {row['example'][:_LONGEST]}")
