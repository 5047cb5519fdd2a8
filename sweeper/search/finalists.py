"""Who is retrained on fresh seeds."""

from collections.abc import Sequence
from typing import Any

from sweeper.search.trial import Trial
from sweeper.study.study import Study
from sweeper.training.result import Outcome, TrialResult


def finalists(study: Study, results: Sequence[TrialResult]) -> list[Trial]:
    """The best of the search, and the best of scientific values not yet among them.

    The better half of the places goes to the lowest objectives. Each further place goes to the best
    trial of a scientific value that no finalist has so far, lowest objective first; when every value
    is represented, to the next lowest objective.
    """
    places = study.confirm.finalists
    completed = [r for r in results if r.outcome == Outcome.COMPLETED]
    ranked = sorted(completed, key=lambda r: (r.objective, r.trial.number))
    chosen = ranked[: (places + 1) // 2]
    rest = ranked[len(chosen) :]
    while rest and len(chosen) < places:
        represented = {value for r in chosen for value in _scientific(study, r)}
        fresh = next((r for r in rest if not _scientific(study, r) <= represented), rest[0])
        chosen.append(fresh)
        rest.remove(fresh)
    return [result.trial for result in chosen]


def _scientific(study: Study, result: TrialResult) -> set[tuple[str, Any]]:
    """The trial's scientific parameters with their values."""
    parameters = result.trial.parameters
    return {(name, str(parameters[name])) for name in study.search.scientific if name in parameters}


def confirm_seeds(study: Study) -> list[int]:
    """Seeds that no trial of the search has seen: ``search.seed + 1`` and up."""
    return [study.search.seed + k for k in range(1, study.confirm.seeds + 1)]


def confirmations(study: Study, chosen: Sequence[Trial], *, test: bool = False) -> list[Trial]:
    """Every finalist on every fresh seed, seed by seed, so that pairs are complete early. No pruning."""
    return [
        Trial(trial.number, "confirm", seed, trial.parameters, test=test)
        for seed in confirm_seeds(study)
        for trial in chosen
    ]
