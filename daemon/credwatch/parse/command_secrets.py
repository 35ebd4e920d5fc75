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
    in_url: str
    """What a URL may have before its host."""


PLAIN = Spelling(
    word=r"""(?:(?:'[^']*'|"(?:[^"\\]|\\.)*")(?:\\.|\S)*|(?:\\.|\S)+)""",
    value=r"""(?:'[^']*'|"[^"]*"|[^\s'"]+)""",
    to_pipe=r"[^|]+",
    to_quote=r"""[^'"]+""",
    in_url=r"[^\s/?#]+",
)
JSON = Spelling(
    word=r"""(?:(?:'[^'"\\]*'|\\"(?:[^"\\]|\\[^"])*\\")(?:\\.|[^\s"\\])*|(?:\\.|[^\s"\\])+)""",
    value=r"""(?:'[^'"\\]*'|\\"(?:[^"\\]|\\[^"])*\\"|(?:\\[^"]|[^\s'"\\])+)""",
    to_pipe=r"""(?:\\.|[^|"\\])+""",
    to_quote=r"""(?:\\[^"]|[^'"\\])+""",
    in_url=r"""(?:\\.|[^\s/?#"\\])+""",
)
"""A JSON text must stay one: nothing there reaches over a bare quote, and no escape is cut in two."""

_ARGUMENTS = r"\b[^|;]*?\s"
_PROGRAMS: tuple[tuple[str, str], ...] = (
    ("curl", r"(?:-[a-zA-Z]*u\s*|--user[= ]\s*)"),
    (r"(?:mysql\w*|mariadb[\w-]*|7z[ar]?|unrar|rar)", r"-p"),
    (r"(?:sshpass|useradd|usermod|groupadd|groupmod|rdesktop|mongo\w*|evil-winrm|crackmapexec|nxc|hydra)", r"-p\s*"),
    (r"(?:docker|podman|nerdctl|buildah|skopeo|helm|oras|crane|az|oc)\b[^|;]*?\slogin", r"-p\s*"),
    (r"ldappasswd", r"-[was]\s*"),
    (r"ldap(?:search|modify|add|delete|whoami|compare|modrdn|exop)", r"-w\s*"),
    (
        r"(?:smb\w+|rpcclient|net|winexe|wmic)",
        r"(?:-U\s*|--user(?:name)?[= ]\s*)\\?['\"]?[^\s%'\"\\]+(?:\\+[^\s%'\"\\]+)?%",
    ),
    (r"(?:redis|valkey|keydb)-cli", r"(?:-a\s*|--pass[= ]\s*)"),
    (r"openssl", r"(?:-pass(?:in|out)?\s+\\?['\"]?pass:|-[kK]\s+)"),
    (r"(?:sqlcmd|bcp|osql|tsql|zip|unzip|ipmitool)", r"-P\s*"),
    (r"lftp", r"-u\s*[^\s,]+,"),
    (r"security", r"-w\s*"),
    (r"(?:passwd|chpasswd|sudo|cryptsetup|kinit|login|su|gpg2?|htpasswd)", r"[^|;]*?<<<\s*"),
    (r"kubectl", r"--from-literal[= ]\s*\\?['\"]?[^\s=]+="),
    (r"aws\s+configure\s+set", r"aws_(?:secret_access_key|session_token)\s+"),
)
"""A program, and what stands before a secret among its arguments."""

