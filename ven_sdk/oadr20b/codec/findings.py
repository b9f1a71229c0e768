"""What a reading came across: deviations from the schema that could be understood, and errors with
their place.

One :class:`Findings` a message, used by one thread. Paths are made only when there is something to
say.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NoReturn, Optional

from ...errors import PayloadError
from .namespaces import local_name

if TYPE_CHECKING:
    from lxml.etree import _Element, _ElementUnicodeResult
    from typing_extensions import TypeAlias

Element: TypeAlias = "_Element"
TextResult: TypeAlias = "_ElementUnicodeResult"
"""An element of lxml, and a text that an XPath found: lxml's own names for both are private."""

_MOST_NOTES = 50
_LONGEST_VALUE = 80
_OUTSIDE = ("oadrSignedObject", "oadrPayload")
_NUMBERS = re.compile(r"\[\d+\]")


class Findings:
    """Collects deviations, or raises the first one where reading is ``strict``. ``unusual``: the
    plain reader was at work, which leaves text beside elements to a last look at the whole.
    """

    __slots__ = ("notes", "strict", "unusual", "_kinds")

    def __init__(self, strict: bool = False) -> None:
        self.strict: bool = strict
        self.unusual: bool = False
        self.notes: list[str] = []
        self._kinds: list[tuple[str, str]] = []

    def note(
        self, element: Element, text: str, value: Optional[str] = None, inside: str = ""
    ) -> None:
        """A deviation at ``element`` (or at ``inside`` below it) that reading copes with."""
        if self.strict:
            self.fail(element, text, value, inside)
        self.remark(element, text, value, inside)

    def remark(
        self, element: Element, text: str, value: Optional[str] = None, inside: str = ""
    ) -> None:
        """Something that the schema allows but that had to be interpreted. What many neighbours
        have in common is noted of the first.
        """
        if len(self.notes) >= _MOST_NOTES:
            return
        path = path_of(element, inside)
        kind = (_NUMBERS.sub("", path), text)
        if kind not in self._kinds:
            self._kinds.append(kind)
            self.notes.append(_sentence(path, text, value))

    def forget(self, count: int) -> None:
        """Drop all notes but the first ``count``: what they tell of was left out, or is read
        again.
        """
        del self.notes[count:]
        del self._kinds[count:]

    def fail(
        self, element: Element, text: str, value: Optional[str] = None, inside: str = ""
    ) -> NoReturn:
        """Something that cannot be read. Raises a ``PayloadError`` with its path."""
        path = path_of(element, inside)
        raise PayloadError(_sentence(path, text, value), path=path, value=_cut(value))


def _sentence(path: str, text: str, value: Optional[str]) -> str:
    return f"{path} {text}." if value is None else f"{path} {text}: {_cut(value)!r}."


def _cut(value: Optional[str]) -> Optional[str]:
    return (
        value
        if value is None or len(value) <= _LONGEST_VALUE
        else value[: _LONGEST_VALUE - 3] + "..."
    )


def path_of(element: Element, inside: str = "") -> str:
    """The names from the payload down to ``element``, with a number where neighbours have the same
    name.
    """
    steps = [inside] if inside else []
    step: Optional[Element] = element
    while step is not None:
        name = local_name(step.tag)
        if name in _OUTSIDE and steps:
            break
        steps.append(name + _number(step))
        step = step.getparent()
    return "/".join(reversed(steps))


def _number(element: Element) -> str:
    before = sum(1 for _ in element.itersiblings(element.tag, preceding=True))
    if before or next(element.itersiblings(element.tag), None) is not None:
        return f"[{before + 1}]"
    return ""
