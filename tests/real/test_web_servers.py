"""Debian's nginx, Apache, lighttpd, HAProxy and Caddy: what credwatch reads in their logs is what was done to them."""

from __future__ import annotations

import base64
import hashlib
import re
import socket
from collections.abc import Callable, Iterator
from subprocess import Popen
from typing import NamedTuple

import pytest

from real.attempts import read_log
from real.lab import Lab, a_lab
from real.truth import Seen, done, held, held_hostile, hostile_names, places, seen

pytestmark = [pytest.mark.real, pytest.mark.slow]

PORT, PROXY = 8080, 8081
RIGHT = "right-password"
PASSWORDS = """
mkdir /files/www /files/www/closed /files/www/owners; chmod 755 /files/www /files/www/*
echo hello > /files/www/index.html
for folder in closed owners; do echo hello > /files/www/$folder/index.html; done
for user in lan huong; do
  printf '%s:%s\\n' $user "$(openssl passwd -apr1 right-password)" >> /files/basic
  printf '%s:shop:%s\\n' $user "$(printf '%s' "$user:shop:right-password" | md5sum | cut -d' ' -f1)" >> /files/digest
done
chmod 644 /files/basic /files/digest
"""


class Try(NamedTuple):
    """One request of a client."""

    path: str
    """What is asked for."""
    user: str | None = None
    """Who is named, None where nobody is."""
    password: str = ""
    """What is said with it."""
    method: str = "GET"
    """How it is asked for."""


TRIES = {
    "open": Try("/"),
    "unasked": Try("/owners/"),
    "right": Try("/owners/", "lan", RIGHT),
    "wrong": Try("/owners/", "lan", "wrong"),
    "unknown": Try("/owners/", "nobodyhere", "wrong"),
    "not-allowed": Try("/owners/", "huong", RIGHT),
    "nameless": Try("/owners/", "", "wrong"),
    "closed": Try("/closed/"),
}
ADDRESSES = places(TRIES)
HOSTILE, AGENTS = "203.0.113.200", "203.0.113.201"


def basic(it: Try, _challenge: str) -> str:
    """Give the header of basic authentication."""
    return "Basic " + base64.b64encode(f"{it.user}:{it.password}".encode()).decode()


def digest(it: Try, challenge: str) -> str:
    """Give the header of digest authentication (RFC 7616, with MD5), for what the server has asked."""
    asked = dict(re.findall(r'(\w+)="?([^",]*)', challenge))
    name, nonce = str(it.user), asked["nonce"]
    owner, request = (_md5(text) for text in (f"{name}:{asked['realm']}:{it.password}", f"{it.method}:{it.path}"))
    answer = _md5(f"{owner}:{nonce}:00000001:cafe:auth:{request}")
    quoted = {"username": name.replace("\\", "\\\\").replace('"', '\\"'), "realm": asked["realm"], "nonce": nonce}
    quoted |= {"uri": it.path, "response": answer, "cnonce": "cafe", "opaque": asked.get("opaque", "")}
    said = ", ".join(f'{key}="{value}"' for key, value in quoted.items() if value)
    return f"Digest {said}, qop=auth, nc=00000001, algorithm={asked.get('algorithm', 'MD5')}"


def _md5(text: str) -> str:
    return hashlib.md5(text.encode(), usedforsecurity=False).hexdigest()


Scheme = Callable[[Try, str], str]


def ask(port: int, scheme: Scheme, address: str, it: Try, agent: str = "curl/8") -> None:
    """Ask as a client at an address does, with a name once it is asked for one."""
    if it.user is None:
        send(port, address, it, agent)
        return
    challenge = send(port, address, it, agent) if scheme is digest else ""
    send(port, address, it, agent, f"Authorization: {scheme(it, challenge)}\r\n")


def send(port: int, address: str, it: Try, agent: str, header: str = "") -> str:
    """Send a request, byte by byte as a client likes, and return the answer."""
    head = f"{it.method} {it.path} HTTP/1.1\r\nHost: shop\r\nConnection: close\r\nUser-Agent: {agent}\r\n{header}"
    with socket.create_connection(("203.0.113.1", port), 30, (address, 0)) as client:
        client.sendall(f"{head}Content-Length: 0\r\n\r\n".encode())
        return b"".join(iter(lambda: client.recv(65536), b"")).decode(errors="replace")


def ask_all(lab: Lab, names: list[str], port: int = PORT, scheme: Scheme = basic) -> None:
    """Make all requests, those under hostile names, and refused ones of hostile clients."""
    lab.until_listens(port)
    asked = [(port, scheme, ADDRESSES[name], it) for name, it in TRIES.items()]
    asked += [(port, scheme, HOSTILE, Try("/owners/", name, "wrong")) for name in names]
    asked += [(port, scheme, AGENTS, Try("/owners/", "lan", "wrong"), agent) for agent in agents(names)]
    lab.at_once(ask, asked)


