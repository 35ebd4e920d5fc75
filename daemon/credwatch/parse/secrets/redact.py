"""Masks secrets before anything is stored: passwords typed as user names, and credentials written into messages."""

from __future__ import annotations

import json
import re

import polars as pl

from credwatch.parse.containers import HEAD
from credwatch.parse.secrets import command_secrets

MASK = "***"
"""What stands where a secret stood."""

_NAMES = ("user.name", "user.effective.name", "user.target.name", "user.email")
_TEXTS = (
    "event.original",
    "credwatch.native",
    "message",
    "process.command_line",
    "event.reason",
    "user_agent.original",
)
_WHOLE = ("event.original", "credwatch.native")
_KEY = (
    r"(?:[\w.-]*(?:password|passwd|passphrase|secret(?:[_-]?(?:access)?[_-]?key)?|[_-]token)|\w*token"
    r"|(?:[\w.-]*[_.-])?(?:pass|psk|creds?)|[\w.-]*[_.-](?:pwd?|credentials?)|(?-i:\w*[a-z]P(?:ass|wd?|sk))"
    r"|requirepass|[\w-]*(?:api|account|private|shared|auth)[_-]?key)"
)
# Keys are matched in any case, but for `pwd`.
_RULES: tuple[tuple[str, str], ...] = (
    (rf'(?P<key>"(?:(?i){_KEY}|pwd)"\s*:\s*)"(?:[^"\\]|\\.)*"', '${key}"***"'),
    (r"(?P<key>\b(?i)authorization\s*[=:]\s*(?:bearer|basic|digest|token)\s+)[^\s\"',;]+", "${key}***"),
    (r"(?P<key>\b(?i)bearer\s+)[A-Za-z0-9._~+/=-]{8,}", "${key}***"),
    (rf"(?P<key>\b(?:(?i){_KEY})\s?=\s?|\b[Pp]wd=)'[^']*'", "${key}'***'"),
    (rf'(?P<key>\b(?:(?i){_KEY})\s?=\s?|\b[Pp]wd=)"[^"]*"', '${key}"***"'),
    (rf"(?P<key>\b(?:(?i){_KEY})\s?=\s?|\b[Pp]wd=)[^\s\"'&;]+", "${key}***"),
    (rf"(?P<key>(?:--|\s-)(?:(?i){_KEY})=){command_secrets.PLAIN.word}", "${key}***"),
    (rf"(?P<key>(?:--|\s-)(?:(?i){_KEY})\s+)(?:'[^']*'|\"(?:[^\"\\]|\\.)*\"|[^\s\"'-]\S*)", "${key}***"),
    # FreeRADIUS writes `[name/password]`; what it knows no password of stands between < and >.
    (r"(?P<key>: \[[^/\]]*/)(?:[^<].*|<[^vnC].*)(?P<rest>\] \(from client )", "${key}***${rest}"),
    (r"(?P<key>\bAUTH (?:PLAIN|LOGIN|CRAM-MD5|X?OAUTH\w*) )[A-Za-z0-9+/=]{4,}", "${key}***"),
    # Dovecot writes what was tried, or its hash, where it is told to.
    (r"(?P<key>\bgiven password: ).*", "${key}***"),
    # Cowrie writes what was tried at its decoys.
    (r"(?P<key>\blogin attempt \[[^/\]]*/).*(?P<rest>\] (?:failed|succeeded))", "${key}***${rest}"),
    # vpopmail writes it in brackets; Courier repeats what the client answered, in Base64.
    (r"(?P<key>\(pass: ').*(?P<rest>'\) )", "${key}***${rest}"),
    (r'(?P<key>535 Authentication failed\.",cmd: )[A-Za-z0-9+/]{4,}={0,2}$', "${key}***"),
)

_ANY_RULE = (
    rf'"(?:(?i:{_KEY})|pwd)"\s*:\s*"|(?i:authorization)\s*[=:]|(?i:bearer)\s'
    rf"|\b(?i:{_KEY})\s?=|\b[Pp]wd=|(?:--|\s-)(?i:{_KEY})[= ]"
    r"|\] \(from client |\bAUTH [A-Z0-9-]+ [A-Za-z0-9+/=]|\bgiven password: "
    r"|\(pass: '|\.\\?\",cmd: |\blogin attempt \["
)
"""What begins the match of any rule; most lines with a clue have none."""

