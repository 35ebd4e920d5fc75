"""The gate's events are whole lines that last, and hold no secret."""

import json
import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import jsonschema
import pytest
from hypothesis import given
from hypothesis import strategies as st

from credwatch.kernel.account import Account
from credwatch.kernel.resources import shipped
from credwatch.policy.events import Action, Caller, EventError, EventsFile, GateEvent, rendered
from unit.policy.gate_fakes import START, a_caller

SCHEMA = json.loads((shipped("config") / "schemas" / "credwatch-app.schema.json").read_text(encoding="utf-8"))


def an_event(**changes: object) -> GateEvent:
    """Build a refused code of Lan's."""
    facts = {"at": START, "action": Action.MFA_VERIFY, "caller": a_caller(), "succeeded": False, "reason": "wrong"}
    return GateEvent(**(facts | changes))  # type: ignore[arg-type]


def test_an_event_is_one_line(tmp_path: Path) -> None:
    """Each event is appended as one JSON object with its id, and the file is 0640."""
    path, old = tmp_path / "gate.jsonl", os.umask(0)
    try:
        events = EventsFile(path, new_id=iter(["a", "b"]).__next__)
        events.write(an_event())
        events.write(an_event(succeeded=True, reason=""))
    finally:
        os.umask(old)
    first, second = (json.loads(line) for line in path.read_text().splitlines())
    assert rendered(an_event(), "a") == first
    assert second["event"]["id"] == "b"
    assert path.stat().st_mode & 0o777 == 0o640


def test_an_act_on_somebody_else_names_both() -> None:
    """Who acts is `user`, whose account it is stands under `target`."""
    told = rendered(an_event(caller=a_caller(by="an.support"), why="new phone"), "a")
    assert told["user"] == {"name": "an.support", "target": {"name": "lan"}}
    assert told["credwatch"]["support"] == {"reason": "new phone"}


@pytest.mark.parametrize("action", list(Action))
@pytest.mark.parametrize(
    "caller", [a_caller(), a_caller(by="an.support"), Caller(Account("", "root")), a_caller(by="lan", source_ip="")]
)
@pytest.mark.parametrize(("reason", "why"), [("", ""), ("too_short,common", "ticket 4711")])
def test_every_event_keeps_the_schema(action: Action, caller: Caller, reason: str, why: str) -> None:
    """Each action is a `credwatch-app/1` event, whoever acts and whatever is known."""
    event = an_event(action=action, caller=caller, reason=reason, why=why)
    jsonschema.validate(rendered(event, "a"), SCHEMA)


def test_unknown_facts_are_left_out() -> None:
    """No customer, address or reason means no such field, not an empty one."""
    told = rendered(an_event(caller=Caller(Account("", "root")), reason=""), "a")
    assert set(told) == {"schema", "@timestamp", "event", "user", "credwatch"}
    assert "reason" not in told["event"]


def test_a_torn_line_does_not_spoil_the_next(tmp_path: Path) -> None:
    """Behind a line that a crash cut off, the next event starts a line of its own."""
    path = tmp_path / "gate.jsonl"
    path.write_text('{"event": {"act')
    EventsFile(path).write(an_event())
    assert json.loads(path.read_text().splitlines()[1])["event"]["action"] == "mfa_verify"


def test_rotation_between_two_events(tmp_path: Path) -> None:
    """After the file is renamed the next event goes to a new one."""
    path = tmp_path / "gate.jsonl"
    events = EventsFile(path)
    events.write(an_event())
    path.rename(tmp_path / "gate.jsonl.1")
    events.write(an_event())
    assert [len(file.read_text().splitlines()) for file in sorted(tmp_path.iterdir())] == [1, 1]


def test_threads_do_not_mix_lines(tmp_path: Path) -> None:
    """Events of many threads are all there, each whole."""
    events = EventsFile(tmp_path / "gate.jsonl")
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda _: events.write(an_event()), range(40)))
    lines = [json.loads(line) for line in (tmp_path / "gate.jsonl").read_text().splitlines()]
    assert len({line["event"]["id"] for line in lines}) == 40


def test_a_file_that_cannot_be_written_is_an_error(tmp_path: Path) -> None:
    """A missing folder, and a symbolic link in the file's place, are errors with the path."""
    with pytest.raises(EventError, match=r"gate\.jsonl"):
        EventsFile(tmp_path / "missing" / "gate.jsonl").write(an_event())
    (tmp_path / "link.jsonl").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(EventError):
        EventsFile(tmp_path / "link.jsonl").write(an_event())


@given(st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=50), st.text(max_size=50))
def test_names_cannot_break_out_of_their_line(user: str, reason: str) -> None:
    """Whatever a name holds, the line stays one line and gives the same name back."""
    line = json.dumps(rendered(an_event(caller=a_caller(account=Account("hoasen", user)), reason=reason), "a"))
    assert len(line.splitlines()) == 1
    assert user == json.loads(line)["user"]["name"]
