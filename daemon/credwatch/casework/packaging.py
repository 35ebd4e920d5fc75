"""Puts together what each customer of a breach is owed: its own accounts, lines and drafts, and nobody else's."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

from msgspec import Struct

from credwatch.app.build import read_registers
from credwatch.app.forms import form_named, form_words, forms_of
from credwatch.app.regimes import regimes_of
from credwatch.casework.acts import Actor, check_customer
from credwatch.casework.answering import Answering, FilledForm, filled
from credwatch.casework.archive import EvidenceArchive, write_archive
from credwatch.casework.case_files import keep
from credwatch.casework.export import ExportError, as_text
from credwatch.casework.writing import WRITERS
from credwatch.kernel.case_entry import CaseEntry, EntryKind
from credwatch.kernel.clock import rfc3339
from credwatch.kernel.incident import Incident
from credwatch.pipeline.holding import check_tellable
from credwatch.store.cases import case_entries, evidence, incidents
from credwatch.workflows.answers import BreachFile, at_home
from credwatch.workflows.facts import Facts
from credwatch.workflows.package import KeptLine, OwnAccount, OwnPart, as_controller, as_processor, own_part
from credwatch.workflows.touched import accounts_of, customers_of
from credwatch.world.other_customers import OtherCustomers
from credwatch.world.regimes import Regime

_ENDINGS = (".docx", ".pdf", ".json")
_COVER = {"vi": "vn-processor-package", "en": "eu-gdpr-processor-package"}
"""The covering document where no duty of a processor applies, by the customer's language."""
_SENDER = ("name", "address", "phone")
_FORMULA = ("=", "+", "-", "@", "\t", "\r")
"""With these a cell begins that a spreadsheet would work out."""


class CustomerPackage(Struct, frozen=True):
    """One package as it was made."""

    customer: str
    """Whose it is."""
    file: Path
    """Where it was written."""
    sha256: str
    """The SHA-256 of its bytes, hexadecimal, as the case has it."""
    names: tuple[str, ...]
    """What it has."""
    missing: tuple[tuple[str, tuple[str, ...]], ...]
    """Of each document the required questions that nobody has answered."""
    withheld: int
    """How many kept lines are not in it, for they name others or are theirs."""


class Packaging(EvidenceArchive, Answering):
    """Makes packages from a store that a daemon may be using; use it in a `with` block."""

    def package(self, number: str, actor: Actor, folder: Path, only: str = "") -> tuple[CustomerPackage, ...] | None:
        """Write a package for each customer that an incident touches, or for one, and note it in the case.

        Each is a new file in the folder, named by incident and customer, and kept with the case. Returns None where the
        number is unknown; raises IllegalTransition where an order forbids to tell of it, ExportError, StoreError.
        """
        incident = self._tellable(number, only)
        if incident is None:
            return None
        customers = (only,) if only else customers_of(incident)
        if not customers:
            raise ExportError("no customer is concerned", where=number, hint="there is nobody to hand a package to")
        return tuple(self._package(number, customer, actor, folder) for customer in customers)

    def _tellable(self, number: str, customer: str) -> Incident | None:
        """Return an incident, None where it is unknown; IllegalTransition where it may not be told, or not to them."""
        with self._database.reading() as connection:
            incident = incidents.incident(connection, number)
            if incident is None:
                return None
            check_tellable(connection, number)
        if customer:
            check_customer(incident, customer)
        return incident

    def _package(self, number: str, customer: str, actor: Actor, folder: Path) -> CustomerPackage:
        parts = {language: self.own_part(number, customer, language, actor.at) for language in _COVER}
        written = _Package(parts, customer, regimes_of(self._settings))
        files = dict(written.files())
        files |= dict(self._entries(number, customer))
        self._seal(files, number, customer)
        path = folder / f"{number}-{customer}.zip"
        write_archive(path, files)
        kept = keep(self._settings, number, path.name, "application/zip", path.read_bytes())
        entry = CaseEntry(number, actor.at, EntryKind.PACKAGED, actor.name, files=(kept,), customer=customer)
        with self._database.writing() as connection:
            case_entries.add_entry(connection, entry)
        names = tuple(sorted(files))
        return CustomerPackage(customer, path, kept.sha256, names, written.missing, written.part.withheld)

    def own_part(self, number: str, customer: str, language: str, now: datetime) -> OwnPart:
        """Cut out of a case what is one customer's, its documents in one language."""
        case = self._case_file(number, language, now)
        assert case is not None, "the incident was there"
        theirs = {account for account in accounts_of(case.incident) if case.facts.owner(account) != customer}
        beside = theirs if customers_of(case.incident) != (customer,) else ()
        others = OtherCustomers(read_registers(self._settings), customer, beside)
        return own_part(case, customer, self._kept_lines(number), others.are_named_in)

    def _kept_lines(self, number: str) -> Iterator[KeptLine]:
        with self._database.reading() as connection:
            lines = evidence.lines_of(connection, number)
            detections = [detection for detection, _, _ in incidents.detections_of(connection, number)]
        seen: set[tuple[str, str, int]] = set()
        for detection in detections:
            customers = tuple(dict.fromkeys(filter(None, (detection.organization, *detection.organizations))))
            for line in lines.get(detection.serial, ()):
                place = (line.source, line.file, line.position)
                if place not in seen:
                    yield KeptLine(line, detection.rule_id, customers)
                seen.add(place)


