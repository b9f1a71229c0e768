"""Sphinx's settings. ``sphinx-build -W docs docs/_build`` builds the pages; the package must be
importable.
"""

from __future__ import annotations

import runpy
from pathlib import Path

_root = Path(__file__).resolve().parent.parent

project = "ven_sdk"
author = "the ven_sdk authors"
copyright = "2026, the ven_sdk authors"
release = version = runpy.run_path(str(_root / "ven_sdk" / "_version.py"))["__version__"]

extensions = ["sphinx.ext.autodoc"]
exclude_patterns = ["_build"]
html_theme = "furo"
html_title = f"ven_sdk {release}"

autodoc_member_order = "bysource"
autodoc_typehints = "signature"
autodoc_default_options = {"members": True, "show-inheritance": True}
