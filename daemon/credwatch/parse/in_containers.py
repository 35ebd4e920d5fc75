"""Says of a line in the log of a container what the log tells besides: when, on which host, by which program."""

from __future__ import annotations

import re

import polars as pl
from msgspec import Struct

from credwatch.parse.envelopes import SourceKind

_PATHS = tuple(
    map(
        re.compile,
        (
            r"/(?P<host>[^/_]+)_[^/_]+_(?P<program>[^/]+)-[0-9a-f]{64}\.log$",
            r"/[^/_]+_(?P<host>[^/_]+)_[0-9A-Za-z-]+/(?P<program>[^/]+)/\d+\.log(?:\.[^/]*)?$",
            r"/(?P<host>[0-9a-f]{12})[0-9a-f]{52}/[0-9a-f]{64}-json\.log(?:\.[^/]*)?$",
        ),
    )
)
"""`/var/log/containers/POD_NAMESPACE_CONTAINER-ID.log`, `/var/log/pods/NAMESPACE_POD_UID/CONTAINER/0.log` and
`/var/lib/docker/containers/ID/ID-json.log`: a container of Docker's has the beginning of its id as host name."""

TELLS_ZONE = r"^\d{4}-.*(?:[Zz]|[+-]\d\d:?\d\d)$"
"""A stamp, as `spelled` writes it, that says its zone."""


class Container(Struct, frozen=True):
    """Whose log a file is."""

    host: str | None = None
    """The pod's name, which is the host name within it; with Docker the beginning of the container's id."""
    program: str | None = None
    """The container's name in its pod."""


def container_of(path: str) -> Container:
    """Tell from a file's path whose log it is, as far as the path says so."""
    for pattern in _PATHS:
        if match := pattern.search(path):
            return Container(**match.groupdict())
    return Container()


def with_container(frame: pl.DataFrame, lines: pl.DataFrame, owners: pl.DataFrame, kind: SourceKind) -> pl.DataFrame:
    """Let containers' lines, in an envelopes frame, say what the text itself does not.

    A text without a header is a message of the container's program. A stamp that says no zone is that of a clock whose
    zone nobody knows: there the time at which the runtime took the line counts. `owners` has `its_host` and
    `its_program` for each row.
    """
    frame = frame.hstack([lines["inner"], lines["outer"], *owners])
    is_in, has_object = pl.col("inner").is_not_null(), pl.col("json").is_not_null()
    is_dated = pl.col("moment").is_not_null() | pl.col("stamp").is_null()
    is_bare = is_in & ~has_object & (pl.col("problem").is_not_null() | ~is_dated)
    if kind is SourceKind.JSON:
        is_bare = pl.lit(False)
    has_zone = pl.col("stamp").str.contains(TELLS_ZONE).fill_null(False) & pl.col("moment").is_not_null()
    is_named = is_in & pl.col("program").is_null()
    frame = frame.with_columns(is_bare.alias("bare"), (is_in & (is_bare | ~has_zone)).alias("dated"))
    bare = pl.col("bare")
    frame = frame.with_columns(
        pl.when("dated").then("outer").otherwise("stamp").alias("stamp"),
        pl.when(bare | is_named).then("its_program").otherwise("program").alias("program"),
        pl.when(bare | (is_in & pl.col("host").is_null())).then("its_host").otherwise("host").alias("host"),
        pl.when(bare).then("inner").otherwise("message").alias("message"),
        pl.when(~bare).then("pid").alias("pid"),
        pl.when(~bare).then("priority").alias("priority"),
        pl.when(~bare).then("problem").alias("problem"),
    )
    return frame.drop("inner", "outer", "bare", "dated", *owners.columns)
