"""Reading the elements that are not a fixed list of children: units, targets, foreign markup,
events apart from each other.

Each stands for one kind of declaration; the two readers share them. Names from another of OpenADR's
namespaces are known by their local part here too.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Callable, Optional, Protocol, TypeVar

from lxml import etree

from ...enums import CURRENCIES
from ...errors import PayloadError
from ...schema.common import Target
from ...schema.construct import builder
from ...schema.declaration import Declaration
from ...schema.events import Event, EventDescriptor
from ...schema.items import Items
from ...schema.record import R, Record
from ...schema.units import CURRENCY_DESCRIPTIONS, GREEN_BUTTON, UNITS, Measurement, PowerAttributes
from ..schema.events import FaultyEvent
from ..schema.reports import FaultyReport, FaultyRequest, Report, ReportRequest
from . import contents, lexical
from .findings import Element, Findings
from .namespaces import KNOWN, local_name, namespace_of, tag
from .plan import plan_of, record_of
from .scalars import Number, parse_number

T = TypeVar("T")


class ReadRecord(Protocol):
    """``read(cls, element, findings)`` of whichever reader is at work."""

    def __call__(self, cls: type[R], element: Element, findings: Findings, /) -> R:
        """The record of ``cls`` that an element describes."""


# --- units ----------------------------------------------------------------------------------------


def _unit_parts(prefix: str) -> dict[str, str]:
    return {
        tag(f"{prefix}:itemDescription"): "description",
        tag(f"{prefix}:itemUnits"): "unit",
        tag("scale:siScaleCode"): "scale",
        tag("oadr:pulseFactor"): "pulse_factor",
        tag("power:powerAttributes"): "power_attributes",
        tag("atom:feed"): "feed",
    }


_PARTS = {prefix: _unit_parts(prefix) for prefix in ("oadr", "power")}
_PART_NAMES = {local_name(name): part for name, part in _PARTS["power"].items()}
_ORDER = ("description", "unit", "scale", "pulse_factor", "power_attributes", "feed")
_SCALES = Measurement.declared["scale"].values or frozenset()


def read_unit(element: Element, findings: Findings, read: ReadRecord) -> Measurement:
    """The measurement that a unit element describes. An empty description or unit stands for the
    fixed one.
    """
    name = local_name(element.tag)
    if not len(element):
        return _read_bare_unit(element, name, findings)
    parts = _collect(element, _PARTS[UNITS[name].prefix], findings)
    if name == GREEN_BUTTON:
        if "feed" not in parts:
            findings.note(element, "is missing", inside="feed")
        return Measurement(name=name, feed=read_markup(parts["feed"]) if "feed" in parts else None)
    name, description = _description(element, name, _text(parts, "description", findings), findings)
    made = Measurement(
        name=name,
        description=description,
        unit=_text(parts, "unit", findings) or None,
        scale=_scale(element, name, parts, findings),
        pulse_factor=_pulse_factor(parts, findings),
        power_attributes=_power_attributes(parts, findings, read),
    )
    flaw = made.flaw()
    if flaw:
        findings.note(element, f"deviates: {flaw}")
    return made


def _read_bare_unit(element: Element, name: str, findings: Findings) -> Measurement:
    """What the name of the element says alone."""
    if contents.is_empty(element):
        findings.note(element, "is empty, so that only its name says something")
    contents.note_text_alone(element, findings)
    return Measurement(name=name, description=UNITS[name].description)


def _collect(element: Element, known: dict[str, str], findings: Findings) -> dict[str, Element]:
    parts: dict[str, Element] = {}
    last = 0
    for child in element.iterchildren("*"):
        part = known.get(child.tag) or _known_name(child, _PART_NAMES, findings)
        if part is None:
            findings.note(child, "is not known here and was left out")
        elif part in parts:
            findings.fail(child, "stands there twice")
        else:
            parts[part] = child
            if _ORDER.index(part) < last:
                findings.note(child, "stands in the wrong place")
            last = _ORDER.index(part)
    return parts


def _known_name(child: Element, names: Mapping[str, T], findings: Findings) -> Optional[T]:
    """What a name from another of OpenADR's namespaces stands for, or None."""
    found = names.get(local_name(child.tag)) if namespace_of(child.tag) in KNOWN else None
    if found is not None:
        findings.note(
            child,
            "is taken for one of this name although its namespace is",
            namespace_of(child.tag),
        )
    return found