_CLUE = (
    r"(?i:(?:passw(?:or)?d|passphrase|secret|token|(?:api|account|private|shared|access|secret)[_-]?key)"
    r'(?:\s?=|"\s*:\s*")|(?:pass|psk|creds?|credentials?|pwd?)"\s*:\s*"|(?:pass|psk|creds?|credentials?|pw|[_.-]pwd)\s?=|authorization|bearer\s|'
    + command_secrets.CLUE
    + ")"
    r"|\b[Pp]wd=|(?:--|\s-)\S*(?i:pass|secret|token|key|psk|cred|pwd?)|\] \(from client |AUTH [A-Z0-9-]+ [A-Za-z0-9+/=]"
    r"|given password: |\(pass: '|\.\\?\",cmd: |login attempt \["
)
"""What is in every text that a rule changes, as one expression that reads each letter once.

sudo writes `PWD=/home/lan` in every line and sshd `Failed password for`: neither is a clue.
"""

_ESCAPES = r"\\u00[2-7]|\\/"
_ESCAPE = re.compile(r"\\(?:u00(?P<code>[2-7][0-9a-fA-F])|(?P<slash>/)|.)")

# In a JSON text a value must end within its string: what would reach into the next key, or cut an escape in two, would
# leave no JSON, and so hide the event from rules on its own fields.
_JSON_WORD = r"(?:[^\s\"'&;\\]|\\[^\"])+"
_JSON_RULES: tuple[tuple[str, str], ...] = (
    _RULES[0],
    (rf"(?P<key>\b(?i)authorization\s*[=:]\s*(?:bearer|basic|digest|token)\s+){_JSON_WORD}", "${key}***"),
    _RULES[2],
    (rf"(?P<key>\b(?:(?i){_KEY})\s?=\s?|\b[Pp]wd=)'(?:[^'\"\\]|\\.)*'", "${key}'***'"),
    (rf'(?P<key>\b(?:(?i){_KEY})\s?=\s?|\b[Pp]wd=)\\"(?:[^"\\]|\\[^"])*\\"', r"${key}\"***\""),
    (rf"(?P<key>\b(?:(?i){_KEY})\s?=\s?|\b[Pp]wd=){_JSON_WORD}", "${key}***"),
    (rf"(?P<key>(?:--|\s-)(?:(?i){_KEY})=){command_secrets.JSON.word}", "${key}***"),
    (rf"(?P<key>(?:--|\s-)(?:(?i){_KEY})\s+)(?:'[^'\"\\]*'|(?:\\.|[^\s\"'\\-])(?:\\.|[^\s\"\\])*)", "${key}***"),
    (r'(?P<key>\bgiven password: )(?:[^"\\]|\\.)*', "${key}***"),
    (r"(?P<key>\blogin attempt \[[^/\]\"\\]*/)(?:[^\"\\]|\\.)*(?P<rest>\] (?:failed|succeeded))", "${key}***${rest}"),
    (r"(?P<key>\(pass: ')(?:[^\"\\]|\\.)*(?P<rest>'\) )", "${key}***${rest}"),
    (r'(?P<key>535 Authentication failed\.\\",cmd: )[A-Za-z0-9+/]{4,}={0,2}(?P<rest>")', "${key}***${rest}"),
)

_ALL_RULES = (*command_secrets.rules(command_secrets.PLAIN), *_RULES)
_ALL_JSON_RULES = (*command_secrets.rules(command_secrets.JSON), *_JSON_RULES)


def redact_text(text: pl.Expr) -> pl.Expr:
    """Mask what stands behind `password=`, `passwd=`, `pwd=`, `token=`, `Authorization: Bearer` and their kin.

    Read are shell words, quoted words, URL parameters and JSON strings. A String expression in, one out; no match
    leaves the text as it is. What begins as a JSON object stays one.
    """
    return text.map_batches(_redacted, return_dtype=pl.String)


def _redacted(texts: pl.Series) -> pl.Series:
    """Apply the rules to the texts, and within a container's line to the text that it holds."""
    heads = texts.str.extract(f"({HEAD})")
    if heads.null_count() == len(heads):
        return _redacted_texts(texts)
    inner = _redacted_texts(texts.str.replace(HEAD, ""))
    return (heads.fill_null("") + inner).alias(texts.name)


def _redacted_texts(texts: pl.Series) -> pl.Series:
    """Apply the rules for JSON, the others, or both: a rule is compiled only where there is a text for it."""
    plain = _unescaped(texts)
    is_json = texts.str.starts_with("{").fill_null(False)
    text = pl.col("text")
    replaced = _replaced(text, _ALL_RULES)
    if is_json.all():
        replaced = _replaced(text, _ALL_JSON_RULES)
    elif is_json.any():
        replaced = pl.when(is_json).then(_replaced(text, _ALL_JSON_RULES)).otherwise(replaced)
    masked = plain.alias("text").to_frame().select(replaced).to_series()
    return masked.zip_with((masked != plain).fill_null(False), texts).alias(texts.name)


