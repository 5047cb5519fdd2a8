"""Who is retrained on fresh seeds."""

import math
from collections.abc import Iterable
from typing import Any

from sweeper.search.known import Known
from sweeper.search.starts import published
from sweeper.study.space import among
from sweeper.study.study import Study
from sweeper.training.result import Outcome


def finalists(study: Study, known: Iterable[Known]) -> list[Known]:
    """The best of the search, the best of scientific values not yet among them, and the best default.

    The better half of the places goes to the lowest objectives. Each further place goes to the best
    trial of a scientific value that no finalist has so far, lowest objective first; when every value
    is represented, to the next lowest objective. The best published default that completed takes the last of
    two and more places, if it has none yet, so that the gain over it is known.
    """
    places = study.confirm.finalists
    completed = [k for k in known if k.outcome == Outcome.COMPLETED and math.isfinite(k.objective)]
    ranked = sorted(completed, key=lambda trial: (trial.objective, trial.number))
    chosen = ranked[: (places + 1) // 2]
    rest = ranked[len(chosen) :]
    while rest and len(chosen) < places:
        represented = {value for trial in chosen for value in _scientific(study, trial)}
        place = next((i for i, t in enumerate(rest) if not _scientific(study, t) <= represented), 0)
        chosen.append(rest.pop(place))
    known_defaults = published(study.space)
    own = [trial for trial in ranked if among(trial.parameters, known_defaults)]
    if places > 1 and own and own[0] not in chosen:
        chosen = [*chosen[: places - 1], own[0]]
    return chosen


def _scientific(study: Study, trial: Known) -> set[tuple[str, Any]]:
    """The trial's scientific parameters with their values."""
    parameters = trial.parameters
    return {(name, str(parameters[name])) for name in study.search.scientific if name in parameters}
