"""What a card asks for next where an answer rests on too few seeds."""

import pytest
from report_inputs import made_input, made_study
from synthetic_records import SyntheticRecords, synthetic_records

from sweeper.questions.run_data import RunData
from sweeper.report.card import card
from sweeper.report.doubts import with_warnings
from sweeper.report.next_step import NextStep


def step_of(run: RunData) -> NextStep:
    """That of its card."""
    return card(run.study, run.answer, run.records.trials).next_step


@pytest.mark.parametrize("seeds", [1, 3, 5])
def test_few_seeds_ask_for_more(seeds: int) -> None:
    """An answer that too few seeds can confirm is not the end; from five on its script is the next step."""
    records = synthetic_records(24, finalists=2, seeds=seeds)
    asked = made_study(confirm={"finalists": 2, "seeds": seeds})
    step = step_of(made_input(records, study=asked))
    assert ("confirm.seeds=10" in step.command) is (seeds < 5)
    assert (f"{seeds} fresh seed" in step.text) is (seeds < 5)
    unfinished = step_of(made_input(records))
    assert unfinished.text.startswith("Finish the run") is (seeds < 5)


@pytest.mark.parametrize(("tried", "lost"), [(5, 1), (6, 3), (6, 1)])
def test_lost_seeds_ask_for_more_as_soon_as_too_few_are_left(tried: int, lost: int) -> None:
    """Warning, status and next step count the seeds that were completed, not those that were tried."""
    made = synthetic_records(24, finalists=1, seeds=tried)
    trials, gone = made.trials, (made.trials["phase"] == "confirm") & (made.trials["seed"] <= lost)
    trials = trials.assign(
        outcome=trials["outcome"].mask(gone, "diverged"), objective=trials["objective"].mask(gone)
    )
    study, left = made_study(confirm={"finalists": 1, "seeds": tried}), tried - lost
    run = made_input(SyntheticRecords(trials, made.curves, made.layers), study=study)
    told = card(study, with_warnings(study, run.answer, None), trials)
    few = f"Only {left} fresh seeds were completed: too few to call the answer confirmed, which takes 5."
    assert (few in told.warnings) is (told.standing == "provisional") is (left < 5)
    assert told.next_step.text.startswith(f"{left} completed fresh seeds cannot confirm") is (left < 5)
    assert ("confirm.seeds=12" if tried == 6 else "confirm.seeds=10") in told.next_step.command or left >= 5
