"""The operators' view of incidents, and closing one."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from builders_outbox import NOON, a_command, an_incident
from credwatch.app.store import open_store
from credwatch.casework.casebook import Casebook, opened_outbox
from credwatch.incidents.lifecycle import IllegalTransition
from credwatch.kernel.errors import StoreError
from credwatch.kernel.incident import Status
from credwatch.store import outbox
from credwatch.store.cases import incidents
from scenarios.daemon import Site
from scenarios.pipeline import a_store


@pytest.fixture
def site(tmp_path: Path) -> Site:
    """Make a site whose store holds one incident of a customer, with its notice."""
    site = Site(tmp_path, port=25).furnish()
    incident = an_incident(organization="hai-au", organizations=("hai-au",), workflows=("customer_notice",))
    with a_store(tmp_path / "state" / "credwatch.sqlite") as database, database.writing() as connection:
        incidents.save_incidents(connection, [incident])
        outbox.queue(connection, [a_command(1, incident=incident.number, organization="hai-au")])
    return site


def test_closing_tells_the_customer(site: Site) -> None:
    """The incident is closed with who, when and why, and the update that the notice promised is queued."""
    with Casebook.at(site.config) as casebook:
        closed = casebook.close("CW-2026-7KQ2M4", by="lan", why="false alarm", now=NOON + timedelta(hours=1))
        assert closed is not None
        assert (Status.CLOSED, "lan") == (closed.status, closed.transitions[-1].by)
        assert [] == casebook.incidents(only_open=True)
        assert [closed] == casebook.incidents(only_open=False)
        updates = [each.command for each in casebook.messages() if each.command.workflow == "customer_update"]
        assert {"it@haiau.example", "giam.doc@haiau.example"} == {each.recipient for each in updates}


def test_a_closed_incident_is_not_closed_again(site: Site) -> None:
    """The second time is refused, and so is a reason of blanks."""
    with Casebook.at(site.config) as casebook:
        with pytest.raises(IllegalTransition):
            casebook.close("CW-2026-7KQ2M4", by="lan", why=" ", now=NOON)
        casebook.close("CW-2026-7KQ2M4", by="lan", why="done", now=NOON)
        with pytest.raises(IllegalTransition):
            casebook.close("CW-2026-7KQ2M4", by="lan", why="done", now=NOON)


def test_an_unknown_number_is_nothing(site: Site) -> None:
    """Neither a case nor a closing is made up."""
    with Casebook.at(site.config) as casebook:
        assert None is casebook.case("CW-0")
        assert None is casebook.close("CW-0", by="lan", why="done", now=NOON)


def test_a_case_has_its_messages(site: Site) -> None:
    """The incident is shown as JSON values, with the messages about it."""
    with Casebook.at(site.config) as casebook:
        case = casebook.case("CW-2026-7KQ2M4")
    assert case is not None
    assert ("high", "queued") == (case["level"], case["messages"][0]["state"])


def test_a_store_that_is_not_there_is_not_made(tmp_path: Path) -> None:
    """Looking at a store that no daemon has made is an error, and leaves nothing behind."""
    with pytest.raises(StoreError, match="there is no store"):
        open_store(tmp_path / "credwatch.sqlite")
    assert [] == list(tmp_path.iterdir())


def test_an_outbox_opens_by_settings_or_by_path(site: Site) -> None:
    """Both ways lead to the same messages."""
    for store in (None, site.folder / "state" / "credwatch.sqlite"):
        with opened_outbox(site.config, store) as box:
            assert 1 == len(box.listed())
