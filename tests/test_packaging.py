"""What `pip install` brings, what the README promises, and that CI runs what the README says."""

from __future__ import annotations

import ast
import configparser
import importlib.util
import re
import runpy
import subprocess
import sys
from pathlib import Path

import pytest


@pytest.fixture(scope="module")
def setup_cfg(root: Path) -> configparser.ConfigParser:
    config = configparser.ConfigParser()
    config.read(root / "setup.cfg", encoding="utf-8")
    return config


@pytest.fixture(scope="module")
def readme(root: Path) -> str:
    return (root / "README.rst").read_text(encoding="utf-8")


def lines(text: str) -> list[str]:
    return [line for line in text.splitlines() if line]


def package_name(requirement: str) -> str:
    match = re.match(r"[\w-]+", requirement)
    assert match, requirement
    return match.group()


def test_installing_brings_the_five_packages_and_nothing_else(
    setup_cfg: configparser.ConfigParser,
) -> None:
    required = lines(setup_cfg["options"]["install_requires"])

    assert {package_name(line) for line in required} == {
        "requests",
        "defusedxml",
        "lxml",
        "signxml",
        "cryptography",
    }


def test_the_lowest_versions_that_ci_tests_are_those_that_are_accepted(
    setup_cfg: configparser.ConfigParser, root: Path
) -> None:
    accepted = {
        package_name(line): re.search(r">=([\d.]+)", line)
        for line in lines(setup_cfg["options"]["install_requires"])
    }
    tested = dict(
        line.split("==")
        for line in (root / ".ci" / "lowest.txt").read_text(encoding="utf-8").splitlines()
        if not line.startswith("#")
    )

    assert tested.keys() == accepted.keys()
    for name, lowest in accepted.items():
        assert lowest, f"{name} has no lower bound"
        assert tested[name].startswith(lowest.group(1))


def test_extras_are_there_for_what_not_everybody_needs(
    setup_cfg: configparser.ConfigParser,
) -> None:
    extras: dict[str, list[str]] = {
        name: lines(text) for name, text in setup_cfg["options.extras_require"].items()
    }

    assert {"test", "test-samples", "docs", "dev", "metrics", "pandas", "plot"} <= extras.keys()
    assert {"pytest", "hypothesis", "openleadr", "responses"} <= {
        package_name(line) for line in extras["test"]
    }


def test_the_command_and_the_module_are_the_same_program(
    setup_cfg: configparser.ConfigParser, root: Path
) -> None:
    assert lines(setup_cfg["options.entry_points"]["console_scripts"]) == [
        "ven-sdk = ven_sdk.cli:main"
    ]
    assert "from .cli import main" in (root / "ven_sdk" / "__main__.py").read_text(encoding="utf-8")


def test_every_folder_of_the_package_is_a_package(root: Path) -> None:
    folders = {path.parent for path in (root / "ven_sdk").rglob("*.py")}

    assert [
        str(folder.relative_to(root))
        for folder in sorted(folders)
        if not (folder / "__init__.py").is_file()
    ] == []


def test_type_checkers_see_our_annotations(root: Path) -> None:
    assert (root / "ven_sdk" / "py.typed").is_file()
    assert "py.typed" in (root / "MANIFEST.in").read_text(encoding="utf-8")


def test_the_version_is_the_one_that_setup_reads(root: Path) -> None:
    if not importlib.util.find_spec("setuptools"):
        pytest.skip("setuptools is not installed here; pip brings it where it builds")
    said = subprocess.run(
        [sys.executable, "setup.py", "--version"],
        cwd=root,
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )

    assert (
        said.stdout.split()[-1]
        == runpy.run_path(str(root / "ven_sdk" / "_version.py"))["__version__"]
    )


def test_the_readme_sets_up_with_two_commands(readme: str) -> None:
    commands = re.findall(r"^ +(python3 -m venv .*)$", readme, re.MULTILINE)

    assert len(commands) == 2
    assert commands[0].endswith("ven-sdk demo")
    assert commands[1].endswith("pytest")


def test_every_python_that_we_claim_is_tested(
    setup_cfg: configparser.ConfigParser, root: Path
) -> None:
    claimed = re.findall(r"Python :: (3\.\d+)", setup_cfg["metadata"]["classifiers"])
    workflow = (root / ".github" / "workflows" / "ci.yml").read_text(encoding="utf-8")

    assert claimed == re.findall(r'"(3\.\d+)"', workflow)
    assert "run: .ci/run" in workflow
    assert setup_cfg["options"]["python_requires"] == f">={claimed[0]}"


def test_commits_that_only_formatted_are_named_in_full(root: Path) -> None:
    text = (root / ".git-blame-ignore-revs").read_text(encoding="utf-8")
    commits = [line for line in text.splitlines() if line and not line.startswith("#")]

    assert commits and all(re.fullmatch(r"[0-9a-f]{40}", commit) for commit in commits)


def test_ci_takes_its_commands_from_the_readme(root: Path) -> None:
    script = (root / ".ci" / "run").read_text(encoding="utf-8")

    assert "README.rst" in script
    assert "pip install '.[test]'" not in script


def test_the_readme_s_python_is_python(readme: str) -> None:
    blocks = re.findall(r"^\.\. code-block:: python\n\n((?:    .*\n|\n)+)", readme, re.MULTILINE)

    assert blocks
    for block in blocks:
        ast.parse("\n".join(line[4:] for line in block.splitlines()))
