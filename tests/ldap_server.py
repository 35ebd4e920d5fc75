"""An OpenLDAP server for the length of a block: Debian's slapd, a folder of its own, and loopback alone."""

from __future__ import annotations

import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from ldap3 import MODIFY_REPLACE, NONE, Connection, Server

from child_server import PATIENCE, ChildServer, free_ports
from credwatch.directory.place import DirectoryPlace
from credwatch.directory.session import DirectoryError, Leash, a_session
from credwatch.kernel.secret import Secret

BASE = "dc=tanphat,dc=example"
ADMIN, PASSWORD = f"cn=admin,{BASE}", "admin-of-the-tests"
READER, READER_PASSWORD = f"cn=reader,{BASE}", "reader-of-the-tests"
PEOPLE = f"ou=people,{BASE}"
_PROGRAMS = "/usr/sbin:/usr/bin:/usr/local/sbin"

_CONFIGURATION = """
include /etc/ldap/schema/core.schema
include /etc/ldap/schema/cosine.schema
include /etc/ldap/schema/nis.schema
include /etc/ldap/schema/inetorgperson.schema
{foreign}
modulepath /usr/lib/ldap
moduleload back_mdb
moduleload ppolicy
moduleload memberof
pidfile {folder}/pid
argsfile {folder}/args
{tls}
sizelimit {limit}
database mdb
suffix "{base}"
rootdn "{admin}"
rootpw {password}
directory {folder}/data
maxsize 67108864
lastbind on
overlay memberof
overlay ppolicy
ppolicy_default "cn=policy,{base}"
{more}
access to attrs=userPassword by dn.exact="{reader}" read by anonymous auth by * none
access to * by dn.exact="{reader}" read by * none
"""
_TEXT = "EQUALITY caseIgnoreMatch SYNTAX 1.3.6.1.4.1.1466.115.121.1.15"
_NUMBER = "EQUALITY integerMatch SYNTAX 1.3.6.1.4.1.1466.115.121.1.27"
_FOREIGN = {name: _TEXT for name in ("sAMAccountName", "objectCategory", "nsAccountLock", "employeeState")}
_FOREIGN |= dict.fromkeys(
    ("userAccountControl", "pwdLastSet", "lastLogonTimestamp", "accountExpires", "primaryGroupID"), _NUMBER
)
"""Attributes of other servers, which have them by themselves."""
_ENTRIES = f"""
dn: {BASE}
objectClass: domain
dc: tanphat

dn: {PEOPLE}
objectClass: organizationalUnit
ou: people

dn: {READER}
objectClass: applicationProcess
objectClass: simpleSecurityObject
cn: reader
userPassword: {READER_PASSWORD}

dn: cn=policy,{BASE}
objectClass: applicationProcess
objectClass: pwdPolicy
cn: policy
pwdAttribute: userPassword
pwdMustChange: TRUE
pwdLockout: TRUE
"""


def program(name: str = "slapd") -> str | None:
    """Find a program of the server, None where the package is missing."""
    return shutil.which(name, path=_PROGRAMS)


def a_person(name: str, password: str = "", **more: str | list[str]) -> str:
    """Write an entry of LDIF; what is told beside its name and password stands in `more`."""
    facts: dict[str, list[str]] = {"objectClass": ["inetOrgPerson", "user"], "uid": [name], "cn": [name], "sn": [name]}
    facts |= {"userPassword": [password]} if password else {}
    for attribute, values in more.items():
        facts[attribute] = facts.get(attribute, []) + ([values] if isinstance(values, str) else values)
    lines = [f"{attribute}: {value}" for attribute, values in facts.items() for value in values]
    return "\n".join([f"dn: {_dn(name)}", *lines])


