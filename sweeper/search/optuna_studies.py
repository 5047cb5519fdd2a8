"""Studies of Optuna: what one teaches, in the words of this study's space, and a run as one."""

import json
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import optuna
import pandas as pd
from optuna.storages import BaseStorage
from optuna.study import StudyDirection
from optuna.trial import FrozenTrial, TrialState

from sweeper.errors import UserError, did_you_mean, first_line
from sweeper.passwords import masked_url, problem_of
from sweeper.search.earlier import Earlier, taken_over
from sweeper.search.journal import open_journal
from sweeper.search.quiet import quiet
from sweeper.search.storage import copy_of, direction_of
from sweeper.search.trial_summary import TrialSummary
from sweeper.study.space import Fixed, Space
from sweeper.study.study import Study
from sweeper.trial import Outcome

OTHER_NAMES = {"lr": "learning_rate", "wd": "weight_decay", "act": "activation", "opt": "optimizer"}
"""What people call parameters -> their names here; a key of the space's own comes first."""
OUTCOMES = {
    TrialState.COMPLETE: Outcome.COMPLETED,
    TrialState.PRUNED: Outcome.PRUNED,
    TrialState.FAIL: Outcome.FAILED,
}
OptunaStudy = optuna.Study


def is_storage(asked: str) -> bool:
    """Whether ``--from`` names a storage of Optuna, a URL or a journal file, rather than a run."""
    return "://" in asked or Path(_split(asked)[0]).is_file()


def label(asked: str) -> str:
    """How records and messages name it: without passwords."""
    return masked_url(asked)


def from_optuna(space: Space, asked: str) -> Earlier:
    """The finished trials of a study whose configurations `space` holds.

    Names of parameters are those of the study file; ``lr`` for ``learning_rate``, ``depth`` for
    ``model.depth`` and the like are understood. What is fixed in the space need not be a parameter there.
    Objectives are compared among themselves alone, so theirs may be another one; a maximised one is turned
    round.

    Raises:
        UserError: if there is no such study, it has several objectives, or none of its trials fits.
    """
    study = _study(asked)
    if len(study.directions) > 1:
        raise UserError(
            f"--from {label(asked)!r}: the study {study.study_name!r} has {len(study.directions)} "
            "objectives; only one with one objective can inform a search"
        )
    sign = -1.0 if study.direction == StudyDirection.MAXIMIZE else 1.0
    trials = [t for t in study.get_trials(deepcopy=False) if t.state in OUTCOMES]
    known = [_summary(space, trial, sign) for trial in trials]
    earlier = taken_over(space, label(asked), known)
    if known and not earlier.trials:
        raise UserError(f"--from {label(asked)!r}: {_why_none(space, known)}")
    return earlier


def _split(asked: str) -> tuple[str, str | None]:
    """Storage and name of the study; a file of the whole name comes first."""
    storage, mark, name = asked.rpartition("#")
    return (storage, name) if mark and not Path(asked).is_file() else (asked, None)


def _study(asked: str) -> optuna.Study:
    where, name = _split(asked)
    try:
        storage = _open(where)
        names = optuna.get_all_study_names(storage)
    except Exception as error:  # drivers, SQLAlchemy and Optuna raise many kinds
        raise UserError(
            f"--from {label(asked)!r}: cannot be read: {problem_of(where, first_line(error))}"
        ) from None
    if name is None and len(names) == 1:
        name = names[0]
    if name is None:
        listed = ", ".join(sorted(names)) or "none"
        raise UserError(f"--from {label(asked)!r}: add #NAME of one of its studies: {listed}")
    if name not in names:
        raise UserError(f"--from {label(asked)!r}: no study {name!r} in it; {did_you_mean(name, names)}")
    return optuna.load_study(study_name=name, storage=storage)


def _open(where: str) -> BaseStorage:
    """A storage that is there: one that is read is not made."""
    if "://" not in where:
        return open_journal(Path(where))
    path = where.partition("://")[2].partition("?")[0].removeprefix("/")  # sqlite:///here, sqlite:////there
    if where.startswith("sqlite") and not Path(path).is_file():
        raise UserError(f"there is no file {path}")
    return optuna.storages.get_storage(where)


def _summary(space: Space, trial: FrozenTrial, sign: float) -> TrialSummary:
    outcome, value = OUTCOMES[trial.state], trial.value
    if trial.state == TrialState.PRUNED and value is None and trial.intermediate_values:
        value = trial.intermediate_values[max(trial.intermediate_values)]
    cost = math.nan if value is None else sign * value
    if outcome != Outcome.FAILED and not math.isfinite(cost):
        outcome, cost = Outcome.DIVERGED, math.nan
    return TrialSummary(trial.number, "explore", _parameters(space, trial), outcome, cost, 0, 0.0, "", {})


def _parameters(space: Space, trial: FrozenTrial) -> Mapping[str, Any]:
    """A trial's parameters under the names of the space; one of an export of ours has them as they were."""
    written = trial.user_attrs.get("parameters")
    if isinstance(written, str):
        try:
            return dict(json.loads(written))
        except (ValueError, TypeError):  # somebody else's attribute of that name
            pass
    parameters = {_named(space, name): _valued(space, name, value) for name, value in trial.params.items()}
    fixed = space.entries["optimizer"]
    optimizer = str(parameters.setdefault("optimizer", fixed.value if isinstance(fixed, Fixed) else None))
    for name, (_, values) in space.active(optimizer).items() if optimizer in space.accepted else ():
        if isinstance(values, Fixed):
            parameters.setdefault(name, values.value)
    return {name: value for name, value in parameters.items() if value is not None}


def _named(space: Space, name: str) -> str:
    options = (name, OTHER_NAMES.get(name.lower(), name), f"model.{name}", f"training.{name}")
    return next((option for option in options if option in space.parameters), name)


def _valued(space: Space, name: str, value: Any) -> Any:
    """Optimizers and activations are written in lower case here, but for those of the user's."""
    words = _named(space, name) in ("optimizer", "activation", "schedule") and isinstance(value, str)
    return value.lower() if words and ":" not in value else value


def _why_none(space: Space, known: list[TrialSummary]) -> str:
    theirs = sorted({name for trial in known for name in trial.parameters})
    ours = sorted(space.parameters)
    return (
        f"none of its {len(known)} trials is a configuration of this study. Its parameters: "
        f"{', '.join(theirs)}; those of this study: {', '.join(ours)}"
    )


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
