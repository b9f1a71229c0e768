"""What the ``ssl`` module knows of a handshake but does not show in all versions of Python: the
only place that uses its private names. Where a Python has not got them, nothing is found.
"""

from __future__ import annotations

import contextlib
import ssl
from collections.abc import Iterable, Mapping
from typing import Any, Callable, Union

TLSSocket = Union[ssl.SSLSocket, ssl.SSLObject]
_UNKNOWN = (ssl.SSLError, ValueError, TypeError, AttributeError)
_HANDSHAKE, _CERTIFICATE_REQUEST = 22, 13  # ContentType and HandshakeType of RFC 8446


def shown_chain(sock: TLSSocket) -> list[bytes]:
    """The certificates (DER) that the peer showed, its own first, verified or not; none where this
    Python (3.9) does not tell.
    """
    public = getattr(sock, "get_unverified_chain", None)
    with contextlib.suppress(*_UNKNOWN):
        if public is not None:  # Python 3.13
            return [bytes(each) for each in public() or ()]
        return [ssl.PEM_cert_to_DER_cert(each.public_bytes()) for each in _private_chain(sock)]
    return []


def shown_names(sock: TLSSocket) -> tuple[str, ...]:
    """The names in the peer's certificate, also in one that was refused; none where this Python
    does not tell.
    """
    with contextlib.suppress(*_UNKNOWN):
        info: Mapping[str, Any] = next((each.get_info() for each in _private_chain(sock)), {})
        return tuple(str(value) for _, value in info.get("subjectAltName", ()))
    return ()


def call_on_certificate_request(context: ssl.SSLContext, call: Callable[[], object]) -> bool:
    """Call ``call()`` when the server of a handshake with ``context`` asks for a client
    certificate; False where this Python cannot tell.
    """

    def watch(
        _conn: object,
        _direction: str,
        _version: object,
        content: object,
        message: object,
        _data: bytes,
    ) -> None:
        if content == _HANDSHAKE and message == _CERTIFICATE_REQUEST:
            call()

    try:
        setattr(context, "_msg_callback", watch)  # noqa: B010
    except (AttributeError, TypeError):
        return False
    return True


def _private_chain(sock: TLSSocket) -> Iterable[Any]:
    inner: Any = sock
    chain: Iterable[Any] = inner._sslobj.get_unverified_chain() or ()
    return chain
