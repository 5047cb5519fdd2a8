"""The cells of docs/notebooks.md in a real kernel."""

import json
import os
import signal
import threading
import time
from collections.abc import Iterator
from typing import Any

import pytest
from pages import blocks

nbclient = pytest.importorskip(
    "nbclient", reason="nbclient is not installed; make tools installs it and runs this"
)
pytest.importorskip("ipykernel", reason="ipykernel is not installed; make tools installs it and runs this")

pytestmark = pytest.mark.filterwarnings("ignore")  # of Jupyter
LIGHT = 1_500_000
"""Bytes of a result with all its figures."""
LONG = """
endless = sweeper.Study(**{**asked, "name": "endless", "search": {**asked["search"], "trials": 5000},
                           "training": {**asked["training"], "epochs": 100}})
sweeper.run(endless, sweeper.Options(jobs=1))
"""


@pytest.fixture(scope="module")
def notebook(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """The cells of the page, executed in a kernel that is still there."""
    import nbformat

    cells = [block.text for block in blocks("docs/notebooks.md", "python")]
    cells[0] = cells[0].replace("sweeper.Study(\n", "asked = dict(\n").replace("study = asked", "asked")
    cells[0] = cells[0].replace("result = sweeper.run(study)", "study = sweeper.Study(**asked)")
    cells.insert(1, "result = sweeper.run(study, sweeper.Options(jobs=2))")
    made = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(cell) for cell in cells])
    folder = tmp_path_factory.mktemp("notebook")
    client = nbclient.NotebookClient(made, timeout=300, resources={"metadata": {"path": str(folder)}})
    with client.setup_kernel():
        for number, cell in enumerate(made.cells):
            client.execute_cell(cell, number)
        client.folder = folder
        yield client


def outputs(client: Any, cell: int, kind: str) -> list[Any]:
    """Outputs of one kind below a cell."""
    return [each for each in client.nb.cells[cell].outputs if each.output_type == kind]


def test_a_run_has_one_display(notebook: Any) -> None:
    """Progress is one display that ends in the last state; nothing stands beside it."""
    (shown,) = outputs(notebook, 1, "display_data")
    assert "12/12 trials" in shown.data["text/html"]
    assert outputs(notebook, 1, "stream") == []


def test_functions_of_cells_are_trained(notebook: Any) -> None:
    """Every trial completed or diverged in a worker process, none failed, and the user's score ranks them."""
    said = "print(result.trials['outcome'].eq('failed').sum(), result.best['objective'].max())"
    failed, best = text_of(new_cell(notebook, said)).split()
    assert int(failed) == 0
    assert 0.5 < float(best) <= 1


def test_a_result_is_shown_with_its_figures(notebook: Any) -> None:
    """The last value of a cell: answer and figures embedded, light; one figure of `figures` alone."""
    (result,) = outputs(notebook, 2, "execute_result")
    html = result.data["text/html"]
    assert html.count("<img ") > 8
    assert html.count("data:image/png;base64,") == html.count("<img ")
    assert "Use " in html
    assert len(html) < LIGHT
    (figure,) = outputs(notebook, 3, "execute_result")
    assert figure.data["text/html"].count("<img ") == 1


def test_the_answer_is_data(notebook: Any) -> None:
    """Its dictionary is that of `sweeper best --json`."""
    cell = new_cell(notebook, "import json; print(json.dumps(answer.to_dict()))")
    found = json.loads(text_of(cell))
    assert found["confirmed"]["low"] <= found["confirmed"]["mean"] <= found["confirmed"]["high"]
    assert set(found["parameters"]) >= {"optimizer", "learning_rate", "activation"}


def test_an_interrupted_kernel_keeps_what_is_finished(notebook: Any) -> None:
    """KeyboardInterrupt ends the cell; the trials are on record, and the kernel lives."""

    def interrupt() -> None:
        records = notebook.folder / "runs" / "endless" / "records"
        for _ in range(600):
            if any(records.glob("*")) and len(list(records.glob("**/*.parquet"))) > 3:
                break
            time.sleep(0.1)
        os.kill(notebook.km.provisioner.pid, signal.SIGINT)

    other = threading.Thread(target=interrupt)
    other.start()
    cell = new_cell(notebook, LONG, raises=True)
    other.join(60)
    (error,) = [each for each in cell.outputs if each.output_type == "error"]
    assert error.ename == "KeyboardInterrupt"
    kept = new_cell(notebook, "print(len(sweeper.load_result('endless').trials))")
    assert 0 < int(text_of(kept)) < 5000


def new_cell(client: Any, source: str, *, raises: bool = False) -> Any:
    """A further cell, executed."""
    import nbformat

    cell = nbformat.v4.new_code_cell(source)
    cell.metadata["tags"] = ["raises-exception"] if raises else []
    client.nb.cells.append(cell)
    return client.execute_cell(cell, len(client.nb.cells) - 1)


def text_of(cell: Any) -> str:
    """What a cell printed."""
    return "".join(each.text for each in cell.outputs if each.output_type == "stream")
