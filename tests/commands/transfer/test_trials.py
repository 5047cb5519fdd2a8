"""What a transfer trains, and what is refused."""

from collections import Counter
from typing import Any

import pytest

from sweeper.commands.transfer.trials import Over, checked, grid, parsed, sized, transfer_trials
from sweeper.errors import UserError
from sweeper.study.study import Study


def study(**search: Any) -> Study:
    """A small one."""
    space = {"optimizer": ["adam"], "activation": "tanh", "learning_rate": {"low": 1e-3, "high": 1.0}}
    return Study(
        name="small",
        data="wine",
        model={"source": "mlp", "width": 8, "depth": 2},
        search={"space": {**space, **search}},
    )


def test_the_command_line_is_read() -> None:
    """Sizes ascending and whole where they are."""
    assert parsed("model.width=64,16,32", 256, 128) == Over("model.width", (16, 32, 64), 256, 128)


@pytest.mark.parametrize(
    ("over", "to", "check", "problem"),
    [
        ("width=8,16,32", 64, None, "a key of [model] or [training]"),
        ("model.width", 64, None, "a key of [model] or [training]"),
        ("model.width=8,16,many", 64, None, "'many' is no number"),
        ("model.width=8,16,16", 64, None, "2 different sizes; 3 are needed"),
        ("model.width=0,8,16", 64, None, "0 is no size"),
        ("model.width=8,16,32", 16, None, "--to 16: this size is among those of --over"),
        ("model.width=8,16,32", 64, 8, "--check 8: this size is among those of --over"),
    ],
)
def test_what_cannot_be_fitted_is_refused(over: str, to: float, check: float | None, problem: str) -> None:
    """In one message that names the option."""
    with pytest.raises(UserError) as refused:
        parsed(over, to, check)
    assert problem in str(refused.value)


@pytest.mark.parametrize(
    ("key", "sizes", "problem"),
    [
        ("model.widht", (8, 16, 32), "width"),
        ("training.batch_size", (0.5, 8, 16), "training.batch_size"),
        ("training.steps", (0.5, 8, 16), "training.steps"),
    ],
)
def test_a_key_that_the_study_does_not_take_is_refused(
    key: str, sizes: tuple[float, ...], problem: str
) -> None:
    """By the checks of its own space."""
    with pytest.raises(UserError) as refused:
        sized(study(), Over(key, sizes, 64))
    assert problem in str(refused.value)
    assert "search.space" not in str(refused.value)


@pytest.mark.parametrize("asked", [study(), study(**{"model.width": [4, 8]}), study(model={"width": [4, 8]})])
def test_sizes_take_the_place_of_what_the_study_says(asked: Study) -> None:
    """Whether it fixes or searches the key, with a dot or in a table."""
    over = checked(Over("model.width", (32, 16, 64), 256, 128))
    assert sized(asked, over).space.entries["model.width"].values == (16, 32, 64, 128)


def test_every_size_has_every_rate_on_every_seed() -> None:
    """All else is equal."""
    over = Over("model.width", (8, 16, 32), 64)
    rates = list(grid(study(), "adam", 7))
    assert (rates[0], rates[-1]) == (pytest.approx(1e-3), pytest.approx(1.0))
    trials = transfer_trials(over, {"optimizer": "adam"}, rates, [0, 1])
    assert [trial.number for trial in trials] == list(range(3 * 7 * 2))
    counts = Counter((t.parameters["model.width"], t.parameters["learning_rate"], t.seed) for t in trials)
    assert len(counts) == 42
    assert {t.parameters["optimizer"] for t in trials} == {"adam"}
