"""The ways in which commands, URLs and headers carry secrets: what stands before one, and how far it reaches.

A secret that stands behind a key of its own (`--password x`, `token=x`) is `redact.py`'s. Here are those that only
their program or their place makes one: `mysql -px`, `curl -u lan:x`, `https://lan:x@host`, `Cookie: x`, and tokens,
which are known by their build. sudo writes arguments without their quotes, so an argument goes on to the next blank;
what began with a quote ends with it.
"""

from __future__ import annotations

import msgspec


class Spelling(msgspec.Struct, frozen=True):
    """How far a secret reaches in one kind of text, as regular expressions."""

    word: str
    """One argument of a command, quoted or not."""
    value: str
    """What stands behind a header's colon, quoted or not."""
    to_pipe: str
    """Everything up to the pipe that takes it."""
    to_quote: str
    """Everything up to the quote that ends it."""
    in_quotes: str
    """A text as SQL quotes it, and what may stand before it."""
    in_url: str
    """What a URL may have before its host."""


PLAIN = Spelling(
    word=r"""(?:(?:'[^']*'|"(?:[^"\\]|\\.)*")(?:\\.|\S)*|(?:\\.|\S)+)""",
    value=r"""(?:'[^']*'|"[^"]*"|[^\s'"]+)""",
    to_pipe=r"[^|]+",
    to_quote=r"""[^'"]+""",
    in_quotes=r"""(?:[\s(=]*'[^']*'|[\s(=]+"[^"]*"|\s*\$\w*\$[^$]+\$\w*\$)""",
    in_url=r"[^\s/?#]+",
)
JSON = Spelling(
    word=r"""(?:(?:'[^'"\\]*'|\\"(?:[^"\\]|\\[^"])*\\")(?:\\.|[^\s"\\])*|(?:\\.|[^\s"\\])+)""",
    value=r"""(?:'[^'"\\]*'|\\"(?:[^"\\]|\\[^"])*\\"|(?:\\[^"]|[^\s'"\\])+)""",
    to_pipe=r"""(?:\\.|[^|"\\])+""",
    to_quote=r"""(?:\\[^"]|[^'"\\])+""",
    in_quotes=r"""(?:[\s(=]*'[^'"\\]*'|[\s(=]+\\"(?:[^"\\]|\\[^"])*\\"|\s*\$\w*\$[^$"\\]+\$\w*\$)""",
    in_url=r"""(?:\\.|[^\s/?#"\\])+""",
)
"""A JSON text must stay one: nothing there reaches over a bare quote, and no escape is cut in two."""

