"""Writes records as elements with lxml's E-factory, looks at every value, and names every fault:
the definition of what is written how.

What :mod:`.compiled.writer` makes of the same declarations is faster and equal. Where that
stumbles, the record is written here, so this is what tells users what is wrong with a record. Pure
functions.
"""

from __future__ import annotations

from functools import cache
from typing import Callable, Union

from lxml.builder import ElementMaker  # type: ignore[import-not-found]

from ...errors import ConfigurationError
from ...schema.common import Payload, Target
from ...schema.declaration import Declaration
from ...schema.record import Record
from ...schema.units import GREEN_BUTTON, UNITS, Measurement, PowerAttributes
from . import scalars
from .findings import Element
from .formats import FORMATS, feed_element, numbers_text, text_of
from .namespaces import PREFIXES, WRITTEN
from .plan import Node, plan_of, record_of

_EXPECTED = {
    "text": "a str",
    "token": "a word of the vocabulary",
    "boolean": "True or False",
    "integer": "a whole number",
    "number": "a number",
    "decimal": "a number",
    "date_time": "an aware datetime",
    "duration": "a timedelta",
}


@cache
def maker(name: str, whole: bool = False) -> Callable[..., Element]:
    """The E-factory's maker of ``prefix:local``; only a root's declares the ``whole`` namespace
    map.
    """
    prefix, _, local = name.partition(":")
    factory = ElementMaker(namespace=PREFIXES[prefix], nsmap=dict(WRITTEN) if whole else None)
    made: Callable[..., Element] = getattr(factory, local)
    return made


def element(record: Payload) -> Element:
    """The payload element of a record. :class:`ConfigurationError` names the record, the field and
    what it should be.
    """
    if not isinstance(record, Payload) or not record.wire_name:
        raise ConfigurationError(f"{type(record).__name__} is no payload, so it cannot be sent.")
    make = maker("oadr:" + record.wire_name, whole=True)
    return make(*_contents(type(record), record, type(record).__name__))


def _contents(cls: type[Record], record: object, path: str) -> list[Union[dict[str, str], Element]]:
    """What stands inside the element of a record: its attributes, then its elements."""
    if not isinstance(record, cls):
        raise ConfigurationError(f"{path} is {_shorten_value(record)}, expected {_article(cls)}.")
    flaw = record.flaw()
    if flaw:
        raise ConfigurationError(f"{path}: {flaw}.")
    plan = plan_of(cls)
    attributes = {}
    for field, name, match in plan.attributes:
        value = getattr(record, field)
        if value is not None:
            if not isinstance(value, str) or not match(value):
                raise ConfigurationError(
                    f"{path}.{field} is {value!r}, which the schema does not allow."
                )
            attributes[name] = value
    return [attributes, *_inner_elements(plan.root, record, path)]


def _shorten_value(value: object) -> str:
    """A wrong value as an error shows it: not a whole message."""
    text = repr(value)
    return text if len(text) <= 80 else f"{text[:77]}..."


def _article(cls: type[Record]) -> str:
    return f"{'an' if cls.__name__[0] in 'AEIOU' else 'a'} {cls.__name__}"


def _inner_elements(node: Node, record: Record, path: str) -> list[Element]:
    made: list[Element] = []
    for inner in node.nodes:
        if inner.declaration is not None:
            made += _leaf(inner, inner.declaration, record, f"{path}.{inner.field}")
        elif not inner.optional or any(_present(leaf, record) for leaf in inner.leaves()):
            made.append(maker(inner.name)(*_inner_elements(inner, record, path)))
    return made


def _present(leaf: Node, record: Record) -> bool:
    assert leaf.declaration is not None
    value = text_of(record, leaf.field, leaf.declaration)
    return value is not None and not (leaf.declaration.repeated and not value)


def _leaf(node: Node, declaration: Declaration, record: Record, path: str) -> list[Element]:
    if declaration.kind == "constant":
        return [maker(node.name)()]
    value = text_of(record, node.field, declaration)
    if declaration.repeated and len(_many(value, path)) < declaration.at_least:
        raise ConfigurationError(f"{path} is empty, expected at least one.")
    if value is None:
        if node.optional:
            return []
        expected = (
            _article(record_of(declaration))
            if declaration.record
            else _EXPECTED.get(declaration.kind, "a value")
        )
        raise ConfigurationError(f"{path} is missing, expected {expected}.")
    if declaration.kind in _NESTED:
        return _NESTED[declaration.kind](node, declaration, value, path)
    return [maker(node.name)(_text(node, declaration, value, path))]


def _many(value: object, path: str) -> tuple[object, ...]:
    """What a field with a sequence holds."""
    if not isinstance(value, tuple):
        raise ConfigurationError(f"{path} is {_shorten_value(value)}, expected a sequence.")
    return value


