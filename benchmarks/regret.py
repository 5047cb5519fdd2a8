"""What is lost by taking what a search recommends: ``python benchmarks/regret.py``.

The shipped search and others on problems whose truth is known (`surfaces.py`). A sweep of N trials trains its
finalists on fresh seeds as well; the others get as many trainings in all as it took, and recommend the
lowest loss they saw. Writes ``regret.md``.
"""

import argparse
import itertools
import json
import math
import time
import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import optuna
from surfaces import FAMILIES, Problem, problem, tables

from sweeper.search.distributions import suggest
from sweeper.search.driver import Search
from sweeper.search.finalists import finalists, next_trials
from sweeper.statistics.standing import standing
from sweeper.study.study import Study
from sweeper.trial import Outcome, Trial, TrialResult

HERE = Path(__file__).resolve().parent
BUDGETS = (30, 60, 120, 300)
"""Trials of a sweep, its confirmations not counted."""
FINALISTS, SEEDS = 5, 10
SMALL = 1_000_000
"""Search seeds are this far apart, so that no two sweeps share a fresh seed."""


def study_of(task: Problem, trials: int, seed: int, **search: Any) -> Study:
    """The study of one sweep."""
    return Study(
        name="regret",
        search={"space": task.space, "trials": trials, "seed": SMALL * seed, **search},
        confirm={"finalists": FINALISTS, "seeds": SEEDS},
    )


def trained(task: Problem, trial: Trial) -> TrialResult:
    """A training, with pruning as the engines do it."""
    curve = task.curve(trial.parameters, trial.seed)
    if curve is None:
        return TrialResult(trial, Outcome.DIVERGED, math.nan, 10, 0.0, "made up", "diverged")
    shown: dict[int, float] = {}
    for step, value in curve.items():
        shown[step] = value
        if trial.pruning.prunes(shown):
            break
    outcome = Outcome.COMPLETED if step == max(curve) else Outcome.PRUNED
    rows = tuple((s, "validation_loss", v) for s, v in shown.items())
    return TrialResult(trial, outcome, min(shown.values()), step, 0.0, "made up", "", rows)


@dataclass(frozen=True)
class Found:
    """What a run recommends."""

    parameters: Mapping[str, Any] | None
    trainings: int
    seconds: float


def swept(task: Problem, trials: int, seed: int, **search: Any) -> Found:
    """One sweep of the shipped search: search, finalists, confirmation, lowest mean."""
    study, started = study_of(task, trials, seed, **search), time.perf_counter()
    driver = Search(study)
    while generation := driver.next_generation():
        for trial in generation:
            driver.learn(trained(task, trial))
    chosen = finalists(study, driver.known.values())
    scores: dict[tuple[int, int], float] = {}
    while trials_left := next_trials(study, chosen, scores):
        scores |= {(trial.number, trial.seed): trained(task, trial).objective for trial in trials_left}
    count = len(driver.known) + len(scores)
    winner = first(scores) if scores else None
    best = driver.known[winner] if winner is not None else (chosen or [None])[0]
    return Found(best.parameters if best else None, count, time.perf_counter() - started)


def first(scores: Mapping[tuple[int, int], float]) -> int | None:
    """The trial that the product would recommend, by its fresh seeds; ``None`` if no seed completed."""
    numbers, seeds = sorted({n for n, _ in scores}), sorted({s for _, s in scores})
    table = np.array([[scores.get((n, s), math.nan) for s in seeds] for n in numbers])
    ran = np.array([[(n, s) in scores for s in seeds] for n in numbers])
    order = standing(table, ran).order
    return numbers[order[0]] if len(order) else None


