"""A run whose data or code have changed since it began."""

import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from quick_runs import without_workers
from whole_runs import comparable, run, study

from sweeper.errors import RunFolderError
from sweeper.records.reading import load
from sweeper.records.run_files import PLAN


@pytest.mark.parametrize("trials", [12, 14])
def test_a_run_does_not_go_on_with_other_data(trials: int, tmp_path: Path) -> None:
    """One cell changed: nothing is trained, and the message says how to go on; the same data, it goes on."""
    rows = pd.DataFrame(np.random.default_rng(0).normal(size=(60, 3)), columns=["a", "b", "c"])
    rows["y"] = (rows["a"] > 0).astype(int)
    file = tmp_path / "rows.csv"

    def again(frame: pd.DataFrame, total: int) -> pd.DataFrame:
        frame.to_csv(file, index=False)
        return comparable(
            run(tmp_path, study(data={"source": str(file), "target": "y"}, search={"trials": total}))
        )

    with without_workers():
        first = again(rows, 12)
        with pytest.raises(
            RunFolderError, match=r"was trained on other data: SHA-256 \w{12} there, \w{12} now"
        ):
            again(rows.assign(b=rows["b"].where(rows.index != 7, 9.0)), trials)
        assert len(load(tmp_path / "runs" / "tiny" / "records").trials) == len(first)
        assert len(again(rows, trials)) >= len(first)


WIDE = """
from torch import nn


def model(in_features, out_features, activation, width=8):
    return nn.Sequential(nn.Linear(in_features, width), activation(), nn.Linear(width, out_features))


def score(output, target):
    return (output.argmax(1) == target).double().mean()
"""


@pytest.mark.parametrize(
    ("old", "new", "what"),
    [("width=8", "width=32", "model changing:model"), (".mean()", ".mean() / 2", "metric 0 changing:score")],
)
def test_a_run_does_not_go_on_with_other_code(
    old: str, new: str, what: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A model or a score that was changed is told; with the code as it was, it goes on."""
    file = tmp_path / "changing.py"
    own = {"model": {"source": "changing:model"}, "training": {"metrics": ["changing:score"]}}

    def again(text: str) -> pd.DataFrame:
        file.write_text(text, encoding="utf-8")
        sys.modules.pop("changing", None)
        asked = study(search={"trials": 12}, model=own["model"], training=own["training"])
        return comparable(run(tmp_path, asked))

    monkeypatch.syspath_prepend(tmp_path)
    with without_workers():
        first = again(WIDE)
        with pytest.raises(RunFolderError, match=f"was trained with other code: {what} is not as before"):
            again(WIDE.replace(old, new))
        assert len(again(f"# as it was\n{WIDE}")) == len(first)


OWN = """
from torch import nn


def model(in_features, out_features):
    hidden = [nn.Linear(in_features, 8), nn.ReLU(), nn.Linear(8, 8), nn.Tanh()]
    return nn.Sequential(*hidden, nn.Linear(8, out_features))
"""


@pytest.mark.parametrize(
    ("then", "refused"),
    [
        ("swapped: 1; kept: 3", "3 was kept and is swapped now"),
        ("swapped: 1, 3; kept: none", ""),
        ("swapped: 1, 3, gone; kept: other", ""),
        ("", ""),
    ],
)
def test_a_run_does_not_go_on_with_other_layers_swapped(
    then: str, refused: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An earlier release, whose plan has that line alone, may have left a layer as it was: trials of two
    models do not compare."""
    (tmp_path / "owning.py").write_text(OWN, encoding="utf-8")
    monkeypatch.syspath_prepend(tmp_path)
    asked = study(model="owning:model", search={"trials": 8})
    with without_workers():
        run(tmp_path, asked)
        plan, _ = PLAN.read(tmp_path / "runs" / "tiny")
        assert plan is not None
        assert plan["swapped"] == "swapped: 1, 3; kept: none"
        assert plan.pop("layer_roles") == {"1": "swapped", "3": "swapped"}
        PLAN.write(tmp_path / "runs" / "tiny", {**plan, "swapped": then})
        if not refused:
            run(tmp_path, study(model="owning:model", search={"trials": 9}))
            return
        with pytest.raises(RunFolderError, match=f"begun with other activation layers swapped: {refused}"):
            run(tmp_path, study(model="owning:model", search={"trials": 9}))


def test_a_layer_that_the_plan_line_only_counts_is_compared_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The line names twelve layers; the plan keeps the role of each."""
    more = "*(make() for make in (lambda: nn.Linear(8, 8), nn.Tanh) * 13)"
    deep = OWN.replace("nn.Linear(8, 8), nn.Tanh()", more)
    (tmp_path / "deeply.py").write_text(deep, encoding="utf-8")
    monkeypatch.syspath_prepend(tmp_path)
    with without_workers():
        run(tmp_path, study(model="deeply:model", search={"trials": 8}))
        plan, _ = PLAN.read(tmp_path / "runs" / "tiny")
        assert plan is not None
        assert plan["swapped"].endswith("and 2 more; kept: none")
        roles = {**plan["layer_roles"], "27": "kept"}
        PLAN.write(tmp_path / "runs" / "tiny", {**plan, "layer_roles": roles})
        with pytest.raises(RunFolderError, match="swapped: 27 was kept and is swapped now"):
            run(tmp_path, study(model="deeply:model", search={"trials": 9}))