_ARGUMENTS = r"\b[^|;]*?\s"
_PROGRAMS: tuple[tuple[str, str], ...] = (
    ("curl", r"(?:-[a-zA-Z]*u\s*|--user[= ]\s*)"),
    (r"(?:mysql\w*|mariadb[\w-]*|7z[ar]?|unrar|rar)", r"-p"),
    (
        r"(?:sshpass|useradd|usermod|groupadd|groupmod|rdesktop|mongo\w*|evil-winrm|crackmapexec|nxc|hydra"
        r"|twine|cqlsh|ncftp\w*|doveadm|bluetoothctl)",
        r"-p\s*",
    ),
    (r"(?:docker|podman|nerdctl|buildah|skopeo|helm|oras|crane|az|oc)\b[^|;]*?\slogin", r"-p\s*"),
    (r"ldappasswd", r"-[was]\s*"),
    (r"(?:ldap(?:search|modify|add|delete|whoami|compare|modrdn|exop)|kadmin[\w.]*|ipa-[\w-]+)", r"-w\s*"),
    (r"(?:https?|xhs?)", r"(?:-a\s*|--auth[= ]\s*)"),
    (r"snmp\w+", r"-[cAX]\s*"),
    (r"ssh-keygen", r"-[NP]\s*"),
    (r"(?:swaks|sendemail)", r"-[ax]p\s+"),
    (r"slappasswd", r"-s\s*"),
    (
        r"(?:smb\w+|rpcclient|net|winexe|wmic)",
        r"(?:-U\s*|--user(?:name)?[= ]\s*)\\?['\"]?[^\s%'\"\\]+(?:\\+[^\s%'\"\\]+)?%",
    ),
    (r"(?:redis|valkey|keydb)-cli", r"(?:-a\s*|--pass[= ]\s*)"),
    (r"openssl", r"(?:-pass(?:in|out)?\s+\\?['\"]?pass:|-[kK]\s+)"),
    (r"(?:sqlcmd|bcp|osql|tsql|i?usql|isql|zip|unzip|ipmitool)", r"-P\s*"),
    (r"lftp", r"-u\s*[^\s,]+,"),
    (r"security", r"-w\s*"),
    (r"(?:passwd|chpasswd|sudo|cryptsetup|kinit|login|su|gpg2?|htpasswd)", r"[^|;]*?<<<\s*"),
    (r"aws\s+configure\s+set", r"aws_(?:secret_access_key|session_token)\s+"),
    (r"aws\s+ssm\s+put-parameter", r"--value[= ]\s*"),
    (r"(?:npm|yarn|pnpm)\s+(?:config\s+)?set", r"\S*_(?:auth\w*|password)\s+"),
    (r"(?:nmcli|iwconfig|iw|wpa_cli)", r"(?:password|key|[\w.-]*(?:psk|wep-key\d?))\s+"),
    (r"(?:pdftk|qpdf)", r"(?:(?:user|owner|input)_pw|--encrypt)\s+"),
    (r"(?:impacket-\w+|\w+\.py)", r"(?:[\w.-]+/)?[\w.-]+:"),
)
"""A program, and what stands before a secret among its arguments."""

_COMMANDS = (
    *(r"openssl\s+passwd", r"mkpasswd", r"mosquitto_passwd\s", r"wpa_passphrase", r"vault\s+login"),
    *(r"vault\s+operator\s+(?:unseal|rekey)", r"vault\s+kv\s+(?:put|patch)\s+\S+", r"vault\s+write\s+\S+"),
    *(r"rabbitmqctl\s+\w*_(?:user|password)", r"(?:ejabberdctl|prosodyctl)\s+(?:register|change_password|passwd)"),
    *(r"net1?(?:\.exe)?\s+user?", r"samba-tool\s+user\s+(?:create|add|setpassword)", r"sql(?:plus|ldr|cl)"),
    *(r"mc\s+alias\s+set", r"mc\s+config\s+host\s+add", r"i(?:u)?sql\s+[^-\s]\S*", r"expect\s+-c"),
    *(r"rclone\s+obscure", r"rclone\s+config\s+(?:create|update|password)", r"mysqladmin\b[^|;]*?\spassword"),
    *(r"(?:redis|valkey|keydb)-cli\b[^|;]*?\s(?i:auth)", r"(?i:ConvertTo-SecureString)"),
    r"(?i:config\s+set\s+(?:requirepass|masterauth))",
)
"""Commands of which any argument may be the secret, so that all are masked."""

