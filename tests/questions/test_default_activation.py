"""An activation that no study names: built-in models have a default, a model of the user's has its own."""

from typing import get_args

import pandas as pd
import pytest
from rate_runs import source_of
from run_data import run_data
from synthetic_records import synthetic_records

from sweeper.answer.rows import OWN
from sweeper.questions import QUESTIONS
from sweeper.questions.run import facts
from sweeper.questions.run_data import RunData
from sweeper.study.sections import SearchSection
from sweeper.study.settings import settings
from sweeper.study.study import Study


def unnamed(source: str) -> RunData:
    """A run of a model whose trials name no activation."""
    made = synthetic_records(40)
    trials = made.trials.assign(activation=pd.Series(dtype="str"))
    study = {"model": {"source": source}, "data": {"source": "digits"}}
    return run_data(trials, made.curves, made.layers, sections=study)


@pytest.mark.parametrize(("source", "name"), [("mlp", "relu"), ("package.module:function", OWN)])
def test_the_default_is_named_where_it_is_known(source: str, name: str) -> None:
    """Every table with activations, which are those that best.py trains, has the default of the model."""
    run, seen = unnamed(source), set()
    for question in QUESTIONS:
        for table in question.tables.values():
            frame = table(run)
            if "activation" in frame and question.key not in ("trials", "history"):
                seen |= {str(text).partition(" (")[0] for text in frame["activation"].dropna()}
    assert seen - {"any"} == {name}


def test_the_default_is_what_is_trained() -> None:
    """Tables name what the settings of a trial hold; a model without hidden layers has none."""
    for source in ("mlp", "residual_mlp", "linear"):
        study = Study(name="made", model={"source": source}, data={"source": "digits"})
        trained = settings(study, {"optimizer": "adam", "learning_rate": 0.1}).activation
        assert RunData(study, unnamed("mlp").records).default_activation == (trained or OWN)


@pytest.mark.parametrize("pruner", get_args(SearchSection.model_fields["pruner"].annotation))
@pytest.mark.parametrize("sampler", get_args(SearchSection.model_fields["sampler"].annotation))
def test_the_search_is_called_as_in_the_study(sampler: str, pruner: str) -> None:
    """Every name of a sampler and of a pruner stands as the study file has it; none is no pruner."""
    made = source_of(pd.DataFrame({"objective": [0.5], "learning_rate": 0.1}))
    search = {"sampler": sampler, "pruner": pruner, "seed": 3}
    run = run_data(made.trials, made.curves, made.layers, search=search)
    pruned = "without pruning" if pruner == "none" else f"pruner {pruner}"
    assert facts(run, {})["Search"] == f"sampler {sampler}, {pruned}, seed 3"
