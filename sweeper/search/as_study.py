"""A run as an Optuna study in memory: for Optuna's visualisations, importances and whatever reads a study."""

from collections.abc import Mapping

import optuna
import pandas as pd

from sweeper.search.quiet import quiet
from sweeper.search.storage import copy_of, direction_of
from sweeper.search.trial_summary import TrialSummary
from sweeper.study.study import Study

OptunaStudy = optuna.Study


def as_study(
    study: Study, known: Mapping[int, TrialSummary], trials: pd.DataFrame, winner: int | None
) -> optuna.Study:
    """The trials of the search, by number, with distributions, states and intermediate values.

    Args:
        study: whose space they are from.
        known: the trials of the search.
        trials: the ``trials`` table; confirmations become the attribute ``confirmed``, seed -> objective.
        winner: number of the winner, if there is one.
    """
    with quiet():
        made = optuna.create_study(study_name=study.name, direction=direction_of(study.objective))
        confirmed = trials[(trials["phase"] == "confirm") & trials["objective"].notna()]
        for number in sorted(known):
            trial = copy_of(study.space, known[number], study.objective)
            rows = confirmed[confirmed["trial"] == number]
            if len(rows):
                scores = zip(rows["seed"].tolist(), rows["objective"].astype(float).tolist(), strict=True)
                trial.set_user_attr("confirmed", {str(seed): value for seed, value in scores})
            made.add_trial(trial)
        for name, value in (("question", study.question), ("winner", winner), ("study", study.to_toml())):
            made.set_user_attr(name, value)
    return made
