"""From a record to its payload element: :func:`element`, by functions that are compiled from the plans at first use.

The E-factory costs more than twice what ``SubElement`` does, and messages of thousands of intervals feel it; so the
generated code uses the latter. Wherever it stumbles, :mod:`.factory` writes the record again, with the E-factory, and says
what is wrong with it; a property test holds the two equal. Pure functions.
"""
from __future__ import annotations

from functools import lru_cache
from typing import Any, Callable, Dict, List, Type

from lxml import etree

from ..errors import ConfigurationError
from ..schema.common import Payload, Target
from ..schema.record import Record
from ..schema.slots import Slot
from . import factory, formats, scalars
from .complete import DERIVABLE
from .namespaces import WRITTEN, tag
from .plan import Node, plan_of

Writer = Callable[[Any, Any], None]
_STUMBLES = (ValueError, TypeError, KeyError, AttributeError, ArithmeticError)
_GML_ID = tag("gml:id")
_GML_HOLDERS = (tag("gml:FeatureCollection"), tag("gml:Polygon"))
_RESERVED_ID = "oadrSignedObject"


def element(record: Payload) -> Any:
    """The payload element of a record, with all namespaces declared on it.

    What cannot be written validly is a :class:`ConfigurationError` that names the record, the field and what it should be.
    """
    holder = etree.Element("holder", nsmap=dict(WRITTEN))
    write_into(holder, record)
    return holder[0]


def write_into(parent: Any, record: Payload) -> None:
    """Append the payload element of a record to ``parent``. The parent is left alone when that cannot be done."""
    try:
        write = swift_writer(type(record))
        payload = etree.SubElement(parent, _payload_tag(type(record)))
        write(payload, record)
    except _STUMBLES:
        del parent[:]
        parent.append(factory.element(record))
    if type(record) in _WITH_PLACES:
        _drop_repeated_ids(parent)


@lru_cache(maxsize=None)
def _payload_tag(cls: Type[Payload]) -> str:
    if not cls.wire_name:
        raise ConfigurationError(f"{cls.__name__} is no payload, so it cannot be sent.")
    return tag("oadr:" + cls.wire_name)


def _drop_repeated_ids(parent: Any) -> None:
    """An xs:ID stands once in a message; records may name a place as often as they like."""
    seen = {_RESERVED_ID}
    for place in parent.iter(*_GML_HOLDERS):
        name = place.get(_GML_ID)
        if name in seen:
            del place.attrib[_GML_ID]
        elif name is not None:
            seen.add(name)


@lru_cache(maxsize=None)
def swift_writer(cls: Type[Record]) -> Writer:
    """``write(element, record)``, which puts what a record says into its element."""
    return _Compiler(cls).compiled()


# -- what generated code calls ------------------------------------------------------------------------------------------

_target_nodes = [(node.field, node.tag, node.slot) for node in plan_of(Target).root.nodes]


def _write_targets(parent: Any, targets: Any) -> None:
    for field, name, slot in _target_nodes:
        for target in targets:
            value = getattr(target, field)
            if value is None:
                continue
            if slot is not None and slot.kind == "text":
                etree.SubElement(parent, name).text = scalars.check_text(value)
            else:
                swift_writer(type(value))(etree.SubElement(parent, name), value)


def _append_unit(parent: Any, value: Any) -> None:
    parent.append(factory.unit_element(value, "measurement"))


def _append_feed(parent: Any, value: Any) -> None:
    parent.append(formats.feed_element(value))


