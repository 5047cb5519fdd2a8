"""The one thing to do next, as a command."""

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import pandas as pd

from sweeper.answer.answer import Answer
from sweeper.answer.edges import Edge
from sweeper.answer.learning import Learning
from sweeper.answer.ranked import Ranked
from sweeper.components.metric_words import metric_words
from sweeper.report.at_end import COSINE, longer, should_fall
from sweeper.report.doubts import Doubt
from sweeper.report.few_test_rows import more_test_rows
from sweeper.report.majority import by_all_classes
from sweeper.report.more_seeds import more_seeds, no_more
from sweeper.report.other_rates import all_above, lower_too, other_rates, too_high
from sweeper.report.unbounded import linear_output
from sweeper.statistics.race import ENOUGH_SEEDS
from sweeper.study.command_line import PLACEHOLDER, of_run, option, run_again
from sweeper.study.rates import as_range, joined, search_rates
from sweeper.study.study import Study
from sweeper.toml_text import in_toml
from sweeper.wording import capital, count, listing, number, spoken

BY_LOSS = "search.objective=validation_loss"
NOT_LEARNED = "the winner is not shown to have learned"
FEW_TRIALS = 60
"""Trials of a search, of which a clock that left less than half should have left more."""
MANY_SEEDS = 10
"""Fresh seeds that are tried before an unclear answer is one about rates or data."""


@dataclass(frozen=True)
class NextStep:
    """What to do, and the command that does it."""

    text: str
    command: str


@dataclass(frozen=True)
class _Rerun:
    """The study once more, with other settings."""

    text: str
    settings: tuple[str, ...] = ()
    """``key=value``."""
    beside: str = ""
    """What the study is called after its name where other settings make it another: both runs stay."""
    fresh: bool = False
    """Whether it starts over: there is nothing to keep."""
    command: str = "run"


def next_step(
    study: Study,
    answer: Answer | None,
    trials: pd.DataFrame,
    doubted: Doubt | None,
    edge: Edge | None,
    folder: Path | None,
    unscaled: str = "",
    nearly: Sequence[int] = (),
) -> NextStep:
    """The most useful of: begin, mend what fails or diverges, confirm, widen the range, use the answer.

    Args:
        study: what was run.
        answer: of the recorded `trials`, if they have one.
        trials: the records.
        doubted: why the answer is none.
        edge: a setting of the winner at an edge of its range.
        folder: that of the report, where ``best.py`` lies; ``None`` if there is no report.
        unscaled: which loss targets far from a scale of 1 make unusual, as `off_scale` words it.
        nearly: tied finalists that few seeds nearly show to be worse.
    """
    at_a_rate = edge is not None and edge.parameter == "learning_rate"
    badly = at_a_rate or _trains_badly(answer, trials, doubted)
    if unscaled and badly and option(study, SCALED) and not all_above(trials):
        step = _scaled(study, unscaled, lower_too(study, trials))
    elif answer is None:
        step = _no_answer(study, trials)
    elif rates := too_high(study, answer, trials, doubted=doubted is not None):
        step = _Rerun(*rates, beside=LOWER)
    elif answer.unfinished:
        step = _Rerun(f"Finish the run: {answer.unfinished}.")
    elif answer.learning is not None and not answer.learning.learned:
        step = _unlearned(study, answer, answer.learning, trials)
    elif answer.confirmed is None:
        step = _unconfirmed(study, trials)
    elif (doubted is None or _may_only_lack_seeds(answer)) and (few := _few_seeds(study, answer, trials)):
        step = few
    elif doubted is not None and (other := by_all_classes(study, answer)):
        step = _Rerun(*other, beside="balanced")
    elif doubted is not None and (other := more_test_rows(study, answer)):
        step = _Rerun(*other, beside="tested")
    elif doubted is not None and edge is not None and edge.side == "high" and _may_only_lack_seeds(answer):
        step = _widen(study, edge, trials)  # a score that still gets better towards a bound may beat it there
    elif doubted is not None:
        step = _guessed(study, answer, doubted, trials)
    elif answer.unstable and answer.lost_alike and not answer.scriptless:
        return _on_a_lost_seed(study, answer, folder)
    elif falling := should_fall(study, answer, edge):
        step = _Rerun(falling, (COSINE,), beside="cosine")
    elif rest := _cut_by_clock(study, trials):
        step = rest
    elif edge is not None:
        step = _widen(study, edge, trials)
    elif unscaled and option(study, SCALED):
        step = _scaled(study, unscaled, ())
    elif nearly and (more := _nearly_shown(study, answer, trials, nearly)):
        step = more
    else:
        return _use(study, answer, folder)
    named = (f"name={called_beside(study.name, step.beside)}",) if step.beside else ()
    command = run_again(study, *named, *step.settings, command=step.command)
    command += " --fresh" if step.fresh else ""
    if step.fresh:
        deletes = "--fresh deletes the trials and the report of this run"
        step = replace(step, text=f"{step.text[:-1]} ({deletes}):")
    if PLACEHOLDER in command.split():
        return NextStep(f"{step.text[:-1]} ({PLACEHOLDER} stands for your study file):", command)
    return NextStep(step.text, command)


