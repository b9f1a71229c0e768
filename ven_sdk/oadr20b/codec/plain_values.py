"""What stands in an element that holds a value: read as :mod:`.lexical` says, wherever a peer has
put it. The half of :mod:`.plain_reader` that looks at texts. Pure functions.
"""

from __future__ import annotations

from ...schema.declaration import MISSING, Declaration
from . import contents, lexical
from .findings import Element, Findings
from .namespaces import XSI, local_name
from .plan import Node

_NIL = f"{{{XSI}}}nil"


class ValueReading:
    """The reading of the values in one element: ``values`` collects the fields.
    ``is_noted_incomplete``: a note says already what the record lacks.
    """

    __slots__ = ("findings", "is_noted_incomplete", "values")

    def __init__(self, findings: Findings) -> None:
        self.values: dict[str, object] = {}
        self.is_noted_incomplete: bool = False
        self.findings: Findings = findings

    def leave_out(self, node: Node) -> None:
        """Let a field hold what it holds where the element is absent; a note has said why."""
        self.is_noted_incomplete = True
        declaration = node.declaration
        if declaration is not None and declaration.otherwise is not MISSING:
            self.values[node.field] = declaration.otherwise
        else:
            self.values.pop(node.field, None)

    def scalar(self, node: Node, declaration: Declaration, element: Element) -> None:
        """The value of an element that holds one."""
        text = self.text_in(element)
        if not (text if declaration.kind == "text" else text.strip()):
            self.values[node.field] = self._empty(node, declaration, element)
            return
        try:
            read = lexical.KINDS[declaration.kind](declaration, node.match, text)
        except ValueError as cause:
            if declaration.vital or self.findings.strict:
                self.findings.fail(element, str(cause), text)
            self.findings.note(element, f"{cause} and was left out", text)
            self.leave_out(node)
            return
        if read.deviation:
            both = " and ".join(part for part in (read.deviation, read.remark) if part)
            self.findings.note(element, both, text)
        elif read.remark:
            self.findings.remark(element, read.remark, text)
        self.values[node.field] = read.value
        if declaration.kind == "test_flag":
            self.values[declaration.companion] = text

    def text_in(self, element: Element) -> str:
        """The text of an element; some peers wrap it once more."""
        if not len(element):
            return element.text or ""
        inner = contents.innermost(element)
        if inner is not None:
            self.findings.note(element, f"holds its value inside {local_name(inner.tag)}")
            return inner.text or ""
        self.findings.note(element, contents.HOLDS_ELEMENTS)
        return element.text or ""

    def _empty(self, node: Node, declaration: Declaration, element: Element) -> object:
        """An empty element is an absent one, where absence is possible; an ID may be empty (section
        1.3).
        """
        if declaration.kind == "test_flag":
            self.values[declaration.companion] = None
            return False
        if declaration.kind == "numbers":
            return []  # a list of none
        absent_allowed = declaration.default is None or declaration.optional
        if declaration.kind == "text" and not absent_allowed:
            return self._empty_text(node, declaration, element)
        if absent_allowed or declaration.otherwise is not MISSING:
            if declaration.kind != "text" and element.get(_NIL) not in ("true", "1"):
                self.findings.note(element, "is empty")
                self.is_noted_incomplete = True
            return None if absent_allowed else declaration.otherwise
        self.findings.fail(element, "is empty")

    def _empty_text(self, node: Node, declaration: Declaration, element: Element) -> str:
        if node.match is not None and not node.match(""):
            if declaration.refused:
                self.findings.fail(element, "is empty", "")
            self.findings.note(element, lexical.WRONG_FORM, "")
        return ""
