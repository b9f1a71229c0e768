"""Whatever the VTN answers, whatever the user calls, however the clock jumps: the VEN sends at a
bounded rate, goes on polling, owes nothing for ever, and says truly what happened.

``VEN_SDK_PEER_STEPS`` says how many steps to try (50000 take some ten minutes of a processor);
without it a few hundred, always the same. ``VEN_SDK_PEER_SEED`` chooses others. ``python -m
tests.models.test_peer`` is the same without pytest, and says what it found in one line.
"""

from __future__ import annotations

import json
import logging
import os
import sys
from collections.abc import Sequence
from datetime import timedelta
from typing import Any, Callable, Optional

import pytest
from hypothesis import HealthCheck, Phase, seed, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from tests.models import regimes
from tests.models.patience import BUSY, CLOSED, CREATE, MISSING, status_of
from tests.models.peer import ANY, REPLIES, SERVICES, Killed
from tests.models.promises import (
    CANCEL_OPT,
    CREATE_OPT,
    REGISTERS,
    UNANSWERED,
    UNKNOWN,
    Promises,
)
from tests.models.simulated import SimulatedVen
from tests.models.texts import VTNEvent
from ven_sdk.errors import ProtocolError, StateError, TransportError, VenError
from ven_sdk.oadr20b.state.opts import OptState

CANCEL = "oadrCancelPartyRegistration"
MESSAGES = (
    "oadrPoll",
    "oadrQueryRegistration",
    CREATE,
    CANCEL,
    "oadrRegisterReport",
    "oadrRequestEvent",
    "oadrCreatedEvent",
    "oadrUpdateReport",
    CREATE_OPT,
    CANCEL_OPT,
    "oadrResponse",
    "oadrRegisteredReport",
    "oadrCanceledReport",
    "oadrCreatedReport",
    "oadrCanceledPartyRegistration",
)
QUEUED = (*regimes.POLLS_BRING, "cancel registration")
CALLS = {
    "create_opt": CREATE_OPT,
    "cancel_opt": CANCEL_OPT,
    "register": CREATE,
    "register anew": CREATE,
    "cancel_registration": CANCEL,
    "request_events": "oadrRequestEvent",
}
WEIGHED_CALLS = (*CALLS, "create_opt", "create_opt", "cancel_opt", "cancel_registration")
COMMON = (
    "plain response",
    "empty",
    "code 450",
    "code 463",
    "not allowed",
    "no answer",
    "right, but lost",
    "status 404",
    "status 500",
    "status 503",
)
"""Replies that are worth more than their share."""
FAR = 63_072_000
"""Two years, in seconds."""
LONGEST = 7500.0
"""Seconds that the longest wait in the table of failures takes, twice."""
LONG_AGO = 3700.0
"""Seconds after which a lost registration is lost for the first time again."""


def most_in_a_minute(moments: Sequence[float], since: float) -> int:
    """The most of ``moments`` (ascending) that lie within any 60 s after ``since``, to the
    microsecond: what is 60 s apart but for the last bit of a float is so.
    """
    window = [moment for moment in moments if moment >= since]
    return max(
        (sum(0 <= round(moment - other, 6) < 60 for other in window) for moment in window),
        default=0,
    )


