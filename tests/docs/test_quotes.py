"""What the troubleshooting page quotes is what the SDK says: a message that changes takes its
quotation along.
"""

from __future__ import annotations

import ast
import functools
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs" / "troubleshooting.rst").read_text(encoding="utf-8")
QUOTES = re.findall(r'"([^"\n]+)"', PAGE)


@functools.cache
def texts() -> str:
    """All literal texts of the package; of an f-string its pieces."""
    return "\0".join(
        node.value
        for path in (ROOT / "ven_sdk").rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
    )


def test_there_are_quotations() -> None:
    assert len(QUOTES) >= 20


@pytest.mark.parametrize("quote", QUOTES)
def test_the_quotation_is_true(quote: str) -> None:
    for piece in quote.split("…"):
        known = piece.strip()
        known = (
            known[:-4] if re.fullmatch(r"HTTP status \d{3}", known) else known
        )  # the number is filled in
        assert known in texts()