def _unescaped(texts: pl.Series) -> pl.Series:
    """Write as themselves what some writers of JSON escape without need: `=`, `&`, `'`, `<`, `/`, and any letter."""
    escaped = texts.str.contains(_ESCAPES).fill_null(False).arg_true()
    plain = [_ESCAPE.sub(_letter, text) for text in texts.gather(escaped)]
    return texts.clone().scatter(escaped, pl.Series(plain, dtype=pl.String)) if plain else texts


def _letter(escape: re.Match[str]) -> str:
    code = escape["code"] or escape["slash"]
    letter = chr(int(code, 16)) if escape["code"] else code
    return letter if letter and letter not in '"\\' else escape[0]


def _replaced(text: pl.Expr, rules: tuple[tuple[str, str], ...]) -> pl.Expr:
    for pattern, replacement in rules:
        text = text.str.replace_all(pattern, replacement)
    return text


def redact_events(events: pl.DataFrame) -> pl.DataFrame:
    """Mask secrets in an events frame, and set `credwatch.masked` (Boolean) where something was masked.

    A name that looks like a password is masked wherever the line repeats it, unless the login succeeded: then it is
    the account's name. Only columns of the frame are touched; the number and order of rows stay.
    """
    names = [name for name in _NAMES if name in events.columns]
    secrets = _secret_names(events, names)
    events = events.with_columns(pl.lit(False).alias("credwatch.masked"))
    if secrets:
        events = _mask_names(events, secrets, names)
    return _mask_texts(events)


def redact_lines(lines: pl.DataFrame) -> pl.DataFrame:
    """Mask secrets in the column `line` of a frame."""
    suspects = _has_clue(lines["line"])
    if not suspects.any():
        return lines
    return lines.with_columns(pl.when(suspects).then(redact_text(pl.col("line"))).otherwise("line").alias("line"))


def looks_like_secret(name: pl.Expr) -> pl.Expr:
    """Say whether a name is rather a password (Boolean expression): long enough, and of a build that names lack.

    E-mail addresses, `DOMAIN\\user`, `DOMAIN/user`, machine accounts (`HOST$`), words joined by `. _ -` and names of
    directories (`uid=lan,dc=acme`, RFC 4514), of AWS (`arn:aws:iam::1:user/lan`) and of Kubernetes
    (`system:serviceaccount:shop:default`) are names.
    """
    is_name = name.str.contains(
        r"^[^@\s]+@[A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)*\.[A-Za-z]{2,}$|^[\w.-]+[\\/][\w.-]+\$?$|^[\w.-]+\$$|\s|://|^\$\{"
        r"|^[A-Za-z][\w.-]*=[^,=]+(?:,[A-Za-z][\w.-]*=[^,=]+)+$"
        r"|^arn:aws[a-z-]*:[a-z0-9-]+:[a-z0-9-]*:\d*:[^\s:]+$|^system:[a-z0-9-]+(?::[a-z0-9.-]+)*$"
    )
    lower, upper, digit = (name.str.contains(pattern) for pattern in (r"\p{Ll}", r"\p{Lu}", r"\d"))
    symbol = name.str.contains(r"[^\w\s.\-@\\/+]")
    at = name.str.contains("@")
    classes = lower.cast(pl.Int8) + upper.cast(pl.Int8) + digit.cast(pl.Int8)
    mixed = (symbol & (classes >= 2)) | (at & (classes == 3)) | (name.str.count_matches(r"[^\w\s.\-@\\/+]") >= 2)
    woven = lower & upper & (name.str.count_matches(r"\p{L}\d+\b{0}\p{L}".replace(r"\b{0}", "")) >= 2)
    return ~_is_plain(name) & ~is_name & (mixed | (woven & (name.str.len_chars() >= 10)))


def _is_plain(name: pl.Expr) -> pl.Expr:
    """Mark the names that need no further look, which are nearly all."""
    return name.str.contains(r"^[a-z0-9._-]*$|^[A-Z]?[a-z._-]*[0-9]*$") | (name.str.len_chars() < 8)


def _secret_names(events: pl.DataFrame, names: list[str]) -> frozenset[str]:
    """Find the secrets among the names; each distinct name is looked at once."""
    distinct = pl.concat([pl.Series("name", [], dtype=pl.String), *(events[name].unique() for name in names)])
    unusual = distinct.drop_nulls().to_frame("name").filter(~_is_plain(pl.col("name")))
    if unusual.is_empty():
        return frozenset()
    return frozenset(unusual.filter(looks_like_secret(pl.col("name"))).to_series())