_TAKERS = (
    r"(?:\S*/)?(?:sudo|su|doas|passwd|chpasswd|cryptsetup|kinit|smbpasswd|docker|podman|helm|gpg2?|htpasswd|openssl)\b"
)
_SCHEMES = (
    r"(?:bearer|basic|digest|token|negotiate|ntlm|apikey|api-key|sharedkey|sso-key|key|oauth|splunk|[\w-]+hmac[\w-]*)"
)
_HEADER = (
    rf"(?i:authorization\s*:\s*(?:{_SCHEMES}\s+)?|(?:set-)?cookie2?\s*:\s*"
    r"|[a-z]+-(?:[a-z]+-)*(?:key|token|secret|auth)\s*:\s*)"
)
_TOKENS = (
    r"\beyJ[\w-]{8,}\.[\w-]+(?:\.[\w-]*)*|\bgh[pousr]_\w{16,}|\bgithub_pat_\w{16,}|\bglpat-[\w-]{16,}|\bxox[a-z]-[\w-]{10,}"
    r"|\bsk-[\w-]{20,}|\bhv[sbr]\.[\w-]{16,}|\bAIza[\w-]{30,}|\bnpm_\w{30,}"
)
_ENVIRONMENT = (
    r"\b(?:[A-Z0-9_]*(?:PASS|PASSWD|PASSWORD|PASSPHRASE|SECRET|TOKEN)|[A-Z0-9_]+_(?:PWD|KEY|AUTH|PAT|CREDENTIALS?))="
)
_URL = r"\b[a-zA-Z][a-zA-Z0-9+.-]*://"

CLUE = (
    # Programs.
    r"curl|mysql|mariadb|sshpass|7z[^|;]*\s-p|rar\s|user(?:add|mod)|group(?:add|mod)|rdesktop|mongo|evil-winrm"
    r"|crackmapexec|nxc|hydra|\slogin|ldap|smb|rpcclient|net\s|winexe|wmic|-cli|openssl|sqlcmd|bcp|osql|tsql|zip|ipmitool"
    r"|lftp|security|<<<|kubectl|aws\s|htpasswd|echo\s|printf\s"
    # Headers, URLs, the environment, options.
    r"|cookie|-(?:key|token|secret|auth)\s*:|://[^\s/:@'\"\\]*:[^\s/?#]*@|s?://[^\s/:@'\"\\]{16,}@"
    r"|[?&](?:x-amz-|sig|auth|key|pass|code|credential|sid|session|jwt)|pass=|_(?:pwd|key|auth|pat|credentials?)=|-pwd|-psk"
    # Tokens.
    r"|eyj[\w-]{8}|gh[pousr]_|github_pat_|glpat-|xox[a-z]-|sk-|hv[sbr]\.|aiza|npm_|private key-----"
)
"""One of these, or a clue to any key (`redact.py`), is in every text that has one of the ways, in any case."""


def rules(spelling: Spelling) -> tuple[tuple[str, str], ...]:
    """Give patterns and what replaces them, in the order in which they are to be applied."""
    programs = "|".join(rf"\b{program}{_ARGUMENTS}{option}" for program, option in _PROGRAMS)
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
        (rf"(?P<key>\b(?:echo|printf)\s+){spelling.to_pipe}(?P<taker>\|\s*{_TAKERS})", "${key}*** ${taker}"),
        (rf"(?P<key>\bhtpasswd\s+(?:-\w+\s+(?:\d+\s+)?)*?-[a-zA-Z]*b[a-zA-Z]*\s+){_arguments(spelling)}", "${key}***"),
        (rf"(?P<key>{programs}){spelling.word}", "${key}***"),
        (rf"(?P<key>\bcurl{_ARGUMENTS}(?:-U\s*|--proxy-user[= ]\s*)){spelling.word}", "${key}***"),
        (rf"(?P<key>\bcurl{_ARGUMENTS}(?:-b\s*|--cookie[= ]\s*|--oauth2-bearer[= ]\s*)){spelling.word}", "${key}***"),
        (rf"(?P<key>\s--?(?:(?:store|key|proxy-)?pass|pwd|psk)[= ]){spelling.word}", "${key}***"),
        (_TOKENS, "***"),
    )


def _cookies(spelling: Spelling) -> str:
    """Give what a header without quotes holds: one word, and as a cookie those that a semicolon joins."""
    return rf"{spelling.value}(?:;?\s+[^\s='\"\\-][^\s='\"\\]*={spelling.value})*"


def _arguments(spelling: Spelling) -> str:
    """Give all arguments that are left: the secret is the last of them."""
    return rf"{spelling.word}(?:\s+{spelling.word}){{0,2}}"
