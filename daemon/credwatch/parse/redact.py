"""Masks secrets before anything is stored: passwords typed as user names, and credentials written into messages."""

from __future__ import annotations

import json

import polars as pl

MASK = "***"
"""What stands where a secret stood."""

_NAMES = ("user.name", "user.effective.name", "user.target.name", "user.email")
_TEXTS = ("event.original", "message", "process.command_line", "event.reason", "user_agent.original")
_CLUES = (
    *("password=", "password =", 'password"', "passwd=", "passwd =", 'passwd"', "passphrase", "secret=", 'secret"'),
    *("token=", "token =", 'token"', "api_key", "api-key", "apikey", "authorization", "bearer ", 'pwd"', "pwd="),
    *("--password", "--passwd", "--token", "--secret"),
)
_KEY = r"(?:password|passwd|passphrase|secret|(?:[a-z]+[_-])?token|api[_-]?key)"
# Keys are matched in any case, but for `pwd`: sudo writes PWD=/home/lan in every line.
_RULES: tuple[tuple[str, str], ...] = (
    (rf'(?P<key>"(?:(?i){_KEY}|pwd)"\s*:\s*)"(?:[^"\\]|\\.)*"', '${key}"***"'),
    (r"(?P<key>\b(?i)authorization\s*[=:]\s*(?:bearer|basic|digest|token)\s+)[^\s\"',;]+", "${key}***"),
    (r"(?P<key>\b(?i)bearer\s+)[A-Za-z0-9._~+/=-]{8,}", "${key}***"),
    (rf"(?P<key>\b(?:(?i){_KEY})\s?=\s?|\b[Pp]wd=)'[^']*'", "${key}'***'"),
    (rf'(?P<key>\b(?:(?i){_KEY})\s?=\s?|\b[Pp]wd=)"[^"]*"', '${key}"***"'),
    (rf"(?P<key>\b(?:(?i){_KEY})\s?=\s?|\b[Pp]wd=)[^\s\"'&;,]+", "${key}***"),
    (rf"(?P<key>--(?:(?i){_KEY})[= ])[^\s\"'&;,-][^\s\"'&;,]*", "${key}***"),
)


def redact_text(text: pl.Expr) -> pl.Expr:
    """Mask what stands behind `password=`, `passwd=`, `pwd=`, `token=`, `Authorization: Bearer` and their kin.

    Read are shell words, quoted words, URL parameters and JSON strings. A String expression in, one out; no match
    leaves the text as it is.
    """
    for pattern, replacement in _RULES:
        text = text.str.replace_all(pattern, replacement)
    return text


def redact_events(events: pl.DataFrame) -> pl.DataFrame:
    """Mask secrets in an events frame, and set `credwatch.masked` (Boolean) where something was masked.

    A name that looks like a password is masked wherever the line repeats it, unless the login succeeded: then it is
    the account's name. Only columns of the frame are touched; the number and order of rows stay.
    """
    names = [name for name in _NAMES if name in events.columns]
    typed = _typed_secrets(events, names)
    events = events.with_columns(pl.lit(False).alias("credwatch.masked"))
    if typed.any():
        events = _mask_names(events, typed, names)
    return _mask_texts(events)


def redact_lines(lines: pl.DataFrame) -> pl.DataFrame:
    """Mask secrets in the column `line` of a frame."""
    suspects = _has_clue(lines["line"])
    if not suspects.any():
        return lines
    return lines.with_columns(pl.when(suspects).then(redact_text(pl.col("line"))).otherwise("line").alias("line"))


