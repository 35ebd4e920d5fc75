"""Tables of settings for services and databases that a daemon asks."""

from __future__ import annotations

from pathlib import Path

from rest_services import TOKEN, RestServer
from unit.sources.sql.tables import QUERY, SqliteTable


def service_source(server: RestServer, folder: Path) -> str:
    """Give the table of a service like Okta, asked every second; its token is in a file of the folder."""
    token = folder / "token"
    token.write_text(TOKEN)
    token.chmod(0o600)
    return f"""
[[source]]
id = "service"
kind = "rest"
preset = "okta"
domain = "acme.okta.example"
url = "{server.url}/api/v1/logs"
read_from = "start"
interval = "1s"
requests_per_minute = 10000
auth = {{ token_file = "{token}" }}
"""


def table_source(table: SqliteTable) -> str:
    """Give the table of a database, asked every second."""
    return f"""
[[source]]
id = "rows"
kind = "sql"
url = "{table.url}"
query = "{QUERY}"
read_from = "start"
interval = "1s"
batch_rows = 50
"""
