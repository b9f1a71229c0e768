"""Push: the VTN calls the VEN. What receives HTTP requests, and what a user's web server may call.

``listener`` is a server of our own on the standard library, ``wsgi`` an application for those who
have a web server. Both hand a request to a function ``receive(path, body, peer)`` and send what it
returns; what messages mean is not known here.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from .peer import Peer, Receive, Response

if TYPE_CHECKING:
    from .acceptor import Limits
    from .application import wsgi
    from .listener import Listener

__all__ = ["Limits", "Listener", "Peer", "Receive", "Response", "wsgi"]

_HOMES = {"Limits": "acceptor", "Listener": "listener", "wsgi": "application"}


def __getattr__(name: str) -> object:
    """What serves is imported when it is first used: a VEN that polls does without."""
    if name not in _HOMES:
        from ..near_names import missing_name

        raise missing_name(__name__, name, __all__)
    from importlib import import_module

    value = globals()[name] = getattr(import_module(f".{_HOMES[name]}", __name__), name)
    return value
