"""No usual way to put a secret on a command line, into a URL or a header leaves it readable."""

from __future__ import annotations

import json
from datetime import UTC, datetime

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from credwatch.kernel.resources import shipped
from credwatch.parse.parse import SourceFormat, parse
from credwatch.parse.secrets.redact import redact_events, redact_lines
from credwatch.rules.packs.packs import load_packs

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
    *("HTTP_BASIC_CREDS=lan:{} tool", "WIFI_PSK={} tool", "db_pass={} tool", "vault_pw={} tool", "dbPass={} tool"),
    "ansible-playbook -e ansible_become_pass={} site.yml",
    "ansible-playbook --extra-vars db_pass={} site.yml",
    "terraform apply -var db_pwd={}",
    "helm install shop --set auth.rootPassword={}",
    "curl -H apikey:{} https://x.example",
    "curl --cert lan.pem:{} https://x.example",
    "curl -E lan.pem:{} https://x.example",
    "http -a lan:{} GET x.example",
    "xh --auth lan:{} x.example",
    "etcdctl --user root:{} get a",
    "mysqladmin -u root password {}",
    "redis-cli AUTH lan {}",
    "redis-cli CONFIG SET requirepass {}",
    "redis-server --requirepass {}",
    "openssl passwd -6 {}",
    "openssl passwd -1 -salt ab {}",
    "pwsh -c ConvertTo-SecureString -String {} -AsPlainText -Force",
    "pwsh -c ConvertTo-SecureString -AsPlainText {} -Force",
    "net user lan {} /add",
    "samba-tool user create lan {}",
    "kubectl create secret generic x --from-literal=a=b --from-literal=key={}",
    "aws secretsmanager create-secret --secret-string {}",
    "aws ssm put-parameter --name x --type SecureString --value {}",
    *("vault login {}", "vault operator unseal {}", "vault kv put secret/x value={}"),
    "mount.cifs //files/share /mnt -o user=lan%{}",
    "mount -t cifs //files/share /mnt -o user=lan,pass={}",
    "bash -c yes {} | passwd lan",
    "htpasswd -b -c /etc/htpasswd lan {}",
    "htpasswd -b -C 12 /etc/htpasswd lan {}",
    "npm config set //registry.example/:_authToken {}",
    "npm config set //registry.example/:_authToken={}",
    "twine upload -u lan -p {} dist/x",
    "rclone config create x webdav pass {}",
    "mc alias set x https://x.example lan {}",
    "snmpget -v3 -u lan -A {} web1",
    "snmpget -v3 -u lan -A x -X {} web1",
    "impacket-psexec acme/lan:{} web1",
    *("xfreerdp /u:lan /p:{} /v:web1", "tool --passwd:{}", "tool /password:{}", "tool password:{}", "tool --pw {}"),
    *("nmcli dev wifi connect x password {}", "wpa_passphrase x {}", "iwconfig wlan0 key {}"),
    *("sqlplus lan/{}", "isql shop lan {}", "cqlsh -u lan -p {}", "rabbitmqctl add_user lan {}"),
    *("swaks -au lan -ap {}", "sendemail -xu lan -xp {}", "ipa-client-install -p lan -w {}"),
    *("kadmin.local addprinc -pw {} lan", "plink -pw {} web1", "tailscale up --authkey {}"),
    *("ssh-keygen -N {} -f x", "ssh-keygen -p -P x -N {} -f x", "pkcs11-tool --login --pin {}"),
    "psql -c ALTER ROLE lan WITH PASSWORD '{}'",
    "mysql -e CREATE USER lan IDENTIFIED BY '{}'",
    "mysql -e CREATE USER lan IDENTIFIED WITH sha256_password BY '{}'",
    "mysql -e SET PASSWORD FOR lan = PASSWORD('{}')",
)
WRITERS = (
    "web1 sudo: lan : PWD=/home/lan ; USER=root ; COMMAND={}",
    "web1 doas: lan ran command {} as root from /home/lan",
    "web1 CRON[811]: (root) CMD ({})",
)
SECRETS = st.from_regex(r"[A-Za-z0-9][A-Za-z0-9!#%+./:=?^_~,-]{6,14}Zq7", fullmatch=True)
TAIL = "Zq7"


def quoted(secret: str, mark: str) -> str:
    """Put a secret into quotes, or leave it."""
    return f"{mark}{secret}{mark}"


def marked(way: str, mark: str) -> str:
    """Write a way with a secret in quotes, where the way has none itself."""
    return way.format(quoted("s3cretWordZq7", "" if "'" in way or way.startswith("GET") else mark))


@pytest.mark.parametrize("mark", ["", "'", '"'])
def test_a_secret_is_masked_in_each_way(mark: str) -> None:
    """The secret is gone from what each writer writes of a command, quoted or not, and from an event in JSON."""
    commands = [f"/usr/bin/{marked(way, mark)}" for way in WAYS]
    lines = [writer.format(command) for command in commands for writer in WRITERS]
    events = [json.dumps({"command": line}) for line in lines]
    masked = redact_lines(pl.DataFrame({"line": lines + events}))["line"].to_list()
    assert [] == [text for text in masked if TAIL in text]
    assert len(lines) == sum(list(json.loads(text)) == ["command"] for text in masked[len(lines) :])


def test_a_secret_is_masked_in_what_sudo_ran() -> None:
    """The command of the event holds it as little as the line does."""
    commands = ["/usr/bin/" + marked(way, "") for way in WAYS]
    lines = [f"2026-11-20T08:00:01+00:00 {WRITERS[0].format(command)}" for command in commands]
    frame = pl.DataFrame({"line": lines}).with_row_index("position", offset=1)
    frame = frame.with_columns(pl.col("position").cast(pl.Int64), pl.lit(None, pl.String).alias("malformed"))
    moment = datetime(2026, 11, 20, 9, tzinfo=UTC)
    packs = load_packs([shipped("rules") / "packs"])
    events = parse(frame, packs=packs, source=SourceFormat("s"), reference=moment).events
    assert len(lines) == events.height
    assert [] == [row for row in events.rows() if TAIL in str(row)]


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
        "COMMAND=/usr/bin/docker run --user 1000:1000 x",
        "COMMAND=/usr/bin/tool --bypass-cache=x",
        "COMMAND=/usr/bin/passwd lan",
        "COMMAND=/usr/bin/chage -l lan",
        "web1 dropbear[1]: Password auth succeeded for 'root' from 192.0.2.5:45224",
        "web1 passwd[811]: password for 'lan' changed by 'root'",
        "web1 sshd[1]: pam_unix(sshd:auth): check pass; user unknown",
        'web1 sshd[1]: Accepted certificate ID "lan@web1" (serial 0) signed by ED25519 CA SHA256:a via /etc/ca.pub',
        '{"title":"password ","next":"a b"}',
        '{"event.action":"mfa_verify","credwatch.token.id":"tok-1"}',
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
