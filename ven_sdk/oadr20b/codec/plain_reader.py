"""Reads elements into records as the declarations say, looks at everything, and names every
deviation: the definition of what is read how.

What :mod:`.compiled.reader` makes of the same declarations is faster and equal; at the first oddity
it gives up and hands the element over here. How tolerant reading goes on after an oddity:

* An oddity that leaves one meaning is understood and noted (``findings.note``; an error where
  reading is strict).
* A value that may be absent and makes no sense is left out, with a note; so is an optional record.
* A value that a record needs (``Declaration.vital``) spoils the record, and with it the event or
  report request that it stands in, or the message.

Pure functions, run by the exchange threads.
"""

from __future__ import annotations

from functools import cache
from typing import Callable, Optional

from ...errors import PayloadError
from ...schema.construct import builder
from ...schema.declaration import MISSING, Declaration
from ...schema.items import NONE, Items
from ...schema.record import R
from . import contents, irregular, lexical
from .complete import COMPLETIONS
from .findings import Element, Findings
from .irregular import ReadRecord
from .namespaces import KNOWN, local_name, namespace_of
from .plain_values import ValueReading
from .plan import Node, plan_of, record_of

TWICE = "stands there twice"


def read_record(
    cls: type[R], element: Element, findings: Findings, nested: Optional[ReadRecord] = None
) -> R:
    """The record of ``cls`` that an element describes. ``nested`` reads the records inside it: this
    same function, unless a faster reader hands over only what it does not understand.
    """
    findings.unusual = True
    plan = plan_of(cls)
    reading = _Reading(findings, nested or read_record)
    for field, name, match in plan.attributes:
        reading.values[field] = _attribute(element, name, match, findings)
    reading.children(plan.root, element)
    record: R = _builder(cls)(
        *(
            _as_field(declaration, reading.values.get(name, MISSING))
            for name, declaration in cls.fields.items()
        )
    )
    complete = COMPLETIONS.get(cls)
    if complete is not None:
        complete(record, element, findings)
    flaw = "" if reading.is_noted_incomplete else record.flaw()
    if flaw:
        findings.note(element, f"deviates: {flaw}")
    return record


_builder = cache(builder)


def _attribute(
    element: Element, name: str, match: Callable[[str], object], findings: Findings
) -> Optional[str]:
    value: Optional[str] = element.get(name)
    if value is None:
        value = element.get(local_name(name))
        if value is not None:
            findings.note(element, f"has the attribute {local_name(name)} without its namespace")
    if value is not None and not match(value):
        findings.note(element, f"has an odd {local_name(name)}", value)
    return value


def _as_field(declaration: Declaration, value: object) -> object:
    if declaration.repeated:
        return Items(value) if isinstance(value, (list, tuple)) else NONE
    if value is not MISSING:
        return value
    return declaration.default if declaration.kind in ("test_flag", "unwired") else None


