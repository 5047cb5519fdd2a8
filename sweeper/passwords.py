"""Passwords in storage URLs, masked wherever a message, a command or a traceback would show them."""

import itertools
import os
import re
import sys
from collections.abc import Iterable
from urllib.parse import quote, quote_plus, unquote, unquote_plus

VARIABLE = "SWEEPER_STORAGE"
"""Environment variable that holds the URL, so that no command line needs to."""
OPTION = "--storage"
MASK = "***"
LOGIN = re.compile(r"^([^:/?#]+://[^:@/?#]*:)(.*)(@)", re.DOTALL)
"""``scheme://user:``, the password, and the last ``@``: too much is masked rather than too little."""
PARAMETER = re.compile(r"([?&;][^=&;]*(?:pass|pwd|secret|token|key)[^=&;]*=)([^&;]*)", re.IGNORECASE)
"""A query parameter such as ``?password=…``."""
LONG = 4
"""Characters from which a password is masked inside of words too."""
TO_ENCODE = "@:/?#"


def masked_url(url: str) -> str:
    """`url` without its passwords."""
    without = PARAMETER.sub(rf"\g<1>{MASK}", url)
    return LOGIN.sub(rf"\g<1>{MASK}\g<3>", without)


def without_passwords(text: str, urls: Iterable[str]) -> str:
    """`text` without the passwords of `urls`, however they are written in it."""
    for url in urls:
        text = text.replace(url, masked_url(url))
        written = {way(secret) for secret in _secrets(url) for way in _WAYS} - {"", MASK}
        for secret in sorted(written, key=len, reverse=True):
            escaped = re.escape(secret)
            text = re.sub(escaped if len(secret) >= LONG else rf"(?<!\w){escaped}(?!\w)", MASK, text)
    return text


def problem_of(url: str, text: str) -> str:
    """What a driver says of `url`, without its password; a hint where it took the URL apart elsewhere."""
    login = LOGIN.match(url)
    if login and any(mark in login[2] for mark in TO_ENCODE):
        return "the password must be percent-encoded: @ is %40, : is %3A, / is %2F, ? is %3F and # is %23"
    return without_passwords(text, [url])


def storage_urls() -> list[str]:
    """Those that this process was called with."""
    words = sys.argv
    given = [word.partition("=")[2] for word in words if word.startswith(f"{OPTION}=")]
    given += [after for word, after in itertools.pairwise(words) if word == OPTION]
    return [url for url in (*given, os.environ.get(VARIABLE, "")) if url]


def _secrets(url: str) -> list[str]:
    login = LOGIN.match(url)
    return [*([login[2]] if login else []), *(match[2] for match in PARAMETER.finditer(url))]


_WAYS = (
    str,
    unquote,
    unquote_plus,
    lambda secret: quote(unquote(secret), safe=""),
    lambda secret: quote_plus(unquote(secret)),
    lambda secret: repr(unquote(secret))[1:-1],
)
