"""What to do after a comparison: use one of both, or what would settle it."""

import math

from sweeper.command_line import command_line
from sweeper.commands.compare.comparison import Comparison
from sweeper.commands.compare.pairing import Run, unlike_splits
from sweeper.report.more_seeds import more_seeds
from sweeper.report.next_step import NextStep
from sweeper.statistics.race import POWER
from sweeper.statistics.standing import OFTEN
from sweeper.statistics.two_winners import chance_to_settle, pairs_to_show, visible_p
from sweeper.study.command_line import PLACEHOLDER, of_run, places, run_again
from sweeper.toml_text import for_set
from sweeper.wording import capital, count, given, listing, percent

FULL_POWER = pairs_to_show(0.85)
"""Pairs that are asked for where there are fewer; where there are as many, twice as many are."""
HARDLY = 0.1
"""Probability that they settle anything, below which no more seeds are asked for."""


def next_step(side: Comparison) -> NextStep:
    """What would settle it, or use it."""
    step = _step(side)
    if PLACEHOLDER in step.command.split():
        return NextStep(f"{step.text[:-1]} ({PLACEHOLDER} stands for a study file):", step.command)
    return step


def _step(side: Comparison) -> NextStep:
    found, a, b = side.found, side.a, side.b
    if hollow := side.hollow:
        signal = any(run.answer.baseline is not None and run.answer.baseline.follows for run in hollow)
        check = "" if signal else ", and check that targets belong to their rows"
        text = f"See what theory advises{check}:"
        commands = [run_again(run.study, command="advise") for run in hollow]
        return NextStep(text, "\n".join(dict.fromkeys(commands)))
    if found.verdict in ("a", "b"):
        return _script("the better one", a if found.verdict == "a" else b)
    if found.verdict == "same":
        return _script("them", max((a, b), key=lambda run: run.completed))
    thin = min((a, b), key=lambda run: (run.completed, run.name != a.name))
    if found.verdict == "unconfirmed":
        seeds, finalists = max(10, thin.study.confirm.seeds), max(5, thin.study.confirm.finalists)
        text = f"Retrain the finalists of {thin.name} on fresh seeds:"
        return NextStep(
            text, run_again(thin.study, f"confirm.seeds={seeds}", f"confirm.finalists={finalists}")
        )
    if found.other_rows:
        return _on_the_rows_of(a, b)
    return _on_more_seeds(side)


def _script(of: str, run: Run, why: str = "") -> NextStep:
    if run.answer.scriptless:
        return NextStep(
            f"{why}Print a study file with the settings of {of}:", of_run(run.study, "best", "--toml")
        )
    return NextStep(f"{why}Print a plain PyTorch script of {of}:", of_run(run.study, "best", "--python"))


def _on_the_rows_of(a: Run, b: Run) -> NextStep:
    """The winner of B trained as that of A was: the same rows, and the same seeds."""
    file, name = f"{b.name}-best.toml", f"{b.name}-on-{a.name}"
    settings = [f"name={name}", f"search.seed={a.study.search.seed}"]
    if a.study.data.split != b.study.data.split:
        settings.append(f"data.split=[{', '.join(map(given, a.study.data.split))}]")
    unlike = unlike_splits(a, b)
    settings += [f"data.{key}={for_set(one)}" for key, one, _ in unlike if one is not None]
    unset = [f"data.{key}" for key, one, _ in unlike if one is None]
    words = [word for each in settings for word in ("--set", each)]
    commands = [
        f"{of_run(b.study, 'best', '--toml')} > {command_line([file])}",
        command_line(["sweeper", "run", file, *words, *places(b.study, "run")]),
        of_run(a.study, "compare", name),
    ]
    text = (
        f"In the folder of its study, train the winner of {b.name} on the rows of {a.name}, and compare that"
    )
    text += f" (take {listing(unset)} out of {file} before it runs):" if unset else ":"
    return NextStep(text, "\n".join(commands))


def _on_more_seeds(side: Comparison) -> NextStep:
    """A command for each run that has too few seeds; where a race gives no more, that, and which to use."""
    fewest = min(side.a.completed, side.b.completed)
    begun = min(len(run.scores) for run in (side.a, side.b))
    aim = FULL_POWER if begun < FULL_POWER else 2 * max(fewest, begun)
    thin = [run for run in (side.a, side.b) if len(run.scores) < aim]  # of a race counts what was begun
    added = [more_seeds(run.study, run.records.trials, run.answer.trial, aim, ties=True) for run in thin]
    ended = [run for run, more in zip(thin, added, strict=True) if not more]
    if not side.found.paired and len(ended) < len(thin):  # seeds of one alone help there
        thin, added = [run for run in thin if run not in ended], [more for more in added if more]
        ended = []
    power, why = _worth(side, aim)
    if ended:
        why = f"No run adds seeds: {listing([_over(run) for run in ended])}. "
    if why:
        run = side.a if not side.found.difference < 0 else side.b
        return _script(run.name, run, why)
    ties = "; confirm.matters=0 keeps finalists that differ by little in the race"
    ties = ties if any("confirm.matters=0" in more for more in added) else ""
    who = "both" if len(thin) == 2 else thin[0].name
    commands = [run_again(run.study, *more) for run, more in zip(thin, added, strict=True)]
    text = f"Add fresh seeds to {who}, as long as the race goes on{power}{ties}:"
    return NextStep(text, "\n".join(commands))


def _over(run: Run) -> str:
    """Why the race of a run goes on no more."""
    left = "one finalist" if run.contenders == 1 else "no two finalists whose scores differ"
    return f"{run.name} has {left} left in its race"


def _worth(side: Comparison, aim: int) -> tuple[str, str]:
    """What `aim` pairs show, and why they are not worth it; empty where that is not known, or they are."""
    found = side.found
    if not found.paired:
        return "", ""
    chance = chance_to_settle(found.p_better, found.pairs, aim - found.pairs)
    settles = f"with a probability of at most {percent(max(math.ceil(100 * chance), 1) / 100)}"
    if chance < HARDLY:
        return "", f"Going by the seeds so far, {aim} pairs settle it {settles}: use either. "
    return f". {capital(_power(aim))}. Going by the seeds so far, they settle it {settles}", ""


def _power(pairs: int) -> str:
    """What so many pairs show of P."""
    return (
        f"where one is truly better on {percent(visible_p(pairs))} of seeds, {count(pairs, 'pair')} show a P "
        f"of {percent(OFTEN)} or more, and its interval above 50 %, with a probability of {percent(POWER)}"
    )
