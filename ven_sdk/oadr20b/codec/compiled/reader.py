"""Compiled reading: for each record class one function of straight-line code, generated from the
class's plan at first use.

It expects the children in the order of the schema and asks each only for its tag, so it knows
nothing of deviations: at the first surprise it gives up, and the plain reader takes the element
from the start. What it does accept, the plain reader accepts with the same result.
"""

from __future__ import annotations

from functools import cache, lru_cache
from typing import Any, Callable, cast

from ....errors import PayloadError
from ....schema.construct import builder
from ....schema.declaration import Declaration
from ....schema.items import NONE, Items
from ....schema.record import R, Record
from .. import irregular, plain_reader, scalars
from ..complete import COMPLETIONS
from ..findings import Element, Findings
from ..mixed_content import WHITE, refuse_mixed_content
from ..plan import UNIT_TAGS, Node, plan_of, record_of

Reader = Callable[[Element, Findings], Any]
"""Generated code: it gives a record of the class that it was made for."""
_NESTED = ("child", "children", "markup")
"""The kinds of values that are more than a text."""
_IRREGULAR = ("targets", "measurement", "constant")
"""The kinds that code not generated here reads, or nobody."""
_SURPRISES = (ValueError, TypeError, KeyError, AttributeError, ArithmeticError)


def _extension(text: str) -> str:
    """A private token of an extensible vocabulary."""
    if text[:2] != "x-" or len(text) < 3 or text.split() != [text]:
        raise ValueError(text)
    return text


class _End:
    """Stands behind the last child."""

    tag = None


@cache
def compiled_reader(cls: type[Record]) -> Reader:
    """``read(element, findings)`` for a class of records."""
    return _Compiler(cls).build()


def read_record(cls: type[R], element: Element, findings: Findings) -> R:
    """A record by the compiled reader of its class."""
    record: R = compiled_reader(cls)(element, findings)
    return record


def _read_plainly(cls: type[R], element: Element, findings: Findings) -> R:
    """The same by the plain reader, which comes back here for the records inside."""
    return plain_reader.read_record(cls, element, findings, read_record)