_TAKERS = (
    r"(?:\S*/)?(?:sudo|su|doas|passwd|chpasswd|cryptsetup|kinit|smbpasswd|docker|podman|helm|gpg2?|htpasswd|openssl)\b"
)
_SCHEMES = (
    r"(?:bearer|basic|digest|token|negotiate|ntlm|apikey|api-key|sharedkey|sso-key|key|oauth|splunk|[\w-]+hmac[\w-]*)"
)
_HEADER = (
    rf"(?i:authorization\s*:\s*(?:{_SCHEMES}\s+)?|(?:set-)?cookie2?\s*:\s*"
    r"|(?:[a-z]+-(?:[a-z]+-)*(?:key|token|secret|auth|password)|api_?key)\s*:(?:\\*\s)*)"
)
_LETTER = "[0-9A-Za-z_-]"
_TOKENS = "|".join(
    rf"\b{head}{_LETTER}{{{length},}}{tail}"
    for head, length, tail in (
        ("eyJ", 8, rf"\.{_LETTER}+(?:\.{_LETTER}*)*"),
        ("gh[pousr]_", 16, ""),
        ("github_pat_", 16, ""),
        ("glpat-", 16, ""),
        ("xox[a-z]-", 10, ""),
        ("sk-", 20, ""),
        (r"hv[sbr]\.", 16, ""),
        ("AIza", 30, ""),
        ("npm_", 30, ""),
    )
)
r"""What services give out. Of ASCII alone: `\w{30,}` is written out thirty times with all letters of all scripts."""
_ENVIRONMENT = (
    r"\b(?:[A-Z0-9_]*(?:PASS|PASSWD|PASSWORD|PASSPHRASE|SECRET|TOKEN|CREDS?)"
    r"|[A-Z0-9_]+_(?:PW|PWD|KEY|AUTH|PAT|PSK|PIN|CREDENTIALS?))="
)
_OPTIONS = (
    r"\s--?(?:[\w.-]*(?:pass|pw|pwd|psk|auth-?key|secret-string|secret-value)|requirepass|(?:so-|user-)?pin"
    r"|from-literal[= ]\s*[^\s=]+)[= ]\s*"
)
_OPTIONS_WITH_COLON = r"\s(?:--?|/)(?i:p|pw|pwd|[\w-]*(?:pass|password|passwd|passphrase|secret|token)):"
_ACCOUNTS = (
    r"\s(?:--?(?:user|auth|userpass|credentials?|creds|basic-auth|login|cert)[= ]\s*|-E\s*)"
    r"[^\s:=]*[^\s:=\d][^\s:=]*:"
)
"""An option whose value is an account, or a file, and behind a colon its secret; `--user 1000:1000` is none."""
_SQL = (
    r"\b(?i:identified\s+(?:(?:with|via)\s+\w+\s+)?(?:by|as|using)(?:\s+password)?"
    r"|password(?:\s+for\s+\S+)?(?:\s*=)?(?:\s*password)?)"
)
_ARGUMENT = r"(?:\b(?:COMMAND=|ran command |CMD \()|^/)[^|]*?\s(?i:pass|password|passwd|passphrase|secret|token):\s*"
_URL = r"\b[a-zA-Z][a-zA-Z0-9+.-]*://"

CLUE = (
    # Programs.
    r"curl|mysql|mariadb|sshpass|7z[^|;]*\s-p|rar\s|user(?:add|mod)|group(?:add|mod)|rdesktop|mongo|evil-winrm"
    r"|crackmapexec|nxc|hydra|\slogin|ldap|smb|rpcclient|net\s|winexe|wmic|-cli|openssl|sqlcmd|bcp|osql|tsql|zip|ipmitool"
    r"|lftp|security|<<<|kubectl|aws\s|htpasswd|(?:echo|printf|yes|mc|iw|expect|vault|https?|xhs?)\s|cqlsh|twine|ncftp"
    r"|doveadm|kadmin|ipa-|snmp|ssh-keygen|swaks|sendemail|slappasswd|nmcli|iwconfig|wpa_|pdftk|qpdf|impacket|\.py\s"
    r"|net1|net\.exe|samba-tool|sql(?:plus|ldr|cl)|i?usql|isql|rclone|convertto-|rabbitmqctl|ejabberdctl|prosodyctl"
    r"|mkpasswd|mosquitto_passwd|(?:npm|yarn)\s|requirepass|masterauth|identified\s|password\s*'"
    r"|password(?:\s+for\s+\S+)?[\s(=]+['\"(\\$]|user(?:name)?=[^\s%,=]+%|[\s/-]\w*(?:pass\w*|secret|token):"
    # Headers, URLs, the environment, options.
    r"|cookie|-(?:key|token|secret|auth)\s*:|://[^\s/:@'\"\\]*:[^\s/?#]*@|s?://[^\s/:@'\"\\]{16,}@"
    r"|[?&](?:x-amz-|sig|auth|key|pass|code|credential|sid|session|jwt)|pass=|creds?="
    r"|[_.-](?:pwd?|psk|pin|key|auth|pat|credentials?)=|psk="
    r"|\s--?\S*(?:pw|psk|pin|pass|auth-?key|secret-\w+|from-literal)[= ]"
    r"|\s(?:-E|--?(?:user|auth|userpass|cred\w*|basic-auth|login|cert)[= ])\s*\S+:|\s(?:--?|/)p(?:wd?)?:|api_?key\s*:"
    # Tokens.
    r"|eyj[\w-]{8}|gh[pousr]_|github_pat_|glpat-|xox[a-z]-|sk-|hv[sbr]\.|aiza|npm_|private key-----"
)
"""One of these, or a clue to any key (`redact.py`), is in every text that has one of the ways, in any case."""


