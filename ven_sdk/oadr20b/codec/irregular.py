"""Reading the elements that are not a fixed list of children: units, targets, foreign markup,
events apart from each other.

Each stands for one kind of slot; the two readers (:mod:`.reader` and what :mod:`.swift` compiles)
share them.
"""

from __future__ import annotations

from typing import Any, Callable, Optional

from lxml import etree

from ...enums import CURRENCIES
from ...errors import PayloadError
from ...schema.common import Target
from ...schema.construct import builder
from ...schema.events import Event, FaultyEvent
from ...schema.record import Items
from ...schema.units import CURRENCY_DESCRIPTIONS, GREEN_BUTTON, UNITS, Measurement, PowerAttributes
from .findings import Findings
from .namespaces import tag
from .plan import UNIT_TAGS, plan_of

ReadRecord = Callable[[Any, Any, Findings], Any]
"""``read(cls, element, findings)`` of whichever reader is at work."""


# --- units ----------------------------------------------------------------------------------------
#


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
_ORDER = ("description", "unit", "scale", "pulse_factor", "power_attributes", "feed")
_SCALES = Measurement.declared["scale"].values or frozenset()


def read_unit(element: Any, findings: Findings, read: ReadRecord) -> Measurement:
    """The measurement that a unit element describes. An empty description or unit stands for the
    fixed one.
    """
    name = UNIT_TAGS[element.tag]
    parts = _collect(element, _PARTS[UNITS[name].prefix], findings)
    if name == GREEN_BUTTON:
        if "feed" not in parts:
            findings.note(element, "is missing", inside="feed")
        return Measurement(name=name, feed=read_markup(parts["feed"]) if "feed" in parts else None)
    name, description = _description(element, name, _text(parts, "description"), findings)
    made = Measurement(
        name=name,
        description=description,
        unit=_text(parts, "unit") or None,
        scale=_scale(element, name, parts, findings),
        pulse_factor=_pulse_factor(parts, findings),
        power_attributes=read(PowerAttributes, parts["power_attributes"], findings)
        if "power_attributes" in parts
        else None,
    )
    flaw = made.flaw()
    if flaw:
        findings.note(element, f"deviates: {flaw}")
    return made


def _collect(element: Any, known: dict[str, str], findings: Findings) -> dict[str, Any]:
    parts: dict[str, Any] = {}
    last = 0
    for child in element.iterchildren("*"):
        part = known.get(child.tag)
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


def _text(parts: dict[str, Any], part: str) -> str:
    return (parts[part].text or "").strip() if part in parts else ""


def _description(
    element: Any, name: str, text: str, findings: Findings
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


def _scale(element: Any, name: str, parts: dict[str, Any], findings: Findings) -> str:
    code = _text(parts, "scale")
    if not code and name != "pulseCount":
        findings.note(element, "is missing, 'none' was taken for it", inside="siScaleCode")
    elif code and code not in _SCALES:
        findings.note(parts["scale"], "is no scale code of the schema", code)
    return code or "none"


def _pulse_factor(parts: dict[str, Any], findings: Findings) -> Any:
    from .scalars import parse_number

    text = _text(parts, "pulse_factor")
    try:
        return parse_number(text) if text else None
    except ValueError as cause:
        findings.fail(parts["pulse_factor"], str(cause), text)


# --- targets --------------------------------------------------------------------------------------
#

_target_plan = plan_of(Target).root
_target_kinds = {
    tag_: (position, _target_plan.nodes[position].slot)
    for tag_, position in _target_plan.index.items()
}
_build_target = builder(Target)
_NO_TARGET: tuple[None, ...] = (None,) * len(_target_plan.nodes)


def read_targets(element: Any, findings: Findings, read: ReadRecord) -> Items:
    """The targets in an element of ``ei:EiTargetType``, a record of one field for each."""
    made: list[Any] = []
    last = 0
    for child in element.iterchildren("*"):
        position, slot = _target_kinds.get(child.tag, (0, None))
        if slot is None:
            findings.note(child, "is no kind of target and was left out")
            continue
        if position < last:
            findings.note(child, "stands in the wrong place")
        last = position
        value = child.text if slot.kind == "text" else read(slot.record, child, findings)
        if value is None:
            findings.note(child, "is empty and was left out")
            continue
        made.append(_build_target(*_NO_TARGET[:position], value, *_NO_TARGET[position + 1 :]))
    return Items(made)


# --- foreign markup -------------------------------------------------------------------------------
#


def read_markup(element: Any) -> str:
    """A foreign element as text, in exclusive canonical form, which brings along the namespaces
    that it uses.
    """
    text: bytes = etree.tostring(element, method="c14n", exclusive=True, with_comments=False)
    return text.decode("utf-8")


# --- events apart from each other -----------------------------------------------------------------

_EVENT_ID = f"{tag('ei:eiEvent')}/{tag('ei:eventDescriptor')}/{tag('ei:eventID')}"
_MODIFICATION = f"{tag('ei:eiEvent')}/{tag('ei:eventDescriptor')}/{tag('ei:modificationNumber')}"
_REQUIRED = tag("oadr:oadrResponseRequired")


def read_event(
    element: Any, findings: Findings, read: ReadRecord, faulty: list[FaultyEvent]
) -> Optional[Event]:
    """The event, or None when it cannot be read, which then stands in ``faulty`` (rule E11)."""
    try:
        event: Event = read(Event, element, findings)
        return event
    except PayloadError as error:
        if findings.strict:
            raise
        faulty.append(
            FaultyEvent(
                event_id=_only_text(element, _EVENT_ID),
                error=error,
                modification_number=_only_number(element),
                response_required=_only_text(element, _REQUIRED),
            )
        )
        return None


def _only_text(element: Any, path: str) -> Optional[str]:
    found = element.findall(path)
    return (found[0].text or "").strip() or None if len(found) == 1 else None


def _only_number(element: Any) -> Optional[int]:
    text = _only_text(element, _MODIFICATION) or ""
    return int(text) if text.isascii() and text.isdigit() and len(text) <= 10 else None
