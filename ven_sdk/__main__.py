"""``python -m ven_sdk``: the same as the command ``ven-sdk``. Everything it does is in
:mod:`ven_sdk.cli`.
"""

from __future__ import annotations

import sys

from .cli import main

if __name__ == "__main__":
    sys.exit(main())
