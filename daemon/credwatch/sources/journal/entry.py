"""One entry of the journal as one line of RFC 5424, under the name of the program that really wrote it.

The fields are those of systemd.journal-fields(7): what begins with an underscore is told by the kernel and journald,
the rest by the program itself, which may tell lies.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import Any

from msgspec import Struct, field

MOST_MESSAGE_BYTES = 1024 * 1024
"""A longer message is cut."""

Value = str | list[Any] | None
"""A field as journalctl writes it in JSON: text; numbers, one for each byte; several values; null."""

_DAEMON, _INFORMATIONAL = 3, 6
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_LATEST = 253_402_300_799_999_999
"""The last microsecond that has a date, in the year 9999."""

_CONTROL = re.compile(rb"[\x00-\x08\x0a-\x1f\x7f]")
_NO_NAME = re.compile(r"[^!-~]")
_NO_VALUE = re.compile(r'["\\\]]')

_ENTERPRISE = "journal@32473"
"""The name of the structured data; 32473 is the number that RFC 5612 keeps for examples, for nobody else's is ours."""

_OF_SYSTEM = ("/usr/", "/bin/", "/sbin/", "/lib", "/opt/", "/nix/store/", "/gnu/store/", "/snap/")
"""Where programs lie that no plain user could have put there."""

_OF_ROOT = re.compile(
    r"(?:sshd|dropbear|sudo|su|runuser|doas|pkexec|polkit|login|systemd-logind|r?login|telnetd|gdm|sddm|lightdm|xrdp|"
    r"cron|atd?|passwd|chpasswd|user(?:add|mod|del)|adduser|group(?:add|mod|del)|unix_chkpwd|auditd?|kernel|systemd)\b.*",
    re.IGNORECASE,
)
"""The names of programs that let people in or change accounts: all of them run as root, whoever calls them."""

_OF_SYSTEMD = ("(systemd)", "(sd-pam)")
"""What systemd calls the process that opens and closes a user's session, which runs as that user."""

_PAM = re.compile(rb"pam_\w+\((?P<service>[^:)]+)")
_REMOTE = re.compile(rb"\brhost=[^\s]")


class Entry(Struct, frozen=True):
    """The fields of an entry that matter here; each may be missing."""

    cursor: str = field(default="", name="__CURSOR")
    realtime: str = field(default="", name="__REALTIME_TIMESTAMP")
    message: Value = field(default=None, name="MESSAGE")
    message_id: Value = field(default=None, name="MESSAGE_ID")
    dropped: Value = field(default=None, name="N_DROPPED")
    priority: Value = field(default=None, name="PRIORITY")
    facility: Value = field(default=None, name="SYSLOG_FACILITY")
    identifier: Value = field(default=None, name="SYSLOG_IDENTIFIER")
    stated_pid: Value = field(default=None, name="SYSLOG_PID")
    pid: Value = field(default=None, name="_PID")
    host: Value = field(default=None, name="_HOSTNAME")
    uid: Value = field(default=None, name="_UID")
    command: Value = field(default=None, name="_COMM")
    executable: Value = field(default=None, name="_EXE")
    unit: Value = field(default=None, name="_SYSTEMD_UNIT")
    boot: Value = field(default=None, name="_BOOT_ID")
    transport: Value = field(default=None, name="_TRANSPORT")

    @property
    def moment(self) -> int:
        """When journald took it, microseconds since the epoch; 0 where it does not say."""
        is_number = self.realtime.isdecimal() and len(self.realtime) <= len(str(_LATEST))
        return min(int(self.realtime), _LATEST) if is_number else 0

    @property
    def dropped_messages(self) -> int:
        """How many messages journald says that it has left out; 1 where it does not say."""
        text = _text(self.dropped)
        return int(text) if text.isdecimal() and len(text) < 10 else 1


FIELDS = tuple(name for name in Entry.__struct_encode_fields__ if not name.startswith("__"))
"""The fields to ask journalctl for; those with two underscores it always gives."""


def line_of(entry: Entry) -> bytes:
    """Write an entry as one line with its newline: an empty one where it has no message.

    The time is that of journald, in UTC. Newlines and other control characters in the message become `#012` and the
    like, as rsyslog writes them, so that no message can forge a second line. A plain user's program that takes the name
    of another is named as what it is, and its message says whose name it took, so that no pattern reads it.
    """
    message = b"#012".join(_bytes(value) for value in _values(entry.message))[:MOST_MESSAGE_BYTES].rstrip(b"\n")
    if not message:
        return b"\n"
    sender = sender_of(entry, message)
    header = (
        f"<{_priority(entry)}>1 {_stamp(entry.moment)} {_name(_text(entry.host))} {_name(sender.name)} "
        f"{sender.pid if sender.pid.isdecimal() else '-'} - {_structured(entry)} {sender.remark}"
    )
    return header.encode("utf-8", "backslashreplace") + _CONTROL.sub(_escaped, message) + b"\n"


