"""LocalVTN builds events, tells VENs of changes only, keeps the list as rules E1 to E25 say, and
notes the answers.
"""

from __future__ import annotations

from datetime import timedelta

import pytest
from lxml import etree

from tests.testing.small_ven import START, SmallVen
from ven_sdk.errors import ConfigurationError
from ven_sdk.objects import CancelOpt, CreateOpt, Period, Target, Vavailability
from ven_sdk.testing import LocalVTN, ManualClock, NotSeen, Raw

MINUTE = timedelta(minutes=1)


def test_a_poll_gives_the_list_when_it_changed_and_then_nothing(
    vtn: LocalVTN, ven: SmallVen
) -> None:
    vtn.add_event(intervals=[1, 2, 0], duration=30 * MINUTE, dtstart=MINUTE)

    given = ven.poll()

    assert given.vtn_id == "localvtn"
    assert [step.signal_payload for step in given.events[0].event_signals[0].intervals] == [1, 2, 0]
    assert given.events[0].active_period.dtstart == START + MINUTE
    assert given.events[0].active_period.duration == 30 * MINUTE
    assert given.events[0].targets == []
    assert ven.poll().wire_name == "oadrResponse"


def test_events_can_say_everything(vtn: LocalVTN, ven: SmallVen) -> None:
    vtn.add_event(
        ven_id="small",
        event_id="e1",
        signal_name="ELECTRICITY_PRICE",
        intervals=[(MINUTE, 0.25), (2 * MINUTE, 0.5)],
        dtstart=START,
        priority=1,
        market_context="http://market",
        test_event="x",
        response_required="never",
        tolerance=MINUTE,
        notification=5 * MINUTE,
        ramp_up=-MINUTE,
        recovery=MINUTE,
        vtn_comment="hello",
        modification_number=3,
        signal_id="s",
        device_class="Smart_Energy_Module",
        targets={"group_id": ["a", "b"], "resource_id": "c"},
        current_value=0.25,
    )

    event = ven.request_events().events[0]

    assert (event.event_id, event.modification_number, event.priority) == ("e1", 3, 1)
    assert event.event_signals[0].measurement.name == "currencyPerKWh"
    assert event.event_signals[0].signal_type == "price"
    assert event.event_signals[0].targets[0].end_device_asset.mrid == "Smart_Energy_Module"
    assert event.targets_by_type == {"group_id": ["a", "b"], "resource_id": ["c"]}
    assert (event.test_event, event.market_context, event.response_required) == (
        True,
        "http://market",
        "never",
    )
    period = event.active_period
    assert (period.tolerance, period.notification, period.ramp_up, period.recovery) == (
        MINUTE,
        5 * MINUTE,
        -MINUTE,
        MINUTE,
    )
    assert period.duration == 3 * MINUTE


def test_an_open_event_has_no_duration(vtn: LocalVTN, ven: SmallVen, clock: ManualClock) -> None:
    vtn.add_event(duration=0)
    clock.advance(timedelta(days=30))

    event = ven.request_events().events[0]
    assert event.active_period.duration == timedelta(0)
    assert event.event_status == "active"


def test_the_status_is_the_clocks_and_completed_events_leave(
    vtn: LocalVTN, ven: SmallVen, clock: ManualClock
) -> None:
    vtn.add_event(dtstart=10 * MINUTE, duration=5 * MINUTE, ramp_up=2 * MINUTE)

    seen = []
    for _ in range(4):
        seen.append([event.event_status for event in ven.request_events().events])
        clock.advance(5 * MINUTE)

    assert seen == [["far"], ["far"], ["active"], []]
    clock.step(timedelta(minutes=-11))
    assert vtn.events == {}


def test_a_list_is_in_the_order_of_the_standard_and_may_be_limited(
    vtn: LocalVTN, ven: SmallVen
) -> None:
    vtn.add_event(event_id="later", dtstart=2 * MINUTE)
    vtn.add_event(event_id="sooner", dtstart=MINUTE)
    vtn.add_event(event_id="low")
    vtn.add_event(event_id="high", priority=1)

    assert [event.event_id for event in ven.request_events().events] == [
        "high",
        "low",
        "sooner",
        "later",
    ]
    assert [event.event_id for event in ven.request_events(limit=1).events] == ["high"]


