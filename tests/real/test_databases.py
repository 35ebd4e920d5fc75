"""Debian's MariaDB and PostgreSQL: what credwatch reads in their logs is what was done to them."""

from __future__ import annotations

import shlex
from typing import NamedTuple

import pytest

from real.attempts import read_log
from real.lab import Lab, a_lab
from real.truth import done, held, held_hostile, hostile_names, places

pytestmark = [pytest.mark.real, pytest.mark.slow]

RIGHT = "right-password"
HOSTILE = "203.0.113.60"
ENDED = frozenset({"session_end"})
PREPARE_MARIADB = """
mkdir -p /run/mysqld /files/db; chown mysql /run/mysqld /files/db /files
mariadb-install-db --no-defaults --force --user=mysql --datadir=/files/db --skip-test-db > /files/output
"""
MARIADB = """[mariadbd]
user = mysql
datadir = /files/db
bind-address = 0.0.0.0
socket = /run/mysqld/socket
log-error = /files/error.log
log-warnings = 4
skip-name-resolve
innodb-flush-method = fsync
innodb-buffer-pool-size = 8M
innodb-log-file-size = 4M
plugin-load-add = server_audit
server-audit-logging = ON
server-audit-events = CONNECT
server-audit-file-path = /files/audit.log
general-log = 1
general-log-file = /files/general.log
"""
MARIADB_ACCOUNTS = """
CREATE USER lan IDENTIFIED BY 'right-password'; CREATE DATABASE shop;
CREATE USER locked IDENTIFIED BY 'right-password' ACCOUNT LOCK;
CREATE USER expired IDENTIFIED BY 'right-password' PASSWORD EXPIRE;
"""


class Try(NamedTuple):
    """One connection of a client."""

    user: str
    """Who is named."""
    password: str
    """What is said with it."""
    database: str = ""
    """Which database is asked for."""


def mariadb(lab: Lab, address: str, it: Try) -> None:
    """Connect to it, from the address that is asked at."""
    words = ["mariadb", "--no-defaults", f"--host={address}", f"--user={it.user}", f"--password={it.password}"]
    lab.tried(shlex.join([*words, "--execute=SELECT 1", it.database or "information_schema"]))


def test_mariadb() -> None:
    """The error log tells of wrong passwords, the audit plugin of all."""
    tries = {
        "right": Try("lan", RIGHT),
        "wrong": Try("lan", "wrong"),
        "no-password": Try("lan", ""),
        "unknown": Try("nobodyhere", "wrong"),
        "locked": Try("locked", RIGHT),
        "expired": Try("expired", RIGHT),
        "not-allowed": Try("lan", RIGHT, "shop"),
    }
    addresses = places(tries)
    names = hostile_names("mysql", lambda name: "\x1b" not in name)[:20]
    with a_lab() as lab:
        lab.run(PREPARE_MARIADB)
        lab.write("my.cnf", MARIADB)
        lab.write("accounts.sql", MARIADB_ACCOUNTS)
        server = lab.start("mariadbd --defaults-file=/files/my.cnf")
        lab.until_listens(3306)
        lab.run("mariadb --no-defaults --socket=/run/mysqld/socket < /files/accounts.sql")
        for name, it in tries.items():
            mariadb(lab, addresses[name], it)
        for name in names:
            mariadb(lab, HOSTILE, Try(name, "wrong"))
        lab.stop(server)
        by_error, by_audit = read_log(lab.read("error.log")), read_log(lab.read("audit.log"))
    wrong = {
        "wrong": done(1, reasons={"wrong_password"}),
        "no-password": done(1, reasons={"wrong_password"}),
        "unknown": done(1, user="nobodyhere", reasons={"wrong_password"}),
    }
    held({**dict.fromkeys(tries, done()), **wrong}, by_error, addresses)
    # One more without an address: of a closed database, the address is told that the account may come from.
    held_hostile(by_error, HOSTILE, [*names, "lan"], len(names) + 1)
    told = {
        **{name: way._replace(actions=ENDED) for name, way in wrong.items()},
        "right": done(logins=1, actions=ENDED),
        "locked": done(1, user="locked", reasons={"account_locked"}, actions=ENDED),
        "expired": done(logins=1, user="expired", actions=ENDED),
        "not-allowed": done(1, reasons={"not_allowed"}, actions=ENDED),
    }
    held(told, by_audit, addresses)
    held_hostile(by_audit, HOSTILE, names, len(names))