def _mask_names(events: pl.DataFrame, secrets: frozenset[str], names: list[str]) -> pl.DataFrame:
    """Replace the secrets wherever the lines that name them hold them, column by column: there may be many."""
    values = pl.Series(sorted(secrets)).implode()
    held = events.select(pl.any_horizontal(pl.col(names).is_in(values).fill_null(False))).to_series()
    if "event.outcome" in events.columns:
        held = held & (events["event.outcome"] != "success").fill_null(True)
    texts = [name for name in _TEXTS if name in events.columns]
    rows = events.with_row_index().filter(held).select("index", *names, *texts)
    for number, name in enumerate(names):
        is_cut = pl.any_horizontal(pl.lit(False), *[pl.col(before) == pl.col(name) for before in names[:number]])
        secret = pl.col(name).is_in(values) & ~is_cut.fill_null(False)
        rows = _without(rows, pl.when(secret).then(name), texts)
    rows = rows.with_columns(
        pl.when(pl.col(name).is_in(values)).then(pl.lit(MASK)).otherwise(name).alias(name) for name in names
    )
    updated = events.with_row_index().update(rows, on="index", how="left", include_nulls=True).drop("index")
    return updated.with_columns((pl.col("credwatch.masked") | held).alias("credwatch.masked"))


def _without(rows: pl.DataFrame, secret: pl.Expr, texts: list[str]) -> pl.DataFrame:
    """Cut the secret of each row out of its texts, also as JSON writes it; null cuts nothing.

    A loop, for no expression replaces another text in each row; what a secret looks like is worked out once for each.
    """
    secrets = rows.select(secret).to_series()
    places = secrets.is_not_null().arg_true()
    forms = {text: _forms(text) for text in secrets.unique().drop_nulls()}
    mine = [forms[text] for text in secrets.gather(places)]
    for name in texts if len(places) else ():
        values = rows[name].gather(places).to_list()
        must_hold = name in _WHOLE
        cut = [_cut(text, *form, must_hold=must_hold) for text, form in zip(values, mine, strict=True)]
        rows = rows.with_columns(rows[name].scatter(places, pl.Series(cut, dtype=pl.String)))
    return rows


def _forms(secret: str) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Give what a secret looks like in a JSON text, and in any other."""
    if secret.isascii() and secret.isprintable() and not {'"', "\\"} & {*secret}:
        return (secret,), (secret,)
    in_json = tuple(dict.fromkeys((json.dumps(secret)[1:-1], json.dumps(secret, ensure_ascii=False)[1:-1])))
    return in_json, tuple(dict.fromkeys((secret, *in_json)))


def _cut(text: str | None, in_json: tuple[str, ...], anywhere: tuple[str, ...], *, must_hold: bool) -> str | None:
    """Cut a secret out of a text; an original that hides it otherwise is masked as a whole.

    Of a JSON text only what JSON writes is cut: the secret itself may look like a piece of the object around it.
    """
    if text is None:
        return None
    cut = text
    for form in in_json if text.startswith("{") else anywhere:
        cut = cut.replace(form, MASK)
    return MASK if must_hold and cut == text else cut


def _has_clue(texts: pl.Series) -> pl.Series:
    """Mark the texts that may hold a credential: those with a clue that a rule matches too."""
    texts = _unescaped(texts)
    marked = texts.str.contains(_CLUE).fill_null(False)
    held = marked.arg_true()
    return marked.scatter(held, _begins_a_rule(texts.gather(held))) if len(held) else marked


def _begins_a_rule(texts: pl.Series) -> pl.Series:
    """Mark the texts that a rule matches; pattern by pattern, for one that holds them all is a hundred times slower."""
    patterns = (_ANY_RULE, *(pattern for pattern, _ in _ALL_RULES[: -len(_RULES)]))
    matches = [pl.col("text").str.contains(pattern) for pattern in patterns]
    return texts.alias("text").to_frame().select(pl.any_horizontal(matches)).to_series()


def _mask_texts(events: pl.DataFrame) -> pl.DataFrame:
    if "event.original" not in events.columns:
        return events
    suspects = _has_clue(events["event.original"])
    if not suspects.any():
        return events
    texts = [name for name in _TEXTS if name in events.columns]
    rows = events.with_row_index().filter(suspects).select("index", *texts)
    cleaned = rows.with_columns(redact_text(pl.col(name)) for name in texts)
    changed = rows.filter((rows["event.original"] != cleaned["event.original"]).fill_null(False))["index"]
    if not len(changed):
        return events
    cleaned = cleaned.filter(pl.col("index").is_in(changed.implode()))
    updated = events.with_row_index().update(cleaned, on="index", how="left")
    hit = pl.col("index").is_in(changed.implode())
    return updated.with_columns((pl.col("credwatch.masked") | hit).alias("credwatch.masked")).drop("index")
