"""`credwatch corpus`: breached passwords in one file, which the gate looks up without asking anybody."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from credwatch.cli.options import DEFAULT_CONFIG, ConfigOption, JsonOption
from credwatch.cli.output import ExitCode, print_json, print_problems, say, tell, told_plainly

if TYPE_CHECKING:
    from credwatch.policy.corpus.layout import CorpusHeader
    from credwatch.policy.options import GateOptions

corpus_app = typer.Typer(help="Breached passwords, looked up offline.", no_args_is_help=True)

CorpusFile = Annotated[Path, typer.Argument(metavar="CORPUS", help="The file of the corpus.")]


@corpus_app.command()
def build(
    ranges: Annotated[Path, typer.Argument(metavar="RANGES", help="A folder of ranges, or one file HASH:COUNT.")],
    corpus: Annotated[Path, typer.Argument(metavar="CORPUS", help="The file to make or replace.")],
    top: Annotated[int | None, typer.Option(min=1, metavar="N", help="Only the N seen most often.")] = None,
    as_json: JsonOption = False,
) -> None:
    """Build a corpus from the public ranges of hashes.

    It takes the place of CORPUS at once when it is whole, and a gate that runs uses it from then on.
    """
    with told_plainly():
        header = _built(ranges, corpus, top)
    _show(corpus, header, as_json)


@corpus_app.command()
def update(config: ConfigOption = DEFAULT_CONFIG, as_json: JsonOption = False) -> None:
    """Bring the corpus of the settings up to date.

    With gate.ranges_url it first fetches into gate.ranges what has changed there.
    Without it nothing leaves the machine.
    """
    from credwatch.app.settings import load_settings
    from credwatch.kernel.errors import ConfigurationError

    with told_plainly():
        options = load_settings(config).gate
        if options.corpus is None or options.ranges is None:
            key = "corpus" if options.corpus is None else "ranges"
            raise ConfigurationError(
                "this key is missing", where=f"{config}: gate.{key}", hint="docs/gate.md#breached-passwords has both"
            )
        if options.ranges_url:
            _fetch(options, options.ranges)
        header = _built(options.ranges, options.corpus, options.corpus_rows or None)
    _show(options.corpus, header, as_json)


@corpus_app.command()
def verify(corpus: CorpusFile, as_json: JsonOption = False) -> None:
    """Read a whole corpus, and hold it to its checksums.

    Exit code 0 where all is well, 1 where it is damaged or no corpus.
    """
    from credwatch.kernel.errors import Problem
    from credwatch.policy.corpus.corpus import Corpus
    from credwatch.policy.corpus.layout import CorpusError

    try:
        with Corpus(corpus) as whole:
            whole.verify()
    except CorpusError as error:
        if as_json:
            print_json({"whole": False, "where": error.where, "problem": error.message})
        else:
            print_problems([Problem.of(error)])
        raise typer.Exit(ExitCode.NO) from error
    print_json({"whole": True}) if as_json else say(f"{corpus}: whole and in order")


@corpus_app.command()
def info(corpus: CorpusFile, as_json: JsonOption = False) -> None:
    """Say what is in a corpus: how much, of what, and how old."""
    from credwatch.policy.corpus.corpus import Corpus

    with told_plainly(), Corpus(corpus) as whole:
        header = whole.header
    _show(corpus, header, as_json)


def _built(ranges: Path, corpus: Path, top: int | None) -> CorpusHeader:
    from credwatch.policy.corpus.building import build_corpus
    from credwatch.policy.corpus.ranges import ranges_at

    with _counted("rows") as advance:
        return build_corpus(ranges_at(ranges), corpus, most_rows=top, on_rows=advance)


def _fetch(options: GateOptions, folder: Path) -> None:
    from credwatch.policy.corpus.fetching import fetch_ranges

    with _counted("ranges") as advance:
        fetched = fetch_ranges(options.ranges_url, folder, options.ranges_kind, on_fetched=advance)
    tell(f"{folder}: {fetched.changed:,} ranges fetched, {fetched.unchanged:,} unchanged")


@contextmanager
def _counted(what: str) -> Iterator[Callable[[int], None]]:
    """Show on a terminal how far long work has come."""
    from rich.console import Console
    from rich.progress import MofNCompleteColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

    columns = (SpinnerColumn(), MofNCompleteColumn(), TextColumn(what), TimeElapsedColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task(what, total=None)
        yield lambda amount: bar.advance(task, amount)


def _show(corpus: Path, header: CorpusHeader, as_json: bool) -> None:
    from credwatch.policy.corpus.layout import RANGES

    facts: dict[str, Any] = {
        "kind": header.kind.value,
        "rows": header.rows,
        "seen_at_least": header.seen_at_least,
        "newest": header.newest,
        "ranges": header.ranges,
        "missing_ranges": RANGES - header.ranges,
        "bytes": header.file_bytes,
    }
    if as_json:
        return print_json({"corpus": str(corpus)} | facts)
    say(f"{corpus}: {header.rows:,} {header.kind.value} hashes, as of {header.newest}")
    say(f"  each seen {header.seen_at_least:,} times or more; {header.file_bytes:,} bytes")
    return say(f"  of {RANGES:,} ranges {header.ranges:,} have any, {RANGES - header.ranges:,} have none")
