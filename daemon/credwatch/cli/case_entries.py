"""How an entry of a case reads on one line."""

from __future__ import annotations

from typing import Any


def written(entry: dict[str, Any]) -> str:
    """Write what somebody did or heard, from the entry's JSON values: kind, person, facts, words."""
    first = f"{entry['kind']} by {entry['by']}"
    if entry.get("owner"):
        first = f"assigned to {entry['owner']} by {entry['by']}"
    facts = [*_said(entry["answer"])] if entry.get("answer") else []
    words = [entry["text"]] if entry.get("text") else []
    return ": ".join(filter(None, (first, ", ".join([*facts, *words]))))


def _said(answer: dict[str, Any]) -> list[str]:
    """List the facts of an answer: who said what, by which way, when, under which number."""
    party, way = answer.get("party", ""), answer.get("way", "")
    facts = [answer.get("statement") or "", f"from {party}" if party else "", f"by {way}" if way else ""]
    if spoken_at := answer.get("spoken_at"):
        facts.append(f"on {spoken_at[:10]} {spoken_at[11:19]} UTC")
    if reference := answer.get("reference"):
        facts.append(f"reference {reference}")
    return [fact for fact in facts if fact]
