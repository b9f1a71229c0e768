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

extensions = ["sphinx.ext.autodoc"]
exclude_patterns = ["_build", "**/_*.rst"]
html_theme = "furo"
html_title = f"ven_sdk {release}"

autodoc_member_order = "bysource"
autodoc_typehints = "signature"
autodoc_default_options = {"members": True, "show-inheritance": True}


def _write_mutation_tables(_app: Sphinx) -> None:
    """Makes the tables of docs/contributing from those that the tests use."""
    sys.path.insert(0, str(_root))
    from tests.mutations import events, reports, rst

    for name, table in (("events", events.TABLE), ("reports", reports.TABLE)):
        page = _root / "docs" / "contributing" / f"_mutations-{name}.rst"
        page.write_text(rst(table), encoding="utf-8")


def setup(app: Sphinx) -> None:
    app.connect("builder-inited", _write_mutation_tables)
