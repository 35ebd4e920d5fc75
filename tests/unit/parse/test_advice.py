"""Who writes an event that is not read is told which key is wrong, and which one was meant."""

from __future__ import annotations

import json
from typing import Any

import pytest

from credwatch.kernel.resources import shipped
from credwatch.parse.advice import advice_on
from credwatch.rules.packs.packs import load_packs

PACKS = load_packs([shipped("rules") / "packs"])


def an_event(**changes: Any) -> str:
    """Build an event that is right, but for what is changed; None takes a key away."""
    event = {
        "schema": "credwatch-app/1",
        "@timestamp": "2026-11-20T08:00:00Z",
        "event.action": "login",
        "event.outcome": "failure",
        "user.name": "lan",
        **{name.replace("__", "."): value for name, value in changes.items()},
    }
    return json.dumps({name: value for name, value in event.items() if value is not None})


def test_what_is_right_needs_no_advice() -> None:
    """An event as documented, nested or not, with labels of its own, is left in peace, and so is another's."""
    nested = '{"schema":"credwatch-app/1","@timestamp":"2026-11-20T08:00:00Z","event":{"action":"logout"},'
    assert () == advice_on(an_event(labels__team="x", source__port=4711), PACKS)
    assert () == advice_on(nested + '"user":{"name":"lan"}}', PACKS)
    assert () == advice_on("Nov 30 06:39:00 web1 sshd[811]: Invalid user {x} from 203.0.113.9 port 1", PACKS)
    assert () == advice_on('{"kind":"another","writer":1}', PACKS)


@pytest.mark.parametrize(
    ("changes", "advice"),
    [
        ({"event__action": "logn"}, "event.action: 'logn' is not known; did you mean 'login'?"),
        ({"event__outcome": "failed"}, "event.outcome: 'failed' is not known; did you mean 'failure'?"),
        ({"event__actoin": "login"}, "event.actoin: is no key of this schema; did you mean 'event.action'?"),
        ({"user__name": None, "username": "lan"}, "user.name: is missing; is it 'username' in the event?"),
        ({"user__name": None, "user": "lan"}, "user: is a text, and must be an object with user.domain,"
         " user.effective.name, user.email"),
        ({"source__adress": "203.0.113.7"}, "source.adress: is no key of this schema; did you mean 'source.ip'?"),
        ({"source__port": "22"}, "source.port: is a text, and must be a whole number"),
        ({"credwatch__mfa__used": "yes"}, "credwatch.mfa.used: is a text, and must be true or false"),
        ({"@timestamp": 1763625600}, "@timestamp: is a number, and must be a moment such as 2026-03-02T08:15:30+07:00"),
        ({"@timestamp": "yesterday"}, "@timestamp: is no moment such as 2026-03-02T08:15:30+07:00"),
        ({"@timestamp": None, "time": "2026-11-20T08:00:00Z"}, "@timestamp: is missing; is it 'time' in the event?"),
        ({"schema": "credwatch-app/2"}, "schema: 'credwatch-app/2' is not 'credwatch-app/1'"),
        ({"schema": None}, "schema: is missing, and must be 'credwatch-app/1'"),
        ({"event__action": "factor_added"}, "user.target.name: is missing"),
    ],
)  # fmt: skip
def test_a_mistake_is_named(changes: dict[str, Any], advice: str) -> None:
    """The key that is wrong is named, with the nearest known name."""
    assert advice in advice_on(an_event(**changes), PACKS)


def test_a_text_that_is_no_json() -> None:
    """Where it breaks is said, and nothing of what stands there."""
    assert ("no JSON: Input data was truncated",) == advice_on('{"schema":"credwatch-app/1","password":"hunter2', PACKS)


def test_an_event_behind_an_envelope() -> None:
    """An event that came by syslog is looked at too."""
    line = "Nov 30 06:39:00 web1 shop[811]: " + an_event(event__action="logn")
    assert "event.action: 'logn' is not known; did you mean 'login'?" in advice_on(line, PACKS)


def test_values_are_not_repeated() -> None:
    """What stands behind a wrong key may be a secret, and is not shown."""
    assert "hunter2" not in str(advice_on(an_event(pasword="hunter2", source__port="hunter2"), PACKS))
