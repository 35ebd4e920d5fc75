"""A folder with one breach in its store, under laws whose clocks run."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

from builders_outbox import an_incident, some_facts
from credwatch.app.regimes import shipped_regimes
from credwatch.store.cases.incidents import save_incidents
from credwatch.store.cases.legal_clocks import save_clocks
from credwatch.store.database import Database
from credwatch.workflows.regimes import regime_clocks

NUMBER = "CW-2026-7KQ2M4"


def a_breach_site(folder: Path, laws: Sequence[str], **changes: object) -> Path:
    """Write settings under these laws, and a store with one breach and its clocks."""
    database = Database(folder / "credwatch.sqlite")
    database.migrate()
    incident = an_incident(workflows=("customer_notice",), **changes)
    applying = tuple(shipped_regimes()[name] for name in laws)
    with database.writing() as connection:
        save_incidents(connection, [incident])
        save_clocks(connection, regime_clocks(incident, some_facts(regimes={"": applying})))
    database.close()
    settings = f'[daemon]\nstate_directory = "{folder}"\nregisters_directory = "{folder}"\n'
    (folder / "credwatch.toml").write_text(settings + f"[regimes]\nown = {json.dumps(laws)}\n")
    return folder
