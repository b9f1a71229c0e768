"""Rows on answering events (rules E)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta, timezone
from typing import Any

from ...oadr20b.schema.events import CreatedEvent, DistributeEvent
from ...schema.common import Target
from ...schema.events import Event, EventSignal, Interval
from ...testing import BadXml
from ...testing.vtn.builders import event as build_event
from .rows import Arguments, demand, row, skip
from .trial import Trial
from .trial_base import SIGNALS

HOUR = 3600
UNREADABLE = datetime(2099, 12, 31, 23, 59, 57, tzinfo=timezone.utc)
CODES = "expected were 200 for the good one, a 4xx for the others"
VALUES = {"x-loadControlCapacity": 0.5, "multiplier": 0.5}
"""Payloads of types that do not take 1."""
SIGNAL_TYPES: Mapping[str, Sequence[str]] = {
    "ELECTRICITY_PRICE": ("price", "priceRelative", "priceMultiplier"),
    "ENERGY_PRICE": ("price", "priceRelative", "priceMultiplier"),
    "DEMAND_CHARGE": ("price", "priceRelative", "priceMultiplier"),
    "BID_PRICE": ("price",),
    "BID_LOAD": ("setpoint",),
    "BID_ENERGY": ("setpoint",),
    "CHARGE_STATE": ("setpoint", "delta", "multiplier"),
    "LOAD_DISPATCH": ("setpoint", "delta", "multiplier", "level"),
    "LOAD_CONTROL": (
        "x-loadControlCapacity",
        "x-loadControlLevelOffset",
        "x-loadControlPercentOffset",
        "x-loadControlSetpoint",
    ),
}
"""The table of signals, but SIMPLE."""
EVERY_LIST = "Answer every event of every list that wants a response, whatever has changed."


@row(17, "answers each event of each list", "E", "CR 12, 25, 62", pics="E")
def each_list(trial: Trial) -> str:
    trial.begin()
    event_id = trial.add_event(dtstart=HOUR)
    trial.answer(event_id)
    trial.vtn.announce()
    trial.answer(event_id, number=2)
    number = trial.vtn.modify_event(event_id, priority=1)
    changed = trial.answer(event_id, number=3)
    demand(changed.modification_number == number, "the changed event got its old number back")
    number = trial.vtn.cancel_event(event_id)
    trial.pass_until(
        lambda: any(each.modification_number == number for each in trial.answers(event_id)), 90
    )
    found = [each.modification_number for each in trial.answers(event_id)]
    demand(number in found, f"the cancelled event was not answered; numbers {found}", EVERY_LIST)
    codes = {each.response.response_code for each in trial.created_events()}
    wrong = sorted(code for code in codes if not code.startswith("2"))
    demand(
        not wrong,
        f"answers to good lists have eiResponse {', '.join(wrong)}",
        "A VTN reads eventResponses only where eiResponse is a success.",
    )
    return "new, unchanged, changed and cancelled: each was answered"


@row(18, "answers no event that wants no response", "E", "CR 12", pics="E")
def wants_none(trial: Trial) -> str:
    trial.begin()
    silent = trial.add_event(dtstart=HOUR, response_required="never")
    trial.await_polls(4)
    advice = "oadrResponseRequired is never: carry the event out, and do not answer."
    demand(not trial.answers(silent), "an event that wants no response was answered", advice)
    demand(not trial.count("oadrCreatedEvent"), "an answer came, although no event wants one")
    wanted = trial.add_event(dtstart=2 * HOUR)
    trial.answer(wanted)
    demand(not trial.answers(silent), "of two events, the one that wants none was answered", advice)
    trial.vtn.modify_event(silent, priority=1)
    trial.await_polls(3)
    demand(not trial.answers(silent), "it was answered when it was modified", advice)
    trial.vtn.cancel_event(silent)
    trial.await_polls(3)
    demand(not trial.answers(silent), "it was answered when it was cancelled", advice)
    return "silence, also when it is modified and cancelled; in a mixed list only the other one"


@row(19, "echoes the requestID of the list", "E", "CR 42, 43")
def request_ids(trial: Trial) -> str:
    trial.begin()
    event_id = trial.add_event(dtstart=HOUR)
    trial.answer(event_id)
    for number in (2, 3):
        trial.send_list(trial.event(event_id), request_id="always-the-same")
        trial.answer(event_id, number=number)
    trial.vtn.announce()
    last = trial.answer(event_id, number=4)
    trial.expect_rules("CR 42")
    lists = [
        each.answer.request_id
        for each in trial.vtn.received
        if isinstance(each.answer, DistributeEvent) and each.answer.events
    ]
    demand(
        last.request_id == lists[-1],
        f"the last list has requestID {lists[-1]!r}, its answer {last.request_id!r}",
        "Take the top-level requestID of the list that is answered.",
    )
    return "the list's own requestID; none in eiResponse"


@row(20, "refuses lists of another VTN", "E", "CR 21, 35, 512")
def other_vtn(trial: Trial) -> str:
    trial.begin()
    known = trial.add_event(dtstart=HOUR)
    trial.answer(known)
    for vtn_id in ("somebody-else", trial.vtn.vtn_id.upper()):
        after = trial.mark()
        trial.send_list(vtn_id=vtn_id)
        message = trial.expect(
            "oadrCreatedEvent",
            after=after,
            seconds=10,
            advice="Compare vtnID letter for letter; answer 452 without eventResponses.",
        ).record
        assert isinstance(message, CreatedEvent)
        demand(
            message.response.response_code == "452" and not message.event_responses,
            f"a list of vtnID {vtn_id!r} was answered {message.response.response_code}",
            "Answer 452, without eventResponses.",
        )
    if trial.is_ours:
        held = [event.event_id for event in trial.client.events]
        demand(known in held, "a list of another VTN cancelled a known event")
    return "452 without eventResponses; known events stand"


@row(21, "compares market contexts as URIs", "E", "CR 48, 512", pics="D")
def market_contexts(trial: Trial) -> str:
    trial.need_ours()
    own = "http://utility.example/certify"
    trial.begin(market_contexts=[own])
    other = trial.add_event(dtstart=HOUR, market_context="http://other.example/programme")
    trial.expect_refused(other, "462", "an event of another market context")
    same = trial.add_event(dtstart=2 * HOUR, market_context="HTTP://Utility.Example/certify")
    trial.expect_accepted(same, "the same market context with another case of its host")
    return "462 for another; the same URI in another spelling is accepted (market_contexts is set)"


@row(22, "looks at targets", "E", "CR 22, 48", pics="D")
def targets(trial: Trial) -> str:
    trial.begin()
    own = trial.vtn.ven().ven_id
    foreign = trial.add_event(dtstart=HOUR, targets=[Target(ven_id="somebody-else")])
    trial.expect_refused(foreign, "462", "an event for another venID", "Look at eiTarget.")
    everybody = trial.add_event(dtstart=2 * HOUR, targets=[])
    trial.expect_accepted(everybody, "an event without a target")
    two = [Target(group_id="somebody-else"), Target(ven_id=own)]
    either = trial.add_event(dtstart=3 * HOUR, targets=two)
    trial.expect_accepted(either, "an event for this VEN and another group")
    return "462 for a foreign one; none, and one of two, are accepted"


@row(23, "refuses events with a signal that it does not support", "E", "CR 48, 109", pics="D")
def unsupported_signals(trial: Trial) -> str:
    trial.need_ours()
    trial.begin(signals=list(SIGNALS))
    simple = _signal(trial, "SIMPLE")
    other = _signal(trial, "CHARGE_STATE")
    wrong = simple.replace(signal_name="LOAD_DISPATCH", signal_type="setpoint", measurement=None)
    cases: dict[str, list[Any]] = {
        "an unsupported signal": [other],
        "an unsupported signal beside SIMPLE": [simple, other.replace(signal_id="1")],
        "LOAD_DISPATCH without its unit": [wrong],
    }
    for number, (what, signals) in enumerate(cases.items(), 1):
        event_id = trial.add_event(dtstart=number * HOUR, signals=signals)
        trial.expect_refused(
            event_id, "460", what, "Refuse the event if any of its signals is unknown."
        )
    return "460 for one alone, for one beside a supported one, and for a wrong unit"


def _signal(trial: Trial, name: str) -> EventSignal:
    built = build_event(trial.now(), event_id="pattern", signal_name=name)
    return built.event_signals[0]


@row(24, "takes the three signals that every VEN takes", "E", "CR 510", pics="D")
def well_known_signals(trial: Trial) -> str:
    trial.begin()
    for number, name in enumerate(SIGNALS, 1):
        event_id = trial.add_event(dtstart=number * HOUR, signal_name=name, intervals=[1, 2])
        trial.expect_accepted(event_id, f"an event with {name}")
        if trial.is_ours:
            seen = {event.event_id: event for event in trial.client.events}[event_id]
            payloads = [step.signal_payload for step in seen.event_signals[0].intervals]
            demand(payloads == [1, 2], f"{name} 1, 2 reached the handler as {payloads}")
    return ", ".join(SIGNALS)


@row(
    25,
    "takes the further signals that it is set to, with each type and unit, and no others",
    "E",
    "CR 104",
    pics="D",
)
def further_signals(trial: Trial) -> str:
    trial.begin()
    configured = trial.client.settings.signals
    if configured is None:
        skip("signals= is not set: every signal reaches the handler")
    further = list(SIGNAL_TYPES)
    hours = 0
    for name in further:
        kinds = SIGNAL_TYPES[name] if name in configured else SIGNAL_TYPES[name][:1]
        for kind in kinds:
            hours += 1
            value = VALUES.get(kind, 1)
            event_id = trial.add_event(
                dtstart=hours * HOUR, signal_name=name, signal_type=kind, intervals=[value]
            )
            what = f"an event with {name} {kind}; signals= says {configured}"
            if name in configured:
                trial.expect_accepted(event_id, what)
            else:
                trial.expect_refused(event_id, "460", what)
    taken = [name for name in further if name in configured]
    return f"accepted: {', '.join(taken) or 'none'}, in all their types; the others got 460"


@row(26, "does not act on a signal for a device class that it has not", "E", "CR 111")
def device_classes(trial: Trial) -> str:
    trial.need_ours()
    trial.begin(targets={"end_device_asset": ["Thermostat"]}, signals=list(SIGNALS))
    foreign = trial.add_event(dtstart=HOUR, device_class="Electric_Vehicle")
    trial.expect_refused(
        foreign, "4", "a signal for a device class that is not served", "Intersect with eiTarget."
    )
    own = trial.add_event(dtstart=2 * HOUR, device_class="Thermostat")
    trial.expect_accepted(own, "a signal for the device class of targets=")
    return "refused for another class, accepted for its own (targets= is set)"


@row(27, "refuses what cannot be meant", "E", "CR 33")
def illogical_events(trial: Trial) -> str:
    trial.begin()
    cases: dict[str, Arguments] = {
        "SIMPLE with level 9": {
            "dtstart": HOUR,
            "intervals": [Interval(uid="0", duration=timedelta(minutes=10), signal_payload=9)],
        },
        "an event of 600 s with an interval of 60 s": {
            "dtstart": 2 * HOUR,
            "duration": 600,
            "intervals": [(60, 1)],
        },
        "a new event of yesterday": {"dtstart": -24 * HOUR, "event_status": "active"},
    }
    for what, settings in cases.items():
        event_id = trial.add_event(**settings)
        trial.expect_refused(event_id, "4", what, "Say what is wrong with it by a 4xx of its own.")
        trial.vtn.drop_event(event_id)
    return "a 4xx for a wrong level, for wrong durations, and for yesterday"


@row(28, "serves the valid events of a mixed list", "E", "CR 19, 25, 48")
def mixed_list(trial: Trial) -> str:
    trial.begin()
    foreign = [Target(ven_id="somebody-else")]
    codes = _send_mixed_list(
        trial,
        good={},
        foreign={"targets": foreign},
        wrong={"duration": 600, "intervals": [(60, 1)]},
    )
    demand(codes.get("foreign", "")[:1] == "4", f"of a mixed list the events got {codes}, {CODES}")
    trial.power_down()
    trial.begin(strict=False)  # a strict VEN refuses whatever deviates from the schema, whole
    trial.fault(BadXml(_spoil, service="OadrPoll"))
    last = _send_mixed_list(trial, served={}, unreadable={"dtstart": UNREADABLE})
    demand(last.get("unreadable", "4")[:1] == "4", f"an unreadable event got {last}, {CODES}")
    found = ", ".join(f"{name} {code}" for name, code in {**codes, **last}.items())
    return f"eiResponse 200; {found} (strict is off for the last)"


def _send_mixed_list(trial: Trial, **made: Arguments) -> dict[str, str]:
    """The codes of the events of a list, whose first one is good and served. Raises
    ``NotShown``.
    """
    after, first = trial.mark(), next(iter(made))
    trial.send_list(
        *(_build_event(trial, event_id, **settings) for event_id, settings in made.items())
    )
    trial.answer(first)
    advice = "Do not refuse a whole list for one event."
    message = trial.expect("oadrCreatedEvent", after=after, seconds=10, advice=advice).record
    assert isinstance(message, CreatedEvent)
    demand(
        message.response.ok,
        f"eiResponse is {message.response.response_code} for a list with one faulty event",
        "eiResponse stays 200; each event has its own code.",
    )
    codes = {e.event_id: e.response_code for e in trial.vtn.answers if e.event_id in made}
    demand(codes.get(first) == "200", f"the events of a mixed list got {codes}, {CODES}")
    return codes


def _spoil(body: bytes) -> bytes:
    """The event that begins at ``UNREADABLE`` begins at no moment at all."""
    return body.replace(f"{UNREADABLE:%Y-%m-%dT%H:%M:%S}Z".encode(), b"some-other-day")


@row(29, "goes by modification numbers", "E", "CR 21, 58, 60")
def modification_numbers(trial: Trial) -> str:
    trial.begin()
    event_id = trial.add_event(dtstart=HOUR)
    trial.answer(event_id)
    old = trial.event(event_id)
    trial.vtn.modify_event(event_id, priority=1)
    trial.vtn.modify_event(event_id, priority=2)
    trial.pass_until(lambda: trial.answers(event_id)[-1].modification_number == 2, 20)
    count = len(trial.answers(event_id))
    trial.send_list(old)
    late = trial.answer(event_id, number=count + 1)
    demand(
        late.response_code == "450",
        f"a lower modificationNumber was answered {late.response_code}",
        "Answer 450, and keep the event as it is.",
    )
    count = len(trial.answers(event_id))
    cancelled = old.event_descriptor.replace(event_status="cancelled")
    trial.send_list(old.replace(event_descriptor=cancelled))
    late = trial.answer(event_id, number=count + 1)
    demand(
        late.response_code == "450",
        f"a cancellation of a lower modificationNumber was answered {late.response_code}",
        "It is of an older version: answer 450, and keep the event.",
    )
    if trial.is_ours:
        numbers = [e.modification_number for e in trial.client.events if e.event_id == event_id]
        demand(numbers == [2], "a lower modificationNumber changed the event")
    unknown = _with_id(
        trial.event(event_id, event_status="cancelled", modification_number=3), "never-seen"
    )
    trial.send_list(trial.event(event_id), unknown)
    answer = trial.answer("never-seen")
    demand(
        answer.response_code.startswith("2"),
        f"an unknown cancelled event was answered {answer.response_code}: it is no error",
    )
    return "450 for a lower one, cancelled or not; an unknown cancelled event is no error"


def _build_event(trial: Trial, event_id: str, **settings: Any) -> Event:
    given = {"dtstart": HOUR, "market_context": trial.context, **settings}
    return build_event(trial.now(), event_id=event_id, **given)


def _with_id(event: Event, event_id: str) -> Event:
    descriptor = event.event_descriptor.replace(event_id=event_id)
    return event.replace(event_descriptor=descriptor)


@row(30, "tells a changed decision", "E", "CR 16, 17, 42", pics="E")
def changed_decision(trial: Trial) -> str:
    trial.need_ours()
    trial.begin()
    event_id = trial.add_event(dtstart=HOUR)
    first = trial.answer(event_id)
    number = trial.vtn.modify_event(event_id, priority=1)
    last = trial.answer(event_id, number=2)
    change = trial.client.opt_out if last.opt_type == "optIn" else trial.client.opt_in
    change(event_id)
    later = trial.answer(event_id, number=3)
    demand(later.opt_type != last.opt_type, "the changed decision was not told")
    demand(
        (later.modification_number, later.request_id) == (number, last.request_id),
        f"told with number {later.modification_number} and requestID {later.request_id!r}; the "
        f"last list has {number} and {last.request_id!r}",
        "Take the current modificationNumber and the requestID of the last list.",
    )
    back = trial.client.opt_out if later.opt_type == "optIn" else trial.client.opt_in
    back(event_id)
    again = trial.answer(event_id, number=4)
    demand(again.opt_type == last.opt_type, "the decision that was changed back was not told")
    told = f"{later.opt_type}, then {again.opt_type}"
    return f"{first.opt_type}, then {told}, with the current number"