def _text(parts: dict[str, Element], part: str, findings: Findings) -> str:
    text = (parts[part].text or "") if part in parts else ""
    if text != text.strip():
        findings.remark(parts[part], lexical.SPACE, text)
    return text.strip()


def _description(
    element: Element, name: str, text: str, findings: Findings
) -> tuple[str, Optional[str]]:
    """Currencies are told apart by their description, not by the element; elsewhere the element
    decides.
    """
    kind = UNITS[name]
    if kind.description is None:
        return name, text
    if kind.units is CURRENCIES and text in CURRENCY_DESCRIPTIONS:
        if text in (kind.description, "currency"):
            return name, text
        findings.remark(element, f"was read as {text}, which its description says")
        return text, text
    if text not in ("", kind.description):
        findings.note(
            element, f"has a wrong itemDescription, {kind.description!r} was taken for it", text
        )
    return name, kind.description


def _scale(element: Element, name: str, parts: dict[str, Element], findings: Findings) -> str:
    code = _text(parts, "scale", findings)
    if not code and name != "pulseCount":
        findings.note(element, "is missing, 'none' was taken for it", inside="siScaleCode")
    elif code.lower() == "none" != code:
        findings.note(parts["scale"], "is taken for 'none'", code)
        return "none"
    elif code and code not in _SCALES:
        findings.note(parts["scale"], "is no scale code of the schema", code)
    return code or "none"


def _pulse_factor(parts: dict[str, Element], findings: Findings) -> Optional[Number]:
    text = _text(parts, "pulse_factor", findings)
    try:
        return parse_number(text) if text else None
    except ValueError as cause:
        findings.note(parts["pulse_factor"], f"{cause} and was left out", text)
        return None


def _power_attributes(
    parts: dict[str, Element], findings: Findings, read: ReadRecord
) -> Optional[PowerAttributes]:
    element = parts.get("power_attributes")
    if element is None:
        return None
    count = len(findings.notes)
    try:
        return read(PowerAttributes, element, findings)
    except PayloadError as error:
        if findings.strict:
            raise
        findings.forget(count)
        findings.note(element, contents.left_out(error))
        return None


# --- targets --------------------------------------------------------------------------------------

_target_plan = plan_of(Target).root
_Kind = tuple[int, Optional[Declaration]]
_target_kinds: dict[str, _Kind] = {
    tag_: (position, _target_plan.nodes[position].declaration)
    for tag_, position in _target_plan.index.items()
}
_target_names = {local_name(name): kind for name, kind in _target_kinds.items()}
_NO_KIND: _Kind = (0, None)
_build_target = builder(Target)
_NO_TARGET: tuple[None, ...] = (None,) * len(_target_plan.nodes)


def read_targets(element: Element, findings: Findings, read: ReadRecord) -> Items[Target]:
    """The targets in an element of ``ei:EiTargetType``, a record of one field for each."""
    made: list[Target] = []
    last = 0
    contents.note_text_alone(element, findings)
    for child in element.iterchildren("*"):
        position, declaration = (
            _target_kinds.get(child.tag) or _known_name(child, _target_names, findings) or _NO_KIND
        )
        if declaration is None:
            findings.note(child, "is no kind of target and was left out")
            continue
        if position < last:
            findings.note(child, "stands in the wrong place")
        last = position
        value: object = None
        if declaration.kind == "text":
            value = _target_text(child)
        elif not contents.is_empty(child):
            value = read(record_of(declaration), child, findings)
        if value is None:
            findings.note(child, "is empty and was left out")
            continue
        made.append(_build_target(*_NO_TARGET[:position], value, *_NO_TARGET[position + 1 :]))
    return Items(made)


def _target_text(element: Element) -> Optional[str]:
    inner = contents.innermost(element)
    text: Optional[str] = (element if inner is None else inner).text
    return text


# --- foreign markup -------------------------------------------------------------------------------


def read_markup(element: Element) -> str:
    """A foreign element as text, in exclusive canonical form, which brings along the namespaces
    that it uses.
    """
    return canonical_form(element).decode("utf-8")


