"""Plays a scenario: its lines through the pipeline, its letters to the mail server, its documents filled in."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from msgspec.structs import replace

from credwatch.app import keys
from credwatch.app.build import build_knowledge
from credwatch.app.forms import forms_of
from credwatch.app.settings import Settings
from credwatch.casework.acts import Actor
from credwatch.casework.answering import Answering
from credwatch.casework.recording import Recorded
from credwatch.kernel.case_entry import FormAnswer
from credwatch.kernel.clock import Clock
from credwatch.kernel.command import LEGAL_REPORT, CommandKind, LegalClock
from credwatch.kernel.errors import CredwatchError
from credwatch.kernel.incident import Incident
from credwatch.kernel.moment import DutyPhase, Moment
from credwatch.kernel.secret import Secret
from credwatch.outbox.dispatcher import Dispatcher
from credwatch.outbox.email.channel import EmailChannel
from credwatch.outbox.email.render import MailSender
from credwatch.parse.parse import SourceFormat
from credwatch.rehearsal.installation import apart
from credwatch.rehearsal.marking import DivertedChannel, MarkedRenderer, MarkedTemplates
from credwatch.rehearsal.outcome import PlayedDocument, PlayedLetter, RehearsalOutcome
from credwatch.rehearsal.scenarios import Scenario
from credwatch.rehearsal.telling import played_clock, timeline, troubles
from credwatch.replay.attempts import AttemptCounts
from credwatch.replay.replay import SOURCE, carried
from credwatch.store.cases import legal_clocks
from credwatch.store.commands import EVERY, StoredCommand
from credwatch.store.database import Database
from credwatch.store.outbox import OutboxStore

_OFFICER = "rehearsal"
_DECIDED = (
    Moment.AWARE,
    Moment.PERSONAL_DATA_FOUND,
    Moment.DECIDED_SIGNIFICANT,
    Moment.ASSESSED,
    Moment.ASSESSED_NOTIFIABLE,
)
"""What the officer played says at once, so that every clock runs that could."""
_UNDER_WAY = ("queued", "sending")
_KINDS = (CommandKind.NOTIFY, CommandKind.REPORT, CommandKind.ESCALATE, CommandKind.DIGEST)
"""What leaves by mail. No channel of measures is ever built."""


def play(
    scenario: Scenario, settings: Settings, clock: Clock, *, address: str = "", within_seconds: float = 60.0
) -> RehearsalOutcome:
    """Play a scenario through the installation; letters go to the address alone, and nowhere where there is none.

    All of it happens in a folder that is thrown away; the store of the settings is not opened. Letters that the mail
    server asks to wait are tried again for so many seconds. Raises ConfigurationError and ProblemsFound where the
    installation itself cannot be used.
    """
    with TemporaryDirectory(prefix="credwatch-rehearsal-") as folder:
        played = _Rehearsal(scenario, apart(settings, Path(folder)), Path(folder), clock)
        try:
            return played.outcome(address, within_seconds)
        finally:
            played.database.close()


class _Rehearsal:
    """One rehearsal under way."""

    def __init__(self, scenario: Scenario, settings: Settings, folder: Path, clock: Clock) -> None:
        self._scenario = scenario
        self._settings = settings
        self._clock = clock
        self._began_at = clock()
        self._log = folder / "rehearsal.log"
        self.database = Database(folder / "rehearsal.sqlite", durable=False)
        sender = settings.outbox.email
        self._renderer = MarkedRenderer(
            MarkedTemplates(settings.daemon.templates_directory),
            MailSender(sender.sender, sender.sender_name, sender.reply_to),
        )

    def outcome(self, address: str, within_seconds: float) -> RehearsalOutcome:
        """Play all of it: lines, letters, documents."""
        incidents = self._carry()
        if address:
            asyncio.run(self._deliver(address, within_seconds))
        letters = [self._letter(stored, address) for stored in self._stored()]
        documents = [document for incident in incidents for document in self._documents(incident)]
        clocks = [played_clock(running, self._now()) for incident in incidents for running in self._clocks(incident)]
        cases = [self._case(incident) for incident in incidents]
        entries, seconds = timeline(self._scenario, cases, self._stored())
        wrong = troubles(self._scenario, incidents, clocks, documents, letters, address)
        return RehearsalOutcome(
            self._scenario.id,
            self._began_at,
            address,
            entries,
            tuple(clocks),
            tuple(documents),
            tuple(letters),
            wrong,
            seconds,
        )

    def _carry(self) -> list[Incident]:
        """Take the lines through the pipeline, and return what came of them for the customer played.

        Codes in its letters are signed with a key of this rehearsal, so nobody finds them genuine.
        """
        self._log.write_text("".join(f"{line}\n" for line in self._scenario.written(self._began_at)), "utf-8")
        knowledge = build_knowledge(self._settings, notice_key=Secret(self._log.parent.name * 2))
        size, counts = self._settings.detection.batch_bytes, AttemptCounts()
        knowledge = replace(knowledge, formats={SOURCE: SourceFormat(SOURCE, "json", "UTC")})
        incidents: dict[str, Incident] = {}
        files = [str(self._log)]
        for report in carried(files, knowledge, self.database, self._clock, batch_bytes=size, attempts=counts):
            incidents.update((change.incident.number, change.incident) for change in report.changes)
        return [it for it in incidents.values() if it.kind == self._scenario.incident]

    async def _deliver(self, address: str, within_seconds: float) -> None:
        """Hand every letter to the mail server of the settings, diverted, until none waits or the time is up."""
        options = self._settings.outbox.email
        mail = EmailChannel(options, self._renderer, self._clock, keys.smtp_password(self._settings))
        diverted = DivertedChannel(mail, address)
        queue = OutboxStore(self.database)
        settled = asyncio.Event()
        dispatcher = Dispatcher(
            queue,
            dict.fromkeys(_KINDS, diverted),
            self._clock,
            lambda *_: (),
            on_settled=lambda _settled: settled.set(),
        )
        running = asyncio.create_task(dispatcher.run())
        with suppress(TimeoutError):
            async with asyncio.timeout(within_seconds):
                while await asyncio.to_thread(queue.listed, _UNDER_WAY):
                    await settled.wait()
                    settled.clear()
        dispatcher.stop()
        await running

    def _stored(self) -> list[StoredCommand]:
        return OutboxStore(self.database).listed(EVERY)

    def _letter(self, stored: StoredCommand, address: str) -> PlayedLetter:
        """Tell how a letter fared; one that is not sent is written all the same, so that a broken template shows."""
        state, reason = stored.state, stored.last_reason
        if not address:
            state = "unsent"
            try:
                self._renderer.render(stored.command)
            except CredwatchError as error:
                state, reason = "refused", f"not sent: {error}"
        return PlayedLetter(stored.command.workflow, stored.command.recipient, state, reason)

    def _clocks(self, incident: Incident) -> Sequence[LegalClock]:
        with self.database.reading() as connection:
            return legal_clocks.clocks_of(connection, incident.number)

    def _case(self, incident: Incident) -> dict[str, Any]:
        return Answering(self._settings, self.database).case(incident.number) or {}

    def _documents(self, incident: Incident) -> list[PlayedDocument]:
        """Play the officer: learn of it, decide, answer, fill every form in, hand over what is complete, and end it."""
        book = Answering(self._settings, self.database)
        for moment in _DECIDED:
            book.record(incident.number, self._actor(), Recorded(moment, self._now(), "rehearsal"))
        for question, value in (self._settings.rehearsal.answers | self._scenario.answers).items():
            book.state(incident.number, self._actor(), FormAnswer(question, value, _OFFICER))
        reported: set[str] = set()
        documents = self._reports(book, incident, reported)
        book.record(incident.number, self._actor(), Recorded(Moment.HANDLED, self._now(), "rehearsal"))
        return documents + self._reports(book, incident, reported)

    def _reports(self, book: Answering, incident: Incident, reported: set[str]) -> list[PlayedDocument]:
        """Fill in what each clock asks for, those too that start where an earlier report was handed over."""
        documents: list[PlayedDocument] = []
        while fresh := [running for running in self._clocks(incident) if running.id not in reported]:
            for running in fresh:
                reported.add(running.id)
                forms = self._filled(book, incident, running) if running.workflow == LEGAL_REPORT else []
                documents += forms
                if forms and not any(form.missing for form in forms):
                    self._hand_over(book, incident, running)
        return documents

    def _filled(self, book: Answering, incident: Incident, running: LegalClock) -> list[PlayedDocument]:
        filled = [book.fill(incident.number, name, self._now()) for name in forms_of(running.regime, running.phase)]
        return [PlayedDocument(form.form.id, running.regime, form.missing) for form in filled if form is not None]

    def _hand_over(self, book: Answering, incident: Incident, running: LegalClock) -> None:
        about = DutyPhase(running.regime, running.phase)
        moment = Recorded(running.stops, self._now(), "rehearsal", about, running.organization, "REHEARSAL")
        book.record(incident.number, self._actor(), moment)

    def _actor(self) -> Actor:
        return Actor(_OFFICER, self._now())

    def _now(self) -> datetime:
        return self._clock()
