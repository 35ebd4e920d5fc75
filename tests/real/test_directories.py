"""Debian's OpenLDAP, FreeRADIUS and Samba: what credwatch reads in their logs is what was done to them."""

from __future__ import annotations

import shlex
from typing import NamedTuple

import polars as pl
import pytest

from real.attempts import read_log
from real.lab import Lab, a_lab
from real.truth import FORGED, done, held, held_hostile, hostile_names, places

pytestmark = [pytest.mark.real, pytest.mark.slow]

RIGHT = "right-password"
HOSTILE = "203.0.113.60"


class Try(NamedTuple):
    """One login of a client."""

    user: str
    """Who is named."""
    password: str
    """What is said with it."""


TRIES = {
    "right": Try("lan", RIGHT),
    "wrong": Try("lan", "wrong"),
    "unknown": Try("nobodyhere", "wrong"),
    "locked": Try("locked", RIGHT),
}
ADDRESSES = places(TRIES)

SAMBA = """
[global]
workgroup = ACME
netbios name = FILES
server role = standalone server
log file = /files/smbd.log
max log size = 0
log level = 1 {log}
private dir = /files/private
lock directory = /files/lock
state directory = /files/lock
cache directory = /files/lock
pid directory = /run
ncalrpc dir = /run/ncalrpc
smb ports = 1445
disable netbios = yes
passdb backend = smbpasswd:/files/smbpasswd
load printers = no
[share]
path = /srv
"""
SAMBA_ACCOUNTS = """
mkdir -p /files/private /files/lock /srv /run/ncalrpc /var/log/samba /var/lib/samba/private
for user in lan locked; do
  useradd $user; printf 'right-password\\nright-password\\n' | smbpasswd -s -c /files/smb.conf -a $user
done
smbpasswd -c /files/smb.conf -d locked
"""


@pytest.mark.parametrize("log", ["auth_json_audit:3", "auth_audit:3"])
def test_samba(log: str) -> None:
    """Its audit log tells why a login failed, as JSON and as text."""
    names = hostile_names("samba-audit" if "json" in log else "samba", lambda name: not set(name) & set("%\\"))[:20]
    with a_lab() as lab:
        lab.write("smb.conf", SAMBA.format(log=log))
        lab.run(SAMBA_ACCOUNTS)
        server = lab.start("smbd --foreground --no-process-group --configfile=/files/smb.conf")
        lab.until_listens(1445)
        tries = [(ADDRESSES[name], it) for name, it in TRIES.items()]
        for address, it in (*tries, *((HOSTILE, Try(name, "wrong")) for name in names)):
            who = shlex.quote(f"--user={it.user}%{it.password}")
            lab.tried(f"smbclient --configfile=/files/smb.conf --port=1445 //{address}/share {who} --command=ls")
        lab.stop(server)
        parsed = read_log(lab.read("smbd.log"))
    ways = {
        "right": done(logins=1),
        "wrong": done(1, reasons={"wrong_password"}),
        "unknown": done(1, user="nobodyhere", reasons={"invalid_user"}),
        "locked": done(1, user="locked", reasons={"account_disabled"}),
    }
    held(ways, parsed, ADDRESSES)
    held_hostile(parsed, HOSTILE, names, len(names))


SLAPD = """
include /etc/ldap/schema/core.schema
include /etc/ldap/schema/cosine.schema
include /etc/ldap/schema/inetorgperson.schema
modulepath /usr/lib/ldap
moduleload back_mdb
loglevel stats
pidfile /run/slapd.pid
database mdb
maxsize 10485760
suffix dc=acme,dc=example
directory /files/ldap
"""
ENTRIES = """
dn: dc=acme,dc=example
objectClass: dcObject
objectClass: organization
o: acme
dc: acme

dn: uid=lan,dc=acme,dc=example
objectClass: inetOrgPerson
uid: lan
cn: lan
sn: lan
userPassword: right-password
"""


