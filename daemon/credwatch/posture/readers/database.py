"""Accounts of a database, as one query gives them."""

from __future__ import annotations

import re
from collections.abc import Iterator

from sqlalchemy import text

from credwatch.kernel.errors import SourceError, nearest
from credwatch.posture.options import SqlAccountsOptions
from credwatch.posture.rows import COLUMNS, Row
from credwatch.sources.sql.connection import ReadOnlyDatabase

_VALUE = re.compile(r"(: )[\"'].*", re.DOTALL)
"""What servers quote behind a colon is a value, such as a hash that is no number; names stand within the sentence."""


class DatabaseReader:
    """Runs the query once, in a read-only transaction that is cut off where the server hangs."""

    def __init__(self, options: SqlAccountsOptions) -> None:
        self._options = options
        self._database = ReadOnlyDatabase(options.id, options)

    def rows(self) -> Iterator[Row]:
        """Give every row of the result; see `AccountReader`."""
        try:
            yield from self._rows()
        except SourceError as error:
            message = _VALUE.sub(r"\1…", error.message)
            raise SourceError(message, where=error.where, hint=error.hint) from None

    def _rows(self) -> Iterator[Row]:
        with self._database.reading() as connection:
            result = connection.execute(text(self._options.query))
            self._refuse_unknown(list(result.keys()))
            for row in result:
                yield dict(row._mapping)

    def _refuse_unknown(self, names: list[str]) -> None:
        """Refuse a column that nobody reads: its name was hardly meant so."""
        where = f"source {self._options.id}"
        for name in names:
            if name not in COLUMNS:
                hint = nearest(name, COLUMNS) or f"name it with AS as one of {', '.join(COLUMNS)}, or leave it out"
                raise SourceError(f"the query gives a column {name}", where=where, hint=hint)
        if "account" not in names:
            raise SourceError("the query gives no column account", where=where, hint="write … AS account")
