"""What a script or a notebook calls beside `run`: each function does what the command of its name does.

A script that calls one of them on Windows or macOS, where worker processes start anew, needs the usual
``if __name__ == "__main__":`` around its calls.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from sweeper.asked import advice_on
from sweeper.commands.compare.comparison import Comparison
from sweeper.commands.compare.page import side_by_side
from sweeper.commands.lr_range.journey import RangeTest
from sweeper.commands.lr_range.journey import lr_range as range_test
from sweeper.commands.lr_range.trials import RATES, STEPS
from sweeper.commands.transfer.journey import Transfer
from sweeper.commands.transfer.journey import transfer as transfer_study
from sweeper.commands.transfer.trials import RATES as SIZE_RATES
from sweeper.commands.transfer.trials import SEEDS, Over
from sweeper.report.advice import Advice
from sweeper.result import Result, result_of
from sweeper.study.study import Study
from sweeper.training.initialize import initialize_worker
from sweeper.training.pool.local import local_pool, pool_here


def load_result(run: str | Path, runs: str | Path = "runs") -> Result:
    """A run read back: by its name in `runs`, or by its folder. It may still be under way.

    Raises:
        RunFolderError: if there is none, or nothing sound is left of it.
    """
    return result_of(run, runs)


def lr_range(study: Study, *, steps: int = STEPS, rates: int = RATES, jobs: int | None = None) -> RangeTest:
    """Many short trainings, each at its own learning rate: which rates are worth searching.

    Args:
        study: its scientific values and its optimizers are compared.
        steps: optimizer steps of each training.
        rates: learning rates for each combination.
        jobs: worker processes; ``None``: one per core.

    Raises:
        UserError: if data or model do not fit.
        RunFailed: if every training failed.
    """
    with pool_here(jobs, initialize_worker, study.training.device) as pool:
        return range_test(pool, study, steps=steps, rates=rates)


def transfer(
    study: Study,
    over: str,
    sizes: Sequence[float],
    to: float,
    *,
    check: float | None = None,
    held: Mapping[str, Any] | None = None,
    rates: int = SIZE_RATES,
    seeds: int = SEEDS,
    penalties: int | None = None,
    jobs: int | None = None,
) -> Transfer:
    """Predict the best learning rate and penalty at a size too large to sweep, from smaller ones.

    Args:
        study: its range of learning rates is the grid.
        over: a key of ``[model]`` or ``[training]`` that takes numbers: ``model.width``, ``training.steps``.
        sizes: at least three, all trained.
        to: the size that is predicted.
        check: a size that is trained too, and predicted from the others.
        held: parameters of the configuration that is trained, such as ``result.answer.parameters``; what it
            leaves out is that of a middle configuration of the study's first optimizer.
        rates: learning rates at each size.
        seeds: trainings at each rate.
        penalties: weights of the activation penalty that are tried at each size beside none, at rates about
            the best one; the best weight and none are then compared on fresh seeds. 0: only rates.
            ``None``: 8 where the study searches the penalty, else 0.
        jobs: worker processes; ``None``: one per core.

    Raises:
        UserError: if key, sizes, data or model do not fit.
        RunFailed: if no training came to an end.
    """
    with pool_here(jobs, initialize_worker, study.training.device) as pool:
        return transfer_study(
            pool,
            study,
            Over(over, tuple(sizes), to, check),
            held=held,
            rates=rates,
            seeds=seeds,
            penalties=penalties,
        )


def advise(study: Study) -> list[Advice]:
    """Advise what to search and why, before any training, from theory, data and model.

    Raises:
        UserError: if data or model cannot be had.
    """
    with local_pool(1, initialize_worker) as pool:
        return advice_on(pool, study)


def compare(a: Result, b: Result) -> Comparison:
    """Compare two runs: which winner is better, how sure that is, what differs.

    Raises:
        UserError: if one has no answer yet, or their scores cannot be compared.
    """
    return side_by_side(a.folder.name, a, b.folder.name, b)
