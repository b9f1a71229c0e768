"""What every row's trial has: a VTN that goes by the letter, a VEN, time, and messages. The main
thread. :mod:`.trial` adds events.
"""

from __future__ import annotations

import functools
import threading
from datetime import datetime, timezone
from typing import Any, Callable, Optional, TypeVar, Union

from cryptography.hazmat.primitives.serialization import Encoding

from ...client import OpenADRClient
from ...errors import VenError
from ...runtime.clock import Clock
from ...schema.events import Event
from ...testing import Fault, LocalVTN, ManualClock, Received
from .rows import Arguments, Row, Skip, demand, not_shown
from .samples import add_samples
from .time_control import ManualTime, RealTime, TimeControl
from .trial_parts import CallRecord, ClockAhead, HeldReply, Run, credentials_of, rules_in

T = TypeVar("T")
Where = Optional[Callable[[Any], object]]
PERIOD = 2
"""Seconds between polls that the VTN asks for."""
DECIDES = 8.0
"""Seconds that the author's code has for a decision that it does not defer."""
AFTER_A_POLL = 3.0
"""Seconds for the poll that fetches an event."""
SOON = 90.0
"""Seconds within which something that is owed must come, failures of the link included."""
MARKET_CONTEXT = "http://utility.example/certify"
SIGNALS = ("SIMPLE", "ELECTRICITY_PRICE", "LOAD_DISPATCH")


