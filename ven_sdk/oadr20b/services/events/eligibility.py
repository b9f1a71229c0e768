"""Is an event meant for this VEN, and can it be carried out: targets, market context, signals
(table in rules G).

Pure functions of the settings and an event. What is refused here reaches no handler.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, NamedTuple, Optional

from ....schema.common import Target
from ....schema.events import Event, EventSignal
from ..market_context import normalize
from .consistency import find_contradiction

if TYPE_CHECKING:
    from ....config import Settings
    from ...state.book import Book

NO_UNIT: frozenset[str] = frozenset({""})
PER_KWH, PER_KW = frozenset({"currencyPerKWh"}), frozenset({"currencyPerKW"})
POWER = frozenset({"RealPower", "ReactivePower", "ApparentPower"})
ENERGY = frozenset({"RealEnergy", "ReactiveEnergy", "ApparentEnergy"})
_PRICES: Mapping[str, frozenset[str]] = {
    "price": PER_KWH,
    "priceRelative": PER_KWH,
    "priceMultiplier": NO_UNIT,
}

SIGNALS: Mapping[str, Mapping[str, frozenset[str]]] = {
    "SIMPLE": {"level": NO_UNIT},
    "simple": {"level": NO_UNIT},
    "ELECTRICITY_PRICE": _PRICES,
    "ENERGY_PRICE": _PRICES,
    "DEMAND_CHARGE": {"price": PER_KW, "priceRelative": PER_KW, "priceMultiplier": NO_UNIT},
    "BID_PRICE": {"price": frozenset({"currency"})},
    "BID_LOAD": {"setpoint": POWER},
    "BID_ENERGY": {"setpoint": ENERGY},
    "CHARGE_STATE": {"setpoint": ENERGY, "delta": ENERGY, "multiplier": NO_UNIT},
    "LOAD_DISPATCH": {
        "setpoint": POWER,
        "delta": POWER,
        "multiplier": NO_UNIT,
        "level": POWER | NO_UNIT,
    },
    "LOAD_CONTROL": {
        "x-loadControlCapacity": NO_UNIT,
        "x-loadControlLevelOffset": NO_UNIT,
        "x-loadControlPercentOffset": NO_UNIT,
        "x-loadControlSetpoint": NO_UNIT,
    },
}
"""Types, and the item descriptions of their units, that each signal name may have (rules
E42, E43, E57).

The description decides, not the unit's element; an empty one stands for no unit.
"""


class Refusal(NamedTuple):
    """The code that an event is answered with, and the sentence that goes with it."""

    code: str
    text: str


def find_refusal(book: "Book", event: Event) -> Optional[Refusal]:
    """Why this VEN refuses ``event``, or None: market context (E48), targets (E45 to E47), signals
    (E44, E52); in strict mode also what contradicts itself (E34, E57).
    """
    return (
        _refuse_context(book.settings, event)
        or _refuse_target(book, event)
        or _refuse_signals(book.settings, event)
        or _refuse_contradiction(book.settings, event)
    )


def _refuse_context(settings: "Settings", event: Event) -> Optional[Refusal]:
    """Rule E48: compared as normalised URIs; none configured accepts all."""
    if settings.market_contexts is None:
        return None
    context = event.market_context
    if context is not None and normalize(context) in map(normalize, settings.market_contexts):
        return None
    return Refusal("462", f"market context {context!r} is not served here")


def _refuse_target(book: "Book", event: Event) -> Optional[Refusal]:
    """Rules E45 to E47: no target is this VEN itself; several are a union; only configured kinds
    can speak against it. In strict mode the venID always does, where nothing else is named.
    """
    wanted, strict = book.settings.targets or {}, book.settings.strict
    named = [(kind, _value(target, kind)) for target in event.targets for kind in target]
    if any(kind == "ven_id" and value == book.registration.ven_id for kind, value in named):
        return None
    checked = [(kind, value) for kind, value in named if kind in wanted]
    if any(value in wanted[kind] for kind, value in checked):
        return None
    if checked:
        return Refusal("462", "no target of the event is served here")
    is_foreign = strict and bool(named) and all(kind == "ven_id" for kind, _ in named)
    return Refusal("462", "the event is for another VEN") if is_foreign else None


def _value(target: Target, kind: str) -> object:
    """The ID in a target: the text itself, or the one text inside (``mrid``, ``node``); an area is
    compared as a whole.
    """
    value: object = target[kind]
    if isinstance(value, Mapping) and len(value) == 1:
        return next(iter(value.values()))
    return value


def find_other_devices(settings: "Settings", event: Event) -> tuple[int, ...]:
    """Rule E52: the positions of signals that are for other device classes than those configured.

    A signal's own target is intersected with the event's; one without is for all devices.
    """
    ours = None if settings.targets is None else settings.targets.get("end_device_asset")
    if ours is None:
        return ()
    return tuple(
        position
        for position, signal in enumerate(event.event_signals)
        if (classes := device_classes(signal)) and ours.isdisjoint(classes)
    )


def device_classes(signal: EventSignal) -> frozenset[str]:
    """The device classes that a signal is limited to; none is no limit."""
    assets = (target.end_device_asset for target in signal.targets)
    return frozenset(asset.mrid for asset in assets if asset is not None)


def _refuse_signals(settings: "Settings", event: Event) -> Optional[Refusal]:
    """Rules E44, E52: 462 when every signal is for other devices; 460 when none of the others is
    supported, in strict mode when one is not.
    """
    others = find_other_devices(settings, event)
    signals = [one for position, one in enumerate(event.event_signals) if position not in others]
    if not signals and event.event_signals:
        return Refusal("462", "no device class of the event's signals is served here")
    if settings.signals is None and not settings.strict:
        return None
    unsupported = [one for one in signals if not is_supported(settings.signals, one)]
    if not unsupported or (not settings.strict and len(unsupported) < len(signals)):
        return None
    names = dict.fromkeys(f"{signal.signal_name} {signal.signal_type}" for signal in unsupported)
    return Refusal("460", f"signal {', '.join(names)} is not supported")


def is_supported(configured: Optional[frozenset[str]], signal: EventSignal) -> bool:
    """Whether the signal's name is configured (if any is) and its type and unit are those of the
    table.

    A private ``x-`` name may have any type and unit, but has to be configured.
    """
    names: tuple[str, ...] = (signal.signal_name,)
    if signal.signal_name == "simple":
        names = ("simple", "SIMPLE")
    if configured is not None and configured.isdisjoint(names):
        return False
    if signal.signal_name not in SIGNALS:
        return configured is not None
    unit = signal.measurement.description or "" if signal.measurement is not None else ""
    return unit in SIGNALS[signal.signal_name].get(signal.signal_type, frozenset())


def _refuse_contradiction(settings: "Settings", event: Event) -> Optional[Refusal]:
    """Strict mode: 454 for what cannot be meant."""
    found = find_contradiction(event) if settings.strict else None
    return None if found is None else Refusal("454", found)