def test_a_modified_event_has_a_higher_number_and_is_told_once(
    vtn: LocalVTN, ven: SmallVen
) -> None:
    event_id = vtn.add_event(duration=10 * MINUTE)
    ven.poll()

    number = vtn.modify_event(event_id, intervals=[3, 2], priority=2, dtstart=MINUTE)
    event = ven.poll().events[0]

    assert (number, event.modification_number, event.priority) == (1, 1, 2)
    assert [(step.duration, step.signal_payload) for step in event.event_signals[0].intervals] == [
        (5 * MINUTE, 3),
        (5 * MINUTE, 2),
    ]
    assert event.active_period.dtstart == START + MINUTE
    assert ven.poll().wire_name == "oadrResponse"


def test_a_longer_event_keeps_its_payloads(vtn: LocalVTN, ven: SmallVen) -> None:
    event_id = vtn.add_event(intervals=[1, 2], duration=10 * MINUTE)
    vtn.modify_event(event_id, duration=20 * MINUTE)

    event = ven.poll().events[0]
    assert event.active_period.duration == 20 * MINUTE
    assert [step.signal_payload for step in event.event_signals[0].intervals] == [1, 2]


def test_a_cancellation_is_repeated_until_it_is_confirmed(vtn: LocalVTN, ven: SmallVen) -> None:
    event_id = vtn.add_event()
    vtn.cancel_event(event_id)
    statuses = [[event.event_status for event in ven.request_events().events] for _ in range(2)]

    ven.answer(event_id, number=1)

    assert statuses == [["cancelled"], ["cancelled"]]
    assert ven.request_events().events == []


def test_a_cancellation_that_wants_no_answer_is_given_once(vtn: LocalVTN, ven: SmallVen) -> None:
    vtn.cancel_event(vtn.add_event(response_required="never"))

    assert len(ven.request_events().events) == 1
    assert ven.request_events().events == []


def test_a_dropped_event_is_an_empty_list_in_the_next_poll(vtn: LocalVTN, ven: SmallVen) -> None:
    event_id = vtn.add_event()
    ven.poll()
    vtn.drop_event(event_id)

    given = ven.poll()
    assert (given.wire_name, given.events) == ("oadrDistributeEvent", [])


def test_events_are_for_one_ven_or_for_all(
    vtn: LocalVTN, ven: SmallVen, xsd: etree.XMLSchema
) -> None:
    vtn.add_event(event_id="for all")
    vtn.add_event(event_id="for other", ven_id="other-id")
    with SmallVen(vtn, xsd, ven_name="other") as other:
        other.register(ven_id="other-id")

        assert [event.event_id for event in ven.poll().events] == ["for all"]
        assert {event.event_id for event in other.poll().events} == {"for all", "for other"}


def test_a_list_that_is_not_answered_comes_again_where_that_is_wanted(
    clock: ManualClock, xsd: etree.XMLSchema
) -> None:
    with LocalVTN(clock=clock, repeat_events=10) as vtn, SmallVen(vtn, xsd) as ven:
        ven.register()
        event_id = vtn.add_event()
        names = [ven.poll().wire_name, ven.poll().wire_name]
        clock.advance(10)
        names.append(ven.poll().wire_name)
        ven.answer(event_id)
        clock.advance(10)
        names.append(ven.poll().wire_name)

    assert names == ["oadrDistributeEvent", "oadrResponse", "oadrDistributeEvent", "oadrResponse"]


def test_answers_are_noted_and_can_be_waited_for(vtn: LocalVTN, ven: SmallVen) -> None:
    event_id = vtn.add_event()
    ven.poll()
    ven.answer(event_id, "optOut")
    ven.answer(event_id, "optIn")

    answer = vtn.wait_for_opt(event_id, "optIn")
    assert (answer.ven_id, answer.modification_number, answer.response_code) == (
        ven.ven_id,
        0,
        "200",
    )
    vtn.assert_opted(event_id, "optIn")
    with pytest.raises(NotSeen, match="answered optOut, but later optIn"):
        vtn.assert_opted(event_id, "optOut")


