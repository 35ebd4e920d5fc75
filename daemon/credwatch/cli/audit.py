"""`credwatch audit`: the audit trail, its proofs and checkpoints."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from credwatch.cli.actor import ByOption, login_name
from credwatch.cli.options import DEFAULT_CONFIG, ConfigOption, CustomerOption, JsonOption, LimitOption
from credwatch.cli.output import ExitCode, print_error, print_json, say, say_document, tell, told_plainly
from credwatch.kernel.clock import rfc3339, system_clock

if TYPE_CHECKING:
    from credwatch.store.audit import AuditRow

audit_app = typer.Typer(help="Show and prove what was done: the audit trail.", no_args_is_help=True)

IndexArgument = Annotated[int, typer.Argument(metavar="INDEX", min=0, help="The place in the trail, from 0.")]
LogOption = Annotated[str, typer.Option("--customer", help="The log of this customer, not the installation's.")]


@audit_app.command("list")
def list_(
    config: ConfigOption = DEFAULT_CONFIG,
    incident: Annotated[str, typer.Option("--incident", help="The number of an incident.")] = "",
    customer: CustomerOption = "",
    by: Annotated[str, typer.Option("--by", help="A person, by login name.")] = "",
    limit: LimitOption = 50,
    before: Annotated[int | None, typer.Option("--before", metavar="INDEX", min=0, help="Only earlier ones.")] = None,
    as_json: JsonOption = False,
) -> None:
    """List entries, the latest first."""
    with told_plainly():
        from credwatch.casework.auditing import AuditBook
        from credwatch.store.audit import Chosen

        with AuditBook.at(config) as book:
            rows = book.listed(Chosen(incident, customer, by), limit, before)
    for row in rows:
        print_json(_described(row)) if as_json else say(_line(_described(row)))
    if len(rows) == limit and not as_json:
        tell(f"there are more: --before {rows[-1].position}")


@audit_app.command()
def show(index: IndexArgument, config: ConfigOption = DEFAULT_CONFIG, as_json: JsonOption = False) -> None:
    """Show one entry with all its details.

    Exit code 1 where the trail is not so long.
    """
    with told_plainly():
        from credwatch.casework.auditing import AuditBook

        with AuditBook.at(config) as book:
            row = book.entry(index)
    if row is None:
        raise _unknown(index)
    described = _described(row)
    if as_json:
        print_json(described)
        return
    for name, value in described.items():
        say(f"{name:<10} {value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)}")


@audit_app.command()
def checkpoint(config: ConfigOption = DEFAULT_CONFIG, customer: LogOption = "", as_json: JsonOption = False) -> None:
    """Sign the trail as it is now.

    Keep it where nobody of the installation can change it: it proves later that nothing was taken out.
    """
    with told_plainly():
        from credwatch.casework.auditing import AuditBook

        with AuditBook.at(config) as book:
            note = book.checkpoint(system_clock(), customer)
    print_json({"checkpoint": note}) if as_json else say_document(note)


@audit_app.command()
def proof(
    index: IndexArgument,
    config: ConfigOption = DEFAULT_CONFIG,
    customer: Annotated[bool, typer.Option("--of-customer", help="In the log of the entry's customer.")] = False,
    stamp: Annotated[
        Path | None,
        typer.Option("--stamp", metavar="FILE", help="Prove it by a stamped checkpoint; the stamp goes into FILE."),
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Write a proof of one entry.

    `credwatch verify` checks it, and so does any other verifier of C2SP tlog-proof.
    Exit code 1 where there is no such entry, it is in no customer's log, or no authority has stamped it yet.
    """
    if customer and stamp is not None:
        raise typer.BadParameter("only the installation's log is stamped", param_hint="'--of-customer' / '--stamp'")
    with told_plainly():
        from credwatch.casework.auditing import AuditBook

        with AuditBook.at(config) as book:
            proof = book.proof(index, of_customer=customer) if stamp is None else book.stamped_proof(index, stamp)
    if proof is None:
        raise _unknown(index)
    print_json({"proof": proof.written()}) if as_json else say_document(proof.written())


