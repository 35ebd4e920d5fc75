"""Writes a filled form as a document: for a lawyer to edit, to send, to copy from, or for another program."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping

from msgspec import to_builtins

from credwatch.casework.answering import FilledForm
from credwatch.casework.word_document import as_docx
from credwatch.kernel.legible import without_invisible
from credwatch.kernel.resources import shipped


def as_json(filled: FilledForm) -> bytes:
    """Write every question with its answer, what it comes from, and how much is known."""
    document = {
        "form": filled.form.id,
        "incident": filled.number,
        "regime": filled.form.regime,
        "phase": filled.form.phase,
        "missing": list(filled.missing),
        "sections": [
            {
                "title": title,
                "answers": [{"label": line.label, "state": "known", **to_builtins(line.answer)} for line in lines],
            }
            for title, lines in filled.sections
        ],
    }
    return (json.dumps(document, ensure_ascii=False, indent=2) + "\n").encode()


def as_sheet(filled: FilledForm) -> bytes:
    """Write the answers in the order of the form, each under its question, to be copied into a form on the web."""
    parts = [" ".join(filled.form.title), filled.note]
    for title, lines in filled.sections:
        parts.append(f"== {title} ==")
        parts += [f"{line.label}\n{without_invisible(line.text)}" for line in lines]
    return ("\n\n".join(parts) + "\n").encode()


def as_pdf(filled: FilledForm) -> bytes:
    """Write a PDF/A-2b with its fonts inside; the same form and answers give the same bytes."""
    import typst  # loaded where a PDF is written: it is 34 MB

    template = shipped("config") / "forms" / "form.typ"
    inputs = {"form": json.dumps(_layout(filled), ensure_ascii=False)}
    pdf: bytes = typst.compile(
        str(template),
        format="pdf",
        sys_inputs=inputs,
        pdf_standards="a-2b",
        ignore_system_fonts=True,
        timestamp=int(filled.at.timestamp()),
    )
    return pdf


def _layout(filled: FilledForm) -> Mapping[str, object]:
    """Give the template all that it lays out."""
    form = filled.form
    return {
        **{name: getattr(form, name) for name in ("language", "number", "place_and_date", "to")},
        **{name: list(getattr(form, name)) for name in ("title", "right", "receivers", "signature")},
        "organisation": without_invisible(filled.organisation),
        "to_label": form.salutation,
        "opening": filled.sentence(form.opening),
        "closing": filled.sentence(form.closing),
        "note": filled.note,
        "sections": [
            {
                "title": title,
                "lines": [
                    {"label": line.label, "text": without_invisible(line.text), "is_open": line.is_open}
                    for line in lines
                ],
            }
            for title, lines in filled.sections
        ],
    }


WRITERS: Mapping[str, Callable[[FilledForm], bytes]] = {
    ".docx": as_docx,
    ".pdf": as_pdf,
    ".json": as_json,
    ".txt": as_sheet,
}
"""What writes a form, by the ending of the file's name."""
