"""Shows customers what they were told, and takes their answers."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cached_property

from sqlalchemy import Connection

from credwatch.casework.acts import Actor, answered
from credwatch.casework.contact_desk import ContactDesk
from credwatch.kernel.case_entry import Answer, CaseEntry, EntryKind, Statement, Way
from credwatch.kernel.detection import Detection
from credwatch.kernel.incident import Incident, Status
from credwatch.kernel.resources import shipped
from credwatch.outbox.words.catalogue import Catalogue, read_catalogue
from credwatch.store import outbox
from credwatch.store.cases import case_entries, incidents
from credwatch.store.commands import StoredCommand
from credwatch.store.finding_reminders import reminders_numbered
from credwatch.store.measures import of_incidents
from credwatch.store.portal import submissions
from credwatch.store.portal.told import SENT, told_incidents
from credwatch.web.portal.interface import CustomerContact, NoticeAnswer, NoticeLine, NoticeView, StaffTouch
from credwatch.workflows.facts import Ground
from credwatch.workflows.mail_receipt import RECEIPT
from credwatch.workflows.message import same_code, shown
from credwatch.workflows.owner_notice import WORKFLOW as OWNERS
from credwatch.workflows.persons_notice import WORKFLOW as PERSONS
from credwatch.workflows.portal_letters import NEWS
from credwatch.workflows.reminder import ASKING
from credwatch.workflows.taken import taken
from credwatch.workflows.touched import customers_of, own_accounts

_LANGUAGES = ("vi", "en")
_NO_NOTICES = (NEWS, RECEIPT, PERSONS, OWNERS)
"""What tells a customer of no incident, or is told to its users themselves."""
_MOST = 500
_STAFF = ("credwatch.actor.kind", "staff")
_NOBODYS = "0000-0000-0000-0000"


class NoticeDesk(ContactDesk):
    """What a customer was told, never what another one was."""

    def is_genuine(self, number: str, code: str) -> bool:
        """Say whether a letter or a receipt with this number has this code."""
        with self._database.reading() as connection:
            codes = [*self._codes(connection, number)]
        # Each is compared, whichever is right; codes of nothing are compared with something.
        return any([same_code(code, theirs) and theirs != _NOBODYS for theirs in (*codes, _NOBODYS)])

    def _codes(self, connection: Connection, number: str) -> Iterator[str]:
        for letter in (*outbox.messages_of(connection, number), *reminders_numbered(connection, number)):
            if letter.state in SENT:
                yield str(letter.command.payload.context.get("code", _NOBODYS))

    def notices(self, customer: str) -> Sequence[NoticeLine]:
        """Return what a customer was told of, the latest first."""
        with self._database.reading() as connection:
            numbers = told_incidents(connection, customer, _MOST)
            candidates = (self._line(connection, number, customer) for number in numbers)
            lines = [line for line in candidates if line is not None]
        return sorted(lines, key=lambda line: line.occurred_at, reverse=True)

    def _line(self, connection: Connection, number: str, customer: str) -> NoticeLine | None:
        incident = self._theirs(connection, number, customer)
        if incident is None:
            return None
        letters = _letters(connection, number, customer)
        return self._line_of(incident, letters, _answers(connection, number, customer))

    def _theirs(self, connection: Connection, number: str, customer: str) -> Incident | None:
        """Return an incident that a customer was told of; None for any other."""
        incident = incidents.incident(connection, number)
        is_theirs = incident is not None and customer in customers_of(incident)
        return incident if is_theirs and _letters(connection, number, customer) else None

    def _line_of(
        self, incident: Incident, letters: Sequence[StoredCommand], answers: Sequence[NoticeAnswer]
    ) -> NoticeLine:
        accepted = [letter.settled_at for letter in letters if letter.state == "delivered" and letter.settled_at]
        asks = any(letter.command.workflow in (*ASKING, "customer_joint") for letter in letters)
        return NoticeLine(
            number=incident.number,
            title={
                name: _sentence(self.catalogue.kind(incident.kind, name, incident.rules).title) for name in _LANGUAGES
            },
            told_at=min(accepted, default=None),
            occurred_at=incident.occurred_last,
            is_open=incident.status is not Status.CLOSED,
            is_disclosure="disclosure_notice" in incident.workflows,
            answer=next((answer.statement for answer in reversed(answers) if answer.statement), None),
            needs_answer=asks and not answers and incident.status is not Status.CLOSED,
        )

    def notice(self, customer: str, number: str) -> NoticeView | None:
        """Return one of them; None where it is not this customer's, whatever it is."""
        with self._database.reading() as connection:
            incident = self._theirs(connection, number, customer)
            if incident is None:
                return None
            letters, answers = _letters(connection, number, customer), _answers(connection, number, customer)
            measures = of_incidents(connection, [number]).get(number, ())
        kinds = {name: self.catalogue.kind(incident.kind, name, incident.rules) for name in _LANGUAGES}
        alone, accounts = customers_of(incident) == (customer,), own_accounts(incident, customer, self._facts())
        return NoticeView(
            line=self._line_of(incident, letters, answers),
            what={name: kind.what for name, kind in kinds.items()},
            steps={name: kind.steps for name, kind in kinds.items()},
            accounts=accounts,
            addresses=incident.addresses if alone else (),
            occurred_first=incident.occurred_first,
            detected_at=incident.detected_at,
            measures=tuple(taken(measures, customer, {account: account for account in accounts})),
            ground=self._ground(incident) if _STAFF in incident.details else {},
            messages=tuple(
                (letter.command.recipient, letter.state, letter.settled_at if letter.state == "delivered" else None)
                for letter in letters
            ),
            answers=tuple(answers),
            closed_as=incident.outcome.value if incident.outcome else "",
        )

    def answer(
        self, contact: CustomerContact, number: str, said: Mapping[str, Statement], text: str, submission: str
    ) -> bool:
        """Take an answer for each account; what was sent twice is done once."""
        now, customer = self._clock(), contact.customer
        with self._database.writing() as connection:
            incident = self._theirs(connection, number, customer)
            if incident is None:
                return False
            if not submissions.is_first(connection, submission, now):
                return True
            for entry in _entries(incident, contact, said, text, Actor(contact.actor, now)):
                incident = answered(connection, incident, entry, self._facts())
        self._on_queued()
        return True

    def touches(self, customer: str) -> Sequence[StaffTouch]:
        """Return each act of staff on a customer's accounts, the latest first."""
        with self._database.reading() as connection:
            candidates = (
                self._theirs(connection, number, customer) for number in told_incidents(connection, customer, _MOST)
            )
            touches = [
                touch
                for incident in candidates
                if incident is not None and _STAFF in incident.details
                for touch in self._touches_of(connection, incident, customer)
            ]
        return sorted(touches, key=lambda touch: touch.at, reverse=True)

    def _touches_of(self, connection: Connection, incident: Incident, customer: str) -> Iterator[StaffTouch]:
        """Give an act for each detection; for the incident, where its detections are gone."""
        accounts = own_accounts(incident, customer, self._facts())
        detections = [one for one, _, _ in incidents.detections_of(connection, incident.number)]
        for detection in detections or (None,):
            details = _details(detection or incident)
            target = details.get("user.target.name", "")
            ground = self._ground(detection or incident)
            yield StaffTouch(
                number=incident.number,
                at=detection.opened_at if detection else incident.occurred_last,
                accounts=tuple(account for account in accounts if target in ("", account)) or accounts,
                **{name: ground[name] for name in ("action", "department", "basis", "document", "issuer")},
            )

    def _ground(self, of: Incident | Detection) -> dict[str, str]:
        details, grounds = _details(of), self._facts().authorisations
        number = details.get("credwatch.authorisation.id", "")
        said = details.get("credwatch.support.reason", "")
        ground = grounds.get(number) or Ground(number, details.get("credwatch.authorisation.basis", ""), shown(said))
        return {
            "action": shown(details.get("event.action", "")),
            "department": shown(details.get("credwatch.actor.department", "")),
            "authorisation": shown(ground.id),
            "basis": ground.basis,
            "document": ground.document,
            "issuer": ground.issuer,
        }

    @cached_property
    def catalogue(self) -> Catalogue:
        """The words for kinds of incidents, actions and grounds."""
        own = self._settings.daemon.templates_directory
        return read_catalogue([folder for folder in (own, shipped("config") / "templates") if folder])


