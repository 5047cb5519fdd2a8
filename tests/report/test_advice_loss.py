"""What `advise` says of the loss of a study that compares several."""

import numpy as np
import pandas as pd

from sweeper.data.splits import rows_of_parts
from sweeper.report.advice import advise
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
