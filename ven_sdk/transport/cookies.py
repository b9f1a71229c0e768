"""The cookies that one VTN sets for one VEN, so that a load balancer leads the VEN to the same
server again (RFC 6265, as far as a client of one host needs it).

They live in memory only. One :class:`Cookies` for each VEN and VTN; its two exchange threads may
use it at once.
"""

from __future__ import annotations

import re
import threading
from collections.abc import Iterable
from datetime import datetime, timezone
from email.utils import parsedate_to_datetime
from time import monotonic
from typing import NamedTuple, Optional

MOST = 20
LONGEST = 4096
_PAIR = re.compile(
    r"\s*([!#$%&'*+.^_`|~0-9A-Za-z-]+)\s*=\s*([\x21\x23-\x2b\x2d-\x3a\x3c-\x7e\" ]*)"
)


class _Cookie(NamedTuple):
    value: str
    path: str
    secure: bool
    over: Optional[float]


class Cookies:
    """What to send back to a VTN: at most 20 cookies of 4 kB."""

    def __init__(self) -> None:
        self._lock = threading.RLock()  # guards the dict alone
        self._held: dict[tuple[str, str], _Cookie] = {}

    def header(self, path: str, secure: bool) -> Optional[str]:
        """The value of the ``Cookie`` header for a request, or None: longer paths first."""
        if not self._held:
            return None
        now = monotonic()
        with self._lock:
            found = [
                (name, cookie)
                for (name, _), cookie in self._held.items()
                if (cookie.over is None or now < cookie.over)
                and (secure or not cookie.secure)
                and _leads_to(cookie.path, path)
            ]
        found.sort(key=lambda pair: -len(pair[1].path))
        return "; ".join(f"{name}={cookie.value}" for name, cookie in found) or None

    def take(self, lines: Iterable[str], path: str) -> None:
        """Remember what the ``Set-Cookie`` headers of an answer say. What makes no sense is left
        out: cookies are a courtesy.
        """
        for line in lines:
            found = _read(line, path)
            if found is None:
                continue
            name, cookie = found
            with self._lock:
                self._held.pop((name, cookie.path), None)
                if cookie.over is None or cookie.over > monotonic():
                    self._held[name, cookie.path] = cookie
                while len(self._held) > MOST:
                    del self._held[next(iter(self._held))]


def _leads_to(path: str, target: str) -> bool:
    return target == path or target.startswith(path if path.endswith("/") else path + "/")


def _read(line: str, path: str) -> Optional[tuple[str, _Cookie]]:
    pair, *rest = line.split(";")
    found = _PAIR.fullmatch(pair.rstrip())
    if found is None or len(line) > LONGEST:
        return None
    said = {
        name.strip().lower(): value.strip()
        for name, _, value in (attribute.partition("=") for attribute in rest)
    }
    place = said.get("path", "")
    if not place.startswith("/"):
        place = path.rpartition("/")[0] or "/"
    return found[1], _Cookie(found[2].strip(), place, "secure" in said, _expiry(said))


def _expiry(said: dict[str, str]) -> Optional[float]:
    """The moment of the monotonic clock at which a cookie ends; None: with this process."""
    age = said.get("max-age", "")
    if re.fullmatch(r"-?\d{1,10}", age):
        return monotonic() + int(age)
    try:
        moment = parsedate_to_datetime(said["expires"])
    except (KeyError, ValueError, TypeError, IndexError, OverflowError):
        return None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=timezone.utc)
    return monotonic() + (moment - datetime.now(timezone.utc)).total_seconds()
