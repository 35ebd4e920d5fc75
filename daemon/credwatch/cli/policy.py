"""`credwatch policy`: the profiles of rules for passwords and second factors, and what a change of them would do."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated

import typer
from msgspec import to_builtins

from credwatch.cli.options import DEFAULT_CONFIG, ConfigOption, JsonOption
from credwatch.cli.output import ExitCode, print_error, print_json, say, told_plainly
from credwatch.kernel.clock import system_clock

if TYPE_CHECKING:
    from credwatch.policy.dry_run import Difference, Shortfall
    from credwatch.policy.profile import PolicyProfile

policy_app = typer.Typer(help="Rules for passwords and second factors.", no_args_is_help=True)


@policy_app.command("list")
def list_profiles(config: ConfigOption = DEFAULT_CONFIG, as_json: JsonOption = False) -> None:
    """List the profiles, and mark those that hold for somebody."""
    with told_plainly():
        from credwatch.app.policies import names_in_use, policies_of
        from credwatch.app.settings import load_settings

        settings = load_settings(config)
        policies, used = policies_of(settings), names_in_use(settings)
    for name, profile in policies.profiles.items():
        if as_json:
            facts = {"name": name, "title": profile.title, "version": profile.version}
            print_json(facts | {"edition": profile.edition, "applies": name in used})
        else:
            say(f"{'*' if name in used else ' '} {name:<16} {profile.version}  {profile.title}")


@policy_app.command()
def show(
    name: Annotated[str, typer.Argument(metavar="PROFILE", help="Its name, such as nist-63b-4.")],
    config: ConfigOption = DEFAULT_CONFIG,
    as_json: JsonOption = False,
) -> None:
    """Show a profile, with the text that asks for each number.

    Also what it leaves out.

    Exit code 1 where there is no such profile.
    """
    with told_plainly():
        from credwatch.app.profiles import profiles_of
        from credwatch.app.settings import load_settings

        profile = profiles_of(load_settings(config)).get(name)
    if profile is None:
        print_error(f"no profile {name}; `credwatch policy list` names them")
        raise typer.Exit(ExitCode.NO)
    if as_json:
        print_json(profile.model_dump(mode="json") | {"name": name, "version": profile.version})
        return
    for line in _words(name, profile):
        say(line)


@policy_app.command()
def diff(
    old: Annotated[str, typer.Argument(metavar="OLD", help="A profile's name, or a file.")],
    new: Annotated[str, typer.Argument(metavar="NEW", help="A profile's name, or a file.")],
    customer: Annotated[str | None, typer.Option(help="Only this customer's accounts.")] = None,
    config: ConfigOption = DEFAULT_CONFIG,
    as_json: JsonOption = False,
) -> None:
    """Say who would newly not comply with another profile.

    NEW takes the place of OLD, rule by rule; nothing is changed.

    The accounts are those of users.toml and staff.toml whom OLD holds for; all of them where it holds for nobody.

    Exit code 1 where somebody would newly not comply.
    """
    with told_plainly():
        from credwatch.casework.policy_book import tried

        count, outcome = tried(config, old, new, system_clock(), customer)
    if as_json:
        print_json({"old": old, "new": new, "accounts": count} | to_builtins(outcome))
    else:
        for line in _told(count, outcome):
            say(line)
    if outcome.newly:
        raise typer.Exit(ExitCode.NO)


def _words(name: str, profile: PolicyProfile) -> Iterator[str]:
    facts = {
        "name": name,
        "title": profile.title,
        "edition": profile.edition,
        "version": profile.version,
        "extends": profile.extends,
        "source": f"{profile.source} ({profile.certainty})" if profile.source else "",
        "checked on": str(profile.checked_on or ""),
    }
    yield from (f"{key:<12} {value}" for key, value in facts.items() if value)
    for table, rules in (("password", profile.password), ("mfa", profile.mfa)):
        for key, value in rules.model_dump(exclude={"rules", "forbids"}, mode="json").items():
            shown = ", ".join(value) or "nobody" if isinstance(value, list) and key.endswith("_for") else value
            yield f"{f'{table}.{key}':<30} {shown!s:<20} {rules.rules.get(key, '')}".rstrip()
        if text := rules.rules.get("blocklist"):
            yield f"{f'{table}.blocklist':<30} {'always':<20} {text}"
        yield from (f"{f'{table}.{key}':<30} {'must stay 0':<20} {text}" for key, text in rules.forbids.items())
    yield from (f"left out     {sentence}" for sentence in profile.unsaid)


def _told(count: int, outcome: Difference) -> Iterator[str]:
    yield f"{count} accounts"
    yield from _by_rule("would newly not comply", outcome.newly)
    yield from _by_rule("would comply again", outcome.no_longer)
    for key in outcome.next_password:
        yield f"from the next password on: {key} (no password is kept, so nobody can say whom it concerns)"
    if outcome.unknown:
        yield f"unknown: the age of the password of {len(outcome.unknown)} accounts"


def _by_rule(heading: str, shortfalls: tuple[Shortfall, ...]) -> Iterator[str]:
    for key in dict.fromkeys(it.key for it in shortfalls):
        those = [it for it in shortfalls if it.key == key]
        yield f"{heading}: {len(those)} by {key} ({those[0].rule})"
        for it in those:
            yield f"  {it.account.organization or 'staff':<20} {it.account.user:<30} {it.problem}"