class HostilePeer(RuleBasedStateMachine):
    steps = 0
    """Of all runs together."""

    @initialize(
        chance=st.integers(0, 2**16),
        wish=st.sampled_from([None, (10, 30), (10, 10), (60, 600)]),
        period=st.sampled_from([10.0, 10.0, 30.0]),
        has_operator=st.sampled_from([True] * 7 + [False]),
        has_no_empty_list=st.sampled_from([False, False, True]),
        share_of_failures=st.sampled_from([0.0, 0.0, 0.5]),
    )
    def begin(
        self,
        chance: int,
        wish: Optional[tuple[int, int]],
        period: float,
        has_operator: bool,
        has_no_empty_list: bool,
        share_of_failures: float,
    ) -> None:
        self.has_operator = has_operator
        self.world = SimulatedVen(chance, poll_frequency=period)
        self.world.share_of_failures = share_of_failures
        self.vtn = self.world.vtn
        self.vtn.wish, self.vtn.has_no_empty_list = wish, has_no_empty_list
        self.promises = Promises(self.world, period)
        self.number = 0
        self.owed_opts: dict[str, float] = {}
        self.cancelling_from: Optional[int] = None
        self.world.start()
        self.world.run(5)

    # --- the peer ---------------------------------------------------------------------------------

    @rule(
        key=st.sampled_from((*MESSAGES, *SERVICES, "")),
        reply=st.sampled_from((*REPLIES, ANY)),
        times=st.sampled_from([1.0, 2.0, 6.0, float("inf")]),
    )
    def behave(self, key: str, reply: str, times: float) -> None:
        if reply != "right":
            self.vtn.behaviour[key] = (reply, times)

    @rule(
        regime=st.sampled_from(regimes.REGIMES),
        minutes=st.sampled_from([1, 3, 12]),
        alone=st.booleans(),
        restarts=st.booleans(),
    )
    def go_wrong_for_long(self, regime: str, minutes: int, alone: bool, restarts: bool) -> None:
        if alone:
            regimes.end_all(self.vtn)
        regimes.begin(self.vtn, regime)
        if restarts:
            self.world.stop()
            self.world.start()
        self.world.run(60 * minutes)

    @rule(
        reply=st.sampled_from(["status 404", "status 403", "status 502", "refused connection"]),
        forgets=st.booleans(),
    )
    def restart_the_vtn(self, reply: str, forgets: bool) -> None:
        self.vtn.behaviour[""] = reply, float("inf")
        self.vtn.record.registered &= not forgets
        self.world.run(3)
        self.vtn.behaviour.pop("", None)
        self.world.run(20)

    @rule()
    def heal_all(self) -> None:
        regimes.end_all(self.vtn)

    @rule(what=st.sampled_from(QUEUED), times=st.sampled_from([1, 1, 3, 30]))
    def queue(self, what: str, times: int) -> None:
        self.vtn.queue.extend([what] * times)

    @rule(restarts=st.booleans())
    def replace_the_vtn(self, restarts: bool) -> None:
        self.number += 1
        if restarts:
            self.world.stop()
        self.vtn.become(f"vtn-{self.number}")
        self.owed_opts.clear()
        self.world.start()
        self.world.run(15)

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

    @rule(seconds=st.sampled_from([-1, 1, -3, 60, -600, 7200, -90_000, -FAR, FAR]))
    def set_clock(self, seconds: int) -> None:
        self.world.set_clock(timedelta(seconds=seconds))
        if seconds == FAR:
            self.owed_opts.clear()  # their time is over
        mark = len(self.world.lines.seen)
        self.world.run(5)
        if seconds <= -60 and self.world.running:
            texts = [text for _, text in self.world.lines.seen[mark:]]
            assert any("set back" in text for text in texts), "not a word of the clock"

    # --- the user ---------------------------------------------------------------------------------

    def call(self, function: Callable[[], Any]) -> Optional[BaseException]:
        """A blocking call; its own exchanges are not the VEN's rate. The error, or None."""
        self.promises.calls.append(self.world.clock.monotonic())
        try:
            function()
        except Killed as death:
            self.world.kill()
            self.world.start()
            return death
        except VenError as error:
            return error
        return None

    def answered(self, name: str, mark: int, about: str = "") -> list[str]:
        """How messages of a name were answered since ``mark``."""
        return [
            how
            for (_, sent, how), of in zip(self.vtn.sent[mark:], self.vtn.about[mark:])
            if sent == name and of == about
        ]

    def must_succeed(self, mark: int) -> bool:
        """Whether nothing went wrong since ``mark`` but that a registration was lost once."""
        since = self.vtn.sent[mark:]
        hows = [how for _, _, how in since]
        if not {*hows} <= {"right", "code 463"} or hows.count("code 463") > 1:
            return False
        if any(how != "right" for _, name, how in since if name in REGISTERS):
            return False  # that is a refusal
        recent = self.world.clock.monotonic() - LONG_AGO
        before = [one for one in self.vtn.sent[:mark] if one.at > recent]
        return bool(hows) and "code 463" not in [how for _, _, how in before]

    @precondition(lambda self: self.world.running)
    @rule(
        name=st.sampled_from(WEIGHED_CALLS),
        reply=st.one_of(st.just("right"), st.sampled_from(COMMON), st.sampled_from(REPLIES)),
        times=st.sampled_from([1.0, 1.0, 3.0, float("inf")]),
    )
    def call_that_meets(self, name: str, reply: str, times: float) -> None:
        if name == "cancel_opt" and not self.world.ven.opts:
            self.create_opt()
        if reply != "right":
            self.vtn.behaviour[CALLS[name]] = reply, times
        {
            "create_opt": self.create_opt,
            "cancel_opt": self.cancel_opt,
            "register": self.register,
            "register anew": lambda: self.register(new=True),
            "cancel_registration": self.cancel_registration,
            "request_events": self.request_events,
        }[name]()
        self.vtn.behaviour.pop(CALLS[name], None)

    def create_opt(self) -> None:
        self.number += 1
        opt_id, mark = f"opt-{self.number}", len(self.vtn.sent)
        self.vtn.owner_of_opt[opt_id] = self.vtn.vtn_id
        until = [{"dtstart": self.world.clock.now() + timedelta(days=5), "duration": 3600}]
        begun = self.world.clock.monotonic()
        error = self.call(
            lambda: self.world.ven.create_opt(
                "optOut", "economic", vavailability=until, opt_id=opt_id
            )
        )
        if error is None:
            assert opt_id in self.vtn.record.opts, "create_opt returned, and the VTN has no opt"
        elif isinstance(error, VenError):
            self.look_at_error(error, CREATE_OPT, opt_id, mark, begun)

    @precondition(lambda self: self.world.running)
    @rule(reply=st.sampled_from(["status 500", "unreadable", "no answer"]))
    def opt_that_the_vtn_fails_over(self, reply: str) -> None:
        """It holds up no other (but where nothing comes back the link has failed)."""
        self.vtn.behaviour[f"{CREATE_OPT} opt-{self.number + 1}"] = reply, float("inf")
        self.create_opt()
        self.create_opt()

    def cancel_opt(self) -> None:
        if not self.world.ven.opts:
            return
        opt_id, mark = self.world.ven.opts[0].opt_id, len(self.vtn.sent)
        self.owed_opts.pop(opt_id, None)
        begun = self.world.clock.monotonic()
        error = self.call(lambda: self.world.ven.cancel_opt(opt_id))
        if error is None:
            assert opt_id not in self.vtn.record.opts, "cancel_opt returned, and the opt stands"
        elif isinstance(error, VenError):
            self.look_at_error(error, CANCEL_OPT, opt_id, mark, begun)

    def look_at_error(
        self, error: VenError, name: str, opt_id: str, mark: int, begun: float
    ) -> None:
        """What a call about an opt raises is what happened: refused, missing, or still owed."""
        assert isinstance(error, (TransportError, ProtocolError, StateError)), repr(error)
        hows = self.answered(name, mark, opt_id)
        status = getattr(error, "status", None)
        if hows and hows[-1] in {f"status {one}" for one in MISSING}:
            assert f"status {status}" == hows[-1], f"{name} met {hows[-1]}: {error!r}"
            took = self.world.clock.monotonic() - begun
            others = {fact for _, *facts in self.vtn.sent[mark:] for fact in facts}
            delays = {*REGISTERS, *UNKNOWN, *UNANSWERED, *(f"status {one}" for one in BUSY)}
            assert took < 5 or others & delays, f"raised after {took:.0f} s"
        if isinstance(error, StateError):
            return
        assert not self.must_succeed(mark), f"all went well, and it raised {error!r}"
        if getattr(error, "opt_id", None) and status is None:
            standing = {opt.opt_id: opt.state for opt in self.world.ven.opts}
            assert standing.get(opt_id) in ("owed", "cancelling"), f"owed, but {standing}"
            if name == CREATE_OPT:
                self.owed_opts[opt_id] = self.world.clock.monotonic()

    def cancel_registration(self) -> None:
        mark = len(self.vtn.sent)
        error = self.call(self.world.ven.cancel_registration)
        hows = self.answered(CANCEL, mark)
        if error is None:
            assert not self.vtn.record.registered, "cancelled, and the VTN has the registration"
            assert self.world.ven.status.state == "unregistered"
        elif isinstance(error, TransportError) and not any(map(is_refusal, hows[-1:])):
            self.cancelling_from = mark  # it stays owed, over a restart too
        assert error is None or not {*hows[-1:]} & UNKNOWN or isinstance(error, Killed), (
            f"the VTN does not know the VEN: {error!r}"
        )

    def register(self, new: bool = False) -> None:
        self.cancelling_from, mark = None, len(self.vtn.sent)
        error = self.call(lambda: self.world.ven.register(new=new))
        if error is None:
            assert self.world.ven.status.state != "unregistered"
            assert "right" in self.answered(CREATE, mark), "registered, and the VTN knows nothing"
        elif not isinstance(error, (Killed, StateError)):
            assert not self.must_succeed(mark), f"all went well, and it raised {error!r}"

    def request_events(self) -> None:
        lists, mark = self.vtn.serial, len(self.vtn.sent)
        error = self.call(self.world.ven.request_events)
        if error is None and self.vtn.serial == lists:  # an answer that says that there are none
            hows = {*self.answered("oadrRequestEvent", mark)}
            others = hows & {"plain response", "empty", "blank", "status 204"}
            assert others or self.vtn.has_no_empty_list, f"asked, and not answered: {hows}"

    @precondition(lambda self: self.world.running and self.world.ven.events)
    @rule(opt=st.sampled_from(["opt_in", "opt_out"]))
    def decide(self, opt: str) -> None:
        event = self.world.ven.events[0]
        if self.call(lambda: getattr(self.world.ven, opt)(event.event_id)) is None:
            self.world.note_decision(
                event.event_id, event.modification_number, "optIn" if opt == "opt_in" else "optOut"
            )

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

    @rule(when=st.sampled_from(["before", "after"]))
    def die_at_the_next_exchange(self, when: str) -> None:
        self.vtn.dies = when if self.world.running else ""
        self.world.run(60)
        self.vtn.dies = ""

    @rule(pool=st.sampled_from(["report", "handler"]), stops=st.booleans())
    def user_code_holds_all_threads(self, pool: str, stops: bool) -> None:
        self.world.hold(pool)
        self.world.run(50)
        if stops:
            self.world.stop()
            self.world.start()
        self.world.release()
        self.world.run(2)

    @rule()
    def the_disk_is_full_for_a_while(self) -> None:
        self.world.store.is_full = True
        self.world.run(40)
        self.world.store.is_full = False
        self.world.run(61)

    # --- what always holds ------------------------------------------------------------------------

    @invariant()
    def promises_are_kept(self) -> None:
        HostilePeer.steps += 1
        self.promises.look(expects_polls=self.cancelling_from is None)

    @invariant()
    def nobody_waits_for_a_ticket_after_the_call(self) -> None:
        assert len(self.world.engine.tickets) == 0

    @invariant()
    def nothing_is_answered_that_was_not_decided(self) -> None:
        for (event_id, number), opt in self.vtn.record.answers.items():
            event = self.vtn.events.get(event_id)
            if opt == "optIn" and event is not None and not event.cancelled:
                assert (event_id, number, opt) in self.world.decided, f"nobody chose {event_id}"

    @invariant()
    def an_opt_of_a_registration_that_ended_is_not_owed(self) -> None:
        if self.world.ven.status.state == "unregistered":
            self.owed_opts.clear()

    @invariant()
    def a_cancellation_that_was_asked_for_comes_before_any_registration(self) -> None:
        if self.cancelling_from is None:
            return
        for _, name, how in self.vtn.sent[self.cancelling_from :]:
            if name == CANCEL and (how == "right" or how in UNKNOWN or is_refusal(how)):
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
        """All that is owed has come about within the longest wait that the table of failures has,
        twice; with an operator the registration is there at once.
        """
        world, vtn = self.world, self.vtn
        regimes.end_all(vtn)
        vtn.queue.clear()
        world.release()
        world.start()
        world.run(5)
        self.an_opt_of_a_registration_that_ended_is_not_owed()
        if self.has_operator or world.ven.status.state == "unregistered":
            world.ven.register()
            world.run(60)
            assert world.ven.status.state == "registered", world.ven.status
        world.run_until(lambda: not self.open_ends(), LONGEST)
        assert not self.open_ends()
        start = (world.clock.now() + timedelta(hours=3)).replace(microsecond=0)
        vtn.events["last"] = VTNEvent("last", start, 600)
        vtn.queue += ["list", "one report"]
        mark, sent = len(vtn.record.samples), len(vtn.sent)

        def is_reported() -> bool:
            """A catalogue that was still owed ends the request that came before it (CR 306)."""
            has_catalogue = any(one.name == "oadrRegisterReport" for one in vtn.sent[sent:])
            is_asked = world.engine.book.registration.refused_catalogue is None
            return len(vtn.record.samples) > mark or has_catalogue or not is_asked

        def is_done() -> bool:
            return is_reported() and not (self.open_ends() or self.unanswered())

        may_report = all(one.state == "ok" for one in world.ven.status.services.values())
        soon = 90 if vtn.wish is None else 3 * vtn.wish[1] + 90
        world.run_until(is_done, soon if may_report else LONGEST)
        assert not self.open_ends()
        assert not self.unanswered()
        assert vtn.record.answers["last", 0] == world.decisions["last", 0]
        assert is_reported(), "no report of the last request"

    def open_ends(self) -> list[str]:
        """What is not as it shall be in the end."""
        status = self.world.ven.status
        found = [] if status.state == "registered" else [f"the VEN is {status.state}"]
        if not self.vtn.record.registered:
            found.append("the VTN does not know the VEN")
        queues = [name for name in ("answers", "event_answers", "unsaved") if status.queues[name]]
        found += [f"{name} are owed" for name in queues]
        found += [f"{one.opt_id} is {one.state}" for one in self.world.ven.opts if is_owed(one)]
        lines = self.world.lines.seen
        replaced = [at for at, text in lines if "was replaced by" in text]
        given_up = [text for _, text in lines if "never confirmed are given up" in text]
        for opt_id, since in self.owed_opts.items():
            if max(replaced, default=0.0) >= since:
                continue  # it was the VTN's before, as far as the VEN knew
            if any(opt_id in text.split(": ")[-1].split(", ") for text in given_up):
                continue  # its registration ended, and the user was told
            hows = self.answered(CREATE_OPT, 0, opt_id)
            is_unwanted = any(
                self.promises.was_not_allowed(exchange)
                for exchange, of in zip(self.vtn.sent, self.vtn.about)
                if exchange.name == CREATE_OPT and of == opt_id
            )
            if not is_unwanted and not any(how == "right" or is_refusal(how) for how in hows):
                found.append(f"{opt_id} stayed owed, and was neither sent nor refused: {hows}")
        return found

    def unanswered(self) -> list[str]:
        """The events to come that the VEN does not know, or did not answer."""
        now, held = self.world.clock.now(), {one.event_id for one in self.world.ven.events}
        found = []
        for event in self.vtn.events.values():
            key = event.event_id, event.modification
            if event.start + timedelta(seconds=event.seconds) > now:
                if key not in self.vtn.record.answers:
                    found.append(f"{key} was never answered")
                if not event.cancelled and event.event_id not in held:
                    found.append(f"{key} is not known")
        return found


