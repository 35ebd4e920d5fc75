"""The operators' view of silences: what one would have hidden, what it has hidden, and its end."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from msgspec import Struct
from msgspec.structs import replace
from sqlalchemy import Connection

from credwatch.casework import change_keeping
from credwatch.casework.casebook import Casebook
from credwatch.incidents.silencing import is_meant, needs_second
from credwatch.kernel.clock import rfc3339
from credwatch.kernel.criteria import Criteria
from credwatch.kernel.detection import ABOUT_STAFF, Detection
from credwatch.kernel.errors import CredwatchError
from credwatch.kernel.ids import stable_id
from credwatch.kernel.silence import LONGEST, Silence
from credwatch.ledger.entry import Act, ActKind
from credwatch.store import audit, staff_changes
from credwatch.store.cases import incidents, silences
from credwatch.world.staff_changes import Edit


class SilenceRefused(CredwatchError):
    """A silence may not be made or ended so."""


class Foresight(Struct, frozen=True):
    """What a silence would have hidden."""

    hidden: tuple[Detection, ...]
    """The detections that it would have kept from opening an incident, the latest first."""
    exceptions: tuple[Detection, ...]
    """Those that it means and never hides, for no second person has agreed."""


class Silences(Casebook):
    """Makes, lists and ends silences in a store that a daemon may be using; use it in a `with` block."""

    def foresight(self, silence: Silence, since: datetime) -> Foresight:
        """Return which detections since a moment the silence means; raises SilenceRefused where it may not be made."""
        self._check(silence)
        with self._database.reading() as connection:
            meant = [
                detection for detection in incidents.detections_since(connection, since) if is_meant(silence, detection)
            ]
        exceptions = tuple(detection for detection in meant if needs_second(detection) and not silence.second)
        return Foresight(tuple(detection for detection in meant if detection not in exceptions), exceptions)

    def add(self, silence: Silence) -> None:
        """Begin a silence: the daemon holds the next lines against it. Raises SilenceRefused."""
        self._check(silence)
        with self._database.writing() as connection:
            silences.save_silence(connection, silence)
            meant = {name: value for name in Criteria.__struct_fields__ if (value := getattr(silence, name))}
            until: dict[str, object] = {"silence": silence.id, "expires_at": rfc3339(silence.expires_at)}
            unshared = {**meant, "second": silence.second, "words": silence.why}
            act = Act(silence.starts_at, ActKind.SILENCE_BEGUN, silence.by, details=until, unshared=unshared)
            audit.append(connection, act)
            if silence.second and self._may_hide_staff(silence):
                self._notice(connection, Edit(silence.id, "", _digest(silence), silence.by), silence.starts_at)

    def listed(self, now: datetime, *, everything: bool) -> list[dict[str, Any]]:
        """Return silences as JSON values with what each has hidden; those that are over only where asked for."""
        with self._database.reading() as connection:
            every, counts = silences.all_silences(connection), silences.hidden_by(connection)
        return [
            described(silence, now, counts.get(silence.id, 0))
            for silence in every
            if everything or silence.over_at > now
        ]

    def end(self, id_: str, *, by: str, now: datetime) -> Silence | None:
        """End a silence before its time; None where nobody made it. Raises SilenceRefused where it is over."""
        with self._database.writing() as connection:
            silence = silences.silence(connection, id_)
            if silence is None:
                return None
            if silence.over_at <= now:
                hint = f"it ended at {rfc3339(silence.over_at)}"
                raise SilenceRefused("the silence is over already", where=id_, hint=hint)
            ended = replace(silence, ended_at=now, ended_by=by)
            silences.save_silence(connection, ended)
            audit.append(connection, Act(now, ActKind.SILENCE_ENDED, by, details={"silence": id_}))
            if staff_changes.is_waiting(connection, id_):
                self._notice(connection, Edit(id_, _digest(silence), "", by), now)
        return ended

    def _may_hide_staff(self, silence: Silence) -> bool:
        """Say whether it may hide acts of staff: it names no rule, or one about them."""
        rule = self._knowledge().rules.by_id().get(silence.rule)
        return rule is None or rule.consequence.incident in ABOUT_STAFF

    def _notice(self, connection: Connection, edit: Edit, now: datetime) -> None:
        """Have two people confirm it, as they do a register of staff: the second name is proven by nothing yet."""
        audited = self._settings.audit
        within = audited.confirm_within if audited.second_person else None
        change_keeping.notice(connection, [edit], self._facts(), now, within)

    def _check(self, silence: Silence) -> None:
        """Raise SilenceRefused for what no silence may be."""
        if not silence.names_something:
            raise SilenceRefused("it names nothing, and would hide everything", where="silence", hint=_NAME_SOMETHING)
        if not silence.why.strip():
            raise SilenceRefused("a reason is missing", where="--why", hint="say why in a few words")
        if not silence.starts_at < silence.expires_at <= silence.starts_at + LONGEST:
            raise SilenceRefused(f"it must end within {LONGEST.days} days", where="--for", hint="make it anew then")
        if silence.second.casefold() == silence.by.casefold():
            raise SilenceRefused("the second person is the first one", where="--second", hint="name somebody else")
        self._check_names(silence)

    def _check_names(self, silence: Silence) -> None:
        """Raise SilenceRefused where a rule or customer is none."""
        knowledge = self._knowledge()
        rule = knowledge.rules.by_id().get(silence.rule)
        if silence.rule and rule is None:
            raise SilenceRefused(f"no rule has the id {silence.rule}", where="--rule", hint="`rules explain` names ids")
        if silence.customer and silence.customer not in knowledge.facts.recipients:
            hint = "write its id as in customers.toml"
            raise SilenceRefused(f"no customer has the id {silence.customer}", where="--customer", hint=hint)


_NAME_SOMETHING = "give --rule, --account, --address, --customer or --host"


def _digest(silence: Silence) -> str:
    """Name what a silence hides, whoever ends it and when."""
    return stable_id("silence", silence.id)


def described(silence: Silence, now: datetime, hidden: int) -> dict[str, Any]:
    """Return a silence as JSON values."""
    state = "ended" if silence.ended_at else "expired" if silence.expires_at <= now else "running"
    names = ("id", *Criteria.__struct_fields__, "by", "second", "why", "ended_by")
    return {
        **{name: getattr(silence, name) for name in names},
        "starts_at": rfc3339(silence.starts_at),
        "expires_at": rfc3339(silence.expires_at),
        "ended_at": rfc3339(silence.ended_at) if silence.ended_at else "",
        "state": state,
        "hidden": hidden,
    }
