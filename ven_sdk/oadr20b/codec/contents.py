"""What stands in an element beside what belongs there: a value wrapped once more, stray text, or
nothing at all. Pure functions.
"""

from __future__ import annotations

from typing import Optional

from ...errors import PayloadError
from .findings import Element, Findings
from .namespaces import local_name

HOLDS_ELEMENTS = "holds elements, where only text belongs"
"""What is noted of a value with elements beside its text."""
_WRAPPERS = frozenset(("date-time", "duration", "text", "value", "payloadFloat"))
"""Elements that others put around a value."""


def innermost(element: Element) -> Optional[Element]:
    """The element that holds a value which a peer has wrapped once more, or None."""
    inner = element
    while len(inner) == 1 and _is_wrapper(inner[0], inner):
        inner = inner[0]
    wrapped = inner is not element and not len(inner) and not (element.text or "").strip()
    return inner if wrapped else None


def _is_wrapper(element: Element, around: Element) -> bool:
    """Whether an element inside another adds nothing to it: one that others put around values, or
    the same once more.
    """
    name = local_name(element.tag)
    return name in _WRAPPERS or name == local_name(around.tag)


def is_empty(element: Element) -> bool:
    """Whether nothing stands in an element, which is as if it was not there (rule G5)."""
    return not len(element) and not (element.text or "").strip()


def note_stray_text(element: Element, text: str, findings: Findings) -> None:
    """The note of a text that says nothing where it stands."""
    passed_over = "" if findings.strict else ", which was passed over"
    stray = f"holds text where only elements belong{passed_over}"
    findings.note(element, stray, text.strip())


def note_text_alone(element: Element, findings: Findings) -> bool:
    """The same of an element that holds a text and none of the elements that belong there; whether
    it is one.
    """
    is_alone = not len(element) and not is_empty(element)
    if is_alone:
        note_stray_text(element, element.text or "", findings)
    return is_alone


def left_out(error: PayloadError) -> str:
    """What a note says of a part that was left out for an error."""
    return f"was left out: {str(error).rstrip('.')}"