class EntrySender(Struct, frozen=True):
    """Who has written an entry."""

    name: str
    """The program."""
    pid: str
    """Its process id; may be empty."""
    remark: str = ""
    """What is to stand before the message, where it is not to be read as one of this program."""


def sender_of(entry: Entry, message: bytes) -> EntrySender:
    """Say who has written an entry, whatever it says of itself."""
    claimed = _text(entry.identifier) or _text(entry.command)
    if _may_be(claimed, entry) and _may_say(claimed, entry, message):
        return EntrySender(claimed, _text(entry.stated_pid) or _text(entry.pid))
    return EntrySender(_real_name(entry), _text(entry.pid), f"[as {_name(claimed)}] ")


def _may_be(claimed: str, entry: Entry) -> bool:
    """Tell whether a program may call itself so: it is root's, or the system's own of that name, or a service's.

    The name of a process can be set by itself, so only the file that it runs counts, and that only where no plain user
    could have put it. A service of the system has the name that its unit gives it, often that of a script; but a web
    server that was broken into is no sshd.
    """
    if _is_privileged(entry):
        return True
    name = claimed.rpartition("/")[2]  # postfix/smtpd
    executable, unit = _executable(entry), _text(entry.unit)
    if _is_of_system(executable):
        file = executable.rpartition("/")[2]
        if name == file or (file.startswith("systemd") and name in _OF_SYSTEMD):
            return True
    is_service = unit.endswith(".service") and not unit.startswith("user@")
    return bool(name) and is_service and (_OF_ROOT.fullmatch(name) is None or unit == f"{name}.service")


def _may_say(name: str, entry: Entry, message: bytes) -> bool:
    """Tell whether PAM may speak out of a program: a plain user's speaks of itself, and of no remote host."""
    match = None if _is_privileged(entry) else _PAM.match(message)
    if match is None:
        return not message.startswith(b"pam_") or _is_privileged(entry)
    service = re.split(r"[-_]", match["service"].decode("utf-8", "replace"))[0]
    return name.startswith(service) and not _REMOTE.search(message)


def _is_privileged(entry: Entry) -> bool:
    return _text(entry.uid) in ("", "0")  # the kernel and journald themselves have none


def _real_name(entry: Entry) -> str:
    """Name the program as the kernel does; one of a user's own has the user before it, for it may be named anything."""
    executable = _executable(entry)
    name = executable.rpartition("/")[2] or _text(entry.command) or "unknown"
    return name if _is_of_system(executable) else f"uid{_text(entry.uid)}:{name}"


def _is_of_system(executable: str) -> bool:
    return executable.startswith(_OF_SYSTEM) and "/../" not in executable


def _executable(entry: Entry) -> str:
    return _text(entry.executable).removesuffix(" (deleted)")  # an upgrade has replaced it


def _structured(entry: Entry) -> str:
    values = (("unit", entry.unit), ("uid", entry.uid), ("exe", entry.executable), ("boot", entry.boot))
    pairs = [f'{name}="{_quoted(text)}"' for name, value in values if (text := _text(value))]
    return f"[{' '.join([_ENTERPRISE, *pairs])}]" if pairs else "-"


def _quoted(text: str) -> str:
    printable = "".join(letter if letter.isprintable() else "?" for letter in text)
    return _NO_VALUE.sub(lambda match: f"\\{match[0]}", printable)


def _priority(entry: Entry) -> int:
    return _number(entry.facility, 23, _DAEMON) * 8 + _number(entry.priority, 7, _INFORMATIONAL)


def _number(value: Value, most: int, otherwise: int) -> int:
    text = _text(value)
    return int(text) if text.isdecimal() and len(text) < 4 and int(text) <= most else otherwise


def _stamp(moment: int) -> str:
    return f"{_EPOCH + timedelta(microseconds=moment):%Y-%m-%dT%H:%M:%S.%fZ}" if moment else "-"


def _name(text: str) -> str:
    """Make a name that RFC 5424 allows where a blank would end it."""
    return _NO_NAME.sub("_", text)[:255] or "-"


def _escaped(match: re.Match[bytes]) -> bytes:
    return b"#%03o" % match[0][0]


def _text(value: Value) -> str:
    """Give a field as text; of several values the first."""
    return next(iter(_values(value)), b"").decode("utf-8", "backslashreplace") if not isinstance(value, str) else value


def _values(value: Value) -> list[bytes]:
    """Give the values of a field as bytes: none, one, or several."""
    if value is None or isinstance(value, str):
        return [_bytes(value)] if value else []
    if _are_bytes(value):
        return [bytes(value)] if value else []
    return [_bytes(part) for part in value if isinstance(part, str) or (isinstance(part, list) and _are_bytes(part))]


def _bytes(value: Any) -> bytes:
    return value.encode("utf-8", "surrogatepass") if isinstance(value, str) else bytes(value or ())


def _are_bytes(value: Iterable[Any]) -> bool:
    return all(isinstance(part, int) and 0 <= part < 256 for part in value)
