"""What may be set on a client: a mistyped attribute would have no effect, and nobody would know.
Pure functions.
"""

from __future__ import annotations

from ..errors import ConfigurationError
from ..near_names import did_you_mean
from .handlers import PARAMETERS, nearest_handler


def check_attribute(client: object, name: str) -> None:
    """Refuse to set what the client does not have or what can only be read. Classes of users may
    have attributes of their own. ``ConfigurationError`` names what would be right.
    """
    handler = nearest_handler(name)
    if handler not in (None, name):
        raise ConfigurationError(
            f"A client has no attribute {name!r}. Did you mean client.{handler}?"
        )
    cls = type(client)
    if isinstance(getattr(cls, name, None), property):
        raise ConfigurationError(
            f"client.{name} can be read, not set."
            + (
                f" Give {name} to the constructor."
                if hasattr(getattr(client, "settings", None), name)
                else ""
            )
        )
    free = name.startswith(("_", "on_")) or name == "settings" or hasattr(cls, name)
    if not free and cls.__module__.startswith("ven_sdk."):
        known = [each for each in dir(cls) if not each.startswith("_")]
        raise ConfigurationError(
            f"A client has no attribute {name!r}.{did_you_mean(name, [*known, *PARAMETERS])} What "
            "the constructor takes is given to the constructor."
        )
