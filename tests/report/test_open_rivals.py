"""What few seeds leave open, and what settles it."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from report_inputs import made_input, made_study
from synthetic_records import synthetic_records

from sweeper.answer.baseline import Against, Baseline
from sweeper.report.doubts import doubt
from sweeper.report.next_step import next_step
from sweeper.report.other_rates import all_above


@pytest.mark.parametrize("seeds", [5, 10])
def test_seeds_that_nearly_tell_ask_for_more(seeds: int) -> None:
    """A few whose intervals leave 0 out already; ten are not called few."""
    study = made_study(confirm={"finalists": 2, "seeds": seeds})
    run = made_input(synthetic_records(24, finalists=2, seeds=seeds), study=study)
    step = next_step(study, run.answer, run.trials, None, None, None, nearly=[3])
    assert (f"{seeds} fresh seeds nearly show that #3 is worse" in step.text) is (seeds == 5)
    assert ("confirm.seeds=10" in step.command) is (seeds == 5)
    assert "nearly" not in next_step(study, run.answer, run.trials, None, None, None).text


@pytest.mark.parametrize(("lowest", "scaled"), [(10.0, False), (1e-3, True)])
def test_rates_above_all_usual_ones_are_lowered_before_targets_are_scaled(
    lowest: float, scaled: bool
) -> None:
    """With them a scale of 1 diverges as well."""
    trials = synthetic_records(24, finalists=1, seeds=2).trials
    search = trials[trials["phase"] != "confirm"]
    rates = np.geomspace(lowest, 1e4, len(search))
    lost = search.assign(outcome="diverged", objective=np.nan, steps=7, learning_rate=rates, optimizer="adam")
    assert all_above(lost) is not scaled
    study = made_study(data={"source": "diabetes"}, training={"loss": "mse", "steps": 10, "batch_size": 8})
    step = next_step(study, None, lost, None, None, None, "its loss is 3,000")
    assert ("standardize_target=true" in step.command) is scaled
    assert ("search much lower ones" in step.text) is not scaled
    assert all_above(pd.DataFrame({"optimizer": [], "learning_rate": []})) is False


@pytest.mark.parametrize("seeds", [2, 6])
def test_a_few_seeds_that_do_not_beat_guessing_are_counted(seeds: int) -> None:
    """In the headline: others may show it."""
    run = made_input(synthetic_records(24, finalists=2, seeds=seeds))
    own = Against("validation", "loss", 0.3, 0.7, 0.4, -0.1, 0.9, seeds, higher=False)
    found = doubt(run.study, replace(run.answer, baseline=Baseline("it", "", own, ()), learning=None))
    by = " by 2 seeds" if seeds == 2 else ""
    assert found is not None
    assert found.headline == f"Not shown{by} to be better than guessing on validation rows."


def test_a_sound_answer_on_targets_far_from_a_scale_of_1_asks_to_standardize_them() -> None:
    """Rates and initial weights were for another scale, though something was learned."""
    study = made_study(
        data={"source": "diabetes"},
        training={"loss": "mse", "steps": 10, "batch_size": 8},
        confirm={"finalists": 1, "seeds": 10},
    )
    run = made_input(synthetic_records(24, finalists=1, seeds=10), study=study)
    for unscaled in ("", "its loss is 3e8"):
        step = next_step(study, run.answer, run.trials, None, None, None, unscaled)
        assert ("standardize_target=true" in step.command) is bool(unscaled)
