"""What ``doctor`` examines: the way to a VTN as far as it is known, what a step finds, and how a
step fails. Values only.
"""

from __future__ import annotations

import socket
import ssl
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Callable, Optional

from ...errors import TransportError
from ...oadr20b.identity import SigningIdentity
from ...security.tls import client_context
from ...transport.failures import failure
from ...transport.route import Deadline, Route
from ...transport.wire import Wire
from ..certificates import CertificateFacts, now_utc, span_text
from .push_listener import PushListener

NOWHERE = Route(True, "", 0, None)
SOON = timedelta(days=60)
"""Certificates that end sooner are named, with the date."""
CLOCK_ADVICE = "Compare this machine with a third clock; here: date -u; timedatectl set-ntp true."
OK, NOTE, FAILED, SKIPPED = "ok", "note", "failed", "not reached"


class BrokenLink(Exception):
    """A link is broken. ``step`` names it where it is not the step that found out; ``advice`` says
    more about the way out.
    """

    def __init__(self, text: str, *, step: str = "", advice: str = "") -> None:
        super().__init__(text)
        self.step: str = step
        self.advice: str = advice


@dataclass(frozen=True)
class Finding:
    """One line of the result. ``state`` is ``ok``, ``note`` (works, but look at it), ``failed`` or
    ``not reached``.
    """

    step: str
    state: str
    text: str
    details: tuple[str, ...] = ()
    advice: str = ""
    facts: dict[str, Any] = field(default_factory=dict)


@dataclass
class Examination:
    """A way to a VTN: what was asked about it, and what is known so far. ``notes``, ``details`` and
    ``facts`` are a step's. With ``push``, ``url`` is the address where the VTN calls the VEN.
    """

    url: str
    cert: Optional[str] = None
    key: Optional[str] = None
    passphrase: Optional[str] = None
    ca_file: Optional[str] = None
    check_hostname: bool = True
    tls_fingerprint: Optional[str] = None
    vtn_fingerprint: Optional[str] = None
    disable_signature: bool = False
    ven_name: Optional[str] = None
    ven_id: Optional[str] = None
    register: bool = False
    timeout: float = 10.0
    replay_window: float = 60.0
    route: Route = NOWHERE
    identity: Optional[SigningIdentity] = None
    addresses: tuple[str, ...] = ()
    own: Optional[CertificateFacts] = None
    chain: tuple[CertificateFacts, ...] = ()
    refusal: Optional[BaseException] = None
    asked_for_certificate: Optional[bool] = None
    exchange: Any = None
    push: bool = False
    listen: Optional[str] = None
    proxied: bool = False
    listener: Optional[PushListener] = None
    shown: tuple[bytes, ...] = ()
    notes: list[str] = field(default_factory=list)
    details: list[str] = field(default_factory=list)
    facts: dict[str, Any] = field(default_factory=dict)

    @property
    def known_identity(self) -> SigningIdentity:
        """The loaded files; the step before this one has seen to them."""
        assert self.identity is not None
        return self.identity

    def context(self, *, check_hostname: Optional[bool] = None) -> ssl.SSLContext:
        """A TLS context as the VEN would use it."""
        check = self.check_hostname if check_hostname is None else check_hostname
        return client_context(self.known_identity.credentials, self.ca_file, check_hostname=check)

    def connect(self) -> socket.socket:
        """A connection to the host and port of the address."""
        place = (self.route.host, self.route.port)
        return socket.create_connection(place, timeout=self.timeout)


Step = Callable[[Examination], str]


def explain_failure(cause: BaseException, wire: Wire, exam: Examination) -> str:
    """The sentence of ``transport`` for a failure, without its introduction."""
    left = 0 if isinstance(cause, socket.timeout) else exam.timeout
    error: TransportError = failure(cause, wire, "", Deadline(left), exam.timeout)
    text = str(error).partition("failed: ")[2]
    return f"{text[:1].upper()}{text[1:]}"


def wrong_clock(there: datetime, symptom: str) -> BrokenLink:
    """This machine's clock is far off; ``there`` is the VTN's, ``symptom`` what came of it."""
    ahead = now_utc() - there
    side = "ahead of" if ahead > timedelta(0) else "behind"
    return BrokenLink(
        f"This machine's clock is {span_text(abs(ahead))} {side} the VTN's. Certificates seem "
        f"expired, or not yet valid, only by it: {symptom}",
        step="clock",
        advice=CLOCK_ADVICE,
    )
