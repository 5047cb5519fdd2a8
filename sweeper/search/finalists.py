"""Who is retrained on fresh seeds."""

import math
from collections.abc import Iterable
from typing import Any

from sweeper.search.starts import published
from sweeper.search.trial_summary import TrialSummary
from sweeper.study.space import among
from sweeper.study.study import Study
from sweeper.trial import Outcome

BEST = 2
"""Places that go to the lowest objectives, whatever they have in common."""


def finalists(study: Study, known: Iterable[TrialSummary]) -> list[TrialSummary]:
    """The best of the search, the best of other combinations of scientific values, and the best default.

    `BEST` places go to the lowest objectives, each further one to the best trial of a combination that no
    finalist has, lowest objective first; when there is none, to the next lowest objective. The lowest
    objectives are often variations of one setting, and on fresh seeds they do alike. The best published
    default that completed takes the last of two and more places, if it has none yet, so that the gain over
    it is known.
    """
    most = study.confirm.finalists
    completed = [k for k in known if k.outcome == Outcome.COMPLETED and math.isfinite(k.objective)]
    ranked = sorted(completed, key=lambda trial: (trial.objective, trial.number))
    chosen, rest = ranked[: min(BEST, most)], ranked[BEST:]
    while rest and len(chosen) < most:
        represented = [_combination(study, trial) for trial in chosen]
        index = next((i for i, t in enumerate(rest) if _combination(study, t) not in represented), 0)
        chosen.append(rest.pop(index))
    known_defaults = published(study.space)
    own = [trial for trial in ranked if among(trial.parameters, known_defaults)]
    if most > 1 and own and own[0] not in chosen:
        chosen = [*chosen[: most - 1], own[0]]
    return chosen


def _combination(study: Study, trial: TrialSummary) -> dict[str, Any]:
    """The trial's values of the scientific parameters."""
    return {name: trial.parameters[name] for name in study.search.scientific if name in trial.parameters}
