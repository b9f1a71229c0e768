"""Where the services of a VTN, and those of a VEN that is pushed to, are in OpenADR 2.0b. No
thread.
"""

from __future__ import annotations

import re
from urllib.parse import urlsplit

from ..enums import SERVICE_NAME
from ..errors import ConfigurationError

DEFAULT_PATH = "/OpenADR2/Simple/2.0b"
_SERVICES = frozenset(name.lower() for name in SERVICE_NAME.values)


def complete_address(url: str) -> str:
    """The address below which a VTN's services are: an empty path becomes the standard's own (rule
    H1). ``ConfigurationError`` for the address of a single service.
    """
    name = service_at_end(urlsplit(url).path)
    if name:
        raise ConfigurationError(
            f"vtn_url ends in {name!r}, the name of a service, which a VEN adds itself. Leave "
            f"it out: {url[: -len(name)].rstrip('/')!r}."
        )
    return url if urlsplit(url).path else url + DEFAULT_PATH


def service_at_end(url: str) -> str:
    """The name of a VTN's service at the end of an address; an empty text where there is none."""
    last = url.rstrip("/").rpartition("/")[2]
    return last if last.lower() in _SERVICES else ""


def trim_own_path(path: str) -> str:
    """The path of a VEN's own address without the standard's path at its end: VTNs add it (P9)."""
    return re.sub(f"({re.escape(DEFAULT_PATH)})+(/Ei[A-Za-z]+)?$", "", path)
