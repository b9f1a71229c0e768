"""Random sequences of all that can happen to events, held against a model written from the rules
(``model``).

``VEN_MODEL_STEPS=10000 pytest tests/oadr20b/services/events/test_model.py`` runs the long form.
"""

from __future__ import annotations

import os
import random
from typing import Any, Optional

import hypothesis.strategies as st
import pytest
from hypothesis import HealthCheck, settings
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from tests.oadr20b.services.builders import distribute, event, signal
from tests.oadr20b.services.events.model import STEP, TIMEOUT, Model, Plan
from tests.oadr20b.services.harness import MINUTE, NOON, Harness
from ven_sdk.errors import StateError
from ven_sdk.usercode.decisions import DEFER

STEPS = int(os.environ.get("VEN_MODEL_STEPS", "1000"))
LENGTH = 200
IDS = ("a", "b", "c", "d")
HANDLERS = {
    "on_event": "event",
    "on_update_event": "update",
    "on_cancel_event": "cancel",
    "on_event_start": "start",
    "on_interval_start": "interval",
    "on_event_end": "end",
}
ID = st.sampled_from(IDS)
SEND = st.sampled_from([True, True, False])
DECISIONS = st.sampled_from(["optIn", "optIn", "optIn", "optOut", "fail", "defer"])
PAYLOADS = st.lists(st.integers(1, 3), min_size=1, max_size=4).map(tuple)


class EventLife(RuleBasedStateMachine):
    """A VTN that does as it likes, a user, a clock and a process that dies; the VEN and the model
    see the same.
    """

    def __init__(self) -> None:
        super().__init__()
        self.model = Model()
        self.decisions = self.model.decisions
        self.vtn: dict[str, Plan] = {}
        self.lists = 0
        self.checked = 0
        self.ven = Harness(
            {name: (lambda *_: None) for name in HANDLERS}, opt_timeout=TIMEOUT * MINUTE
        )
        self.ven.handlers["on_event"] = self.ven.handlers["on_update_event"] = self.decide

    def decide(self, event: Any) -> Any:
        decision = self.decisions.get(event.event_id, "optIn")
        if decision == "fail":
            raise RuntimeError("the relay is stuck")
        return DEFER if decision == "defer" else decision

    # --- what can happen --------------------------------------------------------------------------

    @rule(
        id=ID,
        ahead=st.integers(-15, 40),
        payloads=PAYLOADS,
        required=st.booleans(),
        decision=DECISIONS,
        send=SEND,
    )
    def create_or_move(
        self,
        id: str,
        ahead: int,
        payloads: tuple[int, ...],
        required: bool,
        decision: str,
        send: bool,
    ) -> None:
        self.decisions[id] = decision
        number = self.vtn[id].number + 1 if id in self.vtn else 0
        self._hold(Plan(id, number, self.model.now + ahead, payloads, required), send)

    @precondition(lambda self: self.vtn)
    @rule(data=st.data(), payloads=PAYLOADS, decision=DECISIONS, send=SEND)
    def modify(
        self, data: st.DataObject, payloads: tuple[int, ...], decision: str, send: bool
    ) -> None:
        held = self._any(data)
        self.decisions[held.id] = decision
        self._hold(Plan(held.id, held.number + 1, held.start, payloads, held.required), send)

    @precondition(lambda self: self.vtn)
    @rule(data=st.data(), raised=st.booleans(), send=SEND)
    def cancel(self, data: st.DataObject, raised: bool, send: bool) -> None:
        held = self._any(data)
        self._hold(
            Plan(
                held.id,
                held.number + raised,
                held.start,
                held.payloads,
                held.required,
                cancelled=True,
            ),
            send,
        )

    @precondition(lambda self: self.vtn)
    @rule(data=st.data(), send=SEND)
    def go_back_in_numbers(self, data: st.DataObject, send: bool) -> None:
        held = self._any(data)
        self._hold(
            Plan(held.id, max(0, held.number - 1), held.start, held.payloads, held.required), send
        )

    @precondition(lambda self: self.vtn)
    @rule(data=st.data(), send=SEND)
    def drop(self, data: st.DataObject, send: bool) -> None:
        del self.vtn[self._any(data).id]
        self._hold(None, send)

    def _any(self, data: st.DataObject) -> Plan:
        return self.vtn[data.draw(st.sampled_from(sorted(self.vtn)))]

    def _hold(self, plan: Optional[Plan], send: bool) -> None:
        if plan is not None:
            self.vtn[plan.id] = plan
        if send:
            self.distribute_list(list(IDS))

    @rule(order=st.permutations(IDS))
    def distribute(self, order: list[str]) -> None:
        self.distribute_list(order)

    def distribute_list(self, order: list[str]) -> None:
        self.lists += 1
        plans = [self.vtn[id] for id in order if id in self.vtn]
        self.ven.send(distribute(*map(_event, plans), request_id=f"list-{self.lists}"))
        self.model.receive(f"list-{self.lists}", plans)

    @rule(id=ID, opt=st.sampled_from(["optIn", "optOut"]))
    def opt(self, id: str, opt: str) -> None:
        try:
            self.ven.opt(id, opt)
        except StateError:
            assert not self.model.choose(id, opt)
        else:
            assert self.model.choose(id, opt)

    @rule()
    def answer(self) -> None:
        record = self.ven.answer()
        said = sorted(
            (one.event_id, one.response_code, one.modification_number, one.opt_type, one.request_id)
            for one in (record.event_responses if record is not None else ())
        )
        assert said == self.model.answer()

    @rule(minutes=st.integers(1, 25))
    def wait(self, minutes: int) -> None:
        self.ven.advance(minutes * MINUTE)
        for _ in range(minutes):
            self.model.now += 1
            self.model.tick()

    @rule(minutes=st.integers(1, 60))
    def sleep(self, minutes: int) -> None:
        self.ven.jump(minutes * MINUTE)
        self.model.now += minutes
        self.model.tick()

    @rule(minutes=st.integers(1, 60))
    def set_clock_back(self, minutes: int) -> None:
        self.ven.jump(-minutes * MINUTE)
        self.model.now -= minutes
        self.model.tick()

    @rule(minutes=st.integers(0, 30))
    def restart(self, minutes: int) -> None:
        self.ven.restart(after=minutes * MINUTE)
        self.model.now += minutes
        self.model.due, self.model.loose, self.model.heard = set(), {}, {}
        self.model.tick()

    # --- what must be true ------------------------------------------------------------------------

    @invariant()
    def the_same_calls_were_made(self) -> None:
        made = [_call(call) for call in self.ven.calls[self.checked :]]
        self.checked = len(self.ven.calls)
        expected, self.model.calls = self.model.calls, []
        for id in IDS:
            assert [call for call in made if call[1] == id] == [
                call for call in expected if call[1] == id
            ]

    @invariant()
    def the_same_events_are_held(self) -> None:
        assert set(self.ven.book.events) == set(self.model.held)
        assert len(self.ven.timers) <= len(self.ven.book.events)


