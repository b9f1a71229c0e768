"""Units of measurement: the substitutes of ``emix:itemBase``, and the catalogue of what the schema
fixes for each.

The catalogue says which element, description and units belong together (emix, power and oadr
schemas). Values only.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple, Optional, Union

from ..argument_names import named_arguments
from ..enums import CURRENCIES, SI_SCALE_CODE
from ..errors import ConfigurationError
from ..text import repr_of
from . import declarations as wire
from .element import element
from .record import Record

Decimal = Union[int, float]
GREEN_BUTTON = "oadrGBDataDescription"
CUSTOM = "customUnit"


class UnitKind(NamedTuple):
    """What the schema says about one unit element. ``units`` empty: any text."""

    prefix: str
    description: Optional[str]
    units: tuple[str, ...]
    power: bool = False


def _currency(description: str) -> UnitKind:
    return UnitKind("oadr", description, CURRENCIES)


UNITS: Mapping[str, UnitKind] = {
    "voltage": UnitKind("power", "Voltage", ("V",)),
    "current": UnitKind("oadr", "Current", ("A",)),
    "frequency": UnitKind("oadr", "Frequency", ("Hz",)),
    "energyReal": UnitKind("power", "RealEnergy", ("Wh",)),
    "energyReactive": UnitKind("power", "ReactiveEnergy", ("VARh",)),
    "energyApparent": UnitKind("power", "ApparentEnergy", ("VAh",)),
    "powerReal": UnitKind("power", "RealPower", ("W", "J/s"), power=True),
    "powerReactive": UnitKind("power", "ReactivePower", ("VAR",), power=True),
    "powerApparent": UnitKind("power", "ApparentPower", ("VA",), power=True),
    "currency": _currency("currency"),
    "currencyPerKWh": _currency("currencyPerKWh"),
    "currencyPerKW": _currency("currencyPerKW"),
    "currencyPerThm": _currency("currency"),
    "temperature": UnitKind("oadr", "temperature", ("celsius", "fahrenheit")),
    "Therm": UnitKind("oadr", "Therm", ("thm",)),
    "pulseCount": UnitKind("oadr", "pulse count", ("count",)),
    CUSTOM: UnitKind("oadr", None, ()),
    GREEN_BUTTON: UnitKind("oadr", None, ()),
}
"""By the local name of the element. ``currencyPerThm`` has no description of its own in the
schema.
"""

CURRENCY_DESCRIPTIONS = ("currency", "currencyPerKW", "currencyPerKWh")


@element
class PowerAttributes(Record):
    """The mains that a power value belongs to: hertz, volts, and whether it is alternating
    current.
    """

    hertz: Decimal = wire.decimal("power:hertz", default=50, kw_only=False)
    voltage: Decimal = wire.decimal("power:voltage", default=230, kw_only=False)
    ac: bool = wire.boolean("power:ac", default=True, kw_only=False)


@element
class Measurement(Record):
    """What a value is measured in. ``name`` is the unit element's, one of ``enums.MEASUREMENTS``.

    ``description`` and ``unit`` may be left out where the schema fixes them. The three power units
    need ``power_attributes``; ``pulseCount`` has a ``pulse_factor`` (kWh a count) in the place of
    ``scale``. A Green Button description (``oadrGBDataDescription``) has only its Atom ``feed``.
    """

    name: str = wire.token("", tuple(UNITS), kw_only=False)
    description: Optional[str] = wire.text("", optional=True, default=None, kw_only=False)
    unit: Optional[str] = wire.text("", optional=True, default=None, kw_only=False)
    scale: str = wire.token(
        "scale:siScaleCode", SI_SCALE_CODE.values, default="none", kw_only=False
    )
    power_attributes: Optional[PowerAttributes] = wire.child(
        "power:powerAttributes", PowerAttributes, optional=True, default=None, kw_only=False
    )
    pulse_factor: Optional[Decimal] = wire.number(
        "oadr:pulseFactor", optional=True, default=None, kw_only=False
    )
    feed: Optional[str] = wire.markup("atom:feed", default=None)

    @property
    def acceptable_units(self) -> tuple[str, ...]:
        """The units that the schema allows for this name; empty for any text."""
        return UNITS[self.name].units if self.name in UNITS else ()

    @property
    def ns(self) -> str:
        """The prefix of the namespace that the unit element is in."""
        return UNITS[self.name].prefix if self.name in UNITS else "oadr"

    def after_init(self) -> None:
        """Fill in what the schema fixes: the description, and the unit where there is only one."""
        kind = UNITS.get(self.name) if isinstance(self.name, str) else None
        if kind is None:
            return
        if self.description is None and kind.description is not None:
            object.__setattr__(self, "description", kind.description)
        if self.unit is None and len(kind.units) == 1:
            object.__setattr__(self, "unit", kind.units[0])

    def flaw(self) -> str:
        """What the schema does not allow about this combination; an empty string if it is right."""
        kind = UNITS.get(self.name) if isinstance(self.name, str) else None
        if kind is None:
            return (
                f"name is {repr_of(self.name)}, expected one of {', '.join(UNITS)}; anything else "
                f"is a {CUSTOM}"
            )
        if self.name == GREEN_BUTTON:
            return (
                ""
                if self.feed
                else "feed is missing: the Atom feed that describes the Green Button data"
            )
        descriptions = CURRENCY_DESCRIPTIONS if kind.units is CURRENCIES else (kind.description,)
        if kind.description is not None and self.description not in descriptions:
            return (
                f"description is {self.description!r}, expected {kind.description!r} for "
                f"{self.name}"
            )
        if self.unit is None or (kind.units and self.unit not in kind.units):
            return f"unit is {self.unit!r}, expected {_list_units(kind.units)} for {self.name}"
        if kind.power and self.power_attributes is None:
            return (
                f"power_attributes are missing, {self.name} needs them: PowerAttributes(50, 230, "
                f"True)"
            )
        if self.name == "pulseCount" and self.pulse_factor is None:
            return "pulse_factor is missing: the kWh that one count stands for"
        return ""

    @classmethod
    @named_arguments
    def of(cls, given: object) -> "Measurement":
        """A measurement of a Measurement, a name in any case, or a dict of its fields.
        ``ConfigurationError`` for anything else.
        """
        if isinstance(given, cls):
            return given
        if isinstance(given, str):
            return cls.named(given)
        if isinstance(given, Mapping):
            return cls.from_dict(given)
        raise ConfigurationError(
            f"A measurement is a name, a Measurement or a dict of its fields, not {repr_of(given)}."
        )

    @classmethod
    @named_arguments
    def named(
        cls,
        name: str,
        *,
        unit: Optional[str] = None,
        scale: str = "none",
        power_attributes: Optional[PowerAttributes] = None,
        pulse_factor: Optional[Decimal] = None,
    ) -> "Measurement":
        """The measurement of that name, in any case; an unknown name with a ``unit`` is a custom
        unit.

        Power units get ``PowerAttributes()`` unless others are given. Without a unit an unknown
        name is a ConfigurationError that lists near ones, and so is a unit that the schema does not
        have.
        """
        known = _BY_WORD.get(_word(name))
        if known is None:
            if unit is None:
                raise ConfigurationError(_explain_unknown(name))
            return cls(name=CUSTOM, description=str(name), unit=unit, scale=scale)
        if UNITS[known].power and power_attributes is None:
            power_attributes = PowerAttributes()
        made = cls(
            name=known,
            unit=unit,
            scale=scale,
            power_attributes=power_attributes,
            pulse_factor=pulse_factor,
        )
        if (
            made.flaw()
            and known != GREEN_BUTTON
            and not (made.unit is None or pulse_factor is None)
        ):
            raise ConfigurationError(f"Measurement {name!r}: {made.flaw()}.")
        if made.unit is not None and UNITS[known].units and made.unit not in UNITS[known].units:
            raise ConfigurationError(f"Measurement {name!r}: {made.flaw()}.")
        return made


def prefixed_unit(measurement: Optional[Measurement]) -> Optional[str]:
    """The unit with its prefix, such as ``kW``; None where there is none."""
    if measurement is None or not measurement.unit:
        return None
    prefix = "" if measurement.scale in (None, "none") else measurement.scale
    return f"{prefix}{measurement.unit}"


def _word(name: str) -> str:
    return "".join(letter for letter in str(name).lower() if letter.isalnum())


def _list_units(units: tuple[str, ...]) -> str:
    if units is CURRENCIES:
        return "a currency code of the schema's list of 2010, such as EUR or USD"
    return " or ".join(repr(unit) for unit in units) or "a text"


def _explain_unknown(name: str) -> str:
    from difflib import get_close_matches

    near = [_BY_WORD[word] for word in get_close_matches(_word(name), list(_BY_WORD), 4, 0.4)]
    return (
        f"There is no measurement {repr_of(name)}. Near names: "
        f"{', '.join(dict.fromkeys(near)) or ', '.join(UNITS)}. "
        "Give a unit as well for one of your own."
    )


_BY_WORD: dict[str, str] = {_word(name): name for name in UNITS}
_BY_WORD.update(
    {
        "realenergy": "energyReal",
        "activeenergy": "energyReal",
        "energy": "energyReal",
        "reactiveenergy": "energyReactive",
        "apparentenergy": "energyApparent",
        "realpower": "powerReal",
        "activepower": "powerReal",
        "power": "powerReal",
        "reactivepower": "powerReactive",
        "apparentpower": "powerApparent",
    }
)
