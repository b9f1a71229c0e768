"""What rules now and what comes (rules E27, E36, E39, E41, E42, E49, E50), at every boundary."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any, Optional

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.oadr20b.services.builders import distribute, event, signal
from tests.oadr20b.services.harness import HOUR, MINUTE, NOON, SECOND, Harness, opted_in
from ven_sdk.events import queries

ZERO = timedelta(0)


def taken(*listed: Any, **handlers: Any) -> Harness:
    ven = Harness(opted_in(**handlers))
    ven.send(distribute(*listed))
    return ven


def rows(ven: Harness) -> Any:
    return tuple(ven.book.events.values())


def level(ven: Harness, at: datetime) -> int:
    return queries.current_level(rows(ven), at)


def test_e36_the_level_is_right_at_every_boundary() -> None:
    ven = taken(event(signals=[signal(1, 3, each=30 * MINUTE)]))

    levels = {
        moment: level(ven, NOON + moment)
        for moment in (
            HOUR - SECOND,
            HOUR,
            90 * MINUTE - SECOND,
            90 * MINUTE,
            2 * HOUR - SECOND,
            2 * HOUR,
        )
    }

    assert list(levels.values()) == [0, 1, 1, 3, 3, 0]


def test_e41_test_events_and_events_not_opted_in_to_do_not_count() -> None:
    def on_event(event: Any) -> str:
        return "optOut" if event.event_id == "out" else "optIn"

    ven = taken(
        event("test", test=True, signals=[signal(3)]),
        event("out", signals=[signal(2)], priority=1),
        on_event=on_event,
    )

    assert level(ven, NOON + 90 * MINUTE) == 0
    assert queries.signal_now(rows(ven), "SIMPLE", NOON + 90 * MINUTE) is None
    assert queries.schedule(rows(ven), NOON) == ()
    assert [one.event_id for one in queries.active_events(rows(ven), NOON + 90 * MINUTE)] == [
        "out",
        "test",
    ]


@pytest.mark.parametrize("payload, expected", [(0, 0), (1, 1), (2.0, 2), (3, 3), (7, 3), (-1, 0)])
def test_e42_the_level_is_a_whole_number_from_0_to_3(payload: float, expected: int) -> None:
    found = level(taken(event(signals=[signal(payload)])), NOON + HOUR)

    assert (found, type(found)) == (expected, int)


def test_e42_the_old_spelling_counts() -> None:
    assert level(taken(event(signals=[signal(2, name="simple")])), NOON + HOUR) == 2


@pytest.mark.parametrize(
    "first, second, expected",
    [
        ((2, 0), (1, 30), [1, 2, 2, 0]),
        ((1, 0), (2, 30), [1, 1, 2, 0]),
        ((0, 0), (9, 30), [1, 2, 2, 0]),
        ((None, 0), (1, 30), [1, 2, 2, 0]),
        ((5, 0), (5, 30), [1, 1, 2, 0]),
        ((0, 0), (None, 30), [1, 1, 2, 0]),
    ],
    ids=[
        "E50-higher supersedes",
        "E50-higher first",
        "E50-zero is lowest",
        "E50-absent is lowest",
        "E50-first active wins",
        "E50-zero like absent",
    ],
)
def test_e50_where_events_overlap_the_higher_priority_rules(
    first: Any, second: Any, expected: list[int]
) -> None:
    ven = taken(
        event("a", priority=first[0], signals=[signal(1)]),
        event(
            "b",
            priority=second[0],
            start=NOON + HOUR + second[1] * MINUTE,
            signals=[signal(2)],
            context="http://b",
        ),
    )

    assert [level(ven, NOON + minute * MINUTE) for minute in (60, 90, 120, 150)] == expected


def test_e50_the_superseded_event_resumes_for_its_remaining_time() -> None:
    ven = taken(
        event("long", length=3 * HOUR, signals=[signal(1)]),
        event(
            "short",
            priority=1,
            start=NOON + 2 * HOUR,
            length=30 * MINUTE,
            signals=[signal(3)],
            context="http://b",
        ),
    )

    assert [level(ven, NOON + minute * MINUTE) for minute in (119, 120, 149, 150, 239, 240)] == [
        1,
        3,
        3,
        1,
        1,
        0,
    ]
    assert [
        (row.start, row.end, row.event.event_id, row.payload)
        for row in queries.schedule(rows(ven), NOON)
    ] == [
        (NOON + HOUR, NOON + 2 * HOUR, "long", 1),
        (NOON + 2 * HOUR, NOON + 150 * MINUTE, "short", 3),
        (NOON + 150 * MINUTE, NOON + 4 * HOUR, "long", 1),
    ]


def test_e49_overlap_within_one_context_goes_by_the_same_rule() -> None:
    ven = taken(event("a", priority=2), event("b", priority=1, signals=[signal(2)]))

    assert level(ven, NOON + HOUR) == 2
    assert [one.event_id for one in queries.active_events(rows(ven), NOON + HOUR)] == ["b", "a"]


def test_e50_a_price_of_one_programme_does_not_silence_the_level_of_another() -> None:
    ven = taken(
        event("a", priority=2),
        event(
            "b",
            priority=1,
            context="http://b",
            signals=[signal(0.3, name="ELECTRICITY_PRICE", kind="price")],
        ),
    )

    assert level(ven, NOON + HOUR) == 1
    assert queries.signal_now(rows(ven), "ELECTRICITY_PRICE", NOON + HOUR) == 0.3


def test_e44_the_signal_for_all_devices_comes_before_one_for_a_device_class() -> None:
    ven = taken(
        event(
            signals=[
                signal(3, targets=[{"end_device_asset": {"mrid": "EVSE"}}]),
                signal(1, id="all"),
            ]
        )
    )

    assert level(ven, NOON + HOUR) == 1


def test_e29_the_random_offset_shifts_what_rules() -> None:
    ven = taken(event(tolerance=30 * MINUTE))
    start = ven.book.events["e"].start

    assert start > NOON + HOUR
    assert [
        level(ven, moment)
        for moment in (start - SECOND, start, start + HOUR - SECOND, start + HOUR)
    ] == [0, 1, 1, 0]
    (row,) = queries.schedule(rows(ven), NOON)
    assert (row.start, row.end) == (start, start + HOUR)


def test_e31_a_cancelled_event_rules_until_its_random_end() -> None:
    ven = taken(event(tolerance=20 * MINUTE, length=5 * HOUR))
    ven.advance(2 * HOUR)
    ven.send(distribute())
    end = ven.book.events["e"].end_at
    assert end is not None

    assert [level(ven, moment) for moment in (ven.now, end - SECOND, end)] == [1, 1, 0]
    assert [one.event_status for one in queries.events(rows(ven), ven.now)] == ["cancelled"]
    assert [row.end for row in queries.schedule(rows(ven), ven.now)] == [end]


def test_e31_a_cancelled_event_without_startafter_rules_no_more() -> None:
    ven = taken(event())
    ven.advance(90 * MINUTE)

    ven.send(distribute(event(number=1, status="cancelled")))

    assert level(ven, ven.now) == 0
    assert queries.active_events(rows(ven), ven.now) == ()
    assert queries.next_event(rows(ven), NOON) is None
    assert queries.schedule(rows(ven), NOON) == ()
    assert [one.event_status for one in queries.events(rows(ven), ven.now)] == ["cancelled"]


def test_e33_an_event_without_end_rules_on_and_the_schedule_is_cut_to_its_window() -> None:
    ven = taken(event(length=ZERO, signals=[signal(2, each=ZERO)]))

    assert level(ven, NOON + timedelta(days=9)) == 2
    (row,) = queries.schedule(rows(ven), NOON, 5)
    assert (row.start, row.end) == (NOON + HOUR, NOON + 5 * HOUR)
    (row,) = queries.schedule(rows(ven), NOON + 3 * HOUR, 1)
    assert (row.start, row.end) == (NOON + 3 * HOUR, NOON + 4 * HOUR)


def test_e39_the_current_value_follows_the_interval_that_runs() -> None:
    ven = taken(
        event(
            signals=[
                signal(1, 2, each=30 * MINUTE).replace(current_value=9),
                signal(0.1, 0.2, each=30 * MINUTE, name="ENERGY_PRICE", kind="price").replace(
                    current_value=9
                ),
            ]
        )
    )

    def values(at: datetime) -> list[Any]:
        (shown,) = queries.events(rows(ven), at)
        return [one.current_value for one in shown.event_signals]

    assert [values(NOON + moment) for moment in (ZERO, HOUR, 90 * MINUTE, 2 * HOUR)] == [
        [0, None],
        [1, 0.1],
        [2, 0.2],
        [0, None],
    ]


def test_e27_events_carry_the_status_of_now() -> None:
    ven = taken(event(ramp_up=30 * MINUTE, status="none"))

    assert [
        queries.events(rows(ven), NOON + moment)[0].event_status
        for moment in (ZERO, 30 * MINUTE, HOUR, 2 * HOUR)
    ] == ["far", "near", "active", "completed"]


def test_refused_events_are_none_of_ours() -> None:
    ven = Harness(opted_in(), market_contexts=["http://ours"])
    ven.send(distribute(event()))

    assert queries.events(rows(ven), NOON) == ()
    assert queries.next_event(rows(ven), NOON) is None


def test_the_next_event_is_the_one_that_starts_next_and_is_not_opted_out_of() -> None:
    def on_event(event: Any) -> str:
        return "optOut" if event.event_id == "out" else "optIn"

    ven = taken(
        event("late", start=NOON + 3 * HOUR),
        event("out"),
        event("soon", start=NOON + 2 * HOUR),
        on_event=on_event,
    )

    found: list[Optional[Any]] = [
        queries.next_event(rows(ven), NOON + moment) for moment in (ZERO, 2 * HOUR, 3 * HOUR)
    ]

    assert [one and one.event_id for one in found] == ["soon", "late", None]


def test_an_unknown_signal_rules_nothing() -> None:
    assert queries.signal_now(rows(taken(event())), "x-none", NOON + HOUR) is None


EVENTS = st.lists(
    st.fixed_dictionaries(
        {
            "start": st.integers(-60, 240),
            "length": st.integers(0, 120),
            "priority": st.sampled_from([None, 0, 1, 2]),
            "payloads": st.lists(st.integers(0, 3), min_size=1, max_size=4),
            "test": st.booleans(),
            "tolerance": st.sampled_from([None, 10]),
        }
    ),
    max_size=6,
)


@given(EVENTS, st.integers(0, 30))
def test_e50_the_schedule_says_at_each_moment_what_signal_now_will_say(
    plans: list[dict[str, Any]], begin: int
) -> None:
    ven = Harness(opted_in())
    ven.send(
        distribute(
            *(
                event(
                    f"e{number}",
                    start=NOON + plan["start"] * MINUTE,
                    length=plan["length"] * MINUTE,
                    priority=plan["priority"],
                    test=plan["test"],
                    tolerance=plan["tolerance"] and plan["tolerance"] * MINUTE,
                    signals=[signal(*plan["payloads"], each=13 * MINUTE)],
                )
                for number, plan in enumerate(plans)
            )
        )
    )
    now = NOON + begin * MINUTE
    schedule = queries.schedule(rows(ven), now, 4)

    for minute in range(240):
        at = now + minute * MINUTE + 30 * SECOND
        found = [row.payload for row in schedule if row.start <= at < row.end]
        ruling = queries.signal_now(rows(ven), "SIMPLE", at)
        assert found == ([] if ruling is None else [ruling])


def without_value(*payloads: Any) -> Any:
    """A signal of half-hour intervals, of which some VTNs send none with a value."""
    plain = signal(*(0 if value is None else value for value in payloads), each=30 * MINUTE)
    intervals = [one.replace(signal_payload=value) for one, value in zip(plain.intervals, payloads)]
    return plain.replace(intervals=intervals)


def test_an_interval_without_a_value_reaches_the_handlers_and_silences_nothing() -> None:
    ven = taken(
        event("vague", signals=[without_value(None, 3)], priority=1),
        event("clear", signals=[signal(2)], priority=2),
    )
    ven.advance(NOON + 61 * MINUTE)

    steps = [call.arguments for call in ven.calls if call.handler == "on_interval_start"]
    assert {one.event_id: step.signal_payload for one, _, step in steps} == {
        "vague": None,
        "clear": 2,
    }
    assert [level(ven, NOON + minutes * MINUTE) for minutes in (70, 100)] == [2, 3]
    rows_of = [(row.event.event_id, row.payload) for row in queries.schedule(rows(ven), ven.now)]
    assert rows_of == [("clear", 2), ("vague", 3)]


def test_an_event_without_any_value_is_in_the_schedule_and_rules_nothing() -> None:
    ven = taken(event("vague", signals=[without_value(None, None)]))

    found = queries.schedule(rows(ven), ven.now)

    assert [(row.event.event_id, row.payload) for row in found] == [("vague", None)] * 2
    assert level(ven, NOON + 70 * MINUTE) == 0
    assert queries.signal_now(rows(ven), "SIMPLE", NOON + 70 * MINUTE) is None
    assert queries.events(rows(ven), NOON + 70 * MINUTE)[0].event_signals[0].current_value is None
