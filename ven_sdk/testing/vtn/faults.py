"""The faults that there are, each by its class and by a name. Values; :mod:`.fault` says how
they work.
"""

from __future__ import annotations

import math
import threading
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Callable, Optional, Union

from ... import arguments
from ...errors import ConfigurationError
from ...near_names import did_you_mean
from .fault import Fault, FaultyVtn, one_of, seconds_of
from .journal import Received
from .push_faults import CHANGES, PushFault
from .reply import RESET, Reply

if TYPE_CHECKING:
    from typing_extensions import Unpack

    from .fault import Limits

FOREVER = math.inf


def body_of(body: object) -> bytes:
    """The bytes of a reply; ``ConfigurationError`` for anything else, a text too."""
    if not isinstance(body, bytes):
        raise ConfigurationError(f"body is bytes, not {body!r}. Write a text as b'...'.")
    return body


class Down(Fault):
    """Connections are refused, and those that stand are reset. With ``until`` a duration it comes
    back by itself. ``until`` in seconds.
    """

    def __init__(self, *, until: Union[timedelta, float, None] = None) -> None:
        super().__init__(until=until)
        self._alarm: Optional[threading.Timer] = None

    def begin(self, vtn: FaultyVtn) -> None:
        """``vtn`` hangs up; the alarm is set."""
        vtn.hang_up()
        if isinstance(self.until, timedelta):
            self._alarm = threading.Timer(seconds_of(self.until), self.clear)
            self._alarm.name, self._alarm.daemon = "ven_sdk-vtn-down", True
            self._alarm.start()

    def end(self, vtn: FaultyVtn) -> None:
        """``vtn`` comes back, unless it was closed meanwhile."""
        alarm, self._alarm = self._alarm, None
        if alarm is not None and alarm is not threading.current_thread():
            alarm.cancel()
            alarm.join(5)
        vtn.listen()


class Slow(Fault):
    """Replies come ``seconds`` late (a duration). ``limits`` are the arguments of
    :class:`Fault`.
    """

    def __init__(self, seconds: float = 1.0, **limits: Unpack[Limits]) -> None:
        super().__init__(**limits)
        self.seconds: float = arguments.duration("seconds", seconds).total_seconds()

    def after(self, received: Received, reply: Reply) -> Reply:
        """``reply``, later; ``received`` plays no part."""
        return replace(reply, delay=reply.delay + self.seconds)


