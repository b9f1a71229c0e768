"""Is an event meant for this VEN, and can it be carried out: targets, market context, signals
(table in rules G).

Pure functions of the settings and an event. What is refused here reaches no handler.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, NamedTuple, Optional

from ....schema.common import Target
from ....schema.events import Event, EventSignal

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


def refusal(book: "Book", event: Event) -> Optional[Refusal]:
    """Why this VEN refuses ``event``, or None: market context (E48), targets (E45 to E47), signals
    (E44).
    """
    return (
        _foreign_context(book.settings, event)
        or _foreign_target(book, event)
        or _foreign_signals(book.settings, event)
    )


def _foreign_context(settings: "Settings", event: Event) -> Optional[Refusal]:
    """Rule E48: exact comparison with the configured URIs; none configured accepts all."""
    if settings.market_contexts is None or event.market_context in settings.market_contexts:
        return None
    return Refusal("453", f"market context {event.market_context!r} is not served here")


def _foreign_target(book: "Book", event: Event) -> Optional[Refusal]:
    """Rules E45 to E47: no target is this VEN itself; several are a union; only configured kinds
    can speak against it.
    """
    wanted = book.settings.targets
    if wanted is None:
        return None
    named = [(kind, _value(target, kind)) for target in event.targets for kind in target]
    if any(kind == "ven_id" and value == book.registration.ven_id for kind, value in named):
        return None
    checked = [(kind, value) for kind, value in named if kind in wanted]
    if not checked or any(value in wanted[kind] for kind, value in checked):
        return None
    return Refusal("452", "no target of the event is served here")


def _value(target: Target, kind: str) -> Any:
    """The ID in a target: the text itself, or the one text inside (``mrid``, ``node``); an area is
    compared as a whole.
    """
    value = target[kind]
    return (
        value
        if isinstance(value, str)
        else next(iter(value.values()))
        if len(value) == 1
        else value
    )


def _foreign_signals(settings: "Settings", event: Event) -> Optional[Refusal]:
    """Rule E44: one supported signal is enough; 460 when there is none."""
    if settings.signals is None and not settings.strict:
        return None
    if any(is_supported(settings.signals, signal) for signal in event.event_signals):
        return None
    names = ", ".join(
        dict.fromkeys(
            f"{signal.signal_name} {signal.signal_type}" for signal in event.event_signals
        )
    )
    return Refusal("460", f"signal {names} is not supported")


def is_supported(configured: Optional[frozenset[str]], signal: EventSignal) -> bool:
    """Whether the signal's name is configured (if any is) and its type and unit are those of the
    table.

    A private ``x-`` name may have any type and unit, but has to be configured.
    """
    names: tuple[str, ...] = (
        (signal.signal_name, signal.signal_name.upper())
        if signal.signal_name == "simple"
        else (signal.signal_name,)
    )
    if configured is not None and configured.isdisjoint(names):
        return False
    if signal.signal_name not in SIGNALS:
        return configured is not None
    unit = signal.measurement.description or "" if signal.measurement is not None else ""
    return unit in SIGNALS[signal.signal_name].get(signal.signal_type, frozenset())
