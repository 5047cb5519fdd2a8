"""The one thing to do next, as a command."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pandas as pd

from sweeper.answer.answer import Answer, clause_of
from sweeper.answer.edges import OUTER, Edge
from sweeper.answer.learning import Learning
from sweeper.answer.ranked import Ranked
from sweeper.answer.rows import begun
from sweeper.components.metric_words import metric_words
from sweeper.report.advice.item import toml
from sweeper.report.doubts import Doubt
from sweeper.report.more_seeds import more_seeds, no_more
from sweeper.statistics.learning_rates import boundary
from sweeper.statistics.race import ENOUGH_SEEDS
from sweeper.study.command_line import PLACEHOLDER, run_again
from sweeper.study.rates import ROOM, as_range, joined, optimizers_at, search_rates
from sweeper.study.study import Study
from sweeper.wording import capital, count, listing, number, span, spoken, tidied

NOT_LEARNED = "the winner is not shown to have learned"
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
    fresh: bool = False
    """Whether it starts over."""
    command: str = "run"


def next_step(
    study: Study,
    answer: Answer | None,
    trials: pd.DataFrame,
    doubted: Doubt | None,
    edge: Edge | None,
    folder: Path | None,
) -> NextStep:
    """The most useful of: begin, mend what fails or diverges, confirm, widen the range, use the answer.

    Args:
        study: what was run.
        answer: of the recorded `trials`, if they have one.
        trials: the records.
        doubted: why the answer is none.
        edge: a setting of the winner at an edge of its range.
        folder: that of the report, where ``best.py`` lies; ``None`` if there is no report.
    """
    if answer is None:
        step = _no_answer(study, trials)
    elif rates := _too_high(study, answer, trials):
        step = rates
    elif answer.unfinished:
        step = _Rerun(f"Finish the run: {answer.unfinished}.")
    elif answer.learning is not None and not answer.learning.learned:
        step = _unlearned(study, answer, answer.learning, trials)
    elif answer.confirmed is None:
        step = _unconfirmed(study, trials)
    elif (doubted is None or _may_only_lack_seeds(answer)) and (few := _few_seeds(study, answer, trials)):
        step = few
    elif doubted is not None and edge is not None and edge.side == "high" and _may_only_lack_seeds(answer):
        step = _widen(study, edge, trials)  # a score that still gets better towards a bound may beat it there
    elif doubted is not None:
        step = _guessed(study, answer, doubted, trials)
    elif edge is not None:
        step = _widen(study, edge, trials)
    else:
        return _use(study, folder)
    command = run_again(study, *step.settings) + (" --fresh" if step.fresh else "")
    if step.fresh:
        deletes = "--fresh deletes the trials and the report of this run"
        step = replace(step, text=f"{step.text[:-1]} ({deletes}):")
    command = command.replace("sweeper run", f"sweeper {step.command}", 1)
    if PLACEHOLDER in command.split():
        return NextStep(f"{step.text[:-1]} ({PLACEHOLDER} stands for your study file):", command)
    return NextStep(step.text, command)


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
        return _Rerun(text, _rates(study, trials, lower=True), fresh=True)
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
    if enough and completed + lost < ENOUGH_SEEDS:
        return _Rerun(f"Finish the run: {why}.")
    text = f"{why}: retrain the finalists on more seeds."
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


def _too_high(study: Study, answer: Answer, trials: pd.DataFrame) -> _Rerun | None:
    """Lower rates, where half of the search or more diverged and the best one has one of the lowest tried."""
    search = trials[trials["phase"] != "confirm"]
    diverged = begun(search[search["outcome"] == "diverged"])
    own = answer.parameters["learning_rate"]
    tried = search.loc[search["learning_rate"] > 0, "learning_rate"].astype(float)
    if len(diverged) < len(search) / 2 or tried.empty or not own > 0:
        return None
    lowest, highest = float(tried.min()), float(tried.max())
    done = search[(search["outcome"] == "completed") & (search["learning_rate"] > 0)]
    first = Ranked(study.objective).order(done, "objective", "trial").iloc[0]
    best = float(first["learning_rate"])
    kept = ((str(answer.parameters["optimizer"]), float(own)), (str(first["optimizer"]), best))
    who, own = ("the answer", own) if own >= best else ("the best one of the search", best)
    if math.log(own / lowest) > OUTER * math.log(highest / lowest):
        return None
    settings = _rates(study, diverged, lower=True, kept=_around(kept, search))
    if not settings:
        return None
    where = f"a rate at the low end of those tried, {number(own)} of {span(lowest, highest)}"
    where = f"the lowest rate tried, {number(own)}" if own == lowest else where
    text = f"{len(diverged):,} of {count(len(search), 'trial')} diverged, and {who} has {where}"
    return _Rerun(f"{text}: search lower ones.", settings, fresh=True)


def _around(kept: Sequence[tuple[str, float]], search: pd.DataFrame) -> dict[str, tuple[float, float]]:
    """For each optimizer the range around its rates that did well: up to where half of its trainings
    diverge, or half a decade above them where that is not known to lie higher."""
    found = {}
    for name in dict.fromkeys(name for name, _ in kept):
        rates = [rate for optimizer, rate in kept if optimizer == name]
        own = begun(search[(search["optimizer"] == name) & (search["learning_rate"] > 0)])
        lost = own["outcome"].eq("diverged").to_numpy()
        limit = boundary(np.log10(own["learning_rate"].to_numpy(float)), lost)[0]
        end = limit if limit > max(rates) else max(rates) * 10**ROOM
        found[name] = search_rates(name, good=rates, too_high=end)
    return found


def _rates(
    study: Study,
    trials: pd.DataFrame,
    *,
    lower: bool,
    kept: Mapping[str, tuple[float, float]] | None = None,
) -> tuple[str, ...]:
    """For each key with a learning rate the range below, or above, all rates of its trials; that of an
    optimizer in `kept` is known."""
    space, settings, known = study.space, [], kept or {}
    for key in space.entries:
        sharing = optimizers_at(space, key) if space.base(key) == "learning_rate" else ()
        tried = trials.loc[trials["optimizer"].isin(sharing) & (trials["learning_rate"] > 0), "learning_rate"]
        if tried.empty:
            continue
        found = joined([known.get(name) or _beyond(name, tried, lower=lower) for name in sharing])
        settings.append(f"search.space.{key}={toml(as_range(found))}")
    return tuple(settings)


def _beyond(optimizer: str, tried: "pd.Series[float]", *, lower: bool) -> tuple[float, float]:
    """The optimizer's own range, moved if some rates that were `tried` in vain lie in it."""
    low, high = search_rates(optimizer)
    if lower:  # ends where those tried in vain begin: what lies just below may be what works
        least = float(tried.min())
        start, end = search_rates(optimizer, too_high=least if least < high else None)
        return start, min(end, _floored(least))
    return search_rates(optimizer, too_low=float(tried.max()) if tried.max() > low else None)


