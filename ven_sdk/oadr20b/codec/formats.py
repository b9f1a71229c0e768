"""What both writers know of single values: their text on the wire, and foreign markup. Pure
functions.

Everything here raises ``ValueError`` or ``TypeError`` for what must not be written; the writers say
where it stands.
"""

from __future__ import annotations

from typing import Callable, Optional

from lxml import etree

from ...schema.declaration import Declaration
from ...schema.record import Record
from . import scalars
from .complete import DERIVABLE
from .findings import Element
from .namespaces import tag

_FEED = tag("atom:feed")


def text_of(record: Record, field: str, declaration: Declaration) -> object:
    """A field's value as far as it is written: nothing for what reading had derived."""
    if declaration.kind == "test_flag":
        return test_flag_text(getattr(record, field), getattr(record, declaration.companion))
    value = getattr(record, field)
    if getattr(record, "derived", 0) & DERIVABLE.get(field, 0):
        return None
    return (
        None
        if value == ""
        and declaration.kind == "text"
        and (declaration.optional or declaration.default is None)
        else value
    )


def test_flag_text(flag: bool, text: Optional[str]) -> Optional[str]:
    """The text of ``testEvent``: the one that was received as long as it means the same (rule
    E41).
    """
    if flag == (text is not None and text != "false"):
        return text
    return "true" if flag else "false"


def token_text(declaration: Declaration, value: object) -> str:
    """A word of the declaration's vocabulary. ``ValueError`` for what the schema does not allow."""
    word = scalars.check_text(value)
    if declaration.values is None or word in declaration.values:
        return word
    if (
        declaration.extensible
        and word.startswith("x-")
        and len(word) > 2
        and word == " ".join(word.split())
    ):
        return word
    raise ValueError(
        f"expected one of {', '.join(sorted(declaration.values))}"
        + " or an x- token" * declaration.extensible
    )


def integer_text(declaration: Declaration, value: object) -> str:
    """A whole number in the declared range. ``TypeError`` for a value of another type.
    ``ValueError`` for what the schema does not allow.
    """
    if isinstance(value, bool) or not hasattr(value, "__index__"):
        raise TypeError("expected a whole number")
    if not declaration.low <= int(value) <= declaration.high:
        raise ValueError(f"expected a whole number from {declaration.low} to {declaration.high}")
    return str(int(value))


def boolean_text(value: object) -> str:
    """``true`` or ``false``. ``TypeError`` for a value of another type."""
    if value not in (True, False):
        raise TypeError("expected True or False")
    return scalars.BOOLEAN_TEXT[bool(value)]


def numbers_text(value: object) -> str:
    """Numbers with blanks between them. ``TypeError`` for a value of another type."""
    if not isinstance(value, tuple):
        raise TypeError("expected numbers")
    return " ".join(map(scalars.format_number, value))


FORMATS: dict[str, Callable[[Declaration, object], str]] = {
    "text": lambda declaration, value: scalars.check_text(value),
    "token": token_text,
    "boolean": lambda declaration, value: boolean_text(value),
    "integer": integer_text,
    "number": lambda declaration, value: scalars.format_number(value),
    "numbers": lambda declaration, value: numbers_text(value),
    "decimal": lambda declaration, value: scalars.format_decimal(value),
    "date_time": lambda declaration, value: scalars.format_date_time(value),
    "duration": lambda declaration, value: (
        scalars.format_duration if declaration.negative else scalars.format_positive_duration
    )(value),
    "test_flag": lambda declaration, value: scalars.check_text(value),
}


def feed_element(text: object) -> Element:
    """The element of an Atom feed that is given as text. What stands in it is its author's
    responsibility. ``TypeError`` for a value of another type. ``ValueError`` for what the schema
    does not allow.
    """
    if not isinstance(text, (str, bytes)):
        raise TypeError("expected an Atom feed as text")
    parser = etree.XMLParser(
        resolve_entities=False,
        no_network=True,
        load_dtd=False,
        huge_tree=False,
        remove_comments=True,
        remove_pis=True,
    )
    try:
        root = etree.fromstring(text.encode("utf-8") if isinstance(text, str) else text, parser)
    except etree.XMLSyntaxError as cause:
        raise ValueError(f"is no well-formed XML ({cause})") from cause
    if root.tag != _FEED:
        raise ValueError(f"begins with {root.tag}, expected {_FEED}")
    if next(root.iter(etree.Entity), None) is not None:
        raise ValueError("refers to an entity of a DTD, which no message has")
    return root
