"""A user's script, which `make check` reads as strictly as mypy can: right uses pass, slips are found.

It is never run. Each ``type: ignore`` marks a slip; if mypy does not find it, its comment is an error.
"""

from pathlib import Path

import sweeper


def right() -> None:
    """What the README shows, and the answer as data."""
    study = sweeper.Study(name="mine", model={"source": "mlp", "depth": 2}, search={"trials": 4})
    result: sweeper.Result = sweeper.run(
        study, sweeper.Options("runs", reports="reports", jobs=2, quiet=True)
    )
    print(len(result.trials), len(result.curves), len(result.layers), len(result.best))
    page: Path = result.report("out")
    answer = result.answer
    if answer is not None:
        optimizer, score, ties = answer.parameters["optimizer"], answer.objective + 1.0, list(answer.tied)
        low = answer.confirmed.low if answer.confirmed is not None else score
        gained = answer.gain.difference if answer.gain is not None else 0.0
        print(page.name, optimizer, low + gained, ties, answer.test)
    for advice in sweeper.advise(sweeper.Study.load("digits")):
        print(advice.what.upper())
    print(sweeper.compare(result, sweeper.load_result("other", runs="runs")).found.verdict.upper())
    print(sweeper.lr_range(study, steps=3, rates=8).suggestions)


def wrong(study: sweeper.Study, result: sweeper.Result) -> None:
    """Slips that would cost a user a run."""
    print(result.trails)  # type: ignore[attr-defined]
    print(result.answer.parameters)  # type: ignore[union-attr]
    print(study.nmae)  # type: ignore[attr-defined]
    print(sweeper.nothing)  # type: ignore[attr-defined]
    sweeper.Study(nme="x")  # type: ignore[call-arg]
    sweeper.Study(question="a study has a name")  # type: ignore[call-arg]
    sweeper.run("digits")  # type: ignore[arg-type]
    sweeper.Options(job=2)  # type: ignore[call-arg]
    sweeper.load_result(3)  # type: ignore[arg-type]
    sweeper.lr_range(study, steps="40")  # type: ignore[arg-type]
    sweeper.advise(study)[0].settings = {}  # type: ignore[misc]
