"""`credwatch incidents` hold and lift: orders that forbid to tell a customer of an incident."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from credwatch.cli.actor import ByOption, login_name
from credwatch.cli.incidents import NumberArgument, WhyOption, incidents_app, unknown
from credwatch.cli.moments import MOMENT
from credwatch.cli.options import DEFAULT_CONFIG, ConfigOption, JsonOption
from credwatch.cli.order_options import ArticleOption, IssuerOption, OrderFileOption, digest_of_order
from credwatch.cli.output import print_json, say, tell_hint, told_plainly
from credwatch.kernel.clock import system_clock

if TYPE_CHECKING:
    from credwatch.kernel.secrecy import SecrecyOrder, SecrecyStep


@incidents_app.command()
def hold(
    number: NumberArgument,
    why: WhyOption,
    reference: Annotated[str, typer.Option(help="The number of the order.")] = "",
    issuer: IssuerOption = "",
    article: ArticleOption = "",
    document: OrderFileOption = None,
    until: Annotated[
        datetime | None,
        typer.Option(metavar="MOMENT", formats=MOMENT, help="From when on it is reviewed every day."),
    ] = None,
    config: ConfigOption = DEFAULT_CONFIG,
    by: ByOption = "",
    as_json: JsonOption = False,
) -> None:
    """Hold back what tells a customer of an incident, on an order.

    One person names the order, and a second one confirms it with --why alone. What has left is not called back; what
    waits is never dropped, and its clocks call nobody. Exit code 1 where the number is unknown.
    """
    with told_plainly():
        from credwatch.casework.acts import Actor
        from credwatch.casework.secrecy import Secrecy

        order = _order(number, {"--reference": reference, "--issuer": issuer, "--article": article}, document, until)
        with Secrecy.at(config) as secrecy:
            step = secrecy.hold(number, Actor(login_name(by), system_clock()), why, order)
    _say(number, step, as_json=as_json)


@incidents_app.command()
def lift(
    number: NumberArgument,
    why: WhyOption,
    reference: Annotated[str, typer.Option(help="The number of the order, where several run.")] = "",
    config: ConfigOption = DEFAULT_CONFIG,
    by: ByOption = "",
    as_json: JsonOption = False,
) -> None:
    """End an order, and send what it held back.

    One person proposes it, and a second one confirms it with the same command. Exit code 1 where the number is unknown.
    """
    with told_plainly():
        from credwatch.casework.acts import Actor
        from credwatch.casework.secrecy import Secrecy

        with Secrecy.at(config) as secrecy:
            step = secrecy.lift(number, Actor(login_name(by), system_clock()), why, reference)
    _say(number, step, as_json=as_json)


def _order(number: str, words: dict[str, str], document: Path | None, until: datetime | None) -> SecrecyOrder | None:
    """Read the order from the options; None where none of them is there. Raises BadParameter where one is missing."""
    from credwatch.kernel.secrecy import SecrecyOrder

    digest = digest_of_order({**words, "--until": until}, document)
    if digest is None or until is None:
        return None
    named = (words["--reference"], words["--issuer"], words["--article"])
    return SecrecyOrder(number, *named, digest, until.astimezone(UTC))


def _say(number: str, step: SecrecyStep | None, *, as_json: bool) -> None:
    from msgspec import to_builtins

    if step is None:
        raise unknown(number)
    is_done = bool(step.confirms)
    if as_json:
        print_json(to_builtins(step) | {"proposed": not is_done})
    else:
        act = ("lifted" if is_done else "lifting proposed") if step.lifts else "in force" if is_done else "proposed"
        say(f"{number}: order {step.order.reference} {act}")
    if not is_done:
        tell_hint("nothing changes until a second person confirms it, with the same command and --why")
