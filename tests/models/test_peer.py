"""Whatever the VTN answers, whatever the user calls, however the clock jumps: the VEN sends at a
bounded rate, goes on polling, owes nothing for ever, and says truly what happened.

``VEN_SDK_PEER_STEPS`` says how many steps to try (50000 take about half an hour); without it a few
hundred, always the same.
"""

from __future__ import annotations

import json
import os
from collections import deque
from collections.abc import Sequence
from datetime import timedelta
from typing import Any, Callable, Optional

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from tests.models.peer import REPLIES, SERVICES, VTNEvent
from tests.models.simulated import SimulatedVen
from ven_sdk.errors import ProtocolError, StateError, TransportError, VenError

MESSAGES = (
    "oadrPoll",
    "oadrQueryRegistration",
    "oadrCreatePartyRegistration",
    "oadrCancelPartyRegistration",
    "oadrRegisterReport",
    "oadrRequestEvent",
    "oadrCreatedEvent",
    "oadrUpdateReport",
    "oadrCreateOpt",
    "oadrCancelOpt",
    "oadrResponse",
    "oadrRegisteredReport",
    "oadrCanceledReport",
    "oadrCreatedReport",
    "oadrCanceledPartyRegistration",
)
QUEUED = ("list", "reregister", "cancel registration", "register report", "cancel report")
POLL_SECONDS = 10.0
MOST_A_MINUTE = 60
"""Messages that a VEN sends in a minute at most, beside those that its user asked for."""
MOST_LINES_A_MINUTE = 20
"""Warnings and errors that a VEN logs in a minute at most, and calls of on_error."""
LONGEST_PAUSE = 310.0
"""Seconds after which nothing that failed before may hold polls back, unless it said for how long.
"""
UNANSWERED = frozenset({"no answer", "refused connection", "right, but lost"})
"""Replies after which the VEN does not know what the VTN did."""
AT_POLLS = frozenset({"", "OadrPoll", "oadrPoll", "EiRegisterParty", *MESSAGES[1:4]})
"""What stands in the way of polls when the VTN misbehaves there."""


def most_in_a_minute(moments: Sequence[float], since: float) -> int:
    """The most of ``moments`` (ascending) that lie within any 60 s after ``since``."""
    window: deque[float] = deque()
    most = 0
    for moment in moments:
        if moment < since:
            continue
        window.append(moment)
        while window[0] <= moment - 60:
            window.popleft()
        most = max(most, len(window))
    return most


