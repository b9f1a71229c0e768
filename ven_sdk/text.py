"""Texts of others (the VTN's, exceptions', ``repr`` of users' objects) made fit for one line of a
log or an error. Pure functions; none of them raises, whatever the object does.
"""

from __future__ import annotations

import re
from functools import cache
from typing import Callable

LONGEST = 1000
"""Characters of a log line. Texts of the VTN stand in many, and may be megabytes long."""

# One class of all these takes twenty times as long to compile, at each start.
_NO_XML = re.compile("[\\x00-\\x08\\x0b\\x0c]|[\\x0e-\\x1f]|[\\ud800-\\udfff\\ufffe\\uffff]")


def is_xml(text: str) -> bool:
    """Whether XML 1.0, and a database, can carry ``text``: no control characters, no surrogates."""
    return _NO_XML.search(text) is None


def is_unicode(text: str) -> bool:
    """Whether ``text`` can be encoded: it holds no lone surrogate."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


@cache
def _escapes() -> dict[int, str]:
    """What would end the line, move the cursor of a terminal, turn the direction of writing or
    break the stream's encoding: all of it could forge a record.
    """
    codes = (
        *range(9),
        *range(10, 32),
        *range(127, 160),
        0x200E,
        0x200F,
        *range(0x2028, 0x202F),
        *range(0x2066, 0x206A),
        *range(0xD800, 0xE000),
    )
    return {code: chr(code).encode("unicode_escape").decode("ascii") for code in codes}


def one_line(text: str) -> str:
    """``text`` with line breaks, control characters and lone surrogates written as escapes."""
    return text if text.isascii() and text.isprintable() else text.translate(_escapes())


def shorten(text: str, longest: int = LONGEST) -> str:
    """``text`` on one line, cut after ``longest`` characters, as it goes into a log."""
    whole = len(text)
    cut = text if whole <= longest else f"{text[:longest]}... ({whole} characters)"
    return one_line(cut)


def write_count(count: int, one: str, more: str) -> str:
    """``count`` with the words that belong to it: those for ``one``, or those for ``more``."""
    return f"{count} {one if count == 1 else more}"


def class_name(value: object) -> str:
    """The name of the class of ``value``, whatever its metaclass says."""
    name: str = vars(type)["__name__"].__get__(type(value))
    return shorten(name)


def repr_of(value: object) -> str:
    """``repr(value)`` on one line; where that fails, the name of its type."""
    return _ask(repr, value)


def text_of(value: object) -> str:
    """``str(value)`` on one line; where that fails, the name of its type."""
    return _ask(str, value)


def _ask(speak: Callable[[object], str], value: object) -> str:
    try:
        return shorten(speak(value))
    except BaseException:  # SystemExit too: the object is somebody else's
        return f"<{class_name(value)} that cannot be shown>"


def without_secrets(url: str) -> str:
    """``url`` for a message: without user name, password, query and fragment. What stands for a
    port and is no number may be a password whose host was forgotten.
    """
    if "@" in url:
        scheme = re.match(r"[A-Za-z][A-Za-z0-9+.-]{0,20}://", url)
        return f"{scheme[0] if scheme else ''}[cut]"
    url = re.sub(
        r"^([A-Za-z][A-Za-z0-9+.-]{0,20}://[^/?#:\[]*:)[^/?#]*[^/?#\d][^/?#]*", r"\1[cut]", url
    )
    return re.sub(r"[?#].*", lambda found: f"{found[0][0]}[cut]", url, count=1, flags=re.DOTALL)
