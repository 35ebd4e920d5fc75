"""Secrets are masked, names are not."""

from __future__ import annotations

import json

import polars as pl
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from credwatch.parse.secrets.redact import _CLUE, MASK, looks_like_secret, redact_events, redact_lines, redact_text


def is_secret(name: str) -> bool:
    """Ask about one name."""
    return bool(pl.DataFrame({"name": [name]}).select(looks_like_secret(pl.col("name"))).item())


@pytest.mark.parametrize(
    "name",
    ["Tr0ub4dor&3", "P@ssw0rd1", "Passw0rd!", "Admin@2024", "hunter2!x", "Pa$$word1", "Xk9fQ2mZp7Lw", "S3cr3tPassw0rd"],
)
def test_secrets(name: str) -> None:
    """A password typed as a user name is known by its build."""
    assert is_secret(name)


@pytest.mark.parametrize(
    "name",
    [
        *(
            "john.smith",
            "svc-backup01",
            "web_admin2",
            "lan@acme.example",
            "a.b+tag@x.co",
            "MODORO\\user",
            "DOMAIN/User1",
        ),
        *("zxin10", "HOST01$", "administrator", "Administrator1", "JohnSmith01", "root@server1", "Nguyễn.Văn.Lan"),
        *(
            "root from 10.0.0.1 port 22 ssh2",
            "${jndi:ldap://x}",
            "uid=lan,dc=acme",
            "arn:aws:iam::123456789012:user/lan",
            "arn:aws:sts::123456789012:assumed-role/Deploy-A1/lan@acme.example",
            "system:serviceaccount:shop:default",
            "ubuntu2204lts",
            "",
            "abc",
            "exclusive_table",
        ),
    ],
)
def test_names(name: str) -> None:
    """Ordinary, mail, directory, machine and bots' names stay readable."""
    assert not is_secret(name)


@pytest.mark.parametrize(
    ("text", "masked"),
    [
        ("mysql --password=hunter2 -e", "mysql --password=*** -e"),
        ("mysql --password hunter2 -e", "mysql --password *** -e"),
        ("GET /?token=abc&x=1", "GET /?token=***&x=1"),
        ("access_token=abc", "access_token=***"),
        ("Authorization: Bearer abc.def.ghi", "Authorization: Bearer ***"),
        ("curl -H 'authorization: basic dXNlcg=='", "curl -H 'authorization: basic ***'"),
        ("passwd='a b' x", "passwd='***' x"),
        ("pwd=geheim", "pwd=***"),
        ('{"password":"a\\"b","x":1}', '{"password":"***","x":1}'),
        ("TTY=pts/0 ; PWD=/home/lan ; USER=root", "TTY=pts/0 ; PWD=/home/lan ; USER=root"),
        ("Failed password for root", "Failed password for root"),
        ("Login OK: [lan/s3]cr[et] (from client nas port 0)", "Login OK: [lan/***] (from client nas port 0)"),
        (
            "Login OK: [lan/<via Auth-Type = eap>] (from client nas)",
            "Login OK: [lan/<via Auth-Type = eap>] (from client nas)",
        ),
        (
            'msg="535 Authentication failed.",cmd: AUTH PLAIN AGxhbgBz',
            'msg="535 Authentication failed.",cmd: AUTH PLAIN ***',
        ),
        ('{"token":{"id":"tok-1"}}', '{"token":{"id":"tok-1"}}'),
    ],
)
def test_texts(text: str, masked: str) -> None:
    """What stands behind a credential's key is masked, the rest of the text stays."""
    assert masked == pl.DataFrame({"text": [text]}).select(redact_text(pl.col("text"))).item()


def an_event(name: str, original: str, outcome: str | None = "failure") -> pl.DataFrame:
    """Build a frame of one event."""
    return pl.DataFrame(
        {"user.name": [name], "event.outcome": [outcome], "event.original": [original], "message": [original]},
        schema_overrides={"event.outcome": pl.String},
    )


def test_name_is_masked_everywhere() -> None:
    """The secret is gone from the name and from every place of the line."""
    event = redact_events(an_event("Tr0ub4dor&3", "Tr0ub4dor&3 and Tr0ub4dor&3"))
    assert (
        event["user.name"][0],
        event["event.original"][0],
        event["message"][0],
        event["credwatch.masked"][0],
    ) == (MASK, "*** and ***", "*** and ***", True)


def test_escaped_name_is_masked() -> None:
    """A name that JSON writes with escapes is masked too; one hidden otherwise takes the line with it."""
    assert redact_events(an_event('Tr0ub"dor&3', '{"name":"Tr0ub\\"dor&3"}'))["event.original"][0] == '{"name":"***"}'
    assert redact_events(an_event("Tr0ub4dor&3", '{"name":"\\u0054r0ub4dor&3"}'))["event.original"][0] == MASK


