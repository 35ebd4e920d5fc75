"""Accounts of a SCIM service: every page, once, or an error and nothing."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from credwatch.kernel.errors import SourceError
from credwatch.posture.options import ScimAccountsOptions
from credwatch.posture.reading import AccountsReading, read
from identity_services import Scim
from rest_services import TOKEN, Reply, a_service

NOW = datetime(2026, 3, 2, 8, tzinfo=UTC)


@pytest.fixture
def scim() -> Iterator[Scim]:
    with a_service(Scim) as running:
        for number in range(1, 6):
            running.have(f"user{number}", number)
        yield running


def reading_of(scim: Scim, folder: Path, **changes: Any) -> AccountsReading:
    (folder / "token").write_text(TOKEN)
    auth = {"kind": "bearer", "token_file": folder / "token"}
    chosen = {"id": "directory", "kind": "scim", "url": f"{scim.url}/", "auth": auth, **changes}
    return read(ScimAccountsOptions.model_validate(chosen), lambda _account: None, lambda: NOW)


@pytest.mark.parametrize("most", [1, 2, 5, 100])
def test_every_page_is_read(scim: Scim, tmp_path: Path, most: int) -> None:
    """However few accounts the service gives at a time, all are read."""
    scim.most_on_a_page = most
    assert [f"user{number}" for number in range(1, 6)] == [it.user for it in reading_of(scim, tmp_path).accounts]


def test_what_is_told_of_an_account(scim: Scim, tmp_path: Path) -> None:
    """Its state, its age, and roles and groups by their names; what is left out is not told."""
    scim.accounts.clear()
    scim.have("lan", 1, active=False, meta={"created": "2026-01-01T00:00:00Z"}, roles=[{"value": "Admin"}, "Sales"])
    scim.have("minh", 2, groups=[{"value": "g-1", "display": "Wheel"}, {"value": "g-2"}, 7])
    lan, minh = reading_of(scim, tmp_path).accounts
    assert (False, datetime(2026, 1, 1, tzinfo=UTC), ("admin", "sales")) == (lan.is_enabled, lan.created_at, lan.roles)
    assert (True, None, ("g-2", "wheel")) == (minh.is_enabled, minh.created_at, minh.roles)
    assert (None, None, None) == (lan.password, lan.factors, lan.has_logged_in)


def test_a_service_without_accounts_has_none(scim: Scim, tmp_path: Path) -> None:
    """No account is an answer: Resources may be left out."""
    scim.accounts.clear()
    assert () == reading_of(scim, tmp_path).accounts


@pytest.mark.parametrize("page", [[], [{"id": "id-1", "userName": "user1"}]])
def test_a_service_that_keeps_accounts_back_is_not_believed(scim: Scim, tmp_path: Path, page: list[Any]) -> None:
    """A page that is empty or comes again before all are given ends the reading, and nothing of it counts."""
    scim.faults += [Reply(content={"totalResults": 5, "Resources": it}) for it in ([{"id": "id-1"}], page)]
    with pytest.raises(SourceError, match="it counts 5 accounts, and gives 1"):
        reading_of(scim, tmp_path)


@pytest.mark.parametrize(
    "answer",
    [
        Reply(raw=b"<html>"),
        Reply(raw=b"[]"),
        Reply(content={"Resources": []}),
        Reply(content={"totalResults": "x", "Resources": []}),
        Reply(content={"totalResults": 1, "Resources": [7]}),
        Reply(content={"schemas": ["urn:ietf:params:scim:api:messages:2.0:Error"], "totalResults": 0}),
        Reply(401, {"detail": "no"}),
        Reply(429, {"detail": "later"}, [("Retry-After", "3600")]),
        Reply(500),
    ],
)
def test_what_is_no_list_is_an_error(scim: Scim, tmp_path: Path, answer: Reply) -> None:
    """Whatever a service answers in place of its accounts, it has not told that there are none."""
    scim.faults.append(answer)
    with pytest.raises(SourceError, match="directory"):
        reading_of(scim, tmp_path)


def test_more_than_was_bargained_for_is_not_believed(scim: Scim, tmp_path: Path) -> None:
    """The bound of the source holds here too."""
    with pytest.raises(SourceError, match="more than 3"):
        reading_of(scim, tmp_path, most_accounts=3)


def test_a_token_travels_protected() -> None:
    """The URL is https, or of this machine."""
    with pytest.raises(ValidationError):
        ScimAccountsOptions.model_validate({"id": "directory", "kind": "scim", "url": "http://id.example/scim"})
