"""Builders of events and report requests, so that a test states only what matters to it. Pure
functions.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, Optional, Union

from ... import arguments
from ...arguments import LONGEST
from ...errors import ConfigurationError
from ...near_names import did_you_mean
from ...schema.common import EndDeviceAsset, Target
from ...schema.events import ActivePeriod, Event, EventDescriptor, EventSignal, Interval
from ...schema.items import Items
from ...schema.units import Measurement

Duration = arguments.Duration
Moment = Union[datetime, timedelta, float, int, None]
Step = Union[float, int, tuple[Duration, Union[float, int]], Mapping[str, object], Interval]
MARKET_CONTEXT = "http://localhost/programme"
ZERO = timedelta(0)
ABSURD = timedelta(days=1_000_000)
"""What a test may have its VTN say, for the VEN has to survive it: some 2,700 years."""
_PRICES = ("ELECTRICITY_PRICE", "ENERGY_PRICE", "DEMAND_CHARGE", "BID_PRICE")
_TYPES = {
    "SIMPLE": "level",
    "simple": "level",
    "LOAD_CONTROL": "x-loadControlCapacity",
    **dict.fromkeys(_PRICES, "price"),
}
_DESCRIPTOR = (
    "event_id",
    "modification_number",
    "modification_date_time",
    "modification_reason",
    "priority",
    "market_context",
    "created_date_time",
    "event_status",
    "test_event",
    "vtn_comment",
)
_PERIOD = {
    "tolerance": "tolerance",
    "notification": "notification_period",
    "ramp_up": "ramp_up_period",
    "recovery": "recovery_period",
}
SETTINGS = (
    *_DESCRIPTOR,
    *_PERIOD,
    "dtstart",
    "duration",
    "intervals",
    "signal_name",
    "signal_type",
    "signal_id",
    "measurement",
    "device_class",
    "current_value",
    "signals",
    "baseline",
    "targets",
    "response_required",
)


def event(
    now: datetime,
    *,
    event_id: str,
    intervals: Sequence[Step] = (1,),
    duration: Optional[Duration] = None,
    dtstart: Moment = None,
    signals: Optional[Iterable[Any]] = None,
    targets: object = None,
    test_event: object = False,
    baseline: Any = None,
    response_required: str = "always",
    **rest: Any,
) -> Event:
    """A valid event; see :meth:`LocalVTN.add_event` for what can be said about it."""
    check_settings(rest, "ven_id", "announce")
    start = moment(dtstart, now)
    steps, whole = _steps(intervals, duration)
    if signals is None:
        _check_levels(intervals, rest)
    made = (
        [
            EventSignal.from_dict(each)
            if isinstance(each, Mapping) and not isinstance(each, EventSignal)
            else each
            for each in signals
        ]
        if signals is not None
        else [_signal(steps, rest)]
    )
    descriptor = {name: rest[name] for name in _DESCRIPTOR if name in rest}
    text = None if isinstance(test_event, bool) else str(test_event)
    return Event(
        event_descriptor=EventDescriptor(
            **{
                "event_id": event_id,
                "modification_number": 0,
                "market_context": MARKET_CONTEXT,
                "event_status": "far",
                "created_date_time": now,
                "test_event": test_event is True or text not in (None, "false"),
                "test_event_text": text,
                **descriptor,
            }
        ),
        active_period=ActivePeriod(
            dtstart=start,
            duration=_whole_of(made, whole) if signals is not None else whole,
            **_surroundings({"notification": ZERO, **rest}),
        ),
        event_signals=tuple(made),
        event_baseline=baseline,
        targets=targets_of(targets),
        response_required=response_required,
    )


def change_event(old: Event, now: datetime, **changes: Any) -> Event:
    """``old`` with some settings changed: those of :func:`event`."""
    check_settings(changes, "announce")
    period: dict[str, Any] = _surroundings(changes)
    if "dtstart" in changes:
        period["dtstart"] = moment(changes["dtstart"], now)
    signals = (
        list(old.event_signals) if changes.get("signals") is None else list(changes["signals"])
    )
    if "intervals" in changes or "duration" in changes:
        signals[0], period["duration"] = _respace(old, signals[0], changes)
    named = {
        name: changes[name]
        for name in ("signal_name", "signal_type", "signal_id", "measurement", "current_value")
        if name in changes
    }
    signals[0] = signals[0].replace(**named) if named else signals[0]
    descriptor = {name: changes[name] for name in _DESCRIPTOR if name in changes}
    whole = {"event_baseline": changes["baseline"]} if "baseline" in changes else {}
    return old.replace(
        event_descriptor=old.event_descriptor.replace(**descriptor)
        if descriptor
        else old.event_descriptor,
        active_period=old.active_period.replace(**period) if period else old.active_period,
        event_signals=signals,
        targets=targets_of(changes["targets"]) if "targets" in changes else old.targets,
        response_required=changes.get("response_required", old.response_required),
        **whole,
    )


def check_settings(given: Mapping[str, object], *others: str) -> None:
    """Refuse what is no setting of an event, and none of the ``others`` that may stand beside them:
    ``ConfigurationError`` names the nearest.
    """
    unknown = sorted(set(given) - set(SETTINGS))
    if unknown:
        raise ConfigurationError(
            f"An event has no {', '.join(map(repr, unknown))}."
            f"{did_you_mean(unknown[0], (*SETTINGS, *others))} It has: "
            f"{', '.join((*SETTINGS, *others))}."
        )


def targets_of(given: object) -> tuple[Target, ...]:
    """Targets of a list of them, of dicts, or of a mapping of kind to IDs; ConfigurationError for
    what is none.
    """
    if given is None:
        return Items(())
    if isinstance(given, Mapping) and not isinstance(given, Target):
        return Items(
            _target({kind: one})
            for kind, ids in given.items()
            for one in (ids if isinstance(ids, (list, tuple, set, frozenset)) else [ids])
        )
    if isinstance(given, (str, bytes)) or not isinstance(given, Iterable):
        raise _no_targets(given)
    return Items(each if isinstance(each, Target) else _target(each) for each in given)


def _target(given: object) -> Target:
    kinds = tuple(Target.fields)
    if not isinstance(given, Mapping) or len(given) != 1:
        raise _no_targets(given)
    [(kind, value)] = given.items()
    if kind not in kinds:
        hint = did_you_mean(kind, kinds) or f" Known are: {', '.join(kinds)}."
        raise ConfigurationError(f"targets: there is no kind {kind!r}.{hint}")
    if value is None or isinstance(value, (bool, int, float, bytes)):
        raise ConfigurationError(f"targets: {kind} takes IDs, which are texts, not {value!r}.")
    return Target.from_dict({kind: value})


def _no_targets(given: object) -> ConfigurationError:
    return ConfigurationError(
        "targets are records, dicts such as {'resource_id': 'meter-1'}, or a mapping such as "
        f"{{'resource_id': ['meter-1']}}, not {str(given)[:60]!r}."
    )


def moment(given: Moment, now: datetime) -> datetime:
    """A moment: as it is, or so long from now; None is now. ``ConfigurationError`` for anything
    else.
    """
    if isinstance(given, datetime):
        if given.tzinfo is None:
            raise ConfigurationError(
                f"dtstart: the time {given!r} has no zone. Give an aware datetime, or a duration "
                "from now."
            )
        return given
    return now if given is None else now + span(given, "dtstart")


def span(given: Duration, name: str = "duration") -> timedelta:
    """A duration of a timedelta, of seconds, or of a text such as ``'10 min'``; it may lie before
    now. ``ConfigurationError`` for anything else.
    """
    return arguments.duration(name, given, -LONGEST.total_seconds(), ABSURD)


def whole_seconds(name: str, given: Optional[Duration]) -> Optional[timedelta]:
    """The same for what is told to VENs, or None: a message has no fractions of a second in its
    durations. ``ConfigurationError`` for anything else.
    """
    found = None if given is None else span(given, name)
    if found is not None and (found < timedelta(0) or found.microseconds):
        raise ConfigurationError(
            f"{name} must be a whole number of seconds, as messages hold no others, not "
            f"{given!r}. A VEN may poll more often all the same: give its client a poll_frequency."
        )
    return found


def _surroundings(given: Mapping[str, Any]) -> dict[str, Any]:
    return {
        field: None if given[name] is None else span(given[name], name)
        for name, field in _PERIOD.items()
        if name in given
    }


def _signal(steps: list[Interval], rest: Mapping[str, Any]) -> EventSignal:
    name = rest.get("signal_name", "SIMPLE")
    kind = rest.get("signal_type") or _TYPES.get(name, "setpoint")
    given = rest.get("device_class") or ()
    classes = [
        Target(end_device_asset=EndDeviceAsset(mrid=mrid))
        for mrid in ([given] if isinstance(given, str) else given)
    ]
    return EventSignal(
        intervals=tuple(steps),
        targets=tuple(classes),
        signal_name=name,
        signal_type=kind,
        signal_id=rest.get("signal_id", "0"),
        current_value=rest.get("current_value"),
        measurement=rest["measurement"] if "measurement" in rest else _usual_unit(name, kind),
    )


def _check_levels(given: Iterable[object], signal: Mapping[str, Any]) -> None:
    """Refuse a level that SIMPLE does not have. What a test means its VTN to say, whatever that is,
    is given as ``objects.Interval``.
    """
    name = signal.get("signal_name", "SIMPLE")
    if str(name).upper() != "SIMPLE" or signal.get("signal_type") not in (None, "level"):
        return
    for step in given:
        payload = step[1] if isinstance(step, tuple) and len(step) == 2 else step
        if isinstance(payload, (bool, int, float)) and (
            isinstance(payload, bool) or payload not in (0, 1, 2, 3)
        ):
            raise ConfigurationError(
                f"intervals: {payload!r} is no level of SIMPLE, which are 0, 1, 2 and 3. Other "
                "values want another signal, such as signal_name='LOAD_CONTROL', or an "
                "objects.Interval where a wrong level is meant."
            )


def _usual_unit(name: str, kind: str) -> Optional[Measurement]:
    """What the table of signals wants (rule E57)."""
    if name in _PRICES and kind in ("price", "priceRelative"):
        unit = {"DEMAND_CHARGE": "currencyPerKW", "BID_PRICE": "currency"}.get(
            name, "currencyPerKWh"
        )
        return Measurement.named(unit, unit="EUR")
    if name in ("LOAD_DISPATCH", "BID_LOAD") and kind in ("setpoint", "delta"):
        return Measurement.named("powerReal", unit="W")
    if name in ("CHARGE_STATE", "BID_ENERGY") and kind in ("setpoint", "delta"):
        return Measurement.named("energyReal", unit="Wh")
    return None


def _steps(given: Sequence[Step], duration: Optional[Duration]) -> tuple[list[Interval], timedelta]:
    """Intervals, and how long they are together. Plain payloads share ``duration`` (10 minutes), in
    whole seconds.
    """
    if isinstance(given, (str, bytes, Mapping)) or not isinstance(given, Iterable):
        raise ConfigurationError(
            f"intervals are a list, such as [1, 2] or [(60, 1), (60, 2)], not {given!r}."
        )
    if not given:
        raise ConfigurationError(
            "intervals: an event needs at least one, such as intervals=[1] of level 1."
        )
    plain = sum(1 for step in given if isinstance(step, (int, float)))
    if plain not in (0, len(given)):
        raise ConfigurationError(
            f"intervals are payloads, or each says how long it is, not a mixture: {list(given)!r}."
        )
    if not plain:
        made = [_step(number, step) for number, step in enumerate(given)]
        together = sum((step.duration or ZERO for step in made), ZERO)
        return made, together if duration is None else span(duration)
    whole = span(600 if duration is None else duration)
    share = timedelta(seconds=whole.total_seconds() // len(given))
    lengths = [share] * (len(given) - 1) + [whole - share * (len(given) - 1)]
    return [
        _step(number, (length, payload))  # type: ignore[arg-type]
        for number, (length, payload) in enumerate(zip(lengths, given))
    ], whole


def _step(number: int, given: Step) -> Interval:
    if isinstance(given, Interval):
        return given
    if isinstance(given, Mapping):
        return Interval(**{"uid": str(number), **given})
    if isinstance(given, tuple) and len(given) == 2:
        return Interval(uid=str(number), duration=span(given[0]), signal_payload=given[1])
    raise ConfigurationError(
        f"intervals: number {number} is {given!r}, expected a payload, (duration, payload), or a "
        "dict of dtstart, duration, uid, signal_payload."
    )


def _whole_of(signals: Sequence[EventSignal], whole: timedelta) -> timedelta:
    lengths = [
        sum((step.duration or ZERO for step in signal.intervals), ZERO) for signal in signals
    ]
    return max(lengths) if lengths else whole


def _respace(
    old: Event, signal: EventSignal, changes: Mapping[str, Any]
) -> tuple[EventSignal, timedelta]:
    """The signal with new intervals, or with the old payloads over a new duration."""
    duration = changes.get(
        "duration", old.active_period.duration if _all_plain(changes.get("intervals", ())) else None
    )
    payloads = changes.get("intervals") or [step.signal_payload for step in signal.intervals]
    if changes.get("intervals"):
        named = {"signal_name": signal.signal_name, "signal_type": signal.signal_type}
        _check_levels(payloads, {**named, **changes})
    steps, whole = _steps(payloads, duration)
    return signal.replace(intervals=steps), whole


def _all_plain(given: Sequence[object]) -> bool:
    return all(isinstance(step, (int, float)) for step in given)
