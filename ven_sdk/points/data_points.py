"""What ``add_report`` may be told, checked where it is told: names, units, sampling rate, sources.
Pure functions.

Every wrong argument is a ConfigurationError that lists what would be right.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Optional

from .. import arguments
from ..arguments import duration
from ..enums import CURRENCIES, READING_TYPE, REPORT_NAME, REPORT_TYPE, SI_SCALE_CODE
from ..errors import ConfigurationError
from ..near_names import did_you_mean, nearest
from ..schema.common import Target, device_class
from ..schema.points import SamplingRate
from ..schema.units import UNITS, Measurement, PowerAttributes
from ..text import repr_of, text_of

STATUS, GREEN_BUTTON = "TELEMETRY_STATUS", "HISTORY_GREENBUTTON"
PREFIXES = {
    **{code: code for code in SI_SCALE_CODE.values if code != "none"},
    "u": "micro",
    "µ": "micro",
    "μ": "micro",  # the Greek letter, which looks the same
}
"""What may stand before a unit, and the scale that it means."""
SCALE_NAMES = {
    **PREFIXES,
    **{"pico": "p", "nano": "n", "milli": "m", "centi": "c", "deci": "d"},
    **{"kilo": "k", "mega": "M", "giga": "G", "tera": "T", "1000": "k", "1000000": "M"},
}
"""What people call a scale, and the scale that they mean."""
UNIT_NAMES = {
    **{"watt": "W", "watts": "W", "kilowatt": "kW", "kilowatts": "kW", "megawatt": "MW"},
    **{"volt": "V", "volts": "V", "amp": "A", "amps": "A", "ampere": "A", "hertz": "Hz"},
    **{"c": "celsius", "°c": "celsius", "f": "fahrenheit", "°f": "fahrenheit"},
    **{"degc": "celsius", "celcius": "celsius", "degf": "fahrenheit", "var": "VAR"},
    **{"pulses": "count", "pulse": "count", "therm": "thm", "€": "EUR", "$": "USD", "£": "GBP"},
}
"""What people call a unit, and the unit that they mean."""
DEFAULT_RATE = SamplingRate(
    min_period=timedelta(seconds=10), max_period=timedelta(hours=1), on_change=False
)
LONGEST_RATE = timedelta(days=366)
DEFAULT_DURATION = timedelta(hours=1)


def one_of(name: str, value: object, choices: Sequence[str], extensible: bool = True) -> str:
    """``value`` if it is one of ``choices`` (in any case), or an ``x-`` token.
    ``ConfigurationError`` for anything else.
    """
    text = str.__str__(value) if isinstance(value, str) else repr_of(value)
    if text in choices:
        return text
    if extensible and text.startswith("x-") and len(text) > 2:
        return arguments.text(name, text)
    folded = {choice.lower(): choice for choice in choices}
    if text.lower() in folded:
        return folded[text.lower()]
    own = " or a name that begins with 'x-'" if extensible else ""
    raise ConfigurationError(
        f"{name} must be one of {', '.join(map(repr, choices))}{own}, not {repr_of(value)}."
        f"{did_you_mean(text, choices)}"
    )


def report_name(value: object) -> str:
    """The name of a data report: a well-known one or an ``x-`` name, without METADATA.
    ``ConfigurationError`` for anything else.
    """
    names = [name for name in REPORT_NAME.values if not name.startswith("METADATA_")]
    text = str.__str__(value) if isinstance(value, str) else repr_of(value)
    for prefix, plain in (("x-METADATA_", "x-"), ("METADATA_", "")):
        if text.startswith(prefix):
            raise ConfigurationError(
                f"report_name={text!r} is the catalogue's name of a report, which ven_sdk makes "
                f"itself. Give {plain + text[len(prefix) :]!r}."
            )
    return one_of("report_name", value, names)


def kinds_of(name: str, report_type: object, reading_type: object) -> tuple[str, str]:
    """Report type and reading type; a status has its own unless others were asked for (T5)."""
    if name == STATUS:
        report_type = "x-resourceStatus" if report_type == "reading" else report_type
        reading_type = "x-notApplicable" if reading_type == "Direct Read" else reading_type
    return one_of("report_type", report_type, REPORT_TYPE.values), one_of(
        "reading_type", reading_type, READING_TYPE.values
    )


def measurement(
    name: str, given: object, *, unit: Optional[str], scale: object, power: PowerAttributes
) -> Optional[Measurement]:
    """The unit of a data point; None for a status and for Green Button. ``given`` is what
    ``add_report`` takes. ``ConfigurationError`` for anything else.
    """
    scale = _scale(scale)
    if name in (STATUS, GREEN_BUTTON):
        for argument, value in (("measurement", given), ("unit", unit)):
            if value is not None:
                raise ConfigurationError(
                    f"A report {name} has no measurement and no unit: leave {argument} out."
                )
        return None
    if given is None:
        if unit is not None:
            raise ConfigurationError(
                f"unit={unit!r} needs a measurement: its name, such as 'voltage', or one of your "
                f"own."
            )
        return None
    if isinstance(given, str):
        measured = _measurement_named(str.__str__(given), unit, scale, power)
    else:
        measured = Measurement.of(given)
        measured = measured.replace(scale=_scale(measured.scale if scale == "none" else scale))
    for part in ("description", "unit"):
        arguments.optional_text(f"{part} of the measurement", getattr(measured, part))
    if measured.flaw():
        raise ConfigurationError(
            f"measurement {measured.name!r} cannot be sent: {measured.flaw()}."
        )
    factor = measured.pulse_factor
    if factor is not None and not math.isfinite(arguments.as_float(factor)):
        raise ConfigurationError(f"pulse_factor of the measurement is {repr_of(factor)}.")
    mains = measured.power_attributes
    return measured if mains is None else measured.replace(power_attributes=_mains(mains))


def _mains(given: PowerAttributes) -> PowerAttributes:
    """Hertz and volts that can be sent; ``ConfigurationError`` for others."""
    return PowerAttributes(
        hertz=arguments.quantity("hertz of the measurement", given.hertz),
        voltage=arguments.quantity("voltage of the measurement", given.voltage),
        ac=given.ac,
    )


def _scale(given: object) -> str:
    text = "none" if given is None else given
    word = text_of(text).lower()
    meant = SCALE_NAMES.get(word)
    if meant and word not in map(str.lower, SI_SCALE_CODE.values):
        raise ConfigurationError(f"scale is {repr_of(given)}. Did you mean {meant!r}?")
    return one_of("scale", text, SI_SCALE_CODE.values, extensible=False)


def _measurement_named(
    given: str, unit: Optional[str], scale: str, power: PowerAttributes
) -> Measurement:
    """A measurement by name: the schema's first unit unless there is a choice of currencies; or a
    unit of one's own.
    """
    try:
        name = Measurement.named(given).name
    except ConfigurationError:
        _refuse_mistyped(given, unit)
        return Measurement.named(given, unit=unit, scale=scale)
    kind = UNITS[name]
    if unit is None and kind.units and kind.units is not CURRENCIES:
        unit = kind.units[0]
    if unit is not None:
        unit, scale = _split_unit(unit, scale, kind.units)
        _check_unit(name, unit, kind.units)
    return Measurement.named(
        given, unit=unit, scale=scale, power_attributes=power if kind.power else None
    )


def _split_unit(unit: str, scale: str, units: Sequence[str]) -> tuple[str, str]:
    """Unit and scale of a prefixed unit such as ``kW``; both as they are where there is none."""
    if unit in units:
        return unit, scale
    for prefix, code in PREFIXES.items():
        if unit.startswith(prefix) and unit[len(prefix) :] in units:
            if scale not in ("none", code):
                raise ConfigurationError(
                    f"unit={unit!r} says the scale {code!r}, and scale={scale!r} says another. "
                    "Leave scale out."
                )
            return unit[len(prefix) :], code
    return unit, scale


def _check_unit(name: str, unit: str, units: Sequence[str]) -> None:
    """Refuse a unit that the measurement ``name`` does not have, with what was meant."""
    if not units or unit in units:
        return
    several = (f"{prefix}{each}" for each in units for prefix in PREFIXES)
    own = () if units is CURRENCIES else several
    meant = UNIT_NAMES.get(unit.lower().replace(" ", ""))
    hint = did_you_mean(unit if meant is None else meant, [*units, *own])
    exact = _measurement_of(unit)
    near, other = (unit, exact) if exact else _unit_in_other_case(unit)
    if other and other != name:
        hint = f" {near!r} is a unit of {other!r}."
    expected = (
        "a currency code of the schema's list of 2010, such as EUR or USD"
        if units is CURRENCIES
        else f"{' or '.join(map(repr, units))}, with or without a prefix such as 'k'"
    )
    raise ConfigurationError(f"unit of {name!r} is {unit!r}, expected {expected}.{hint}")


def _unit_in_other_case(unit: str) -> tuple[str, Optional[str]]:
    """The unit, prefix and all, that ``unit`` is but for its case, and its measurement."""
    for name, kind in UNITS.items():
        for each in kind.units if kind.units is not CURRENCIES else ():
            for prefix in ("", *PREFIXES):
                if f"{prefix}{each}".lower() == unit.lower():
                    return f"{prefix}{each}", name
    return unit, None


def _refuse_mistyped(given: str, unit: Optional[str]) -> None:
    """Refuse a unit in the place of a measurement, and a mistyped measurement with its unit."""
    spoken = UNIT_NAMES.get(given.lower().replace(" ", ""), given)
    meant = _measurement_of(spoken)
    if meant and unit is None:
        raise ConfigurationError(
            f"{repr_of(given)} is a unit, not a measurement. Write measurement={meant!r}, "
            f"unit={repr_of(spoken)}."
        )
    near = nearest(given, UNITS)
    if near and unit is not None and _measurement_of(unit) == near:
        raise ConfigurationError(
            f"There is no measurement {repr_of(given)}. Did you mean {near!r}? A unit of your own "
            "needs a name that is no other's."
        )


def _measurement_of(unit: str) -> Optional[str]:
    """The measurement that has ``unit``, with or without a prefix."""
    for name, kind in UNITS.items():
        if kind.units and kind.units is not CURRENCIES:
            found, _ = _split_unit(unit, "none", kind.units)
            if found in kind.units:
                return name
    return None


def sampling_rate(given: object) -> SamplingRate:
    """How often a point can be sampled: of a duration, a SamplingRate, or None (10 s to 1 h).
    ``ConfigurationError`` for anything else.
    """
    if given is None:
        return DEFAULT_RATE
    if isinstance(given, Mapping):
        rate = given if isinstance(given, SamplingRate) else SamplingRate.from_dict(given)
    else:
        period = duration("sampling_rate", given, 1.0, LONGEST_RATE)
        rate = SamplingRate(min_period=period, max_period=period, on_change=False)
    for period in (rate.min_period, rate.max_period):
        if duration("sampling_rate", period, 1.0, LONGEST_RATE) % timedelta(seconds=1):
            raise ConfigurationError(
                f"sampling_rate {period} has a fraction of a second, which OpenADR cannot express."
            )
    arguments.flag("on_change in sampling_rate", rate.on_change)
    if rate.max_period < rate.min_period:
        raise ConfigurationError(
            f"sampling_rate has max_period {rate.max_period} below min_period {rate.min_period}."
        )
    return rate


def targets(name: str, given: object) -> tuple[Target, ...]:
    """Targets of what was given: a resource ID, a Target, a dict of its fields, or several.
    ``ConfigurationError`` for anything else.
    """
    if given is None:
        return ()
    several = (
        arguments.items_of(name, given)
        if isinstance(given, Iterable) and not isinstance(given, (str, bytes, Mapping))
        else (given,)
    )
    found = tuple(target for item in several for target in _targets(name, item))
    for target in found:
        for kind, value in target.items():
            record = Target.fields[kind].record
            if record is not None and not isinstance(value, record):
                raise ConfigurationError(
                    f"{name}: {kind} must be an objects.{record.__name__}, not {repr_of(value)}. A "
                    "resource is Target(resource_id='r1')."
                )
            _check_id(f"{name}: {kind}", value)
    return found


def _check_id(name: str, value: object) -> None:
    """An ID is a text, also inside the record of a kind such as a meter."""
    if not isinstance(value, Mapping):
        arguments.text(name, value)
    elif len(value) == 1:
        for part in value.values():
            if not isinstance(part, Mapping):
                arguments.text(name, part)


def _targets(name: str, given: object) -> tuple[Target, ...]:
    """The targets of one item; a dict may have several IDs of a kind."""
    if isinstance(given, Mapping) and not isinstance(given, Target):
        return tuple(
            _target(name, {kind: one})
            for kind, ids in given.items()
            for one in (ids if isinstance(ids, (list, tuple, set, frozenset)) else [ids])
        )
    return (_target(name, given),)


def _target(name: str, given: object) -> Target:
    if isinstance(given, str):
        return Target(resource_id=given)
    if isinstance(given, Target):
        return given
    if isinstance(given, Mapping):
        return Target.from_dict(given)
    raise ConfigurationError(
        f"{name} must be a resource ID, an objects.Target, a dict of its fields or a list of "
        f"those, not {repr_of(given)}."
    )


def subject_of(mrid: object) -> tuple[Target, ...]:
    """The device class that a value is about, if it is about one: a well-known one, or one of one's
    own that begins with ``x-`` (T44). ``ConfigurationError`` for anything else.
    """
    if mrid is None:
        return ()
    name = "end_device_asset_mrid"
    return (device_class(name, arguments.text(name, mrid)),)


def moment(name: str, given: object) -> Optional[datetime]:
    """An aware UTC datetime of what was given, or None."""
    return None if given is None else arguments.moment(name, given)


def derived_r_id(
    point_of: Optional[str], unit: Optional[Measurement], report_type: str, reading_type: str
) -> str:
    """An rID from the names, the same after every restart: ``device001-voltage``."""
    kind = None if unit is None else unit.description if unit.name == "customUnit" else unit.name
    words = [point_of, kind or ("status" if report_type == "x-resourceStatus" else report_type)]
    words += [
        word
        for word, usual in (
            (report_type, ("reading", "x-resourceStatus")),
            (reading_type, ("Direct Read", "x-notApplicable")),
        )
        if word not in (*usual, words[1])
    ]
    return "-".join(str(word).strip().replace(" ", "_") for word in words if word)


def flag_or_none(name: str, given: object) -> Optional[bool]:
    """True, False, or None for what the protocol says; ``ConfigurationError`` for anything else."""
    if given is None or isinstance(given, bool):
        return given
    raise ConfigurationError(f"{name} must be True, False or None, not {repr_of(given)}.")


def first_id(sources: Sequence[Target]) -> Optional[str]:
    """What a data point is named after when it has no resource_id."""
    for target in sources:
        for value in target.values():
            return str(value if isinstance(value, str) else next(iter(value.values()), ""))
    return None