def test_successful_login_keeps_its_name() -> None:
    """An account that may log in is an account, whatever it is called."""
    event = redact_events(an_event("Tr0ub4dor&3", "x Tr0ub4dor&3", outcome="success"))
    assert (event["user.name"][0], event["credwatch.masked"][0]) == ("Tr0ub4dor&3", False)


def test_only_marked_rows_change() -> None:
    """A secret in one event does not touch its neighbours."""
    frame = pl.concat([an_event("lan", "lan"), an_event("Tr0ub4dor&3", "Tr0ub4dor&3"), an_event("huong", "token=x")])
    events = redact_events(frame)
    assert events["user.name"].to_list() == ["lan", MASK, "huong"]
    assert events["event.original"].to_list() == ["lan", MASK, "token=***"]
    assert events["credwatch.masked"].to_list() == [False, True, True]


def test_lines() -> None:
    """Lines that nothing read are masked too."""
    frame = redact_lines(pl.DataFrame({"line": ["a", "x password=y"]}))
    assert frame["line"].to_list() == ["a", "x password=***"]


PIECES = st.lists(
    st.sampled_from(["password=", "pwd=", "token = ", "--password ", "Bearer ", "authorization: basic ", "abcdefghij"])
    | st.sampled_from(["'", '"', "\\", "\n", " ", "&", ";", ",", ":", "{", "}", "é", "x"]),
    max_size=8,
).map("".join)


@given(st.lists(PIECES, min_size=1, max_size=4))
@example(["password=", "user"])
@example(["password='", "actor", "'"])
@example(['password="a b" c', "x"])
@example(["token=a\\b", "x"])
def test_a_json_text_stays_one(texts: list[str]) -> None:
    """Masking leaves keys and number of values of a JSON text as they are, whatever its texts hold."""
    line = json.dumps({str(at): text for at, text in enumerate(texts)}, ensure_ascii=False)
    (masked,) = pl.DataFrame({"line": [line]}).select(redact_text(pl.col("line")))["line"].to_list()
    assert [str(at) for at in range(len(texts))] == list(json.loads(masked))


def test_a_name_like_json() -> None:
    """A name that looks like a piece of the object around it is cut out of its place alone."""
    name = '","result":"'
    line = json.dumps({"user": name, "result": "x"}, separators=(",", ":"))
    events = redact_events(pl.DataFrame({"user.name": [name], "event.original": [line], "credwatch.native": [line]}))
    assert {"user": MASK, "result": "x"} == json.loads(events["event.original"][0])
    assert {"user": MASK, "result": "x"} == json.loads(events["credwatch.native"][0])


@pytest.mark.parametrize(
    "command",
    [
        "/usr/bin/env PGPASSWORD=s3cretWord9 psql",
        "/usr/bin/tool --db_password=s3cretWord9",
        "/usr/bin/tool --db-password s3cretWord9",
        "MYSQL_ROOT_PASSWORD='s3cretWord9' mysqld",
        "env CLIENT_SECRET=s3cretWord9 x",
        "curl https://x.example/?user_password=s3cretWord9&y=1",
        "tool --stripe-api-key=s3cretWord9",
    ],
)
def test_a_secret_behind_a_longer_key_is_masked(command: str) -> None:
    """Programs put their own name before the word, and nothing of the value stays."""
    lines = pl.DataFrame({"line": [command]})
    assert "s3cretWord9" not in redact_lines(lines)["line"][0]


KEYS = (
    "password",
    "Passwd",
    "passphrase",
    "client_secret",
    "access_token",
    "api-key",
    "AccountKey",
    "private_key",
    "pwd",
)
KEYS += (
    "sharedaccess-key",
    "dbPassword",
    "keypass",
    "psk",
    "PGPASSWORD",
    "MYSQL_PWD",
    "X_AUTH",
    "sig",
    "code",
    "x-amz-sid",
)
BEFORE = ("--", " -", "?", "&", '"', "\\u0026", " ", "; ", "x-", "{", "https://lan", "https:\\/\\/lan", "curl ", "7z ")
BEHIND = ("=", " = ", '":"', '" : "', ": ", " ", "\\u003d", "\t=", ":", "@host", "-p", " -u ", "basic ", "\\/")
MIXED = st.lists(
    st.sampled_from([*BEFORE, *KEYS, *BEHIND, "s3cretWord9", "Authorization", "Bearer ", "Cookie"]), max_size=9
)


@given(MIXED.map("".join))
@example("AccountKey=s3cretWord9")
@example("wpa_cli -psk s3cretWord9")
@example("--psk\t=")
@example("psk\t=--")
@example("tool --db-pw s3cretWord9")
@example("GET /callback?code=s3cretWord9")
def test_no_secret_is_passed_over(text: str) -> None:
    """The search that spares most lines the rules spares none that a rule would change."""
    lines = pl.DataFrame({"line": [text]})
    assert lines.select(redact_text(pl.col("line")))["line"][0] == redact_lines(lines)["line"][0]


