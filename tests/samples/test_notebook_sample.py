"""The sample notebook runs from top to bottom in a kernel of its own, and shows its tables and
pictures.
"""

from __future__ import annotations

import os
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

from tests.samples.conftest import SAMPLES
from tests.shared import has_libraries_of_samples

# They are looked for, not imported: that takes seconds, in each worker that collects the tests.
NEEDED = ("nbformat", "nbclient", "ipykernel", "pandas", "matplotlib_inline", "matplotlib")
MISSING = [name for name in NEEDED if find_spec(name) is None]
pytestmark = [
    pytest.mark.long,
    pytest.mark.skipif(
        bool(MISSING) and not has_libraries_of_samples(),
        reason=f"pip install '.[test-samples]' brings {', '.join(MISSING)}",
    ),
]


@pytest.fixture(scope="module")
def outputs(tmp_path_factory: pytest.TempPathFactory) -> list[Any]:
    """What the cells of the executed notebook show, cell by cell. The kernel is this interpreter
    and sees the source tree.
    """
    import nbclient
    import nbformat

    folder = tmp_path_factory.mktemp("kernel")
    spec = folder / "kernels" / "python3"
    spec.mkdir(parents=True)
    root = str(SAMPLES.parent).replace("\\", "/")
    (spec / "kernel.json").write_text(
        f'{{"argv": ["{sys.executable}", "-m", "ipykernel_launcher", "-f", '
        f'"{{connection_file}}"], "display_name": "Python 3",'
        f' "language": "python", "env": {{"PYTHONPATH": "{root}"}}}}',
        encoding="utf-8",
    )
    notebook = nbformat.read(SAMPLES / "notebook.ipynb", as_version=4)
    before = os.environ.get("JUPYTER_PATH")
    os.environ["JUPYTER_PATH"] = str(folder)
    try:
        nbclient.NotebookClient(
            notebook,
            timeout=60,
            kernel_name="python3",
            resources={"metadata": {"path": str(folder)}},
        ).execute()
    finally:
        if before is None:
            del os.environ["JUPYTER_PATH"]
        else:
            os.environ["JUPYTER_PATH"] = before
    _keep(notebook)
    return [cell.outputs for cell in notebook.cells if cell.cell_type == "code"]


def _keep(notebook: Any) -> None:
    """The executed notebook is kept where KEEP_NOTEBOOK says, to be looked at."""
    if "KEEP_NOTEBOOK" in os.environ:
        import nbformat

        nbformat.write(notebook, Path(os.environ["KEEP_NOTEBOOK"]))


def shown(outputs: list[Any]) -> list[dict[str, Any]]:
    return [output.data for cell in outputs for output in cell if "data" in output]


def test_clients_events_reports_and_schedules_are_tables(outputs: list[Any]) -> None:
    tables = [data["text/html"] for data in shown(outputs) if "text/html" in data]

    assert len(tables) == 7
    for table, words in zip(
        tables,
        (
            "registered as ven-1",
            "ELECTRICITY_PRICE",
            "resource_id charger-1",
            "0.35",
            "event_id",
            "meter-1-powerReal",
            "4.2",
        ),
    ):
        assert words in table


def test_pictures_are_drawn(outputs: list[Any]) -> None:
    assert len([data for data in shown(outputs) if "image/png" in data]) == 2


def test_nothing_is_printed_and_nothing_fails(outputs: list[Any]) -> None:
    assert [
        output for cell in outputs for output in cell if output.output_type in ("stream", "error")
    ] == []


def test_the_notebook_is_kept_without_its_outputs() -> None:
    import nbformat

    cells = nbformat.read(SAMPLES / "notebook.ipynb", as_version=4).cells

    assert [
        cell
        for cell in cells
        if cell.cell_type == "code" and (cell.outputs or cell.execution_count)
    ] == []
