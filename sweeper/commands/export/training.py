"""One training of a run, with all that was recorded of it: what most tools call a run."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pandas as pd

from sweeper.answer.rows import parameters_of
from sweeper.result import Result


@dataclass(frozen=True)
class Training:
    """A row of ``trials``, and the points of ``curves`` and ``layers`` that belong to it."""

    trial: int
    seed: int
    phase: str
    outcome: str
    objective: float | None
    """``None`` if it diverged or failed."""
    steps: int
    seconds: float
    engine: str
    reason: str
    winner: bool
    parameters: dict[str, Any]
    points: dict[int, dict[str, float]]
    """step -> name -> value; measures of layers are called ``layers/gradient_norm/02 NAME``"""

    @property
    def name(self) -> str:
        """``trial-0007``, and of a confirmation ``trial-0007-seed-3``."""
        return f"trial-{self.trial:04d}" + (f"-seed-{self.seed}" if self.phase == "confirm" else "")

    @property
    def about(self) -> dict[str, str]:
        """What is neither a parameter nor a number."""
        words = {"phase": self.phase, "outcome": self.outcome, "engine": self.engine, "reason": self.reason}
        return {"trial": str(self.trial), "seed": str(self.seed), "winner": str(self.winner).lower(), **words}

    @property
    def totals(self) -> dict[str, float]:
        """Its numbers, one each."""
        score = {} if self.objective is None else {"objective": self.objective}
        return {**score, "steps": float(self.steps), "seconds": self.seconds}


def trainings(result: Result) -> Iterator[Training]:
    """All trainings of a run, those of the search and the confirmations, by trial and seed."""
    names = _layer_names(result.layers)
    rows = pd.concat([result.curves.rename(columns={"metric": "name"}), names])
    points = {key: rows for key, rows in rows.groupby(["trial", "seed"], sort=False)}
    winner = None if result.answer is None else result.answer.trial
    for _, row in result.trials.iterrows():
        trial, seed = int(row["trial"]), int(row["seed"])
        values: dict[int, dict[str, float]] = {}
        mine = points.get((trial, seed))
        for step, name, value in () if mine is None else _triples(mine):
            values.setdefault(int(step), {})[name] = float(value)
        yield Training(
            trial=trial,
            seed=seed,
            phase=str(row["phase"]),
            outcome=str(row["outcome"]),
            objective=None if pd.isna(row["objective"]) else float(row["objective"]),
            steps=int(row["steps"]),
            seconds=float(row["seconds"]),
            engine=str(row["engine"]),
            reason=str(row["reason"]),
            winner=trial == winner,
            parameters=parameters_of(row),
            points=dict(sorted(values.items())),
        )


def _triples(rows: pd.DataFrame) -> Iterator[tuple[int, str, float]]:
    kept = rows[rows["value"].notna()]
    yield from zip(kept["step"].tolist(), kept["name"].tolist(), kept["value"].tolist(), strict=True)


def _layer_names(layers: pd.DataFrame) -> pd.DataFrame:
    """The ``layers`` table with one name for measure and layer."""
    number = layers["layer"].map("{:02d}".format) if len(layers) else layers["layer"].astype(str)
    name = "layers/" + layers["measure"].astype(str) + "/" + number + " " + layers["layer_name"].fillna("")
    return layers.assign(name=name.str.strip())[["trial", "seed", "step", "name", "value"]]
