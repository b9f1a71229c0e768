"""What arrived at the VTN, in order, and waiting for it: on conditions, never by sleeping.

One lock, the VTN's, guards everything that it knows; its condition is notified whenever something
arrived or changed. Connection threads write, the test's threads read and wait.
"""

from __future__ import annotations

import operator
import time
from collections import Counter, deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from threading import Condition
from typing import Callable, Optional, TypeVar, Union

from ...arguments import duration, whole_number
from ...brackets import is_function
from ...errors import ConfigurationError, VenError
from ...near_names import did_you_mean
from ...oadr20b.schema.payloads import PAYLOADS
from ...schema.common import Payload

Kind = Union[str, type[Payload]]
V = TypeVar("V")
KINDS: dict[str, type[Payload]] = {**PAYLOADS, **{cls.__name__: cls for cls in PAYLOADS.values()}}


class NotSeen(VenError, AssertionError):
    """What was waited for did not happen in time; ``message`` shows what did. An AssertionError, so
    that pytest shows it.
    """


__tracebackhide__: Callable[[object], bool] = operator.methodcaller("errisinstance", NotSeen)
"""For pytest: what was not seen is a matter of the test's own line, not of ours."""


@dataclass
class Received:
    """One message of a VEN, and what it got back.

    Attributes:
        number: counts arrivals.
        at: when it came, by the VTN's clock.
        service: where to, such as ``'OadrPoll'``.
        record: what it said; None where it could not be read.
        raw: its bytes.
        headers: of the HTTP request.
        ven_id: who says to have sent it.
        fingerprint: of the certificate that it came with, or None.
        error: why it could not be read, or None.
        deviations: how it departs from the schema and the rules.
        answer: what was answered; None until then, and for a fault's reply, which is no record.
        status: HTTP status of the answer.
        order: counts the messages that were handled.
        turns: whose turn it was, of faults :class:`InTurn`.
        pushed: whether it is what a :class:`PushFault` is asked about: a message of the VTN's own.
        reply: the bytes of the reply, kept by a VTN that goes by the letter.
    """

    number: int
    at: datetime
    service: str
    record: Optional[Payload]
    raw: bytes
    headers: Mapping[str, str]
    ven_id: str = ""
    fingerprint: Optional[str] = None
    error: Optional[VenError] = None
    deviations: list[str] = field(default_factory=list)
    answer: Optional[Payload] = None
    status: int = 0
    order: int = 0
    turns: dict[int, int] = field(default_factory=dict)
    pushed: bool = False
    reply: bytes = b""

    @property
    def kind(self) -> str:
        """The wire name of the payload; ``unreadable`` where there is none."""
        return self.record.wire_name if self.record is not None else "unreadable"

    def __str__(self) -> str:
        answer = (
            self.answer.wire_name
            if self.answer is not None
            else f"HTTP {self.status}"
            if self.status
            else "no answer"
        )
        code = code_of(self.answer)
        return (
            f"{self.at:%H:%M:%S.%f} {self.kind} from {self.ven_id or '?'} -> "
            f"{answer}{f' {code}' if code else ''}"
        )


def code_of(record: Optional[Payload]) -> str:
    """The response code in a payload, or an empty string."""
    response = getattr(record, "response", None)
    return str(response.response_code) if response is not None else ""


def kind_of(wanted: Kind) -> type[Payload]:
    """The class of payloads that a class, its name or its wire name (``'oadrPoll'``) means.
    ``ConfigurationError`` for what is no kind of message.
    """
    found = KINDS.get(wanted) if isinstance(wanted, str) else wanted
    if isinstance(found, type) and issubclass(found, Payload):
        return found
    names = ", ".join(cls.__name__ for cls in PAYLOADS.values())
    hint = did_you_mean(wanted, KINDS)
    raise ConfigurationError(f"{wanted!r} is no payload of OpenADR 2.0b.{hint} There are: {names}.")


