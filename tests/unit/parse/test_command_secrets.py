"""No usual way to put a secret on a command line, into a URL or a header leaves it readable."""

from __future__ import annotations

import json

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from credwatch.parse.redact import redact_events, redact_lines

WAYS = (
    "curl -u lan:{} https://x.example",
    "curl -sSulan:{} https://x.example",
    "curl --user lan:{} https://x.example",
    "curl -U lan:{} -x proxy https://x.example",
    "curl -H 'Authorization: Bearer {}' https://x.example",
    "curl -H Authorization: Basic {}",
    "curl -H Authorization: {}",
    "curl -H 'X-Api-Key: {}' https://x.example",
    "curl -H 'PRIVATE-TOKEN: {}' https://x.example",
    "curl -H 'Cookie: theme=dark; sid={}' https://x.example",
    "curl -H Cookie: theme=dark; sid={}",
    "curl -b sid={} https://x.example",
    "wget --http-password={} https://x.example",
    "wget --http-password {} https://x.example",
    "GET https://lan:{}@x.example/ HTTP/1.1",
    "psql postgresql://lan:{}@db.example:5432/shop",
    "redis-cli -u redis://:{}@db.example",
    "GET /?access_token={}&x=1 HTTP/1.1",
    "GET /?x=1&sig={} HTTP/1.1",
    "mysql -ulan -p{} shop",
    "/usr/bin/mysqldump --password={} shop",
    "PGPASSWORD={} psql",
    "MYSQL_PWD={} mysql",
    "SSHPASS={} sshpass -e ssh web1",
    "AWS_SECRET_ACCESS_KEY={} aws s3 ls",
    "aws configure set aws_secret_access_key {}",
    "sshpass -p {} ssh web1",
    "sshpass -p{} ssh web1",
    "tool --token {}",
    "tool --token={}",
    "tool --client-secret {}",
    "tool -password {}",
    "keytool -list -storepass {}",
    "openssl rsa -in key.pem -passin pass:{}",
    "openssl enc -aes256 -k {}",
    "ldapsearch -x -D cn=lan -w {} -b dc=example",
    "ldappasswd -D cn=lan -s {} cn=huong",
    "smbclient //files/share -U lan%{}",
    "net rpc user -U ACME/lan%{}",
    "mount -t cifs //files/share /mnt -o username=lan,password={}",
    "htpasswd -b /etc/htpasswd lan {}",
    "htpasswd -nbB lan {}",
    "bash -c echo {} | passwd --stdin lan",
    "echo lan:{} | sudo chpasswd",
    "chpasswd <<< lan:{}",
    "docker login -u lan -p {} registry.example",
    "podman login --password {} registry.example",
    "redis-cli -h db -a {} info",
    "mongo -u lan -p {} shop",
    "mongosh --username lan --password {}",
    "az login --service-principal -u x -p {}",
    "gcloud storage ls --access-token={}",
    "kubectl --token={} get pods",
    "kubectl create secret generic x --from-literal=key={}",
    "useradd -m -p {} lan",
    "sqlcmd -S db -U lan -P {}",
    "zip -P {} a.zip a",
    "7z a -p{} a.7z a",
)
SECRETS = st.from_regex(r"[A-Za-z0-9][A-Za-z0-9!#%+./:=?^_~,-]{6,14}Zq7", fullmatch=True)
TAIL = "Zq7"


def quoted(secret: str, mark: str) -> str:
    """Put a secret into quotes, or leave it."""
    return f"{mark}{secret}{mark}"


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("mark", ["", "'", '"'])
def test_a_secret_is_masked_in_each_way(way: str, mark: str) -> None:
    """The secret is gone from a line of sudo's, quoted or not, and from an event in JSON."""
    if "'" in way or way.startswith("GET"):
        mark = ""
    line = "web1 sudo: lan : PWD=/home/lan ; USER=root ; COMMAND=/usr/bin/env " + way.format(
        quoted("s3cretWordZq7", mark)
    )
    event = json.dumps({"command": line})
    masked = redact_lines(pl.DataFrame({"line": [line, event]}))["line"].to_list()
    assert not [text for text in masked if TAIL in text]
    assert json.loads(masked[1])


@settings(max_examples=60, deadline=None)
@given(st.sampled_from([way for way in WAYS if "://" not in way and "/?" not in way]), SECRETS)
def test_any_secret_is_masked(way: str, secret: str) -> None:
    """Whatever a secret is made of, nothing of its end is left."""
    text = "COMMAND=" + way.format(secret)
    event = redact_events(pl.DataFrame({"event.original": [text], "message": [text]}))
    assert TAIL not in event["message"][0] + event["event.original"][0]


@pytest.mark.parametrize(
    "text",
    [
        "Failed password for invalid user net -U from 203.0.113.7 port 22 ssh2",
        "lan : TTY=pts/0 ; PWD=/home/lan ; USER=root ; COMMAND=/usr/bin/mysql -u lan -p shop",
        "lan : TTY=pts/0 ; PWD=/home/lan ; USER=root ; COMMAND=/usr/bin/curl https://x.example:8080/a@b",
        "pam_unix(passwd:chauthtok): password changed for lan",
        "COMMAND=/usr/bin/docker run -p 80:80 x",
        "COMMAND=/bin/echo a | wc",
        "COMMAND=/usr/bin/ssh -p 22 lan@web1",
        "COMMAND=/usr/sbin/usermod -aG sudo lan",
        "COMMAND=/bin/systemctl restart sshd",
    ],
)
def test_other_commands_stay(text: str) -> None:
    """A command without a secret is evidence, and stays as it is."""
    assert text == redact_lines(pl.DataFrame({"line": [text]}))["line"][0]


@pytest.mark.parametrize(
    "token",
    [
        "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.c2lnbmF0dXJlZq7",
        "ghp_abcdefghijklmnop1234Zq7",
        "glpat-abcdefghijklmnopZq7",
        "-----BEGIN OPENSSH PRIVATE KEY-----\\nb3BlbnNzaZq7",
    ],
)
def test_a_token_is_known_by_its_build(token: str) -> None:
    """A token is masked wherever it stands."""
    assert TAIL not in redact_lines(pl.DataFrame({"line": [f"web1 tool[1]: got {token} there"]}))["line"][0]