def optuna_run(
    task: Problem, sampler: optuna.samplers.BaseSampler, marks: Sequence[int], seed: int, pruner: Any = None
) -> dict[int, Found]:
    """One run of an Optuna sampler, read off after each of `marks` trainings; noise as in a sweep."""
    space, started = study_of(task, 10, seed).space, time.perf_counter()
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    asked = optuna.create_study(sampler=sampler, pruner=pruner or optuna.pruners.NopPruner())
    best, found, read = math.inf, None, {}
    for number in range(max(marks)):
        trial = asked.ask()
        parameters = suggest(trial, space)
        curve = task.curve(parameters, SMALL * seed)
        value = math.inf if curve is None else min(curve.values())
        pruned = False
        for step, loss in (curve or {}).items():
            trial.report(loss, step)
            if pruner is not None and trial.should_prune():
                pruned = True
                break
        asked.tell(trial, None if pruned else value, state=optuna.trial.TrialState.PRUNED if pruned else None)
        if not pruned and value < best:
            best, found = value, parameters
        if number + 1 in marks:
            read[number + 1] = Found(found, number + 1, time.perf_counter() - started)
    return read


def _quiet(kind: Callable[..., Any], **arguments: Any) -> Any:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return kind(**arguments)


OTHERS: dict[str, Callable[[int], tuple[Any, Any]]] = {
    "TPE": lambda seed: (_quiet(optuna.samplers.TPESampler, seed=seed), None),
    "TPE, multivariate": lambda seed: (
        _quiet(optuna.samplers.TPESampler, seed=seed, multivariate=True, group=True),
        None,
    ),
    "TPE, multivariate, median pruner": lambda seed: (
        _quiet(optuna.samplers.TPESampler, seed=seed, multivariate=True, group=True),
        optuna.pruners.MedianPruner(n_startup_trials=10, n_warmup_steps=25),
    ),
    "GP": lambda seed: (_quiet(optuna.samplers.GPSampler, seed=seed, warn_independent_sampling=False), None),
    "CMA-ES": lambda seed: (
        _quiet(optuna.samplers.CmaEsSampler, seed=seed, warn_independent_sampling=False),
        None,
    ),
    "random": lambda seed: (optuna.samplers.RandomSampler(seed=seed), None),
    "Hyperband": lambda seed: (
        _quiet(optuna.samplers.TPESampler, seed=seed),
        optuna.pruners.HyperbandPruner(min_resource=10, max_resource=100, reduction_factor=3),
    ),
}
"""name -> (sampler, pruner) of a run with this seed."""
SLOW = {"GP": 110}
"""Most trainings of those that take half a second and more for each."""
OURS = "sweeper"
INSTANCES = 10
"""Members of each family; runs take turns."""


@dataclass(frozen=True)
class Score:
    """How one recommendation did."""

    regret: float
    pair: tuple[str, str]
    right: bool
    """The pair of optimizer and activation is the truly best one."""
    seconds: float


def score(task: Problem, found: Found) -> Score:
    """The recommendation against the truth; where nothing completed, it is the worst there is."""
    if found.parameters is None:
        return Score(math.inf, ("", ""), False, found.seconds)
    pair = (str(found.parameters["optimizer"]), str(found.parameters["activation"]))
    return Score(task.regret(found.parameters), pair, pair == task.best_pair, found.seconds)


def ran(contender: str, name: str, number: int, budgets: Sequence[int]) -> dict[int, Score]:
    """Run `number` of a contender on a problem, at each budget."""
    task = problem(name, number % INSTANCES)
    if contender == OURS:
        return {trials: score(task, swept(task, trials, number)) for trials in budgets}
    marks = {trials: trials + FINALISTS * SEEDS for trials in budgets}
    marks = {trials: mark for trials, mark in marks.items() if mark <= SLOW.get(contender, math.inf)}
    if not marks:
        return {}
    sampler, pruner = OTHERS[contender](number)
    found = optuna_run(task, sampler, list(marks.values()), number, pruner)
    return {trials: score(task, found[mark]) for trials, mark in marks.items()}


@dataclass(frozen=True)
class Pruned:
    """What the pruning rule did in one sweep, had all its trials been trained to the end."""

    trials: int
    saved: float
    """Share of all steps of the search that were not trained"""
    lost: bool
    """The best of the pruned trials would have ended below the best that completed."""
    cost: float
    """By how much, as a share of the loss"""