@audit_app.command()
def stamps(config: ConfigOption = DEFAULT_CONFIG, limit: LimitOption = 50, as_json: JsonOption = False) -> None:
    """List the time stamps that an authority gave, the latest first.

    Each says: so many entries, and these, were there at that moment.
    """
    with told_plainly():
        from credwatch.casework.auditing import AuditBook

        with AuditBook.at(config) as book:
            rows = [(row.at, row.size, row.authority) for row in book.stamps(limit)]
    for at, size, authority in rows:
        if as_json:
            print_json({"at": rfc3339(at), "entries": size, "authority": authority})
        else:
            say(f"{rfc3339(at)}  {size:>9} entries  {authority}")


@audit_app.command()
def export(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="A file that is not there yet.")],
    config: ConfigOption = DEFAULT_CONFIG,
    customer: LogOption = "",
    as_json: JsonOption = False,
) -> None:
    """Write a whole log into a file."""
    with told_plainly():
        from credwatch.casework.auditing import AuditBook

        with AuditBook.at(config) as book:
            size = book.export(file, customer)
    print_json({"file": str(file), "entries": size}) if as_json else say(f"{size} entries in {file}")


@audit_app.command()
def key(config: ConfigOption = DEFAULT_CONFIG, customer: LogOption = "", as_json: JsonOption = False) -> None:
    """Write the public key for `credwatch verify --key`.

    Hand it out by another way than the files.
    """
    with told_plainly():
        from credwatch.casework.auditing import AuditBook

        with AuditBook.at(config) as book:
            public = str(book.key(customer))
    print_json({"key": public}) if as_json else say(public)


@audit_app.command()
def accept(
    why: Annotated[str, typer.Option("--why", help="What you found out; it stands in the trail.")],
    config: ConfigOption = DEFAULT_CONFIG,
    by: ByOption = "",
    as_json: JsonOption = False,
) -> None:
    """Have a trail go on that is not what was signed.

    Such as after a backup was restored; the reason stands in it.
    """
    with told_plainly():
        from credwatch.casework.auditing import AuditBook

        with AuditBook.at(config) as book:
            note = book.accept(system_clock(), by=login_name(by), why=why)
    print_json({"checkpoint": note}) if as_json else say_document(note)


def verify(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="An export, a .tlog-proof, or an archive of evidence.")],
    key: Annotated[str, typer.Option("--key", help="The key, or a file with it: what `audit key` writes there.")],
    stamp: Annotated[Path | None, typer.Option("--stamp", metavar="FILE", help="The time stamp of a proof.")] = None,
    roots: Annotated[
        Path | None,
        typer.Option("--roots", metavar="FILE", help="Certificates of the authority, PEM: its stamp is checked, too."),
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Check a file that an installation has signed.

    Nothing is needed but the file and the key; for a time stamp, the authority's certificates.
    Exit code 1 where it is not genuine; each entry that was changed, taken out, put in or moved is named.
    """
    with told_plainly():
        from credwatch.casework.verifying import key_named, stamp_of, verify
        from credwatch.ledger.note import NotGenuine

        public, stamped = key_named(key), None
        try:
            checked = verify(file, public)
            problems, of = checked.problems, f"{checked.size} entries of {checked.origin}"
            stamped = stamp_of(file, roots, stamp) if roots is not None else None
        except NotGenuine as error:
            problems, of = (str(error),), ""
    at = {"stamped_at": rfc3339(stamped.at), "authority": stamped.authority} if stamped else {}
    if as_json:
        print_json({"genuine": not problems, "of": of, "problems": problems, **at})
    for problem in problems:
        print_error(problem)
    if problems:
        raise typer.Exit(ExitCode.NO)
    if not as_json:
        say(f"genuine: {of}")
        if stamped is not None:
            say(f"stamped: {rfc3339(stamped.at)} by {stamped.authority}")
        elif roots is not None:
            say("stamped: by nobody")


def _unknown(index: int) -> typer.Exit:
    print_error(f"no entry {index} there; `credwatch audit list` names them")
    return typer.Exit(ExitCode.NO)


def _described(row: AuditRow) -> dict[str, Any]:
    return {"index": row.position, **json.loads(row.entry)}


def _line(entry: dict[str, Any]) -> str:
    about = "  ".join(filter(None, (entry["incident"], entry["customer"])))
    details = ", ".join(f"{name} {value}" for name, value in entry["details"].items() if value and name != "facts")
    return f"{entry['index']:>7}  {entry['at']}  {entry['actor']:<12}  {entry['kind']:<18}  {about}  {details}".rstrip()
