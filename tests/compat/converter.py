"""The table of docs/coming-from-openleadr.rst, applied as it stands there: the documentation is the
converter.
"""

from __future__ import annotations

import re
from pathlib import Path

PAGE = Path(__file__).resolve().parents[2] / "docs" / "coming-from-openleadr.rst"
_ROW = re.compile(r"^   \* - ``(.*)``\n     -(?: ``(.*)``)?$", re.MULTILINE)


def table() -> list[tuple[str, str]]:
    """(old, new) of each row of the list-table ``Replacements``."""
    text = PAGE.read_text(encoding="utf-8")
    part = text[text.index("list-table:: Replacements") :]
    return _ROW.findall(part[: part.index("\n\nSo this")])


def converted(program: str) -> str:
    """``program`` after all replacements, from top to bottom; what is replaced by nothing takes its
    blank along.
    """
    for old, new in table():
        program = re.sub(_pattern(old) + ("" if new else " ?"), lambda _, new=new: new, program)
    return program


def _pattern(old: str) -> str:
    return rf"(?<![\w.]){re.escape(old)}" + (r"\b" if old[-1].isalnum() else "")
