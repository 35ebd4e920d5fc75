"""`credwatch posture`: how accounts stand, and which of them do not keep the rules."""

from __future__ import annotations

import csv
import sys
from collections import Counter
from collections.abc import Iterator
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated, Any

import typer

from credwatch.cli.options import DEFAULT_CONFIG, ConfigOption, JsonOption
from credwatch.cli.output import ExitCode, print_json, say, tell, tell_hint, told_plainly
from credwatch.cli.password_audit import audit

if TYPE_CHECKING:
    from credwatch.posture.judging import Expectations
    from credwatch.posture.options import AccountSourceOptions
    from credwatch.posture.reading import AccountsReading

posture_app = typer.Typer()
posture_app.command()(audit)


class TableFormat(StrEnum):
    """As what findings are written."""

    TEXT = "text"
    JSON = "json"
    CSV = "csv"


SourcesArgument = Annotated[
    list[str] | None, typer.Argument(metavar="SOURCE", help="Sources of accounts; all by default.", show_default=False)
]


@posture_app.callback(invoke_without_command=True)
def posture(
    context: typer.Context,
    customer: Annotated[
        str | None, typer.Option("--customer", help="The accounts of one customer; empty for one's own.")
    ] = None,
    role: Annotated[str, typer.Option("--role", help="The accounts in one role.")] = "",
    rule: Annotated[str, typer.Option("--rule", help="One rule, such as weak_hash.")] = "",
    written_as: Annotated[TableFormat, typer.Option("--format", help="CSV has the findings alone.")] = TableFormat.TEXT,
    config: ConfigOption = DEFAULT_CONFIG,
) -> None:
    """Say who does not keep which rule, and since when.

    Shows the readings that the daemon has made, how many accounts of each customer keep each rule, and those that do
    not, the exempt among them. Exit code 1 where an account breaks a rule and is not exempt, or a reading is overdue.
    """
    if context.invoked_subcommand is not None:
        return
    with told_plainly():
        from credwatch.casework.posture_book import PostureBook, PostureChoice
        from credwatch.kernel.clock import system_clock

        with PostureBook.at(config) as book:
            answer = book.accounts(PostureChoice(customer, role, rule), system_clock())
    match written_as:
        case TableFormat.JSON:
            print_json(answer)
        case TableFormat.CSV:
            _print_csv(answer["findings"])
        case TableFormat.TEXT:
            for line in _standing(answer):
                say(line)
    is_well = not any(not it["exemption"] for it in answer["findings"])
    is_well = is_well and not any(it["is_overdue"] or it["error"] for it in answer["sources"])
    raise typer.Exit(ExitCode.DONE if is_well else ExitCode.NO)


def _print_csv(findings: list[dict[str, Any]]) -> None:
    """Write a table for a spreadsheet, in which no text of a log is taken for a formula."""
    writer = csv.writer(sys.stdout)
    columns = ("customer", "account", "source", "rule", "detail", "since", "roles", "exemption")
    writer.writerow(columns)
    for finding in findings:
        values = (" ".join(value) if isinstance(value := finding[name], list) else value for name in columns)
        writer.writerow([f"'{value}" if value[:1] in tuple("=+-@\t\r") else value for value in values])


def _standing(answer: dict[str, Any]) -> Iterator[str]:
    for source in answer["sources"]:
        overdue = ", OVERDUE" if source["is_overdue"] else ""
        error = f", not read since: {source['error']}" if source["error"] else ""
        read_at = source["read_at"] or "no time"
        yield f"source {source['source']}: {source['accounts']} accounts at {read_at}{overdue}{error}"
    for row in answer["coverage"]:
        asked = row["kept"] + row["broken"]
        share = f"{row['kept'] / asked:.0%} of {asked} keep it" if asked else "nothing is told"
        whose = " ".join(filter(None, [row["customer"] or "own accounts", row["role"]]))
        untold = f", {row['untold']} not told" if row["untold"] else ""
        yield f"{whose}: {row['rule']}: {share}{untold}"
    for it in answer["findings"]:
        customer = f" ({it['customer']})" if it["customer"] else ""
        exempt = f", exempt by {it['exemption']}" if it["exemption"] else ""
        sent = "".join(f", {sent['rung']} reminded {sent['at'][:10]}" for sent in it["reminders"])
        yield f"✗ {it['account']}{customer}: {it['rule']} since {it['since'][:10]}: {it['detail']}{exempt}{sent}"


