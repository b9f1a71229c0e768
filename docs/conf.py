"""Sphinx's settings. ``sphinx-build -W docs docs/_build`` builds the pages; the package must be
importable.
"""

from __future__ import annotations

import runpy
import sys
from pathlib import Path

from sphinx.application import Sphinx

_root = Path(__file__).resolve().parent.parent

project = "ven_sdk"
author = "the ven_sdk authors"
copyright = "2026, the ven_sdk authors"
release = version = runpy.run_path(str(_root / "ven_sdk" / "_version.py"))["__version__"]

sys.path.insert(0, str(Path(__file__).resolve().parent / "_ext"))
extensions = ["sphinx.ext.autodoc", "sphinx.ext.napoleon", "rules"]
exclude_patterns = ["_build", "**/_*.rst"]
html_theme = "furo"
html_static_path = ["_static"]
html_css_files = ["ven.css"]
html_title = f"ven_sdk {release}"

napoleon_use_ivar = True
autodoc_member_order = "bysource"
autodoc_typehints = "signature"
autodoc_default_options = {"members": True, "show-inheritance": True}


def _write_tables(_app: Sphinx) -> None:
    """Makes the pages that follow from code: the mutations of the tests, the declared messages."""
    sys.path.insert(0, str(_root))
    import messages

    from tests.mutations import events, failures, reports, rst

    docs = _root / "docs"
    for path, text in (
        ("contributing/_mutations-events.rst", rst(events.TABLE)),
        ("contributing/_mutations-reports.rst", rst(reports.TABLE)),
        ("contributing/_mutations-failures.rst", rst(failures.TABLE)),
        ("protocol/_messages.rst", messages.tables()),
    ):
        (docs / path).write_text(text, encoding="utf-8")


def setup(app: Sphinx) -> None:
    app.connect("builder-inited", _write_tables)
