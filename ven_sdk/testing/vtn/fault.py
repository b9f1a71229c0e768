"""What a fault is: something that goes wrong between a VEN and ``LocalVTN``, where and for how
long.

A fault looks at a request before the VTN does (``before``) and at the reply before it goes out
(``after``). Connection threads ask, under the VTN's lock; tests switch. The kinds of faults are in
:mod:`.faults`.
"""

from __future__ import annotations

import inspect
import threading
import time
from collections.abc import Iterable
from datetime import timedelta
from typing import Callable, ClassVar, Optional, Protocol, TypedDict, Union

from ... import argument_names, arguments
from ...errors import ConfigurationError
from ...near_names import did_you_mean
from ...schema.common import Payload
from .journal import Kind, Received, kind_of
from .reply import Reply

Until = Union[timedelta, float, threading.Event, Callable[[], object], None]
SERVICES = ("EiEvent", "EiOpt", "EiRegisterParty", "EiReport", "OadrPoll")


class Limits(TypedDict, total=False):
    """The keywords that every fault takes: see :class:`Fault`."""

    service: Optional[str]
    message: Optional[Kind]
    ven_id: Optional[str]
    times: Optional[int]
    skip: int
    until: Until


class FaultyVtn(Protocol):
    """What a fault may do to the VTN that it strikes."""

    def drop_fault(self, fault: "Fault") -> None:
        """Switch a fault off."""

    def refusal(
        self, received: Received, code: str, description: str, *, bare: bool = False
    ) -> Reply:
        """The error answer to a message."""

    def last_sent(self, received: Received) -> Optional[bytes]:
        """What was last sent to that VEN and service, apart from acknowledgements."""

    def hang_up(self) -> None:
        """Refuse connections and reset those that stand."""

    def listen(self) -> None:
        """Accept connections again, on the same port."""

    def wait_until(
        self, found: Callable[[], object], timeout: float, what: str, *, after: int = 0
    ) -> object:
        """Wait until ``found()`` gives something. ``timeout`` in seconds."""


