"""Everything that `run` would find wrong, found at once and without changing anything."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from credwatch.app import keys
from credwatch.app.build import Gathering, gather_knowledge, logsources_of, read_registers
from credwatch.app.delivery import build_channels, build_fallback
from credwatch.app.notices import covered_problems, notice_problems
from credwatch.app.policies import policy_problems
from credwatch.app.regimes import regime_doubts
from credwatch.app.rendering import build_renderer
from credwatch.app.settings import Settings, load_settings
from credwatch.app.sharing import shared_files
from credwatch.app.sources import configured_sources, followed_sources, format_of
from credwatch.app.telephones import telephone_problems
from credwatch.checks.breached import corpus_problems
from credwatch.checks.emptiness import emptiness_problems
from credwatch.checks.followable import source_problems
from credwatch.checks.inbox import imap_problems
from credwatch.checks.journal import journal_problems
from credwatch.checks.listening import listening_problems
from credwatch.checks.mail import mail_problems
from credwatch.checks.permissions import permission_problems
from credwatch.checks.pulled import pulled_problems, secret_problems
from credwatch.checks.rehearsing import rehearsal_problems
from credwatch.checks.salvage import salvaged
from credwatch.checks.streams import stream_problems
from credwatch.checks.ways import way_problems
from credwatch.kernel.clock import system_clock
from credwatch.kernel.errors import CredwatchError, Problem, Severity
from credwatch.kernel.resources import shipped
from credwatch.kernel.secret import Secret
from credwatch.outbox.email.render import Renderer
from credwatch.parse.samples import sample_problems
from credwatch.pipeline.pipeline import Knowledge
from credwatch.policy.blocklist import load_blocklist
from credwatch.policy.sealing import Sealer
from credwatch.rules.reach import out_of_reach, unknown_packs
from credwatch.rules.sigma.filters import expired, muting
from credwatch.sources.certificates import ending_problems, listeners


def check_everything(config: Path, *, online: bool = False) -> list[Problem]:
    """Return every problem of a settings file and of all that it names; empty where `run` would start.

    Where the settings have mistakes, the rest of them still leads to registers, rules, sources and templates. With
    `online` mail servers, services, databases and streams are asked too, which takes some seconds where one is dead.
    """
    gathering = Gathering()
    settings = gathering.attempt(lambda: load_settings(config), None) or salvaged(config)
    if settings is None:
        return gathering.problems
    knowledge = gather_knowledge(settings, Secret("check"), gathering)
    gathering.problems.extend(sample_problems(knowledge.packs))
    gathering.problems.extend(_reach(settings, knowledge))
    gathering.problems.extend(muting(knowledge.rules))
    gathering.problems.extend(expired(knowledge.rules, system_clock().date()))
    gathering.problems.extend(emptiness_problems(settings, knowledge, tuple(gathering.problems)))
    gathering.problems.extend(telephone_problems(settings, knowledge))
    gathering.problems.extend(regime_doubts(settings, knowledge.facts, system_clock().date()))
    gathering.problems.extend(_policies(settings, knowledge, gathering))
    gathering.problems.extend(source_problems(configured_sources(settings)))
    gathering.problems.extend(journal_problems(configured_sources(settings)))
    gathering.problems.extend(secret_problems(configured_sources(settings)))
    gathering.problems.extend(shared_files(followed_sources(settings)))
    gathering.problems.extend(_directories(settings))
    gathering.problems.extend(corpus_problems(settings.gate.corpus))
    gathering.problems.extend(permission_problems(config, settings))
    gathering.problems.extend(listening_problems(settings))
    gathering.problems.extend(ending_problems(listeners(settings.push, settings.source), system_clock()))
    renderer = gathering.attempt(lambda: build_renderer(settings), None)
    _secrets(settings, renderer, gathering)
    if renderer is not None:
        own = settings.daemon.templates_directory
        gathering.problems.extend(notice_problems(renderer, knowledge.rules, own_templates=own is not None))
        folders = [folder for folder in (own, shipped("config") / "templates") if folder]
        gathering.problems.extend(covered_problems(folders, knowledge.rules))
    gathering.problems.extend(rehearsal_problems(settings.rehearsal))
    gathering.problems.extend([*mail_problems(settings), *imap_problems(settings)] if online else ())
    gathering.problems.extend(pulled_problems(configured_sources(settings)) if online else ())
    gathering.problems.extend(stream_problems(configured_sources(settings)) if online else ())
    return gathering.problems


def _reach(settings: Settings, knowledge: Knowledge) -> Iterator[Problem]:
    """Warn of rules that can never match; where packs could not be loaded that is told already."""
    if not knowledge.packs.packs:
        return
    formats = [format_of(source) for source in configured_sources(settings)]
    kinds = {kind for it in formats for kind in (it.kind, *(match.kind or it.kind for match in it.matches))}
    yield from out_of_reach(knowledge.rules, knowledge.packs, json_only=kinds == {"json"})
    with suppress(CredwatchError):  # what is wrong with them was found when the rules were read
        yield from unknown_packs(logsources_of(settings), knowledge.packs)


def _policies(settings: Settings, knowledge: Knowledge, gathering: Gathering) -> Iterator[Problem]:
    """Warn of policies that contradict each other; where registers cannot be read that is told already."""
    if not any(problem.severity is Severity.ERROR for problem in gathering.problems):
        yield from policy_problems(settings, knowledge.policies, read_registers(settings))


def _directories(settings: Settings) -> Iterator[Problem]:
    daemon = settings.daemon
    state = f"daemon.state_directory: {daemon.state_directory}"
    if not daemon.state_directory.is_dir():
        yield Problem(state, "the folder does not exist", "create it for the daemon's user")
    elif not os.access(daemon.state_directory, os.W_OK | os.X_OK):
        yield Problem(state, "the daemon may not write there", "give it to its user")
    for name, folder in (("registers", daemon.registers_directory), ("templates", daemon.templates_directory)):
        if folder is not None and not folder.is_dir():
            hint = "create it, or mend the path; `run` goes on as if it were empty"
            yield Problem(f"daemon.{name}_directory: {folder}", "the folder does not exist", hint, Severity.FAULT)


def _secrets(settings: Settings, renderer: Renderer | None, gathering: Gathering) -> None:
    """Try the keys and the mail server's options, and forget them."""
    gathering.attempt(lambda: Sealer(keys.totp_key()), None)
    gathering.attempt(lambda: load_blocklist(settings.gate.blocklists), None)
    if renderer is None:
        gathering.attempt(lambda: keys.smtp_password(settings), None)
    else:
        gathering.attempt(lambda: build_channels(settings, renderer, system_clock), None)
        gathering.attempt(lambda: build_fallback(settings, renderer, system_clock), None)
    gathering.problems.extend(way_problems(settings.outbox.fallback))