def called_beside(name: str, word: str) -> str:
    """``digits-lower``; of a study that bears the word already the next number: ``digits-lower-2``."""
    found = re.fullmatch(rf"(.*-{re.escape(word)})(?:-(\d+))?", name)
    return f"{found[1]}-{int(found[2] or 1) + 1}" if found else f"{name}-{word}"


SCALED = "data.standardize_target=true"
LOWER, HIGHER = "lower", "higher"


def _trains_badly(answer: Answer | None, trials: pd.DataFrame, doubted: Doubt | None) -> bool:
    """Whether nothing was learned, or guessing not beaten, or most of the search diverged."""
    search = trials[trials["phase"] != "confirm"]
    lost = (search["outcome"] == "diverged").mean() >= 0.5
    return bool(lost) or (answer is not None and doubted is not None)


def _scaled(study: Study, unscaled: str, lower: Sequence[str]) -> _Rerun:
    text = f"Targets lie far from a scale of 1 ({unscaled}), and usual rates and weights are for that scale: "
    text += (
        f"standardize them{', and search lower rates' if lower else ''}. Scores are in their deviations then."
    )
    linear = [f"{key}={value}" for key, value in linear_output(study).items()]
    return _Rerun(text, (SCALED, *linear, *lower), beside="standardized")


def _no_answer(study: Study, trials: pd.DataFrame) -> _Rerun:
    if trials.empty:
        return _Rerun("Start the search.")
    diverged, failed = (trials[trials["outcome"] == outcome] for outcome in ("diverged", "failed"))
    searched = int((trials["phase"] != "confirm").sum())
    is_over = searched >= study.search.trials
    if len(failed) == len(trials) or (is_over and len(failed) > len(diverged)):
        text = f"{_trainings(failed, trials)} failed with an error. Correct its cause, then:"
        return _Rerun(text, fresh=True)
    at_once = diverged[diverged["steps"] == 0]
    if len(at_once) >= max(len(diverged) / 2, 1):
        text = f"{_trainings(at_once, trials)} had a loss that is not finite before the first step, which no "
        text += "rate mends: look at "
        return _Rerun(f"{text}data, model and loss, and see what theory advises:", command="advise")
    if len(diverged) >= len(trials) / 2:
        lowest = float(diverged["learning_rate"].min())
        if lowest <= 10 * joined([search_rates(str(name)) for name in diverged["optimizer"].unique()])[0]:
            text = (
                f"Training diverged at rates down to {number(lowest)}, about as low as any that help: look "
            )
            text += "at the scale of inputs and targets, at model and loss, and see what theory advises:"
            return _Rerun(text, command="advise")
        tried = "" if len(failed) else "the lowest rate tried, "
        text = f"Training diverged even at {tried}{number(lowest)}: search much lower ones."
        return _Rerun(text, other_rates(study, trials, lower=True), beside=LOWER)
    if is_over:
        return _Rerun("No trial has completed: search on.", (f"search.trials={2 * searched}",))
    return _Rerun("Continue the search: no trial has completed so far.")


def _trainings(some: pd.DataFrame, trials: pd.DataFrame) -> str:
    return "Every training" if len(some) == len(trials) else f"{len(some):,} of {len(trials):,} trainings"


