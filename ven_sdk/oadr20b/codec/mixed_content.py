"""Text that stands beside elements. The schema has none: an element holds elements or text, but for
feeds, which may hold any markup. Pure functions.
"""

from __future__ import annotations

from typing import Optional, cast

from lxml import etree

from . import contents
from .findings import Element, Findings, TextResult, path_of
from .namespaces import ATOM, namespace_of

WHITE = " \t\r\n"
"""The white space of XML."""
_TEXTS = etree.XPath("descendant-or-self::text()[../*][normalize-space()]")


def refuse_mixed_content(element: Element) -> None:
    """``ValueError`` for text beside elements, anywhere in ``element``. For elements that hold a
    few, where a walk takes half of the time of an XPath; feeds are none of them, and are refused.
    """
    for each in element.iter():
        if len(each):
            for text in (each.text, *[child.tail for child in each]):
                if text and text.strip(WHITE):
                    raise ValueError("text beside elements")


def note_mixed_content(element: Element, findings: Findings) -> None:
    """Note the first text beside elements in ``element``, unless it is a value, and what stands
    beside it was noted.
    """
    found = text_beside_elements(element)
    if found is not None and not _is_noted(found[0], findings):
        contents.note_stray_text(found[0], found[1], findings)


def text_beside_elements(element: Element) -> Optional[tuple[Element, str]]:
    """The first text beside elements inside ``element``, and where; feeds apart."""
    for text in cast("list[TextResult]", _TEXTS(element)):
        holder = text.getparent()
        if holder is not None and text.is_tail:
            holder = holder.getparent()
        if holder is not None and not _in_feed(holder):
            return holder, str(text)
    return None


def _in_feed(element: Element) -> bool:
    return any(namespace_of(each.tag) == ATOM for each in (element, *element.iterancestors()))


def _is_noted(element: Element, findings: Findings) -> bool:
    known = f"{path_of(element)} {contents.HOLDS_ELEMENTS}"
    return any(note.startswith(known) for note in findings.notes)