class TrialBase:
    """A VTN and a VEN for one row. ``begin()`` starts the VEN; ``close()`` ends both."""

    def __init__(self, run: Run, row: Row) -> None:
        self.run: Run = run
        self.row: Row = row
        self.clock: Optional[ManualClock] = (
            ManualClock(datetime.now(timezone.utc).replace(microsecond=0))
            if run.by_hand and run.source.is_ours
            else None
        )
        options = {"poll_frequency": PERIOD, **row.vtn}
        ahead = options.pop("ahead", 0)
        clock = ClockAhead(self.clock or Clock(), ahead) if ahead else self.clock
        self.vtn: LocalVTN = LocalVTN(letter=True, clock=clock, **options).start()
        self.held: list[HeldReply] = []
        self.happened: list[CallRecord] = []
        self.errors: list[VenError] = []
        self.asked: int = 0
        self.cut_waits: list[float] = []
        self.is_silent: bool = False
        self._defers: bool = False
        self.own_arguments: Arguments = {}
        self.time_control: TimeControl
        if self.clock is not None:
            self.time_control = ManualTime(
                self.clock, lambda: sum(each.count for each in self.held)
            )
        else:
            self.time_control = RealTime(self.vtn)
        self._client: Optional[OpenADRClient] = None
        self._begun = False

    # --- the VEN ----------------------------------------------------------------------------------

    @property
    def client(self) -> OpenADRClient:
        """The VEN's client. ``Skip`` for a VEN without one of ven_sdk."""
        if self._client is None:
            raise Skip("it needs calls into the VEN: a VEN of ven_sdk")
        return self._client

    @property
    def is_ours(self) -> bool:
        """Whether the VEN's client can be called."""
        return self.run.source.is_ours

    def need_ours(self) -> None:
        """Go on only with a VEN of ven_sdk. Raises ``Skip``."""
        if not self.is_ours:
            raise Skip("it needs calls into the VEN: a VEN of ven_sdk")

    def need_events(self) -> None:
        """Go on only with a VEN that has events and opts. Raises ``Skip``."""
        sent = self.all_of("oadrCreatePartyRegistration")
        if sent and getattr(sent[-1].record, "report_only", False):
            raise Skip("a report-only VEN has neither events nor opts")

    def power_up(self, **changed: Any) -> None:
        """Start the VEN. ``changed``: arguments of the client, for this row only."""

        def lead(own: Arguments) -> Arguments:
            return {**self._overrides(own), **changed, **self.run.arguments}

        self._begun = True
        self._client = self.run.source.begin(lead, self._watch, self._ready)
        if isinstance(self.time_control, ManualTime):
            self.time_control.client = self._client

    def power_down(self) -> None:
        """Stop the VEN, if it runs."""
        if self._begun:
            self._begun = False
            self._end(self._client)

    def begin(self, **changed: Any) -> None:
        """Start the VEN and wait until it polls."""
        self.power_up(**changed)
        self.pass_until(lambda: self.count("oadrPoll") > 0, SOON)
        demand(
            self.count("oadrPoll"),
            f"the VEN did not come as far as polling. {self.vtn.story()}",
            "Look at the rows on registration first.",
        )

    def _overrides(self, own: Arguments) -> Arguments:
        """What takes the place of the author's arguments, so that the VEN talks to this VTN."""
        is_secure = self.vtn.url.startswith("https:")
        return {
            **self._certificate(own, is_secure),
            "vtn_url": self.vtn.url,
            "ca_file": self.vtn.ca_file if is_secure else None,
            "check_hostname": True,
            "tls_fingerprint": None,
            "vtn_fingerprint": None,
            "proxies": None,
            "store": None,
            "strict": True,
            "jitter": "later",
            "push": None,
            "listen": None,
            "poll_fallback": None,
            "show_fingerprint": False,
            "debug": False,
            "clock": self.clock,
        }

    def _certificate(self, own: Arguments, is_secure: bool) -> Arguments:
        """What takes the place of the author's certificate; nothing where that is used."""
        if not is_secure:
            return {"cert": None, "key": None, "passphrase": None}
        if self._uses_own_certificate(own):
            return {}
        given = self.vtn.client_cert("certify")
        return {"cert": given.cert, "key": given.key, "passphrase": None}

    def _uses_own_certificate(self, own: Arguments) -> bool:
        return own.get("cert") is not None and not self.run.throwaway

    def _ready(self, client: OpenADRClient) -> None:
        """A client that has all that its author gives it, and is about to start."""
        if self.run.sample_data:
            add_samples(client)

    def _watch(self, client: OpenADRClient, own: Arguments) -> None:
        """Follow what the client calls. ``own``: the arguments that its author gave."""
        self.own_arguments = own
        if self.vtn.tls_context is not None and self._uses_own_certificate(own):
            certificate = credentials_of(own).certificate
            self.vtn.trust_certificate(certificate.public_bytes(Encoding.PEM))
        client.add_handler("on_event_start", lambda event: self._note("start", event))
        client.add_handler("on_event_end", lambda event: self._note("end", event))
        client.add_handler(
            "on_interval_start",
            lambda event, signal, interval: self._note("interval", event, interval.signal_payload),
        )
        client.add_handler("on_error", self.errors.append)
        add_report = client.add_report

        @functools.wraps(add_report)
        def add(callback: Any = None, *given: Any, **named: Any) -> object:
            heard = None if callback is None else self._with_silence(callback)
            return add_report(heard, *given, **named)

        object.__setattr__(client, "add_report", add)

    def _with_silence(self, callback: Callable[..., object]) -> Callable[..., object]:
        """``callback``, the author's, with no value while ``is_silent``."""

        @functools.wraps(callback)
        def call(**span: object) -> object:
            return _no_value(**span) if self.is_silent else callback(**span)

        return call

    def _note(self, what: str, event: Event, payload: Optional[float] = None) -> None:
        self.happened.append(CallRecord(self.now(), what, event.event_id, payload))

    def call(self, function: Callable[[], T], seconds: float = SOON) -> T:
        """What a call that blocks returns or raises, while time passes."""
        results: list[T] = []
        errors: list[BaseException] = []

        def work() -> None:
            try:
                results.append(function())
            except BaseException as error:
                errors.append(error)

        thread = threading.Thread(target=work, name="certify-call", daemon=True)
        thread.start()
        self.pass_until(lambda: not thread.is_alive() or self._join(thread), seconds)
        if errors:
            raise errors[0]
        if not results:
            not_shown(f"a call did not return within {seconds:g} s")
        return results[0]

    @staticmethod
    def _join(thread: threading.Thread) -> bool:
        thread.join(0.02)  # what it waits for has mostly come by now
        return not thread.is_alive()

    # --- time -------------------------------------------------------------------------------------

    def now(self) -> datetime:
        """The wall clock of VEN and VTN."""
        return self.clock.now() if self.clock is not None else datetime.now(timezone.utc)

    def pass_until(self, found: Callable[[], Optional[T]], seconds: float) -> Optional[T]:
        """Let time pass until ``found()`` gives something; what it gave, or what it gave last. In
        real time no longer than the author has patience.
        """
        most = self.run.patience
        if most is None or self.clock is not None or seconds <= most:
            return self.time_control.pass_until(found, seconds)
        value = self.time_control.pass_until(found, most)
        if value is None or value is False:
            self.cut_waits.append(seconds)
        return value

    def pass_time(self, seconds: float) -> None:
        """Let so many seconds pass."""
        self.time_control.pass_until(lambda: None, seconds)

    # --- messages ---------------------------------------------------------------------------------

    def mark(self) -> int:
        """A place in the order of messages."""
        return self.vtn.mark()

    def all_of(self, kind: str, *, after: int = 0, where: Where = None) -> list[Received]:
        """The messages of a kind so far."""
        return self.vtn.received_of(kind, after=after, where=where)

    def count(self, kind: str, *, after: int = 0, where: Where = None) -> int:
        """How many there are."""
        return len(self.all_of(kind, after=after, where=where))

    def expect(
        self,
        kind: str,
        *,
        after: int = 0,
        where: Where = None,
        seconds: float = SOON,
        advice: str = "",
    ) -> Received:
        """The first message of a kind, which has come or comes in time. Raises ``NotShown``."""

        def found() -> Optional[Received]:
            there = self.all_of(kind, after=after, where=where)
            return there[0] if there else None

        message = self.pass_until(found, seconds)
        if message is None:
            not_shown(
                f"no {kind}{' that fits' if where else ''} came within {seconds:g} s. "
                f"{self.vtn.story(after, 6)}",
                advice,
            )
        return message

    def expect_none(self, kind: str, *, after: int, text: str, advice: str = "") -> None:
        """No message of a kind has come. Raises ``NotShown``."""
        demand(not self.count(kind, after=after), text, advice)

    def await_polls(self, count: int, *, seconds: float = SOON) -> None:
        """Let so many more polls come."""
        after = self.mark()
        self.pass_until(lambda: self.count("oadrPoll", after=after) >= count, seconds)
        demand(
            self.count("oadrPoll", after=after) >= count,
            f"the VEN polled {self.count('oadrPoll', after=after)} times in {seconds:g} s, "
            f"expected were {count}",
        )

    def expect_rules(self, *rules: str) -> None:
        """The VTN found nothing against these rules so far. Raises ``NotShown``."""
        wanted = {rule.removeprefix("CR ") for rule in rules}
        for violation in self.vtn.violations:
            if rules_in(violation.what) & wanted:
                not_shown(f"{violation.message.kind}: {violation.what}")

    def fault(self, fault: Union[str, Fault], **options: Any) -> Fault:
        """Let something go wrong."""
        return self.vtn.fault(fault, **options)

    def hold_polls(self, wanted: Callable[[], bool]) -> HeldReply:
        """Leave polls unanswered while ``wanted()``."""
        held = HeldReply(wanted)
        self.held.append(held)
        self.vtn.fault(held)
        return held

    # --- the end ----------------------------------------------------------------------------------

    def close(self) -> None:
        """End the VEN and the VTN; keep the messages."""
        for held in self.held:
            held.release()
        self.power_down()
        self.run.received += [(self.row.number, each) for each in self.vtn.received]
        self.vtn.stop()

    def _end(self, client: Optional[OpenADRClient]) -> None:
        thread = threading.Thread(
            target=self.run.source.end, args=(client,), name="certify-end", daemon=True
        )
        thread.start()
        while thread.is_alive():
            thread.join(0.02)
            if thread.is_alive() and self.clock is not None:
                self.clock.advance(0.5)


def _no_value(**span: object) -> object:
    return () if span else None
