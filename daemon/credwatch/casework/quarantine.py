"""The operators' view of lines that nothing read: their shapes, a draft of the pack they lack, what is read by now."""

from __future__ import annotations

from typing import Any

import polars as pl

from credwatch.authoring.drafting import draft_of
from credwatch.authoring.shapes import Shape, shapes_of
from credwatch.casework.casebook import Casebook
from credwatch.kernel.clock import rfc3339
from credwatch.parse.secrets.redact import redact_lines
from credwatch.pipeline.again import read_again
from credwatch.store.state.unparsed import UnparsedLine, unparsed_lines


class Quarantine(Casebook):
    """Groups kept lines and drafts packs for them; use it in a `with` block."""

    def shapes(self, source: str = "") -> list[Shape]:
        """Return the shapes of the kept lines, of one source or of all, those of which there are most first."""
        return shapes_of([line for line in self._lines() if source in ("", line.source)])

    def draft(self, id_: str) -> str | None:
        """Return the draft of a pack for a shape as YAML; None where no shape has that id. Raises NoDraft."""
        shape = next((shape for shape in self.shapes() if shape.id == id_), None)
        knowledge = self._knowledge()
        return None if shape is None else draft_of(shape, knowledge.packs, knowledge.formats)

    def again(self) -> tuple[int, int]:
        """Say how many lines are kept, and how many of them the packs would read by now."""
        lines, knowledge = self._lines(), self._knowledge()
        return len(lines), len(read_again(lines, knowledge.packs, knowledge.formats).ids)

    def _lines(self) -> list[UnparsedLine]:
        with self._database.reading() as connection:
            return unparsed_lines(connection)


def described_shape(shape: Shape) -> dict[str, Any]:
    """Return a shape as JSON values, with its latest line for an example, secrets masked by the present rules."""
    example = redact_lines(pl.DataFrame({"line": [shape.lines[-1].line]}))["line"][0]
    return {
        "id": shape.id,
        "count": len(shape.lines),
        "program": shape.program,
        "reason": shape.reason,
        "shape": shape.text,
        "sources": list(shape.sources),
        "first": rfc3339(shape.first),
        "last": rfc3339(shape.last),
        "example": example,
    }
