"""What people look for is found: each word stands in the page that is about it."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.docs.pages import blocks_of

DOCS = Path(__file__).resolve().parents[2] / "docs"
WIDTH = 95
"""Characters that docs/_static/ven.css makes room for."""


@pytest.mark.parametrize(
    "word, page",
    [
        ("jupyter", "notebook"),
        ("kW", "reports"),
        ("prometheus", "metrics"),
        ("proxy", "security"),
        ("upgrade", "upgrading"),
        ("systemd", "deployment"),
        ("crash", "durability"),
        ("openleadr", "coming-from-openleadr"),
    ],
)
def test_a_word_that_people_search_for_stands_in_its_page(word: str, page: str) -> None:
    assert word.lower() in (DOCS / f"{page}.rst").read_text(encoding="utf-8").lower()


def test_every_page_is_in_the_table_of_contents() -> None:
    listed = (DOCS / "index.rst").read_text(encoding="utf-8") + (
        DOCS / "protocol" / "index.rst"
    ).read_text(encoding="utf-8")
    pages = {path.stem for path in DOCS.rglob("[!_]*.rst")} - {"index"}

    assert {page for page in pages if page not in listed} == set()


@pytest.mark.parametrize("page", sorted(DOCS.rglob("[!_]*.rst")), ids=lambda page: page.stem)
def test_code_fits_the_page(page: Path) -> None:
    wide = [
        f"{block.line + number}: {line}"
        for block in blocks_of(page)
        if block.kind in ("python", "fragment")
        for number, line in enumerate(block.text.splitlines(), 1)
        if len(line) > WIDTH
    ]

    assert wide == []