PREPARE_POSTGRESQL = """
mkdir /files/db; chown postgres /files/db /files
echo right-password > /files/password
setpriv --reuid=postgres --regid=postgres --clear-groups \
  /usr/lib/postgresql/15/bin/initdb --pgdata=/files/db --no-sync \
  --auth-local=trust --auth-host=scram-sha-256 --pwfile=/files/password --username=postgres > /files/output
printf 'host all barred all reject\\nhost shop,postgres all 203.0.113.0/24 scram-sha-256\\n' > /files/hba
cat /files/hba >> /files/db/pg_hba.conf
"""
POSTGRESQL = """
listen_addresses = '*'
unix_socket_directories = '/files/db'
log_connections = on
log_disconnections = on
logging_collector = on
log_destination = 'stderr,csvlog,jsonlog'
log_directory = '/files/db/log'
log_filename = 'server.log'
log_line_prefix = '{prefix}'
fsync = off
shared_buffers = 16MB
"""
POSTGRESQL_ACCOUNTS = """
CREATE ROLE lan LOGIN PASSWORD 'right-password'; CREATE ROLE barred LOGIN PASSWORD 'right-password';
CREATE ROLE locked PASSWORD 'right-password'; CREATE ROLE bare LOGIN;
CREATE ROLE expired LOGIN PASSWORD 'right-password' VALID UNTIL '2020-01-01';
CREATE DATABASE shop; CREATE DATABASE other;
"""


def psql(lab: Lab, address: str, it: Try) -> None:
    """Connect to PostgreSQL, from the address that is asked at."""
    words = [
        "env",
        f"PGPASSWORD={it.password}",
        "PGSSLMODE=disable",
        "psql",
        f"--host={address}",
        f"--username={it.user}",
        "--no-password",
    ]
    lab.tried(shlex.join([*words, "--no-psqlrc", "--command=SELECT 1", it.database or "shop"]))


def test_postgresql() -> None:
    """Lines, CSV and JSON tell the same."""
    tries = {
        "right": Try("lan", RIGHT),
        "wrong": Try("lan", "wrong"),
        "unknown": Try("nobodyhere", "wrong"),
        "barred": Try("barred", RIGHT),
        "locked": Try("locked", RIGHT),
        "bare": Try("bare", RIGHT),
        "expired": Try("expired", RIGHT),
        "no-database": Try("lan", RIGHT, "nosuch"),
        "no-entry": Try("lan", RIGHT, "other"),
    }
    addresses = places(tries)
    names = hostile_names("postgresql")[:20]
    with a_lab() as lab:
        lab.run(PREPARE_POSTGRESQL)
        lab.write("settings", POSTGRESQL.format(prefix="%m [%p] %q%r %u@%d "))
        lab.run("cat /files/settings >> /files/db/postgresql.conf")
        server = lab.start(
            "setpriv --reuid=postgres --regid=postgres --clear-groups /usr/lib/postgresql/15/bin/postgres -D /files/db"
        )
        lab.until_listens(5432)
        lab.write("accounts.sql", POSTGRESQL_ACCOUNTS)
        lab.run("psql --host=/files/db --username=postgres < /files/accounts.sql")
        for name, it in tries.items():
            psql(lab, addresses[name], it)
        for name in names:
            psql(lab, HOSTILE, Try(name, "wrong"))
        lab.stop(server)
        logs = [read_log(lab.read(f"db/log/server.{end}")) for end in ("log", "csv", "json")]
    refused = {"wrong_password"}
    ways = {
        "right": done(logins=1, actions=ENDED),
        "wrong": done(1, reasons=refused),
        "unknown": done(1, user="nobodyhere", reasons=refused),
        "barred": done(1, user="barred", reasons={"not_allowed"}),
        # It says that the connection is authorized before it looks whether the role may log in.
        "locked": done(1, 1, user="locked", reasons={"not_allowed"}),
        "bare": done(1, user="bare", reasons=refused),
        "expired": done(1, user="expired", reasons=refused),
        "no-database": done(1, reasons={"not_allowed"}),
        "no-entry": done(1, reasons={"not_allowed"}),
    }
    for log in logs:
        held(ways, log, addresses)
        held_hostile(log, HOSTILE, names, len(names))