def pruned(name: str, number: int, trials: int, rule: str) -> Pruned:
    """One sweep under `rule`, its pruned trials then trained to the end."""
    task = problem(name, number % INSTANCES)
    driver = Search(study_of(task, trials, number, pruner=rule))
    saved, given_up = 0.0, []
    while generation := driver.next_generation():
        for trial in generation:
            result = trained(task, trial)
            driver.learn(result)
            if result.outcome == Outcome.PRUNED:
                curve = task.curve(trial.parameters, trial.seed) or {}
                saved += 1 - result.steps / max(curve)
                given_up.append(min(curve.values()))
    best = min(
        (k.objective for k in driver.known.values() if k.outcome == Outcome.COMPLETED), default=math.inf
    )
    low = min(given_up, default=math.inf)
    return Pruned(len(given_up), saved / trials, low < best, max(0.0, best / low - 1))


def table(title: str, rows: Mapping[str, Mapping[str, str]]) -> str:
    """Markdown: problems down, contenders across."""
    columns = list(dict.fromkeys(column for row in rows.values() for column in row))
    lines = [f"| {title} | {' | '.join(columns)} |", "|---" + "|---:" * len(columns) + "|"]
    lines += [f"| {name} | {' | '.join(row.get(c, '–') for c in columns)} |" for name, row in rows.items()]
    return "\n".join(lines)


Scores = Mapping[tuple[str, str, int], list[Score]]
"""(contender, problem, trials) -> one score a run"""


def summary(scores: Scores, budget: int, figure: Callable[[list[Score]], str], title: str) -> str:
    """One table of one figure at one budget; nothing where no problem has it."""
    rows: dict[str, dict[str, str]] = {}
    for (contender, name, trials), found in scores.items():
        if trials == budget:
            rows.setdefault(name, {})[contender] = figure(found)
    return table(title, rows) if any(c != "–" for row in rows.values() for c in row.values()) else ""


def stability(found: Sequence[Score]) -> float:
    """Share of runs that recommend the most frequent pair of their member."""
    groups = [[s.pair for s in found[k::INSTANCES]] for k in range(INSTANCES)]
    return sum(max(map(g.count, g)) for g in groups if g) / max(len(found), 1)


FIGURES: dict[str, Callable[[list[Score]], str]] = {
    "median regret, %": lambda found: f"{100 * np.median([s.regret for s in found]):.1f}",
    "90 % quantile of the regret, %": lambda found: (
        f"{100 * np.quantile([s.regret for s in found], 0.9):.0f}"
    ),
    "best pair found": lambda found: f"{np.mean([s.right for s in found]):.0%}",
    "most frequent pair": lambda found: f"{stability(found):.0%}" if len(found) > INSTANCES else "–",
}
HEAD = """# What a recommendation loses

Regret: true mean loss of what is recommended over the lowest there is, less 1, in percent. `sweeper` searches
with the given number of trials and trains its {finalists} finalists on {seeds} fresh seeds each; every other
contender gets as many trainings in all ({finalists} × {seeds} more than the trials named), all on the seed
of the search, and recommends the lowest loss it saw. Random members of six families of surfaces, and small
nets whose grid points were trained on 40 seeds ([surfaces.py](surfaces.py),
[real_problems.py](real_problems.py)), {instances} members of each family. *best pair
found*: share of runs that recommend the truly best optimizer with the best activation. *most frequent
pair*: share of runs on one member that agree. `python benchmarks/regret.py` measures it again.
"""


