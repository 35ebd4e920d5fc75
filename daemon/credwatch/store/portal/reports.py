"""What customers report: each report once, however often it is sent, and the files that came with it."""

from __future__ import annotations

from datetime import datetime

from msgspec.json import Decoder, Encoder
from sqlalchemy import Column, Connection, Index, Table, Text, func, select

from credwatch.kernel.report import CustomerReport
from credwatch.store.columns import Number
from credwatch.store.database import metadata
from credwatch.store.moments import to_micros

_ENCODER, _REPORT = Encoder(), Decoder(CustomerReport)

customer_reports = Table(
    "customer_reports",
    metadata,
    Column("incident", Text, primary_key=True),  # the number of its case, and of its receipt
    Column("sending", Text, nullable=False, unique=True),  # by what a second sending of it is known
    Column("digest", Text, nullable=False),  # of what it says
    Column("customer", Text, nullable=False),  # empty where nobody has proven to be one's contact
    Column("received_at", Number, nullable=False),
    Column("repeats", Number, nullable=False),  # how often it was sent again
    Column("document", Text, nullable=False),  # the CustomerReport, JSON
    Index("customer_reports_customer", "customer", "received_at"),
    Index("customer_reports_digest", "digest", "received_at"),
)

_COLUMNS = (customer_reports.c.document,)


def add_report(connection: Connection, report: CustomerReport, sending: str, digest: str) -> None:
    """Keep a report; `sending` names this one sending of it, `digest` what it says."""
    row = {"incident": report.number, "sending": sending, "digest": digest, "customer": report.customer}
    row |= {"document": _ENCODER.encode(report).decode()}
    moments = {"received_at": to_micros(report.received_at), "repeats": 0}
    connection.execute(customer_reports.insert(), row | moments)


def report_sent_as(connection: Connection, sending: str) -> tuple[CustomerReport, str] | None:
    """Return the report that a sending brought before, and the digest of what it said."""
    query = select(*_COLUMNS, customer_reports.c.digest).where(customer_reports.c.sending == sending)
    row = connection.execute(query).first()
    return None if row is None else (_REPORT.decode(row.document), row.digest)


def report_saying(connection: Connection, customer: str, digest: str, since: datetime) -> CustomerReport | None:
    """Return a customer's report that says the same and came after a moment."""
    table = customer_reports.c
    same = (table.digest == digest) & (table.customer == customer) & (table.received_at >= to_micros(since))
    row = connection.execute(select(*_COLUMNS).where(same).order_by(table.received_at).limit(1)).first()
    return None if row is None else _REPORT.decode(row.document)


def count_repeat(connection: Connection, number: str) -> None:
    """Note that a report was sent again."""
    again = customer_reports.c.repeats + 1
    connection.execute(customer_reports.update().where(customer_reports.c.incident == number).values(repeats=again))


def report_numbered(connection: Connection, number: str) -> CustomerReport | None:
    """Return a report by its number."""
    row = connection.execute(select(*_COLUMNS).where(customer_reports.c.incident == number)).first()
    return None if row is None else _REPORT.decode(row.document)


def reports_of(connection: Connection, customer: str, limit: int) -> list[CustomerReport]:
    """Return a customer's latest reports, the latest first."""
    table = customer_reports.c
    query = select(*_COLUMNS).where(table.customer == customer).order_by(table.received_at.desc()).limit(limit)
    return [_REPORT.decode(document) for document in connection.execute(query).scalars()]


def reports_since(connection: Connection, customer: str, since: datetime) -> int:
    """Count a customer's reports since a moment."""
    table = customer_reports.c
    query = select(func.count()).where(table.customer == customer, table.received_at >= to_micros(since))
    return int(connection.execute(query).scalar_one())
