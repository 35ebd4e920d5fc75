"""Builds what the daemon works with from its settings and registers, and finds every problem on the way."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from pathlib import Path
from typing import TypeVar

from msgspec.structs import replace

from credwatch.app.databases import open_databases
from credwatch.app.enforcement import build_enforcement
from credwatch.app.profiles import profiles_of, shipped_profiles
from credwatch.app.regimes import applied, contract_of, regimes_of, shipped_regimes
from credwatch.app.settings import RegimesOptions, Settings, microseconds
from credwatch.app.sources import formats_of
from credwatch.detect.plan import plan_for
from credwatch.detect.windows.windows import Caps
from credwatch.enrich.enrich import Enricher
from credwatch.enrich.habits.profiles import Learning
from credwatch.enrich.stateless.authorisation import ACTIONS_DUE
from credwatch.enrich.stateless.networks import Networks
from credwatch.enrich.stateless.places import AddressDatabases, Places
from credwatch.kernel.canary import CANARY
from credwatch.kernel.errors import ConfigurationError, CredwatchError, Problem, ProblemsFound
from credwatch.kernel.pack import PackSet
from credwatch.kernel.resources import shipped
from credwatch.kernel.secret import Secret
from credwatch.kernel.thresholds import Thresholds
from credwatch.pipeline.pipeline import Knowledge
from credwatch.policy.policies import Policies
from credwatch.policy.profile import PolicyProfile
from credwatch.posture.judging import AccountRule
from credwatch.rules.logsource import LogSources, load_logsources, shipped_logsources
from credwatch.rules.model import RuleSet
from credwatch.rules.packs.packs import load_packs
from credwatch.rules.sigma.sigma import read_rules
from credwatch.workflows.facts import Contact, Duties, Facts, Ground, Operators, Recipients, Role, Vendor
from credwatch.world.authorisations import read_authorisations
from credwatch.world.calendars import WorkingCalendar, read_days
from credwatch.world.customers import Customer, read_customers
from credwatch.world.exemptions import read_exemptions
from credwatch.world.networks import read_networks
from credwatch.world.owners import Owners
from credwatch.world.people import People
from credwatch.world.register import Registers, check_registers
from credwatch.world.staff import Staff, read_staff
from credwatch.world.users import read_users

T = TypeVar("T")
REGISTERS = (
    *("customers.toml", "users.toml", "staff.toml", "authorisations.toml", "networks.toml", "holidays.toml"),
    "exemptions.toml",
)
"""The files of the registers' folder."""


class Gathering:
    """Problems gathered while building: everything is tried, so that one run names them all."""

    def __init__(self) -> None:
        self.problems: list[Problem] = []

    def attempt(self, build: Callable[[], T], otherwise: T) -> T:
        """Return what `build` gives, or `otherwise` where it fails, with its problems noted."""
        try:
            return build()
        except ProblemsFound as error:
            self.problems.extend(error.problems)
        except CredwatchError as error:
            self.problems.append(Problem.of(error))
        return otherwise


def build_knowledge(
    settings: Settings, *, notice_key: Secret, rules: RuleSet | None = None, packs: PackSet | None = None
) -> Knowledge:
    """Build everything that a reload replaces; raises ProblemsFound with every problem at once.

    `rules` and `packs` are those of the settings where none are given.
    """
    gathering = Gathering()
    knowledge = gather_knowledge(settings, notice_key, gathering, rules, packs)
    if gathering.problems:
        raise ProblemsFound(gathering.problems)
    return knowledge


def gather_knowledge(
    settings: Settings,
    notice_key: Secret,
    gathering: Gathering,
    rules: RuleSet | None = None,
    packs: PackSet | None = None,
) -> Knowledge:
    """Build as much as can be built, and note the problems of the rest."""
    profiles = _profiles(settings, gathering)
    registers = _registers(settings, gathering, profiles)
    if packs is None:
        packs = gathering.attempt(lambda: packs_of(settings), PackSet(()))
    if rules is None:
        rules = _rules(settings, gathering)
    places = _places(settings, registers, gathering)
    facts = _facts(settings, registers, notice_key, gathering)
    return Knowledge(
        packs=packs,
        enricher=Enricher(
            registers,
            {name: profile.mfa.required_for for name, profile in profiles.items()},
            settings.staff_profile,
            places,
        ),
        rules=rules,
        facts=replace(facts, enforcement=build_enforcement(settings, registers, places.kind_of)),
        policies=Policies(profiles, registers, settings.staff_profile, settings.staff_role_profiles),
        service_ended={it.id: it.service_ended for it in registers.customers if it.service_ended is not None},
        formats=formats_of(settings),
        lateness_us=longest_lateness_us(settings),
        clock_skew=settings.detection.clock_skew,
        history_after=settings.detection.history_after,
        caps=Caps(settings.detection.window_rows, settings.detection.window_rows_per_customer),
        learning=_learning(settings),
    )