def _few_seeds(study: Study, answer: Answer, trials: pd.DataFrame) -> _Rerun | None:
    """More fresh seeds where the winner completed too few to confirm anything."""
    completed = answer.confirmed.seeds if answer.confirmed else 0
    lost = sum(answer.lost.values())
    if completed >= ENOUGH_SEEDS or not study.confirm.finalists:
        return None
    why = f"{count(completed, 'completed fresh seed' if lost else 'fresh seed')} cannot confirm the answer"
    enough = study.confirm.trainings(study.confirm.finalists) >= ENOUGH_SEEDS * study.confirm.finalists
    if enough and answer.tried < ENOUGH_SEEDS:
        return _Rerun(f"Finish the run: {why}.")
    text = f"{why}: retrain the finalists on more seeds."
    more = _more_seeds(study, answer, trials)
    return _Rerun(text, more) if more else None


def _nearly_shown(study: Study, answer: Answer, trials: pd.DataFrame, nearly: Sequence[int]) -> _Rerun | None:
    """More fresh seeds, where those of the winner are few and their intervals leave 0 out already."""
    if answer.confirmed is None or answer.confirmed.seeds >= MANY_SEEDS:
        return None
    whose = listing([f"#{trial}" for trial in nearly])
    text = f"{answer.confirmed.seeds} fresh seeds nearly show that {whose} "
    text += f"{'is' if len(nearly) == 1 else 'are'} worse: retrain the finalists on more."
    more = _more_seeds(study, answer, trials)
    return _Rerun(text, more) if more else None


def _may_only_lack_seeds(answer: Answer) -> bool:
    """Whether the winner beats guessing, shown or not, and no score on test rows is shown to be worse."""
    found = answer.baseline
    if found is None or found.objective is None:
        return False
    return found.objective.gain > 0 and not any(each.worse for each in found.test)


def _more_seeds(study: Study, answer: Answer, trials: pd.DataFrame) -> tuple[str, ...]:
    return more_seeds(study, trials, answer.trial, max(MANY_SEEDS, 2 * study.confirm.seeds))


def _unlearned(study: Study, answer: Answer, learning: Learning, trials: pd.DataFrame) -> _Rerun:
    """More seeds where few show nothing; rates above all tried where nothing moved, below where it only rose.

    Not where a trial at some rate fell below its own start: then the rates tried are not all too high or too
    low. Nor where those tried come within a decade of the ends of what the optimizers take: then no rate
    helps.
    """
    rates = trials["learning_rate"]
    lowest, highest = float(rates.min()), float(rates.max())
    low, high = joined([search_rates(str(name)) for name in trials["optimizer"].unique()])
    if learning.began_perfect and option(study, BY_LOSS):
        text = f"The {Ranked(study.objective).metric} is at its best before training: see whether inputs "
        return _Rerun(f"{text}give the targets away, and rank by the loss:", (BY_LOSS,), beside="loss")
    few = learning.unclear and learning.seeds < MANY_SEEDS and study.confirm.finalists
    if few and (more := _more_seeds(study, answer, trials)):
        return _Rerun("Retrain the finalists on more seeds:", more)
    if learning.above_guess:
        scores = listing([metric_words(name) for name in learning.above_guess])
        text = f"The {Ranked(study.objective).metric} of the winner is not shown to get better in training, "
        return _Rerun(f"{text}but {scores} beat guessing: see what theory advises:", command="advise")
    if learning.furthest > learning.floor:
        return _check_the_data(NOT_LEARNED)
    if abs(learning.fell) <= learning.floor and highest < high / 10:
        text = f"Training changed next to nothing at rates up to {number(highest)}: search higher ones."
        return _Rerun(text, other_rates(study, trials, lower=False), beside=HIGHER)
    if lowest > 10 * low:
        text = f"Training did not lower it at rates down to {number(lowest)}: search lower ones."
        return _Rerun(text, other_rates(study, trials, lower=True), beside=LOWER)
    return _check_the_data(NOT_LEARNED)


def _guessed(study: Study, answer: Answer, doubted: Doubt, trials: pd.DataFrame) -> _Rerun:
    """Targets that belong to other rows let no score beat guessing by more than luck: where one does, other
    things are to be mended, and a few more seeds may show it."""
    clause, found = f"the winner is {doubted.compared}", answer.baseline
    if found is None or not found.follows:
        return _check_the_data(clause)
    scores = listing([metric_words(name) for name in found.beyond_rows])
    verb = "beats" if len(found.beyond_rows) == 1 else "beat"
    yet = f", but its {scores} on test rows {verb} guessing by far" if scores else ""
    seeds = answer.confirmed.seeds if answer.confirmed else 0
    few = seeds < MANY_SEEDS and not found.beaten and _may_only_lack_seeds(answer)
    if few and (more := _more_seeds(study, answer, trials)):
        return _Rerun(f"{capital(clause)}{yet}: retrain the finalists on more seeds.", more)
    return _Rerun(f"{capital(clause)}{yet}: see what theory advises:", command="advise")


