"""``ven-sdk init``: what it writes runs at once, and it never touches what is there."""

from __future__ import annotations

import importlib.util
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.cli.programs import Program, call
from ven_sdk.cli import main
from ven_sdk.cli.init.command import FILES, KINDS

needs_toml = pytest.mark.skipif(
    not (importlib.util.find_spec("tomllib") or importlib.util.find_spec("tomli")),
    reason="no TOML reader: the extra 'toml' brings one for Python before 3.11",
)


EACH_KIND = [
    kind if kind == "fleet" else pytest.param(kind, marks=pytest.mark.long) for kind in KINDS
]


@needs_toml
@pytest.mark.parametrize("kind", EACH_KIND)
def test_what_it_writes_runs_against_the_test_vtn_at_once(kind: str, tmp_path: Path) -> None:
    with Program("vtn", "--port", "0", "--no-page", "--poll-frequency", "1") as vtn:
        url = vtn.value("vtn_url")
        assert main(["init", str(tmp_path / "site"), "--kind", kind, "--vtn-url", url]) == 0
        file = tmp_path / "site" / "ven.toml"
        assert call("run", "--check", str(file)).returncode == 0

        with Program("run", str(file)) as ven:
            vtn.wait_for("please register me")
            vtn.wait_for("I can report")
            assert ven.end(signal.SIGTERM) == 0
        assert "Traceback" not in ven.text


@pytest.mark.parametrize("kind", EACH_KIND)
def test_its_test_passes(kind: str, tmp_path: Path, clean_env: dict[str, str]) -> None:
    assert main(["init", str(tmp_path / "site"), "--kind", kind]) == 0

    done = subprocess.run(
        [
            *(sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider"),
            *("-p", "ven_sdk.testing.plugin", str(tmp_path / "site" / "test_site.py")),
        ],
        env={**clean_env, "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"},
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )

    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize(
    "url, says",
    [
        ("http://127.0.0.1:8080", "ven-sdk vtn in one terminal, ven-sdk run "),
        ("http://localhost:9000", "ven-sdk vtn --port 9000 in one terminal, ven-sdk run "),
        ("https://vtn.example.com", "ven-sdk doctor https://vtn.example.com, then ven-sdk run '"),
    ],
)
def test_it_names_what_to_run_with_the_ven(
    url: str, says: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["init", str(tmp_path / "my site"), "--vtn-url", url]) == 0

    assert says in " ".join(capsys.readouterr().out.split())


def test_what_is_there_already_is_not_touched(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "site.py").write_text("mine")

    assert main(["init", str(tmp_path)]) == 2
    assert "site.py is there already: nothing was written" in capsys.readouterr().err
    assert [path.name for path in tmp_path.iterdir()] == ["site.py"]


@pytest.mark.parametrize(
    "words, says",
    [
        (("--kind", "metr"), "did you mean meter?"),
        (("--vtn-url", "vtn.example.com"), "must look like"),
        (("--ven-name", 'a"b'), "use letters, digits"),
        (("--ven-name", ""), "use letters, digits"),
        (("/proc/no",), "cannot be written"),
        (("metre",), "write --kind meter"),
        (("charger",), "write --kind charger"),
    ],
)
def test_wrong_words_are_told_and_nothing_is_written(
    words: "tuple[str, ...]", says: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = (str(tmp_path),) if words[0].startswith("--") else ()

    assert main(["init", *folder, *words]) == 2
    assert says in " ".join(capsys.readouterr().err.split())
    assert not list(tmp_path.iterdir())


def test_the_three_files_are_named_as_documented() -> None:
    assert set(FILES) == {"ven.toml", "site.py", "test_site.py"}
