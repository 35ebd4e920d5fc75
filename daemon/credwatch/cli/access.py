"""`credwatch access`: asking for access to a customer's accounts, agreeing to it, ending it, and saying how it went."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from credwatch.cli.actor import ByOption, login_name
from credwatch.cli.moments import MOMENT, read_span
from credwatch.cli.new_token import show_new_token
from credwatch.cli.options import DEFAULT_CONFIG, ConfigOption, JsonOption, LimitOption
from credwatch.cli.order_options import ArticleOption, IssuerOption, OrderFileOption, digest_of_order
from credwatch.cli.output import print_json, say, told_plainly
from credwatch.kernel.clock import system_clock

if TYPE_CHECKING:
    from credwatch.casework.access_desk import AccessDesk
    from credwatch.kernel.access import AccessOrder, AccessRequest
    from credwatch.kernel.account import Account
    from credwatch.kernel.secret import Secret
    from credwatch.policy.gate import CodeCheck
    from credwatch.policy.totp import MfaOutcome

access_app = typer.Typer(help="Access of staff to customers' accounts.", no_args_is_help=True)

RequestArgument = Annotated[str, typer.Argument(metavar="REQUEST", help="The number, such as AR-7KQ2M4AB.")]
SocketOption = Annotated[Path, typer.Option("--socket", help="The gate's socket, which looks at the code.")]
WhyOption = Annotated[str, typer.Option("--why", help="The reason; it is kept.")]
GATE_SOCKET = Path("/run/credwatch/gate.sock")


@access_app.command()
def request(
    customer: Annotated[str, typer.Argument(metavar="CUSTOMER", help="The customer's id.")],
    ground: Annotated[
        str, typer.Option(help="What it rests on: customer_request, court_order, authority_request or emergency.")
    ],
    reference: Annotated[str, typer.Option(help="The number of the ticket or order.")],
    why: Annotated[str, typer.Option("--why", help="What it is for; the customer reads it.")],
    lasts: Annotated[
        timedelta, typer.Option("--for", metavar="SPAN", parser=read_span, help="How long: 2h, 3d; 90 days at most.")
    ],
    account: Annotated[list[str], typer.Option(help="An account, or *; may be given again.")],
    action: Annotated[list[str], typer.Option(help="An action, such as staff_access, or *; may be given again.")],
    actor: Annotated[list[str] | None, typer.Option(help="Who will act, if not you; may be given again.")] = None,
    data: Annotated[list[str] | None, typer.Option(help="Which data will be seen; may be given again.")] = None,
    begins: Annotated[
        datetime | None,
        typer.Option("--from", metavar="MOMENT", formats=MOMENT, help="From when on, if not from now."),
    ] = None,
    issuer: IssuerOption = "",
    article: ArticleOption = "",
    document: OrderFileOption = None,
    secret_until: Annotated[
        datetime | None,
        typer.Option(metavar="MOMENT", formats=MOMENT, help="Until when it forbids to tell."),
    ] = None,
    config: ConfigOption = DEFAULT_CONFIG,
    socket: SocketOption = GATE_SOCKET,
    by: ByOption = "",
    as_json: JsonOption = False,
) -> None:
    """Ask for access to a customer's accounts.

    Two others approve it, and the customer, where it rests on its request. An emergency holds at once, on a code of
    yours (from the terminal or standard input): customer and operators are told, and it is reviewed within a day.
    """
    with told_plainly(), _desk(config) as desk:
        from credwatch.kernel.access import AccessGround, AccessRequest

        now = system_clock()
        kinds = {kind.value: kind for kind in AccessGround}
        if ground not in kinds:
            raise typer.BadParameter(f"expected one of {', '.join(kinds)}", param_hint="--ground")
        start = begins.astimezone(UTC) if begins else now
        wanted = AccessRequest(
            id="",
            customer=customer,
            ground=kinds[ground],
            reference=reference.strip(),
            reason=why.strip(),
            asked_by="",
            asked_at=now,
            actors=tuple(actor or ()),
            accounts=tuple(account),
            actions=tuple(action),
            starts_at=start,
            ends_at=start + lasts,
            data=tuple(data or ()),
            order=_order(issuer, article, document, secret_until),
        )
        is_urgent = wanted.ground is AccessGround.EMERGENCY
        code = typed_code() if is_urgent else None
        number = desk.ask(wanted, login_name(by), code, gate_check(socket) if is_urgent else None)
        _say(desk, number, as_json=as_json)


@access_app.command()
def approve(
    number: RequestArgument,
    contact: Annotated[
        str, typer.Option(metavar="ADDRESS", help="The customer's contact who agreed on another way than its pages.")
    ] = "",
    why: Annotated[str, typer.Option("--why", help="Words that are kept; with --contact: on which way.")] = "",
    config: ConfigOption = DEFAULT_CONFIG,
    socket: SocketOption = GATE_SOCKET,
    by: ByOption = "",
    as_json: JsonOption = False,
) -> None:
    """Approve a request, with a one-time code.

    It is read from the terminal or standard input.

    Who asks or would act cannot. With --contact the code stands for what you heard the customer say, which is told to
    all of its addresses.
    """
    with told_plainly(), _desk(config) as desk:
        if contact:
            if not why.strip():
                raise typer.BadParameter("say on which way the contact agreed", param_hint="--why")
            desk.customer_said_yes(number, contact, login_name(by), typed_code(), gate_check(socket), why.strip())
        else:
            desk.approve(number, login_name(by), typed_code(), gate_check(socket), why.strip())
        _say(desk, number, as_json=as_json)


@access_app.command()
def refuse(
    number: RequestArgument,
    why: WhyOption,
    config: ConfigOption = DEFAULT_CONFIG,
    by: ByOption = "",
    as_json: JsonOption = False,
) -> None:
    """Refuse a request that waits; who asked for it withdraws it."""
    with told_plainly(), _desk(config) as desk:
        desk.refuse(number, login_name(by), why.strip())
        _say(desk, number, as_json=as_json)


@access_app.command()
def revoke(
    number: RequestArgument,
    why: WhyOption,
    config: ConfigOption = DEFAULT_CONFIG,
    by: ByOption = "",
    as_json: JsonOption = False,
) -> None:
    """End access before its time.

    What is done under it from now on is an incident.
    """
    with told_plainly(), _desk(config) as desk:
        desk.revoke(number, login_name(by), why.strip())
        _say(desk, number, as_json=as_json)


@access_app.command()
def review(
    number: RequestArgument,
    why: Annotated[str, typer.Option("--why", help="What you found; it is kept.")],
    config: ConfigOption = DEFAULT_CONFIG,
    socket: SocketOption = GATE_SOCKET,
    by: ByOption = "",
    as_json: JsonOption = False,
) -> None:
    """Say how access went, with a one-time code.

    An emergency is reviewed within a day, by somebody who neither asked nor acted.
    """
    with told_plainly(), _desk(config) as desk:
        desk.review(number, login_name(by), typed_code(), gate_check(socket), why.strip())
        _say(desk, number, as_json=as_json)


@access_app.command("list")
def list_(
    every: Annotated[bool, typer.Option("--all", help="Those that are over, too.")] = False,
    limit: LimitOption = 100,
    config: ConfigOption = DEFAULT_CONFIG,
    as_json: JsonOption = False,
) -> None:
    """List what waits and what holds, the latest first."""
    with told_plainly(), _desk(config) as desk:
        from credwatch.kernel.access import AccessState
        from credwatch.web.access.told import told_of

        states = () if every else (AccessState.WAITING, AccessState.GRANTED)
        for stored in desk.requests(limit, states):
            print_json(told_of(stored)) if as_json else say(_line(stored.request, stored.use.count))


@access_app.command()
def show(number: RequestArgument, config: ConfigOption = DEFAULT_CONFIG, as_json: JsonOption = False) -> None:
    """Show a request, and what was done about it.

    Also how often it was used.
    """
    with told_plainly(), _desk(config) as desk:
        _say(desk, number, as_json=as_json)


@access_app.command()
def token(
    system: Annotated[str, typer.Argument(metavar="SYSTEM", help="The id of the ticket system.")],
    as_json: JsonOption = False,
) -> None:
    """Make the token with which a ticket system asks for access.

    The hash goes into `token_hashes` of its [[access_api.ticket_system]], the token into the ticket system. Neither is
    kept here.
    """
    show_new_token("system", system, "token_hashes", as_json)


@contextmanager
def _desk(config: Path) -> Iterator[AccessDesk]:
    from credwatch.casework.access_book import AccessBook

    with AccessBook.at(config) as book:
        yield book.desk()


def typed_code() -> Secret:
    """Read a one-time code from the terminal or standard input."""
    from credwatch.cli.gate_client import read_secret
    from credwatch.kernel.secret import Secret

    return Secret(read_secret("Code: ").reveal().strip())


def gate_check(socket: Path) -> CodeCheck:
    """Have a running gate look at codes: it alone has the key of the factors, and each code counts once there."""

    def check(account: Account, code: Secret) -> MfaOutcome:
        from credwatch.cli.gate_client import ask_gate
        from credwatch.cli.output import NoAnswer
        from credwatch.policy.totp import MfaOutcome

        question = {"user": account.user, "organization": account.organization, "code": code}
        answer = ask_gate(socket, "totp/verify", question)
        try:
            return MfaOutcome(answer.get("outcome", ""))
        except ValueError as error:
            raise NoAnswer("the gate does not understand", where=str(socket), hint="is it of this version?") from error

    return check


def _order(issuer: str, article: str, document: Path | None, secret_until: datetime | None) -> AccessOrder | None:
    """Read the order from the options; None where none of them is there. Raises BadParameter where one is missing."""
    from credwatch.kernel.access import AccessOrder

    words = {"--issuer": issuer.strip(), "--article": article.strip()}
    digest = digest_of_order(words, document, is_meant=secret_until is not None)
    if digest is None:
        return None
    return AccessOrder(issuer.strip(), article.strip(), digest, secret_until.astimezone(UTC) if secret_until else None)


def _line(request: AccessRequest, uses: int) -> str:
    from credwatch.kernel.clock import rfc3339

    about = f"{request.customer} {', '.join(request.accounts)}"
    return f"{request.id}  {request.state.value:<9}  until {rfc3339(request.ends_at)}  used {uses}  {about}"


def _say(desk: AccessDesk, number: str, *, as_json: bool) -> None:
    """Show a request as it is now."""
    from credwatch.kernel.clock import rfc3339
    from credwatch.web.access.told import told_of

    stored = desk.request(number)
    values = told_of(stored)
    if as_json:
        print_json(values)
        return
    one = stored.request
    say(_line(one, stored.use.count))
    rows = {
        "ground": f"{one.ground.value}, {one.reference}",
        "reason": one.reason,
        "order": f"{one.order.issuer}, {one.order.article}, SHA-256 {one.order.document_sha256}" if one.order else "",
        "secret until": rfc3339(one.order.secret_until) if one.order and one.order.secret_until else "",
        "actors": ", ".join(one.actors),
        "actions": ", ".join(one.actions),
        "data": ", ".join(one.data),
        "holds": f"{rfc3339(one.holds_from)} to {rfc3339(one.holds_until)}" if one.holds_from else "",
        "used": f"{rfc3339(stored.use.first)} to {rfc3339(stored.use.last)}"
        if stored.use.first and stored.use.last
        else "",
        "waits for": _waiting(values),
        "review by": values["review_by"],
    }
    for name, value in rows.items():
        if value:
            say(f"  {name:<12} {value}")
    say(f"  {rfc3339(one.asked_at)}  asked  {one.asked_by}")
    for step in one.steps:
        say(f"  {rfc3339(step.at)}  {step.kind.value}  {step.by}  {step.text}".rstrip())


def _waiting(values: dict[str, object]) -> str:
    from credwatch.world.access import APPROVALS

    approvers = values["approvers"]
    if values["state"] != "waiting" or not isinstance(approvers, list):
        return ""
    missing = APPROVALS - len(approvers)
    parts = [f"{missing} of the staff" if missing > 0 else "", "the customer" if values["awaits_customer"] else ""]
    return " and ".join(part for part in parts if part)
