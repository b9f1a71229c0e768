"""The stage of the hostile tests: a VTN, a running client, and what both of them saw.

A bad message is delivered in the place of a poll's reply; then a good event must be answered as if
nothing had happened. Nothing here sleeps for a guessed time: everything waits for a condition.
"""

from __future__ import annotations

import ctypes
import gc
import itertools
import logging
import threading
import time
from contextlib import suppress
from typing import Any, Callable, NamedTuple, Optional, Union
from unittest import mock

from ven_sdk import OpenADRClient
from ven_sdk.errors import TransportError, VenError
from ven_sdk.oadr20b.codec import envelope
from ven_sdk.objects import DistributeEvent, EiResponse
from ven_sdk.runtime import troubles
from ven_sdk.testing import LocalVTN, Raw, Reply
from ven_sdk.testing.vtn.builders import event

POLL = 0.03
PATIENCE = 60.0
EVIL = "evil"
HOUR = 3600
_PASSING = frozenset({"answers", "nonces"})  # what is owed for a moment, and what was seen

Message = Union[bytes, Reply]


class Seen(NamedTuple):
    """What a delivered message led to: the last error, the facts that moved."""

    error: Optional[VenError]
    moved: dict[str, Any]


def eventually(condition: Callable[[], Any], what: str, seconds: float = PATIENCE) -> Any:
    """The first true value of ``condition``; an AssertionError that says what did not happen."""
    end = time.monotonic() + seconds
    while True:
        found = condition()
        if found:
            return found
        assert time.monotonic() < end, f"{what}: not within {seconds:g} s"
        threading.Event().wait(0.003)


def resident() -> int:
    """Bytes of memory that this process holds, after giving back what it can."""
    gc.collect()
    with suppress(OSError, AttributeError):
        ctypes.CDLL("libc.so.6").malloc_trim(0)
    with open("/proc/self/statm", encoding="ascii") as file:
        return int(file.read().split()[1]) * 4096


def threads_of(part: str = "ven_sdk") -> list[str]:
    """The names of the threads that are alive and have ``part`` in their name."""
    return sorted(
        thread.name for thread in threading.enumerate() if part in thread.name and thread.is_alive()
    )


