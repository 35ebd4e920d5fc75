"""Personal fields under a key for each customer."""

from __future__ import annotations

import pytest

from archived_events import an_event, rows_of
from credwatch.archive.form import SEAL
from credwatch.archive.sealing import ERASED, MasterKey, SealingKey, customers_in, opened, sealed
from credwatch.kernel.errors import ConfigurationError
from credwatch.kernel.secret import Secret

MASTER = MasterKey(Secret("the key of the installation"))
HAI_AU, NOBODY = MASTER.make("hai-au"), MASTER.make("")
KEYS = {"hai-au": HAI_AU, "": NOBODY}
ROWS = rows_of(
    [
        an_event(0, user__name="linh", organization__id="hai-au", source__ip="192.0.2.7"),
        an_event(1, user__name="linh", organization__id=None, source__ip=None),
        an_event(2, user__name="~linh", organization__id="hai-au", source__ip="192.0.2.7"),
    ]
)


def by_name(*keys: SealingKey) -> dict[str, SealingKey]:
    return {key.id: key for key in keys}


def test_values_are_sealed_and_come_back() -> None:
    """Nothing of a sealed field is left in clear, nulls stay, and with the keys all is as it was."""
    rows = sealed(ROWS, KEYS, ("user.name", "source.ip"))
    assert not {"linh", "~linh", "192.0.2.7"} & {*rows["user.name"], *rows["source.ip"]}
    assert [None] == [row for row in rows["source.ip"] if row is None]
    assert ROWS.equals(opened(rows, by_name(*KEYS.values())).drop(SEAL))


def test_equal_values_look_alike_under_one_key_only() -> None:
    """The same account of two customers, and the same text in two fields, do not look alike."""
    rows = sealed(ROWS.with_columns(message="user.name"), KEYS, ("user.name", "message"))
    names = rows["user.name"].to_list()
    assert 3 == len({*names})
    assert HAI_AU.sealed("user.name", ["linh"])["linh"] == names[0]
    assert HAI_AU.sealed("message", ["linh"]) != HAI_AU.sealed("user.name", ["linh"])


def test_what_was_erased_stays_closed() -> None:
    """Without the key of a customer its values are gone, and those of others are not."""
    rows = opened(sealed(ROWS, KEYS, ("user.name", "source.ip")), by_name(NOBODY))
    assert [ERASED, "linh", ERASED] == rows["user.name"].to_list()
    assert [ERASED, None, ERASED] == rows["source.ip"].to_list()


def test_a_field_in_clear_stays_as_it_is() -> None:
    """What looks sealed and is not, because somebody chose that name or the field is not sealed, stays."""
    rows = sealed(ROWS, KEYS, ("source.ip",))
    assert ROWS["user.name"].to_list() == opened(rows, by_name(*KEYS.values()))["user.name"].to_list()
    assert ROWS.equals(opened(ROWS, {}))


def test_keys_are_sealed_for_the_store() -> None:
    """The key of a customer opens with the master key that sealed it, for that customer, and with no other."""
    stored = MASTER.seal(HAI_AU)
    assert HAI_AU == MASTER.open(HAI_AU.id, "hai-au", stored)
    assert HAI_AU.secret.reveal() not in stored
    with pytest.raises(ConfigurationError, match="sealed with another key"):
        MasterKey(Secret("another")).open(HAI_AU.id, "hai-au", stored)
    with pytest.raises(ConfigurationError, match="sealed with another key"):
        MASTER.open(HAI_AU.id, "blue-harbor", stored)


def test_customers_are_named() -> None:
    """Those whose keys are needed are named; an event of none counts as one without a name."""
    assert {"hai-au", ""} == customers_in(ROWS)
    assert {""} == customers_in(ROWS.drop("organization.id"))
    assert set() == customers_in(ROWS.clear())
