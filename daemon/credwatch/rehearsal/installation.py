"""The installation as it is configured, with a store, registers and addressees that belong to the rehearsal alone."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

from credwatch.app.build import REGISTERS, read_registers
from credwatch.app.settings import CanaryOptions, Settings
from credwatch.outbox.enforcing.options import EnforcementOptions
from credwatch.store.options import StoreOptions

PLAYED = "credwatch-rehearsal"
"""The id of the customer whom a rehearsal is about; nothing else may have it."""
_DOMAIN = "rehearsal.invalid"
"""A domain that never is anybody's (RFC 2606, section 2): what should slip through reaches nobody."""


def apart(settings: Settings, folder: Path) -> Settings:
    """Return the settings with all that a rehearsal must not touch moved into a folder.

    Rules, packs, regimes, templates, mail server and zones stay those of the installation. Measures and canaries are
    left out. The customer played falls under every law that any customer of the installation falls under.
    """
    registers = folder / "registers"
    registers.mkdir()
    for name in REGISTERS:
        if (path := settings.daemon.registers_directory / name).exists():
            shutil.copyfile(path, registers / name)
    with (registers / "customers.toml").open("a", encoding="utf-8") as file:
        file.write(_played(settings))
    daemon = settings.daemon.model_copy(update={"state_directory": folder, "registers_directory": registers})
    return settings.model_copy(
        update={
            "daemon": daemon,
            "store": StoreOptions(),
            "canary": CanaryOptions(),
            "enforcement": EnforcementOptions(),
            "operators": settings.operators.model_copy(update={"addresses": (f"operators@{_DOMAIN}",)}),
            "vendor": settings.vendor.model_copy(
                update={"mailbox": f"vendor@{_DOMAIN}", "reserve_mailbox": f"vendor-reserve@{_DOMAIN}"}
            ),
        }
    )


def _played(settings: Settings) -> str:
    """Write the entry of the customer played, in TOML, whose strings and lists are JSON's too."""
    regimes = sorted({regime for customer in read_registers(settings).customers for regime in customer.regimes})
    addresses = [f"customer@{_DOMAIN}", f"customer-second@{_DOMAIN}"]
    return (
        f'\n[[customer]]\nid = "{PLAYED}"\nname = "Khách hàng diễn tập (rehearsal)"\n'
        f"notice_addresses = {json.dumps(addresses)}\nregimes = {json.dumps(regimes)}\n"
    )