def check_filter(where: object) -> None:
    """Refuse a ``where`` that cannot be asked: ``ConfigurationError``."""
    if where is not None and not is_function(where):
        raise ConfigurationError(f"where must be a function of the record, not {where!r}.")


class Journal:
    """The messages, the last ``keep`` of them; ``counts`` goes on for ever."""

    def __init__(self, condition: Condition, keep: int) -> None:
        self.condition = condition
        self.messages: deque[Received] = deque(maxlen=keep)
        self.counts: Counter[str] = Counter()
        self.last: int = 0
        self._numbers = 0

    def new_number(self) -> int:
        """The number of a message that arrives now."""
        self._numbers += 1
        return self._numbers

    def enter(self, received: Received) -> None:
        """Note a message that was handled. The caller holds the lock and notifies."""
        self.last += 1
        received.order = self.last
        self.messages.append(received)
        self.counts[received.kind] += 1

    def select(
        self,
        wanted: Optional[Kind] = None,
        where: Optional[Callable[[object], object]] = None,
        *,
        after: int = 0,
    ) -> list[Received]:
        """The messages of a kind that ``where`` (called with the record) says yes to, handled after
        the mark ``after``.
        """
        cls = None if wanted is None else kind_of(wanted)
        check_filter(where)
        with self.condition:
            recent: list[Received] = []
            for received in reversed(self.messages):
                if received.order <= after:
                    break
                recent.append(received)
        found = [each for each in reversed(recent) if cls is None or type(each.record) is cls]
        return [
            each
            for each in found
            if where is None or (each.record is not None and where(each.record))
        ]

    def wait_for(
        self,
        wanted: Kind,
        count: int,
        timeout: float,
        where: Optional[Callable[[object], object]],
        after: int,
    ) -> Received:
        """The ``count``-th such message; :class:`NotSeen` where it did not come in time.
        ``timeout`` in seconds.
        """
        name, count = kind_of(wanted).__name__, whole_number("count", count)
        seen: list[Received] = []
        upto = [after]

        def find_enough() -> Optional[Received]:
            newest = self.last
            seen.extend(self.select(wanted, where, after=upto[0]))
            upto[0] = newest
            return seen[count - 1] if len(seen) >= count else None

        return self.wait_until(
            find_enough,
            timeout,
            lambda: (
                f"{count} {name}{' that fit' if where else ''} within {timeout:g} s",
                f"{len(seen)} did",
            ),
            after=after,
        )

    def wait_until(
        self,
        found: Callable[[], Optional[V]],
        timeout: float,
        wanted: Callable[[], "tuple[str, str]"],
        *,
        after: int = 0,
    ) -> V:
        """What ``found`` gives, as soon as it is neither None nor False. ``NotSeen`` shows what
        arrived instead. ``timeout`` in seconds.
        """
        deadline = time.monotonic() + duration("timeout", timeout).total_seconds()
        with self.condition:
            while True:
                value = found()
                if value is not None and value is not False:
                    return value
                left = deadline - time.monotonic()
                if left <= 0:
                    break
                self.condition.wait(left)
        what, instead = wanted()
        raise NotSeen(f"Expected {what}; {instead}. {self.story(after)}")

    def story(self, after: int = 0, lines: int = 15) -> str:
        """What arrived, for people: the last messages, equal neighbours counted."""
        told: list[str] = []
        for received in [each for each in self.messages if each.order > after]:
            line = str(received)
            if told and told[-1][16:].partition(" (")[0] == line[16:]:
                times = told[-1].partition(" (")[2].partition(" ")[0]
                line = f"{line} ({int(times) + 1 if times else 2} in a row)"
                told.pop()
            told.append(line)
        if not told:
            return "Nothing arrived at the VTN."
        left_out = f" (the last {lines} of {len(told)} lines)" if len(told) > lines else ""
        return f"What arrived{left_out}:\n  " + "\n  ".join(told[-lines:])
