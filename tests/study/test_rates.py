"""Learning rates to search: one rule for the defaults, ``init``, ``lr-range``, ``advise`` and the page."""

import ast
import tomllib
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from import_graph import PACKAGE, nodes_of

from sweeper.answer.edges import crowded
from sweeper.commands.lr_range.table import suggest
from sweeper.components.optimizers import EXAMPLES, OPTIMIZERS
from sweeper.records.run_folder import as_begun
from sweeper.report.other_rates import other_rates
from sweeper.study.rates import missing_rates, search_rates
from sweeper.study.space import Range
from sweeper.study.study import Study
from sweeper.study.template import template


@pytest.mark.parametrize(
    ("evidence", "ends"),
    [
        ({}, (1e-5, 1e-1)),
        ({"too_high": 0.03}, (1e-5, 1e-1)),
        ({"too_high": 0.1}, (1e-5, 1e-1)),
        ({"too_high": 3.0}, (1e-3, 10.0)),
        ({"too_high": 1e-5}, (1e-9, 1e-5)),
        ({"too_low": 1e-2}, (1e-2, 100.0)),
        ({"good": [1e-3]}, (1e-5, 1e-1)),
        ({"good": [0.1]}, (1e-5, 1.0)),
        ({"good": [2e-5, 0.9]}, (1e-6, 10.0)),
        ({"good": [1e-5], "too_high": 0.02}, (1e-6, 1e-1)),
    ],
)
def test_a_range_moves_by_powers_of_ten(evidence: dict, ends: tuple[float, float]) -> None:
    """It ends above what diverges, begins below what changes nothing, and leaves room around what is good."""
    assert search_rates("adam", **evidence) == ends


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
def test_everybody_proposes_the_same(optimizer: str) -> None:
    """Default, range test and page name one range for an optimizer: its own, where nothing says otherwise."""
    low, high = own = search_rates(optimizer)
    assert own == (OPTIMIZERS[optimizer].rates.low, OPTIMIZERS[optimizer].rates.high)
    study = Study(name="made", search={"space": {"optimizer": optimizer}})
    assert study.space.entries["learning_rate"] == Range(low, high, log=True)
    rates = np.geomspace(low / 10, high * 10, 64)
    place = np.log10(rates / np.sqrt(low * high))
    row = suggest(optimizer, rates, 0.3 + np.minimum(1.9, 0.5 * place**2), np.zeros(64, bool), 2.3)
    assert (row.low, row.high) == own
    row = suggest(
        optimizer, rates, np.where(rates > 2 * high, np.nan, 0.3 + 0.1 * place**2), rates > 2 * high, 2.3
    )
    assert (row.low, row.high) == search_rates(optimizer, too_high=2 * high)
    inner = np.geomspace(low * 2, high / 20, 40)
    trials = pd.DataFrame(
        {"trial": range(40), "phase": "explore", "outcome": "completed", "optimizer": optimizer}
    )
    trials = trials.assign(learning_rate=inner, objective=-np.log(inner), steps=9)
    wider = crowded(trials, {"learning_rate": Range(inner[0], inner[-1], log=True)}).iloc[0]
    assert (wider["side"], wider["wider"]) == ("high", high)
    beyond = trials.assign(outcome="diverged", learning_rate=low)
    assert f"low = {search_rates(optimizer, too_high=low)[0]:.0e}".replace("e-0", "e-") in other_rates(
        study, beyond, lower=True
    )[0].replace("e-0", "e-")


def test_a_new_study_file_names_the_ranges() -> None:
    """What ``init`` comments out is what the study searches."""
    text = template("mine", "mine.toml")
    study = Study(**tomllib.loads(text))
    for optimizer in EXAMPLES:
        (line,) = [line for line in text.splitlines() if line.startswith(f'# "learning_rate.{optimizer}"')]
        (told,) = tomllib.loads(line[2:]).values()
        assert told == missing_rates({"optimizer": list(EXAMPLES)})[f"learning_rate.{optimizer}"]
        assert study.space.entry("learning_rate", optimizer)[1] == Range(told["low"], told["high"], log=True)


def test_what_is_written_stays() -> None:
    """An explicit range holds for all; where one optimizer has its own, the others get theirs."""
    every = {"low": 1e-4, "high": 1.0, "log": True}
    assert missing_rates({"optimizer": ["sgd", "adam"], "learning_rate": every}) == {}
    assert set(missing_rates({"optimizer": ["sgd", "adam"], "learning_rate.sgd": every})) == {
        "learning_rate.adam"
    }
    nested = {"optimizer": ["sgd", "adam"], "learning_rate": {"sgd": every}}
    assert set(missing_rates(nested)) == {"learning_rate.adam"}
    assert set(missing_rates({"optimizer": ["adam", "rmsprop"]})) == {"learning_rate"}


def test_a_run_of_an_earlier_release_goes_on_in_its_range(tmp_path: Path) -> None:
    """Where neither run nor file names rates, the run's meaning stays; a file that names some is heard."""
    study = Study(name="old", search={"space": {"optimizer": ["sgd", "adam"]}})
    (tmp_path / "old").mkdir()
    (tmp_path / "old" / "study.toml").write_text('name = "old"\nsearch.space.optimizer = ["sgd", "adam"]\n')
    begun = as_begun(study, tmp_path, fresh=False)
    assert begun.space.entry("learning_rate", "adam")[1] == Range(1e-4, 1.0, log=True)
    assert "learning_rate" not in begun.to_toml()
    assert as_begun(study, tmp_path, fresh=True) is study
    (tmp_path / "old" / "study.toml").write_text(study.to_toml())
    assert as_begun(study, tmp_path, fresh=False) is study
    assert Study(trusted=True, **tomllib.loads(study.to_toml())).space == study.space


def test_nobody_else_writes_a_range() -> None:
    """Tables of low, high and log stand where the rule is, and for weights that are not rates."""
    writers = set()
    for file in PACKAGE.rglob("*.py"):
        for node in nodes_of(file.read_text(encoding="utf-8")):
            keys = (
                {k.value for k in node.keys if isinstance(k, ast.Constant)}
                if isinstance(node, ast.Dict)
                else ()
            )
            if {"low", "high", "log"} <= set(keys):
                writers.add(file.relative_to(PACKAGE).as_posix())
    assert writers == {"study/rates.py", "study/parse_space.py", "report/advice/penalty.py"}
