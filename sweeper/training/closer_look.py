"""Once the search is over: the winner's trial is trained again, and the sharpness of others is measured."""

from collections.abc import Iterator, Sequence

from sweeper.training import watchdog, work
from sweeper.training.setup import Task
from sweeper.training.workers import Call, ProcessesDied, running
from sweeper.trial import SharpnessResult, Trial, TrialResult, failed


def look_closer(
    task: Task, again: Trial | None, asked: Sequence[tuple[Trial, int]], *, jobs: int
) -> Iterator[TrialResult | SharpnessResult]:
    """Train `again` by the reference engine, and meanwhile measure the sharpness of others.

    Yields results in any order: a `TrialResult` of `again`, a `SharpnessResult` of each (trial, last step)
    of `asked`. When a worker process dies, those that have not come back are failed: nothing depends on them.
    """
    first = [] if again is None else [again]
    if not (first or asked):
        return
    left: dict[tuple[type, int, int], Trial] = {
        **{(SharpnessResult, trial.number, trial.seed): trial for trial, _ in asked},
        **{(TrialResult, trial.number, trial.seed): trial for trial in first},
    }
    calls: list[Call] = [(work.again, (task, trial)) for trial in first]
    calls += [(work.sharpness, (task, *each)) for each in asked]
    try:
        with running(jobs, calls) as results:
            for result in results:
                del left[type(result), result.trial.number, result.trial.seed]
                yield result
    except ProcessesDied as error:
        reason = watchdog.end_of(error, "a")
        for (kind, *_), trial in left.items():
            trained = kind is TrialResult
            yield (
                failed(trial, reason, "reference") if trained else SharpnessResult(trial, 0.0, reason=reason)
            )
