"""How long a training was to be, where none came to its end."""

from dataclasses import replace

import pytest
from report_inputs import made_study
from run_data import run_data
from synthetic_records import SyntheticRecords

from sweeper.questions.curve_classes import curve_classes


@pytest.mark.parametrize(("rows", "over"), [({}, True), ({"train": 100}, False)])
def test_planned_steps_tell_whether_a_warm_up_would_be_over(
    records: SyntheticRecords, rows: dict[str, int], over: bool
) -> None:
    """All diverged at the first of three hundred steps: within a warm-up, as far as the rows are known."""
    trials = records.trials[records.trials["phase"] != "confirm"].assign(outcome="diverged", steps=1)
    curves = records.curves[records.curves["step"] == 0]
    run = run_data(trials, curves, records.layers.head(0))
    run = replace(run, rows=rows, study=made_study(training={"steps": 300}))
    texts = curve_classes(run)["advice"]
    assert len(texts) > 50
    assert texts.str.contains("over by then").tolist() == [over] * len(texts)
