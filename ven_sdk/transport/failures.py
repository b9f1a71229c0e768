"""Says what a failure means: which error, whether it may be tried again, and the sentence for a
person.

Everything that an exchange can fail with passes here and becomes one
:class:`~ven_sdk.errors.TransportError`: what failed, why, and what to do. Pure functions.
"""

from __future__ import annotations

import http.client
import socket
import ssl
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Optional, Union

import requests

from ..errors import TransportError
from ..text import without_secrets
from . import handshakes
from .dates import http_date, retry_after
from .redirects import is_same_place, only_adds_slash, redirect_target
from .route import Deadline, Proxy, ProxyRefusal, Route, Stage, Unacceptable
from .wire import Wire

if TYPE_CHECKING:
    from .answers import Headers

# rule H5; 407 and 425 are of the same kinds
_RETRYABLE_4XX = frozenset({401, 403, 404, 407, 408, 425, 429})
_ADVICE = {
    400: "It found the message unacceptable (schema or signature); the same message is not sent "
    "again.",
    401: "It wants an authorisation: check cert and key with its operator (OpenADR knows a VEN "
    "by its certificate).",
    403: "It knows or likes this VEN not: check that the VTN has the fingerprint of cert for "
    "this VEN, that ven_id is right, and that it accepts the signature.",
    404: "There is nothing at this address: check the path in vtn_url.",
    406: "It found the message unacceptable; the same message is not sent again.",
    407: "A proxy wants credentials: put them into the URL in proxies.",
    408: "The request came too slowly; it is tried again.",
    411: "It wants a length although one was sent: a proxy may be in the way.",
    413: "The message is too large for it; the same message is not sent again.",
    429: "It is asked too often; it is tried again later.",
    503: "It is overloaded or down for maintenance; it is tried again later.",
}
_SLASH = (
    "It wants a slash at the end of each service's address, which OpenADR's addresses do not have: "
    "its operator must accept them without, or rewrite them in a proxy. ven-sdk doctor says "
    "more."
)
DOCTOR_TRIES = "ven-sdk doctor tries that."
CIRCLE = (
    "It redirects to the very address that was asked for, which would never end: a web server or "
    "proxy in front of the VTN does so, perhaps because it takes TLS off and expects https. Its "
    "operator must mend that rule."
)
_WAITING = {
    Stage.RESOLVE: "the name {host!r} was not resolved",
    Stage.CONNECT: "{host} port {port} did not accept a connection",
    Stage.PROXY: "the proxy did not open a tunnel",
    Stage.HANDSHAKE: "the TLS handshake was not finished",
    Stage.SEND: "the VTN did not take the whole message",
    Stage.WAIT: "the VTN accepted the message but did not begin to answer",
    Stage.HEAD: "the headers of the answer were not complete",
    Stage.BODY: "the body of the answer was not complete",
}
_ENDED = {
    Stage.PROXY: "the proxy hung up before it opened a tunnel",
    Stage.SEND: "the VTN hung up before it had the whole message",
    Stage.WAIT: "the VTN hung up without an answer",
    Stage.HEAD: "the connection ended within the headers of the answer",
    Stage.BODY: "the connection ended within the body of the answer",
}


def failure(
    cause: BaseException, wire: Wire, where: str, deadline: Deadline, timeout: float
) -> TransportError:
    """The error for an exchange that ended without a whole answer. ``where`` names the service.
    ``timeout`` in seconds.
    """
    reason = _reason(cause, wire, deadline, timeout)
    status = cause.status if isinstance(cause, ProxyRefusal) else None
    if isinstance(cause, Unacceptable) and wire.stage is Stage.BODY:
        status = 200
    return TransportError(
        f"POST {where} failed: {reason}", status=status, delivered=_was_delivered(cause, wire.stage)
    )


def rejection(status: int, reason: str, headers: Headers, where: str) -> TransportError:
    """The error for an HTTP status other than 200 (rule H5)."""
    now = http_date(headers.get("Date")) or datetime.now(timezone.utc)
    advice = _ADVICE.get(status) or _advice_by_class(status, headers, where)
    return TransportError(
        f"POST {where}: the VTN answered with HTTP status {status}{_quote(reason)}. {advice}",
        status=status,
        retryable=_is_retryable(status),
        retry_after=retry_after(headers.get("Retry-After"), now),
    )


def stand_in_failure(cause: BaseException, where: str) -> TransportError:
    """The error for what a stand-in of the network (in somebody's test) raised or answered."""
    if isinstance(cause, Unacceptable):
        return TransportError(
            f"POST {where} failed: the VTN's answer {cause}. It was discarded.", status=200
        )
    delivered = False if isinstance(cause, requests.ConnectTimeout) else None
    return TransportError(f"POST {where} failed: {_text(cause)}.", delivered=delivered)


