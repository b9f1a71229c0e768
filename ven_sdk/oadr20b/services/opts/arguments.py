"""What users may pass to ``client.create_opt``, turned into records; the error names the argument.
Pure functions.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Optional

from ....arguments import choice, duration, items_of, moment, optional_text, whole_number
from ....enums import OPT_REASON
from ....errors import ConfigurationError, StateError
from ....schema.common import Target, device_class
from ....schema.events import Event
from ....text import is_xml, repr_of
from ....usercode.decisions import OPTS
from ...schema.opt import Vavailability, VavailabilityComponent

if TYPE_CHECKING:
    from ...state.book import Book


PLAIN_KINDS = ("group_id", "group_name", "resource_id", "ven_id", "party_id")
"""Kinds of targets whose value is a text."""


def check_text(name: str, value: object) -> Optional[str]:
    """``value`` as a non-empty text, or None."""
    return optional_text(name, value)


def check_type(value: object) -> str:
    """``optIn`` or ``optOut``."""
    return OPTS[OPTS.index(choice("opt_type", value, OPTS))]


def check_reason(value: object) -> str:
    """O1.10: one of the reasons of the schema, or a token of one's own that begins with ``x-``.
    ``ConfigurationError`` for anything else.
    """
    reasons = tuple(map(str, OPT_REASON.values))
    if (
        isinstance(value, str)
        and value.startswith("x-")
        and len(value) > 2
        and not any(part.isspace() for part in value)
        and is_xml(value)
    ):
        return check_text("opt_reason", value) or value
    if not isinstance(value, str) or value not in reasons:
        raise ConfigurationError(
            f"opt_reason must be one of {', '.join(map(repr, reasons))} or a token that begins "
            f"with 'x-', not {repr_of(value)}."
        )
    return reasons[reasons.index(value)]


def check_event(
    book: "Book", event_id: Optional[str], number: Optional[int]
) -> tuple[Optional[int], Optional[Event]]:
    """O1.4: the modification number that goes with ``event_id`` (the one given, else that of the
    event as it is held), and the event, where it is known.

    O1.14: StateError for an event whose VTN wants no response. ``ConfigurationError`` for anything
    else.
    """
    if event_id is None:
        if number is not None:
            raise ConfigurationError(
                "modification_number belongs to an event: give event_id as well."
            )
        return None, None
    held = book.events.get(event_id)
    event = None if held is None or held.cancelled is not None else held.event
    if event is not None and event.response_required == "never":
        raise StateError(
            f"The VTN wants no response to event {event_id!r}, so no opt about it is sent (O1.14). "
            f"client.opt_in or client.opt_out decides here."
        )
    if number is not None:
        return whole_number("modification_number", number, 0, 2**32 - 1), event
    if event is None:
        raise StateError(
            f"There is no event {event_id!r}. Give its modification_number if the VTN knows it all "
            f"the same."
        )
    return event.modification_number, event


def check_context(value: object, event_id: Optional[str]) -> Optional[str]:
    """O1.3, O1.16: a market context limits a schedule; an opt of an event has none.
    ``ConfigurationError`` for anything else.
    """
    context = check_text("market_context", value)
    if context is not None and event_id is not None:
        raise ConfigurationError(
            "market_context belongs to a schedule; leave it out for an opt of an event (O1.3)."
        )
    return context


def choose_targets(
    given: tuple[Target, ...], event: Optional[Event], ven_id: str
) -> tuple[Target, ...]:
    """O1.12: the own venID where nothing is named; O1.13: of an event only what it names itself.

    ConfigurationError lists the targets that an event has.
    """
    if event is None:
        return given or (Target(ven_id=ven_id),)
    named = event.targets
    whole = not named or any(target.ven_id == ven_id for target in named)
    if not given:
        return (Target(ven_id=ven_id),) if whole else named
    if not whole and not all(target in named for target in given):
        names = ", ".join(repr_of(dict(target)) for target in named)
        raise ConfigurationError(
            f"targets may name only what event {event.event_id!r} itself names (O1.13): {names}."
        )
    return given


def read_targets(value: object) -> tuple[Target, ...]:
    """Targets as ``[{'resource_id': 'r1'}, …]``, as Targets, one of these alone, or
    ``{'resource_id': ['r1', 'r2']}``. ``ConfigurationError`` for anything else.
    """
    if value is None:
        return ()
    if isinstance(value, Target):
        return (value,)
    items = [value] if isinstance(value, Mapping) else _members("targets", value)
    if items is None:
        raise ConfigurationError(
            f"targets must be a list such as [{{'resource_id': 'r1'}}], not {repr_of(value)}."
        )
    found = tuple(target for item in items for target in _targets(item))
    if not found:
        raise ConfigurationError(
            "targets is empty, so that the opt would be about the whole VEN. Leave it out for that."
        )
    return found


def _members(name: str, value: object) -> Optional[list[object]]:
    """The members of a list, tuple or other iterable; None for a text and for what is none."""
    if isinstance(value, (str, bytes)) or not isinstance(value, Iterable):
        return None
    return items_of(name, value)


def _targets(item: object) -> tuple[Target, ...]:
    if isinstance(item, Target):
        return (item,)
    if not isinstance(item, Mapping):
        raise ConfigurationError(
            f"A target in targets must look like {{'resource_id': 'r1'}}, not {repr_of(item)}."
        )
    kinds = ", ".join(Target.fields)
    found: list[Target] = []
    for kind, ids in item.items():
        known = str.__str__(kind) if isinstance(kind, str) else ""
        if known not in Target.fields:
            raise ConfigurationError(
                f"targets has the unknown kind {repr_of(kind)}. Kinds: {kinds}."
            )
        many = ids if isinstance(ids, (list, tuple, set, frozenset)) else [ids]
        found += [Target.from_dict({known: _check_id(known, one)}) for one in many]
    return tuple(found)


def _check_id(kind: str, value: object) -> object:
    """A text where the kind's value is one; what has a record of its own checks itself."""
    if kind in PLAIN_KINDS:
        return check_text(f"targets: {kind}", "" if value is None else value)
    return value


