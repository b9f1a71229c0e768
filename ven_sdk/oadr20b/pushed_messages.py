"""What the VTN pushes: bytes of an HTTP request in, the answer of its HTTP response out (rules P9,
P10, CR 405).

A pushed message passes the same parser, signature, replay memory and services as a polled one; the
services do not know where it came from. Only two things differ. What a service owes as its answer
goes back in the response instead of waiting in the queue of answers, and a VEN that is not
registered obeys nothing but what belongs to registration. A message is committed before it is
acknowledged; while the store cannot be written, the VTN is asked to come again.

Runs on the thread of the web server that received the request.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from typing import TYPE_CHECKING, Optional
from urllib.parse import unquote

from ..config import PushSettings
from ..errors import PayloadError, SecurityError, StateError, VenError
from ..push.peer import Peer, Response, plain_response
from ..schema.common import Payload
from ..state.outcome import Outcome
from .addresses import DEFAULT_PATH
from .schema.events import DistributeEvent
from .schema.payloads import PAYLOADS
from .schema.registration import CancelPartyRegistration, Poll, RequestReregistration
from .schema.registration import Response as PlainResponse
from .services import answers, poll
from .state.answers import Answer

if TYPE_CHECKING:
    from ..runtime.transactions import Transactions
    from .exchange import Exchange
    from .state.book import Book


SERVICES = frozenset({"EiEvent", "EiReport", "EiRegisterParty"})
AGAIN_AFTER = 30
"""Seconds after which a VTN is asked to push again what could not be taken in."""
MOST_WAITING = 1000
"""Calls of handlers that may wait before pushed messages are put off."""
OBEYED_ALWAYS = (CancelPartyRegistration, RequestReregistration)
XML: Mapping[str, str] = {"Content-Type": "application/xml"}
_PATH = re.compile(rf"(?P<prefix>.*?)(?:{re.escape(DEFAULT_PATH)})+/(?P<service>\w+)/?")


def prefix_of(path: str) -> Optional[str]:
    """What stands before the standard's own path, without percent-encoding; None where ``path``
    names no service of a VEN. Doubled slashes, and the standard's path standing twice, are
    accepted.
    """
    found = _PATH.fullmatch(re.sub("/{2,}", "/", unquote(path)))
    return found["prefix"] if found is not None and found["service"] in SERVICES else None


def is_at(path: str, prefix: str) -> bool:
    """Whether ``path`` names a service of a VEN whose address has the path ``prefix``."""
    return prefix_of(path) == unquote(prefix)


def receive(path: str, body: bytes, peer: Peer, base: Transactions, exchange: Exchange) -> Response:
    """Take one pushed message in; the response that its VTN gets. It does not raise for anything
    that a peer can send.
    """
    push = base.book.settings.push
    if push is None or not is_at(path, push.prefix):
        return plain_response(404, "There is nothing at this path.\n")
    refusal = _refuse_caller(push, peer, base, exchange)
    if refusal is not None:
        return refusal
    if _must_wait(base):
        return _try_later()
    try:
        message = exchange.read(body)
    except PayloadError as error:
        base.report(error, "pushed message unreadable", f"A pushed message was refused: {error}")
        return plain_response(406, "The message is not valid.\n")
    except SecurityError as error:
        base.report(error, "pushed message untrusted", f"A pushed message was refused: {error}")
        return _say(exchange, base, "459")
    return _take_in(message, base, exchange, push.ack)


def _refuse_caller(
    push: PushSettings, peer: Peer, base: Transactions, exchange: Exchange
) -> Optional[Response]:
    """P9, L12: who calls shows a certificate (the pinned one, where one is), or signs."""
    identity = exchange.identity
    try:
        if peer.certificate is None and push.address.startswith("https:") and not identity.verifier:
            raise SecurityError(
                "It came without a client certificate. Behind a proxy, let it hand the certificate "
                "on, and name it in trusted_proxies."
            )
        identity.check_caller(peer.certificate)
    except SecurityError as error:
        base.report(
            error, "caller refused", f"A push from {peer.address} was refused (HTTP 403). {error}"
        )
        return plain_response(403, "The caller is not known here.\n")
    return None


def _must_wait(base: Transactions) -> bool:
    """Whether the VEN cannot keep what it would acknowledge, or may not run here any more."""
    return (
        base.stopped
        or base.closing
        or base.persistence.unsaved_rows > 0
        or not base.persistence.may_act()
        or base.pools["handler"].count_waiting() > MOST_WAITING
    )


def _try_later() -> Response:
    return plain_response(503, "Please push it again later.\n", {"Retry-After": str(AGAIN_AFTER)})


def _take_in(message: Payload, base: Transactions, exchange: Exchange, ack: str) -> Response:
    said: list[Answer] = []

    def step(book: Book, now: datetime) -> Outcome:
        return _answer_here(_obey(book, message, now), said)

    base.transact(step)
    if base.persistence.unsaved_rows or base.persistence.is_lost:
        return _try_later()  # it is in memory only: the VTN keeps it too
    if said:
        return _answer(exchange, base, PAYLOADS[said[0].payload].from_dict(said[0].record))
    if ack == "empty":
        return Response(200, {}, b"")
    return _say(exchange, base, "200", getattr(message, "request_id", None) or "")


def _obey(book: Book, message: Payload, now: datetime) -> Outcome:
    state = book.registration
    request_id = getattr(message, "request_id", None) or ""
    if isinstance(message, Poll):  # P10: the one payload that a VTN never pushes
        return answers.owe_response(book, now, "459", request_id)
    registered = bool(state.registration_id or not book.settings.register) and state.known
    if not registered and not isinstance(message, OBEYED_ALWAYS):
        return _refuse_unregistered(book, message, request_id, now)
    return poll.receive(book, message, now)


def _refuse_unregistered(book: Book, message: Payload, request_id: str, now: datetime) -> Outcome:
    """CR 405, L6: 463, in the payload that answers the message where it has one."""
    kind = None if isinstance(message, DistributeEvent) else poll.REFUSALS.get(type(message))
    if kind is None:
        return answers.owe_response(book, now, "463", request_id)
    record = kind(response=answers.response("463", request_id), ven_id=book.registration.ven_id)
    return answers.owe(book, record, now)


def _answer_here(outcome: Outcome, said: list[Answer]) -> Outcome:
    """``outcome`` without the answers that it owes: they are put into ``said``."""
    kept = []
    for change in outcome.changes:
        if change.table == "answers" and isinstance(change.value, Answer):
            said.append(change.value)
        else:
            kept.append(change)
    return replace(outcome, changes=tuple(kept)) if said else outcome


def _say(exchange: Exchange, base: Transactions, code: str, request_id: str = "") -> Response:
    """An oadrResponse with our venID (G10)."""
    record = PlainResponse(
        response=answers.response(code, request_id), ven_id=base.book.registration.ven_id
    )
    return _answer(exchange, base, record)


def _answer(exchange: Exchange, base: Transactions, record: Payload) -> Response:
    try:
        return Response(200, XML, exchange.serialise(record))
    except StateError:
        return _try_later()
    except VenError as error:  # it cannot be signed, or written
        base.report(error, "pushed message not answered", f"A push was not answered: {error}")
        return _try_later()
