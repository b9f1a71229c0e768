"""Market contexts are compared as URIs in their normal form (RFC 3986, section 6.2).

Scheme and host without regard to case, percent-encoding in one spelling, no dot segments, no
default port, and an empty path of http as ``/``. What is no URI is compared as it stands. Pure
functions.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Optional

_PARTS = re.compile(
    r"([A-Za-z][A-Za-z0-9+.-]*):(?://([^/?#]*))?([^?#]*)(\?[^#]*)?(#.*)?", re.DOTALL
)
_HOST = re.compile(r"(.*@)?(.*?)(?::([0-9]*))?", re.DOTALL)
_ESCAPE = re.compile("%([0-9A-Fa-f]{2})")
_UNRESERVED = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~")
_DEFAULT_PORT = {"http": "80", "https": "443"}


def is_same(one: Optional[str], other: Optional[str]) -> bool:
    """Whether both name the same market context; two that are left out do."""
    if one is None or other is None:
        return one is other
    return normalize(one) == normalize(other)


@lru_cache(maxsize=1024)
def normalize(uri: str) -> str:
    """``uri`` in its normal form."""
    found = _PARTS.fullmatch(uri.strip())
    if found is None:
        return uri.strip()
    scheme, authority, path, query, fragment = found.groups()
    scheme = scheme.lower()
    rest = f"{_spell(query or '')}{_spell(fragment or '')}"
    if authority is None:
        return f"{scheme}:{_spell(path)}{rest}"
    path = _without_dots(_spell(path))
    if not path and scheme in _DEFAULT_PORT:
        path = "/"
    return f"{scheme}://{_authority(scheme, authority)}{path}{rest}"


def _authority(scheme: str, text: str) -> str:
    found = _HOST.fullmatch(text)
    assert found is not None, "every text is a host, and perhaps more"
    user, host, port = found.groups()
    port = "" if not port or port == _DEFAULT_PORT.get(scheme) else f":{port}"
    return f"{user or ''}{_spell(host).lower()}{port}"


def _spell(text: str) -> str:
    """Percent-encoding in capitals, and none where none is needed."""

    def one(match: re.Match[str]) -> str:
        character = chr(int(match[1], 16))
        return character if character in _UNRESERVED else match[0].upper()

    return _ESCAPE.sub(one, text)


def _without_dots(path: str) -> str:
    kept: list[str] = []
    segments = path.split("/")
    for segment in segments:
        if segment == "..":
            kept = kept[: max(1, len(kept) - 1)]
        elif segment != ".":
            kept.append(segment)
    if segments[-1] in (".", ".."):
        kept.append("")
    return "/".join(kept)