def _event(plan: Plan) -> Any:
    return event(
        plan.id,
        plan.number,
        start=NOON + plan.start * MINUTE,
        length=STEP * len(plan.payloads) * MINUTE,
        status="cancelled" if plan.cancelled else "far",
        required="always" if plan.required else "never",
        signals=[signal(*plan.payloads, each=STEP * MINUTE)],
    )


def _call(call: Any) -> tuple[Any, ...]:
    minute = (call.at - NOON) // MINUTE
    detail: Any = call.arguments[0].modification_number
    if call.handler == "on_interval_start":
        detail = call.arguments[2].signal_payload
    elif call.handler == "on_cancel_event":
        detail = call.arguments[1]
    return minute, call.arguments[0].event_id, HANDLERS[call.handler], detail


EventLife.TestCase.settings = settings(
    max_examples=max(1, STEPS // LENGTH),
    stateful_step_count=LENGTH,
    deadline=None,
    suppress_health_check=list(HealthCheck),
)
TestEventLife = EventLife.TestCase


class _Draw:
    """What a rule draws from, fed by a plain random generator."""

    def __init__(self, chance: random.Random, machine: EventLife) -> None:
        self.chance, self.machine = chance, machine

    def draw(self, _strategy: Any) -> str:
        return self.chance.choice(sorted(self.machine.vtn))


def walk(seed: int, steps: int = LENGTH) -> int:
    """A long, evenly mixed walk, such as hypothesis seldom makes; returns how many handler calls
    there were.
    """
    chance = random.Random(seed)
    machine = EventLife()
    draw: Any = _Draw(chance, machine)
    always = {
        "create_or_move": 2,
        "distribute": 2,
        "opt": 1,
        "answer": 2,
        "wait": 3,
        "sleep": 1,
        "set_clock_back": 1,
        "restart": 1,
    }
    with_events = {"modify": 2, "cancel": 1, "drop": 1, "go_back_in_numbers": 1}
    for _ in range(steps):
        weights = {**always, **(with_events if machine.vtn else {})}
        name = chance.choices(list(weights), list(weights.values()))[0]
        payloads = tuple(chance.randint(1, 3) for _ in range(chance.randint(1, 4)))
        decision, send = (
            chance.choice(["optIn", "optIn", "optOut", "fail", "defer"]),
            chance.random() < 0.6,
        )
        arguments: dict[str, dict[str, Any]] = {
            "create_or_move": {
                "id": chance.choice(IDS),
                "ahead": chance.randint(-15, 40),
                "payloads": payloads,
                "required": chance.random() < 0.7,
                "decision": decision,
                "send": send,
            },
            "modify": {"data": draw, "payloads": payloads, "decision": decision, "send": send},
            "cancel": {"data": draw, "raised": chance.random() < 0.7, "send": send},
            "go_back_in_numbers": {"data": draw, "send": send},
            "drop": {"data": draw, "send": send},
            "distribute": {"order": chance.sample(IDS, len(IDS))},
            "opt": {"id": chance.choice(IDS), "opt": chance.choice(["optIn", "optIn", "optOut"])},
            "answer": {},
            "wait": {"minutes": chance.randint(1, 25)},
            "sleep": {"minutes": chance.randint(1, 60)},
            "set_clock_back": {"minutes": chance.randint(1, 60)},
            "restart": {"minutes": chance.randint(0, 30)},
        }
        getattr(machine, name)(**arguments[name])
        machine.the_same_calls_were_made()
        machine.the_same_events_are_held()
    return len(machine.ven.calls)


@pytest.mark.parametrize("first", [0, 4, 8])
def test_long_even_walks_agree_with_the_model(first: int) -> None:
    count = max(4, STEPS // LENGTH // 3)

    calls = [walk(seed) for seed in range(first * 1000, first * 1000 + count)]

    assert min(calls) > 10
