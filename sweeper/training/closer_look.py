"""Once the search is over: the winner's trial is trained again, and the sharpness of others is measured."""

from collections.abc import Iterator, Sequence

from sweeper.training import watchdog, work
from sweeper.training.setup import Task
from sweeper.training.workers import Call, ProcessesDied, running
from sweeper.trial import Trial, TrialResult, failed


def look_closer(
    task: Task, again: Trial | None, asked: Sequence[tuple[Trial, int]], *, jobs: int
) -> Iterator[tuple[bool, TrialResult]]:
    """Train `again` by the reference engine, and meanwhile measure the sharpness of others.

    Yields (whether it is `again`, result) in any order; each (trial, last step) of `asked` gives a
    `sharpness_curve.sharpness_result`. When a worker process dies, those that have
    not come back are failed: nothing depends on them.
    """
    first = [] if again is None else [again]
    if not (first or asked):
        return
    left = {(trial.number, trial.seed, False): trial for trial, _ in asked}
    left |= {(trial.number, trial.seed, True): trial for trial in first}
    calls: list[Call] = [(work.again, (task, trial)) for trial in first]
    calls += [(work.sharpness, (task, *each)) for each in asked]
    try:
        with running(jobs, calls) as results:
            for trained, result in results:
                del left[result.trial.number, result.trial.seed, trained]
                yield trained, result
    except ProcessesDied as error:
        reason = watchdog.end_of(error, "a")
        for (_, _, trained), trial in left.items():
            yield trained, failed(trial, reason, "reference")