def _floored(rate: float) -> float:
    """Down to two digits; one that has no more stays."""
    scale = 10.0 ** (1 - math.floor(math.log10(rate)))
    return math.floor(tidied(rate * scale)) / scale


def _unlearned(study: Study, answer: Answer, learning: Learning, trials: pd.DataFrame) -> _Rerun:
    """More seeds where few show nothing; rates above all tried where nothing moved, below where it only rose.

    Not where a trial at some rate fell below its own start: then the rates tried are not all too high or too
    low. Nor where those tried come within a decade of the ends of what the optimizers take: then no rate
    helps.
    """
    rates = trials["learning_rate"]
    lowest, highest = float(rates.min()), float(rates.max())
    low, high = joined([search_rates(str(name)) for name in trials["optimizer"].unique()])
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
        return _Rerun(text, _rates(study, trials, lower=False), fresh=True)
    if lowest > 10 * low:
        text = f"Training did not lower it at rates down to {number(lowest)}: search lower ones."
        return _Rerun(text, _rates(study, trials, lower=True), fresh=True)
    return _check_the_data(NOT_LEARNED)


def _guessed(study: Study, answer: Answer, doubted: Doubt, trials: pd.DataFrame) -> _Rerun:
    """Targets that belong to other rows let no score beat guessing by more than luck: where one does, other
    things are to be mended, and a few more seeds may show it."""
    clause, found = clause_of(doubted.headline), answer.baseline
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
        f"The winner's {name} lies at the {edge.side} end of what was searched ({number(edge.bound)}), so a "
    )
    text += "better value may lie outside. "
    written = study.search.space.get(edge.key)
    if not (isinstance(written, Mapping) and all(isinstance(written[k], float) for k in ("low", "high"))):
        low, high = (edge.wider, edge.other) if edge.side == "low" else (edge.other, edge.wider)
        change = f"search.space.{edge.key}={toml(as_range((low, high)))}"
        return _Rerun(f"{text}Search a wider range:", (change,), fresh=True)
    more = max(searched // 2, 20)
    settings = (edge.setting, f"search.trials={searched + more}")
    return _Rerun(f"{text}Widen the range and go on for {count(more, 'more trial')}:", settings)


def _use(study: Study, folder: Path | None) -> NextStep:
    if folder is None:
        return NextStep(
            "Print a plain PyTorch script that trains these settings:", f"sweeper best {study.name} --python"
        )
    return NextStep("Train these settings with a plain PyTorch script:", f"python {folder / 'best.py'}")