def known_facts(settings: Settings) -> Facts:
    """Return what registers and regimes tell, for showing: what cannot be read is left out, nothing can be signed."""
    return _unsigned_facts(settings, Gathering())


def sound_facts(settings: Settings) -> Facts:
    """Return what registers and regimes tell, without the rules and a key to sign with; raises ProblemsFound."""
    gathering = Gathering()
    facts = _unsigned_facts(settings, gathering)
    if gathering.problems:
        raise ProblemsFound(gathering.problems)
    return facts


def read_registers(settings: Settings) -> Registers:
    """Read every register; raises ProblemsFound."""
    gathering = Gathering()
    registers = _registers(settings, gathering, _profiles(settings, gathering))
    if gathering.problems:
        raise ProblemsFound(gathering.problems)
    return registers


def _unsigned_facts(settings: Settings, gathering: Gathering) -> Facts:
    return _facts(settings, _registers(settings, gathering, _profiles(settings, gathering)), Secret(""), gathering)


def longest_lateness_us(settings: Settings) -> int:
    """Return how late a line of any source may come, microseconds: windows are kept for so long."""
    own = (source.lateness for source in settings.source if source.lateness is not None)
    return microseconds(max((settings.detection.lateness, *own)))


def _places(settings: Settings, registers: Registers, gathering: Gathering) -> Places:
    """Open the databases anew, so that a reload takes up files that were replaced."""
    databases = gathering.attempt(lambda: open_databases(settings.enrichment), AddressDatabases())
    path = shipped("config") / "networks.toml"
    return Places(databases, Networks(registers.networks, read_networks(path.read_text("utf-8"), str(path))))


def _learning(settings: Settings) -> Learning:
    options = settings.enrichment
    return Learning(options.learning, options.learning_logins, options.forget_after, options.most_accounts)


def packs_of(settings: Settings) -> PackSet:
    """Load the shipped log packs and the operator's; raises ProblemsFound."""
    own = [*_of_canaries(settings, "packs"), *settings.daemon.packs_directories]
    return load_packs([shipped("rules") / "packs", *own])


def _of_canaries(settings: Settings, folder: str) -> list[Path]:
    """Name the folder of the rule, or of the pack, that canaries alone need, where there are any."""
    return [shipped("rules") / CANARY / folder] if settings.canary.address else []


def rule_folders(settings: Settings) -> list[Path]:
    """Return the folders that rules are read from: the shipped ones, then the operator's."""
    own = [shipped("rules") / name for name in ("detections", "correlations", "filters")]
    return [*own, *_of_canaries(settings, "rules"), *settings.daemon.rules_directories]


def logsources_of(settings: Settings) -> LogSources:
    """Read the operator's log sources, then the shipped ones; raises ProblemsFound with everything that is wrong."""
    own = load_logsources(settings.daemon.rules_directories)
    return LogSources((*own.entries, *shipped_logsources().entries))


def rules_in(paths: Sequence[Path], settings: Settings) -> tuple[RuleSet, list[Problem]]:
    """Read the rules of files and folders, and what is wrong with them, alike for the daemon and the tools."""
    gathering = Gathering()
    logsources = gathering.attempt(lambda: logsources_of(settings), None)
    rules, problems = read_rules(paths, settings.placeholders, logsources, thresholds_of(settings))
    return rules, [*gathering.problems, *problems]


def thresholds_of(settings: Settings) -> Thresholds:
    """Gather what settings and the register of customers say; what is wrong with the register is told elsewhere."""
    path = settings.daemon.registers_directory / "customers.toml"
    nobody: tuple[Customer, ...] = ()
    customers = Gathering().attempt(lambda: _read(path, read_customers, nobody), nobody)
    return Thresholds(
        general=settings.detection.thresholds,
        customers={customer.id: customer.thresholds for customer in customers if customer.thresholds},
        sources={source.id: source.thresholds for source in settings.source if source.thresholds},
    )


