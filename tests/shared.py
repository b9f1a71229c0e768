"""Where the protocol reference is, whose examples many tests read: a folder beside the clone, or
VEN_SDK_SHARED.

A machine without it runs every other test; what needs it is skipped and says so.
"""

from __future__ import annotations

import os
from pathlib import Path

SHARED = Path(os.environ.get("VEN_SDK_SHARED") or Path(__file__).resolve().parents[2] / "shared")
MISSING = (
    f"the protocol reference is not at {SHARED}: set VEN_SDK_SHARED to the folder that holds "
    f"protocol/"
)


def wire_examples() -> list[Path]:
    """The example messages, in order; empty where there is no reference (a table test of none is
    skipped).
    """
    return sorted((SHARED / "protocol" / "wire-examples").glob("*.xml"))
