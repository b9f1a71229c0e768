"""From a payload element to a record: :func:`read`, and the careful reader that understands or
names every deviation.

Messages that keep to the schema are read by what :mod:`.swift` compiles from the same declarations;
at the first oddity that hands the element to the careful reader here. Pure functions, run by the
exchange threads.
"""

from __future__ import annotations

from typing import Any, Callable, NamedTuple

from ...errors import PayloadError
from ...schema.common import Payload
from ...schema.construct import builder
from ...schema.record import Items, Record
from ...schema.slots import MISSING, Slot
from ..schema.payloads import PAYLOADS
from . import irregular, scalars
from .compiled.reader import swift_reader
from .complete import COMPLETIONS
from .findings import Findings
from .namespaces import OADR, OADR_2_0A, XSI, local_name, namespace_of, tag
from .plan import Node, plan_of

_NIL = f"{{{XSI}}}nil"
_BY_TAG: dict[str, type[Payload]] = {tag("oadr:" + name): cls for name, cls in PAYLOADS.items()}
_builders: dict[type[Record], Callable[..., Any]] = {}


class Reading(NamedTuple):
    """A payload's record, and one sentence for each thing about the message that deviated or had to
    be interpreted.
    """

    record: Payload
    deviations: tuple[str, ...]


def read(element: Any, strict: bool = False) -> Reading:
    """The record of a payload element. ``strict``: :class:`PayloadError` for the first deviation
    from the schema.

    Otherwise PayloadError is only raised for what cannot be understood; an event that cannot be is
    put into ``faulty`` of its list, and spoils no other (rule E11).
    """
    cls = _BY_TAG.get(element.tag)
    if cls is None:
        raise PayloadError(_unknown(element.tag), path=local_name(element.tag))
    findings = Findings(strict)
    return Reading(read_swiftly(cls, element, findings), tuple(findings.notes))


def _unknown(name: Any) -> str:
    if namespace_of(name) == OADR_2_0A:
        return (
            f"{local_name(name)} is a payload of OpenADR 2.0a, which is not spoken here. "
            "Use the VTN's 2.0b endpoint."
        )
    where = (
        ""
        if namespace_of(name) == OADR
        else f" (namespace {namespace_of(name)!r}, expected {OADR!r})"
    )
    return f"{local_name(name)!r}{where} is no payload of OpenADR 2.0b."


def read_swiftly(cls: type[Record], element: Any, findings: Findings) -> Any:
    """A record by the compiled reader of its class."""
    return swift_reader(cls)(element, findings)


def read_carefully(cls: type[Record], element: Any, findings: Findings) -> Any:
    """A record, with everything noted that deviates."""
    plan = plan_of(cls)
    values: dict[str, Any] = {}
    for field, name, match in plan.attributes:
        values[field] = _attribute(element, name, match, findings)
    _read_children(plan.root, element, values, findings)
    record = _build(cls, values)
    complete = COMPLETIONS.get(cls)
    if complete is not None:
        complete(record, element, findings)
    flaw = record.flaw()
    if flaw:
        findings.note(element, f"deviates: {flaw}")
    return record


def _attribute(element: Any, name: str, match: Callable[[str], Any], findings: Findings) -> Any:
    value = element.get(name)
    if value is None:
        value = element.get(local_name(name))
        if value is not None:
            findings.note(element, f"has the attribute {local_name(name)} without its namespace")
    if value is not None and not match(value):
        findings.note(element, f"has an odd {local_name(name)}", value)
    return value


def _build(cls: type[Record], values: dict[str, Any]) -> Any:
    if cls not in _builders:
        _builders[cls] = builder(cls)
    return _builders[cls](
        *(_held(slot, values.get(name, MISSING)) for name, slot in cls.slots.items())
    )


def _held(slot: Slot, value: Any) -> Any:
    if slot.repeated:
        return Items(value or ())
    if value is not MISSING:
        return value
    return slot.default if slot.kind in ("test_flag", "unwired") else None


def _read_children(node: Node, element: Any, values: dict[str, Any], findings: Findings) -> None:
    """Hand each child to the node that knows it; then see which nodes got none."""
    counts = [0] * len(node.nodes)
    last = 0
    for child in element.iterchildren("*"):
        position = node.index.get(child.tag)
        if position is None:
            findings.note(child, "is not known here and was left out")
            continue
        if position < last:
            findings.note(child, "stands in the wrong place")
        last = max(last, position)
        counts[position] += 1
        if counts[position] > 1 and not node.nodes[position].repeated:
            findings.fail(child, "stands there twice, so that nobody knows which counts")
        _read_node(node.nodes[position], child, values, findings)
    for inner, count in zip(node.nodes, counts):
        if not count:
            _missing(inner, element, inner.name.partition(":")[2], values, findings)


def _missing(
    node: Node, element: Any, path: str, values: dict[str, Any], findings: Findings
) -> None:
    """An element that is not there: nothing, a deviation, or an error where no sense can be made
    without it.
    """
    slot = node.slot
    if node.optional or (slot is not None and node.repeated and not slot.at_least):
        return
    if slot is None:
        for inner in node.nodes:
            _missing(inner, element, f"{path}/{inner.name.partition(':')[2]}", values, findings)
        if not any(_demanding(leaf) for leaf in node.leaves()):
            findings.note(element, "is missing", inside=path)
    elif slot.otherwise is MISSING and not slot.repeated and slot.kind != "constant":
        findings.fail(element, "is missing", inside=path)
    else:
        findings.note(element, "is missing", inside=path)
        if not slot.repeated:
            values[node.field] = slot.otherwise


def _demanding(leaf: Node) -> bool:
    slot = leaf.slot
    return slot is not None and not leaf.optional and not (leaf.repeated and not slot.at_least)