@pytest.mark.parametrize(
    "event_id, number, code", [("e", 0, "200"), ("e", 1, "450"), ("other", 0, "452")]
)
def test_an_answer_to_what_was_never_given_out_is_refused(
    vtn: LocalVTN, ven: SmallVen, event_id: str, number: int, code: str
) -> None:
    vtn.add_event(event_id="e")

    assert ven.answer(event_id, number=number).response.response_code == code


def test_an_event_that_is_wrong_is_refused_at_once(vtn: LocalVTN) -> None:
    with pytest.raises(ConfigurationError, match="no 'colour'"):
        vtn.add_event(colour="red")
    with pytest.raises(ConfigurationError, match="not a mixture"):
        vtn.add_event(intervals=[1, (MINUTE, 2)])
    with pytest.raises(ConfigurationError, match="an event needs at least one"):
        vtn.add_event(intervals=[])
    with pytest.raises(ConfigurationError, match="signal_name is 'COLOUR'"):
        vtn.add_event(signal_name="COLOUR")
    with pytest.raises(ConfigurationError, match="no event 'nothing'"):
        vtn.cancel_event("nothing")
    with pytest.raises(ConfigurationError, match="has no zone"):
        vtn.add_event(dtstart=START.replace(tzinfo=None))


def test_opts_are_kept_and_withdrawn(vtn: LocalVTN, ven: SmallVen) -> None:
    window = Vavailability(components=[Period(dtstart=START, duration=MINUTE).to_dict()])
    opt = CreateOpt(
        opt_id="o1",
        opt_type="optOut",
        opt_reason="economic",
        ven_id=ven.ven_id,
        request_id="1",
        vavailability=window,
        created_date_time=START,
    )

    assert ven.post(opt).response.response_code == "200"
    assert vtn.opts["o1"].opt_type == "optOut"
    assert (
        ven.post(CancelOpt(request_id="2", opt_id="o1", ven_id=ven.ven_id)).response.response_code
        == "200"
    )
    assert vtn.opts == {}
    assert (
        ven.post(CancelOpt(request_id="3", opt_id="o1", ven_id=ven.ven_id)).response.response_code
        == "452"
    )


@pytest.mark.parametrize(
    "event_id, number, code",
    [("e", 0, "200"), ("e", 1, "452"), ("x", 0, "452"), (None, None, "454")],
)
def test_an_opt_for_an_event_must_name_it(
    vtn: LocalVTN, ven: SmallVen, event_id: str, number: int, code: str
) -> None:
    vtn.add_event(event_id="e")
    opt = CreateOpt(
        opt_id="o",
        opt_type="optOut",
        opt_reason="economic",
        ven_id=ven.ven_id,
        request_id="1",
        event_id=event_id,
        modification_number=number,
        created_date_time=START,
        targets=[Target(resource_id="r")],
    )

    assert ven.post(opt).response.response_code == code


def test_an_opt_is_refused_on_demand(vtn: LocalVTN, ven: SmallVen) -> None:
    opt = CreateOpt(
        opt_id="o",
        opt_type="optOut",
        opt_reason="economic",
        ven_id=ven.ven_id,
        request_id="1",
        created_date_time=START,
        vavailability=Vavailability(components=[]),
    )
    with vtn.fault("451", message="CreateOpt", times=1):
        refused = ven.post(opt)

    assert (refused.wire_name, refused.response.response_code, refused.response.request_id) == (
        "oadrCreatedOpt",
        "451",
        "1",
    )


def test_what_was_queued_goes_before_events_one_at_a_poll(vtn: LocalVTN, ven: SmallVen) -> None:
    vtn.add_event(event_id="e")
    list_of_events = ven.send(ven_request(ven)).content
    vtn.announce()
    vtn.queue(list_of_events, Raw(list_of_events))
    vtn.queue(ven.read(list_of_events), ven_id="small")

    names = [ven.poll().wire_name for _ in range(5)]

    assert names == ["oadrDistributeEvent"] * 4 + ["oadrResponse"]
    assert vtn.queued == 0
    with pytest.raises(ConfigurationError, match="payload record, bytes or Raw"):
        vtn.queue("text")  # type: ignore[arg-type]


def ven_request(ven: SmallVen) -> object:
    from ven_sdk.objects import RequestEvent

    return RequestEvent(request_id="1", ven_id=ven.ven_id)
