"""Builders of register files that are valid by default."""

from __future__ import annotations

CUSTOMER = {
    "id": '"acme"',
    "name": '"Acme Trading Ltd"',
    "language": '"en"',
    "notice_addresses": '["security@acme.example", "it@acme.example"]',
}
STAFF = {"id": '"s-1"', "name": '"Hà"', "accounts": '["support1"]', "department": '"support"'}
USER = {"name": '"lan"', "email": '"lan@acme.example"', "customer": '"acme"'}
AUTHORISATION = {
    "id": '"A-1"',
    "basis": '"customer_request"',
    "reference": '"ticket 4711"',
    "document_sha256": '"' + "a" * 64 + '"',
    "customer": '"acme"',
    "accounts": '["lan"]',
    "actors": '["s-1"]',
    "actions": '["staff_access"]',
    "valid_from": "2026-03-02T08:00:00+07:00",
    "valid_until": "2026-03-02T18:00:00+07:00",
    "approvers": '["s-2", "s-3"]',
}
_TABLES = {"customer": CUSTOMER, "staff": STAFF, "user": USER, "authorisation": AUTHORISATION}


def an_entry(table: str, **changes: str | None) -> str:
    """Write one entry of a table in TOML; a change to None leaves the key out."""
    values = {**_TABLES[table], **changes}
    lines = [f"{key} = {value}" for key, value in values.items() if value is not None]
    return "\n".join([f"[[{table}]]", *lines, ""])