class Stalled(Fault):
    """Nothing comes back, and the connection stands. ``at``: ``'request'`` (the message is not
    handled), ``'reply'`` (it is), ``'body'`` (it stops half-way), ``'connection'`` (half-open:
    nothing is even read, no handshake made). ``limits`` are the arguments of :class:`Fault`.
    """

    def __init__(self, at: str = "request", **limits: Unpack[Limits]) -> None:
        super().__init__(**limits)
        self.at: str = one_of("at", at, ("connection", "request", "reply", "body"))

    def connecting(self) -> float:
        """For ever, where that is what was asked for."""
        if self.at != "connection" or self.over:
            return 0.0
        self._count_hit()
        return FOREVER

    def strikes(self, received: Received) -> bool:
        """Whole connections are struck otherwise than by ``received``."""
        return self.at != "connection" and super().strikes(received)

    def before(self, received: Received) -> Optional[Reply]:
        """Silence in the place of an answer to ``received``."""
        return Reply(silent=True, delay=FOREVER) if self.at == "request" else None

    def after(self, received: Received, reply: Reply) -> Reply:
        """Silence, from somewhere in ``reply`` on; ``received`` plays no part."""
        if self.at != "body":
            return replace(reply, delay=FOREVER)
        whole = b"".join(reply.pieces("Thu, 01 Jan 1970 00:00:00 GMT"))
        half = [whole[: -max(1, len(whole) // 4)], b""]
        return replace(reply, verbatim=half, pace=FOREVER, piece=len(whole))


class Drip(Fault):
    """The reply, head included, comes in pieces of ``size`` bytes, ``seconds`` apart. ``limits``
    are the arguments of :class:`Fault`.
    """

    def __init__(self, seconds: float = 0.5, size: int = 1, **limits: Unpack[Limits]) -> None:
        super().__init__(**limits)
        self.seconds: float = arguments.duration("seconds", seconds).total_seconds()
        self.size: int = arguments.whole_number("size", size)

    def after(self, received: Received, reply: Reply) -> Reply:
        """``reply``, piece by piece; ``received`` plays no part."""
        return replace(reply, pace=self.seconds, piece=self.size)


class Reset(Fault):
    """The connection is reset. ``at``: ``'before'`` anything of the reply went out, ``'in'`` its
    body, or right ``'after'`` it.

    ``handled=False``: the VTN never saw the message (only ``'before'``). ``limits`` are the
    arguments of :class:`Fault`.
    """

    def __init__(
        self, at: str = "before", *, handled: bool = True, **limits: Unpack[Limits]
    ) -> None:
        super().__init__(**limits)
        self.at: str = one_of("at", at, ("before", "in", "after"))
        self.handled: bool = arguments.flag("handled", handled)

    def before(self, received: Received) -> Optional[Reply]:
        """A reset at once, where the VTN is not to see ``received``."""
        return (
            Reply(silent=True, ending=RESET) if self.at == "before" and not self.handled else None
        )

    def after(self, received: Received, reply: Reply) -> Reply:
        """``reply``, with a reset on the way; ``received`` plays no part."""
        return replace(
            reply, ending=RESET, silent=self.at == "before", cut=0.5 if self.at == "in" else 1.0
        )


class Status(Fault):
    """An HTTP status in the place of an answer; the VTN does not see the message.

    Arguments:
        status (500): the HTTP status.
        body (b''): bytes of the reply.
        retry_after (None): header Retry-After: seconds or a date.
        location (None): header Location.
        **limits: the arguments of :class:`Fault`.
    """

    def __init__(
        self,
        status: int = 500,
        *,
        body: bytes = b"",
        retry_after: Union[int, str, None] = None,
        location: Optional[str] = None,
        **limits: Unpack[Limits],
    ) -> None:
        super().__init__(**limits)
        self.status: int = arguments.whole_number("status", status, 100, 999)
        self.body: bytes = body_of(body)
        self.headers: dict[str, str] = {"Content-Type": "text/html"} if body else {}
        if retry_after is not None:
            self.headers["Retry-After"] = str(retry_after)
        if location is not None:
            self.headers["Location"] = location

    def before(self, received: Received) -> Optional[Reply]:
        """The status, whatever was ``received``."""
        return Reply(status=self.status, body=self.body, headers=self.headers)


class Refuse(Fault):
    """An OpenADR code in the answer that belongs to the message.

    Arguments:
        code ('463'): three digits.
        description ('refused for the test'): a text with it.
        bare (False): in an oadrResponse instead.
        **limits: the arguments of :class:`Fault`.

    Raises:
        ConfigurationError: what is no code.
    """

    def __init__(
        self,
        code: str = "463",
        description: str = "refused for the test",
        *,
        bare: bool = False,
        **limits: Unpack[Limits],
    ) -> None:
        super().__init__(**limits)
        self.code: str = str(code)
        if not (len(self.code) == 3 and self.code.isascii() and self.code.isdigit()):
            raise ConfigurationError(f"code has three digits, such as '463', not {code!r}.")
        if self.code == "200":
            raise ConfigurationError("code '200' says that all is well: it refuses nothing.")
        self.description: str = description
        self.bare: bool = arguments.flag("bare", bare)

    def before(self, received: Received) -> Optional[Reply]:
        """The refusal of ``received``."""
        return self.vtn.refusal(received, self.code, self.description, bare=self.bare)


class BadXml(Fault):
    """The reply's body is spoilt: the second half is cut off, or it is what ``body`` says (bytes,
    or a function of it). ``limits`` are the arguments of :class:`Fault`.
    """

    def __init__(
        self, body: Union[bytes, Callable[[bytes], bytes], None] = None, **limits: Unpack[Limits]
    ) -> None:
        super().__init__(**limits)
        self.body: Union[bytes, Callable[[bytes], bytes], None] = (
            body if body is None or callable(body) else body_of(body)
        )

    def after(self, received: Received, reply: Reply) -> Reply:
        """``reply`` with a spoilt body of its right length, whatever was ``received``."""
        whole = reply.body if isinstance(reply.body, bytes) else b"".join(reply.body)
        spoilt = (
            self.body(whole)
            if callable(self.body)
            else whole[: len(whole) // 2]
            if self.body is None
            else self.body
        )
        return replace(reply, body=spoilt)


class Replay(Fault):
    """What was sent before is sent again, byte for byte, in the place of a new reply: to the same
    VEN and service, the last one that was more than "nothing new". Lets through what there is
    nothing to repeat for.

    Arguments:
        service (None): those of :class:`Fault`.
        message (None): likewise.
        ven_id (None): likewise.
        times (None): likewise.
        skip (0): likewise.
        until (None): likewise.
    """

    def before(self, received: Received) -> Optional[Reply]:
        """The old reply, to the VEN and service of ``received``."""
        body = self.vtn.last_sent(received)
        return None if body is None else Reply(body=body)


class Answer(Fault):
    """This very ``reply`` (see :func:`~ven_sdk.testing.Raw`), or these bytes, in the place of the
    VTN's. ``limits`` are the arguments of :class:`Fault`. ``ConfigurationError`` for anything else.
    """

    def __init__(self, reply: Union[Reply, bytes], **limits: Unpack[Limits]) -> None:
        super().__init__(**limits)
        if not isinstance(reply, (Reply, bytes)):
            raise ConfigurationError(f"A reply is bytes or Raw(...), not {reply!r}.")
        self.reply: Reply = Reply(body=reply) if isinstance(reply, bytes) else reply

    def before(self, received: Received) -> Optional[Reply]:
        """The reply, whatever was ``received``."""
        return self.reply


class InTurn(Fault):
    """A script: each of ``faults`` (an object, a name, or a reply) strikes one request, in this
    order; None lets one through. Over after the last one. ``limits`` are the arguments of
    :class:`Fault`. ``ConfigurationError`` for what it cannot use.
    """

    def __init__(
        self, *faults: Union[Fault, str, Reply, bytes, None], **limits: Unpack[Limits]
    ) -> None:
        if not faults:
            raise ConfigurationError(
                "InTurn() has no fault to strike with: give what each request meets, such as "
                "InTurn('500', None)."
            )
        others: Limits = {"times": len(faults), **limits}
        super().__init__(**others)
        if any(isinstance(fault, Down) or fault == "down" for fault in faults):
            raise ConfigurationError(
                "A VTN that is down gets no request to strike. Use vtn.fault('down') beside the "
                "script."
            )
        if any(isinstance(fault, PushFault) or str(fault).startswith("push ") for fault in faults):
            raise ConfigurationError(
                "A fault of pushes has no request to strike. Use vtn.fault(...) beside the script."
            )
        self.faults: tuple[Fault | None, ...] = tuple(
            None if fault is None else as_fault(fault) for fault in faults
        )

    def begin(self, vtn: FaultyVtn) -> None:
        """Its faults belong to the same ``vtn``."""
        for fault in self.faults:
            if fault is not None:
                fault.belong_to(vtn)

    def before(self, received: Received) -> Optional[Reply]:
        """What the one whose turn it is gives for ``received``."""
        fault = self._turn(received)
        return fault.before(received) if fault is not None else None

    def after(self, received: Received, reply: Reply) -> Reply:
        """What the one whose turn it is makes of ``reply`` to ``received``."""
        fault = self._turn(received)
        return fault.after(received, reply) if fault is not None else reply

    def strikes(self, received: Received) -> bool:
        """Whether ``received`` is struck. The number of the hit says whose turn it is, also where
        several requests run at a time.
        """
        struck = super().strikes(received)
        if struck:
            received.turns[id(self)] = self.hits - 1
        return struck

    def _turn(self, received: Received) -> Optional[Fault]:
        return self.faults[received.turns[id(self)]]


_NAMED: dict[str, tuple[type[Fault], dict[str, Any]]] = {
    "down": (Down, {}),
    "slow": (Slow, {}),
    "stalled": (Stalled, {}),
    "half-open": (Stalled, {"at": "connection"}),
    "drip": (Drip, {}),
    "bad xml": (BadXml, {}),
    "empty": (BadXml, {"body": b""}),
    "replay": (Replay, {}),
    "html": (BadXml, {"body": b"<!doctype html><html><body>Welcome</body></html>"}),
    "reset": (Reset, {}),
    "reset before body": (Reset, {"at": "before"}),
    "reset in body": (Reset, {"at": "in"}),
    "reset after body": (Reset, {"at": "after"}),
    "503 with Retry-After": (Status, {"status": 503, "retry_after": 2}),
    "redirect": (Status, {"status": 302, "location": "http://127.0.0.1:9/elsewhere"}),
    **{f"push {how}": (PushFault, {"how": how}) for how in CHANGES},
}


def as_fault(given: Union[Fault, str, Reply, bytes], **options: Any) -> Fault:
    """A fault of itself, of its name, or of the reply that it gives. ``ConfigurationError`` for
    anything else.
    """
    if isinstance(given, str):
        return fault_named(given, **options)
    if isinstance(given, (Reply, bytes)):
        return Answer(given, **options)
    if options or not isinstance(given, Fault):
        raise ConfigurationError(
            f"A fault is a name with options, a Fault, Raw(...) or bytes, not {given!r} with "
            f"{options!r}. The options of a Fault belong into its own call."
        )
    return given


def fault_named(name: str, **options: Any) -> Fault:
    """The fault of that name: ``'down'``, ``'slow'``, ``'reset in body'`` …, an OpenADR code
    (``'463'``: 45x and 46x) or any other number as an HTTP status. ``options`` are those of its
    class. ``ConfigurationError`` for anything else.
    """
    if name in _NAMED:
        cls, preset = _NAMED[name]
        return cls(**{**preset, **options})
    if name.isdigit() and len(name) == 3:
        return (
            Refuse(name, **options)
            if name.startswith(("45", "46"))
            else Status(int(name), **options)
        )
    raise ConfigurationError(
        f"There is no fault {name!r}.{did_you_mean(name, _NAMED)} There are {', '.join(_NAMED)}, "
        "OpenADR codes such as '463' and HTTP statuses such as '500'."
    )
