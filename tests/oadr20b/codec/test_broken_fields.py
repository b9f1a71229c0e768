"""Every element of the forty example messages, broken in every way that was seen or thought of, as
text and not by our writer: the smallest unit is refused, one note says what, both readers agree.

Some hundred breaks a run, always the same; ``BROKEN_SLOTS=2000`` makes as many of each message.
"""

from __future__ import annotations

import copy
import os
from functools import cache
from pathlib import Path
from typing import Any, Callable, NamedTuple, Optional

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from lxml import etree

from ven_sdk.errors import PayloadError
from ven_sdk.oadr20b.codec import envelope, parsing, reader
from ven_sdk.oadr20b.codec.namespaces import KNOWN, OADR, XCAL, XSI, local_name, namespace_of
from ven_sdk.oadr20b.codec.plan import Node, plan_of
from ven_sdk.oadr20b.schema.payloads import PAYLOADS

BREAKS = settings(
    max_examples=int(os.environ.get("BROKEN_SLOTS", "6")),
    derandomize="BROKEN_SLOTS" not in os.environ,
)
EXAMPLES = sorted((Path(__file__).parents[2] / "data" / "wire-examples").glob("*.xml"))

VALUES: dict[str, tuple[str, ...]] = {
    "boolean": ("1", "0", "TRUE", "Yes", " true\n", "maybe", "", "2"),
    "integer": (
        *("+3", " 3 ", "3\n", "3.0", "03", "-0", "-1", "high", "", "1e1", "4294967296"),
        *("9" * 23, "NaN", "\u0661", "0x10"),
    ),
    "number": (
        *("NaN", "INF", "-INF", "1e3", "1E3", "+1.5", " 2 ", "2,5", "", "two", ".5", "5."),
        *("--1", "0x10", "Infinity", "1_000", "1 000"),
    ),
    "decimal": ("NaN", "+1.5", " 2 ", "2,5", "", "two"),
    "date_time": (
        *("2026-07-02T15:00Z", "2026-07-02t15:00:00z", "2026-07-02T24:00:00Z"),
        *("2026-07-02T15:00:00.1234567Z", "2026-07-02T15:00:00,5Z", "2026-07-02T15:00:00+0200"),
        *("2026-07-02T15:00:00+02", "2026-07-02T15:00:00", "2026-07-02 15:00:00"),
        *(" 2026-07-02T15:00:00Z\n", "2026-07-02", "yesterday", "", "0000-00-00T00:00:00Z"),
        *("2026-02-30T00:00:00Z", "2026-07-02T15:00:60Z", "2026-07-02T15:00:00 Z"),
        *("+2026-07-02T15:00:00Z", "2026-07-02T15:00:00.Z", "2026-7-2T15:00:00Z", "1783004400"),
        *("2026-07-02T15:00:00-00:00", "2026-07-02T15:00:00+15:00", "0001-01-01T00:00:00Z"),
    ),
    "duration": (
        *("pt15m", "+PT15M", "-PT15M", "PT0S", "P0D", "PT1.5S", "PT1,5S", "P1W", "P1Y", "P1M"),
        *("PT", "P", "-P", "", "15", "15M", "PT15", "PT-15M", "-PT0S", " PT15M\n", "PT 15M"),
        *("P1DT", "P1WT1H", "PT1H30", "900", "long", "PTS", "PT90M", "PT0.0S", "P1D1H"),
    ),
    "token": ("{lower}", "{upper}", " {same}\n", "nonsense", "", "x-mine", "X-mine", "x-"),
    "text": ("", " ", " a b ", "a\nb", "\u00a0", "\u0661"),
    "test_flag": ("false", "true", "FALSE", "0", "no", "", " false ", "1"),
}


class Part(NamedTuple):
    """An element of a message, by its place among all of them, and what the plan knows of it."""

    index: int
    node: Node


@cache
def _text(name: str) -> bytes:
    path = next(each for each in EXAMPLES if each.name == name)
    return etree.tostring(envelope.payload_of(parsing.parse(path.read_bytes())))


@cache
def _parts(name: str) -> list[Part]:
    root = etree.fromstring(_text(name))
    order = {element: index for index, element in enumerate(root.iter())}
    plan = plan_of(PAYLOADS[local_name(root.tag)]).root
    return [Part(order[element], node) for node, element in _known(plan, root)]


def _known(node: Node, element: Any) -> Any:
    for child in element.iterchildren("*"):
        position = node.index.get(child.tag)
        if position is None:
            continue
        inner = node.nodes[position]
        yield inner, child
        if inner.declaration is None:
            yield from _known(inner, child)
        elif inner.declaration.kind in ("child", "children"):
            yield from _known(plan_of(inner.declaration.record).root, child)


# --- what may happen to an element ----------------------------------------------------------------


def _emptied(element: Any, text: Optional[str] = None) -> None:
    for child in list(element):
        element.remove(child)
    element.text = text


def _bare(element: Any) -> None:
    """The value itself stands where a wrapper belongs."""
    _emptied(element, "".join(element.itertext()).strip())


def _wrapped(name: str) -> Callable[[Any], None]:
    def wrap(element: Any) -> None:
        if not len(element):
            text = element.text
            _emptied(element)
            etree.SubElement(element, name or element.tag).text = text

    return wrap


def _renamed(namespace: str) -> Callable[[Any], None]:
    def rename(element: Any) -> None:
        local = local_name(element.tag)
        element.tag = f"{{{namespace}}}{local}" if namespace else local

    return rename


def _nil(element: Any) -> None:
    _emptied(element)
    element.set(f"{{{XSI}}}nil", "true")


