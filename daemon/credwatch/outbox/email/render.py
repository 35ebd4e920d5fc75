"""Turns a command into the bytes of an e-mail, the same bytes on every attempt."""

from __future__ import annotations

from email.errors import MessageError
from email.header import Header
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import EmailPolicy
from email.utils import format_datetime

from msgspec import Struct

from credwatch.kernel.command import Command
from credwatch.kernel.errors import TemplateError
from credwatch.kernel.mailbox import mailbox
from credwatch.kernel.report_part import REPORT_TYPE
from credwatch.outbox.email.report_part import part_within
from credwatch.outbox.words.templates import Rendered, Templates
from credwatch.workflows.mail_receipt import RECEIPT
from credwatch.workflows.message import first_letter


class _Policy(EmailPolicy):
    """Folds non-ASCII headers by `Header`: the policy's own folding loses spaces between encoded words.

    https://github.com/python/cpython/issues/92081
    """

    def fold(self, name: str, value: str) -> str:
        if str(value).isascii():
            folded: str = super().fold(name, value)
            return folded
        words, bracket, address = str(value).rpartition(" <") if name == "From" else (str(value), "", "")
        encoded = Header(words.strip('"'), "utf-8", header_name=name).encode(linesep=self.linesep)
        return f"{name}: {encoded}{bracket}{address}{self.linesep}"

    def fold_binary(self, name: str, value: str) -> bytes:
        return self.fold(name, value).encode("ascii")


_POLICY = _Policy(linesep="\r\n", max_line_length=78)


class MailSender(Struct, frozen=True):
    """Who the messages come from."""

    address: str
    """The From address, on the domain the recipients know; the Message-ID takes its domain."""
    name: str
    """The name beside it."""
    reply_to: str = ""
    """Where answers go; empty for the From address."""


class Renderer:
    """Makes messages from commands: multipart/alternative, plain text first, one recipient each."""

    def __init__(self, templates: Templates, sender: MailSender) -> None:
        self._templates = templates
        self._sender = sender

    def take_up(self, other: Renderer) -> None:
        """Use the templates of another one from the next message on; the sender stays. From any thread."""
        self._templates = other._templates

    def words(self, command: Command) -> Rendered:
        """Put a command into words, for a way that knows no mail; raises TemplateError where a template is broken."""
        return self._templates.render(command)

    def render(self, command: Command) -> EmailMessage:
        """Render a command; `bytes(message)` is equal for equal commands and templates.

        Nothing in it tells when or how often it was rendered: Date is `created_at`, and Message-ID and boundary
        follow from the command's id. Headers are those that keep automatic answers away (RFC 3834, section 5;
        MS-OXCMAIL 2.2.3.2.14). Raises TemplateError where the template is broken or an address is not one.
        """
        words = self._templates.render(command)
        message = EmailMessage(policy=_POLICY)
        try:
            self._address(message, command)
        except (MessageError, ValueError) as error:
            hint = "correct the address in the register or the configuration"
            raise TemplateError(f"cannot be addressed: {error}", where=command.id, hint=hint) from error
        _describe(message, command, words)
        message.set_content(words.text, cte="quoted-printable")
        message.add_alternative(words.html, subtype="html", cte="quoted-printable")
        message.set_boundary(f"=_{command.id}")
        _attach(message, command)
        # Set last, for set_content and add_alternative move every Content- header that stands before them.
        message["Content-Language"] = ", ".join(command.payload.languages)
        return message

    def _address(self, message: EmailMessage, command: Command) -> None:
        sender = self._sender
        domain = sender.address.rpartition("@")[2]
        message["From"] = Address(display_name=sender.name, addr_spec=mailbox(sender.address))
        message["To"] = Address(addr_spec=mailbox(command.recipient))
        message["Reply-To"] = Address(addr_spec=mailbox(sender.reply_to or sender.address))
        message["Date"] = format_datetime(command.created_at)
        message["Message-ID"] = f"<{mailbox(f'{command.id}@{domain}')}>"
        if first := first_letter(command):  # RFC 5322, section 3.6.4
            message["In-Reply-To"] = message["References"] = f"<{mailbox(f'{first}@{domain}')}>"
        if answers := str(command.payload.context.get("answers", "")) if command.workflow == RECEIPT else "":
            message["In-Reply-To"] = message["References"] = answers


def _attach(message: EmailMessage, command: Command) -> None:
    """Put the part for programs behind the words of a report."""
    part = part_within(command)
    if part is not None:
        kind, _, subtype = REPORT_TYPE.partition("/")
        message.add_attachment(part, maintype=kind, subtype=subtype, filename="report.json")
        message.set_boundary(f"=+{command.id}")


def _describe(message: EmailMessage, command: Command, words: Rendered) -> None:
    message["Subject"] = words.subject
    message["Auto-Submitted"] = "auto-replied" if command.workflow == RECEIPT else "auto-generated"
    message["X-Auto-Response-Suppress"] = "All"
    if command.incident:
        message["X-Credwatch-Incident"] = " ".join(command.incident.split())
