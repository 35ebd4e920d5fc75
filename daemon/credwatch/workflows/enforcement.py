"""Enforcement: which measures a detection asks for, by the plans of the configuration; the governor decides on them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from ipaddress import ip_address, ip_network

from msgspec import Struct

from credwatch.kernel.clock import rfc3339
from credwatch.kernel.command import Command, Enforce, Precedence
from credwatch.kernel.detection import Detection, Level
from credwatch.kernel.ids import stable_id
from credwatch.kernel.incident import Incident
from credwatch.kernel.measure import ENFORCEMENT, UNDOABLE, Measure, MeasureAction
from credwatch.workflows.governor import Governor

_ONE_HOST_OF_SIX = 64


class EnforcementPlan(Struct, frozen=True):
    """One `[[enforcement.plan]]`: on which incidents which measures are taken."""

    name: str
    """What it is called."""
    actions: tuple[MeasureAction, ...]
    """What is done, in this order."""
    channel: str
    """The name of the channel that carries it out."""
    incidents: tuple[str, ...] = ()
    """On which kinds of incidents; empty for all."""
    rules: tuple[str, ...] = ()
    """On detections of which rules, by id; empty for all."""
    level: Level = Level.HIGH
    """From which level of a detection on."""
    customers: tuple[str, ...] = ()
    """For which customers; empty for all."""
    lasts: timedelta = timedelta(hours=1)
    """How long what can be undone lasts the first time."""
    dry: bool = True
    """Whether it is recorded only."""

    def is_meant(self, detection: Detection) -> bool:
        """Say whether a detection asks for its measures."""
        return (
            detection.level >= self.level
            and detection.consequence.incident in (self.incidents or (detection.consequence.incident,))
            and detection.rule_id in (self.rules or (detection.rule_id,))
            and detection.organization in (self.customers or (detection.organization,))
        )


class Enforcement(Struct, frozen=True):
    """What the configuration says of measures."""

    plans: tuple[EnforcementPlan, ...] = ()
    """When which measures are taken."""
    governor: Governor = Governor()
    """What keeps them within bounds."""

    def acts_for(self, organization: str) -> bool:
        """Say whether a plan may do something about a customer's accounts, and not merely record that it would."""
        return any(not plan.dry and organization in (plan.customers or (organization,)) for plan in self.plans)


def _nobody(_account: str) -> str:
    return ""


def proposals(
    detection: Detection,
    incident: Incident,
    plans: tuple[EnforcementPlan, ...],
    now: datetime,
    owner: Callable[[str], str] = _nobody,
) -> Iterator[Measure]:
    """Give the measures that plans ask for against what a detection is about; none is decided on yet.

    An account is what the detection is about, or the only one that it names: what else stands in its events may have
    been typed by a stranger. A ban is against every address that it names. IPv6 is banned by /64, which is what one
    host gets (RFC 6177; RFC 7421).
    """
    for plan in plans:
        if not plan.is_meant(detection):
            continue
        for action in plan.actions:
            for target in _targets(action, detection):
                organization = owner(target) or detection.organization
                yield Measure(
                    id=stable_id("measure", plan.name, action, target, organization, detection.id),
                    plan=plan.name,
                    action=action,
                    channel=plan.channel,
                    target=target,
                    organization=organization,
                    incident=incident.number,
                    kind=incident.kind,
                    detection=detection.id,
                    title=detection.title,
                    proposed_at=now,
                    lasts=plan.lasts if action in UNDOABLE else timedelta(),
                    dry=plan.dry,
                )


def _targets(action: MeasureAction, detection: Detection) -> tuple[str, ...]:
    if action is MeasureAction.BAN_ADDRESS:
        return tuple(dict.fromkeys(block for address in detection.addresses if (block := _block(address))))
    subject = detection.subject
    if subject and not _block(subject):
        return (subject,)
    return detection.accounts if len(detection.accounts) == 1 else ()


def _block(address: str) -> str:
    """Write an address as the block that is banned; empty where it is none."""
    try:
        place = ip_address(address.partition("%")[0])
    except ValueError:
        return ""
    if place.version == 4:
        return str(place)
    if place.ipv4_mapped is not None:
        return str(place.ipv4_mapped)
    return str(ip_network((place, _ONE_HOST_OF_SIX), strict=False))


def carry_out(measure: Measure, now: datetime) -> Command:
    """Write the command that carries a measure out."""
    return _command(measure, measure.do_id, now, undo=False)


def take_back(measure: Measure, now: datetime) -> Command:
    """Write the command that undoes a measure."""
    return _command(measure, measure.undo_id, now, undo=True)


def _command(measure: Measure, identity: str, now: datetime, *, undo: bool) -> Command:
    facts: dict[str, object] = {
        "measure": measure.id,
        "undo": undo,
        "target": measure.target,
        "organization": measure.organization,
        "incident": measure.incident,
        "kind": measure.kind,
        "why": measure.undone_why if undo else measure.title,
        "plan": measure.plan,
        "lasts_seconds": int(measure.lasts.total_seconds()),
        "until": rfc3339(measure.until) if measure.until else "",
    }
    facts |= {"before": measure.before} if undo and measure.before else {}
    return Command(
        id=identity,
        payload=Enforce(measure.channel, (), measure.action.value, facts),
        workflow=ENFORCEMENT,
        incident=measure.incident,
        organization=measure.organization,
        created_at=now,
        precedence=Precedence.LAW,
    )
