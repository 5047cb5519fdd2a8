"""What `advise` says of the loss of a study that compares several."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from sweeper.data.splits import rows_of_parts
from sweeper.report.advice import advise, changed
from sweeper.study.data import data_of
from sweeper.study.study import Study
from sweeper.training.initial_profile import profile_network


def test_a_search_of_losses_is_kept() -> None:
    """No single one is kept, and none is put in the place of all."""
    losses = {"training.loss": ["mse", "huber", "l1"], "optimizer": ["adam"]}
    study = Study(
        name="asked",
        data={"source": "teacher", "rows": 200},
        model={"depth": 1, "width": 4},
        training={"loss": "mse"},
        search={"space": losses, "objective": "validation_mae"},
    )
    advice = {one.key: one for one in advise(study, profile_network)}
    assert advice["loss"].what == "Keep your search of losses: mse, huber and l1."
    assert all("training.loss" not in one.settings for one in advice.values())


def test_rows_to_train_on_are_those_of_the_split() -> None:
    """Where whole groups are drawn, a share of the rows is not what a trial gets."""
    rng = np.random.default_rng(0)
    frame = pd.DataFrame(rng.normal(size=(240, 3)), columns=list("abc"))
    frame["city"] = ["Rome"] * 110 + ["Bonn"] * 90 + ["Graz"] * 20 + ["Zug"] * 20
    study = Study(
        name="asked",
        data={"source": lambda: frame, "target": "c", "group": "city"},
        model={"depth": 1, "width": 4},
        training={"loss": "mse"},
    )
    advice = {one.key: one for one in advise(study, profile_network)}
    data = data_of(study)
    train, *_ = rows_of_parts(data, study.data.split, seed=0, test_seed=0)
    assert len(train) != round(0.6 * 240)
    assert any(f"{len(train)} training rows" in reason.text for reason in advice["penalty"].reasons)


@pytest.mark.parametrize(("rare", "loss"), [(20, "cross_entropy"), (20, "bce"), (80, "cross_entropy")])
def test_a_rare_class_asks_for_a_balanced_score(rare: int, loss: str, tmp_path: Path) -> None:
    """Where one class has most rows: an alternative whose command runs; not where classes are alike."""
    rng = np.random.default_rng(0)
    frame = pd.DataFrame(rng.normal(size=(200, 3)), columns=list("abc"))
    frame["c"] = (np.arange(200) < rare).astype(int)
    frame.to_csv(tmp_path / "rows.csv", index=False)
    study = Study(
        name="asked",
        folder=tmp_path,
        data={"source": "rows.csv", "target": "c"},
        model={"depth": 1, "width": 4},
        training={"loss": loss},
    )
    advice = {one.key: one for one in advise(study, profile_network)}
    assert ("balanced" in advice) == (rare == 20)
    if rare == 20:
        assert "one class has 90 % of the rows" in advice["balanced"].reasons[0].text
        tried = changed(study, advice["balanced"].settings)
        assert (tried.objective, tried.training.class_weight) == (
            "validation_balanced_accuracy (higher is better)",
            "balanced",
        )
        assert "balanced" not in {one.key for one in advise(tried, profile_network)}


def test_what_is_measured_with_standardized_targets_says_so() -> None:
    """Rates and weights measured so: their command standardizes the targets, too."""
    study = Study(name="asked", data="diabetes", model={"depth": 2, "width": 4}, training={"loss": "mse"})
    advice = {one.key: one for one in advise(study, profile_network)}
    for one in (advice["penalty"], advice["rate-adam"]):
        assert any("for standardized targets" in reason.text for reason in one.reasons)
        assert one.settings.get("data.standardize_target", not one.settings) is True
    assert "a mean squared error of 59" in " ".join(reason.text for reason in advice["loss"].reasons)
    scaled = {one.key: one for one in advise(changed(study, advice["scaled"].settings), profile_network)}
    assert "of about 1 of standardized targets (59" in " ".join(r.text for r in scaled["loss"].reasons)
    assert "standardized targets, see above" not in str(scaled["penalty"])
    assert scaled["penalty"].settings == {
        k: v for k, v in advice["penalty"].settings.items() if k != "data.standardize_target"
    }
