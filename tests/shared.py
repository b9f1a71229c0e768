"""The example messages that many tests read: one file for each kind of message, and more where a
kind has several forms.
"""

from __future__ import annotations

from pathlib import Path

EXAMPLES = Path(__file__).resolve().parent / "data" / "wire-examples"


def wire_examples() -> list[Path]:
    """The example messages, in order."""
    return sorted(EXAMPLES.glob("*.xml"))