def _rules(settings: Settings, gathering: Gathering) -> RuleSet:
    """Read the rules of the settings, and make sure that they can be followed."""
    for folder in settings.daemon.rules_directories:
        if not folder.is_dir():
            gathering.problems.append(Problem(str(folder), "the folder of rules does not exist", "create it"))
    rules, problems = rules_in(rule_folders(settings), settings)
    gathering.problems.extend(problems)
    gathering.attempt(lambda: plan_for(rules, lateness_us=longest_lateness_us(settings)), None)
    return rules


def _profiles(settings: Settings, gathering: Gathering) -> Mapping[str, PolicyProfile]:
    nothing: Mapping[str, PolicyProfile] = {}
    return gathering.attempt(lambda: profiles_of(settings), nothing) or shipped_profiles()


def _registers(settings: Settings, gathering: Gathering, profiles: Collection[str]) -> Registers:
    folder = settings.daemon.registers_directory
    known_before = len(gathering.problems)

    def read(name: str, reader: Callable[[str, str], T], otherwise: T) -> T:
        return gathering.attempt(lambda: _read(folder / name, reader, otherwise), otherwise)

    registers = Registers(
        customers=read("customers.toml", read_customers, ()),
        users=read("users.toml", read_users, ()),
        staff=read("staff.toml", read_staff, Staff()),
        authorisations=read("authorisations.toml", read_authorisations, ()),
        networks=read("networks.toml", read_networks, ()),
        days=read("holidays.toml", read_days, ()),
        exemptions=read("exemptions.toml", read_exemptions, ()),
    )
    if len(gathering.problems) == known_before:
        # A register that could not be read would make every reference into it look wrong.
        gathering.problems.extend(
            check_registers(registers, profiles=profiles, actions=ACTIONS_DUE, rules=[*AccountRule])
        )
    return registers


def registers_in(settings: Settings) -> frozenset[str]:
    """Return the registers that are there, by path: one that goes during the run was hardly meant to."""
    folder = settings.daemon.registers_directory
    return frozenset(str(folder / name) for name in REGISTERS if (folder / name).exists())


def _read(path: Path, reader: Callable[[str, str], T], otherwise: T) -> T:
    """Read one register; a file that is not there is an empty one."""
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        return otherwise
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigurationError(
            f"cannot be read: {error}", where=str(path), hint="check that it is UTF-8 and its permissions"
        ) from error
    return reader(text, str(path))


def _facts(settings: Settings, registers: Registers, notice_key: Secret, gathering: Gathering) -> Facts:
    regimes = gathering.attempt(lambda: regimes_of(settings), None)
    some = shipped_regimes() if regimes is None else regimes
    contract = gathering.attempt(lambda: contract_of(settings, some), None)
    contact, vendor, operators, duties = settings.contact, settings.vendor, settings.operators, settings.duties
    return Facts(
        role=Role(settings.daemon.role),
        sender=Contact(contact.name, contact.mailbox, contact.phone, contact.address),
        operators=Operators(operators.addresses, operators.language),
        notice_key=notice_key,
        contract=contract or some[RegimesOptions().contract],
        # Where the operator's own cannot be read, that is told already, and their names would look wrong.
        regimes=gathering.attempt(lambda: applied(settings, registers.customers, regimes), {}) if regimes else {},
        calendar=WorkingCalendar(registers.days),
        recipients={
            customer.id: Recipients(
                customer.id,
                customer.name,
                customer.language,
                customer.notice_addresses,
                phone=customer.phone,
                reserve=customer.reserve_addresses,
                report_token_hashes=customer.report_token_hashes,
            )
            for customer in registers.customers
        },
        vendor=Vendor(vendor.name, vendor.mailbox, vendor.language, vendor.phone, vendor.reserve_mailbox)
        if settings.daemon.role == "customer"
        else None,
        authorisations={
            ground.id: Ground(ground.id, ground.basis, ground.reference, ground.issuer, ground.secrecy)
            for ground in registers.authorisations
        },
        staff=registers.staff,
        duties=Duties(**{name: getattr(duties, name) for name in Duties.__struct_fields__}),
        owner=Owners(registers).customer_of,
        person_of=People(registers).of,
        zone=settings.daemon.time_zone,
        canary=settings.canary.address or "",
    )
