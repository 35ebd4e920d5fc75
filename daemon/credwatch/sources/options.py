"""The tables `[[source]]`: one for each kind of place that lines come from."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Discriminator, Field, Tag, field_validator, model_validator

from credwatch.kernel.options import Options, known_zone
from credwatch.sources.named import LineFormat, NamedSource
from credwatch.sources.nats.options import NatsSourceOptions
from credwatch.sources.network_options import PushSourceOptions, SyslogSourceOptions
from credwatch.sources.objects.options import ObjectSourceOptions
from credwatch.sources.rest.options import RestSourceOptions
from credwatch.sources.sql.options import SqlSourceOptions

Transport = Literal["audit", "driver", "syslog", "journal", "stdout", "kernel"]
"""How an entry came to the journal, `_TRANSPORT` in systemd.journal-fields(7)."""

DROPPED = "a596d6fe7bfa4994828e72309e95d61e"
"""The message id with which journald says that it has left out what a service wrote too fast (sd-messages.h)."""

_FORMATS = ("auto", "syslog", "json")
_FILE = "file"

FACILITIES = {
    name: number
    for number, name in enumerate(
        ("kern", "user", "mail", "daemon", "auth", "syslog", "lpr", "news", "uucp", "cron", "authpriv", "ftp")
    )
} | {f"local{number}": 16 + number for number in range(8)}
"""The numbers of syslog's facilities by name, RFC 5424 section 6.2.1 with the names of syslog(3)."""


class MatchOptions(Options):
    """`[[source.match]]`: how some of a source's files are read, where not as the others."""

    path: str
    """The files, as a glob (`**` for any depth of folders); the first table that means a file counts."""
    format: LineFormat | None = None
    """How their lines begin; as the source's where nothing is said."""
    time_zone: str | None = None
    """The time zone of their stamps that say none; as the source's where nothing is said."""

    @field_validator("path")
    @classmethod
    def _absolute(cls, path: str) -> str:
        return _absolute(path)

    @field_validator("time_zone")
    @classmethod
    def _known_zone(cls, name: str | None) -> str | None:
        return name and known_zone(name)

    @model_validator(mode="after")
    def _says_something(self) -> MatchOptions:
        if self.format is None and self.time_zone is None:
            raise ValueError("it says nothing of the files; add time_zone or format")
        return self


def _absolute(path: str) -> str:
    if not Path(path).is_absolute():
        raise ValueError(f"{path!r} is not absolute; begin it with /")
    return path


class FileSourceOptions(NamedSource):
    """`kind = "file"`: one set of files that speak alike."""

    kind: Literal["file"] = "file"
    """That it follows files."""
    paths: tuple[str, ...] = Field(min_length=1)
    """Files and globs."""
    format: LineFormat = "auto"
    """How its lines begin."""
    time_zone: str = "UTC"
    """The time zone of stamps that say none."""
    watch: Literal["auto", "poll"] = "auto"
    """poll: look at all files from time to time, though the file system seems to tell of changes."""
    match: tuple[MatchOptions, ...] = ()
    """What differs by path."""

    @model_validator(mode="before")
    @classmethod
    def _with_format(cls, raw: Any) -> Any:
        """Take `kind = "json"` as it was written before there were kinds of sources."""
        if isinstance(raw, dict) and raw.get("kind") in _FORMATS:
            return {"format": raw["kind"]} | raw | {"kind": _FILE}
        return raw

    @field_validator("time_zone")
    @classmethod
    def _known_zone(cls, name: str) -> str:
        return known_zone(name)

    @field_validator("paths")
    @classmethod
    def _absolute(cls, paths: tuple[str, ...]) -> tuple[str, ...]:
        return tuple(map(_absolute, paths))


