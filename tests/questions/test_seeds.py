"""What page texts say that a fresh seed draws, and how rows were split."""

from dataclasses import replace
from typing import Any

import pytest
from report_inputs import made_input, made_study
from synthetic_records import SyntheticRecords

from sweeper.questions import confirmation
from sweeper.questions.run import facts
from sweeper.questions.seeds import ALL, GIVEN, GROUPS, RANDOM, SPLIT, STRATIFIED, TIME

AT_RANDOM = "at random into training, validation and test rows, 60 % : 20 % : 20 %"
TABLE = {"source": "trips.csv", "target": "kind"}


@pytest.mark.parametrize(
    ("data", "known", "redrawn", "words"),
    [
        ({**TABLE, "time": "when"}, TIME, False, "by when, in order"),
        ({**TABLE, "time": "when"}, "", False, "by when, in order"),
        ({**TABLE, "group": "house"}, "", True, "at random by house"),
        ({**TABLE, "group": "house"}, GROUPS, True, "at random by house"),
        (TABLE, RANDOM, True, f"{AT_RANDOM};"),
        (TABLE, STRATIFIED, True, f"{AT_RANDOM}, each class with about the same share in every part;"),
        (
            {**TABLE, "stratify": "house"},
            STRATIFIED,
            True,
            f"{AT_RANDOM}, each value of house with about the same share in every part;",
        ),
        (TABLE, GIVEN, False, "as the data came"),
        (TABLE, "", None, ""),
    ],
)
@pytest.mark.parametrize("batch", ["full", 32])
def test_a_seed_is_said_to_draw_what_it_draws(
    records: SyntheticRecords, data: dict[str, Any], known: str, redrawn: bool | None, words: str, batch: Any
) -> None:
    """Caption, How we know and facts name a new split only where one is drawn, and batch order only where
    there are batches; what holds of any run is said where a run does not know."""
    study = made_study(data=data, training={"batch_size": batch})
    run = replace(made_input(records, study=study), split=known)
    spec = confirmation.QUESTION.figure
    assert spec is not None
    told = [spec.of_run(run), " ".join(confirmation.QUESTION.how_of(run)), facts(run, {})["A seed draws"]]
    for text in told:
        assert ("batch order" in text) is (batch != "full")
        assert (SPLIT in text) is (redrawn is not False)
        assert ("unless the data came split" in text) is (redrawn is None)
    assert facts(run, {}).get("Rows", "").startswith(words)
    assert ALL in spec.caption
