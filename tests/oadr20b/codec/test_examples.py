"""The forty example messages: each is read and written again, equal element by element, and read
once more the same.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from ven_sdk.oadr20b.codec import envelope, lexical, parsing, reader
from ven_sdk.oadr20b.codec.namespaces import local_name
from ven_sdk.schema.common import Payload

EXAMPLES = sorted((Path(__file__).parents[2] / "data" / "wire-examples").glob("*.xml"))
_DURATIONS = ("duration", "startafter", "oadrMinPeriod", "oadrMaxPeriod")
_NUMBERS = (
    "value",
    "accuracy",
    "pulseFactor",
    "hertz",
    "voltage",
    "oadrMin",
    "oadrMax",
    "oadrCurrent",
    "oadrNormal",
)
_MOMENTS = ("date-time", "createdDateTime", "modificationDateTime")


def _payload(path: Path) -> Any:
    return envelope.payload_of(parsing.parse(path.read_bytes()), strict=True)


def _typed(element: Any) -> Any:
    """The text of an element by its type, so that PT24H is P1D and 412.0 is 412; white space
    between elements is nothing.
    """
    name, text = local_name(element.tag), element.text or ""
    if len(element):
        return text.strip()
    if name in _DURATIONS:
        return lexical.duration(text, negative=True)
    if name in _MOMENTS:
        return lexical.date_time(text)
    if name in _NUMBERS:
        return float(text)
    return [float(part) for part in text.split()] if name == "posList" else text


def _flat(element: Any) -> list[tuple[str, dict[str, str], Any]]:
    """Names, attributes and texts, in document order; the depth shows in the path."""
    return [
        (element.getroottree().getelementpath(part), dict(part.attrib), _typed(part))
        for part in element.iter()
    ]


def test_there_are_forty_examples() -> None:
    assert len(EXAMPLES) == 40


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_an_example_is_written_validly(path: Path, xsd: Any) -> None:
    xsd.assertValid(envelope.wrap(reader.read(_payload(path)).record))


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_an_example_is_written_as_it_was_read(path: Path) -> None:
    element = _payload(path)
    record = reader.read(element).record
    written = envelope.payload_of(envelope.wrap(record), strict=True)
    assert [part[1:] for part in _flat(written)] == [part[1:] for part in _flat(element)]
    assert [part.tag for part in written.iter()] == [part.tag for part in element.iter()]
    assert [len(part) for part in written.iter()] == [len(part) for part in element.iter()]
    assert reader.read(written).record == record


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_an_example_keeps_to_the_schema_in_strict_reading_too(path: Path) -> None:
    element = _payload(path)
    strict = reader.read(element, strict=True)
    assert all("testEvent is not 'false'" in remark for remark in strict.deviations)
    assert strict.record == reader.read(element).record


def _read(name: str) -> Payload:
    return reader.read(
        _payload(next(path for path in EXAMPLES if path.name.startswith(name)))
    ).record


def test_the_signed_poll_is_read_from_its_body() -> None:
    assert _read("40")["ven_id"] == "ven-7"


def test_interval_starts_are_filled_in_from_durations() -> None:
    first, second, third, _ = _read("13").events[0].event_signals[0].intervals
    assert second.dtstart - first.dtstart == first.duration
    assert third.dtstart - second.dtstart == second.duration
    assert first.uid == "0"


def test_a_drill_is_a_test_event() -> None:
    assert _read("17").events[0].test_event is True
    assert _read("13").events[0].test_event is False