class _Compiler:
    """Writes the source of one writer. ``scope`` holds the constants that it uses, by name."""

    def __init__(self, cls: Type[Record]) -> None:
        self.cls = cls
        self.lines: List[str] = []
        self.scope: Dict[str, Any] = {
            "S": etree.SubElement, "number": scalars.format_number, "decimal": scalars.format_decimal,
            "moment": scalars.format_date_time, "span": scalars.format_positive_duration, "expected": cls,
            "signed_span": scalars.format_duration, "booleans": formats.boolean_text, "numbers": formats.numbers_text,
            "targets": _write_targets, "unit": _append_unit, "feed": _append_feed, "flag": formats.test_flag_text}

    def constant(self, value: Any) -> str:
        """A name in the scope for a value."""
        name = f"k{len(self.scope)}"
        self.scope[name] = value
        return name

    def say(self, depth: int, *lines: str) -> None:
        """Add lines at a depth of indentation."""
        self.lines += ["    " * depth + line for line in lines]

    def compiled(self) -> Writer:
        """The finished function."""
        plan = plan_of(self.cls)
        self.say(0, "def write(e0, r):")
        self.say(1, "if type(r) is not expected: raise TypeError")
        if self.cls.flaw is not Record.flaw:
            self.say(1, "if r.flaw(): raise ValueError")
        for field, name, match in plan.attributes:
            self.say(1, f"v = r.{field}", "if v is not None:", f"    if not {self.constant(match)}(v): raise ValueError",
                     f"    e0.set({self.constant(name)}, v)")
        self.inside(plan.root, 1, 0)
        exec(compile("\n".join(self.lines), f"<write {self.cls.__name__}>", "exec"), self.scope)  # noqa: S102  # our own
        write: Writer = self.scope["write"]
        return write

    def inside(self, node: Node, depth: int, level: int) -> None:
        """Code that fills ``e{level}``."""
        for inner in node.nodes:
            if inner.slot is not None:
                self.leaf(inner, inner.slot, depth, level)
            elif len(inner.nodes) == 1 and inner.nodes[0].slot is not None:
                self.thin(inner, inner.nodes[0], depth, level)
            else:
                self.wrapper(inner, depth, level)

    def wrapper(self, node: Node, depth: int, level: int) -> None:
        """An element that records do not show; an optional one stands where anything is in it."""
        if node.optional:
            present = " or ".join(self.present(leaf) for leaf in node.leaves())
            self.say(depth, f"if {present}:")
            depth += 1
        self.say(depth, f"e{level + 1} = S(e{level}, {self.constant(node.tag)})")
        self.inside(node, depth, level + 1)

    def thin(self, outer: Node, leaf: Node, depth: int, level: int) -> None:
        """A wrapper around a single leaf, by far the most frequent: one look at the value decides about both."""
        slot = leaf.slot
        assert slot is not None
        if outer.optional and slot.kind not in ("children", "texts", "targets", "markup") and not leaf.optional:
            self.fetch(leaf, slot, depth)
            self.say(depth, f"if {self.written(leaf, slot)}:")
            self.say(depth + 1, f"e{level + 1} = S(e{level}, {self.constant(outer.tag)})")
            self.value(leaf, slot, depth + 1, level + 1)
        else:
            self.wrapper(outer, depth, level)

    def present(self, leaf: Node) -> str:
        """The condition that a leaf has something to write."""
        return f"r.{leaf.field}" if leaf.slot is not None and leaf.slot.repeated else f"r.{leaf.field} is not None"

    def fetch(self, node: Node, slot: Slot, depth: int) -> None:
        """Put a field's value into ``v``."""
        if slot.kind == "test_flag":
            self.say(depth, f"v = flag(r.{node.field}, r.{slot.companion})")
        else:
            self.say(depth, f"v = r.{node.field}")

    def written(self, node: Node, slot: Slot) -> str:
        """The condition that ``v`` is written: it is there, and was not derived by reading."""
        if slot.kind == "text":
            condition = "v" if slot.optional or slot.default is None else "v is not None"
        else:
            condition = "v is not None"
        if node.field in DERIVABLE and "derived" in self.cls.slots:
            condition += f" and not r.derived & {DERIVABLE[node.field]}"
        return condition

    def leaf(self, node: Node, slot: Slot, depth: int, level: int) -> None:
        """One field."""
        if slot.kind == "constant":
            self.say(depth, f"S(e{level}, {self.constant(node.tag)})")
            return
        self.fetch(node, slot, depth)
        if slot.repeated and slot.at_least:
            self.say(depth, "if not v: raise ValueError")
        if slot.kind == "targets" and node.optional:
            self.say(depth, "if v:")
            depth += 1
        elif node.optional and not slot.repeated:
            self.say(depth, f"if {self.written(node, slot)}:")
            depth += 1
        elif not slot.repeated:
            self.say(depth, "if v is None: raise ValueError")
        self.value(node, slot, depth, level)

    def value(self, node: Node, slot: Slot, depth: int, level: int) -> None:
        """Write ``v`` into ``e{level}``."""
        kind, made = slot.kind, f"S(e{level}, {self.constant(node.tag)})"
        if kind == "child":
            self.say(depth, f"{self.constant(swift_writer(slot.record))}({made}, v)")
        elif kind == "children":
            self.say(depth, f"for x in v: {self.constant(swift_writer(slot.record))}({made}, x)")
        elif kind == "texts":
            self.say(depth, "for x in v:", "    if x is None: raise ValueError", f"    {made}.text = x")
        elif kind == "targets":
            self.say(depth, f"targets({made}, v)")
        elif kind in ("measurement", "markup"):
            self.say(depth, f"{'unit' if kind == 'measurement' else 'feed'}(e{level}, v)")
        else:
            if node.match is not None:
                self.say(depth, f"if not {self.constant(lru_cache(maxsize=1024)(node.match))}(v): raise ValueError")
            self.say(depth, f"{made}.text = {self.text(slot)}")

    def text(self, slot: Slot) -> str:
        """The expression of a value's text."""
        if slot.kind == "token":
            words = self.constant({word: word for word in slot.values or ()})
            return f"{words}[v]" if not slot.extensible else f"{words}.get(v) or {self.constant(_word_of(slot))}(v)"
        if slot.kind == "integer":
            return f"{self.constant(_integer_of(slot))}(v)"
        return {"number": "number(v)", "decimal": "decimal(v)", "date_time": "moment(v)", "boolean": "booleans(v)",
                "duration": "signed_span(v)" if slot.negative else "span(v)", "numbers": "numbers(v)"}.get(slot.kind, "v")


def _word_of(slot: Slot) -> Callable[[Any], str]:
    return lambda value: formats.token_text(slot, value)


def _integer_of(slot: Slot) -> Callable[[Any], str]:
    return lambda value: formats.integer_text(slot, value)


def _holds_places(cls: Type[Record]) -> bool:
    """Whether targets, and so places with IDs, can stand anywhere in a record."""
    return any(slot.kind == "targets" or (slot.record is not None and slot.kind in ("child", "children")
                                          and _holds_places(slot.record)) for slot in cls.declared.values())


def _payloads_with_places() -> List[Type[Payload]]:
    from ..schema.payloads import PROFILES
    return [cls for catalogue in PROFILES.values() for cls in catalogue.values() if _holds_places(cls)]


_WITH_PLACES = frozenset(_payloads_with_places())