def agents(names: list[str]) -> list[str]:
    """Give the names that a client can have for itself; servers refuse headers with control characters."""
    return [name for name in names if "\n" not in name and "\x1b" not in name]


NGINX = """
daemon off;
user root;
pid /run/nginx.pid;
error_log /files/error.log info;
events {}
http {
  access_log /files/access.log combined;
  server {
    listen 203.0.113.1:8080;
    server_name shop;
    root /files/www;
    location /owners/ { auth_basic shop; auth_basic_user_file /files/basic; }
    location /closed/ { deny all; }
  }
}
"""


APACHE = """
ServerName shop
ServerRoot /etc/apache2
PidFile /run/apache.pid
User www-data
Group www-data
Listen 203.0.113.1:8080
Listen 203.0.113.1:8081
DocumentRoot /files/www
ErrorLog /files/error.log
LogLevel info
LogFormat "%h %l %u %t \\"%r\\" %>s %O \\"%{Referer}i\\" \\"%{User-Agent}i\\"" combined
CustomLog /files/access.log combined
"""
MODULES = (
    *("mpm_event", "authn_core", "authn_file", "authz_core", "authz_user", "auth_basic", "dir"),
    "auth_digest",
)
OWNERS = """
<VirtualHost 203.0.113.1:{port}>
ServerName shop
<Location /closed/>
Require all denied
</Location>
<Location /owners/>
AuthType {scheme}
AuthName shop
Auth{scheme}Provider file
AuthUserFile /files/{file}
Require user lan
</Location>
</VirtualHost>
"""
LIGHTTPD = """
server.modules = ("mod_access", "mod_auth", "mod_authn_file", "mod_accesslog")
server.document-root = "/files/www"
server.bind = "203.0.113.1"
server.port = 8080
server.errorlog = "/files/error.log"
accesslog.filename = "/files/access.log"
index-file.names = ("index.html")
auth.backend = "htpasswd"
auth.backend.htpasswd.userfile = "/files/basic"
auth.require = ("/owners/" => ("method" => "basic", "realm" => "shop", "require" => "user=lan"))
$HTTP["url"] =~ "^/closed/" { url.access-deny = ("") }
$SERVER["socket"] == "203.0.113.1:8081" {
  auth.backend = "htdigest"
  auth.backend.htdigest.userfile = "/files/digest"
  auth.require = ("/owners/" => ("method" => "digest", "realm" => "shop", "require" => "user=lan"))
}
"""
HAPROXY = """
global
  log /dev/log local0
defaults
  mode http
  log global
  option httplog
  timeout client 30s
  timeout server 30s
  timeout connect 30s
userlist owners
  user lan insecure-password right-password
frontend shop
  bind 203.0.113.1:8080
  http-request deny if { path_beg /closed/ }
  http-request auth realm shop if { path_beg /owners/ } !{ http_auth(owners) }
  http-request return status 200
"""
CADDY = """
{
  admin off
  auto_https off
}
http://:8080 {
  bind 203.0.113.1
  log {
    output file /files/access.log
  }
  basicauth /owners/* {
    lan HASH
  }
  respond /closed/* 403
  respond "hello" 200
}
"""
GUESSED = {
    "wrong": done(1, reasons={"wrong_password"}),
    "unknown": done(1, user="nobodyhere", reasons={"invalid_user"}),
}
SEEN_BY_NAME = {"wrong": done(1), "unknown": done(1, user="nobodyhere")}
NOTHING = {name: done() for name in TRIES}
CLOSED = done(reasons={"not_allowed"}, actions={"connection_dropped"})


@pytest.fixture
def lab() -> Iterator[Lab]:
    """Run a machine with pages and passwords."""
    with a_lab() as machine:
        machine.run(PASSWORDS)
        yield machine


def hold(ways: dict[str, Seen], log: str, names: list[str], tells_unknown: bool = True) -> None:
    """Hold a log to what was done, under honest names and hostile ones, by honest clients and hostile ones."""
    parsed = read_log(log)
    held({**NOTHING, **ways}, parsed, ADDRESSES)
    # What a client says of itself ends at its first colon, and the password begins.
    held_hostile(parsed, HOSTILE, [*names, *(name.partition(":")[0] for name in names)], tells_unknown * len(names))
    assert len(agents(names)) == seen(parsed)[AGENTS].guesses


