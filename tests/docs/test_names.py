"""The names that a newcomer is told to follow are there, and so is each file that a page names."""

from __future__ import annotations

import re
from importlib import import_module
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
SECTION = (
    (ROOT / "CONTRIBUTING.rst")
    .read_text(encoding="utf-8")
    .split("Three questions of a newcomer\n")[1]
    .split("\n\n\n")[0]
)
NAMES = sorted(set(re.findall(r"``([a-z]\w+\.(?:\w+\.)*\w+)``", SECTION)) - {"client.events"})
FILES = sorted(set(re.findall(r"``((?:tests|docs)/[\w/.]+)``", SECTION)))


def test_there_are_names_and_files() -> None:
    assert len(NAMES) > 12
    assert len(FILES) > 1


@pytest.mark.parametrize("name", NAMES)
def test_the_name_is_there(name: str) -> None:
    parts = name.split(".")
    for count in range(len(parts), 0, -1):
        try:
            found = import_module(".".join(("ven_sdk", *parts[:count])))
        except ModuleNotFoundError:
            continue
        for part in parts[count:]:
            found = getattr(found, part)
        return
    pytest.fail(f"there is no ven_sdk.{name}")


@pytest.mark.parametrize("file", FILES)
def test_the_file_is_there(file: str) -> None:
    assert (ROOT / file).is_file()


FOLDERS = tuple(
    map(ROOT.joinpath, ("", "ven_sdk", "ven_sdk/oadr20b", "samples", "deploy", "tests"))
)
PAGES = (*(ROOT / "docs").rglob("*.rst"), ROOT / "README.rst", ROOT / "CONTRIBUTING.rst")
MODULES = sorted(
    {
        (str(page.relative_to(ROOT)), name)
        for page in PAGES
        for name in re.findall(r"``([\w/*-]+/[\w*-]+\.py)``", page.read_text(encoding="utf-8"))
    }
)


@pytest.mark.parametrize(("page", "name"), MODULES)
def test_a_module_that_a_page_names_is_there(page: str, name: str) -> None:
    assert any(list(folder.glob(name)) for folder in FOLDERS), f"{page} names {name}"
