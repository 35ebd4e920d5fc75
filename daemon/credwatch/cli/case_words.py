"""How a case reads, line by line."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import datetime
from functools import partial
from typing import Any

from credwatch.cli.moments import both_times
from credwatch.kernel.command import LEGAL_REPORT

_ENDS = ("released_at", "met_at", "waived_at", "escalated_at")
_Moment = Callable[[str], str]
"""Writes an RFC 3339 moment as a person reads it."""


def words_of(case: dict[str, Any]) -> Iterator[str]:
    """Put a case into words, line by line, from its JSON values; moments in its time zone with UTC beside them."""
    moment = partial(_moment, zone=case["time_zone"])
    for name, value in (*_facts(case, moment), *_events(case, moment)):
        yield f"{name:<14} {value}"


def _facts(case: dict[str, Any], moment: _Moment) -> Iterator[tuple[str, object]]:
    """Give what an incident is, and when."""
    for name in ("number", "title", "kind", "level", "status", "organization", "subject", "clause"):
        yield name, case[name]
    for name in ("occurred_first", "occurred_last", "recorded_at", "detected_at", "recorded_last", "detected_last"):
        yield name, moment(case[name])
    if case["owner"]:
        yield "owner", case["owner"]
    if case["outcome"]:
        yield "outcome", case["outcome"]
    for words in filter(None, (_history(case), _by_log(case))):
        yield "history", words
    yield from (("secret", _secret(order, moment)) for order in case["secrecy"])
    yield from (("not seen", unseen_words(interval, moment)) for interval in case["unseen"])
    for name in ("accounts", "addresses", "organizations"):
        yield from ((name, value) for value in case[name])
    yield from _lines(case)
    for name, value in case["details"]:
        yield "detail", f"{name} = {value}"


def _secret(order: dict[str, Any], moment: _Moment) -> str:
    """Say which order forbids to tell the customer, or did."""
    words = f"order {order['reference']} of {order['issuer']} ({order['article']})"
    if ended := order.get("lifted_at"):
        people = " and ".join(order["lifted_by"])
        return f"{words} forbade to tell the customer until {moment(ended)}, when {people} ended it"
    return f"{words} forbids to tell the customer; to be reviewed {moment(order['review_at'])}"


def unseen_words(interval: dict[str, str], moment: Callable[[str], str]) -> str:
    """Say of a blind interval what was not seen, why, and when."""
    what = f"source {interval['source']}" if interval["source"] else "all sources"
    until = f"until {moment(interval['ended_at'])}" if interval["ended_at"] else "and it lasts"
    return f"{what} {interval['reason']} since {moment(interval['started_at'])} {until}"


def _lines(case: dict[str, Any]) -> Iterator[tuple[str, object]]:
    """Give the lines that are kept, each with where it stands; the samples of a case that an earlier version kept."""
    lines = case["evidence"]
    if not lines:
        yield from (("line", line) for line in case["lines"])
        return
    # Several detections may rest on the same events: their numbers make no sum.
    of = f" of {case['events']} events" if len(case["detections"]) == 1 else ""
    yield "evidence", f"{len(lines)} log lines kept{of}"
    for line in lines:
        yield "line", f"{line['source']} {line['file']}:{line['position']}  {line['text']}"


def _events(case: dict[str, Any], moment: _Moment) -> Iterator[tuple[str, object]]:
    """Give what was found, what is owed, what was written, and what was decided."""
    titles = {detection["rule"]: detection["title"] for detection in case["found"]}
    for detection in case["found"]:
        yield "detection", f"{moment(detection['opened_at'])}  {detection['title']}, {_counted(detection)}"
    for clock in case["clocks"]:
        yield "clock", _clock(clock, moment)
    for waiting in case["waiting_phases"]:
        yield "clock", _waiting(waiting)
    for message in case["messages"]:
        yield "message", _message(message, moment)
    for step in case["transitions"]:
        by = titles.get(step["by"], step["by"])
        yield "change", f"{moment(step['at'])}  {step['status']} by {by}: {step['why']}"
    for entry in case["entries"]:
        yield "entry", f"{moment(entry['at'])}  {_written(entry, moment)}"


def _counted(detection: dict[str, Any]) -> str:
    version = detection["rule_version"][:12]
    return f"{detection['count']} counted" + (f", rule {detection['rule']} version {version}" if version else "")


def _message(message: dict[str, Any], moment: _Moment) -> str:
    first = f"{message['workflow']} to {message['recipient']}: {message['state']}"
    accepted = f"accepted {moment(message['accepted_at'])}" if message["accepted_at"] else ""
    return "  ".join(filter(None, (first, accepted, message["last_reason"])))


def _history(case: dict[str, Any]) -> str:
    """Say that a case is history, and what that means for those concerned; empty where it is not."""
    if not case["history"]:
        return ""
    waits = any(message["state"] == "held" for message in case["messages"])
    return "read long after it happened" + ("; its messages wait: release or close it" if waits else "")


def _by_log(case: dict[str, Any]) -> str:
    return "kept by an earlier version: recorded and detected are the log's time" if case["timed_by_log"] else ""


def _clock(clock: dict[str, Any], moment: _Moment) -> str:
    ends = [f"{name.removesuffix('_at')} {moment(clock[name])}" for name in _ENDS if clock[name]]
    state = ", ".join(ends) or ("held" if clock["held"] else "running")
    began = f"{clock['starts']} {moment(clock['started_at'])}"
    words = f"{_duty(clock)} {clock['organization']}: {began}, due {moment(clock['due_at'])}: {state}"
    facts = {"under": clock["reference"], "late:": clock["late_reason"]}
    return " ".join([words, *(f"{name} {value}" for name, value in facts.items() if value)])


def _duty(clock: dict[str, Any]) -> str:
    """Name what is owed: the messages of the contract's duties, of laws the phase, and to whom."""
    if clock["workflow"] != LEGAL_REPORT:
        return str(clock["workflow"])
    return f"{clock['regime']}/{clock['phase']} to {clock['addressee']}"


