"""Tells those whom the data are about: each by a letter on its own account, where a safe mailbox is known."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from msgspec import Struct

from credwatch.app.build import read_registers
from credwatch.app.forms import form_named, forms_of
from credwatch.casework.acts import Actor
from credwatch.casework.answering import FilledForm, filled
from credwatch.casework.packaging import Packaging
from credwatch.incidents.lifecycle import IllegalTransition
from credwatch.kernel.account import compared
from credwatch.kernel.case_entry import CaseEntry, EntryKind
from credwatch.kernel.incident import Incident
from credwatch.kernel.legible import without_invisible
from credwatch.kernel.moment import DutyPhase
from credwatch.store import outbox
from credwatch.store.cases import case_entries
from credwatch.workflows.facts import Facts
from credwatch.workflows.package import OwnPart, as_processor
from credwatch.workflows.persons_notice import PersonsLetter, persons_notice
from credwatch.workflows.touched import attacked_addresses, customers_of
from credwatch.world.register import Registers


class ToldPersons(Struct, frozen=True):
    """Whom a notice to persons reaches."""

    about: DutyPhase
    """The phase of the law."""
    written_to: tuple[str, ...]
    """The accounts whose owners are written to."""
    queued: int
    """How many letters are new; who was written to before gets none again."""
    unreached: tuple[str, ...]
    """The accounts without a mailbox that is known and safe: their owners are to be told in another way."""


class PersonsDesk(Packaging):
    """Writes to persons from a store that a daemon may be using; use it in a `with` block."""

    def tell(self, number: str, actor: Actor, regime: str, customer: str = "") -> ToldPersons | None:
        """Queue the letters that a law of the operator's own asks for, and note it in the case, in one transaction.

        Returns None where the number is unknown. Raises IllegalTransition where an order forbids to tell of it, the law
        asks for no such notice here, or an answer is missing that the notice must have.
        """
        facts, registers = self._facts(), read_registers(self._settings)
        incident = self._tellable(number, customer)
        if incident is None:
            return None
        about = _phase_of(regime, incident, facts)
        letters: list[PersonsLetter] = []
        unreached: list[str] = []
        for name in (customer,) if customer else customers_of(incident):
            notices = self._notices(number, name, about, actor)
            reach = _mailboxes(notices, name, incident, facts, registers)
            letters += [_letter(notices, about, name, *it) for it in reach.items() if it[1]]
            unreached += [account for account, address in reach.items() if not address]
        queued = self._queue(incident, actor, about, letters, unreached, facts)
        return ToldPersons(about, tuple(letter.account for letter in letters), queued, tuple(unreached))

    def _notices(self, number: str, customer: str, about: DutyPhase, actor: Actor) -> dict[str, OwnPart]:
        """Give the form and the customer's part of the case for each language of the notice, complete."""
        notices: dict[str, OwnPart] = {}
        for name in forms_of(about.regime, about.phase):
            form = form_named(name)
            part = self.own_part(number, customer, form.language, actor.at)
            gaps = filled(form, part.case).missing
            if gaps:
                hint = f'credwatch incidents state {number} QUESTION "…" answers them, --customer for one alone'
                raise IllegalTransition(f"{name} lacks {', '.join(gaps)}", where=number, hint=hint)
            notices[name] = part
        return notices

    def _queue(
        self,
        incident: Incident,
        actor: Actor,
        about: DutyPhase,
        letters: Sequence[PersonsLetter],
        unreached: Sequence[str],
        facts: Facts,
    ) -> int:
        commands = [
            command
            for letter in letters
            for command in persons_notice(letter, _language(letter.customer, facts), facts, actor.at)
        ]
        rest = f"; not reached: {', '.join(unreached)}" if unreached else ""
        text = f"{len(commands)} persons written to under {about}{rest}"
        with self._database.writing() as connection:
            queued = outbox.queue(connection, commands)
            case_entries.add_entry(
                connection, CaseEntry(incident.number, actor.at, EntryKind.NOTED, actor.name, without_invisible(text))
            )
        return queued


def _phase_of(regime: str, incident: Incident, facts: Facts) -> DutyPhase:
    """Find the phase of a law of the operator's own in which persons are told; raises IllegalTransition."""
    own = {it.id: it for it in facts.regimes.get("", ())}
    phases = [phase for phase in own[regime].phase if phase.toward == "persons"] if regime in own else []
    if not phases:
        named = [it.id for it in own.values() if any(phase.toward == "persons" for phase in it.phase)]
        hint = f"of [regimes] own these do: {', '.join(named) or 'none'}; a customer's own notice is in its package"
        raise IllegalTransition(f"{regime} asks you for no notice to persons", where=incident.number, hint=hint)
    return DutyPhase(regime, phases[0].id)


def _mailboxes(
    notices: Mapping[str, OwnPart], customer: str, incident: Incident, facts: Facts, registers: Registers
) -> dict[str, str]:
    """Map each account of a customer's to a mailbox; empty where none is known, or an intruder may read it."""
    reader = facts.recipients.get(customer)
    unsafe = {*attacked_addresses(incident), *(reader.compromised if reader else ())}
    in_doubt = {address.casefold() for address in unsafe}
    mailboxes = {
        compared(name): user.email for user in registers.users if user.email for name in (user.name, user.email)
    }
    part = next(iter(notices.values()))
    addresses = {it.name: mailboxes.get(compared(it.name), "") for it in part.accounts}
    return {name: "" if address.casefold() in in_doubt else address for name, address in addresses.items()}


def _letter(
    notices: Mapping[str, OwnPart], about: DutyPhase, customer: str, account: str, address: str
) -> PersonsLetter:
    forms: dict[str, dict[str, object]] = {
        form_named(name).language: _values(filled(form_named(name), as_processor(part, (("account", account),))))
        for name, part in notices.items()
    }
    number = next(iter(notices.values())).case.incident.number
    return PersonsLetter(number, customer, about, account, address, forms)


def _values(form: FilledForm) -> dict[str, object]:
    """Give a template what it lays out: JSON values."""
    return {
        "title": list(form.form.title),
        "opening": form.sentence(form.form.opening),
        "closing": form.sentence(form.form.closing),
        "sections": [
            {"title": title, "lines": [[line.label, without_invisible(line.text)] for line in lines]}
            for title, lines in form.sections
        ],
    }


def _language(customer: str, facts: Facts) -> str:
    reader = facts.recipients.get(customer)
    return reader.language if reader else "vi"