class _Compiler:
    """Writes the source of one reader. ``scope`` holds the constants that it uses, by name."""

    def __init__(self, cls: type[Record]) -> None:
        self.cls = cls
        self.lines: list[str] = []
        self.scope: dict[str, object] = {
            "END": _End,
            "Items": Items,
            "build": builder(cls),
            "plainly": _read_plainly,
            "cls": cls,
            "NONE": NONE,
            "SURPRISES": (*_SURPRISES, *_refusals(plan_of(cls).root)),
            "BOOLEANS": scalars.BOOLEANS,
            "FLAGS": {None: False, "false": False, "true": True},
            "number": scalars.parse_number,
            "UNITS": UNIT_TAGS,
            "date_time": scalars.parse_date_time,
            "duration": scalars.parse_duration,
            "whole": scalars.parse_integer,
            "signed_duration": scalars.parse_signed_duration,
            "read_targets": irregular.read_targets,
            "read_unit": irregular.read_unit,
            "read_apart": irregular.read_apart,
            "nested": read_record,
            "read_markup": irregular.read_markup,
            "extension": _extension,
            "WHITE": WHITE,
            "refuse_mixed_content": refuse_mixed_content,
        }

    def constant(self, value: object) -> str:
        """A name in the scope for a value."""
        name = f"k{len(self.scope)}"
        self.scope[name] = value
        return name

    def nested_reader(self, cls: type[Record]) -> str:
        """A name in the scope for the reader of nested records, which is compiled when the first
        one is read.
        """

        def first(element: Element, findings: Findings) -> object:
            read = self.scope[name] = compiled_reader(cls)
            return read(element, findings)

        name = self.constant(first)
        return name

    def emit(self, depth: int, *lines: str) -> None:
        """Add lines at a depth of indentation."""
        self.lines += ["    " * depth + line for line in lines]

    def build(self) -> Reader:
        """The finished function."""
        plan = plan_of(self.cls)
        self.emit(0, "def read(element, findings):")
        self.emit(1, "mark = len(findings.notes)", "try:")
        for field, declaration in self.cls.fields.items():
            self.emit(
                2,
                f"v_{field} = "
                f"{'NONE' if declaration.repeated else self.constant(_unread(declaration))}",
            )
        for field, name, match in plan.attributes:
            self.attribute(field, name, match)
        self.sequence(plan.root, "element", 2, 0)
        self.emit(2, f"made = build({', '.join('v_' + field for field in self.cls.fields)})")
        if self.cls.flaw is not Record.flaw:
            self.emit(2, "if made.flaw(): raise ValueError")
        self.emit(
            1,
            "except SURPRISES:",
            "    findings.forget(mark)",
            "    return plainly(cls, element, findings)",
        )
        if self.cls in COMPLETIONS:
            self.emit(1, f"{self.constant(COMPLETIONS[self.cls])}(made, element, findings)")
        self.emit(1, "return made")
        # the text is our own
        exec(compile("\n".join(self.lines), f"<read {self.cls.__name__}>", "exec"), self.scope)
        return cast(Reader, self.scope["read"])

    def attribute(self, field: str, name: str, match: Callable[[str], object]) -> None:
        """An attribute; one without its namespace, or of an odd form, is for the plain reader."""
        self.emit(2, f"v_{field} = element.get({self.constant(name)})")
        bare = self.constant(name.rpartition("}")[2])
        missing = (
            "raise ValueError"
            if field == "schema_version"
            else f"if element.get({bare}) is not None: raise ValueError"
        )
        self.emit(
            2,
            f"if v_{field} is None:",
            f"    {missing}",
            f"elif not {self.constant(lru_cache(maxsize=64)(match))}(v_{field}): raise ValueError",
        )

    def sequence(self, node: Node, element: str, depth: int, level: int) -> None:
        """Code that walks the children of ``element`` in the order of the plan."""
        only = node.nodes[0] if len(node.nodes) == 1 else None
        if (
            only is not None
            and only.declaration is not None
            and only.declaration.kind == "children"
            and not _spoils_only_itself(only.declaration)
        ):
            self.all_alike(only, element, depth)
            return
        if only is not None and not only.repeated and not only.optional:
            self.only_child(only, element, depth, level)
            return
        child, name, rest = f"c{level}", f"t{level}", f"i{level}"
        begin = f"{child} = next({rest}, END); {name} = {child}.tag"
        advance = _refuse_text(f"{child}.tail"), begin
        self.emit(
            depth,
            _refuse_text(f"{element}.text"),
            f"{rest} = iter({element}); {begin}",
        )
        for inner in node.nodes:
            if inner.repeated:
                self.repeated_elements(inner, child, name, advance, depth)
            else:
                self.single(inner, child, name, advance, depth, level)
        self.emit(depth, f"if {name} is not None: raise ValueError")

    def all_alike(self, node: Node, element: str, depth: int) -> None:
        """A wrapper whose children are all of one kind."""
        assert node.declaration is not None
        read, tag = self.nested_reader(record_of(node.declaration)), self.constant(node.tag)
        self.emit(
            depth,
            _refuse_text(f"{element}.text"),
            f"v_{node.field} = Items([{read}(x, findings) if x.tag == {tag} "
            f"and not (x.tail and x.tail.strip(WHITE)) else END.surprise for x in {element}])",
        )
        if node.declaration.at_least:
            self.emit(depth, f"if not v_{node.field}: raise ValueError")

    def only_child(self, node: Node, element: str, depth: int, level: int) -> None:
        """An element with exactly one child, as most wrappers are."""
        child = f"c{level}"
        self.emit(
            depth,
            f"({child},) = {element}",
            f"if {self.other_tag(node, child + '.tag')}: raise ValueError",
            _refuse_text(f"{element}.text"),
            _refuse_text(f"{child}.tail"),
        )
        self.content(node, child, depth, level)

    def other_tag(self, node: Node, name: str) -> str:
        """The condition that an element is not this node's."""
        if node.declaration is not None and node.declaration.kind == "measurement":
            return f"{name} not in UNITS"
        return f"{name} != {self.constant(node.tag)}"

    def single(
        self, node: Node, child: str, name: str, advance: tuple[str, str], depth: int, level: int
    ) -> None:
        """An element that stands there once, or not at all where it may be missing."""
        if node.optional:
            self.emit(depth, f"if not ({self.other_tag(node, name)}):")
            depth += 1
        else:
            self.emit(depth, f"if {self.other_tag(node, name)}: raise ValueError")
        self.content(node, child, depth, level)
        self.emit(depth, *advance)

    def repeated_elements(
        self, node: Node, child: str, name: str, advance: tuple[str, str], depth: int
    ) -> None:
        """Elements of one kind, as many as there are."""
        declaration = node.declaration
        assert declaration is not None
        tag = self.constant(node.tag)
        self.emit(
            depth,
            "found = []",
            *(["faulty = []"] if _spoils_only_itself(declaration) else []),
            f"while {name} == {tag}:",
        )
        if declaration.kind == "texts":
            self.emit(
                depth,
                f"    if len({child}): raise ValueError",
                f"    found.append({child}.text or '')",
            )
        elif _spoils_only_itself(declaration):
            self.emit(
                depth,
                f"    found.append(read_apart({self.constant(declaration)}, {child}, "
                "findings, nested, faulty))",
            )
        else:
            read = self.nested_reader(record_of(declaration))
            self.emit(depth, f"    found.append({read}({child}, findings))")
        self.emit(depth + 1, *advance)
        if _spoils_only_itself(declaration):
            if declaration.companion:
                self.emit(depth, f"v_{declaration.companion} = Items(faulty)")
            self.emit(depth, "found = [record for record in found if record is not None]")
        self.emit(depth, f"if found: v_{node.field} = Items(found)")
        if declaration.at_least:
            self.emit(depth, "else: raise ValueError")

    def content(self, node: Node, child: str, depth: int, level: int) -> None:
        """What is inside an element whose tag was right."""
        declaration = node.declaration
        if declaration is None:
            self.sequence(node, child, depth, level + 1)
            return
        if declaration.kind in _IRREGULAR:
            self.emit(depth, f"if len({child}): refuse_mixed_content({child})")
        elif declaration.kind not in _NESTED:
            self.emit(depth, f"if len({child}): raise ValueError")
        if declaration.kind != "constant":
            self.emit(depth, *self.value(node, declaration, f"v_{node.field}", child))

    def value(self, node: Node, declaration: Declaration, target: str, child: str) -> list[str]:
        """The lines that read one value."""
        kind = declaration.kind
        if kind == "text":
            return self.text(node, declaration, target, child)
        if kind == "token":
            words = self.constant({word: word for word in declaration.values or ()})
            if declaration.extensible:
                return [f"{target} = {words}.get({child}.text) or extension({child}.text)"]
            return [f"{target} = {words}[{child}.text]"]
        if kind == "integer":
            return [
                f"{target} = whole({child}.text)",
                f"if not {declaration.low} <= {target} <= {declaration.high}: raise ValueError",
            ]
        if kind == "test_flag":
            return [
                f"v_{declaration.companion} = {child}.text or None",
                f"{target} = FLAGS[v_{declaration.companion}]",
            ]
        if kind == "child":
            return [f"{target} = {self.nested_reader(record_of(declaration))}({child}, findings)"]
        if kind == "numbers":
            return [f"{target} = Items([number(x) for x in ({child}.text or '').split()])"]
        call = {
            "boolean": f"BOOLEANS[{child}.text]",
            "number": f"number({child}.text)",
            "decimal": f"number({child}.text)",
            "date_time": f"date_time({child}.text)",
            "duration": f"{'signed_' * declaration.negative}duration({child}.text)",
            "markup": f"read_markup({child})",
            "targets": f"read_targets({child}, findings, nested)",
            "measurement": f"read_unit({child}, findings, nested)",
        }
        return [f"{target} = {call[kind]}"]

    def text(self, node: Node, declaration: Declaration, target: str, child: str) -> list[str]:
        """A string; empty ones are absent where they may be."""
        lines = [
            f"{target} = {child}.text or "
            f"{'None' if declaration.default is None or declaration.optional else repr('')}"
        ]
        if node.match is not None:
            matches = self.constant(lru_cache(maxsize=1024)(node.match))
            lines.append(f"if {target} is not None and not {matches}({target}): raise ValueError")
        return lines


def _refusals(root: Node) -> tuple[type[Exception], ...]:
    """The error that is a surprise too where a record inside may be left out."""
    may_be_left_out = any(
        leaf.declaration is not None
        and (
            leaf.declaration.kind == "measurement"
            or (
                leaf.declaration.kind == "child"
                and (leaf.declaration.optional or not leaf.declaration.vital)
            )
        )
        for leaf in root.leaves()
    )
    return (PayloadError,) if may_be_left_out else ()


def _refuse_text(place: str) -> str:
    """The line that takes nothing but white space beside elements. Indented messages have it beside
    each, so it stands in the code and is no call.
    """
    return f"if (text := {place}) and text.strip(WHITE): raise ValueError"


def _spoils_only_itself(declaration: Declaration) -> bool:
    """Whether one of many records that cannot be read spoils only itself."""
    return bool(declaration.companion) or not declaration.vital


def _unread(declaration: Declaration) -> object:
    return declaration.default if declaration.kind in ("test_flag", "unwired") else None