def rules(spelling: Spelling) -> tuple[tuple[str, str], ...]:
    """Give patterns and what replaces them, in the order in which they are to be applied."""
    programs = "|".join(rf"\b{program}{_ARGUMENTS}{option}" for program, option in _PROGRAMS)
    # Where an option stands twice, the first rule finds its first place, and this one its last.
    again = programs.replace(_ARGUMENTS, _ARGUMENTS.replace("*?", "*"))
    return (
        (r"-----BEGIN [A-Z0-9 ]*PRIVATE KEY-----" + spelling.to_quote, "-----BEGIN PRIVATE KEY-----***"),
        (rf"(?P<key>['\"]{_HEADER}){spelling.to_quote}", "${key}***"),
        (rf"(?P<key>\b{_HEADER}){_cookies(spelling)}", "${key}***"),
        (rf"(?P<key>{_ENVIRONMENT}){spelling.word}", "${key}***"),
        (rf"(?P<key>{_URL}[^\s/:@'\"\\]*:){spelling.in_url}@", "${key}***@"),
        (r"(?P<key>\bhttps?://)[^\s/:@'\"\\]{16,}@", "${key}***@"),
        (
            r"(?P<key>[?&](?i:x-amz-)?(?i:sig|signature|auth|key|pass|code|credential|sid|session\w*|jwt)=)[^\s&#'\"\\]+",
            "${key}***",
        ),
        (rf"(?P<key>\b(?:echo|printf|yes)\s+){spelling.to_pipe}(?P<taker>\|\s*{_TAKERS})", "${key}*** ${taker}"),
        (rf"(?P<key>\bhtpasswd\s+(?:-\w+\s+(?:\d+\s+)?)*?-[a-zA-Z]*b[a-zA-Z]*\s+){spelling.to_pipe}", "${key}***"),
        (rf"(?P<key>\b(?:{'|'.join(_COMMANDS)})\s+){spelling.to_pipe}", "${key}***"),
        (rf"(?P<key>{programs}){spelling.word}", "${key}***"),
        (rf"(?P<key>{again}){spelling.word}", "${key}***"),
        (rf"(?P<key>\bcurl{_ARGUMENTS}(?:-U\s*|--proxy-user[= ]\s*)){spelling.word}", "${key}***"),
        (rf"(?P<key>\bcurl{_ARGUMENTS}(?:-b\s*|--cookie[= ]\s*|--oauth2-bearer[= ]\s*)){spelling.word}", "${key}***"),
        (rf"(?P<key>{_OPTIONS}|{_OPTIONS_WITH_COLON}|{_ACCOUNTS}|{_ARGUMENT}){spelling.word}", "${key}***"),
        (rf"(?P<key>\buser(?:name)?=[^\s%,=]+%){spelling.word}", "${key}***"),
        (rf"(?P<key>{_SQL}){spelling.in_quotes}", "${key}***"),
        (_TOKENS, "***"),
    )


def _cookies(spelling: Spelling) -> str:
    """Give what a header without quotes holds: one word, and as a cookie those that a semicolon joins."""
    return rf"{spelling.value}(?:;?\s+[^\s='\"\\-][^\s='\"\\]*={spelling.value})*"