@posture_app.command()
def read(names: SourcesArgument = None, config: ConfigOption = DEFAULT_CONFIG, as_json: JsonOption = False) -> None:
    """Read the sources of accounts now, and keep nothing.

    Counts the accounts, what is told of them, and the schemes of their passwords, and names the rows that hold
    something else than they should. Exit code 1 where a source cannot be read or a row lies.
    """
    with told_plainly():
        from credwatch.app.build import read_registers
        from credwatch.app.posture import expectations_of
        from credwatch.app.settings import load_settings

        settings = load_settings(config)
        expectations = expectations_of(settings, read_registers(settings))
        answers = [_answer(options, expectations) for options in _chosen(settings.posture.source, names or [])]
    if as_json:
        print_json({"sources": answers})
    else:
        for answer in answers:
            _tell(answer)
    raise typer.Exit(ExitCode.NO if any(it["error"] or it["wrong"] for it in answers) else ExitCode.DONE)


def _chosen(sources: tuple[AccountSourceOptions, ...], names: list[str]) -> list[AccountSourceOptions]:
    from credwatch.kernel.errors import ConfigurationError

    by_name = {source.id: source for source in sources}
    for name in names:
        if name not in by_name:
            hint = f"sources of accounts are: {', '.join(by_name) or 'none'}"
            raise ConfigurationError(f"no source of accounts is called {name!r}", hint=hint)
    return [by_name[name] for name in names or by_name]


def _answer(options: AccountSourceOptions, expectations: Expectations) -> dict[str, Any]:
    from credwatch.kernel.clock import system_clock
    from credwatch.kernel.errors import SourceError
    from credwatch.posture.reading import read as read_source

    try:
        reading = read_source(options, expectations.owner_of, system_clock)
        return {"source": options.id, "error": ""} | _summary(reading) | {"broken": _broken(reading, expectations)}
    except SourceError as error:
        return {"source": options.id, "error": error.headline(), "hint": error.hint, "accounts": 0, "wrong": 0}


def _summary(reading: AccountsReading) -> dict[str, Any]:
    accounts = reading.accounts
    schemes = Counter(_scheme(account.password) for account in accounts)
    fields = ("password", "password_changed_at", "last_login_at", "factors", "roles", "owner", "is_enabled")
    return {
        "accounts": len(accounts),
        "customers": dict(Counter(account.customer for account in accounts)),
        "schemes": dict(schemes.most_common()),
        "told_of": {field: sum(getattr(it, field) is not None for it in accounts) for field in fields},
        "wrong": reading.wrong,
        "problems": [{"row": it.row, "column": it.column, "problem": it.problem} for it in reading.problems],
    }


def _broken(reading: AccountsReading, expectations: Expectations) -> list[dict[str, str]]:
    from credwatch.posture.judging import Asked, judge

    return [
        {"account": state.user, "customer": state.customer, "rule": rule.value, "detail": judgement.detail}
        for state in reading.accounts
        for rule, judgement in judge(Asked(state, expectations, expectations.owner_of(state.user), reading.at)).items()
        if judgement.asked and judgement.kept is False
    ]


def _scheme(password: Any) -> str:
    if password is None:
        return "not told"
    words = [password.scheme, password.cost, f"({password.weakness})" if password.weakness else ""]
    return " ".join(filter(None, [*words, "locked" if password.is_locked and password.scheme != "locked" else ""]))


def _tell(answer: dict[str, Any]) -> None:
    if answer["error"]:
        say(f"{answer['source']}: {answer['error']}")
        tell_hint(answer["hint"])
        return
    say(f"{answer['source']}: {answer['accounts']} accounts")
    for line in _lines(answer):
        say(f"  {line}")
    for problem in answer["problems"]:
        say(f"  row {problem['row']}: {problem['column']}: {problem['problem']}")
    if answer["wrong"] > len(answer["problems"]):
        tell(f"{answer['wrong'] - len(answer['problems'])} more values are not what they should be")


def _lines(answer: dict[str, Any]) -> Iterator[str]:
    for scheme, count in answer["schemes"].items():
        yield f"password {scheme}: {count}"
    for field, count in answer["told_of"].items():
        yield f"{field} told of {count}"
    for finding in answer["broken"]:
        customer = f" ({finding['customer']})" if finding["customer"] else ""
        yield f"{finding['account']}{customer}: {finding['rule']}: {finding['detail']}"
