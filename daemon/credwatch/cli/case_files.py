"""`credwatch incidents export`: a case in a folder that others can check."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from credwatch.cli.case_words import words_of
from credwatch.cli.incidents import NumberArgument, incidents_app, unknown
from credwatch.cli.options import DEFAULT_CONFIG, ConfigOption, CustomerOption, JsonOption
from credwatch.cli.output import print_json, say, told_plainly


@incidents_app.command()
def export(
    number: NumberArgument,
    out: Annotated[Path, typer.Argument(metavar="FOLDER", help="A folder that is not there yet.")],
    config: ConfigOption = DEFAULT_CONFIG,
    as_json: JsonOption = False,
) -> None:
    """Write a case into a new folder, with hashes.

    Facts, lines, messages, receipts and rules; `sha256sum -c SHA256SUMS` in it proves that nothing was changed since.
    Exit code 1 where the number is unknown.
    """
    with told_plainly():
        from credwatch.casework.export import CaseExport

        with CaseExport.at(config) as export:
            names = export.export(number, out, words_of)
    if names is None:
        raise unknown(number)
    print_json({"folder": str(out), "files": names}) if as_json else say(f"{number}: {len(names)} files in {out}")


def evidence(
    number: NumberArgument,
    output: Annotated[Path, typer.Option("--output", "-o", metavar="FILE", help="A file that is not there yet.")],
    customer: CustomerOption = "",
    config: ConfigOption = DEFAULT_CONFIG,
    as_json: JsonOption = False,
) -> None:
    """Write a case as one signed archive, with proofs.

    `credwatch verify` checks it anywhere. With --customer it has what may be handed to that customer alone.
    Exit code 1 where the number is unknown.
    """
    with told_plainly():
        from credwatch.casework.archive import EvidenceArchive

        with EvidenceArchive.at(config) as archive:
            names = archive.pack(number, output, words_of, customer)
    if names is None:
        raise unknown(number)
    print_json({"file": str(output), "files": names}) if as_json else say(f"{number}: {len(names)} files in {output}")