def canonical_form(element: Element) -> bytes:
    """An element in exclusive canonical form, without comments; as it stands where its namespaces
    have none (relative addresses).
    """
    text: bytes
    try:
        text = etree.tostring(
            element, method="c14n", exclusive=True, with_comments=False, with_tail=False
        )
    except etree.C14NError:
        text = etree.tostring(element, encoding="utf-8", with_tail=False)
    return text


# --- events and report requests apart from each other ---------------------------------------------


def read_apart(
    declaration: Declaration,
    element: Element,
    findings: Findings,
    read: ReadRecord,
    faulty: list[object],
) -> Optional[Record]:
    """One of many records, or None when it cannot be read: then ``faulty`` tells of it (rule E11),
    or, where nobody needs it, a note.
    """
    count = len(findings.notes)
    try:
        return read(record_of(declaration), element, findings)
    except PayloadError as error:
        if findings.strict or (declaration.vital and not declaration.companion):
            raise
        findings.forget(count)
        if declaration.companion:
            faulty.append(_SALVAGES[record_of(declaration)](element, error))
        else:
            findings.note(element, contents.left_out(error))
        return None


def _faulty_event(element: Element, error: PayloadError) -> FaultyEvent:
    """What can be read of an event that cannot be read as a whole, each part by itself."""
    of = EventDescriptor.declared
    path = "ei:eventDescriptor"
    whole = _only(element, "ei:eiEvent")
    descriptor = _only(element if whole is None else whole, path)
    context = _only(descriptor, "ei:eiMarketContext")
    inner = _only(descriptor if context is None else context, "emix:marketContext")
    test = _only(descriptor, "ei:testEvent")
    return FaultyEvent(
        event_id=_value(of["event_id"], _only(descriptor, "ei:eventID"), str),
        modification_number=_value(
            of["modification_number"], _only(descriptor, "ei:modificationNumber"), int
        ),
        event_status=_value(of["event_status"], _only(descriptor, "ei:eventStatus"), str),
        market_context=_value(of["market_context"], context if inner is None else inner, str),
        test_event=None if test is None else bool(test.text) and test.text != "false",
        response_required=_value(
            Event.declared["response_required"], _only(element, "oadr:oadrResponseRequired"), str
        ),
        error=error,
    )


def _faulty_request(element: Element, error: PayloadError) -> FaultyRequest:
    """The same of a report request."""
    request, specifier = (
        _only(element, "ei:reportRequestID"),
        _only(_only(element, "ei:reportSpecifier"), "ei:reportSpecifierID"),
    )
    declaration = ReportRequest.declared["report_request_id"]
    return FaultyRequest(
        report_request_id=_value(declaration, request, str),
        report_specifier_id=_value(declaration, specifier, str),
        error=error,
    )


def _faulty_report(element: Element, error: PayloadError) -> FaultyReport:
    """The same of a report."""
    declaration = ReportRequest.declared["report_request_id"]
    return FaultyReport(
        report_request_id=_value(declaration, _only(element, "ei:reportRequestID"), str),
        report_specifier_id=_value(declaration, _only(element, "ei:reportSpecifierID"), str),
        error=error,
    )


def _only(parent: Optional[Element], name: str) -> Optional[Element]:
    """The child of this name: of the right namespace, or else of any of OpenADR's. None where there
    is none, or several that differ.
    """
    if parent is None:
        return None
    right = tag(name)
    found = list(parent.iterchildren(right)) or [
        child
        for child in parent.iterchildren("*")
        if local_name(child.tag) == local_name(right) and namespace_of(child.tag) in KNOWN
    ]
    return found[0] if found and len({canonical_form(one) for one in found}) == 1 else None


def _value(declaration: Declaration, element: Optional[Element], kind: type[T]) -> Optional[T]:
    """A value by itself, or None where there is none that makes sense."""
    if element is None:
        return None
    inner = contents.innermost(element)
    text = ((element if inner is None else inner).text or "").strip()
    try:
        value = lexical.KINDS[declaration.kind](declaration, None, text).value if text else None
    except ValueError:
        return None
    return value if isinstance(value, kind) else None


_SALVAGES: dict[type[Record], Callable[[Element, PayloadError], Record]] = {
    Event: _faulty_event,
    ReportRequest: _faulty_request,
    Report: _faulty_report,
}
