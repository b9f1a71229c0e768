"""Random valid records, made from the declarations themselves, so that a new field is tested from
its first day.
"""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from typing import Any

from hypothesis import strategies as st

from ven_sdk import enums
from ven_sdk.objects import (
    CreateOpt,
    EventDescriptor,
    Interval,
    Measurement,
    PowerAttributes,
    ReportInterval,
    ReportPayload,
    Target,
)
from ven_sdk.schema.declaration import Declaration
from ven_sdk.schema.units import CUSTOM, GREEN_BUTTON, UNITS

_LEGAL = st.characters(blacklist_categories=("Cs", "Cc"), blacklist_characters="\ufffe\uffff")
FEED = '<feed xmlns="http://www.w3.org/2005/Atom"><id>urn:x</id><title>t</title><updated>2030-01-01T00:00:00Z</updated></feed>'
WORDS = st.one_of(
    st.from_regex(r"[A-Za-z0-9_.:-]{1,12}", fullmatch=True),
    st.text(st.one_of(_LEGAL, st.sampled_from("\t\n\r<>&\"' ]]>")), min_size=1, max_size=12),
)
NUMBERS = st.one_of(
    st.integers(-(10**20), 10**20), st.floats(allow_nan=False, allow_infinity=False)
)
MOMENTS = st.datetimes(datetime(1970, 1, 1), datetime(2100, 1, 1), timezones=st.just(timezone.utc))
SPANS = st.integers(0, 10**8).map(lambda seconds: timedelta(seconds=seconds))
SIGNED = st.integers(-(10**6), 10**6).map(lambda seconds: timedelta(seconds=seconds))
URIS = st.sampled_from(
    [
        "http://market.example/dr",
        "urn:x:y",
        "a b".replace(" ", "%20"),
        "http://h:80/p?q=1#f",
        "",
        "x",
    ]
)
_PATTERNS = {
    "[0-9]{3}": st.from_regex("[0-9]{3}", fullmatch=True),
    "(?s).+": WORDS,
    r"(?s).*\S.*": WORDS.filter(str.strip),
}
_NUMBERED = st.integers(0, 10**12).map(lambda number: f"id-{number}")


@st.composite
def measurements(draw: Any) -> Measurement:
    """Any unit of the schema, complete."""
    name = draw(st.sampled_from(sorted(UNITS)))
    if name == GREEN_BUTTON:
        return Measurement(name=name, feed=FEED)
    if name == CUSTOM:
        return Measurement(
            name=name,
            description=draw(st.text(_LEGAL, max_size=5).map(str.strip)),
            unit=draw(st.text(_LEGAL, min_size=1, max_size=5).map(lambda text: "u" + text.strip())),
            scale=draw(st.sampled_from(enums.SI_SCALE_CODE.values)),
        )
    kind = UNITS[name]
    pulses = name == "pulseCount"
    return Measurement(
        name=name,
        unit=draw(st.sampled_from(kind.units)),
        scale="none" if pulses else draw(st.sampled_from(enums.SI_SCALE_CODE.values)),
        pulse_factor=draw(NUMBERS) if pulses else None,
        power_attributes=draw(records(PowerAttributes)) if kind.power else None,
    )


@st.composite
def one_target(draw: Any) -> Target:
    """A target of any kind."""
    field, declaration = draw(st.sampled_from(list(Target.declared.items())))
    return Target(
        **{
            field: draw(_value(declaration))
            if declaration.kind == "text"
            else draw(records(declaration.record))
        }
    )


def sorted_targets() -> Any:
    """Targets in the order that they have on the wire: by kind."""
    order = list(Target.fields)
    return st.lists(one_target(), max_size=3).map(
        lambda made: sorted(made, key=lambda target: order.index(next(iter(target))))
    )


def _value(declaration: Declaration) -> Any:
    """Values that a field may hold, absence aside."""
    if declaration.kind == "token":
        return st.sampled_from(
            [*sorted(declaration.values or ()), *(["x-own"] if declaration.extensible else [])]
        )
    if declaration.kind == "text":
        if declaration.pattern:
            return _PATTERNS.get(
                declaration.pattern, URIS.filter(bool) if declaration.optional else URIS
            )
        return WORDS
    return {
        "boolean": lambda: st.booleans(),
        "integer": lambda: st.integers(declaration.low, declaration.high),
        "number": lambda: NUMBERS,
        "decimal": lambda: st.integers(-(10**6), 10**6).map(lambda number: number / 8),
        "numbers": lambda: st.lists(st.floats(-180, 180), min_size=2, max_size=6),
        "date_time": lambda: MOMENTS,
        "duration": lambda: SIGNED if declaration.negative else SPANS,
        "attribute": lambda: st.just("2.0b") if declaration.path.startswith("ei") else _NUMBERED,
        "child": lambda: records(declaration.record),
        "measurement": measurements,
        "targets": sorted_targets,
        "children": lambda: st.lists(
            records(declaration.record),
            min_size=declaration.at_least,
            max_size=declaration.at_least + 2,
        ),
        "texts": lambda: st.lists(WORDS, min_size=declaration.at_least, max_size=3),
        "markup": lambda: st.just(FEED),
        "test_flag": lambda: st.booleans(),
    }[declaration.kind]()


def _field(declaration: Declaration) -> Any:
    may_be_absent = (
        declaration.optional or "?" in declaration.path
    ) and declaration.default is None
    if (
        may_be_absent
        and not declaration.repeated
        and declaration.kind not in ("test_flag", "attribute")
    ):
        return st.none() | _value(declaration)
    return _value(declaration)


@st.composite
def records(draw: Any, cls: Any) -> Any:
    """A valid record of a class."""
    values: dict[str, Any] = {
        name: draw(_field(declaration))
        for name, declaration in cls.declared.items()
        if declaration.stored and declaration.kind not in ("unwired", "sequence")
    }
    if cls is Interval:
        values.update(dtstart=draw(MOMENTS), duration=draw(SPANS), uid=draw(WORDS))
    if cls is EventDescriptor and values["test_event"]:
        values["test_event_text"] = draw(st.sampled_from(["true", "drill"]))
    if cls is ReportPayload:
        status = draw(st.booleans())
        values["resource_status" if status else "value"] = draw(
            _value(cls.declared["resource_status" if status else "value"])
        )
        values["value" if status else "resource_status"] = None
    if cls is ReportInterval:
        values["dtstart"] = draw(MOMENTS)
        if not values["report_payloads"]:
            values["feed"] = FEED
    if cls is CreateOpt and (values["event_id"] is None or values["modification_number"] is None):
        values.update(event_id=None, modification_number=None)
    return cls(**values)
