"""Vietnamese as it is typed where no input method listens: a password field records the keys of Telex and VNI."""

from __future__ import annotations

import re

_TELEX_LETTER = re.compile(r"aa|ee|oo|dd|[aou]w")
_TELEX_TONE = re.compile(r"([aeiouy]+(?:ch|ng|nh|[cmnpt])?)[sfrxj](?=[^aeiouy]|$)")
_TELEX_TONE_WITHIN = re.compile(r"([aeiouy])[sfrxj]((?:[aeiouyw]|ch|ng|nh|[cmnpt])(?:[^a-z]|[^aeiouy]|$))")
_VNI_MARK = re.compile(r"(?<=[a-z])[1-9]{1,2}(?=[a-z])|(?<=[aeiouycghmnpt])[1-9]{1,2}(?= )")
_VNI_LAST = re.compile(r"(?<=[aeiouycghmnpt])[1-9](?=$|[^a-z1-9])")


def from_telex(text: str) -> str:
    """Read Telex keys as letters without accents: `maatj khaaur` → `mat khau`. Other text may lose letters."""
    text = _TELEX_TONE_WITHIN.sub(r"\1\2", text)
    text = _TELEX_LETTER.sub(lambda keys: keys.group()[0], text)
    return _TELEX_TONE.sub(r"\1", text)


def from_vni(text: str) -> str:
    """Read VNI keys as letters without accents: `ma65t kha63u` → `mat khau`."""
    return _VNI_LAST.sub("", _VNI_MARK.sub("", text))