def test_slapd() -> None:
    """One line tells the address, one the account, one the outcome; the connection's number binds them together."""
    tries = {name: it for name, it in TRIES.items() if name != "locked"} | {"no-dn": Try("", "wrong")}
    names = hostile_names("openldap", lambda name: name.isprintable() and not set(name) & set('",+"\\<>;='))
    with a_lab() as lab:
        lab.write("slapd.conf", SLAPD)
        lab.write("entries", ENTRIES)
        lab.run("mkdir -p /files/ldap /var/run/slapd; slapadd -f /files/slapd.conf -l /files/entries 2> /files/output")
        server = lab.start("slapd -d 0 -f /files/slapd.conf -h ldap://0.0.0.0:1389")
        lab.until_listens(1389)
        asked = [(ADDRESSES["locked" if name == "no-dn" else name], it) for name, it in tries.items()]
        for address, it in (*asked, *((HOSTILE, Try(name, "wrong")) for name in names)):
            dn = f"uid={it.user},dc=acme,dc=example" if it.user else "lan"
            words = ["ldapwhoami", "-x", "-H", f"ldap://{address}:1389", "-D", dn, "-w", it.password]
            lab.tried(shlex.join(words))
        lab.stop(server)
        parsed = read_log(lab.syslog())
    assert FORGED not in parsed.events["source.ip"].to_list()
    told = _by_connection(parsed.events.filter(pl.col("event.dataset") == "openldap"))
    assert {
        (ADDRESSES["right"], "lan", "success"),
        (ADDRESSES["wrong"], "lan", "failure"),
        (ADDRESSES["unknown"], "nobodyhere", "failure"),
        (ADDRESSES["locked"], "lan", "failure"),
        *((HOSTILE, name, "failure") for name in names),
    } == told


def _by_connection(events: pl.DataFrame) -> set[tuple[str, str, str]]:
    told = events.group_by("credwatch.session.id").agg(
        pl.col("source.ip").drop_nulls().first(),
        pl.col("user.name").drop_nulls().first(),
        pl.col("event.outcome").filter(pl.col("event.action") == "login").first(),
    )
    return set(told.select("source.ip", "user.name", "event.outcome").rows())


RADIUS = """
prefix = /usr
raddbdir = /files
logdir = /files
libdir = /usr/lib/freeradius
modconfdir = /etc/freeradius/3.0/mods-config
run_dir = /run
log {
  destination = files
  file = /files/radius.log
  auth = yes
  auth_badpass = no
  auth_goodpass = no
}
security {
  reject_delay = 0
}
client nas1 {
  ipaddr = 203.0.113.0/24
  secret = testing123
}
modules {
  pap {
  }
  expiration {
  }
  files {
    usersfile = /files/users
  }
}
server default {
  listen {
    type = auth
    ipaddr = 203.0.113.1
    port = 1812
  }
  authorize {
    files
    expiration
    pap
  }
  authenticate {
    Auth-Type PAP {
      pap
    }
  }
}
"""


def test_freeradius() -> None:
    """Its own log tells who called from where, as the access server says."""
    names = hostile_names("freeradius")
    with a_lab() as lab:
        lab.write("radiusd.conf", RADIUS)
        lab.write("users", 'lan Cleartext-Password := "right-password"\nlocked Auth-Type := Reject\n')
        lab.start("freeradius -f -d /files -n radiusd -D /usr/share/freeradius")
        lab.until(lambda: "Ready to process requests" in lab.read("radius.log"), "the server is ready")
        for name, it in TRIES.items():
            _call(lab, it, ADDRESSES[name])
        for name in names:
            _call(lab, Try(name, "wrong"), HOSTILE)
        log = lab.read("radius.log")
    parsed = read_log(log)
    ways = {
        "right": done(logins=1),
        "wrong": done(1, reasons={"wrong_password"}),
        "unknown": done(1, user="nobodyhere", reasons={"invalid_user"}),
        "locked": done(1, user="locked"),
    }
    held(ways, parsed, ADDRESSES)
    held_hostile(parsed, HOSTILE, names, len(names))


def _call(lab: Lab, it: Try, address: str) -> None:
    user = it.user.replace("\\", "\\\\").replace('"', '\\"')
    request = f'User-Name = "{user}"\nUser-Password = "{it.password}"\nCalling-Station-Id = "{address}"\nNAS-Port = 3\n'
    lab.tried("radclient -r 3 -t 5 -D /usr/share/freeradius 203.0.113.1:1812 auth testing123", typed=request)