class Stage:
    """``vtn`` and ``client``; ``told`` holds the event IDs that reached a handler."""

    def __init__(self, vtn: Optional[LocalVTN] = None, **options: Any) -> None:
        self.vtn = vtn or LocalVTN()
        self.told: list[str] = []
        self._options = options
        self._good: Optional[str] = None
        self._numbers = itertools.count(1)
        self._records: list[logging.LogRecord] = []
        self._log = logging.Handler()
        self._log.emit = self._records.append  # type: ignore[method-assign]

    def __enter__(self) -> "Stage":
        logging.getLogger("ven_sdk").addHandler(self._log)
        self.vtn.start()
        defaults: dict[str, Any] = {"poll_frequency": POLL, "allow_jitter": False, "timeout": 5.0}
        with mock.patch.object(troubles, "TROUBLES_A_MINUTE", 10_000):  # each message is its own
            self.client = OpenADRClient(
                "ven-hostile", self.vtn.url, **{**defaults, **self._options}
            )
        for name in ("on_event", "on_update_event"):
            self.client.add_handler(name, self._on_event)
        self.client.add_handler("on_cancel_event", lambda event, implied: None)
        self.client.start(wait=PATIENCE)
        return self

    def __exit__(self, *_: object) -> None:
        self.client.stop()
        self.vtn.stop()
        logging.getLogger("ven_sdk").removeHandler(self._log)

    def _on_event(self, event: Any) -> str:
        self.told.append(event.event_id)
        return "optIn"

    # --- the bad message --------------------------------------------------------------------------

    def evil_list(self, **facts: Any) -> bytes:
        """A list that would be believed: the events that the VTN holds, behind a new one. ``facts``
        change that one.
        """
        facts.setdefault("event_id", f"{EVIL}-{next(self._numbers)}")
        return envelope.message(
            DistributeEvent(
                request_id="list-1",
                vtn_id=self.vtn.vtn_id,
                response=EiResponse(response_code="200", request_id=""),
                events=(evil_event(self.vtn, **facts), *self.vtn.events.values()),
            )
        )

    def deliver(self, message: Message) -> Seen:
        """Give ``message`` to the next poll; what came of it, once the client has been through
        it.
        """
        self.settle()
        before, known = self.facts(), self.client.status.last_error
        failures, mark = self.client.status.counters["failures"], self.vtn.mark()
        instead = self.vtn.reply_once(message if isinstance(message, Reply) else Raw(message))
        eventually(lambda: instead.over, "the message was polled")
        polled = len(self.vtn.received_of("oadrPoll", after=mark))
        eventually(
            lambda: (
                self.client.status.counters["failures"] > failures
                or len(self.vtn.received_of("oadrPoll", after=mark)) > polled
            ),
            "the reply was read",
        )
        instead.clear()
        self.poll_at_once()
        self.settle()
        after, error = self.facts(), self.client.status.last_error
        moved = {name: after[name] for name in after if after[name] != before[name]}
        return Seen(error if error is not known else None, moved)

    def poll_at_once(self) -> None:
        """Have the client ask for its events until it wants no list any more, and poll: whatever
        back-off it was in is over. (One that begins just then is not, so it is asked again.)
        """
        end = time.monotonic() + PATIENCE
        while True:
            self.client._engine.conversation.send_at_once(("poll", ""))
            try:
                self.client.request_events()
                if not self.client._engine.book.registration.resync:
                    return
            except TransportError:
                if time.monotonic() > end:
                    raise

    def settle(self) -> None:
        """Wait until the client owes nothing, and has polled since."""
        status = self.client.status
        eventually(
            lambda: (
                not self.client._engine.book.registration.resync and not self.client._engine.owes()
            ),
            "the client has sent what it owes",
        )
        polls = status.counters["polls"]
        eventually(lambda: self.client.status.counters["polls"] > polls, "the client polls")

    def facts(self) -> dict[str, Any]:
        """Everything that the client remembers, apart from what passes by itself."""
        book = self.client._engine.book
        passing = _PASSING | book.volatile
        return self.client._engine.read(
            lambda: {name: dict(rows) for name, rows in book.tables.items() if name not in passing}
        )

    def keeps_to_its_threads(self) -> bool:
        """Whether the client has no more threads than its pools and its scheduler may have."""
        sizes = self.client._engine.runtime._sizes.values()
        threads = [name for name in threads_of() if "-vtn-" not in name]
        return len(threads) <= sum(sizes) + 1

    def warnings(self) -> list[str]:
        """All warnings and errors so far."""
        return [
            record.getMessage() for record in self._records if record.levelno >= logging.WARNING
        ]

    # --- the good one -----------------------------------------------------------------------------

    def answers_a_good_event(self) -> None:
        """A new event takes the place of the one before: it is handled and answered, and the bad
        one still is not.
        """
        if self._good is not None:
            self.vtn.drop_event(self._good, announce=False)
        self._good = self.vtn.add_event(dtstart=HOUR)
        self.vtn.assert_opted(self._good, "optIn", timeout=PATIENCE)
        assert self.told[-1] == self._good
        known = {event.event_id for event in self.client.events}
        assert not [event_id for event_id in {*self.told, *known} if event_id.startswith(EVIL)]


def evil_event(vtn: LocalVTN, **facts: Any) -> Any:
    """An event like any other, which no handler may ever see."""
    given: dict[str, Any] = {
        "event_id": EVIL,
        "dtstart": HOUR,
        "intervals": [3],
        "targets": {"ven_id": ["ven-7"]},
        "vtn_comment": "nobody may see this",
        **facts,
    }
    return event(vtn._state.now(), **given)
