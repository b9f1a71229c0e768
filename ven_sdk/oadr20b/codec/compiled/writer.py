"""From a record to its payload, as text: :func:`payload_text`, by functions compiled from the plans
at first use.

The generated code writes text, in which every value is either escaped or made of digits. Where it
stumbles it gives up, and :mod:`..plain_writer` writes the record again and says what is wrong with
it. Pure functions.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache, lru_cache, partial
from typing import Callable, Optional, cast

from ....errors import ConfigurationError
from ....schema.common import Payload, Target
from ....schema.declaration import Declaration
from ....schema.record import Record
from ....schema.units import GREEN_BUTTON, UNITS, Measurement, PowerAttributes
from .. import formats, scalars
from ..complete import DERIVABLE
from ..irregular import read_markup
from ..plan import Node, plan_of, record_of

Writer = Callable[[object], str]
_STUMBLES = (ValueError, TypeError, KeyError, AttributeError, ArithmeticError)


def payload_text(record: Payload) -> Optional[str]:
    """The payload element of a record as text without namespace declarations, or None where the
    plain writer has to look at it.
    """
    try:
        name, write = record.wire_name, compiled_writer(type(record))
        return f"<oadr:{name}{write(record)}</oadr:{name}>"
    except _STUMBLES:
        return None


@cache
def compiled_writer(cls: type[Record]) -> Writer:
    """``write(record)``: what stands after the name of a record's element: attributes, ``>`` and
    the content. ``ConfigurationError`` for what the schema has no element for.
    """
    if issubclass(cls, Payload) and not cls.wire_name:
        raise ConfigurationError(f"{cls.__name__} is no payload, so it cannot be sent.")
    return _Compiler(cls).build()


_LONGEST_KEPT, _MOST_KEPT = 256, 8192  # characters, texts


# --- what generated code calls --------------------------------------------------------------------


class _EscapeTable(dict[object, str]):
    """Texts as XML content, by the text: IDs come again and again, and looking one up takes a
    fifth of what escaping it does.

    Only short ones are kept, and not more than ``_MOST_KEPT``: IDs of the VTN are echoed, and it
    could fill memory with them.
    """

    def __missing__(self, text: object) -> str:
        plain = scalars.check_text(text)
        escaped = plain.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
        escaped = escaped.replace("\r", "&#13;")
        if len(plain) <= _LONGEST_KEPT:
            if len(self) >= _MOST_KEPT:
                self.clear()
            self[plain] = escaped
        return escaped


escape: Callable[[object], str] = _EscapeTable().__getitem__
"""A text as XML content. ``TypeError`` if it is none, ``ValueError`` if XML cannot carry it."""


def _escape_attribute(text: str) -> str:
    return escape(text).replace('"', "&quot;").replace("\t", "&#9;").replace("\n", "&#10;")


@lru_cache(maxsize=1024)
def _unit(value: Measurement) -> str:
    """A unit element. A fleet has few, and each report names them again."""
    if type(value) is not Measurement or value.flaw():
        raise ValueError(value)
    kind = UNITS[value.name]
    name = f"{kind.prefix}:{value.name}"
    if value.name == GREEN_BUTTON:
        return f"<{name}>{_feed(value.feed)}</{name}>"
    if value.name == "pulseCount":
        scale = f"<oadr:pulseFactor>{scalars.format_number(value.pulse_factor)}</oadr:pulseFactor>"
    else:
        word = formats.token_text(Measurement.declared["scale"], value.scale)
        scale = f"<scale:siScaleCode>{word}</scale:siScaleCode>"
    power = ""
    if kind.power:
        attributes = compiled_writer(PowerAttributes)(value.power_attributes)
        power = f"<power:powerAttributes{attributes}</power:powerAttributes>"
    return (
        f"<{name}><{kind.prefix}:itemDescription>{escape(value.description)}</{kind.prefix}:itemDescription>"
        f"<{kind.prefix}:itemUnits>{escape(value.unit)}</{kind.prefix}:itemUnits>{scale}{power}</{name}>"
    )


def _feed(text: object) -> str:
    return read_markup(formats.feed_element(text))


_kinds_of_targets = [
    (node.field, node.name, node.declaration) for node in plan_of(Target).root.nodes
]


def _targets(targets: Iterable[Target]) -> str:
    """The elements of targets, kinds in the order of the schema."""
    parts = []
    for field, name, declaration in _kinds_of_targets:
        for target in targets:
            value = getattr(target, field)
            if value is None:
                continue
            cls: type[Record] = type(value)
            if declaration is not None and declaration.kind == "text":
                if value == "":
                    raise ValueError(field)
                parts.append(f"<{name}>{escape(value)}</{name}>")
            else:
                parts.append(f"<{name}{compiled_writer(cls)(value)}</{name}>")
    return "".join(parts)


class _Compiler:
    """Writes the source of one writer. ``scope`` holds the constants that it uses, by name.

    Each element becomes a piece of an f-string; what needs a decision is decided before, into a
    variable of its own.
    """

    def __init__(self, cls: type[Record]) -> None:
        self.cls = cls
        self.lines: list[str] = []
        self.count = 0
        self.scope: dict[str, object] = {
            "number": scalars.format_number,
            "decimal": scalars.format_decimal,
            "moment": scalars.format_date_time,
            "span": scalars.format_positive_duration,
            "signed_span": scalars.format_duration,
            "escape": escape,
            "booleans": formats.boolean_text,
            "numbers": formats.numbers_text,
            "targets": _targets,
            "unit": _unit,
            "feed": _feed,
            "flag": formats.test_flag_text,
            "flaw": cls.flaw,
            "expected": cls,
        }

    def constant(self, value: object) -> str:
        """A name in the scope for a value."""
        name = f"k{len(self.scope)}"
        self.scope[name] = value
        return name

    def nested_writer(self, cls: type[Record]) -> str:
        """A name in the scope for the writer of nested records, which is compiled when the first
        one is written.
        """

        def first(record: object) -> str:
            write = self.scope[name] = compiled_writer(cls)
            return write(record)

        name = self.constant(first)
        return name

    def variable(self) -> str:
        """A fresh name."""
        self.count += 1
        return f"v{self.count}"

    def emit(self, depth: int, *lines: str) -> None:
        """Add lines at a depth of indentation."""
        self.lines += ["    " * depth + line for line in lines]

    def build(self) -> Writer:
        """The finished function."""
        plan = plan_of(self.cls)
        self.emit(0, "def write(r):")
        self.emit(1, "if type(r) is not expected: raise TypeError")
        if self.cls.flaw is not Record.flaw:
            self.emit(1, "if flaw(r): raise ValueError")
        if "derived" in self.cls.fields:
            self.emit(1, "derived = r.derived")
        attributes = "".join(self.attribute(field, match) for field, _, match in plan.attributes)
        content = "".join(self.node(inner, 1) for inner in plan.root.nodes)
        self.emit(1, f"return f'''{attributes}>{content}'''")
        # the text is our own
        exec(compile("\n".join(self.lines), f"<write {self.cls.__name__}>", "exec"), self.scope)
        return cast(Writer, self.scope["write"])

    def attribute(self, field: str, match: Callable[[str], object]) -> str:
        """The piece of an attribute."""
        made = self.variable()
        written = self.constant(_attribute_of(self.cls.declared[field].path, match))
        self.emit(1, f"{made} = r.{field}", f"{made} = '' if {made} is None else {written}({made})")
        return f"{{{made}}}"

    def node(self, node: Node, depth: int) -> str:
        """The piece of one element, after the lines that it needs."""
        if node.declaration is not None:
            return self.leaf(node, node.declaration, depth)
        if not node.optional:
            return self.wrapper(node, depth)
        if (
            len(node.nodes) == 1
            and node.nodes[0].declaration is not None
            and not node.nodes[0].declaration.repeated
        ):
            return self.optional_wrapper(node, node.nodes[0], node.nodes[0].declaration, depth)
        made = self.variable()
        self.emit(depth, f"{made} = ''", f"if {' or '.join(map(_present, node.leaves()))}:")
        inside = self.wrapper(node, depth + 1)
        self.emit(depth + 1, f"{made} = f'''{inside}'''")
        return f"{{{made}}}"

    def wrapper(self, node: Node, depth: int) -> str:
        """A wrapper with what is inside."""
        return (
            f"<{node.name}>{''.join(self.node(inner, depth) for inner in node.nodes)}</{node.name}>"
        )

    def optional_wrapper(
        self, outer: Node, leaf: Node, declaration: Declaration, depth: int
    ) -> str:
        """An optional wrapper around a single leaf: one look at the value decides about both."""
        made = self.fetch(leaf, declaration, depth)
        piece = self.enclose(leaf, declaration, made)
        self.emit(
            depth,
            f"{made} = f'''<{outer.name}>{piece}</{outer.name}>''' if "
            f"{self.condition(leaf, declaration, made)} else ''",
        )
        return f"{{{made}}}"

    def fetch(self, node: Node, declaration: Declaration, depth: int) -> str:
        """A variable with a field's value."""
        made = self.variable()
        value = (
            f"flag(r.{node.field}, r.{declaration.companion})"
            if declaration.kind == "test_flag"
            else f"r.{node.field}"
        )
        self.emit(depth, f"{made} = {value}")
        return made

    def condition(self, node: Node, declaration: Declaration, made: str) -> str:
        """The condition that a value is written: it is there, and was not derived by reading."""
        condition = made if declaration.kind == "text" else f"{made} is not None"
        if node.field in DERIVABLE and "derived" in self.cls.fields:
            condition += f" and not derived & {DERIVABLE[node.field]}"
        return condition

    def leaf(self, node: Node, declaration: Declaration, depth: int) -> str:
        """One field."""
        if declaration.kind == "constant":
            return f"<{node.name}/>"
        made = self.fetch(node, declaration, depth)
        if declaration.kind in ("children", "texts"):
            return self.repeated_elements(node, declaration, made, depth)
        if node.optional:
            condition = (
                made if declaration.kind == "targets" else self.condition(node, declaration, made)
            )
            self.emit(
                depth,
                f"{made} = f'''{self.enclose(node, declaration, made)}''' if {condition} else ''",
            )
            return f"{{{made}}}"
        return self.enclose(node, declaration, made)

    def repeated_elements(self, node: Node, declaration: Declaration, made: str, depth: int) -> str:
        """Elements of one kind."""
        if declaration.at_least:
            self.emit(depth, f"if not {made}: raise ValueError")
        begin = node.name + ">" * (declaration.kind == "texts")
        write = (
            "escape" if declaration.kind == "texts" else self.nested_writer(record_of(declaration))
        )
        joined = f"{self.constant(f'</{node.name}><{begin}'.join)}(map({write}, {made}))"
        self.emit(depth, f"if {made}: {made} = f'''<{begin}{{{joined}}}</{node.name}>'''")
        return f"{{{made} or ''}}"

    def enclose(self, node: Node, declaration: Declaration, made: str) -> str:
        """The piece of an element with its value."""
        if declaration.kind in ("measurement", "markup"):
            return f"{{{'unit' if declaration.kind == 'measurement' else 'feed'}({made})}}"
        if declaration.kind == "child":
            written = self.nested_writer(record_of(declaration))
            return f"<{node.name}{{{written}({made})}}</{node.name}>"
        return f"<{node.name}>{{{self.text(declaration, made, node.match)}}}</{node.name}>"

    def text(
        self, declaration: Declaration, made: str, match: Optional[Callable[[str], object]]
    ) -> str:
        """The expression of a value's text."""
        if declaration.kind == "token":
            words = self.constant({word: escape(word) for word in declaration.values or ()})
            return (
                f"{words}[{made}]"
                if not declaration.extensible
                else (f"{words}.get({made}) or {self.constant(_word_of(declaration))}({made})")
            )
        if declaration.kind == "integer":
            return f"{self.constant(_integer_of(declaration))}({made})"
        if declaration.kind in ("text", "test_flag"):
            return f"{'escape' if match is None else self.constant(_matching(match))}({made})"
        return {
            "number": "number",
            "decimal": "decimal",
            "date_time": "moment",
            "boolean": "booleans",
            "duration": "signed_span" if declaration.negative else "span",
            "numbers": "numbers",
            "targets": "targets",
        }[declaration.kind] + f"({made})"


def _present(leaf: Node) -> str:
    return (
        f"r.{leaf.field}"
        if leaf.declaration is not None and leaf.declaration.repeated
        else f"r.{leaf.field} is not None"
    )


def _word_of(declaration: Declaration) -> Writer:
    return lambda value: escape(formats.token_text(declaration, value))


def _integer_of(declaration: Declaration) -> Writer:
    return lru_cache(maxsize=256, typed=True)(partial(formats.integer_text, declaration))


def _attribute_of(name: str, match: Callable[[str], object]) -> Callable[[str], str]:
    @lru_cache(maxsize=64)
    def attribute(value: str) -> str:
        if not match(value):
            raise ValueError(value)
        return f' {name}="{_escape_attribute(value)}"'

    return attribute


def _matching(match: Callable[[str], object]) -> Writer:
    @lru_cache(maxsize=1024)
    def matching(value: str) -> str:
        if not match(value):
            raise ValueError(value)
        return escape(value)

    return matching
