"""Which of the two readers and writers is used: the compiled ones, unless the environment asks for
the plain ones.

``VEN_SDK_PLAIN_CODEC=1`` is for looking for a fault and for the tests; both give the same. Read
once, at import.
"""

from __future__ import annotations

import os

PLAIN = os.environ.get("VEN_SDK_PLAIN_CODEC", "") not in ("", "0")