def report(scores: Scores, pruning: Mapping[tuple[str, str], list[Pruned]]) -> str:
    """The whole page."""
    parts = [HEAD.format(finalists=FINALISTS, seeds=SEEDS, instances=INSTANCES)]
    for budget in sorted({trials for _, _, trials in scores}):
        runs = max(len(found) for (_, _, trials), found in scores.items() if trials == budget)
        parts.append(f"## {budget} trials, {budget + FINALISTS * SEEDS} trainings; {runs} runs\n")
        parts += [text + "\n" for t, f in FIGURES.items() if (text := summary(scores, budget, f, t))]
    if not pruning:
        return "\n".join(parts)
    parts.append("## Pruning\n\nAll pruned trials of sweeps of 60 trials, trained to the end afterwards.\n")
    rows: dict[str, dict[str, str]] = {}
    for (rule, name), found in pruning.items():
        rows[f"{name}, {rule}"] = {
            "pruned": f"{np.mean([p.trials for p in found]):.0f}",
            "steps saved": f"{np.mean([p.saved for p in found]):.0%}",
            "sweeps whose best was pruned": f"{np.mean([p.lost for p in found]):.0%} of {len(found)}",
            "loss given away, mean": f"{np.mean([p.cost for p in found]):.1%}",
        }
    return "\n".join([*parts, table("problem, rule", rows), ""])


def main() -> None:
    """Measure and write; what is measured already is taken from the file of raw scores."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--runs", type=int, default=10)
    parser.add_argument("--only", default=";".join([*FAMILIES, *tables()]), help="problems, parted by ;")
    parser.add_argument("--contenders", default=";".join([OURS, *OTHERS]), help="parted by ;; may be none")
    parser.add_argument("--trials", default=",".join(map(str, BUDGETS)), help="budgets, parted by commas")
    parser.add_argument(
        "--raw", type=Path, default=HERE / "regret.json", help="raw scores, kept and gone on from"
    )
    arguments = parser.parse_args()
    raw = json.loads(arguments.raw.read_text(encoding="utf-8")) if arguments.raw.exists() else {}
    budgets = [int(text) for text in arguments.trials.split(",")]
    names = arguments.only.split(";")
    contenders = [name for name in arguments.contenders.split(";") if name]
    for number, name, contender in itertools.product(range(arguments.runs), names, contenders):
        place = f"{contender}|{name}|{number}|{arguments.trials}"
        if place not in raw:
            found = ran(contender, name, number, budgets)
            raw[place] = {str(n): [s.regret, *s.pair, s.right, s.seconds] for n, s in found.items()}
            keep(arguments.raw, raw)
    for number, name, rule in itertools.product(range(arguments.runs), names, ("halving", "median")):
        place = f"pruning {rule}|{name}|{number}"
        if place not in raw:
            one = pruned(name, number, 60, rule)
            raw[place] = [one.trials, one.saved, one.lost, one.cost]
            keep(arguments.raw, raw)
    text = report(*restored(raw))
    print(text)
    (HERE / "regret.md").write_text(text, encoding="utf-8")


def keep(file: Path, raw: Mapping[str, Any]) -> None:
    """Write the raw scores, a run in a line."""
    lines = (f"{json.dumps(place)}: {json.dumps(found)}" for place, found in raw.items())
    file.write_text("{\n" + ",\n".join(lines) + "\n}\n", encoding="utf-8")


def restored(raw: Mapping[str, Any]) -> tuple[Scores, dict[tuple[str, str], list[Pruned]]]:
    """Scores and pruning out of the file, by the number of the run."""
    scores: dict[tuple[str, str, int], list[Score]] = {}
    pruning: dict[tuple[str, str], list[Pruned]] = {}
    for place, found in sorted(raw.items(), key=lambda item: int(item[0].split("|")[2])):
        contender, name, *_ = place.split("|")
        if contender.startswith("pruning "):
            pruning.setdefault((contender.removeprefix("pruning "), name), []).append(Pruned(*found))
            continue
        for trials, (regret, optimizer, activation, right, seconds) in found.items():
            one = Score(regret, (optimizer, activation), right, seconds)
            scores.setdefault((contender, name, int(trials)), []).append(one)
    return scores, pruning


if __name__ == "__main__":
    main()
