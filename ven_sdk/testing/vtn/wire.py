"""Bytes to records and back for ``LocalVTN``, strictly: what a VEN does that the standard does not
allow is noted.

Runs on connection threads, outside the state's lock.
"""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Callable, NamedTuple, Optional, TypeVar

from ...errors import PayloadError, SecurityError
from ...oadr20b.codec import envelope, parsing, reader
from ...oadr20b.schema.registration import Response
from ...schema.common import Payload
from . import letter
from .http_requests import MAX_BODY, Request
from .journal import Received
from .reply import Reply
from .semantics import find_missing_content
from .trust import Trust

if TYPE_CHECKING:
    from ...oadr20b.codec.findings import Element

_MOST_KEPT = 20_000
_LONGEST_RAW = 2**20


K = TypeVar("K")
V = TypeVar("V")


class Violation(NamedTuple):
    """``what`` a VEN did wrong, and in which ``message``."""

    message: Received
    what: str

    def __str__(self) -> str:
        return (
            f"{self.message.kind} from {self.message.ven_id or '?'} at "
            f"{self.message.at:%H:%M:%S}: {self.what}"
        )


class Wire:
    """Reads and writes messages. ``sign``: replies are signed; ``verify``: VENs' messages must be;
    ``check``: deviations from the schema and from rules H1 to H4 are looked for.

    Unsigned polls, and the acknowledgements that answer them, are the same each time and are read
    and written once.
    """

    def __init__(
        self,
        trust: Trust,
        now: Callable[[], datetime],
        *,
        sign: bool,
        verify: bool,
        check: bool,
        letter: bool = False,
    ) -> None:
        self.sign: bool = sign
        self.verify: bool = verify
        self.check: bool = check
        self.letter: bool = letter
        self._trust, self._now = trust, now
        self._polls: dict[bytes, tuple[bytes, Payload]] = {}
        self._written: dict[int, tuple[Payload, bytes]] = {}

    def read(self, request: Request, received: Received) -> None:
        """Fill in what a message says; PayloadError or SecurityError where it cannot be read or
        believed.
        """
        if self.check:
            received.deviations += _http_deviations(request)
        if self.letter:
            received.deviations += letter.deviations_of_head(request.headers)
        kept = None if self.verify else self._polls.get(request.body)
        if kept is not None:
            received.raw, known = kept
        else:
            known = self._read(request.body, received)
            if self.check:
                received.deviations += find_missing_content(known)
            if received.service == "OadrPoll" and not received.deviations and not self.verify:
                _keep(self._polls, request.body, (request.body, known))
        received.record = known
        received.ven_id = getattr(known, "ven_id", None) or ""

    def read_body(self, body: bytes, received: Received) -> None:
        """Fill in what the body of a VEN's HTTP response says; errors as ``read``."""
        received.record = self._read(body, received)

    def _read(self, body: bytes, received: Received) -> Payload:
        root = parsing.parse(body, max_bytes=MAX_BODY, verbatim=self.verify)
        source = root
        if self.verify:
            source, received.fingerprint = self._trust.verify(root, self._now())
        reading = reader.read_message(source)
        is_odd = bool(reading.deviations or getattr(reading.record, "faulty", ()))
        if self.check and (is_odd or not root.tag.endswith("oadrPayload")):
            received.deviations += _strict_deviations(source)
        if self.check and getattr(reading.record, "schema_version", None) is None:
            received.deviations.append("ei:schemaVersion is missing (rule G2)")
        return reading.record

    @staticmethod
    def check_writable(record: Payload) -> None:
        """ConfigurationError where a record cannot be written: in the call that brought it, not
        when it is polled.
        """
        envelope.wrap(record)

    def deviations_of(self, message: "Payload | bytes | Reply") -> list[str]:
        """What is wrong with a message of the VTN's own side, each with the message's name."""
        body = _body_of(message)
        if not self.check or body is None:
            return []
        name = message.wire_name if isinstance(message, Payload) else type(message).__name__
        return [f"{name}: {what}" for what in _deviations(body)]

    def write(self, record: Payload) -> bytes:
        """A finished message."""
        if self.sign:
            return self._trust.signer().sign(envelope.wrap(record), self._now())
        if type(record) is not Response:
            return envelope.to_bytes(envelope.wrap(record))
        kept = self._written.get(id(record))
        if kept is not None and kept[0] is record:
            return kept[1]
        data = envelope.to_bytes(envelope.wrap(record))
        _keep(self._written, id(record), (record, data))
        return data


def _keep(cache: dict[K, V], key: K, value: V) -> None:
    if len(cache) >= _MOST_KEPT:
        cache.clear()
    cache[key] = value


def _strict_deviations(source: Element) -> list[str]:
    """The first thing that strict reading refuses; what tolerant reading only had to interpret is
    no deviation.
    """
    try:
        reader.read_message(source, strict=True)
    except PayloadError as deviation:
        return [str(deviation)]
    return []


def _body_of(message: "Payload | bytes | Reply") -> Optional[bytes]:
    """The message that a VEN will find, or None where a reply is none, or too long to look at."""
    if isinstance(message, Payload):
        return envelope.message(message)
    if isinstance(message, bytes):
        return message
    is_message = message.status == 200 and message.verbatim is None and bool(message.body)
    whole = message.body if is_message and isinstance(message.body, bytes) else b""
    return whole if 0 < len(whole) <= _LONGEST_RAW else None


def _deviations(body: bytes) -> list[str]:
    try:
        root = parsing.parse(body, max_bytes=MAX_BODY)
        found = reader.read_message(root).record
        return [*_strict_deviations(root), *find_missing_content(found)]
    except UNREADABLE as error:
        return [str(error)]


def _http_deviations(request: Request) -> list[str]:
    """Rules H2 to H4."""
    headers = request.headers
    found = []
    kind = headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind not in ("application/xml", "text/xml"):
        found.append(f"Content-Type is {kind!r}, expected 'application/xml' (rule H2)")
    if "host" not in headers:
        found.append("there is no Host header (rule H2)")
    if "transfer-encoding" in headers or "content-length" not in headers:
        found.append("the body has no Content-Length (rules H2, H3)")
    if "expect" in headers:
        found.append("there is an Expect header (rule H4)")
    return found


UNREADABLE = (PayloadError, SecurityError)


def refusal_of(error: Optional[BaseException]) -> Reply:
    """The HTTP answer to a message that cannot be read or believed (rule H8): its body says why."""
    status = 403 if isinstance(error, SecurityError) else 400
    text = f"{error or 'The message cannot be read.'}\n"
    return Reply(
        status=status,
        body=text.encode("utf-8", "replace"),
        headers={"Content-Type": "text/plain; charset=utf-8"},
    )
