"""What `advise` says of the loss of a study that compares several."""

from sweeper.report.advice import advise
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