def _check_the_data(clause: str) -> _Rerun:
    text = f"{capital(clause)}: check that targets belong to their rows, and see what theory advises:"
    return _Rerun(text, command="advise")


def _unconfirmed(study: Study, trials: pd.DataFrame) -> _Rerun:
    if (trials["phase"] == "confirm").any():
        return _Rerun(
            "No finalist completed a fresh seed, so the settings found are unstable. Try more finalists:",
            (f"confirm.finalists={2 * study.confirm.finalists}", *no_more(study, trials)),
        )
    if study.confirm.finalists and study.confirm.seeds:
        return _Rerun("Finish the run: the finalists are not retrained yet.")
    return _Rerun(
        "Retrain the best on fresh seeds; the trials of the search are kept.",
        ("confirm.finalists=5", "confirm.seeds=10", *no_more(study, trials)),
    )


def _widen(study: Study, edge: Edge, trials: pd.DataFrame) -> _Rerun:
    searched = int((trials["phase"] != "confirm").sum())
    name = spoken(edge.parameter)
    text = (
        f"The winner's {name} lies near the {edge.side} end of what was searched ({number(edge.bound)}), so "
    )
    text += "a better value may lie outside. "
    written = study.search.space.get(edge.key)
    if not (isinstance(written, Mapping) and all(isinstance(written[k], float) for k in ("low", "high"))):
        low, high = (edge.wider, edge.other) if edge.side == "low" else (edge.other, edge.wider)
        change = f"search.space.{edge.key}={in_toml(as_range((low, high)))}"
        return _Rerun(f"{text}Search a wider range:", (change,), beside="wider")
    more = max(searched // 2, 20)
    settings = (edge.setting, f"search.trials={searched + more}")
    return _Rerun(f"{text}Widen the range and go on for {count(more, 'more trial')}:", settings)


def _cut_by_clock(study: Study, trials: pd.DataFrame) -> _Rerun | None:
    """More time for a search of few trials, less than half of those asked for; every call has it anew."""
    minutes, size = study.search.minutes, study.space.size()
    searched, asked = int((trials["phase"] != "confirm").sum()), study.search.trials
    if minutes is None or not 0 < 2 * searched < min(asked, size or asked, FEW_TRIALS):
        return None
    needed = max(math.ceil(minutes * (min(asked, FEW_TRIALS) - searched) / searched), 1)
    text = f"The clock ended the search after {searched:,} of {asked:,} trials: give it more time."
    return _Rerun(text, (f"search.minutes={needed}",))


def _on_a_lost_seed(study: Study, answer: Answer, folder: Path | None) -> NextStep:
    """The script of the winner on a seed that all finalists lost: other settings do not mend that."""
    seed, how = answer.lost_alike[0], [name for name, times in answer.lost.items() if times]
    text = f"On seed {seed} every finalist {listing(how, 'or')}"
    if folder is None:
        return NextStep(
            f"{text}: print a script that trains these settings, and run it with --seed {seed}:",
            of_run(study, "best", "--python"),
        )
    return NextStep(
        f"{text}: train these settings there, and look for the cause in model and data:",
        f"python {folder / 'best.py'} --seed {seed}",
    )


def _use(study: Study, answer: Answer, folder: Path | None) -> NextStep:
    if answer.scriptless:
        why = answer.scriptless.removesuffix(".")
        text = f"Train these settings with your own code, as no script can be written for this run: {why}. "
        text += "This prints them as a study file:"
        return NextStep(text, of_run(study, "best", "--toml"))
    if folder is None:
        text = f"Print a plain PyTorch script that trains these settings{longer(study, answer)}:"
        return NextStep(text, of_run(study, "best", "--python"))
    text = f"Train these settings with a plain PyTorch script{longer(study, answer)}:"
    return NextStep(text, f"python {folder / 'best.py'}")
