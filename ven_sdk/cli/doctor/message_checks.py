"""The steps of ``doctor`` behind TLS: clock, HTTP, what answered, signature, registration.

The messages are the VEN's own: a query, with ``ven_id`` a request for events (which takes nothing
off the VTN's queue), and a registration only where it was asked for.
"""

from __future__ import annotations

import http.client
import uuid
from dataclasses import dataclass
from datetime import datetime, timedelta
from time import monotonic
from typing import Any, Optional

from ...arguments import LARGEST_MESSAGE
from ...errors import PayloadError, SecurityError
from ...oadr20b.addresses import DEFAULT_PATH
from ...oadr20b.codec import envelope
from ...oadr20b.descriptions import describe
from ...oadr20b.exchange import CONTENT_TYPE, Exchange
from ...oadr20b.schema.events import DistributeEvent, RequestEvent
from ...oadr20b.schema.registration import (
    CreatedPartyRegistration,
    CreatePartyRegistration,
    Poll,
    QueryRegistration,
    Response,
)
from ...schema.common import Payload
from ...security.validity import VTN_SIGNING
from ...transport.answers import Answer, receive
from ...transport.dates import http_date
from ...transport.failures import DOCTOR_TRIES, rejection
from ...transport.redirects import only_adds_slash, redirect_target
from ...transport.route import Deadline, Stage, Unacceptable
from ...transport.service import service
from ...transport.wire import Wire
from ...usercode.handlers import Hooks
from ..certificates import now_utc
from .advice import listener_advice
from .examination import CLOCK_ADVICE, BrokenLink, Examination, explain_failure
from .network_checks import warn_of_ends
from .probes import speaks_tls
from .recognition import recognise

_BROKEN = (OSError, http.client.HTTPException, Unacceptable)
_NO_POST = frozenset({405, 501})
_SLASH = (
    "This VTN wants a slash at the end of each service's address (…/EiEvent/), which OpenADR's "
    "addresses do not have. Ask its operator to accept them without, or put a reverse proxy in "
    "front that adds it."
)
_KNOWN_BEFOREHAND = (
    "A VTN that knows its VENs beforehand may have no registration: then give --ven-id ID."
)


@dataclass
class MessageAttempt:
    """One message and what came back: an answer, or the exception that there was instead, and how
    far it came (``wire``).
    """

    wire: Wire
    answer: Optional[Answer] = None
    cause: Optional[BaseException] = None
    offset: Optional[timedelta] = None
    where: str = ""
    record: Any = None


def first_exchange(exam: Examination) -> Optional[BaseException]:
    """Send the query, once; what it broke with, or None. The steps after this one judge the
    answer.
    """
    if exam.exchange is None:
        exam.exchange = send_message(exam, _first_message(exam))
    cause: Optional[BaseException] = exam.exchange.cause
    return cause


def _first_message(exam: Examination) -> Payload:
    """A query; of a VEN that the VTN knows beforehand (``ven_id``) a request for its events, for
    such a VTN may have no registration at all.
    """
    if exam.ven_id and not exam.register:
        return RequestEvent(request_id=str(uuid.uuid4()), ven_id=exam.ven_id)
    return QueryRegistration(request_id=str(uuid.uuid4()))


def send_message(exam: Examination, record: Payload, slash: str = "") -> MessageAttempt:
    """Send one message on a connection of its own, with ``slash`` behind the service's address."""
    place = f"{exam.url}/{record.service}{slash}"
    target = service(place, "ven-sdk doctor", None, CONTENT_TYPE)
    wire, deadline = Wire(target.route), Deadline(exam.timeout)
    result = MessageAttempt(wire, where=target.where)
    identity = exam.known_identity
    body = (
        identity.signer.sign(envelope.wrap(record)) if identity.signer else envelope.message(record)
    )
    before, started = now_utc(), monotonic()
    try:
        wire.open(deadline, exam.context() if target.route.secure else None)
        wire.stage = Stage.SEND
        for piece in target.message(body):
            wire.send(piece, deadline)
        wire.stage = Stage.WAIT
        result.answer, _ = receive(wire, deadline, LARGEST_MESSAGE, error_pages=True)
    except _BROKEN as cause:
        result.cause = cause
    finally:
        wire.close()
    if result.answer is not None:
        result.offset = _offset(result.answer, before, monotonic() - started)
    return result


def _offset(answer: Answer, before: datetime, elapsed: float) -> Optional[timedelta]:
    """E40: the Date header has whole seconds, and was written while the exchange went on."""
    date = http_date(answer.headers.get("Date"))
    return (
        None
        if date is None
        else date + timedelta(seconds=0.5) - before - timedelta(seconds=elapsed / 2)
    )


# --- steps ----------------------------------------------------------------------------------------


