"""One record out, one record back: the only place that joins codec, security and transport. Runs on
exchange threads.

It keeps no state of the conversation and judges no response code; what arrives is either a record
or one of our errors.
"""

from __future__ import annotations

import logging
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Callable, Optional, TypeVar

from ..arguments import LARGEST_MESSAGE
from ..errors import ConfigurationError, PayloadError, SecurityError, TransportError, VenError
from ..log import WIRE, RedactedBody, Repeats
from ..schema.common import Payload
from ..tasks import ReceivedReply
from ..text import class_name, text_of
from ..transport.cookies import Cookies
from ..transport.sessions import Reply
from .codec import envelope, parsing, reader
from .codec.findings import Element
from .codec.namespaces import tag
from .schema.registration import Poll

if TYPE_CHECKING:
    from ..usercode.handlers import Hooks
    from .identity import SigningIdentity

logger: logging.Logger = logging.getLogger(__name__)
wire_logger: logging.Logger = logging.getLogger(WIRE)

T = TypeVar("T")
_SIGNATURE = b"Signature"
CONTENT_TYPE = "application/xml"
"""What messages are of, by rule H2."""
REFRESH = 60.0
"""Seconds between looks at certificate files that may have been renewed."""


class Exchange:
    """The way to one VTN for one VEN.

    ``post`` sends a record to the service that it belongs to. ``sending_time()`` is asked right
    before anything is sent: for how many seconds that may be under way; where it says 0, nothing
    is sent.
    """

    __slots__ = (
        "_cookies",
        "_identity",
        "_max_bytes",
        "_monotonic",
        "_now",
        "_poll",
        "_refresh_at",
        "_sending_time",
        "_strict",
        "_url",
        "deviations",
        "hooks",
    )

    def __init__(
        self,
        url: str,
        identity: SigningIdentity,
        *,
        now: Callable[[], datetime],
        monotonic: Callable[[], float],
        hooks: Hooks,
        strict: bool = False,
        max_bytes: int = LARGEST_MESSAGE,
        deviations: Optional[Repeats] = None,
        sending_time: Optional[Callable[[], float]] = None,
    ) -> None:
        self._url = url
        self._identity = identity
        self._now = now
        self._monotonic = monotonic
        self.hooks: Hooks = hooks
        self._strict, self._max_bytes = strict, max_bytes
        self.deviations: Repeats = deviations or Repeats(logger)
        self._sending_time = sending_time
        self._cookies = Cookies()
        self._poll: Optional[tuple[str, bytes]] = None
        self._refresh_at = monotonic() + REFRESH

    @property
    def identity(self) -> SigningIdentity:
        """Who speaks here."""
        return self._identity

    def post(self, record: Payload, service: str = "") -> ReceivedReply:
        """Send ``record`` to its service (or to ``service``). What comes back is a record (None for
        an empty body, G12), and how far the VTN's clock was ahead of ours.

        TransportError, SecurityError or PayloadError tell why no record came back,
        ConfigurationError why none was sent, StateError that ``sending_time`` said 0.
        """
        if self._monotonic() >= self._refresh_at:
            self._refresh_at = self._monotonic() + REFRESH
            self._identity.refresh()
        self._check_validity()
        body = self.serialise(record)
        if self.hooks:
            self.hooks.run("before_send_xml", body.decode())
        if wire_logger.isEnabledFor(logging.DEBUG):
            wire_logger.debug("-> %s %s", service or record.service, RedactedBody(body))
        before = self._now()
        try:
            reply = self._identity.connections.post(
                f"{self._url}/{service or record.service}",
                body,
                self._sending_time,
                self._cookies,
                None if not self._identity.signs else lambda: self.serialise(record),
                CONTENT_TYPE,
            )
        # of the TLS peer's pin: nothing was sent, so that the link failed and no reply did
        except SecurityError as cause:
            raise TransportError(str(cause), delivered=False) from cause
        except TransportError as cause:
            if cause.status != 200:
                raise
            # an answer came, compressed or too large: the link and the service work
            _, _, reason = str(cause).partition(" failed: ")
            raise PayloadError(reason or str(cause)) from cause
        if wire_logger.isEnabledFor(logging.DEBUG):
            wire_logger.debug("<- %s", RedactedBody(reply.body))
        found = self.read(reply.body) if reply.body.strip() else None
        return ReceivedReply(found, _clock_offset(reply, before))

    def _check_validity(self) -> None:
        try:
            self._identity.check_validity(self._now())
        except SecurityError as cause:  # nothing was sent: the link fails until it is renewed
            raise TransportError(str(cause), delivered=False) from cause

    def serialise(self, record: Payload) -> bytes:
        """The bytes to send, signed where the VEN signs. The unsigned poll is always the same and
        is made once. ``ConfigurationError`` where it cannot be written, ``TransportError`` where
        not signed.
        """
        if self._identity.signs:
            return self._sign(self._write(envelope.signed_object, record))
        if not isinstance(record, Poll):
            return self._write(envelope.message, record)
        if self._poll is None or self._poll[0] != record.ven_id:
            self._poll = (record.ven_id, self._write(envelope.message, record))
        return self._poll[1]

    def _sign(self, content: bytes) -> bytes:
        """TransportError where the key or its library fails: nothing is sent, so that everything
        waits as for a link that is down, and goes out when the key serves again.
        """
        try:
            signer = self._identity.signer
            assert signer is not None
            return signer.sign_canonical(content, self._now())
        except Exception as cause:
            text = (
                f"Messages cannot be signed with the key of this VEN ({class_name(cause)}: "
                f"{text_of(cause)}). Nothing is sent meanwhile; look at the files cert and key."
            )
            raise TransportError(text, delivered=False) from cause

    def _write(self, write: Callable[[Payload], bytes], record: Payload) -> bytes:
        return build_alone(self.deviations, record.wire_name, lambda: write(record))

    def read(self, body: bytes) -> Payload:
        """The record that ``body`` holds, after the safe parser and, with ``vtn_fingerprint``, the
        signature.

        This is also what a server would call for a pushed message. Records are read only from what
        was signed. ``PayloadError`` for what cannot be understood, ``SecurityError`` for a wrong
        signature.
        """
        if self.hooks:
            self._announce(body)
        try:
            reading = self._read(body)
        except VenError:
            raise
        except Exception as cause:
            # nothing known leads here; a message that finds a way must not stop the VEN
            logger.exception(
                "A message could not be read. This is a fault of ven_sdk: please report it."
            )
            raise PayloadError(
                f"The message could not be understood ({type(cause).__name__})."
            ) from cause
        for deviation in reading.deviations:
            self.deviations.note(
                deviation,
                logging.INFO,
                "The VTN's message is not as the schema wants it: %s",
                deviation,
            )
        if self.hooks:
            self.hooks.run("after_parse_xml", reading.record.wire_name, reading.record)
        return reading.record

    def _read(self, body: bytes) -> reader.Reading:
        """Parser, signature, record: each sees only what the one before it let pass."""
        verifier = self._identity.verifier
        may_be_signed = verifier is not None or _SIGNATURE in body
        root = parsing.parse(body, max_bytes=self._max_bytes, verbatim=may_be_signed)
        if verifier is not None:
            root = verifier.verify(root, self._now())
        elif may_be_signed and envelope.is_signed(root):
            root = self._identity.verify_unpinned(root, self._now())
        elif self._strict and self._identity.signs:
            raise SecurityError(
                "The message is not signed, although this VEN signs its own (strict=True, cert and "
                "key). The message was discarded. If the VTN does not sign, leave strict out or "
                "set disable_signature=True.",
                expected="ds:Signature",
            )
        elif may_be_signed:  # the word stood in a text: comments go, as from any unsigned message
            root = parsing.parse(body, max_bytes=self._max_bytes)
        return reader.read_message(root, strict=self._strict)

    def _announce(self, body: bytes) -> None:
        text = body.decode("utf-8", "replace")
        for hook in ("after_receive_xml", "before_schema_validation", "before_parse_xml"):
            self.hooks.run(hook, text)