class HostilePeer(RuleBasedStateMachine):
    @initialize(
        seed=st.integers(0, 2**16),
        wish=st.sampled_from([None, (10, 30), (10, 10), (60, 600)]),
        has_operator=st.sampled_from([True] * 7 + [False]),
    )
    def begin(self, seed: int, wish: Optional[tuple[int, int]], has_operator: bool) -> None:
        self.has_operator = has_operator
        self.world = SimulatedVen(seed, poll_frequency=POLL_SECONDS)
        self.vtn = self.world.vtn
        self.vtn.wish = wish
        self.number = 0
        self.calls: list[float] = []
        self.checked_to = 0.0
        self.owed_opts: set[str] = set()
        self.good_since: Optional[float] = None
        self.cancelling_from: Optional[int] = None
        self.world.start()

    # --- the peer ---------------------------------------------------------------------------------

    @rule(
        key=st.sampled_from((*MESSAGES, *SERVICES, "")),
        reply=st.sampled_from(REPLIES),
        times=st.sampled_from([1.0, 2.0, 6.0, float("inf")]),
    )
    def behave(self, key: str, reply: str, times: float) -> None:
        if reply != "right":
            self.vtn.behaviour[key] = (reply, times)

    @rule(key=st.sampled_from((*MESSAGES, *SERVICES, "")))
    def heal(self, key: str) -> None:
        self.vtn.behaviour.pop(key, None)

    @rule()
    def heal_all(self) -> None:
        self.vtn.behaviour.clear()

    @rule(what=st.sampled_from(QUEUED), times=st.sampled_from([1, 1, 3, 30]))
    def queue(self, what: str, times: int) -> None:
        self.vtn.queue.extend([what] * times)

    @rule()
    def forget_the_ven(self) -> None:
        self.vtn.record.registered = False

    @rule(in_seconds=st.integers(-60, 3600), seconds=st.sampled_from([60, 600, 7200]))
    def add_event(self, in_seconds: int, seconds: int) -> None:
        self.number += 1
        start = self.world.clock.now() + timedelta(seconds=in_seconds)
        event = VTNEvent(f"e{self.number}", start.replace(microsecond=0), seconds)
        self.vtn.events[event.event_id] = event
        self.vtn.queue.append("list")

    @precondition(lambda self: self.vtn.events)
    @rule(data=st.data(), change=st.sampled_from(["modify", "cancel", "drop"]))
    def change_event(self, data: st.DataObject, change: str) -> None:
        event = self.vtn.events[data.draw(st.sampled_from(sorted(self.vtn.events)))]
        event.modification += 1
        if change == "cancel":
            event.cancelled = True
        elif change == "drop":
            del self.vtn.events[event.event_id]
        else:
            event.level = 3 - event.level
        self.vtn.queue.append("list")

    # --- time -------------------------------------------------------------------------------------

    @rule(seconds=st.sampled_from([0.5, 3.0, 11.0, 60.0, 300.0]))
    def pass_time(self, seconds: float) -> None:
        self.world.run(seconds)

    @rule(seconds=st.sampled_from([-1, 1, -3, 60, -600, 7200, -90000, -63072000, 63072000]))
    def set_clock(self, seconds: int) -> None:
        self.world.set_clock(timedelta(seconds=seconds))

    # --- the user ---------------------------------------------------------------------------------

    def call(self, function: Callable[[], Any]) -> Optional[VenError]:
        """A blocking call; its own exchanges are not the VEN's rate."""
        self.calls.append(self.world.clock.monotonic())
        try:
            function()
        except VenError as error:
            return error
        return None

    @property
    def allowance(self) -> int:
        """What the user's own calls of the minutes that are looked at may have sent or logged."""
        return 6 * sum(moment >= self.checked_to - 120 for moment in self.calls)

    @precondition(lambda self: self.world.running)
    @rule()
    def create_opt(self) -> None:
        self.number += 1
        opt_id = f"opt-{self.number}"
        until = [{"dtstart": self.world.clock.now() + timedelta(days=1), "duration": 3600}]
        error = self.call(
            lambda: self.world.ven.create_opt(
                "optOut", "economic", vavailability=until, opt_id=opt_id
            )
        )
        if error is None:
            assert opt_id in self.vtn.record.opts, "create_opt returned, and the VTN has no opt"
            return
        assert isinstance(error, (TransportError, ProtocolError, StateError)), repr(error)
        if getattr(error, "opt_id", None) and getattr(error, "status", None) is None:
            self.owed_opts.add(opt_id)

    @precondition(lambda self: self.world.running and self.world.ven.opts)
    @rule()
    def cancel_opt(self) -> None:
        opt_id = self.world.ven.opts[0].opt_id
        self.owed_opts.discard(opt_id)
        if self.call(lambda: self.world.ven.cancel_opt(opt_id)) is None:
            assert opt_id not in self.vtn.record.opts, "cancel_opt returned, and the opt stands"

    @precondition(lambda self: self.world.running)
    @rule()
    def cancel_registration(self) -> None:
        mark = len(self.vtn.sent)
        error = self.call(self.world.ven.cancel_registration)
        if error is None:
            assert not self.vtn.record.registered, "cancelled, and the VTN has the registration"
            assert self.world.ven.status.state == "unregistered"
        elif isinstance(error, TransportError) and error.status is None:
            self.cancelling_from = mark  # no answer: it stays owed, over a restart too

    @precondition(lambda self: self.world.running)
    @rule(new=st.booleans())
    def register(self, new: bool) -> None:
        self.cancelling_from = None
        if self.call(lambda: self.world.ven.register(new=new)) is None:
            assert self.world.ven.status.state == "registered"

    @precondition(lambda self: self.world.running)
    @rule()
    def request_events(self) -> None:
        lists = self.vtn.serial
        if self.call(self.world.ven.request_events) is None:
            assert self.vtn.serial > lists or self.answered_without_a_list()

    def answered_without_a_list(self) -> bool:
        """oadrResponse 200 to the request says that there are no events."""
        return any(
            name == "oadrRequestEvent" and how == "plain response" for _, name, how in self.vtn.sent
        )

    @precondition(lambda self: self.world.running and self.world.ven.events)
    @rule(opt=st.sampled_from(["opt_in", "opt_out"]))
    def decide(self, opt: str) -> None:
        event = self.world.ven.events[0]
        if self.call(lambda: getattr(self.world.ven, opt)(event.event_id)) is None:
            number = event.modification_number
            self.world.decisions[event.event_id, number] = "optIn" if opt == "opt_in" else "optOut"

    # --- life -------------------------------------------------------------------------------------

    @rule()
    def stop_or_start(self) -> None:
        if self.world.running:
            self.world.stop()
        else:
            self.world.start()

    @rule()
    def kill(self) -> None:
        self.world.kill()
        self.world.start()

    # --- what always holds ------------------------------------------------------------------------

    @invariant()
    def the_rate_is_bounded(self) -> None:
        moments = [moment for moment, _, _ in self.vtn.sent]
        most = most_in_a_minute(moments, self.checked_to - 60)
        assert most <= MOST_A_MINUTE + self.allowance, f"{most} messages in a minute"

    @invariant()
    def what_is_logged_is_bounded(self) -> None:
        for what, rows in (("lines", self.world.lines.seen), ("errors", self.world.errors)):
            most = most_in_a_minute([moment for moment, _ in rows], self.checked_to - 60)
            assert most <= MOST_LINES_A_MINUTE + self.allowance, f"{most} {what} in a minute"
        now = self.world.clock.monotonic()
        if now > self.checked_to + 120:
            self.checked_to = now

    @invariant()
    def polls_are_not_starved(self) -> None:
        now = self.world.clock.monotonic()
        if (
            AT_POLLS & self.vtn.behaviour.keys()
            or not self.world.running
            or not self.vtn.record.registered
            or self.world.ven.status.state != "registered"
        ):
            self.good_since = None
            return
        if self.good_since is None:
            self.good_since = now
        polls = [moment for moment, name, _ in self.vtn.sent if name == "oadrPoll"]
        last = max([self.good_since + LONGEST_PAUSE, self.asked_to_wait_until(), *polls[-1:]])
        assert now - last <= 2 * POLL_SECONDS + 5, f"no poll for {now - last:.0f} s"

    def asked_to_wait_until(self) -> float:
        """The end of the longest ``Retry-After`` that the VTN gave to a poll; an hour at most is
        believed.
        """
        told = [
            moment + min(float(how.rpartition(" ")[2]), 3600) + LONGEST_PAUSE
            for moment, name, how in self.vtn.sent
            if name == "oadrPoll" and " after " in how
        ]
        return max(told, default=0.0)

    @invariant()
    def nobody_waits_for_a_ticket_after_the_call(self) -> None:
        assert len(self.world.engine.tickets) == 0

    @invariant()
    def nothing_that_is_owed_waits_longer_than_its_cap(self) -> None:
        """An hour for a service that is not there, and as much where the VTN asked for more."""
        failures = self.world.engine.conversation.failures
        until = [failure.until for failure in failures._messages.values()]
        until += [failure.until for failure in failures._kinds.values()]
        assert max(until, default=0.0) <= self.world.clock.monotonic() + 7200 or self.stopping()

    def stopping(self) -> bool:
        """What failed while the VEN stopped is kept back for good, until the next start."""
        return not self.world.running

    @invariant()
    def a_cancellation_that_was_asked_for_comes_before_any_registration(self) -> None:
        if self.cancelling_from is None:
            return
        for _, name, how in self.vtn.sent[self.cancelling_from :]:
            if name == "oadrCancelPartyRegistration" and how not in UNANSWERED:
                break
            assert name not in MESSAGES[1:3], "registered again before the cancellation was sent"
        else:
            return
        self.cancelling_from = None

    @invariant()
    def the_book_is_what_the_store_holds(self) -> None:
        if not self.world.running or self.world.ven.status.queues["unsaved"]:
            return
        stored = {
            place: json.loads(text) for place, text in self.world.store.rows.get("ven", {}).items()
        }
        assert stored == self.world.remembered()

    # --- in the end -------------------------------------------------------------------------------

    def teardown(self) -> None:
        if not hasattr(self, "world"):
            return
        try:
            self.all_is_well_after_the_peer_is_right_again()
        finally:
            self.world.close()

    def all_is_well_after_the_peer_is_right_again(self) -> None:
        world, vtn = self.world, self.vtn
        vtn.behaviour.clear()
        vtn.queue.clear()
        world.start()
        world.run(5)
        if self.has_operator or world.ven.status.state == "unregistered":
            world.ven.register()
        world.run(60 if self.has_operator else 7500)
        start = (world.clock.now() + timedelta(hours=3)).replace(microsecond=0)
        vtn.events["last"] = VTNEvent("last", start, 600)
        vtn.queue.append("list")
        mark = len(vtn.record.samples)
        world.run(60 if vtn.wish is None else 3 * vtn.wish[1] + 60)
        assert world.ven.status.state == "registered", world.ven.status
        assert vtn.record.registered
        assert vtn.record.answers.get(("last", 0)) == world.decisions["last", 0]
        queues = world.ven.status.queues
        assert not any(queues[name] for name in ("answers", "event_answers", "unsaved")), queues
        assert not [opt for opt in world.ven.opts if opt.state in ("owed", "cancelling")]
        for event in vtn.events.values():
            key = event.event_id, event.modification
            if event.start + timedelta(seconds=event.seconds) > world.clock.now():
                assert key in vtn.record.answers, f"{key} was never answered"
        if vtn.wish is not None and world.engine.book.registration.refused_catalogue is None:
            assert len(vtn.record.samples) > mark, "no report in the last three periods"


STEPS = int(os.environ.get("VEN_SDK_PEER_STEPS") or 0)


@pytest.mark.long
@pytest.mark.timeout(120 + STEPS // 5)
def test_whatever_the_peer_the_user_and_the_clock_do_the_ven_keeps_its_promises() -> None:
    run_state_machine_as_test(
        HostilePeer,
        settings=settings(
            max_examples=max(1, STEPS // 50) if STEPS else 12,
            stateful_step_count=50,
            derandomize=not STEPS,
            deadline=None,
            # What is found is long, and shrinking it takes longer than reading its end.
            phases=[Phase.generate],
            suppress_health_check=list(HealthCheck),
        ),
    )