class Fault:
    """Base of the faults. ``hits`` counts the requests that it struck; ``wait_for_hits`` waits for
    them. The keywords of this class are taken by every fault.

    Arguments:
        service (None): only requests to this one, such as ``'OadrPoll'``.
        message (None): only this kind of payload, a class or its name.
        ven_id (None): only requests of this VEN.
        times (None): how many it strikes; None: all.
        skip (0): how many of these are let through first.
        until (None): when it is over: after a duration, at a ``threading.Event``, or when a
            function says so.

    Raises:
        ConfigurationError: what it cannot use; the nearest right name is given.
    """

    of_pushes: ClassVar[bool] = False
    """Whether it strikes what the VTN pushes, and not what VENs send."""

    def __new__(cls, *values: object, **named: object) -> "Fault":
        """Refuse what neither the class nor its bases take. ``ConfigurationError`` names the
        nearest.
        """
        known = [name for base in cls.__mro__ for name in _parameters(base)]
        argument_names.refuse_unknown(cls.__name__, named, known)
        return super().__new__(cls)

    def __init_subclass__(cls) -> None:
        super().__init_subclass__()
        if "__init__" in vars(cls):
            argument_names.checked_names(cls)

    @argument_names.named_arguments
    def __init__(
        self,
        *,
        service: Optional[str] = None,
        message: Optional[Kind] = None,
        ven_id: Optional[str] = None,
        times: Optional[int] = None,
        skip: int = 0,
        until: Until = None,
    ) -> None:
        if service is not None and service not in SERVICES:
            raise ConfigurationError(
                f"There is no service {service!r}.{did_you_mean(service, SERVICES)} There are "
                f"{', '.join(SERVICES)}."
            )
        if not (until is None or isinstance(until, threading.Event) or callable(until)):
            until = arguments.duration("until", until)
        self.service = service
        self.ven_id: Optional[str] = ven_id
        self.times: Optional[int] = (
            None if times is None else arguments.whole_number("times", times, 0)
        )
        self.skip: int = arguments.whole_number("skip", skip, 0)
        self.until: Until = until
        self.message: Optional[type[Payload]] = kind_of(message) if message is not None else None
        self.hits: int = 0
        self.cleared: bool = False
        self._begun = 0.0
        self._vtn: Optional["FaultyVtn"] = None

    # --- what faults are made of ------------------------------------------------------------------

    def before(self, received: Received) -> Optional[Reply]:
        """The reply in the place of the VTN's to ``received``, which then never sees the message;
        None lets it through.
        """
        return None

    def after(self, received: Received, reply: Reply) -> Reply:
        """The reply to ``received`` that goes out instead of ``reply``."""
        return reply

    def connecting(self) -> float:
        """Seconds for which an accepted connection is left unread."""
        return 0.0

    def begin(self, vtn: "FaultyVtn") -> None:
        """The fault was switched on at ``vtn``."""

    def end(self, vtn: "FaultyVtn") -> None:
        """The fault was switched off at ``vtn``."""

    # --- when -------------------------------------------------------------------------------------

    def _count_hit(self) -> None:
        self.hits += 1

    @property
    def over(self) -> bool:
        """Whether it strikes no more."""
        if self.cleared or (self.times is not None and self.hits >= self.times):
            return True
        if isinstance(self.until, threading.Event):
            return self.until.is_set()
        if callable(self.until):
            return bool(self.until())
        return self.until is not None and time.monotonic() - self._begun >= seconds_of(self.until)

    def strikes(self, received: Received) -> bool:
        """Whether ``received`` is struck; it counts then. The VTN's lock is held."""
        if received.pushed is not self.of_pushes:
            return False
        if self.over or (self.service is not None and received.service != self.service):
            return False
        if self.message is not None and type(received.record) is not self.message:
            return False
        if self.ven_id is not None and received.ven_id != self.ven_id:
            return False
        if self.skip > 0:
            self.skip -= 1
            return False
        self.hits += 1
        return True

    @argument_names.named_arguments
    def clear(self) -> None:
        """Switch it off."""
        vtn, self._vtn = self._vtn, None
        self.cleared = True
        if vtn is not None:
            vtn.drop_fault(self)
            self.end(vtn)

    def belong_to(self, vtn: "FaultyVtn") -> None:
        """The VTN that it strikes is ``vtn``."""
        self._vtn = vtn
        self._begun = time.monotonic()
        self.cleared = False
        self.hits = 0

    @property
    def vtn(self) -> "FaultyVtn":
        """The VTN that it strikes; ConfigurationError where it was not switched on."""
        if self._vtn is None:
            raise ConfigurationError(
                f"{self!r} is not switched on: give it to vtn.fault or vtn.faults."
            )
        return self._vtn

    @argument_names.named_arguments
    def wait_for_hits(self, count: int = 1, timeout: float = 5.0) -> None:
        """Wait until it has struck ``count`` requests; NotSeen says what arrived instead.
        ``timeout`` in seconds.
        """
        self.vtn.wait_until(
            lambda: self.hits >= count, timeout, f"{self!r} to strike {count} times"
        )

    def __enter__(self) -> "Fault":
        return self

    def __exit__(self, *_: object) -> None:
        self.clear()

    def __repr__(self) -> str:
        limits = {
            "service": self.service,
            "message": self.message and self.message.__name__,
            "times": self.times,
        }
        given = (f"{name}={value!r}" for name, value in limits.items() if value)
        return f"{type(self).__name__}({', '.join(given)})"


def _parameters(cls: type) -> list[str]:
    made = vars(cls).get("__init__")
    return (
        list(inspect.signature(made).parameters) if made is not None and cls is not object else []
    )


def one_of(name: str, value: str, choices: Iterable[str]) -> str:
    """``value``, or a ConfigurationError that lists the choices."""
    if value not in tuple(choices):
        raise ConfigurationError(f"{name} is {value!r}, expected one of {', '.join(choices)}.")
    return value


def seconds_of(value: Union[timedelta, float]) -> float:
    """Seconds of a timedelta or a number."""
    return value.total_seconds() if isinstance(value, timedelta) else float(value)


argument_names.show_arguments(Fault.__new__, Fault.__init__)


class FaultTable:
    """The faults that are switched on, in the order in which they were. Guarded by the VTN's
    lock.
    """

    def __init__(self) -> None:
        self.faults: tuple[Fault, ...] = ()

    def add(self, fault: Fault) -> None:
        self.faults = (*self.faults, fault)

    def remove(self, fault: Fault) -> None:
        self.faults = tuple(each for each in self.faults if each is not fault)

    def find_faults(self, received: Received) -> list[Fault]:
        """Those that strike this request; they have counted it."""
        struck = []
        for fault in self.faults:
            if fault.strikes(received):
                struck.append(fault)
        return struck

    def connection_delay(self) -> float:
        """How long a new connection is left alone."""
        return max((fault.connecting() for fault in self.faults), default=0.0)
