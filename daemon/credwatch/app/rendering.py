"""Builds what makes messages of commands, from the settings."""

from __future__ import annotations

from credwatch.app.notices import notice_problems
from credwatch.app.settings import Settings
from credwatch.kernel.errors import ProblemsFound
from credwatch.outbox.email.render import MailSender, Renderer
from credwatch.outbox.words.templates import Templates
from credwatch.rules.model import RuleSet


def build_renderer(settings: Settings) -> Renderer:
    """Build what makes messages of commands; raises ConfigurationError or ProblemsFound where words cannot be read."""
    email = settings.outbox.email
    sender = MailSender(email.sender, email.sender_name, email.reply_to)
    return Renderer(Templates(settings.daemon.templates_directory), sender)


def proven_renderer(settings: Settings, rules: RuleSet) -> Renderer:
    """Build one that has shown that it can render all that these rules may send.

    Raises ConfigurationError, or ProblemsFound with file and line of each mistake.
    """
    renderer = build_renderer(settings)
    own = settings.daemon.templates_directory is not None
    if problems := notice_problems(renderer, rules, own_templates=own):
        raise ProblemsFound(problems)
    return renderer
