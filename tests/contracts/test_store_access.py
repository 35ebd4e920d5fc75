"""What a store promises of requests for access, on each kind of database."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

from msgspec.structs import replace

from access_office import HOUR, a_request, an_order
from credwatch.kernel.access import AccessForbidden, AccessGround, AccessRequest, AccessState, AccessUse
from credwatch.store.cases import access_requests
from credwatch.store.cases.access_requests import ActsUnder, StoredAccess
from credwatch.store.database import Database
from credwatch.world.access import approved, emergency, refused
from scenarios.lines import BEGIN

WAITING = an_order(id="AR-1", asked_by="minh", actors=("minh",))


def add(database: Database, *requests: AccessRequest) -> None:
    """Keep requests that the daemon looks at when they end."""
    with database.writing() as connection:
        for request in requests:
            access_requests.add_request(connection, request, request.ends_at)


def stored(database: Database, number: str = "AR-1") -> StoredAccess:
    """Return one of them."""
    with database.reading() as connection:
        one = access_requests.access_request(connection, number)
    assert one is not None
    return one


def test_a_request_is_kept_whole(database: Database) -> None:
    """Every field comes back, and so does what was done about it."""
    after = approved(replace(WAITING, data=("sổ cái",)), "quang", BEGIN, "as ordered")
    add(database, after)
    assert StoredAccess(after) == stored(database)
    with database.reading() as connection:
        assert None is access_requests.access_request(connection, "AR-2")


def test_a_number_grows_with_each_change(database: Database) -> None:
    """Whoever holds acts against it sees by one number that something is new; no use changes it."""
    numbers = []
    for act in (
        lambda: add(database, WAITING),
        lambda: add(database, replace(WAITING, id="AR-2")),
        lambda: _decide(database, lambda request: approved(request, "quang", BEGIN)),
        lambda: _use(database, ActsUnder("AR-1", 1, BEGIN, BEGIN)),
    ):
        act()
        with database.reading() as connection:
            numbers.append(access_requests.revision(connection))
    assert [1, 2, 3, 3] == numbers


def test_lists(database: Database) -> None:
    """Requests are listed by customer, by state, and by when the daemon must look at them."""
    other = a_request(id="AR-2", customer="blue-harbor", asked_at=BEGIN + HOUR, ends_at=BEGIN + 9 * HOUR)
    add(database, WAITING, other, replace(WAITING, id="AR-3", state=AccessState.REFUSED, asked_at=BEGIN - HOUR))
    with database.reading() as connection:
        assert ["AR-2", "AR-1", "AR-3"] == _ids(access_requests.latest_requests(connection, 9))
        waiting = access_requests.latest_requests(connection, 9, (AccessState.WAITING,))
        assert ["AR-2", "AR-1"] == _ids(waiting)
        assert ["AR-1", "AR-3"] == _ids(access_requests.requests_of(connection, "hai-au"))
        assert ["AR-1", "AR-3"] == sorted(_ids(access_requests.requests_due(connection, BEGIN + 2 * HOUR)))
        assert {AccessState.WAITING: 2, AccessState.REFUSED: 1} == access_requests.counts(connection)
        assert 0 == access_requests.unreviewed(connection)
        assert 3 == len(access_requests.all_requests(connection))


def test_what_must_be_reviewed(database: Database) -> None:
    """Emergencies that nobody has reviewed are counted."""
    add(database, emergency(replace(WAITING, ground=AccessGround.EMERGENCY, order=None), BEGIN))
    with database.reading() as connection:
        assert 1 == access_requests.unreviewed(connection)


def test_use_is_added_up(database: Database) -> None:
    """Batches may come in any order of time; what registers allow is not counted here."""
    add(database, WAITING)
    second = timedelta(seconds=1)
    _use(database, ActsUnder("AR-1", 2, BEGIN + second, BEGIN + 2 * second), ActsUnder("order-118", 5, BEGIN, BEGIN))
    _use(database, ActsUnder("AR-1", 1, BEGIN, BEGIN), ActsUnder("AR-1", 1, BEGIN + 9 * second, BEGIN + 9 * second))
    assert AccessUse(4, BEGIN, BEGIN + 9 * second) == stored(database).use


def test_of_two_who_decide_at_once_one_wins(database: Database) -> None:
    """Twenty threads approve and refuse: each sees what the one before did, and no step is lost or doubled."""
    add(database, WAITING)

    def decide(turn: int) -> str:
        try:
            if turn % 2:
                _decide(database, lambda request: approved(request, f"s-{turn}", BEGIN))
            else:
                _decide(database, lambda request: refused(request, f"s-{turn}", BEGIN, "no"))
        except AccessForbidden as error:
            return error.message
        return ""

    with ThreadPoolExecutor(8) as pool:
        said = list(pool.map(decide, range(20)))
    after = stored(database).request
    assert after.state in (AccessState.REFUSED, AccessState.GRANTED)
    assert said.count("") == len(after.steps) == len({step.by for step in after.steps})
    assert {"", "it was refused" if after.state is AccessState.REFUSED else "it is granted already"} == {*said}


def _decide(database: Database, step: object) -> None:
    with database.writing() as connection:
        before = access_requests.access_request(connection, "AR-1")
        assert before is not None
        assert callable(step)
        access_requests.save_request(connection, step(before.request), None)


def _use(database: Database, *acts: ActsUnder) -> None:
    with database.writing() as connection:
        access_requests.note_uses(connection, acts)


def _ids(requests: list[StoredAccess]) -> list[str]:
    return [one.request.id for one in requests]