def build_alone(repeats: Repeats, what: str, make: Callable[[], T]) -> T:
    """What ``make()`` builds or writes of the message ``what``. Whatever it raises is a
    ConfigurationError, for it is of this message alone; a fault of ven_sdk is logged with its
    traceback the first time.
    """
    try:
        return make()
    except ConfigurationError:
        raise
    except Exception as cause:
        text = (
            f"{what} cannot be written ({type(cause).__name__}). This is a fault of ven_sdk: "
            "please report it."
        )
        if repeats.note(f"fault in writing {what}", logging.DEBUG, "%s", text) == 1:
            logger.error("%s", text, exc_info=cause)
        raise ConfigurationError(text) from cause


def named_in(body: bytes) -> tuple[frozenset[str], frozenset[str]]:
    """The venIDs and the vtnIDs that stand anywhere in a message. They prove nothing: whoever is
    meant checks the signature. ``PayloadError`` for what is no message.
    """
    root = parsing.parse(body)
    return _texts(root, tag("ei:venID")), _texts(root, tag("ei:vtnID"))


def _texts(root: Element, name: str) -> frozenset[str]:
    return frozenset(each.text.strip() for each in root.iter(name) if each.text)


def _clock_offset(reply: Reply, before: datetime) -> Optional[timedelta]:
    """E40: the Date header has whole seconds, and was written while the exchange went on."""
    if reply.date is None:
        return None
    half_way = timedelta(seconds=reply.elapsed / 2)
    return reply.date + timedelta(seconds=0.5) - before - half_way
