"""Where a redirect leads: a VEN follows none (rule H3), but says what the server may mean by it.
Pure functions.
"""

from __future__ import annotations

from typing import Optional
from urllib.parse import SplitResult, urljoin, urlsplit

_PORTS = {"http": 80, "https": 443}


def redirect_target(location: Optional[str], where: str) -> str:
    """The whole address that an answer of ``where`` names in its ``Location``; an empty text where
    it has none, and the header as it is where it is no address.
    """
    given = (location or "").strip()
    try:
        return urljoin(where, given) if given else ""
    except ValueError:  # 'http://[' of a server
        return given


def only_adds_slash(target: str, where: str) -> bool:
    """Whether ``target`` differs from ``where`` in the slash at the end of its path (its host and
    scheme may be those that the server has inside).
    """
    ends = _split(target), _split(where)
    return ends[0] is not None and ends[1] is not None and ends[0].path == f"{ends[1].path}/"


def is_same_place(target: str, where: str) -> bool:
    """Whether ``target`` is ``where`` itself, so that who followed would never arrive."""
    ends = _split(target), _split(where)
    return ends[0] is not None and ends[1] is not None and _place(ends[0]) == _place(ends[1])


def _split(url: str) -> Optional[SplitResult]:
    try:
        parts = urlsplit(url)
        parts.port  # noqa: B018  what is no number is found out when it is asked for
    except ValueError:
        return None
    return parts


def _place(parts: SplitResult) -> tuple[object, ...]:
    port = parts.port or _PORTS.get(parts.scheme)
    return parts.scheme, parts.hostname, port, parts.path, parts.query
