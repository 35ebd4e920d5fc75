"""Writes a command as plain text for a way that knows no mail: a program, a file, a terminal."""

from __future__ import annotations

from credwatch.kernel.clock import rfc3339
from credwatch.kernel.command import Command
from credwatch.outbox.email.render import Renderer


def plain_text(renderer: Renderer, command: Command) -> str:
    """Write subject, moment and words of a command; raises TemplateError where a template is broken."""
    words = renderer.words(command)
    return f"credwatch: {words.subject}\n{rfc3339(command.created_at)}  {command.id}\n\n{words.text}"
