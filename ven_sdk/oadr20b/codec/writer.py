"""From a record to its payload: :func:`payload_text` and :func:`element`, the only way out.

The work is done by :mod:`.plain_writer`, which is the definition of what is written how, or by what
:mod:`.compiled.writer` makes of the same declarations, which is faster and equal. Pure functions.
"""

from __future__ import annotations

from lxml import etree

from ...schema.common import Payload
from . import plain_writer
from .choice import PLAIN
from .compiled import writer as compiled_writer
from .findings import Element
from .namespaces import WRITTEN

_DECLARATIONS = tuple(f' xmlns:{prefix}="{uri}"' for prefix, uri in WRITTEN.items())


def payload_text(record: Payload, plain: bool = PLAIN) -> str:
    """The payload element of a record as text, without namespace declarations: those are the
    envelope's.

    What cannot be written validly is a :class:`ven_sdk.ConfigurationError` that names the record,
    the field and what it should be.
    """
    text = None if plain else compiled_writer.payload_text(record)
    if text is None:
        text = _without_declarations(
            etree.tostring(plain_writer.element(record), encoding="unicode")
        )
    return text


def _without_declarations(text: str) -> str:
    """The text of an element whose start tag declares all namespaces, without these."""
    start, end, rest = text.partition(">")
    for declaration in _DECLARATIONS:
        start = start.replace(declaration, "", 1)
    return start + end + rest


def element(record: Payload, plain: bool = PLAIN) -> Element:
    """The payload element of a record, in a tree of its own that declares all namespaces."""
    return etree.fromstring(
        f"<holder{''.join(_DECLARATIONS)}>{payload_text(record, plain)}</holder>"
    )[0]
