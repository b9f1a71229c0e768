"""What a VEN must do about events, written from the rules alone: a hundred lines that know nothing
of how it is done.

Time goes by in whole minutes; there is no startafter here, for what is random cannot be foretold.
``calls`` are ``(minute, event, handler, detail)``, ``answer()`` gives the responses of the next
``oadrCreatedEvent``.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, Optional

TIMEOUT = 5
STEP = 10
EARLY = 5
"""Minutes that a run goes on after the clock was set back to before its start."""


@dataclass(frozen=True)
class Plan:
    """An event as the VTN holds it: it begins at ``start`` and has one interval of ten minutes for
    each payload.
    """

    id: str
    number: int
    start: int
    payloads: tuple[int, ...]
    required: bool = True
    cancelled: bool = False

    @property
    def end(self) -> int:
        return self.start + STEP * len(self.payloads)


class Held:
    """An event as the VEN holds it."""

    def __init__(self, plan: Plan, list_id: str) -> None:
        self.plan, self.list_id = plan, list_id
        self.opt: Optional[str] = None
        self.waiting_until: Optional[int] = None
        self.owed = self.running = self.over = False
        self.mark = -1
        self.early_until: Optional[int] = None


class Model:
    def __init__(self) -> None:
        self.now = 0
        self.held: dict[str, Held] = {}
        self.calls: list[tuple[Any, ...]] = []
        self.decisions: dict[str, str] = {}
        self.due: set[str] = set()
        self.loose: dict[tuple[str, int], tuple[Any, ...]] = {}
        self.heard: dict[str, str] = {}

    def call(self, held: Held, handler: str, detail: Any = None) -> None:
        self.calls.append(
            (self.now, held.plan.id, handler, held.plan.number if detail is None else detail)
        )

    # --- the VTN ----------------------------------------------------------------------------------
    def receive(self, list_id: str, plans: list[Plan]) -> None:
        self.due = set()
        self.loose = {
            key: value for key, value in self.loose.items() if key[0] in {plan.id for plan in plans}
        }
        for plan in plans:
            held = self.held.get(plan.id)
            if held is None:
                if plan.cancelled:
                    self.respond(plan, list_id, "200", "optIn")  # E9
                elif plan.end <= self.now:
                    self.respond(plan, list_id, "200", "optOut")  # E26
                else:
                    self.begin(plan, list_id)  # E2
            elif plan.number < held.plan.number:
                self.respond(plan, list_id, "450", held.opt or "optOut")  # E5
            elif plan.cancelled:
                told = held.plan.cancelled
                held.plan = replace(
                    held.plan, number=plan.number, cancelled=True, required=plan.required
                )  # E22
                if not told:
                    self.call(held, "cancel", False)  # E8
                held.owed, held.list_id, held.waiting_until = plan.required, list_id, None
            elif plan.number > held.plan.number:
                self.begin(plan, list_id) if held.plan.cancelled else self.modify(
                    held, plan, list_id
                )
            else:
                if plan.required:
                    self.due.add(plan.id)  # E15
                if not held.plan.cancelled:
                    held.plan = replace(held.plan, required=plan.required)
                    held.owed = held.owed and plan.required  # E16
        for held in list(self.held.values()):
            if held.plan.id not in {plan.id for plan in plans}:  # E6, E7
                if not held.plan.cancelled and self.now < held.plan.end:
                    self.call(held, "cancel", True)
                self.stop(held)
                del self.held[held.plan.id]
        self.heard = {plan.id: list_id for plan in plans}
        self.tick()

    def respond(self, plan: Plan, list_id: str, code: str, opt: str) -> None:
        if plan.required:  # E16
            self.loose[plan.id, plan.number] = (plan.id, code, plan.number, opt, list_id)

    def begin(self, plan: Plan, list_id: str) -> None:
        held = self.held[plan.id] = Held(plan, list_id)
        self.ask(held, "event")

    def modify(self, held: Held, plan: Plan, list_id: str) -> None:  # E3
        old, held.plan, held.list_id, held.over = held.plan, plan, list_id, False
        if held.running and not plan.start <= self.now < plan.end:
            self.stop(held)
        elif held.running:
            index = (self.now - plan.start) // STEP
            same = (
                index == held.mark
                and index < len(old.payloads)
                and old.payloads[index] == plan.payloads[index]
            )
            held.mark = index if same else index - 1
        self.ask(held, "update")

    def ask(self, held: Held, handler: str) -> None:
        held.owed, held.waiting_until = held.plan.required, None
        self.call(held, handler)
        decision = self.decisions.get(held.plan.id, "optIn")
        if decision == "defer":
            held.waiting_until = self.now + TIMEOUT
        else:
            held.opt = "optIn" if decision == "optIn" else "optOut"

    # --- the user ---------------------------------------------------------------------------------
    def choose(self, id: str, opt: str) -> bool:
        held = self.held.get(id)
        if held is None or held.plan.cancelled or held.plan.end <= self.now:
            return False
        if held.waiting_until is not None or held.opt != opt:
            held.opt, held.waiting_until, held.owed = opt, None, held.plan.required  # E23
        self.tick()
        return True

    # --- time -------------------------------------------------------------------------------------
    def tick(self) -> None:
        for held in list(self.held.values()):
            plan = held.plan
            if held.waiting_until is not None:
                held.waiting_until = min(held.waiting_until, self.now + TIMEOUT)
            if held.waiting_until is not None and held.waiting_until <= self.now:  # E18
                held.opt, held.waiting_until, held.owed = "optOut", None, plan.required
            held.over = held.over and plan.start <= self.now + 1
            self.bound_early_run(held)
            if held.running and (held.opt != "optIn" or plan.cancelled or plan.end <= self.now):
                self.stop(held)
                held.over = plan.end <= self.now
            live = (
                held.opt == "optIn"
                and held.waiting_until is None
                and not plan.cancelled
                and not held.over
            )
            if live and not held.running and plan.start <= self.now < plan.end:
                held.running, held.mark = True, -1
                self.call(held, "start")
            index = (self.now - plan.start) // STEP
            if live and held.running and index >= 0 and self.is_to_announce(held, index):  # E36
                held.mark = index
                self.call(held, "interval", plan.payloads[index])
            if not held.owed and (plan.cancelled or plan.end <= self.now):  # E8, E32
                del self.held[plan.id]

    def is_to_announce(self, held: Held, index: int) -> bool:
        return index > held.mark or (
            index < held.mark and held.plan.start + STEP * held.mark > self.now + 1
        )

    def bound_early_run(self, held: Held) -> None:
        """The clock was set back to before the start of a run."""
        if not held.running or held.plan.start <= self.now:
            held.early_until = None
        elif held.early_until is None or held.early_until > self.now + EARLY:
            held.early_until = self.now + EARLY
        elif held.early_until <= self.now:
            self.stop(held)

    def stop(self, held: Held) -> None:
        if held.running:
            held.running, held.early_until = False, None
            self.call(held, "end")

    # --- what is said -----------------------------------------------------------------------------
    def answer(self) -> list[tuple[Any, ...]]:
        said = list(self.loose.values())
        for id, held in list(self.held.items()):
            if (held.owed or id in self.due) and held.waiting_until is None:  # E17
                opt = "optIn" if held.plan.cancelled else held.opt  # E24
                said.append((id, "200", held.plan.number, opt, self.heard.get(id, held.list_id)))
                held.owed = False
                self.due.discard(id)
        self.loose = {}
        self.forget()
        return sorted(said)

    def forget(self) -> None:
        for held in list(self.held.values()):
            if (
                not held.owed
                and not held.running
                and (held.plan.cancelled or held.plan.end <= self.now)
            ):
                del self.held[held.plan.id]
