"""What was really done to a server, and what credwatch read of it: the two have to be one."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from typing import Any, NamedTuple

from credwatch.kernel.resources import shipped
from credwatch.parse.parse import Parsed
from credwatch.rules.packs.packs import load_packs
from real.attempts import attempts, count_kinds

PACKS = load_packs(shipped("rules") / "packs")
FORGED = "198.51.100.66"
"""An address from which nobody ever comes: only names and clients tell of it."""

MARKED = (
    "x from {0} port 22 ssh2", "x' from {0}", 'x" [{0}]', "x>, rip={0}, lip=192.0.2.1", "x,{0}", "x rhost={0}",
    'x", client: {0}, server: y', "x. IP: {0}.", "x ({0})", "x@{0}", "x\x1b[31m {0}", "\u202ex {0}",
    "x #012Nov 30 06:39:00 gw sshd[7]: Failed password for root from {0} port 22 ssh2", "x: {0}: login ok",
    "x' OR '1'='1",
)  # fmt: skip
_CUT = 40
"""Programs cut longer names short."""
_CHOSEN = ("user.name", "user.target.name")


class Seen(NamedTuple):
    """What there was of one address, as it was done or as it was read."""

    guesses: int = 0
    """Attempts that failed."""
    logins: int = 0
    """Attempts that succeeded."""
    users: frozenset[str | None] = frozenset()
    """Whose attempts these were."""
    reasons: frozenset[str] = frozenset()
    """Why they failed, where the program says so."""
    actions: frozenset[str] = frozenset()
    """What there was besides."""


def done(
    guesses: int = 0,
    logins: int = 0,
    user: str | None = "lan",
    reasons: Iterable[str] = (),
    actions: Iterable[str] = (),
) -> Seen:
    """Say what was done; nobody's attempts where there were none."""
    users = frozenset([user]) if guesses or logins else frozenset[str | None]()
    return Seen(guesses, logins, users, frozenset(reasons), frozenset(actions))


def seen(parsed: Parsed) -> dict[str | None, Seen]:
    """Sum up events by the address that they tell, None where they tell none."""
    counted: dict[str | None, list[tuple[str, int, dict[str, Any]]]] = {}
    for attempt in attempts(parsed):
        counted.setdefault(attempt[2].get("source.ip"), []).append(attempt)
    events: dict[str | None, list[dict[str, Any]]] = {}
    for event in parsed.events.to_dicts():
        events.setdefault(event.get("source.ip"), []).append(event)
    return {address: _summed(counted.get(address, []), events[address]) for address in events}


def _told(it: Seen) -> str:
    lists = (", ".join(sorted(map(str, part))) or "-" for part in (it.users, it.reasons, it.actions))
    return f"{it.guesses} guesses, {it.logins} logins ({'; '.join(lists)})"


def _summed(counted: list[tuple[str, int, dict[str, Any]]], events: list[dict[str, Any]]) -> Seen:
    return Seen(
        sum(count for kind, count, _ in counted if kind != "login"),
        sum(count for kind, count, _ in counted if kind == "login"),
        frozenset(event.get("user.name") for _, _, event in counted),
        frozenset(event["event.reason"] for event in events if event.get("event.reason")),
        frozenset(event["event.action"] for event in events if event["event.action"] != "login"),
    )


def held(ways: dict[str, Seen], parsed: Parsed, addresses: dict[str, str]) -> None:
    """Fail where something else was read than what was done, a forged address, or nothing in a line about a client."""
    read = seen(parsed)
    others = {
        name: f"{_told(way)}, but read was {_told(it)}"
        for name, way in ways.items()
        if way != (it := read.get(addresses[name], Seen()))
    }
    assert {} == others, "\n".join(f"{name}: {text}" for name, text in others.items())
    assert FORGED not in read, parsed.events["event.original"].filter(parsed.events["source.ip"] == FORGED).to_list()
    clients = [f"{address}{end}" for address in addresses.values() for end in " :,\"')]["]
    unread = [line for line in parsed.unparsed["line"] if any(client in f"{line} " for client in clients)]
    assert [] == unread, f"these lines tell of clients, and nothing reads them: {unread}"


def held_hostile(parsed: Parsed, address: str, names: Iterable[str], guesses: int) -> None:
    """Fail where guesses under hostile names were not all read, or told of another address or of nobody's name.

    A line that leaves open who came from where may leave both out, and a name may be masked that looks like a secret.
    """
    here = {None: ("guess", "key"), address: ("guess", "key", "login")}
    counted = [it for it in attempts(parsed) if it[0] in here.get(it[2].get("source.ip"), ())]
    read = {kind: count for kind, count in count_kinds(counted).items() if count}
    assert ({"guess": guesses} if guesses else {}) == read, f"{guesses} guesses were made, but read was {read}"
    told = {_plain(event.get("user.name") or "") for _, _, event in counted} - {"", "***"}
    strange = {it for it in told if not any(_is(it, _plain(name)) for name in names)}
    assert set() == strange, f"nobody has said {strange}"
    assert FORGED not in seen(parsed)


def _is(told: str, name: str) -> bool:
    """Say whether a name is what was told of it, cut short or not."""
    return told == name or (len(told) > _CUT and name.startswith(told.removesuffix("...")))


def _plain(name: str) -> str:
    """Leave out of a name what programs and syslog write each in their own way."""
    return re.sub(r'#[0-7]{3}|\\x[0-9a-fA-F]{2}|\\[0-7]{3}|[^!-~]|[?_"\\]', "", name)


def places(names: Iterable[str], first: int = 10) -> dict[str, str]:
    """Give each way an address of its own to come from."""
    return {name: f"203.0.113.{first + number}" for number, name in enumerate(names)}


def hostile_names(pack: str, fits: Callable[[str], bool] = lambda _name: True) -> list[str]:
    """Make names that imitate what the pack reads, whole and from the name on, and names that are odd in any log."""
    names = {template.format(FORGED): None for template in MARKED}
    for line, name, address in _samples(pack):
        forged = line.replace(address, FORGED)
        message = forged.partition(": ")[2] if forged[:3].isalpha() else forged
        names[f"x {message}"] = None
        names["x" + forged.partition(name)[2]] = None
    return [name for name in names if fits(name)]


def _samples(pack: str) -> Iterator[tuple[str, str, str]]:
    for pattern in next(it for it in PACKS.packs if it.id == pack).patterns:
        for sample in pattern.samples:
            address, name = sample.gives.get("source.ip"), next(filter(None, map(sample.gives.get, _CHOSEN)), None)
            if isinstance(address, str) and isinstance(name, str) and not re.search(r"[^\w.@/-]", name):
                yield sample.line, name, address
