"""URIs and addresses of proxies among the arguments, checked. Pure functions.

Where a user's name and password may stand in one, the error does not show them.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Optional
from urllib.parse import urlsplit

from .arguments import text
from .errors import ConfigurationError
from .text import without_secrets

_BLANK = re.compile(r"[\s\x00-\x1f\x7f]")
_NOT_IN_URIS = re.compile(r"[\s<>\"{}|\\^`]|%(?![0-9A-Fa-f]{2})")


def uri(name: str, value: object) -> str:
    """``value`` as a URI, such as a market context: what the schema's ``anyURI`` allows.
    ``ConfigurationError`` for anything else.
    """
    given = text(name, value)
    try:
        urlsplit(given)
    except ValueError as cause:
        raise ConfigurationError(f"{name} is no URI: {cause}.") from cause
    if _NOT_IN_URIS.search(given) or given.count("#") > 1:
        raise ConfigurationError(
            f"{name} must be a URI such as 'http://MarketContext1', not {without_secrets(given)!r}."
        )
    return given


def proxy_addresses(value: object) -> Optional[dict[str, str]]:
    """``proxies``, a dict of scheme to address; None stays None. An address alone is refused: it
    may be meant for both schemes, or for one. ``ConfigurationError`` for anything else.
    """
    if value is None:
        return None
    if not isinstance(value, Mapping) or not all(
        isinstance(part, str) for pair in value.items() for part in pair
    ):
        shown = "http://proxy:3128"
        if isinstance(value, str) and value.startswith(("http://", "https://", "socks")):
            shown = without_secrets(value)
        raise ConfigurationError(
            "proxies must be a dict of the VTN's scheme to the address of its proxy. Write "
            f"proxies={{'http': {shown!r}, 'https': {shown!r}}}."
        )
    for scheme, address in value.items():
        word, mark, host = scheme.partition("://")
        if word not in ("http", "https", "all") or (mark and not host):
            raise ConfigurationError(
                f"proxies has the unknown scheme {without_secrets(scheme)!r}. Known are 'http', "
                "'https' and 'all'."
            )
        if _BLANK.search(address.strip()):
            raise ConfigurationError(
                f"proxies has an address with a blank or a control character for {scheme!r}."
            )
        if not address.strip():
            raise ConfigurationError(
                f"proxies has no address for {scheme!r}. Leave it out where there is no proxy."
            )
    return dict(value)
