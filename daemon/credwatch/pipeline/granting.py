"""Has acts of staff held against the access that people have granted, from the moment that it is committed."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

import polars as pl
from msgspec.structs import replace
from sqlalchemy import Connection

from credwatch.kernel.access import AccessRequest
from credwatch.store.cases import access_requests
from credwatch.store.cases.access_requests import ActsUnder
from credwatch.workflows.facts import Facts, Ground
from credwatch.world.access import permit_of, secrecy_of

if TYPE_CHECKING:
    from credwatch.pipeline.pipeline import Knowledge

_ID = "credwatch.authorisation.id"


def with_grants(knowledge: Knowledge, connection: Connection) -> Knowledge:
    """Return what is known with the access that the store has granted; the same where that has not changed.

    What was granted counts for its time for good: the same lines come to the same, whenever they are read.
    """
    revision = access_requests.revision(connection)
    if revision == knowledge.grants:
        return knowledge
    requests = access_requests.all_requests(connection)
    permits = [permit for request in requests if (permit := permit_of(request)) is not None]
    return replace(
        knowledge,
        enricher=knowledge.enricher.with_permits(permits),
        facts=with_grounds(knowledge.facts, requests),
        grants=revision,
    )


def with_grounds(facts: Facts, requests: Iterable[AccessRequest]) -> Facts:
    """Return the facts with the grounds of what was granted beside those of the register."""
    grounds = {
        it.id: Ground(it.id, it.ground.value, it.reference, it.order.issuer if it.order else "", secrecy_of(it))
        for it in requests
        if it.granted_at is not None
    }
    return replace(facts, authorisations={**facts.authorisations, **grounds})


def acts_under(events: pl.DataFrame) -> tuple[ActsUnder, ...]:
    """Count the acts of staff that authorisations cover, by the id of each."""
    if _ID not in events.columns or events[_ID].null_count() == events.height:
        return ()
    at = pl.col("@timestamp")
    counted = events.drop_nulls(_ID).group_by(_ID).agg(pl.len(), at.min().alias("first"), at.max().alias("last"))
    return tuple(ActsUnder(*row) for row in counted.sort(_ID).iter_rows())
