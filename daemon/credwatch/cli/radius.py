"""`credwatch incidents radius`: how far a case reaches."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Any

from credwatch.cli.case_words import unseen_words
from credwatch.cli.incidents import NumberArgument, incidents_app, unknown
from credwatch.cli.moments import both_times
from credwatch.cli.options import DEFAULT_CONFIG, ConfigOption, JsonOption
from credwatch.cli.output import print_json, say, told_plainly

_NAMED = {
    "accounts": "accounts",
    "accounts_only_tried": "only tried",
    "addresses": "addresses",
    "customers": "customers",
    "sessions": "sessions",
}


@incidents_app.command()
def radius(number: NumberArgument, config: ConfigOption = DEFAULT_CONFIG, as_json: JsonOption = False) -> None:
    """Say how far a case reaches, by the archive.

    What its addresses and accounts did, from its first event to a day after its last: which accounts were logged in
    to and which only tried, customers, sessions, acts, and what could not be seen. Exit code 1 where the number is
    unknown.
    """
    with told_plainly():
        from credwatch.casework.radius import RadiusBook

        with RadiusBook.at(config) as book:
            reach = book.radius(number)
    if reach is None:
        raise unknown(number)
    if as_json:
        print_json(reach)
        return
    for line in _words(reach):
        say(line)


def _words(reach: dict[str, Any]) -> Iterator[str]:
    def moment(text: str) -> str:
        return both_times(datetime.fromisoformat(text), reach["time_zone"]) if text else "-"

    yield f"{'looked at':<12} {moment(reach['since'])} to {moment(reach['until'])}"
    yield f"{'events':<12} {reach['events']}, from {moment(reach['first'])} to {moment(reach['last'])}"
    for key, name in _NAMED.items():
        some = reach[key]
        more = " …" if some["count"] > len(some["named"]) else ""
        yield f"{name:<12} {some['count']}  {', '.join(some['named'])}{more}".rstrip()
    for act, count in reach["acts"].items():
        yield f"{'act':<12} {count} {act}"
    for interval in reach["unseen"]:
        yield f"{'not seen':<12} {unseen_words(interval, moment)}"
    if reach["archive_begins"] > reach["since"]:
        yield f"{'not seen':<12} the archive begins {moment(reach['archive_begins'])}"