def _twice_otherwise(element: Any) -> None:
    other = copy.deepcopy(element)
    for each in other.iter():
        each.text = f"{each.text or ''}7" if not len(each) else each.text
    element.addnext(other)


SHAPES: tuple[Callable[[Any], None], ...] = (
    lambda element: element.getparent().remove(element),
    lambda element: element.addnext(copy.deepcopy(element)),
    _twice_otherwise,
    _emptied,
    lambda element: _emptied(element, "%garbage%"),
    _bare,
    _nil,
    *(_wrapped(f"{{{XCAL}}}{name}") for name in ("date-time", "duration", "text")),
    *(_wrapped(name) for name in ("value", "")),
    *(_renamed(namespace) for namespace in sorted(KNOWN)),
    _renamed("urn:foreign"),
    lambda element: element.set("odd", "1"),
    lambda element: setattr(element, "tail", "stray"),
    lambda element: setattr(element, "text", f"{element.text or ''}stray"),
    lambda element: element.addprevious(etree.Element("{urn:vendor}extension")),
    lambda element: element.addprevious(etree.Comment("a comment")),
    lambda element: element.insert(0, etree.ProcessingInstruction("pi", "x")),
    lambda element: element.getparent().insert(0, element),
    lambda element: element.getparent().append(element),
)


def _value_of(kind: str, text: str) -> Any:
    spellings = {"lower": text.lower(), "upper": text.upper(), "same": text}
    values = VALUES.get(kind, ())
    return st.sampled_from([value.format(**spellings) for value in values] or [text])


# --- what has to hold whatever happens ------------------------------------------------------------


def _read(data: bytes, *, strict: bool = False, plain: bool = False) -> Any:
    """The reading, or the error."""
    try:
        return reader.read(parsing.parse(data), strict=strict, plain=plain)
    except PayloadError as error:
        return error


def _same(one: Any, other: Any) -> bool:
    if isinstance(one, PayloadError) or isinstance(other, PayloadError):
        return type(one) is type(other) and str(one) == str(other)
    return bool(one.deviations == other.deviations) and repr(one.record) == repr(other.record)


@cache
def _problems_before(name: str) -> list[str]:
    return _problems(_read(_text(name)))


def _problems(reading: Any) -> list[str]:
    """The notes, and the errors of what was refused alone."""
    faulty = getattr(reading.record, "faulty", ())
    return [*reading.deviations, *(str(each.error) for each in faulty)]


def _check(name: str, root: Any, broken: str) -> None:
    data = etree.tostring(root)
    found = _read(data)
    assert _same(found, _read(data, plain=True)), "the two readers differ"
    strict = _read(data, strict=True)
    assert _same(strict, _read(data, strict=True, plain=True)), "the two readers differ"
    if isinstance(found, PayloadError):
        assert not _stands_apart(root), "a whole message was refused for one of its units"
        assert broken in str(found)
        return
    problems = [each for each in _problems(found) if each not in _problems_before(name)]
    assert len(problems) <= 1 or _is_spread(problems) or all(broken in each for each in problems)
    if isinstance(strict, PayloadError):
        assert problems, "strict reading refuses what was not noted"
    else:
        assert strict.record == found.record
        assert strict.deviations == found.deviations
    for problem in problems:
        assert not ("left out" in problem and "understood" in problem)


def _stands_apart(root: Any) -> bool:
    """Whether all that the message can be broken in belongs to events, requests and reports."""
    return local_name(root.tag) in ("oadrDistributeEvent", "oadrCreateReport", "oadrRegisterReport")


def _is_spread(problems: list[str]) -> bool:
    """Several notes for what are several things: every element that an empty one lacks."""
    return all(each.endswith("is missing.") or "was passed over" in each for each in problems)


@pytest.mark.parametrize("name", [path.name for path in EXAMPLES])
@BREAKS
@given(data=st.data())
def test_a_broken_value_costs_its_unit_and_one_note(name: str, data: Any) -> None:
    part = data.draw(st.sampled_from(_parts(name)))
    root = etree.fromstring(_text(name))
    element = list(root.iter())[part.index]
    if part.node.declaration is None or len(element):
        return
    element.text = data.draw(_value_of(part.node.declaration.kind, element.text or ""))
    _check(name, root, local_name(element.tag))


@pytest.mark.parametrize("name", [path.name for path in EXAMPLES])
@BREAKS
@given(data=st.data())
def test_a_broken_shape_costs_its_unit_and_one_note(name: str, data: Any) -> None:
    part = data.draw(st.sampled_from(_parts(name)))
    root = etree.fromstring(_text(name))
    element = list(root.iter())[part.index]
    local = local_name(element.tag)
    data.draw(st.sampled_from(SHAPES))(element)
    _check(name, root, local)


@pytest.mark.parametrize("name", [path.name for path in EXAMPLES])
@BREAKS
@given(data=st.data())
def test_the_readers_agree_on_whatever_is_broken(name: str, data: Any) -> None:
    root = etree.fromstring(_text(name))
    for _ in range(data.draw(st.integers(2, 4))):
        elements = [each for each in root.iterdescendants("*") if each.getparent() is not None]
        if elements:
            data.draw(st.sampled_from(SHAPES))(data.draw(st.sampled_from(elements)))
    text = etree.tostring(root)
    for strict in (False, True):
        assert _same(_read(text, strict=strict), _read(text, strict=strict, plain=True))


def test_the_messages_are_of_the_names_that_the_breaks_know() -> None:
    roots = {namespace_of(etree.fromstring(_text(path.name)).tag) for path in EXAMPLES}
    assert roots == {OADR}
