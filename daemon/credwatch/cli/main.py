"""The command line: which sub-command is where."""

from __future__ import annotations

import typer

from credwatch.cli import case_files as case_files  # its commands are those of `incidents`
from credwatch.cli import case_list as case_list  # likewise
from credwatch.cli import case_tasks as case_tasks  # likewise
from credwatch.cli import casework as casework  # likewise
from credwatch.cli import documents as documents  # likewise
from credwatch.cli import packages as packages  # likewise
from credwatch.cli import radius as radius  # likewise
from credwatch.cli import recording as recording  # likewise
from credwatch.cli import secrecy as secrecy  # likewise
from credwatch.cli.access import access_app
from credwatch.cli.archive import archive_app
from credwatch.cli.audit import audit_app, verify
from credwatch.cli.case_files import evidence
from credwatch.cli.changes import changes_app
from credwatch.cli.check import check
from credwatch.cli.collect import collect
from credwatch.cli.contacts import contacts_app
from credwatch.cli.corpus import corpus_app
from credwatch.cli.coverage import coverage
from credwatch.cli.demo import demo
from credwatch.cli.doctor import doctor
from credwatch.cli.enforce import enforce_app
from credwatch.cli.events import events
from credwatch.cli.explain import explain
from credwatch.cli.inbox import inbox_app
from credwatch.cli.incidents import incidents_app
from credwatch.cli.notice import notice_app
from credwatch.cli.outbox import outbox_app
from credwatch.cli.pam import pam_app
from credwatch.cli.parse import parse
from credwatch.cli.password import password_app
from credwatch.cli.policy import policy_app
from credwatch.cli.posture import posture_app
from credwatch.cli.push_token import push_token
from credwatch.cli.regimes import regimes_app
from credwatch.cli.rehearse import rehearse
from credwatch.cli.replay import replay
from credwatch.cli.rules import rules_app
from credwatch.cli.run import run
from credwatch.cli.silence import silence_app
from credwatch.cli.status import status
from credwatch.cli.store import backup, restore, store_app
from credwatch.cli.totp import totp_app
from credwatch.cli.unparsed import unparsed_app
from credwatch.cli.version import version

app = typer.Typer(
    name="credwatch",
    help="Watches credentials: reads authentication logs and carries each breach to the people who must hear of it.\n\n"
    "Exit codes: 0 done; 1 the answer is no (refused, problems found, unknown); 2 it could not be done "
    "(usage, unreadable file, configuration); 3 the gate did not answer.",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)
for command in (
    run,
    demo,
    status,
    check,
    doctor,
    coverage,
    collect,
    events,
    parse,
    explain,
    replay,
    rehearse,
    backup,
    restore,
    evidence,
    verify,
    version,
):
    app.command()(command)
app.command("push-token")(push_token)
app.add_typer(rules_app, name="rules")
app.add_typer(incidents_app, name="incidents")
app.add_typer(regimes_app, name="regimes")
app.add_typer(unparsed_app, name="unparsed")
app.add_typer(silence_app, name="silence")
app.add_typer(outbox_app, name="outbox")
app.add_typer(enforce_app, name="enforce")
app.add_typer(notice_app, name="notice")
app.add_typer(inbox_app, name="inbox")
app.add_typer(contacts_app, name="contacts")
app.add_typer(access_app, name="access")
app.add_typer(changes_app, name="changes")
app.add_typer(archive_app, name="archive")
app.add_typer(audit_app, name="audit")
app.add_typer(store_app, name="store")
app.add_typer(policy_app, name="policy")
app.add_typer(password_app, name="password")
app.add_typer(totp_app, name="totp")
app.add_typer(corpus_app, name="corpus")
app.add_typer(posture_app, name="posture")
app.add_typer(pam_app, name="pam")
