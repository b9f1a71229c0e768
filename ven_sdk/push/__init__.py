"""Push: the VTN calls the VEN. What receives HTTP requests, and what a user's web server may call.

``listener`` is a server of our own on the standard library, ``wsgi`` an application for those who
have a web server. Both hand a request to a function ``receive(path, body, peer)`` and send what it
returns; what messages mean is not known here.
"""

from __future__ import annotations

from .listener import Limits, Listener
from .peer import Peer, Receive, Response
from .wsgi import wsgi

__all__ = ["Limits", "Listener", "Peer", "Receive", "Response", "wsgi"]