def _clock(exam: Examination) -> str:
    cause, sent = first_exchange(exam), exam.exchange
    if cause is not None:
        raise BrokenLink(
            explain_failure(cause, sent.wire, exam),
            step="HTTP",
            advice=_tls_advice(exam) or listener_advice(cause),
        ) from cause
    if sent.offset is None:
        exam.notes.append("The VTN sends no Date header, so that the clocks cannot be compared.")
        return "not known"
    seconds = sent.offset.total_seconds()
    exam.facts["vtn_ahead_seconds"] = round(seconds, 1)
    if abs(seconds) > exam.replay_window:
        raise BrokenLink(
            f"This machine's clock is {_span(seconds)} {'behind' if seconds > 0 else 'ahead of'} "
            f"the VTN's: events would start at the wrong time, and signed messages older than "
            f"{exam.replay_window:g} s are refused (rule S7).",
            advice=CLOCK_ADVICE,
        )
    if abs(seconds) > 2:
        exam.notes.append(
            "The VEN corrects the times of events by this (rule E40); better set both clocks by "
            "NTP."
        )
    return (
        f"{_span(seconds)} apart"
        if abs(seconds) >= 2
        else "together, within what the Date header tells"
    )


def _http(exam: Examination) -> str:
    answer: Answer = exam.exchange.answer
    exam.facts.update(status=answer.status_code, server=answer.headers.get("Server"))
    if answer.status_code != 200:
        _refuse_recognised(answer)
        raise BrokenLink(_status_text(answer, exam), advice=_status_advice(answer, exam))
    kind = answer.headers.get("Content-Type") or "no content type"
    return f"200, {kind}, {len(answer.content)} bytes"


def _refuse_recognised(answer: Answer) -> None:
    """Raise BrokenLink where it can be told what answered in the place of a VTN."""
    found = recognise(answer)
    if found is not None:
        raise BrokenLink(found.text, advice=found.advice)


def _payload(exam: Examination) -> str:
    content = exam.exchange.answer.content
    _refuse_recognised(exam.exchange.answer)
    try:
        record = _read(exam, content)
    except PayloadError as cause:
        start = content[:60].decode("utf-8", "replace")
        began = f" It began with {start!r}." if start.strip() else ""
        raise BrokenLink(
            f"What answered is no VTN, or a broken one: {cause}{began}",
            advice="Check host, port and path in URL: a web server, proxy or log-in page may be "
            "answering.",
        ) from cause
    except SecurityError as cause:
        raise BrokenLink(str(cause), step="signature") from cause
    exam.exchange.record = record
    return f"{record.wire_name} of OpenADR 2.0b"


def _signature(exam: Examination) -> str:
    warn_of_ends(exam, VTN_SIGNING)
    if exam.vtn_fingerprint:
        return f"made by the holder of {exam.vtn_fingerprint}, fresh"
    content = exam.exchange.answer.content
    if b"Signature" not in content:
        return "the VTN does not sign its messages"
    exam.notes.append(
        "The VTN signs its messages, but vtn_fingerprint is not given, so that nothing checks "
        "which holder of a certificate signed them. Ask the VTN's operator for the "
        "fingerprint, and give it as --vtn-fingerprint."
    )
    return "there, not checked"


def _registration(exam: Examination) -> str:
    record = exam.exchange.record
    if exam.ven_id and not exam.register:
        return _known_beforehand(record, exam)
    _require_success(record, CreatedPartyRegistration, exam, "the query")
    offered = {
        profile.profile_name: [each.transport_name for each in profile.transports]
        for profile in record.profiles
    }
    exam.facts.update(
        vtn_id=record.vtn_id,
        profiles=offered,
        ven_id=record.ven_id or None,
        registration_id=record.registration_id or None,
    )
    if "simpleHttp" not in offered.get("2.0b", []):
        raise BrokenLink(
            f"The VTN offers {offered}, but not the profile 2.0b over simpleHttp, which this SDK "
            f"speaks.",
            advice="Ask its operator for the address of its OpenADR 2.0b service.",
        )
    exam.details.append(
        f"VTN {record.vtn_id!r}, profile 2.0b over simpleHttp, polls every "
        f"{(record.requested_oadr_poll_freq or timedelta(seconds=10)).total_seconds():g} s"
    )
    if exam.register:
        return _really_register(exam)
    return (
        f"the VTN knows this VEN as {record.ven_id!r}"
        if record.ven_id
        else "the query was answered; this VEN is not registered yet"
    )


def _known_beforehand(record: Payload, exam: Examination) -> str:
    """Of a pre-provisioned VEN: it has got its events, and polls, as the VEN with register=False
    does.
    """
    who = f"the VEN {exam.ven_id!r}"
    _require_success(record, DistributeEvent, exam, f"a request of {who} for its events")
    reply = _ask(exam, Poll(ven_id=exam.ven_id or ""))
    _require_success(reply, Payload, exam, f"a poll of {who}")
    if not isinstance(reply, Response):
        exam.notes.append(
            f"The poll was answered with {reply.wire_name}: {describe(reply)}. A VTN sends again "
            "what nobody has answered."
        )
    return f"it answers to the venID {exam.ven_id!r}: events and polls; not asked to register"