def test_nginx(lab: Lab) -> None:
    """The error log tells why a login failed, the access log that it did."""
    lab.write("nginx.conf", NGINX)
    lab.start("nginx -c /files/nginx.conf")
    names = [*hostile_names("nginx-error"), "x\n2026/03/02 01 [error] 7#7: *9 user root"]
    ask_all(lab, names)
    hold({**GUESSED, "closed": CLOSED}, lab.read("error.log"), names)
    hold(SEEN_BY_NAME, lab.read("access.log"), names)


def test_apache(lab: Lab) -> None:
    """The error log tells why a login failed, and who was not allowed."""
    names = hostile_names("apache-error")
    run_apache(lab)
    ask_all(lab, names)
    refused = {"not-allowed": done(1, user="huong", reasons={"not_allowed"}), "closed": CLOSED}
    nameless = {"nameless": done(1, user=None, reasons={"invalid_user"})}
    hold({**GUESSED, **refused, **nameless}, lab.read("error.log"), names)
    refused = {"not-allowed": done(1, user="huong"), "nameless": done(1, user=None)}
    hold({**SEEN_BY_NAME, **refused}, lab.read("access.log"), names)


def test_apache_with_digests(lab: Lab) -> None:
    """It is the same where passwords are not sent."""
    names = [name for name in hostile_names("apache-error") if "\x1b" not in name]
    run_apache(lab)
    ask_all(lab, names, PROXY, digest)
    refused = {"not-allowed": done(1, user="huong", reasons={"not_allowed"}), "closed": CLOSED}
    hold({**GUESSED, **refused}, lab.read("error.log"), names)
    hold({**SEEN_BY_NAME, "not-allowed": done(1, user="huong")}, lab.read("access.log"), names)


def run_apache(lab: Lab) -> None:
    """Start it, with basic authentication on one port and digests on the other."""
    modules = "".join(f"LoadModule {name}_module /usr/lib/apache2/modules/mod_{name}.so\n" for name in MODULES)
    owners = OWNERS.format(port=PORT, scheme="Basic", file="basic")
    owners += OWNERS.format(port=PROXY, scheme="Digest", file="digest")
    lab.write("apache.conf", modules + APACHE + owners)
    lab.start("apache2 -DFOREGROUND -f /files/apache.conf")


def test_lighttpd(lab: Lab) -> None:
    """The error log tells who has failed; whatever the reason, it says that the password was wrong."""
    names = hostile_names("lighttpd")
    server = run_lighttpd(lab)
    ask_all(lab, names)
    lab.stop(server)
    ways = {
        "wrong": done(1, reasons={"wrong_password"}),
        "unknown": done(1, user="nobodyhere", reasons={"wrong_password"}),
        "not-allowed": done(1, user="huong", reasons={"wrong_password"}),
        "nameless": done(1, user=None, reasons={"wrong_password"}),
    }
    hold(ways, lab.read("error.log"), names)


def test_lighttpd_with_digests(lab: Lab) -> None:
    """Of digests it tells those of known names alone."""
    names = [name for name in hostile_names("lighttpd") if "\x1b" not in name]
    server = run_lighttpd(lab)
    ask_all(lab, names, PROXY, digest)
    lab.stop(server)
    hold({"wrong": GUESSED["wrong"]}, lab.read("error.log"), names, tells_unknown=False)


def run_lighttpd(lab: Lab) -> Popen[bytes]:
    """Start it, with basic authentication on one port and digests on the other."""
    lab.write("lighttpd.conf", LIGHTTPD)
    return lab.start("lighttpd -D -f /files/lighttpd.conf")


def test_haproxy(lab: Lab) -> None:
    """It tells neither who is refused nor whether a password was given."""
    lab.write("haproxy.conf", HAPROXY)
    lab.start("haproxy -db -f /files/haproxy.conf")
    names = hostile_names("web-access")
    ask_all(lab, names)
    refused = {name: done(1, user=None) for name in ("unasked", "wrong", "unknown", "not-allowed", "nameless")}
    log = lab.syslog()
    hold(refused, log, names)


def test_caddy(lab: Lab) -> None:
    """Its access log tells that a password was given and refused."""
    hashed = lab.run("htpasswd -nbBC 4 lan right-password | cut -d: -f2 | tr -d '\\n' | base64 --wrap=0")
    lab.write("Caddyfile", CADDY.replace("HASH", hashed))
    lab.start("caddy run --adapter caddyfile --config /files/Caddyfile")
    names = hostile_names("web-access")[:1]  # it takes a second of work to refuse a name that it does not know
    ask_all(lab, names)
    log = lab.read("access.log")
    hold({name: done(1, user=None) for name in ("wrong", "unknown", "not-allowed", "nameless")}, log, names)