class _Package:
    """One package under way."""

    def __init__(self, parts: Mapping[str, OwnPart], customer: str, regimes: Mapping[str, Regime]) -> None:
        self._parts, self._customer = parts, customer
        self._forms: list[FilledForm] = []
        self.part = parts["vi"]
        self._regimes = _reported_under(self.part.case.facts, customer, regimes)

    @property
    def missing(self) -> tuple[tuple[str, tuple[str, ...]], ...]:
        """The questions that stay open, by form."""
        return tuple((form.form.id, form.missing) for form in self._forms if form.missing)

    def files(self) -> Iterator[tuple[str, bytes]]:
        """Give each file's name and content: what happened to whom, and the documents."""
        case = self.part.case
        yield "accounts.csv", _accounts(self.part.accounts, case)
        yield "lines.jsonl", as_text(_as_rows(self.part.lines, case.facts.zone))
        yield "lines.txt", as_text(_as_words(self.part.lines))
        drafts = [form for regime in self._regimes for form in _drafts_of(regime)]
        for name in drafts:
            yield from self._written(f"drafts/{name}", self._draft(name))
        for name in self._covers():
            yield from self._written(f"cover/{name}", self._cover(name, drafts))

    def _written(self, stem: str, form: FilledForm) -> Iterator[tuple[str, bytes]]:
        self._forms.append(form)
        yield from ((f"{stem}{ending}", WRITERS[ending](form)) for ending in _ENDINGS)

    def _draft(self, name: str) -> FilledForm:
        """Fill in what the customer itself must report."""
        form = form_named(name)
        part, words = self._parts[form.language], form_words(form.language)
        sender = part.case.facts.sender
        processor = words["package_processor"].format(**{key: getattr(sender, key) for key in _SENDER})
        return filled(form, as_controller(part, (("processor", processor), ("evidence", self._told(words)))))

    def _cover(self, name: str, drafts: Iterable[str]) -> FilledForm:
        """Fill in what the operator says of it."""
        form = form_named(name)
        words = form_words(form.language)
        answers = [("evidence", self._told(words))]
        if names := ", ".join(drafts):
            answers.append(("draft_form", words["package_drafts"].format(names=names)))
        return filled(form, as_processor(self._parts[form.language], answers))

    def _told(self, words: Mapping[str, str]) -> str:
        """Say how many lines there are, and how many are left out."""
        sentences = [words["package_lines"].format(count=len(self.part.lines))]
        if self.part.withheld:
            sentences.append(words["package_withheld"].format(count=self.part.withheld))
        return ". ".join(sentences)

    def _covers(self) -> list[str]:
        """Name the covering documents that the operator's own duties ask for, or one in the customer's language."""
        own = self.part.case.facts.regimes.get("", ())
        phases = [(regime.id, phase.id) for regime in own if regime.controller for phase in regime.phase]
        names = [name for phase in phases for name in forms_of(*phase)]
        language = self.part.case.facts.recipients[self._customer].language
        return names or [_COVER[language]]


def _reported_under(facts: Facts, customer: str, regimes: Mapping[str, Regime]) -> tuple[Regime, ...]:
    """Name the laws under which a customer must report: its own, else those that the operator's duties name."""
    if own := facts.regimes.get(customer, ()):
        return own
    names = [name for regime in facts.regimes.get("", ()) for name in regime.controller]
    return tuple(regimes[name] for name in dict.fromkeys(names) if name in regimes)


def _drafts_of(regime: Regime) -> Iterator[str]:
    for phase in regime.phase:
        if phase.toward in ("authority", "persons"):
            yield from forms_of(regime.id, phase.id)


def _accounts(accounts: Iterable[OwnAccount], case: BreachFile) -> bytes:
    """Write the accounts as a table that spreadsheets read, too."""
    out = io.StringIO()
    table = csv.writer(out, lineterminator="\r\n")
    table.writerow(("account", "lines", "first", "last"))
    for account in accounts:
        times = [line.at for line in account.lines]
        span = [at_home(moment, case) for moment in (min(times), max(times))] if times else ["", ""]
        table.writerow([_cell(account.name), len(times), *span])
    return out.getvalue().encode("utf-8-sig", "surrogatepass")


def _cell(text: str) -> str:
    return f"'{text}" if text.startswith(_FORMULA) else text


def _as_rows(lines: Iterable[KeptLine], zone: str) -> Iterator[str]:
    for kept in lines:
        line = kept.line
        row = {
            "source": line.source,
            "file": line.file,
            "position": line.position,
            "at": rfc3339(line.at),
            "local": line.at.astimezone(ZoneInfo(zone)).isoformat(),
            "rule": kept.rule,
            "text": line.text,
        }
        yield json.dumps(row, ensure_ascii=False)


def _as_words(lines: Iterable[KeptLine]) -> Iterator[str]:
    return (
        f"{rfc3339(it.line.at)}  {it.line.source} {it.line.file}:{it.line.position}  {it.line.text}" for it in lines
    )