def _was_delivered(cause: BaseException, stage: Stage) -> Optional[bool]:
    if stage.value <= Stage.SEND.value:
        return False
    # A TLS 1.3 server judges the client's certificate after the client thinks that it is done.
    return False if stage is Stage.WAIT and handshakes.is_refusal(cause) else None


def _reason(cause: BaseException, wire: Wire, deadline: Deadline, timeout: float) -> str:
    route, stage = wire.route, wire.stage
    if wire.is_cut:
        return "the client was stopped meanwhile."
    if isinstance(cause, Unacceptable):
        return f"the VTN's answer {cause}. It was discarded."
    if isinstance(cause, socket.timeout) and deadline.is_over:
        text = _WAITING[stage].format(host=_peer(route, stage).host, port=_peer(route, stage).port)
        return f"{text} within {timeout:g} s (timeout, for the whole exchange)."
    if isinstance(cause, ssl.SSLError) or stage is Stage.HANDSHAKE:
        return handshakes.explanation(cause, wire)
    if isinstance(cause, ProxyRefusal):
        return _proxy_refused(cause)
    if isinstance(cause, (socket.gaierror, UnicodeError)):
        return (
            f"the name {_peer(route, stage).host!r} cannot be resolved ({_text(cause)}). "
            f"Check {_setting(route)} and the network's name server."
        )
    if stage is Stage.CONNECT:
        return _not_connected(cause, route)
    return _explain_break(cause, wire)


def _not_connected(cause: BaseException, route: Route) -> str:
    peer = _peer(route, Stage.CONNECT)
    who = "proxy" if route.proxy else "VTN"
    return (
        f"no connection to {peer.host} port {peer.port}: {_text(cause)}. "
        f"Check that the {who} is running and that host and port in {_setting(route)} are right."
    )


def _proxy_refused(cause: ProxyRefusal) -> str:
    advice = (
        "Put its credentials into the URL in proxies."
        if cause.status == 407
        else "Check proxies and vtn_url."
    )
    return f"the proxy refused a tunnel to the VTN with status {cause}. {advice}"


def _explain_break(cause: BaseException, wire: Wire) -> str:
    stage = wire.stage
    if isinstance(cause, http.client.RemoteDisconnected):
        return f"{_ENDED[stage]}.{_hint(wire)}"
    if isinstance(cause, http.client.IncompleteRead):
        return f"{_ENDED[Stage.BODY]}."
    if isinstance(cause, http.client.BadStatusLine):
        line = str(cause).strip("'")[:40]
        if line.startswith(("\x15\x03", "\\x15\\x03")):
            return "this port speaks TLS. Use https:// in vtn_url."
        began = repr(line) if line.strip() else "an empty line"
        return (
            f"what answered does not speak HTTP/1.x: it began with {began}. Check the port in "
            "vtn_url."
        )
    if isinstance(cause, http.client.HTTPException):
        return f"the answer is no valid HTTP: {_text(cause)}."
    return f"{_ENDED.get(stage, 'the connection broke')}: {_text(cause)}.{_hint(wire)}"


def _hint(wire: Wire) -> str:
    """A TLS 1.3 server that refuses a client's certificate hangs up after the handshake; its reason
    may get lost.
    """
    if wire.context is None or wire.was_used or wire.stage.value > Stage.WAIT.value:
        return ""
    return " It may want another client certificate: check cert and key."


def _is_retryable(status: int) -> bool:
    return status in _RETRYABLE_4XX or status >= 500 or 200 <= status < 300


def _advice_by_class(status: int, headers: Headers, where: str) -> str:
    if 300 <= status < 400:
        target = redirect_target(headers.get("Location"), where)
        if only_adds_slash(target, where):
            return _SLASH
        if is_same_place(target, where):
            return CIRCLE
        given = str(headers.get("Location") or "")[:200]
        if not given:
            return (
                "It redirects, and says not where: something other than a VTN may be answering "
                "here; check vtn_url."
            )
        return (
            f"It wants to send the VEN to {without_secrets(given)!r}. Redirects are not followed: "
            "if that is the VTN, put its address into vtn_url."
        )
    if status == 500:
        return (
            "Something failed on its side; it is tried again. If it never answers otherwise, it "
            f"may want a slash at the end of each service's address: {DOCTOR_TRIES}"
        )
    if status >= 500:
        return "Something failed on its side; it is tried again."
    if status < 300:
        return "Expected 200: something other than a VTN may be answering here; check vtn_url."
    return "It found the request unacceptable; the same message is not sent again."


def _peer(route: Route, stage: Stage) -> Union[Route, Proxy]:
    return route.proxy if route.proxy and stage.value <= Stage.PROXY.value else route


def _setting(route: Route) -> str:
    return "proxies" if route.proxy else "vtn_url"


def _quote(reason: str) -> str:
    return f" ({reason[:80]!r})" if reason else ""


def _text(cause: BaseException) -> str:
    return (getattr(cause, "strerror", None) or str(cause) or type(cause).__name__).rstrip(".")