def _letters(connection: Connection, number: str, customer: str) -> list[StoredCommand]:
    """Return what was sent to a customer about an incident: what is held was told to nobody."""
    every = outbox.messages_of(connection, number)
    theirs = [letter for letter in every if letter.command.organization == customer and letter.state in SENT]
    return [one for one in theirs if one.command.kind.value == "notify" and one.command.workflow not in _NO_NOTICES]


def _answers(connection: Connection, number: str, customer: str) -> list[NoticeAnswer]:
    entries = case_entries.entries_of(connection, number)
    return [
        NoticeAnswer(entry.at, entry.answer.party, entry.answer.statement, entry.answer.accounts, entry.text)
        for entry in entries
        if entry.kind is EntryKind.ANSWERED and entry.answer and entry.customer == customer
    ]


def _entries(
    incident: Incident, contact: CustomerContact, said: Mapping[str, Statement], text: str, actor: Actor
) -> Iterable[CaseEntry]:
    """Write one entry for each thing that is said, with the accounts of which it is said."""
    for statement in dict.fromkeys(said.values()):
        accounts = tuple(account for account, word in said.items() if word is statement and account)
        answer = Answer(statement, contact.address, Way.PAGES, accounts=accounts)
        kind = EntryKind.ANSWERED
        yield CaseEntry(incident.number, actor.at, kind, actor.name, text, answer=answer, customer=contact.customer)


def _sentence(words: str) -> str:
    """Write words that stand in a subject line as a heading."""
    return words[:1].upper() + words[1:]


def _details(of: Incident | Detection) -> dict[str, str]:
    return dict(of.details)