def _read_node(node: Node, element: Any, values: dict[str, Any], findings: Findings) -> None:
    slot = node.slot
    if slot is None:
        _read_children(node, element, values, findings)
    elif slot.kind in _SCALARS or slot.kind == "text":
        values[node.field] = _scalar(node, slot, element, findings)
        if slot.kind == "test_flag":
            values[slot.companion] = values[node.field]
            values[node.field] = values[slot.companion] not in (None, "false")
    else:
        _NESTED[slot.kind](node, slot, element, values, findings)


# --- texts with a type ----------------------------------------------------------------------------


def _scalar(node: Node, slot: Slot, element: Any, findings: Findings) -> Any:
    text = element.text or ""
    if len(element):
        findings.note(element, "holds elements, where only text belongs")
    if not (text if slot.kind == "text" else text.strip()):
        return _empty(node, slot, element, findings)
    if slot.kind == "text":
        return _plain_text(node, slot, element, text, findings)
    try:
        read: scalars.Lenient = _SCALARS[slot.kind](slot, text)
    except ValueError as cause:
        findings.fail(element, str(cause), text)
    if read.deviation:
        findings.note(element, read.deviation, text)
    if read.remark:
        findings.remark(element, read.remark, text)
    return read.value


def _empty(node: Node, slot: Slot, element: Any, findings: Findings) -> Any:
    """An empty element is an absent one, where absence is possible; an ID may be empty (section
    1.3).
    """
    absent_allowed = slot.default is None or slot.optional
    if slot.kind == "text" and not absent_allowed:
        return _plain_text(node, slot, element, "", findings)
    if absent_allowed or slot.otherwise is not MISSING:
        if slot.kind not in ("text", "test_flag") and element.get(_NIL) not in ("true", "1"):
            findings.note(element, "is empty")
        return None if absent_allowed else slot.otherwise
    findings.fail(element, "is empty")


def _plain_text(node: Node, slot: Slot, element: Any, text: str, findings: Findings) -> str:
    if node.match is not None and not node.match(text):
        if slot.refused:
            findings.fail(
                element, "is empty" if not text else "has a form that makes no sense", text
            )
        findings.note(element, "does not have the form that the schema wants", text)
    return text


def _token(slot: Slot, text: str) -> scalars.Lenient:
    word = " ".join(text.split())
    if (
        slot.values is None
        or word in slot.values
        or (slot.extensible and word[:2] == "x-" and len(word) > 2)
    ):
        return scalars.Lenient(word)
    if slot.refused:
        raise ValueError(f"is none of {', '.join(sorted(slot.values))}")
    return scalars.Lenient(word, "is not in the schema's vocabulary")


def _integer(slot: Slot, text: str) -> scalars.Lenient:
    value = scalars.parse_integer(text)
    if not slot.low <= value <= slot.high:
        raise ValueError(f"is not between {slot.low} and {slot.high}")
    return scalars.Lenient(value)


def _numbers(slot: Slot, text: str) -> scalars.Lenient:
    return scalars.Lenient([scalars.parse_number(part) for part in text.split()])


_SCALARS: dict[str, Callable[[Slot, str], scalars.Lenient]] = {
    "token": _token,
    "boolean": lambda slot, text: scalars.lenient_boolean(text),
    "integer": _integer,
    "number": lambda slot, text: scalars.Lenient(scalars.parse_number(text)),
    "numbers": _numbers,
    "decimal": lambda slot, text: scalars.Lenient(scalars.parse_number(text)),
    "date_time": lambda slot, text: scalars.lenient_date_time(text),
    "duration": lambda slot, text: scalars.lenient_duration(text, slot.negative),
    "test_flag": lambda slot, text: scalars.Lenient(text),
}


# --- elements inside elements ---------------------------------------------------------------------


def _read_record(cls: type[Record], element: Any, findings: Findings) -> Any:
    return read_swiftly(cls, element, findings)


def _child(
    node: Node, slot: Slot, element: Any, values: dict[str, Any], findings: Findings
) -> None:
    values[node.field] = _read_record(slot.record, element, findings)


def _children(
    node: Node, slot: Slot, element: Any, values: dict[str, Any], findings: Findings
) -> None:
    held: list[Any] = values.setdefault(node.field, [])
    if not slot.companion:
        held.append(_read_record(slot.record, element, findings))
        return
    event = irregular.read_event(
        element, findings, _read_record, values.setdefault(slot.companion, [])
    )
    if event is not None:
        held.append(event)


def _texts(
    node: Node, slot: Slot, element: Any, values: dict[str, Any], findings: Findings
) -> None:
    values.setdefault(node.field, []).append(element.text or "")


def _targets(
    node: Node, slot: Slot, element: Any, values: dict[str, Any], findings: Findings
) -> None:
    values[node.field] = irregular.read_targets(element, findings, _read_record)


def _measurement(
    node: Node, slot: Slot, element: Any, values: dict[str, Any], findings: Findings
) -> None:
    values[node.field] = irregular.read_unit(element, findings, _read_record)


def _markup(
    node: Node, slot: Slot, element: Any, values: dict[str, Any], findings: Findings
) -> None:
    values[node.field] = irregular.read_markup(element)


def _constant(
    node: Node, slot: Slot, element: Any, values: dict[str, Any], findings: Findings
) -> None:
    """Whatever stands in it says nothing."""


_NESTED: dict[str, Callable[[Node, Slot, Any, dict[str, Any], Findings], None]] = {
    "child": _child,
    "children": _children,
    "texts": _texts,
    "targets": _targets,
    "measurement": _measurement,
    "markup": _markup,
    "constant": _constant,
}
