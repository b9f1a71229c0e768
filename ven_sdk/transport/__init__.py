"""HTTP: bytes out, bytes back, within a deadline. Knows nothing of XML, of OpenADR's messages or of
any VEN's state.

Whoever calls :meth:`Connections.post` lends the thread; this package starts none. The SSLContext is
handed in.
"""

from __future__ import annotations

from .backoff import Backoff
from .sessions import Connections, Reply

__all__ = ["Backoff", "Connections", "Reply"]