def _really_register(exam: Examination) -> str:
    reply = _ask(
        exam,
        CreatePartyRegistration(
            request_id=str(uuid.uuid4()),
            ven_name=exam.ven_name,
            ven_id=exam.ven_id,
            xml_signature=exam.known_identity.signer is not None,
            http_pull_model=True,
        ),
    )
    _require_success(
        reply, CreatedPartyRegistration, exam, f"the registration of {exam.ven_name!r}"
    )
    exam.facts.update(ven_id=reply.ven_id, registration_id=reply.registration_id)
    return f"registered {exam.ven_name!r} as {reply.ven_id!r}"


MESSAGE_STEPS = [
    ("clock", _clock),
    ("HTTP", _http),
    ("message", _payload),
    ("signature", _signature),
    ("registration", _registration),
]


# --- exchanges and words --------------------------------------------------------------------------


def _ask(exam: Examination, record: Payload) -> Any:
    sent = send_message(exam, record)
    if sent.cause is not None:
        raise BrokenLink(explain_failure(sent.cause, sent.wire, exam)) from sent.cause
    answer = sent.answer
    assert answer is not None
    if answer.status_code != 200:
        raise BrokenLink(
            str(rejection(answer.status_code, answer.reason, answer.headers, sent.where)),
            advice=_operator(exam) if answer.status_code in (401, 403) else "",
        )
    return _read(exam, answer.content)


def _read(exam: Examination, content: bytes) -> Any:
    exchange = Exchange(
        exam.url, exam.known_identity, now=now_utc, monotonic=monotonic, hooks=Hooks()
    )
    if not content.strip():
        raise PayloadError("The answer is empty.")
    return exchange.read(content)


def _require_success(reply: Any, wanted: type, exam: Examination, what: str) -> None:
    """Raise BrokenLink unless the reply is of the kind wanted, with a code 2xx (G9)."""
    response = getattr(reply, "response", None)
    code = str(response.response_code) if response is not None else "200"
    if code.startswith("2") and isinstance(reply, wanted):
        return
    if code.startswith("2"):
        raise BrokenLink(
            f"The VTN answered {what} with {reply.wire_name}, expected "
            f"{getattr(wanted, 'wire_name', wanted)}.",
            advice="It may not be made for VENs of OpenADR 2.0b; ask its operator.",
        )
    description = getattr(response, "response_description", None)
    said = f": {description!r}" if description else ""
    exam.facts["response_code"] = code
    raise BrokenLink(
        f"The VTN refuses {what} with code {code}{said}. It does not know this VEN, or not by "
        f"this certificate.",
        advice=_operator(exam),
    )


def _operator(exam: Examination) -> str:
    parts = [
        f"name {exam.ven_name!r}" if exam.ven_name else "",
        f"venID {exam.ven_id!r}" if exam.ven_id else "",
        f"fingerprint {exam.own.fingerprint}" if exam.own else "",
    ]
    given = ", ".join(part for part in parts if part)
    return (
        "Ask the VTN's operator to enter this VEN"
        f"{f': {given}' if given else ' (name and fingerprint)'}."
    )


def _status_text(answer: Answer, exam: Examination) -> str:
    if answer.status_code in _NO_POST:
        return (
            f"What answers at {exam.exchange.where} takes no POST (HTTP status "
            f"{answer.status_code}): it is no VTN."
        )
    text = str(rejection(answer.status_code, answer.reason, answer.headers, exam.exchange.where))
    return text.replace(DOCTOR_TRIES, "it took none with one either.")


def _tls_advice(exam: Examination) -> str:
    """Of a plain connection that broke: whether the port speaks TLS."""
    if exam.route.secure or not speaks_tls(exam.route, exam.timeout):
        return ""
    return "This port speaks TLS: use https:// in URL (vtn_url)."


def _status_advice(answer: Answer, exam: Examination) -> str:
    status = answer.status_code
    where = exam.exchange.where
    target = redirect_target(answer.headers.get("Location"), where) if 300 <= status < 400 else ""
    if target.startswith("https://") and not exam.route.secure:
        return "Use https:// in URL (vtn_url)."
    if only_adds_slash(target, where):
        return _SLASH
    if (status in _NO_POST or status in (404, 500)) and _answers_with_slash(exam):
        return _SLASH
    if status in _NO_POST:
        return "Check host, port and path in URL."
    if status == 404:
        usual = f"The usual path is {DEFAULT_PATH}; asked for was {exam.url}."
        return usual if exam.ven_id is not None else f"{usual} {_KNOWN_BEFOREHAND}"
    return _operator(exam) if status in (401, 403) else ""


def _answers_with_slash(exam: Examination) -> bool:
    """Whether the same message is taken at the same address with a slash behind it."""
    sent = send_message(exam, _first_message(exam), slash="/")
    return sent.answer is not None and sent.answer.status_code == 200


def _span(seconds: float) -> str:
    size = abs(seconds)
    if size < 120:
        return f"{size:.0f} s"
    return f"{size / 60:.0f} min" if size < 7200 else f"{size / 3600:.1f} h"