def is_owed(opt: OptState) -> bool:
    return opt.state in ("owed", "cancelling")


def is_refusal(how: str) -> bool:
    """Whether a message that was answered so is given up. 204 is an empty body."""
    if how.startswith("status ") and how != "status 204":
        status = status_of(how)
        return status in MISSING or (400 <= status < 500 and status not in CLOSED | BUSY)
    empty = ("empty", "blank", "status 204")
    return how != "code 463" and how.startswith(("code ", "plain", "wrong", "without", *empty))


STEPS = int(os.environ.get("VEN_SDK_PEER_STEPS") or 600)
SEED = int(os.environ.get("VEN_SDK_PEER_SEED") or 1)


def explore(steps: int) -> None:
    """Try about ``steps`` steps, in runs of fifty."""
    run_state_machine_as_test(
        seed(SEED)(HostilePeer),
        settings=settings(
            max_examples=max(1, steps // 50),
            stateful_step_count=50,
            deadline=None,
            database=None,
            # What is found is long, and shrinking it takes longer than reading its end.
            phases=[Phase.generate],
            suppress_health_check=list(HealthCheck),
        ),
    )


@pytest.mark.long
@pytest.mark.timeout(120 + STEPS // 5)
def test_whatever_the_peer_the_user_and_the_clock_do_the_ven_keeps_its_promises(
    capsys: pytest.CaptureFixture[str], record_property: Callable[[str, object], None]
) -> None:
    try:
        explore(STEPS)
    finally:
        record_property("steps", HostilePeer.steps)
        with capsys.disabled():
            print(f"\nThe model made {HostilePeer.steps} steps with seed {SEED}.")


def main() -> int:
    """Explore without pytest, and say in one line what was found."""
    logging.getLogger("ven_sdk").propagate = False
    try:
        explore(STEPS)
    except Exception as error:
        steps = HostilePeer.steps
        print(f"after {steps} steps: {type(error).__name__}: {' '.join(str(error).split())[:200]}")
        return 1
    print(f"nothing in {HostilePeer.steps} steps")
    return 0


if __name__ == "__main__":
    sys.exit(main())