class LdapServer(ChildServer):
    """One server, with the entries that it began with."""

    def __init__(self, folder: Path, entries: list[str], tls: tuple[Path, Path] | None, more: str, limit: str) -> None:
        super().__init__(folder)
        self.port, self.tls_port = free_ports(2)
        self._is_tls = tls is not None
        (folder / "data").mkdir()
        files = f"TLSCertificateFile {tls[0]}\nTLSCertificateKeyFile {tls[1]}" if tls else ""
        words = {"folder": folder, "base": BASE, "admin": ADMIN, "password": PASSWORD, "reader": READER, "tls": files}
        words |= {"foreign": "\n".join(_foreign_schema())}
        (folder / "slapd.conf").write_text(_CONFIGURATION.format(**words, more=more, limit=limit))
        (folder / "entries.ldif").write_text("\n\n".join([_ENTRIES.strip(), *entries, ""]))
        command = [_path("slapadd"), "-q", "-f", f"{folder}/slapd.conf", "-l", f"{folder}/entries.ldif"]
        done = subprocess.run(command, capture_output=True, timeout=PATIENCE, check=False)
        assert done.returncode == 0, done.stderr.decode()

    @property
    def url(self) -> str:
        """Where it is asked in the clear."""
        return f"ldap://127.0.0.1:{self.port}"

    def _command(self) -> list[str]:
        places = self.url + (f" ldaps://127.0.0.1:{self.tls_port}" if self._is_tls else "")
        return [_path("slapd"), "-d", "0", "-f", f"{self._folder}/slapd.conf", "-h", places]

    def place(self, **changes: Any) -> DirectoryPlace:
        """Say where it is, as its administrator."""
        return DirectoryPlace.model_validate({"url": self.url, "base": BASE, "bind_name": ADMIN} | changes)

    def told(self, name: str, attribute: str) -> list[str]:
        """Give the values that an attribute of a person has now."""
        with a_session(self.place(), Secret(PASSWORD), Leash(PATIENCE)) as session:
            (entry,) = session.entries(f"(uid={name})", [attribute], 10)
        return entry.texts(attribute)

    def modify(self, name: str, attribute: str, *values: str) -> None:
        """Give a person's attribute these values; none is left where there are none."""
        with self._administrator() as connection:
            assert connection.modify(_dn(name), {attribute: [(MODIFY_REPLACE, list(values))]}), connection.result

    def delete(self, name: str) -> None:
        """Delete a person."""
        with self._administrator() as connection:
            assert connection.delete(_dn(name)), connection.result

    def lets_in(self, name: str, password: str) -> bool:
        """Say whether a person may log in."""
        return bool(Connection(Server(self.url, get_info=NONE), _dn(name), password).bind())

    def _administrator(self) -> Any:
        return Connection(Server(self.url, get_info=NONE), ADMIN, PASSWORD, auto_bind=True)

    def _answers(self) -> bool:
        try:
            with a_session(self.place(), Secret(PASSWORD), Leash(PATIENCE)):
                return True
        except DirectoryError:
            return False


def _foreign_schema() -> Iterator[str]:
    for number, (name, syntax) in enumerate(_FOREIGN.items()):
        yield f"attributetype ( 1.3.6.1.4.1.4203.666.1.77.{number} NAME '{name}' {syntax} SINGLE-VALUE )"
    names = " $ ".join(_FOREIGN)
    yield f"objectclass ( 1.3.6.1.4.1.4203.666.3.77 NAME 'user' SUP top AUXILIARY MAY ( {names} ) )"


def _dn(name: str) -> str:
    return f"uid={name},{PEOPLE}"


def _path(name: str) -> str:
    found = program(name)
    assert found is not None, name
    return found


@contextmanager
def an_ldap_server(
    *entries: str, tls: tuple[Path, Path] | None = None, more: str = "", limit: str = "unlimited"
) -> Iterator[LdapServer]:
    """Run a server for the length of a block; `more` stands in the configuration of its database."""
    folder = Path(tempfile.mkdtemp(prefix="credwatch-ldap-"))
    server = LdapServer(folder, list(entries), tls, more, limit)
    try:
        server.start()
        yield server
    finally:
        server.end()
        shutil.rmtree(folder, ignore_errors=True)
