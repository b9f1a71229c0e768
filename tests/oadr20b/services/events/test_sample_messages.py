"""The example messages 13 to 21 and 34 to 38, from their bytes to what the VEN says to them."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from typing import Any, Callable

import pytest

from tests.oadr20b.services.builders import distribute, event, signal
from tests.oadr20b.services.harness import HOUR, MINUTE, Harness, opted_in
from tests.shared import EXAMPLES
from ven_sdk.events import queries
from ven_sdk.oadr20b.codec import envelope, parsing, reader
from ven_sdk.oadr20b.schema.events import CreatedEvent
from ven_sdk.oadr20b.services import opts, task
from ven_sdk.state.change import Change
from ven_sdk.state.registration import Registration

VEN, VTN = "ven-harbour-07", "vtn-northgrid"
Example = Callable[[int], Any]


@pytest.fixture
def example() -> Example:
    """The payload of the example of that number."""

    def read(number: int) -> Any:
        (path,) = EXAMPLES.glob(f"{number}-*.xml")
        return reader.read(envelope.payload_of(parsing.parse(path.read_bytes()))).record

    return read


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=timezone.utc)


def ven_at(moment: str, **settings: Any) -> Harness:
    ven = Harness(opted_in(), now=at(moment), **settings)
    ven.book.apply(
        [
            Change(
                "registration",
                "",
                Registration(phase="registered", ven_id=VEN, vtn_id=VTN, registration_id="r"),
            )
        ]
    )
    return ven


def runs(ven: Harness) -> list[tuple[str, float]]:
    return [
        (call.at.strftime("%d %H:%M"), call.arguments[2].signal_payload)
        for call in ven.calls
        if call.handler == "on_interval_start"
    ]


def test_example_13_four_unequal_intervals(example: Example) -> None:
    ven = ven_at("2026-07-01T10:00:00")
    ven.send(example(13))
    record = ven.answer()

    ven.advance(timedelta(days=2))

    assert [(one.event_id, one.request_id, one.opt_type) for one in record.event_responses] == [
        ("ev-price-1", "de-100", "optIn")
    ]
    assert runs(ven) == [
        ("02 15:00", 0.21),
        ("02 16:00", 0.48),
        ("02 16:30", 0.93),
        ("02 18:00", 0.27),
    ]
    assert ven.times("on_event_end") == [at("2026-07-02T19:00:00")]


def test_example_14_three_parallel_signals_and_six_kinds_of_target(example: Example) -> None:
    ven = ven_at("2026-07-02T16:10:00", targets={"ven_id": [VEN]})
    ven.send(example(14))

    ven.advance(3 * HOUR)

    assert runs(ven) == [
        ("02 16:10", 1),
        ("02 16:10", -120.0),
        ("02 16:10", 3),
        ("02 17:00", 2),
        ("02 17:00", -200.0),
    ]
    assert ven.responses(ven.answer()) == [("ev-mix-4", "200", 2, "optIn")]


def test_example_15_a_cancelled_a_new_and_a_broadcast_event(example: Example) -> None:
    ven = ven_at("2026-07-01T10:00:00")
    ven.send(example(13))
    ven.answer()
    ven.jump(at("2026-07-02T10:00:00"))

    ven.send(example(15))

    assert [(call.handler, call.arguments[0].event_id) for call in ven.calls] == [
        ("on_event", "ev-price-1"),
        ("on_cancel_event", "ev-price-1"),
        ("on_event", "ev-cap-9"),
        ("on_event", "ev-info-2"),
    ]
    assert ven.responses(ven.answer()) == [
        ("ev-cap-9", "200", 0, "optIn"),
        ("ev-price-1", "200", 1, "optIn"),
    ]
    assert [
        (one.event_id, one.event_status)
        for one in queries.events(tuple(ven.book.events.values()), ven.now)
    ] == [("ev-cap-9", "near"), ("ev-info-2", "far")]


def test_example_16_an_open_ended_event_runs_until_the_empty_list_of_example_19(
    example: Example,
) -> None:
    ven = ven_at("2026-07-05T08:00:00")
    ven.send(example(16))
    ven.advance(timedelta(days=30))
    assert queries.current_level(tuple(ven.book.events.values()), ven.now) == 2

    ven.send(example(19))

    assert ven.names() == [
        "on_event",
        "on_event_start",
        "on_interval_start",
        "on_cancel_event",
        "on_event_end",
    ]
    assert ven.answer() is None
    assert ven.book.events == {}


def test_example_17_a_test_event_with_a_random_start(example: Example) -> None:
    ven = ven_at("2026-07-06T09:00:00")
    ven.send(example(17))
    offset = ven.book.events["ev-rand-7"].offset
    assert timedelta(0) < offset <= 5 * MINUTE

    ven.advance(at("2026-07-06T18:00:00") + offset + 30 * MINUTE)

    assert ven.times("on_event_start") == [at("2026-07-06T18:00:00") + offset]
    assert ven.last("on_event_start")[0].test_event is True
    assert queries.signal_now(tuple(ven.book.events.values()), "LOAD_CONTROL", ven.now) is None


def test_example_18_a_baseline_and_a_geographic_target(example: Example) -> None:
    ven = ven_at("2026-07-07T09:00:00", targets={"resource_id": ["r1"]})

    ven.send(example(18))

    (seen,) = ven.last("on_event")
    assert [one.signal_payload for one in seen.event_baseline.intervals] == [1010, 1080, 1120, 1035]
    assert ven.responses(ven.answer()) == [("ev-base-3", "200", 0, "optIn")]


def test_example_20_a_mixed_answer(example: Example) -> None:
    ven = ven_at(
        "2026-07-02T10:00:00",
        signals=["SIMPLE", "ELECTRICITY_PRICE", "LOAD_DISPATCH", "ENERGY_PRICE"],
    )
    late = {"start": at("2026-07-03T10:00:00")}
    ven.send(distribute(event("ev-price-1", **late), event("ev-old-8", 5, **late), vtn_id=VTN))
    ven.answer()
    fifteen = example(15)

    ven.send(
        fifteen.replace(
            events=[
                fifteen.events[1],
                fifteen.events[0],
                event("ev-odd-1", signals=[signal(1, name="x-mystery")], **late),
                event("ev-old-8", 3, **late),
            ]
        )
    )

    record, wanted = ven.answer(), example(20)
    assert _sorted(record) == _sorted(wanted)
    assert record.response == wanted.response
    assert record.ven_id == wanted.ven_id


def _sorted(record: CreatedEvent) -> Any:
    """The responses by event; the wording of the one for an unsupported signal is free."""
    return sorted(
        (
            one.event_id,
            one.response_code,
            one.request_id,
            one.modification_number,
            one.opt_type,
            one.response_description if one.response_code != "460" else "",
        )
        for one in record.event_responses
    )


def test_example_21_the_answer_to_another_vtns_list(example: Example) -> None:
    ven = ven_at("2026-07-02T10:00:00")

    ven.send(distribute(vtn_id="someone", request_id="de-666"))

    (owed,) = ven.book.answers.values()
    assert CreatedEvent.from_dict(owed.record) == example(21)


def test_example_34_a_schedule_and_36_its_reply(example: Example) -> None:
    ven = ven_at("2026-07-01T12:30:00")
    outcome = opts.create(
        ven.book,
        ven.now,
        opt_type="optOut",
        opt_reason="x-schedule",
        targets=[{"resource_id": "compressor-2"}],
        vavailability=[
            (at("2026-07-10T06:00:00"), 12 * HOUR),
            (at("2026-07-12T06:00:00"), 12 * HOUR),
        ],
        opt_id="opt-12",
        request_id="co-1",
        market_context="http://programs.example.net/summer-peak",
        signal_target_mrid="Smart_Appliance",
    )
    ven.apply(outcome)

    owed = next(opts.list_tasks(ven.book), None)
    assert owed is not None
    assert task.judge(owed, example(36)) is None
    record = ven.post(owed, example(36))

    assert record == example(34)
    assert ven.book.opts["opt-12"].state == "confirmed"


def test_example_35_an_opt_for_two_resources_of_an_event(example: Example) -> None:
    ven = ven_at("2026-07-02T16:20:00")
    ven.send(example(14))
    outcome = opts.create(
        ven.book,
        ven.now,
        opt_type="optOut",
        opt_reason="overrideStatus",
        event_id="ev-mix-4",
        targets=[{"resource_id": ["compressor-1", "compressor-2"]}],
        opt_id="opt-13",
        request_id="co-2",
    )
    ven.apply(outcome)

    assert ven.post(next(opts.list_tasks(ven.book), None)) == example(35)


def test_examples_37_and_38_a_withdrawal_and_its_refusal(example: Example) -> None:
    ven = ven_at("2026-07-01T12:30:00")
    ven.apply(
        opts.create(
            ven.book,
            ven.now,
            opt_type="optOut",
            opt_reason="economic",
            opt_id="opt-12",
            vavailability=[(ven.now, HOUR)],
        )
    )
    ven.post(next(opts.list_tasks(ven.book), None))
    ven.apply(opts.cancel(ven.book, "opt-12", ven.now))
    owed = next(opts.list_tasks(ven.book), None)
    assert owed is not None
    assert owed.record.replace(request_id="xo-1") == example(37)

    error = task.judge(owed, example(38))

    assert error is not None
    ven.run(owed.refuse(error))
    row = ven.book.opts["opt-12"]
    assert (row.state, row.code, row.description) == ("refused", "452", "no such opt")
