"""Plays the story: writes each scene's lines, waits for what must come of them, and says so as it unfolds."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime

from credwatch.app.casebook import Casebook
from credwatch.app.demo.story import Scene, scenes
from credwatch.app.demo.world import Daemon, World
from credwatch.kernel.incident import Incident
from credwatch.store.outbox import StoredCommand

_PATIENCE_SECONDS = 45
_SHOWN_LINES = 3

Tell = Callable[[str, str], None]
"""Says something: what kind of thing (scene, line, incident, notice, trouble), and the words."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """How the demonstration went."""

    accepted: dict[str, int]
    """Messages that the mail server accepted, by workflow."""
    missing: tuple[str, ...]
    """What should have come and did not."""


def play(world: World, tell: Tell) -> Outcome:
    """Play every scene in a running world."""
    seen: set[str] = set()
    missing = [trouble for scene in scenes() for trouble in _play(scene, world, tell, seen)]
    accepted: dict[str, int] = {}
    for message in _messages(world):
        if message.state == "delivered":
            accepted[message.command.workflow] = accepted.get(message.command.workflow, 0) + 1
    return Outcome(accepted, tuple(missing))


def _play(scene: Scene, world: World, tell: Tell, seen: set[str]) -> list[str]:
    tell("scene", scene.title)
    _write(scene, world, tell)
    deadline = time.monotonic() + (_PATIENCE_SECONDS if scene.incident else 2)
    while True:
        _tell_news(world, tell, seen)
        lacking = _lacking(scene, world)
        if not lacking and (scene.incident or time.monotonic() > deadline):
            return []
        if time.monotonic() > deadline:
            tell("trouble", lacking)
            return [f"{scene.title} {lacking}"]
        time.sleep(0.2)


def _write(scene: Scene, world: World, tell: Tell) -> None:
    lines = list(scene.lines(datetime.now(UTC)))
    for number, (file, line) in enumerate(lines):
        world.write(file, line)
        if number < _SHOWN_LINES:
            tell("line", line)
    if len(lines) > _SHOWN_LINES:
        tell("line", f"… and {len(lines) - _SHOWN_LINES} more lines")


def _lacking(scene: Scene, world: World) -> str:
    """Say what a scene still waits for; empty where all of it has come."""
    if not scene.incident:
        return ""
    role = "customer" if scene.workflow == "breach_report" else "provider"
    daemon = next(each for each in world.daemons if each.role == role)
    incidents = [each.number for each in _incidents(daemon) if each.kind == scene.incident]
    if not incidents:
        return f"no incident of the kind {scene.incident} has come"
    messages = [each for each in _commands(daemon) if each.command.workflow == scene.workflow]
    mine = [each for each in messages if each.command.incident in incidents]
    if scene.workflow and not (mine and all(each.state == "delivered" for each in mine)):
        return f"no {scene.workflow} of it has been accepted"
    return ""


def _tell_news(world: World, tell: Tell, seen: set[str]) -> None:
    for daemon in world.daemons:
        for incident in reversed(_incidents(daemon)):
            if incident.number not in seen:
                seen.add(incident.number)
                tell("incident", f"{incident.number}  {incident.level.name.lower()}  {incident.kind}: {incident.title}")
        for message in _commands(daemon):
            if message.state == "delivered" and message.command.id not in seen:
                seen.add(message.command.id)
                command = message.command
                tell("notice", f"{command.workflow} ({command.languages[0]}) accepted for {command.recipient}")


def _messages(world: World) -> list[StoredCommand]:
    return [message for daemon in world.daemons for message in _commands(daemon)]


def _incidents(daemon: Daemon) -> list[Incident]:
    return Casebook.at(daemon.config).incidents(only_open=False)


def _commands(daemon: Daemon) -> list[StoredCommand]:
    return Casebook.at(daemon.config).messages()
