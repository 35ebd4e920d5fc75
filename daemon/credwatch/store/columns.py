"""Types of columns that hold the same on each database."""

from __future__ import annotations

from sqlalchemy import BigInteger, Integer

Number = Integer().with_variant(BigInteger(), "postgresql")
"""A whole number of up to 64 bits: what INTEGER is to SQLite has half as many on PostgreSQL."""