class _Reading(ValueReading):
    """The reading of one element, whose children are walked."""

    __slots__ = ("_nested",)

    def __init__(self, findings: Findings, nested: ReadRecord) -> None:
        super().__init__(findings)
        self._nested = nested

    # --- which element is what --------------------------------------------------------------------

    def children(self, node: Node, element: Element, these: Optional[list[Element]] = None) -> None:
        """Hand each child (or ``these`` of them) to the node that knows it; then see which nodes
        got none.
        """
        if these is None:
            self.is_noted_incomplete |= contents.note_text_alone(element, self.findings)
        first: dict[int, Element] = {}
        bare: dict[int, list[Element]] = {}
        last, is_noted = 0, False
        for child in element.iterchildren("*") if these is None else these:
            position = self._position(node, child, element, bare)
            if position is None:
                continue
            if position < last and not is_noted:
                self.findings.note(child, "stands in the wrong place")
                is_noted = True
            last = max(last, position)
            inner = node.nodes[position]
            if position not in first or inner.repeated:
                first.setdefault(position, child)
                self._read(inner, child)
            else:
                self._refuse_second(inner, first[position], child)
        for position, inner in enumerate(node.nodes):
            if position in bare and position not in first:
                self.children(inner, element, bare[position])
            elif position not in first:
                self._missing(inner, element, local_name(inner.tag))

    def _position(
        self, node: Node, child: Element, element: Element, bare: dict[int, list[Element]]
    ) -> Optional[int]:
        """Which of the node's parts a child is. A name from another of OpenADR's namespaces counts,
        unless the right one stands there too. What lacks its wrapper is put into ``bare``.
        """
        position = node.index.get(child.tag)
        if position is not None:
            return position
        position = node.names.get(local_name(child.tag))
        namespace = namespace_of(child.tag)
        if position is None:
            self._without_wrapper(node, child, element, bare)
            return None
        right = node.nodes[position]
        if namespace not in KNOWN or (
            not right.repeated and next(element.iterchildren(right.tag), None) is not None
        ):
            self.findings.note(
                child,
                f"is not of the namespace {namespace_of(right.tag)!r} and was left out",
                namespace,
            )
            self.is_noted_incomplete = True
            return None
        self.findings.note(
            child,
            f"is taken for one of {namespace_of(right.tag)!r} although its namespace is",
            namespace,
        )
        return position

    def _without_wrapper(
        self, node: Node, child: Element, element: Element, bare: dict[int, list[Element]]
    ) -> None:
        """An element that only its wrapper may hold counts where the wrapper is not there."""
        position = node.deeper.get(local_name(child.tag))
        wrapper = None if position is None else node.nodes[position].tag
        if (
            position is None
            or namespace_of(child.tag) not in KNOWN
            or next(element.iterchildren(wrapper), None) is not None
        ):
            self.findings.note(child, "is not known here and was left out")
            return
        if position not in bare:
            self.findings.note(child, f"stands without the element {local_name(wrapper)} around it")
        bare.setdefault(position, []).append(child)

    def _refuse_second(self, node: Node, first: Element, second: Element) -> None:
        """An element that stands there once too often: nobody knows which counts. What no sense can
        be made without is refused, even if both say the same: no honest peer sends it.
        """
        if any(leaf.declaration is None or leaf.declaration.vital for leaf in node.leaves()):
            self.findings.fail(second, f"{TWICE}, so that nobody knows which counts")
        if irregular.canonical_form(first) == irregular.canonical_form(second):
            self.findings.note(second, f"{TWICE}, both times the same")
            return
        self.findings.note(
            second, f"{TWICE}, so that nobody knows which counts: both were left out"
        )
        for leaf in node.leaves():
            self.leave_out(leaf)

    def _missing(self, node: Node, element: Element, path: str, is_noted: bool = False) -> None:
        """An element that is not there: nothing, a deviation, or an error where no sense can be
        made without it. ``is_noted``: a note tells already of one in a foreign namespace.
        """
        declaration = node.declaration
        is_noted = is_noted or bool(_describe_elsewhere(node, element))
        if node.optional or (
            declaration is not None and node.repeated and not declaration.at_least
        ):
            return
        if declaration is None:
            for inner in node.nodes:
                self._missing(inner, element, f"{path}/{local_name(inner.tag)}", is_noted)
            if not is_noted and not any(_demanding(leaf) for leaf in node.leaves()):
                self.findings.note(element, "is missing", inside=path)
            return
        if not (
            declaration.repeated or declaration.kind == "constant" or _may_be_absent(declaration)
        ):
            missing = "is missing" + _describe_elsewhere(node, element)
            self.findings.fail(element, missing, inside=path)
        if not is_noted:
            instead = (
                f", {declaration.otherwise!r} was taken for it" if declaration.otherwise else ""
            )
            self.findings.note(element, "is missing" + instead, inside=path)
        if not declaration.repeated:
            self.leave_out(node)

    # --- what stands in it ------------------------------------------------------------------------

    def _read(self, node: Node, element: Element) -> None:
        declaration = node.declaration
        if declaration is None:
            self._wrapper(node, element)
        elif declaration.kind in lexical.KINDS:
            self.scalar(node, declaration, element)
        else:
            _NESTED[declaration.kind](self, node, declaration, element)

    def _wrapper(self, node: Node, element: Element) -> None:
        """An element that only holds others; some peers put the value itself into it."""
        leaf = _only_leaf(node)
        if leaf is None or len(element) or contents.is_empty(element):
            self.children(node, element)
            return
        self.findings.note(
            element, f"holds its value as text, without the element {local_name(leaf.tag)}"
        )
        self._read(leaf, element)

    # --- elements inside elements -----------------------------------------------------------------

    def child(self, node: Node, declaration: Declaration, element: Element) -> None:
        """One record; an optional one that cannot be read is left out. One that is empty is an
        absent one.
        """
        count = len(self.findings.notes)
        try:
            self.values[node.field] = self._nested(record_of(declaration), element, self.findings)
        except PayloadError as error:
            is_absent = declaration.optional and contents.is_empty(element)
            if self.findings.strict or (declaration.vital and not is_absent):
                raise
            self.findings.forget(count)
            self.findings.note(element, "is empty" if is_absent else contents.left_out(error))
            self.leave_out(node)

    def record_of_many(self, node: Node, declaration: Declaration, element: Element) -> None:
        """One of many records."""
        held = self._list(node.field)
        faulty = self._list(declaration.companion) if declaration.companion else []
        record = irregular.read_apart(declaration, element, self.findings, self._nested, faulty)
        if record is None:
            self.is_noted_incomplete = True
        else:
            held.append(record)

    def text_of_many(self, node: Node, declaration: Declaration, element: Element) -> None:
        """One of many texts."""
        self._list(node.field).append(self.text_in(element))

    def _list(self, field: str) -> list[object]:
        """What was read so far of a field that holds many."""
        held = self.values.setdefault(field, [])
        assert isinstance(held, list)
        return held

    def targets(self, node: Node, declaration: Declaration, element: Element) -> None:
        """Targets of any kind."""
        self.values[node.field] = irregular.read_targets(element, self.findings, self._nested)

    def measurement(self, node: Node, declaration: Declaration, element: Element) -> None:
        """A unit; one that makes no sense is left out."""
        count = len(self.findings.notes)
        try:
            self.values[node.field] = irregular.read_unit(element, self.findings, self._nested)
        except PayloadError as error:
            if self.findings.strict:
                raise
            self.findings.forget(count)
            self.findings.note(element, contents.left_out(error))

    def markup(self, node: Node, declaration: Declaration, element: Element) -> None:
        """Foreign markup, as it is."""
        self.values[node.field] = irregular.read_markup(element)

    def constant(self, node: Node, declaration: Declaration, element: Element) -> None:
        """Whatever stands in it says nothing."""