def _waiting(phase: dict[str, str]) -> str:
    """Say of a phase whose clock has not started what it waits for, and when it is owed."""
    after = f" of {phase['after']}" if phase["after"] else ""
    owed = f"; owed where: {phase['threshold']}" if phase["threshold"] else ""
    first = f"{phase['regime']}/{phase['phase']} {phase['organization']}".rstrip()
    return f"{first}: waits for {phase['starts']}{after}, then {phase['wording']}{owed}"


def _written(entry: dict[str, Any], moment: _Moment) -> str:
    """Write what somebody did or heard, from the entry's JSON values: kind, person, facts, words."""
    first = f"{entry['kind']} by {entry['by']}"
    if entry.get("owner"):
        first = f"assigned to {entry['owner']} by {entry['by']}"
    facts = [*_said(entry["answer"], moment)] if entry.get("answer") else []
    facts += [*_decided(entry["assessment"])] if entry.get("assessment") else []
    facts += [_of_order(entry["secrecy"])] if entry.get("secrecy") else []
    facts += [*_stated(entry["stated"])] if entry.get("stated") else []
    facts += [*_when(entry, moment)] if entry.get("moment") else []
    facts += [_task(entry["task"], moment)] if entry.get("task") else []
    facts += [f"{it['name']} ({it['size']} bytes, SHA-256 {it['sha256']})" for it in entry.get("files", ())]
    facts += [f"for {entry['customer']}"] if entry.get("customer") else []
    words = [entry["text"]] if entry.get("text") else []
    return ": ".join(filter(None, (first, ", ".join([*facts, *words]))))


def _of_order(step: dict[str, Any]) -> str:
    """Say what one of two people said of an order."""
    what = "is over" if step.get("lifts") else "forbids to tell the customer"
    first = step.get("confirms", "")
    return f"order {step['order']['reference']} {what}, " + (f"as {first} proposed" if first else "proposed")


def _decided(assessment: dict[str, Any]) -> Iterator[str]:
    """Give the facts of a decision: what was decided of which law, and whether it holds yet."""
    about = assessment["about"]
    yield f"{'/'.join(filter(None, (about['regime'], about['phase'])))}"
    if assessment["notifiable"]:
        yield "notifiable"
    else:
        first = assessment.get("confirms", "")
        yield f"not notifiable, as {first} proposed" if first else "not notifiable, proposed"


def _task(task: dict[str, Any], moment: _Moment) -> str:
    """Give a task: what, who, by when."""
    due = f", due {moment(task['due_at'])}" if task.get("due_at") else ""
    return f"{task['id']} {task['what']} by {task['owner']}{due}"


def _stated(stated: dict[str, Any]) -> Iterator[str]:
    """Give the answer to a form's question."""
    yield f"{stated['question']} = {stated['value'] or stated.get('state', '')}"


def _when(entry: dict[str, Any], moment: _Moment) -> Iterator[str]:
    """Give the facts of a moment: which, when, of which phase, under which number, and why so late."""
    noted = entry["moment"]
    yield f"{noted['moment']} {moment(noted['at'])}"
    if about := noted.get("about"):
        yield f"of {about['regime']}/{about['phase']}"
    for name, words in (("reference", "under"), ("late_reason", "late:")):
        if entry.get(name):
            yield f"{words} {entry[name]}"


def _said(answer: dict[str, Any], moment: _Moment) -> list[str]:
    """List the facts of an answer: who said what, by which way, when, under which number."""
    party, way = answer.get("party", ""), answer.get("way", "")
    facts = [answer.get("statement") or "", f"from {party}" if party else "", f"by {way}" if way else ""]
    if spoken_at := answer.get("spoken_at"):
        facts.append(f"on {moment(spoken_at)}")
    if reference := answer.get("reference"):
        facts.append(f"reference {reference}")
    return [fact for fact in facts if fact]


def _moment(text: str, zone: str) -> str:
    return both_times(datetime.fromisoformat(text), zone)