def looks_like_secret(name: pl.Expr) -> pl.Expr:
    """Say whether a name is rather a password (Boolean expression): long enough, and of a build that names lack.

    E-mail addresses, `DOMAIN\\user`, `DOMAIN/user`, machine accounts (`HOST$`) and words joined by `. _ -` are names.
    """
    # In front of these, a name needs no further look: nearly all names end here.
    plain = name.str.contains(r"^[a-z0-9._-]*$|^[A-Z]?[a-z._-]*[0-9]*$") | (name.str.len_chars() < 8)
    is_name = name.str.contains(
        r"^[^@\s]+@[A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)*\.[A-Za-z]{2,}$|^[\w.-]+[\\/][\w.-]+\$?$|^[\w.-]+\$$|\s|://|^\$\{"
    )
    lower, upper, digit = (name.str.contains(pattern) for pattern in (r"\p{Ll}", r"\p{Lu}", r"\d"))
    symbol = name.str.contains(r"[^\w\s.\-@\\/+]")
    at = name.str.contains("@")
    classes = lower.cast(pl.Int8) + upper.cast(pl.Int8) + digit.cast(pl.Int8)
    mixed = (symbol & (classes >= 2)) | (at & (classes == 3)) | (name.str.count_matches(r"[^\w\s.\-@\\/+]") >= 2)
    woven = lower & upper & (name.str.count_matches(r"\p{L}\d+\b{0}\p{L}".replace(r"\b{0}", "")) >= 2)
    return ~plain & ~is_name & (mixed | (woven & (name.str.len_chars() >= 10)))


def _typed_secrets(events: pl.DataFrame, names: list[str]) -> pl.Series:
    """Mark the rows in which a name is a secret; each distinct name is looked at once."""
    rows = pl.Series([False]).new_from_index(0, len(events))
    outcome = (
        events["event.outcome"]
        if "event.outcome" in events.columns
        else pl.repeat(None, len(events), dtype=pl.String, eager=True)
    )
    doubtful = (outcome != "success").fill_null(True)
    for name in names:
        distinct = events[name].unique().drop_nulls().alias("name").to_frame()
        secrets = distinct.filter(looks_like_secret(pl.col("name"))).to_series()
        if len(secrets):
            rows = rows | (events[name].is_in(secrets.implode()).fill_null(False) & doubtful)
    return rows


def _mask_names(events: pl.DataFrame, typed: pl.Series, names: list[str]) -> pl.DataFrame:
    """Replace the secrets of the marked rows, which are few, wherever their lines hold them."""
    texts = [name for name in _TEXTS if name in events.columns]
    rows = events.with_row_index().filter(typed).select("index", *names, *texts)
    masked = pl.DataFrame([_masked_row(row, names, texts) for row in rows.to_dicts()], schema=rows.schema)
    return (
        events.with_row_index()
        .update(masked, on="index", how="left", include_nulls=True)
        .drop("index")
        .with_columns((pl.col("credwatch.masked") | typed).alias("credwatch.masked"))
    )


def _masked_row(row: dict[str, str | None], names: list[str], texts: list[str]) -> dict[str, str | None]:
    held = {name: row[name] or "" for name in names}
    looks = pl.DataFrame({"name": list(held.values())}).select(looks_like_secret(pl.col("name"))).to_series()
    for secret in (value for value, is_secret in zip(held.values(), looks, strict=True) if is_secret):
        for name in names:
            row[name] = MASK if row[name] == secret else row[name]
        for text in texts:
            row[text] = _without(row[text], secret, must_hold=text == "event.original")
    return row


def _without(text: str | None, secret: str, *, must_hold: bool) -> str | None:
    """Cut a secret out of a text, also as JSON writes it; an original that hides it otherwise is masked as a whole."""
    if text is None:
        return None
    cut = text
    for form in (secret, json.dumps(secret)[1:-1], json.dumps(secret, ensure_ascii=False)[1:-1]):
        cut = cut.replace(form, MASK)
    return MASK if must_hold and cut == text else cut


def _has_clue(texts: pl.Series) -> pl.Series:
    """Mark the texts that may hold a credential: a fast look for rare marks first, the words only where one is."""
    frame = texts.fill_null("").alias("text").to_frame()
    text = pl.col("text").str
    marks = [text.contains(mark, literal=True) for mark in ("--", "earer ", "uthorization")]
    marked = frame.select(pl.any_horizontal(text.contains_any(["=", '"']), *marks)).to_series()
    if not marked.any():
        return marked
    rows = marked.arg_true()
    clues = text.contains_any(list(_CLUES), ascii_case_insensitive=True)
    return marked.scatter(rows, frame[rows].select(clues).to_series())


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