_NESTED: dict[str, Callable[[_Reading, Node, Declaration, Element], None]] = {
    "child": _Reading.child,
    "children": _Reading.record_of_many,
    "texts": _Reading.text_of_many,
    "targets": _Reading.targets,
    "measurement": _Reading.measurement,
    "markup": _Reading.markup,
    "constant": _Reading.constant,
}


def _demanding(leaf: Node) -> bool:
    declaration = leaf.declaration
    return (
        declaration is not None
        and not leaf.optional
        and not (leaf.repeated and not declaration.at_least)
    )


def _may_be_absent(declaration: Declaration) -> bool:
    return declaration.otherwise is not MISSING or declaration.default is None


def _describe_elsewhere(node: Node, element: Element) -> str:
    """Where an element that is missed stands in a namespace that is none of OpenADR's."""
    name = local_name(node.tag)
    for child in element.iterchildren("*"):
        if local_name(child.tag) == name and child.tag != node.tag:
            return f" (there is one of the namespace {namespace_of(child.tag)!r})"
    return ""


def _only_leaf(node: Node) -> Optional[Node]:
    """The single value that a wrapper can hold, or None where it holds more than that."""
    while node.declaration is None and len(node.nodes) == 1:
        node = node.nodes[0]
    kind = "" if node.declaration is None else node.declaration.kind
    return node if kind in lexical.KINDS or kind == "texts" else None
