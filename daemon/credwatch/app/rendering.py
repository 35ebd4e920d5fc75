"""Builds what makes messages of commands, from the settings."""

from __future__ import annotations

from credwatch.app.settings import Settings
from credwatch.outbox.email.render import MailSender, Renderer
from credwatch.outbox.words.templates import Templates


def build_renderer(settings: Settings) -> Renderer:
    """Build what makes messages of commands; raises ConfigurationError or ProblemsFound where words cannot be read."""
    email = settings.outbox.email
    sender = MailSender(email.sender, email.sender_name, email.reply_to)
    return Renderer(Templates(settings.daemon.templates_directory), sender)
