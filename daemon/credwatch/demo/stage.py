"""Plays the story: writes each scene's lines, waits for what must come of them, and says so as it unfolds."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from datetime import UTC, datetime
from enum import StrEnum

from msgspec import Struct

from credwatch.casework.casebook import Casebook
from credwatch.demo.cast import Cast
from credwatch.demo.story import LONGEST_SCENE, Scene, scenes
from credwatch.demo.world import World
from credwatch.kernel.detection import Detection
from credwatch.kernel.errors import CredwatchError
from credwatch.kernel.incident import Incident
from credwatch.kernel.measure import ENFORCEMENT
from credwatch.store.commands import StoredCommand

_PATIENCE_SECONDS = 45
_QUIET_SECONDS = 2
_POLL_SECONDS = 0.2
_SHOWN_LINES = 3
_HEADING = "WHAT WE HAVE DONE\n-----------------"
_DONE = ("Ended", "Forced", "Ordered")
_LANGUAGES = {"vi": "Vietnamese", "en": "English"}


class Beat(StrEnum):
    """What kind of thing happens."""

    SCENE = "scene"
    LINE = "line"
    MORE = "more"
    QUIET = "quiet"
    DETECTION = "detection"
    INCIDENT = "incident"
    MEASURE = "measure"
    NOTICE = "notice"
    SAID = "said"
    PERSON = "person"
    TROUBLE = "trouble"


Tell = Callable[[Beat, str], None]
"""Says something: what kind of thing it is, and the words; for a line, the log line as it was written."""


class SceneOutcome(Struct, frozen=True):
    """How the demonstration went."""

    accepted: Mapping[str, int]
    """Messages that the mail server accepted, by workflow."""
    missing: tuple[str, ...]
    """What should have come and did not."""


def play(world: World, tell: Tell, *, pause_seconds: float = 0.0) -> SceneOutcome:
    """Play every scene in a running world, with a pause after each for whoever reads along."""
    with ExitStack() as opened:
        books = {daemon.role: opened.enter_context(Casebook.at(daemon.config)) for daemon in world.daemons}
        stage = _Stage(world, books, tell)
        missing = []
        for scene in scenes():
            missing += stage.play(scene)
            time.sleep(pause_seconds)
        accepted: dict[str, int] = {}
        for message in stage.delivered():
            accepted[message.command.workflow] = accepted.get(message.command.workflow, 0) + 1
    return SceneOutcome(accepted, tuple(missing))


class _Stage:
    """The running story: what the daemons' stores held when they were looked at last."""

    def __init__(self, world: World, books: Mapping[str, Casebook], tell: Tell) -> None:
        self._world = world
        self._books = books
        self._tell = tell
        self._cast = Cast(world, books["provider"])
        self._seen: set[str] = set()

    def play(self, scene: Scene) -> list[str]:
        """Play one scene and return what is missing at its end."""
        self._tell(Beat.SCENE, scene.title)
        self._write(scene)
        if problem := self._act(scene):
            self._tell(Beat.TROUBLE, problem)
            return [f"{scene.title} {problem}"]
        trouble = self._await(scene) if scene.incident else self._await_quiet(scene)
        if trouble:
            self._tell(Beat.TROUBLE, trouble)
            return [f"{scene.title} {trouble}"]
        return []

    def _act(self, scene: Scene) -> str:
        """Have people do what they do in a scene; say why where that fails."""
        try:
            for words in scene.deed(self._cast) if scene.deed else ():
                self._tell(Beat.PERSON, words)
        except CredwatchError as error:
            return str(error)
        return ""

    def delivered(self) -> Iterator[StoredCommand]:
        """Give every message that the mail server has accepted."""
        for book in self._books.values():
            for message in book.messages():
                if message.state == "delivered" and message.command.workflow != ENFORCEMENT:
                    yield message

    def _write(self, scene: Scene) -> None:
        lines = list(scene.lines(datetime.now(UTC) - LONGEST_SCENE))
        for number, (file, line) in enumerate(lines):
            self._world.write(file, line)
            if number < _SHOWN_LINES:
                self._tell(Beat.LINE, line)
        if len(lines) > _SHOWN_LINES:
            self._tell(Beat.MORE, f"… and {len(lines) - _SHOWN_LINES} more lines")

    def _await(self, scene: Scene) -> str:
        """Wait until all of a scene has come; say what has not when patience ends."""
        deadline = time.monotonic() + _PATIENCE_SECONDS
        while lacking := self._lacking(scene):
            if time.monotonic() > deadline:
                break
            time.sleep(_POLL_SECONDS)
        self._tell_news()
        return lacking

    def _await_quiet(self, scene: Scene) -> str:
        """Give the daemons time to be wrong; say so where an incident came though nothing was amiss."""
        before = self._incidents()
        time.sleep(_QUIET_SECONDS)
        self._tell_news()
        if self._incidents() > before:
            return "an incident has come, though all was well"
        if scene.deed is None:
            self._tell(Beat.QUIET, "all quiet, as it should be")
        return ""

    def _incidents(self) -> int:
        return sum(len(book.incidents(only_open=False)) for book in self._books.values())

    def _lacking(self, scene: Scene) -> str:
        """Tell the news, and say what a scene still waits for; empty where all of it has come."""
        self._tell_news()
        book = self._books["customer" if scene.workflow == "breach_report" else "provider"]
        incidents = [one.number for one in book.incidents(only_open=False) if scene.is_about(one)]
        if not incidents:
            return f"no incident of the kind {scene.incident} has come"
        messages = [message for message in book.messages() if message.command.workflow == scene.workflow]
        mine = [message for message in messages if message.command.incident in incidents]
        if scene.workflow and not (mine and all(message.state == "delivered" for message in mine)):
            return f"no {scene.workflow} of it has been accepted"
        return self._undone(scene, mine)

    def _undone(self, scene: Scene, letters: Sequence[StoredCommand]) -> str:
        """Name the measures that the application has not taken, or of which the customer has not heard."""
        done = {deed.action for deed in self._world.application.deeds}
        if missing := sorted({*scene.measures} - done):
            return f"the application was not asked for {', '.join(missing)}"
        said = {entry["action"] for letter in letters for entry in _measures_in(letter)}
        return f"the customer was not told of {', '.join(scene.measures)}" if {*scene.measures} - said else ""

    def _tell_news(self) -> None:
        for book in self._books.values():
            for incident in reversed(book.incidents(only_open=False)):
                self._tell_detections(book, incident)
                if self._is_new(incident.number):
                    self._tell(Beat.INCIDENT, _incident_words(incident))
        self._tell_deeds()
        for message in self.delivered():
            if self._is_new(message.command.id):
                self._tell(Beat.NOTICE, _notice_words(message))
                for sentence in self._sentences(message):
                    self._tell(Beat.SAID, sentence)

    def _tell_deeds(self) -> None:
        for number, deed in enumerate(self._world.application.deeds):
            if self._is_new(f"deed {number}"):
                self._tell(Beat.MEASURE, f"the application did {deed.action}: {deed.target}")

    def _sentences(self, message: StoredCommand) -> tuple[str, ...]:
        """Give what a notice says in English of what was done, out of the letter; once for all its readers."""
        recipient = message.command.recipient
        if not _measures_in(message) or not self._is_new(f"said {message.command.incident}"):
            return ()
        return said_as_done(self._world.letters_to(recipient)[-1])

    def _tell_detections(self, book: Casebook, incident: Incident) -> None:
        if self._seen.issuperset(incident.detections):
            return
        for detection, _, _ in book.detections(incident.number):
            if self._is_new(detection.id):
                self._tell(Beat.DETECTION, _detection_words(detection))

    def _is_new(self, name: str) -> bool:
        if name in self._seen:
            return False
        self._seen.add(name)
        return True


def _detection_words(detection: Detection) -> str:
    counted = f", {detection.count} events" if detection.count > 1 else ""
    return f"{detection.level.name.lower()}: {detection.title}{counted}"


def _incident_words(incident: Incident) -> str:
    about = f"{incident.subject} ({incident.organization})" if incident.organization else incident.subject
    return f"{incident.number} {incident.kind}: {about}"


def _measures_in(message: StoredCommand) -> list[dict[str, str]]:
    entries = message.command.payload.context.get("taken", [])
    return [*entries] if isinstance(entries, list) else []


def said_as_done(letter: str) -> tuple[str, ...]:
    """Give the points of a letter's English part about what was done, each on one line; its evidence is left aside."""
    _, _, behind = letter.replace("\r\n", "\n").partition(_HEADING)
    points = [" ".join(point.split()) for point in behind.partition("\n\n")[0].split("\n- ")]
    return tuple(point for point in points if point.startswith(_DONE))


def _notice_words(message: StoredCommand) -> str:
    command = message.command
    language = _LANGUAGES.get(command.payload.languages[0], command.payload.languages[0])
    return f"{command.workflow} ({language}) accepted for {command.recipient}"