def _text(node: Node, declaration: Declaration, value: object, path: str) -> str:
    try:
        text = FORMATS[declaration.kind](declaration, value)
    except (ValueError, TypeError, AttributeError, ArithmeticError) as cause:
        raise ConfigurationError(f"{path} is {_shorten_value(value)}: {cause}.") from cause
    if node.match is not None and not node.match(text):
        raise ConfigurationError(
            f"{path} is {_shorten_value(value)}, which does not have the form that the schema "
            "wants."
        )
    return text


# --- elements inside elements ---------------------------------------------------------------------


def _child(node: Node, declaration: Declaration, value: object, path: str) -> list[Element]:
    return [maker(node.name)(*_contents(record_of(declaration), value, path))]


def _children(node: Node, declaration: Declaration, value: object, path: str) -> list[Element]:
    make = maker(node.name)
    return [
        make(*_contents(record_of(declaration), item, f"{path}[{position}]"))
        for position, item in enumerate(_many(value, path))
    ]


def _texts(node: Node, declaration: Declaration, value: object, path: str) -> list[Element]:
    make = maker(node.name)
    return [
        make(_check_text(item, f"{path}[{position}]"))
        for position, item in enumerate(_many(value, path))
    ]


def _check_text(value: object, path: str) -> str:
    try:
        return scalars.check_text(value)
    except (ValueError, TypeError) as cause:
        raise ConfigurationError(f"{path} is {_shorten_value(value)}: {cause}.") from cause


def _numbers(node: Node, declaration: Declaration, value: object, path: str) -> list[Element]:
    try:
        return [maker(node.name)(numbers_text(value))]
    except (ValueError, TypeError) as cause:
        raise ConfigurationError(f"{path} is {_shorten_value(value)}: {cause}.") from cause


def _targets(node: Node, declaration: Declaration, value: object, path: str) -> list[Element]:
    """All targets in one element, kinds in the order of the schema (ei:EiTargetType)."""
    if node.optional and not value:
        return []
    return [maker(node.name)(*target_elements(value, path))]


def target_elements(given: object, path: str) -> list[Element]:
    """The elements of targets, sorted by kind. ``ConfigurationError`` for what the schema has no
    element for.
    """
    targets: list[Target] = []
    for position, target in enumerate(_many(given, path)):
        if not isinstance(target, Target):
            raise ConfigurationError(
                f"{path}[{position}] is {_shorten_value(target)}, expected a Target."
            )
        targets.append(target)
    made = []
    for node in plan_of(Target).root.nodes:
        assert node.declaration is not None
        for position, target in enumerate(targets):
            if getattr(target, node.field) is not None:
                made += _leaf(node, node.declaration, target, f"{path}[{position}].{node.field}")
    return made


def _markup(node: Node, declaration: Declaration, value: object, path: str) -> list[Element]:
    try:
        return [feed_element(value)]
    except (ValueError, TypeError) as cause:
        raise ConfigurationError(f"{path}: {cause}.") from cause


def _measurement(node: Node, declaration: Declaration, value: object, path: str) -> list[Element]:
    return [unit_element(value, path)]


def unit_element(value: object, path: str) -> Element:
    """The unit element of a measurement. ``ConfigurationError`` for what the schema has no element
    for.
    """
    if not isinstance(value, Measurement):
        raise ConfigurationError(f"{path} is {_shorten_value(value)}, expected a Measurement.")
    flaw = value.flaw()
    if flaw:
        raise ConfigurationError(f"{path}: {flaw}.")
    make = maker(f"{UNITS[value.name].prefix}:{value.name}")
    if value.name == GREEN_BUTTON:
        return make(feed_element(value.feed))
    return make(*_unit_parts(value, path))


def _unit_parts(value: Measurement, path: str) -> list[Element]:
    """Description and units have the namespace of the unit; then comes the scale, or for pulses
    their factor.
    """
    prefix = UNITS[value.name].prefix
    parts = [
        maker(f"{prefix}:itemDescription")(
            _check_text(value.description or "", f"{path}.description")
        ),
        maker(f"{prefix}:itemUnits")(_check_text(value.unit, f"{path}.unit")),
    ]
    wanted, name = (
        ("pulse_factor", "oadr:pulseFactor")
        if value.name == "pulseCount"
        else ("scale", "scale:siScaleCode")
    )
    node = Node(name, False)
    node.field = wanted
    parts.append(
        maker(name)(
            _text(node, Measurement.declared[wanted], getattr(value, wanted), f"{path}.{wanted}")
        )
    )
    if UNITS[value.name].power:
        parts.append(
            maker("power:powerAttributes")(
                *_contents(PowerAttributes, value.power_attributes, f"{path}.power_attributes")
            )
        )
    return parts


_NESTED: dict[str, Callable[[Node, Declaration, object, str], list[Element]]] = {
    "child": _child,
    "children": _children,
    "texts": _texts,
    "numbers": _numbers,
    "targets": _targets,
    "markup": _markup,
    "measurement": _measurement,
}