@pytest.mark.parametrize(
    "line",
    [
        "web-host sshd[1]: Failed password for lan from 203.0.113.7 port 22 ssh2",
        "sudo: lan : TTY=pts/0 ; PWD=/home/lan ; USER=root ; COMMAND=/usr/bin/tail -n 100 /var/log/syslog",
        '{"action":"password","credwatch":{"auth":{"method":"password"}},"token":7,"at":"2026-03-02T00:00:07Z"}',
        '{"url":"https://x.example/a","client":{"userAgent":"Mozilla/5.0 (+https://y.example) - z"}}',
    ],
)
def test_everyday_lines_hold_no_clue(line: str) -> None:
    """What sshd, sudo and applications write all day is told from a secret by the first search alone."""
    assert pl.Series([line]).str.contains(_CLUE).to_list() == [False]


@pytest.mark.parametrize(
    "text",
    [
        r'{"command":"tool --password\u003ds3cretWord9"}',
        r'{"command":"tool \u002d\u002dpassword s3cretWord9"}',
        r'{"url":"GET /?x=1\u0026sig=s3cretWord9"}',
        r'{"url":"https:\/\/lan:s3cretWord9@x.example\/"}',
        r'{"command":"mysql -p\u0027s3cretWord9\u0027 shop"}',
        r'{"pass\u0077ord":"s3cretWord9"}',
        r'web1 app: {"command":"PGPASSWORD\u003Ds3cretWord9 psql"}',
    ],
)
def test_no_escape_hides_a_secret(text: str) -> None:
    """Writers of JSON may escape any letter: a secret behind escaped ones is masked, and the text stays JSON."""
    event = redact_events(pl.DataFrame({"event.original": [text], "message": [text]}))
    assert "s3cretWord9" not in event["event.original"][0] + event["message"][0]
    assert json.loads(event["event.original"][0].removeprefix("web1 app: "))


@pytest.mark.parametrize(
    "text", [r'{"a":"\\u003d","b":"\/\u0041"}', r'{"a":"token\\u003dx"}', r'{"url":"https:\/\/x.example:80\/a@b"}']
)
def test_an_escape_that_hides_nothing_stays(text: str) -> None:
    """A text without a secret is kept letter for letter, escapes too."""
    assert text == redact_lines(pl.DataFrame({"line": [text]}))["line"][0]


@pytest.mark.parametrize(
    ("line", "masked"),
    [
        (
            "sql(lan,203.0.113.9): Password mismatch (given password: a) b)",
            "sql(lan,203.0.113.9): Password mismatch (given password: ***",
        ),
        ("login attempt [root/a] failed b] failed", "login attempt [root/***] failed"),
        ('{"m":"login attempt [root/a\\"b] succeeded","x":1}', '{"m":"login attempt [root/***] succeeded","x":1}'),
        ("unknown user (SHA1 of given password: 5baa61)", "unknown user (SHA1 of given password: ***"),
        ('{"log":"mismatch (given password: a\\"b)","x":1}', '{"log":"mismatch (given password: ***","x":1}'),
    ],
)
def test_what_dovecot_tells_of_a_password(line: str, masked: str) -> None:
    """The password that was tried, whatever it holds, is masked to the end of its text, and so is its hash."""
    assert [masked] == redact_lines(pl.DataFrame({"line": [line]}))["line"].to_list()


@pytest.mark.parametrize(
    ("line", "masked"),
    [
        (
            "vchkpw-pop3: password fail (pass: 'a') b') lan@acme.example:203.0.113.9",
            "vchkpw-pop3: password fail (pass: '***') lan@acme.example:203.0.113.9",
        ),
        (
            '{"log":"vchkpw: password fail (pass: \'a\\"b\') lan:203.0.113.9","x":"\') "}',
            '{"log":"vchkpw: password fail (pass: \'***\') lan:203.0.113.9","x":"\') "}',
        ),
        (
            'error,relay=203.0.113.9,msg="535 Authentication failed.",cmd: c2VjcmV0MQ==',
            'error,relay=203.0.113.9,msg="535 Authentication failed.",cmd: ***',
        ),
        (
            '{"log":"error,msg=\\"535 Authentication failed.\\",cmd: c2VjcmV0MQ==","x":1}',
            '{"log":"error,msg=\\"535 Authentication failed.\\",cmd: ***","x":1}',
        ),
        ('msg="535 Authentication failed.",cmd: AUTH LOGIN', 'msg="535 Authentication failed.",cmd: AUTH LOGIN'),
    ],
)
def test_what_mail_servers_repeat_of_a_password(line: str, masked: str) -> None:
    """vpopmail and Courier may write the password that was tried, plain or in Base64: it is masked, no more."""
    assert [masked] == redact_lines(pl.DataFrame({"line": [line]}))["line"].to_list()
