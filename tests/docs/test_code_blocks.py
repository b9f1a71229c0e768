"""Every Python block of the documentation and of the README runs, page by page, against a VTN on
this machine.
"""

from __future__ import annotations

import logging
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.docs.pages import Block, Stage, blocks_of
from tests.shared import library
from ven_sdk.testing import LocalVTN

ROOT = Path(__file__).resolve().parents[2]
ELSEWHERE = {"testing": "tests/testing/test_docs_testing.py"}
"""Pages whose blocks have a test of their own."""
NAMES = {
    "metrics": (
        "from ven_sdk import OpenADRClient",
        "client = OpenADRClient('ven123', 'http://localhost:8080')",
        "page_somebody = print",
    ),
    "scaling": (
        "from types import SimpleNamespace as S",
        "site = S(name='site-7', cert='ven.pem', key='ven.key', meter=S(read=lambda: 4200), "
        "decide=lambda _: 'optIn')",
        "sites = {site.name: site}",
    ),
}
"""What a page about the inside takes for granted."""

AFTER = {"README": "test_every_event_is_accepted(vtn)\n"}
"""What runs after the blocks of a page whose readers see its source."""
LIBRARIES = {"notebook": ("pandas", "matplotlib")}
"""What the blocks of a page import that not everybody has."""

PAGES = {
    page.stem: page
    for page in [ROOT / "README.rst", *sorted((ROOT / "docs").glob("*.rst"))]
    if page.stem not in ELSEWHERE and blocks_of(page)
}


@pytest.fixture
def vtn() -> Iterator[LocalVTN]:
    with LocalVTN(poll_frequency=1, ask_for_reports=True) as vtn:
        yield vtn


@pytest.fixture
def secure() -> Iterator[LocalVTN]:
    with LocalVTN(poll_frequency=1, ask_for_reports=True, tls=True, sign=True) as vtn:
        yield vtn


@pytest.fixture
def quiet() -> Iterator[None]:
    """A page may switch logging on; afterwards it is as it was."""
    logger = logging.getLogger("ven_sdk")
    before = logger.level, list(logger.handlers)
    yield
    logger.setLevel(before[0])
    logger.handlers[:] = before[1]


@pytest.fixture
def stage(
    request: pytest.FixtureRequest,
    vtn: LocalVTN,
    secure: LocalVTN,
    quiet: None,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[Stage]:
    page: Path = PAGES[request.param]
    for name in LIBRARIES.get(page.stem, ()):
        library(name)
    mine = secure.client_cert("ven123", "rsa")
    for source, name in (
        (mine.cert, "ven.pem"),
        (mine.key, "ven.key"),
        (secure.ca_file, "utility-ca.pem"),
    ):
        shutil.copy(source, tmp_path / name)
    monkeypatch.chdir(tmp_path)
    names: "dict[str, Any]" = {}
    for line in NAMES.get(page.stem, ()):
        exec(line, names)
    stage = Stage(page, vtn, secure, **names)
    yield stage
    stage.close()


@pytest.mark.parametrize("stage", sorted(PAGES), indirect=True, ids=str)
def test_the_blocks_of_the_page_run(stage: Stage) -> None:
    for block in blocks_of(stage.page):
        stage.run(block)
    if stage.page.stem in AFTER:
        stage.run(Block("behold", 0, AFTER[stage.page.stem]))


def test_there_are_pages_with_blocks() -> None:
    assert {
        "README",
        "first-ten-minutes",
        "events",
        "reports",
        "coming-from-openleadr",
        "troubleshooting",
    } <= set(PAGES)


def test_few_blocks_are_fragments() -> None:
    kinds = [block.kind for page in PAGES.values() for block in blocks_of(page)]

    assert kinds.count("fragment") * 10 <= kinds.count("python")


def test_pages_with_a_test_of_their_own_have_it() -> None:
    assert [
        test
        for page, test in ELSEWHERE.items()
        if (ROOT / "docs" / f"{page}.rst").exists() and not (ROOT / test).is_file()
    ] == []


def test_what_a_block_is_can_be_told(tmp_path: Path) -> None:
    page = tmp_path / "page.rst"
    page.write_text(
        "Title\n\n.. fragment\n\n.. code-block:: python\n\n   one = 1\n\n.. code-block:: "
        "python\n   :linenos:\n\n"
        "   two = 2\n\n   three = 3\n\nText\n\n.. behold\n\n   assert two\n",
        encoding="utf-8",
    )

    assert blocks_of(page) == [
        Block("fragment", 6, "one = 1\n\n"),
        Block("python", 11, "two = 2\n\nthree = 3\n\n"),
        Block("behold", 19, "assert two\n"),
    ]
