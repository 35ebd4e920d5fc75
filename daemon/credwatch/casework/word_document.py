"""Writes a filled form as a .docx that a lawyer can edit; what is open is highlighted."""

from __future__ import annotations

import io
from collections.abc import Iterable
from typing import Any

from credwatch.casework.answering import FilledForm, FilledLine
from credwatch.kernel.legible import without_invisible

_FONT, _SIZE = "Times New Roman", 13
_A4 = (210, 297)
_LEFT, _RIGHT = 30, 20


def as_docx(filled: FilledForm) -> bytes:
    """Write the document."""
    form, document = filled.form, _empty()
    _head(document, filled)
    _centred(document, form.title, bold=True)
    if form.to:
        _centred(document, (f"{form.salutation} {form.to}",))
    _paragraph(document, filled.sentence(form.opening))
    for title, lines in filled.sections:
        _section(document, title, lines)
    _paragraph(document, filled.sentence(form.closing))
    _centred(document, form.signature)
    _paragraph(document, "\n".join(form.receivers))
    document.sections[0].footer.paragraphs[0].text = filled.note
    out = io.BytesIO()
    document.save(out)
    return out.getvalue()


def _empty() -> Any:
    from docx import Document  # loaded where a document is written: it takes a third of a second
    from docx.shared import Mm, Pt

    document: Any = Document()
    page = document.sections[0]
    page.page_width, page.page_height = map(Mm, _A4)
    page.left_margin, page.right_margin = Mm(_LEFT), Mm(_RIGHT)
    style = document.styles["Normal"]
    style.font.name, style.font.size = _FONT, Pt(_SIZE)
    return document


def _head(document: Any, filled: FilledForm) -> None:
    """Write the organisation on the left, and what the form has on the right."""
    table = document.add_table(rows=1, cols=2)
    form = filled.form
    heads = ((filled.organisation.upper(), form.number), (*form.right, form.place_and_date))
    for cell, lines in zip(table.rows[0].cells, heads, strict=True):
        _centre(cell.paragraphs[0])
        cell.paragraphs[0].add_run("\n".join(without_invisible(line) for line in lines if line))


def _section(document: Any, title: str, lines: Iterable[FilledLine]) -> None:
    from docx.enum.text import WD_COLOR_INDEX

    document.add_paragraph().add_run(title).bold = True
    for line in lines:
        paragraph = document.add_paragraph()
        paragraph.add_run(f"{line.label}: ").bold = True
        answer = paragraph.add_run(without_invisible(line.text))
        if line.is_open:
            answer.font.highlight_color = WD_COLOR_INDEX.YELLOW


def _centred(document: Any, lines: Iterable[str], *, bold: bool = False) -> None:
    paragraph = document.add_paragraph()
    _centre(paragraph)
    paragraph.add_run("\n".join(lines)).bold = bold


def _centre(paragraph: Any) -> None:
    from docx.enum.text import WD_ALIGN_PARAGRAPH

    paragraph.alignment = WD_ALIGN_PARAGRAPH.CENTER


def _paragraph(document: Any, text: str) -> None:
    if text:
        document.add_paragraph(without_invisible(text))
