"""Records as values and as mappings."""

from __future__ import annotations

import copy
import dataclasses
import inspect
import json
import pickle
from collections.abc import Mapping
from datetime import datetime, timedelta, timezone
from typing import Any, Optional

import pytest

from ven_sdk import objects
from ven_sdk.errors import ConfigurationError
from ven_sdk.objects import (
    ActivePeriod,
    Event,
    EventDescriptor,
    EventSignal,
    Interval,
    LoadControlState,
    ResourceStatus,
    Sample,
    SamplingRate,
    Target,
)
from ven_sdk.schema import declarations as wire
from ven_sdk.schema.construct import REQUIRED, constructor
from ven_sdk.schema.element import element
from ven_sdk.schema.items import Items
from ven_sdk.schema.record import Record, view

NOW = datetime(2030, 1, 1, 12, tzinfo=timezone.utc)


@pytest.fixture
def event() -> Event:
    return Event(
        event_descriptor=EventDescriptor(
            event_id="e-1",
            modification_number=2,
            market_context="http://m",
            created_date_time=NOW,
            event_status="far",
            priority=1,
        ),
        active_period=ActivePeriod(
            dtstart=NOW, duration=timedelta(minutes=30), ramp_up_period=timedelta(minutes=5)
        ),
        event_signals=(
            EventSignal(
                signal_name="SIMPLE",
                signal_type="level",
                signal_id="0",
                intervals=(
                    Interval(
                        dtstart=NOW, duration=timedelta(minutes=10), uid="0", signal_payload=1
                    ),
                ),
            ),
        ),
        targets=(
            Target(resource_id="Device001"),
            Target(resource_id="Device002"),
            Target(group_id="g"),
        ),
    )


def test_attributes_and_keys_say_the_same(event: Event) -> None:
    assert event.event_signals[0].intervals[0].signal_payload == 1
    assert event["event_signals"][0]["intervals"][0]["signal_payload"] == 1
    assert event["active_period"]["duration"] == timedelta(minutes=30)


def test_the_descriptor_is_readable_on_the_event_too(event: Event) -> None:
    assert event.event_id == event["event_id"] == event.event_descriptor.event_id == "e-1"
    assert event.modification_number == 2
    assert event["test_event"] is False
    assert event.market_context == "http://m"


def test_keys_see_what_carries_a_value(event: Event) -> None:
    assert "event_baseline" not in event
    assert "event_baseline" not in list(event)
    assert event["event_baseline"] is None
    assert event.get("event_baseline", 7) == 7
    assert event.get("no_such_key", 8) == 8
    assert len(event) == len(list(event)) == len(dict(event))
    assert next(iter(event)) == "event_id"


def test_an_unknown_key_names_near_ones(event: Event) -> None:
    with pytest.raises(
        KeyError, match=r"Event has no key 'event_signal'\. Near ones: event_signals"
    ):
        event["event_signal"]


def test_short_names_of_the_periods_are_no_keys_but_readable(event: Event) -> None:
    period = event.active_period
    assert period.ramp_up == period["ramp_up"] == timedelta(minutes=5)
    assert period["notification"] is None
    assert "ramp_up" not in list(period)


def test_a_target_has_exactly_one_key(event: Event) -> None:
    assert event["targets"] == [
        {"resource_id": "Device001"},
        {"resource_id": "Device002"},
        {"group_id": "g"},
    ]
    assert list(event.targets[0]) == ["resource_id"]
    assert event["target"] == {"resource_id": "Device001"}
    assert event["targets_by_type"] == {
        "resource_id": ["Device001", "Device002"],
        "group_id": ["g"],
    }


@pytest.mark.parametrize("fields", [{}, {"resource_id": "a", "ven_id": "b"}])
def test_a_target_of_no_kind_or_of_two_is_refused(fields: Any) -> None:
    with pytest.raises(ConfigurationError, match="exactly one"):
        Target(**fields)


def test_a_record_is_a_mapping_and_a_dataclass(event: Event) -> None:
    assert isinstance(event, Mapping)
    assert next(field.name for field in dataclasses.fields(event.targets[0])) == "aggregated_p_node"
    assert bool(event)


def test_records_equal_dicts_that_say_the_same(event: Event) -> None:
    assert event == event.to_dict()
    assert event.active_period == {
        "dtstart": NOW,
        "duration": timedelta(minutes=30),
        "ramp_up_period": timedelta(minutes=5),
    }
    assert event.active_period != {"dtstart": NOW, "duration": timedelta(minutes=30)}
    assert event.active_period != {"dtstart": NOW, "duration": timedelta(minutes=30), "other": 1}
    assert event != 7


def test_records_are_immutable(event: Event) -> None:
    with pytest.raises(dataclasses.FrozenInstanceError, match="replace"):
        event.targets = ()
    with pytest.raises(AttributeError):
        del event.targets
    with pytest.raises(AttributeError):
        event.other = 1
    with pytest.raises(TypeError):
        event["targets"] = ()


def test_records_are_kept_by_value(event: Event) -> None:
    again = pickle.loads(pickle.dumps(event))
    assert again == event
    assert hash(again) == hash(event)
    assert {event: 1}[again] == 1
    assert copy.copy(event) is event
    assert copy.deepcopy(event) is event