class JournalSourceOptions(NamedSource):
    """`kind = "journal"`: entries of the systemd journal that fit a facility, a unit or an identifier."""

    kind: Literal["journal"]
    """That it reads the journal."""
    facilities: tuple[str, ...] = ("auth", "authpriv")
    """Syslog facilities by name: programs that log who logs in use these two."""
    units: tuple[str, ...] = ()
    """systemd units, such as ssh.service, whose entries are read whatever their facility."""
    identifiers: tuple[str, ...] = ()
    """Names that programs give themselves in the log, such as sshd, whose entries are read whatever their facility."""
    transports: tuple[Transport, ...] = ()
    """Only entries that came to the journal in one of these ways; all where none is named."""
    directory: Path | None = None
    """A folder of journal files, in place of the machine's own journal."""

    @field_validator("facilities")
    @classmethod
    def _known_facilities(cls, names: tuple[str, ...]) -> tuple[str, ...]:
        if unknown := [name for name in names if name not in FACILITIES]:
            raise ValueError(f"unknown facility {unknown[0]!r}; known are {', '.join(FACILITIES)}")
        return names

    @field_validator("units", "identifiers")
    @classmethod
    def _one_line(cls, names: tuple[str, ...]) -> tuple[str, ...]:
        if any(not name or not name.isprintable() for name in names):
            raise ValueError("a name is empty or has control characters; write it as `journalctl` shows it")
        return names

    @field_validator("directory")
    @classmethod
    def _absolute(cls, directory: Path | None) -> Path | None:
        if directory is not None and not directory.is_absolute():
            raise ValueError(f"{str(directory)!r} is not absolute; begin it with /")
        return directory

    def matches(self, machine: str = "") -> list[str]:
        """Return the matches for journalctl's command line: alternatives with a + between them; none for everything.

        That journald has left out messages is always among them. `machine` is the id of the only machine whose entries
        are wanted; any where it is empty.
        """
        only = [f"_MACHINE_ID={machine}"] if machine else []
        ways = [f"_TRANSPORT={name}" for name in self.transports]
        alternatives = [
            [f"SYSLOG_FACILITY={FACILITIES[name]}" for name in self.facilities],
            [f"_SYSTEMD_UNIT={name}" for name in self.units],
            [f"SYSLOG_IDENTIFIER={name}" for name in self.identifiers],
        ]
        groups = [[*alternative, *ways] for alternative in alternatives if alternative] or [ways]
        if groups != [[]]:
            groups.append([f"MESSAGE_ID={DROPPED}"])
        return [word for at, words in enumerate(groups) for word in (["+"] if at else []) + words + only]


class MachineSourceOptions(NamedSource):
    """`kind = "machine"`: who logs in to this machine, from its journal where it has one, else from its log files."""

    kind: Literal["machine"]
    """That it finds out by itself what the machine has."""
    time_zone: str = "UTC"
    """The time zone of stamps that say none, where there are log files."""

    @field_validator("time_zone")
    @classmethod
    def _known_zone(cls, name: str) -> str:
        return known_zone(name)


def _kind(raw: Any) -> str:
    """Say of which kind a table is; one that says none, or only how lines begin, is of files.

    What names paths and says `kind = "syslog"` was written before there were kinds: it is a file of such lines.
    """
    is_table = isinstance(raw, dict)
    kind = raw.get("kind", _FILE) if is_table else getattr(raw, "kind", _FILE)
    if kind == "syslog" and not (is_table and "paths" in raw):
        return "syslog"
    return _FILE if kind in _FORMATS else str(kind)


SourceOptions = Annotated[
    Annotated[FileSourceOptions, Tag("file")]
    | Annotated[JournalSourceOptions, Tag("journal")]
    | Annotated[MachineSourceOptions, Tag("machine")]
    | Annotated[NatsSourceOptions, Tag("nats")]
    | Annotated[ObjectSourceOptions, Tag("objects")]
    | Annotated[PushSourceOptions, Tag("push")]
    | Annotated[RestSourceOptions, Tag("rest")]
    | Annotated[SqlSourceOptions, Tag("sql")]
    | Annotated[SyslogSourceOptions, Tag("syslog")],
    Discriminator(
        _kind,
        custom_error_type="unknown_kind",
        custom_error_message="there is no such kind of source; "
        'write kind = "file", "journal", "machine", "nats", "objects", "push", "rest", "sql" or "syslog"',
    ),
]
"""A table `[[source]]`, told apart by its `kind`."""


PulledSourceOptions = RestSourceOptions | SqlSourceOptions
"""A source whose lines are asked for."""

ReceivedSourceOptions = NatsSourceOptions | PushSourceOptions | SyslogSourceOptions
"""A source whose lines others hand over."""

PlacedSource = (
    FileSourceOptions | JournalSourceOptions | ObjectSourceOptions | ReceivedSourceOptions | PulledSourceOptions
)
"""A source that says where its lines are."""


def pulled_among(sources: Iterable[PlacedSource]) -> list[PulledSourceOptions]:
    """Return the sources whose lines are asked for."""
    return [source for source in sources if isinstance(source, PulledSourceOptions)]


def files_among(sources: Iterable[PlacedSource]) -> list[FileSourceOptions]:
    """Return the sources that follow files."""
    return [source for source in sources if isinstance(source, FileSourceOptions)]