def read_device_class(mrid: Optional[str]) -> tuple[Target, ...]:
    """``oadrDeviceClass``: the device class that an opt is limited to; a well-known one, or one of
    one's own that begins with ``x-`` (O1.15). ``ConfigurationError`` for anything else.
    """
    text = check_text("signal_target_mrid", mrid)
    if text is None:
        return ()
    return (device_class("signal_target_mrid", text),)


def read_windows(value: object) -> Vavailability:
    """A schedule: a Vavailability, a dict of one, or a list of windows: ``(dtstart, duration)``,
    dicts or components.

    A naive dtstart counts as UTC; a duration is a timedelta or a number of seconds; zero has no end
    (O1.6). ``ConfigurationError`` for anything else.
    """
    given = getattr(value, "components", value)
    if isinstance(value, Mapping):
        given = value.get("components", [value])
    parts = _members("vavailability", given)
    if parts is None or _is_window(given):
        parts = [given]
    windows = tuple(_window(part) for part in parts)
    if not windows:
        raise ConfigurationError("vavailability must have at least one window (O1.3).")
    return Vavailability(components=windows)


def _is_window(value: object) -> bool:
    """Whether ``value`` is one window, ``(dtstart, duration)``, and no list of them."""
    return isinstance(value, tuple) and len(value) == 2 and isinstance(value[0], datetime)


def _window(part: object) -> VavailabilityComponent:
    if isinstance(part, Mapping):
        start, length = part.get("dtstart"), part.get("duration")
    elif isinstance(part, tuple) and len(part) == 2:
        start, length = part
    else:
        start, length = getattr(part, "dtstart", None), getattr(part, "duration", None)
    if not isinstance(start, datetime):
        raise ConfigurationError(
            "A window in vavailability must have a dtstart (a datetime) and a duration, such as "
            f"(datetime, timedelta); this one is {repr_of(part)}."
        )
    begin, exact = moment("dtstart in vavailability", start), _whole_seconds(length)
    try:
        begin + exact
    except OverflowError as cause:
        raise ConfigurationError(
            f"A window in vavailability ends outside the calendar: {begin} and {exact} later."
        ) from cause
    return VavailabilityComponent(dtstart=begin, duration=exact)


def _whole_seconds(length: object) -> timedelta:
    """Durations on the wire have no fractions (rule G1); a fraction is rounded up, so that
    none becomes endless.
    """
    exact = duration("a window's duration in vavailability", length)
    try:
        return timedelta(seconds=-(-exact // timedelta(seconds=1)))
    except OverflowError as cause:
        raise ConfigurationError(
            f"duration={repr_of(length)} in vavailability is too long; 0 has no end (O1.6)."
        ) from cause