def test_a_changed_copy_differs_in_what_was_changed(event: Event) -> None:
    changed = event.replace(response_required="never")
    assert changed.response_required == "never"
    assert changed.replace(response_required="always") == event
    assert event.event_descriptor.replace(test_event=True).test_event is True


def test_to_dict_gives_plain_dicts_and_lists(event: Event) -> None:
    plain = event.to_dict()
    assert type(plain["event_signals"]) is list
    assert type(plain["event_signals"][0]["intervals"][0]) is dict
    assert plain["event_signals"][0]["intervals"][0] == {
        "dtstart": NOW,
        "duration": timedelta(minutes=10),
        "uid": "0",
        "signal_payload": 1,
    }
    assert Event.from_dict(plain) == event


def test_to_json_is_text(event: Event) -> None:
    data = json.loads(event.to_json())
    assert data["active_period"] == {
        "dtstart": "2030-01-01T12:00:00Z",
        "duration": 1800,
        "ramp_up_period": 300,
    }
    assert data["targets"][0] == {"resource_id": "Device001"}


@pytest.mark.parametrize(
    ("data", "words"),
    [({"evnt_id": "x"}, "no field 'evnt_id'"), ({"event_id": "x"}, "cannot be made of")],
)
def test_a_dict_that_is_no_such_record_is_refused(data: Any, words: str) -> None:
    with pytest.raises(ConfigurationError, match=words):
        EventDescriptor.from_dict(data)


def test_the_printed_form_shows_what_carries_a_value() -> None:
    assert repr(Target(resource_id="a")) == "Target(resource_id='a')"
    assert repr(SamplingRate(10, 60)) == (
        "SamplingRate(min_period=datetime.timedelta(seconds=10), "
        "max_period=datetime.timedelta(seconds=60), on_change=False)"
    )


def test_objects_that_users_make_take_positions_and_numbers() -> None:
    status = ResourceStatus(True, False, 3, LoadControlState(1, 0, 2))
    assert status.capacity == LoadControlState(current=3)
    assert (status.level_offset.current, status.level_offset.min, status.level_offset.max) == (
        1,
        0,
        2,
    )
    assert Sample(1.5, NOW).at == NOW
    assert Sample(1.5).confidence is None


def test_nested_dicts_and_lists_become_records() -> None:
    signal = EventSignal(
        signal_name="SIMPLE",
        signal_type="level",
        signal_id="0",
        targets=[{"ven_id": "v"}],
        intervals=[{"duration": 60, "signal_payload": 1}],
    )
    assert signal.targets[0] == Target(ven_id="v")
    assert signal.intervals[0].duration == timedelta(minutes=1)


@pytest.mark.parametrize("value", ["soon", object(), True, 10**40])
def test_what_is_no_duration_is_refused_where_it_is_given(value: Any) -> None:
    with pytest.raises(
        ConfigurationError, match=r"min_period(=.* is no usable duration| must be a timedelta)"
    ):
        SamplingRate(value, 60)


def test_a_text_is_no_sequence_of_targets() -> None:
    with pytest.raises(ConfigurationError, match="targets is a sequence"):
        EventSignal(
            signal_name="SIMPLE", signal_type="level", signal_id="0", intervals=(), targets="v"
        )


def test_sequences_equal_lists_and_tuples() -> None:
    assert Items((1, 2)) == [1, 2]
    assert Items((1, 2)) == [1, 2]
    assert Items((1, 2)) == (1, 2)
    assert Items((1, 2)) != [2, 1]
    assert hash(Items((1, 2))) == hash((1, 2))
    assert json.dumps(Items((1, 2))) == "[1, 2]"


# --- the declaration engine, on classes of its own ------------------------------------------------


@element
class Base(Record):
    """A base."""

    first: str = wire.text("ei:eventID")


@element
class Derived(Base):
    """A record with more fields than its base, and a view."""

    second: Optional[int] = wire.integer("ei:priority", optional=True, default=None)
    third: Items[str] = wire.texts("ei:resourceID", default=())

    @view
    def doubled(self) -> str:
        """A computed key."""
        return self.first * 2


def test_a_record_inherits_the_fields_of_its_base() -> None:
    record = Derived(first="a", third=["x"])
    assert dict(record) == {"first": "a", "third": ("x",), "doubled": "aa"}
    assert record != Base(first="a")
    assert not hasattr(record, "__dict__")


def test_required_fields_are_required_and_keywords_only() -> None:
    with pytest.raises(TypeError):
        Derived(second=1)
    with pytest.raises(TypeError):
        Derived("a")


@pytest.mark.parametrize("name", objects.__all__)
def test_the_signature_that_is_shown_is_the_one_that_the_constructor_has(name: str) -> None:
    cls = getattr(objects, name)
    shown = inspect.signature(cls)
    compiled = inspect.signature(constructor(cls)) if cls is not objects.Record else None
    if compiled is None:
        return
    own = ("self", "_more", "_unknown")  # where mistakes end up
    ours = [(each.name, each.kind, each.default) for each in shown.parameters.values()]
    real = [
        (each.name, each.kind, each.empty if each.default is REQUIRED else each.default)
        for each in compiled.parameters.values()
        if each.name not in own
    ]
    assert ours == real
