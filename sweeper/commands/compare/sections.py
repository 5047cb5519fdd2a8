"""The sections of a comparison: a question each, its answer in sentences, and how we know."""

from collections.abc import Callable
from dataclasses import dataclass

from sweeper.commands.compare.comparison import Comparison
from sweeper.commands.compare.words import more_often_better, what_differs
from sweeper.questions.question import Shown
from sweeper.report.use import in_words
from sweeper.wording import capital, count, duration, every, listing, number, percent


@dataclass(frozen=True)
class Part:
    """One section of the comparison."""

    key: str
    question: str
    sentences: Callable[[Comparison], tuple[str, ...]]
    figure: str = ""
    """Name in `sweeper.commands.compare.page.FIGURES`; empty where it has none."""
    shown: tuple[Shown, ...] = ()
    how: tuple[str, ...] = ()
    unfolded: bool = False


def _on_seeds(side: Comparison) -> tuple[str, ...]:
    found = side.found
    if found.verdict == "same":
        return ("Neither: they have the same settings.",)
    if found.verdict == "unconfirmed":
        return (f"Not known: there are {found.why}.",)
    name, p, p_low, p_high = more_often_better(side)
    other = side.b.name if name == side.a.name else side.a.name
    even = found.paired and side.a.scores.eq(side.b.scores).any()
    half = ", equal scores counted half" if even else ""
    ends = f"{percent(p_low)} to {percent(p_high)}"
    where = f"with probability {percent(p)} (95 % interval {ends})"
    if found.paired:
        where = f"on {percent(p)} of the {found.pairs} shared seeds{half}"
        where += f", and on a fresh one with a probability of {ends} (95 % interval)"
    sentences = [f"{name} is {side.ranked.better} than {other} {where}."]
    many = [
        f"{run.name} from {count(run.contenders, 'finalist')}"
        for run in (side.a, side.b)
        if run.contenders > 1
    ]
    if many:
        sentences.append(
            f"Winners were picked among finalists not shown to be worse ({listing(many)}); the interval "
            "allows for it."
        )
    return tuple(sentences)


def _on_settings(side: Comparison) -> tuple[str, ...]:
    return tuple(f"{run.name} uses {in_words(run.study, run.answer)}." for run in (side.a, side.b))


def _on_differences(side: Comparison) -> tuple[str, ...]:
    return (what_differs(side),)


def _on_curves(side: Comparison) -> tuple[str, ...]:
    sentences = []
    for run in (side.a, side.b):
        line = side.tables["curves"][side.tables["curves"]["run"] == run.name]
        if line.empty:
            sentences.append(f"{run.name} has no curve.")
            continue
        low, last = line.loc[line["median"].idxmin()], line.iloc[-1]
        seeds = count(int(last["seeds"]), "fresh seed" if bool(last["fresh"]) else "search seed")
        seeds += " of both" if side.found.paired else ""
        sentences.append(
            f"The median validation loss of {run.name} was lowest, {number(low['median'])}, at step "
            f"{int(low['step']):,} of {int(last['step']):,} ({seeds})."
        )
    return tuple(sentences)


def _on_values(side: Comparison) -> tuple[str, ...]:
    frame = side.tables["best_by_value"].dropna(subset=["best_a", "best_b"])
    if frame.empty:
        return ("No value of a compared parameter completed a trial in both.",)
    behind = side.ranked.behind((frame["best_b"] - frame["best_a"]).to_numpy(float))
    return (
        _reached(side, int((behind > 0).sum()), int((behind < 0).sum()), len(frame)),
        "Search scores are the best of many on one seed each: they describe and prove nothing.",
    )


def _reached(side: Comparison, ahead: int, behind: int, total: int) -> str:
    """Of so many values how many were `ahead` and how many `behind` in the search of the first run."""
    better = f"reached a {side.ranked.better} score in the search of"
    ends = {
        f"{better} {side.a.name}": ahead,
        f"{better} {side.b.name}": behind,
        "reached the same score in both searches": total - ahead - behind,
    }
    some = {words: number_of for words, number_of in ends.items() if number_of}
    if len(some) > 1:
        said = listing([f"{number_of} {words}" for words, number_of in some.items()])
        return f"Of {count(total, 'value')} tried in both, {said}."
    return f"{capital(every(total, 'value'))} tried in both {next(iter(some))}."


def _on_spent(side: Comparison) -> tuple[str, ...]:
    rows = side.tables["spent"].to_dict("records")
    sentences = [
        f"{row['run']}: {count(row['trials'], 'trial')} and {count(row['confirmations'], 'confirmation')}, "
        f"{duration(row['seconds'])} of training"
        for row in rows
    ]
    return (f"{'; '.join(sentences)}.",)


SECTIONS = (
    Part(
        key="scores",
        question="Which winner is better on fresh seeds?",
        sentences=_on_seeds,
        figure="scores",
        shown=(Shown("scores", "Scores of the two winners, seed by seed"),),
        how=(
            "Paired means that a seed is the same in both runs: the same data, test rows, split and seed "
            "number, so the same training and validation rows. Then differences are taken seed by seed, with "
            "Student's t; the share of seeds has Wilson's interval. Otherwise Welch's t compares the means, "
            "and the probability that one score is better than another has Newcombe's interval (2006, "
            "method 5).",
            "A winner with fresh seeds is picked as the best of its finalists by these same scores. The "
            "interval therefore also allows for the distribution of the difference when all finalists tied "
            "with a winner are equal, found by simulation; the wider end counts.",
            "Better means: the interval of the difference excludes 0, one is better on at least 75 % of "
            "seeds, equal scores counted half, and the interval of that share lies above 50 % (Bouthillier "
            "et al. 2021, arXiv 2103.03098).",
        ),
    ),
    Part(
        key="settings",
        question="What does each winner use?",
        sentences=_on_settings,
        shown=(Shown("settings", "Settings of the two winners"),),
        unfolded=True,
    ),
    Part(
        key="differences",
        question="What differs between the studies?",
        sentences=_on_differences,
        shown=(Shown("differences", "Keys of the study files with different values"),),
        unfolded=True,
    ),
    Part(
        key="curves",
        question="How did the two winners converge?",
        sentences=_on_curves,
        figure="curves",
        shown=(Shown("curves", "Validation loss by step"),),
        how=("Batch sizes may differ: see what differs between the studies.",),
    ),
    Part(
        key="values",
        question="How good was each compared value?",
        sentences=_on_values,
        shown=(Shown("best_by_value", "Best search score of each value, one seed each"),),
        unfolded=True,
    ),
    Part(
        key="spent",
        question="What did each run cost?",
        sentences=_on_spent,
        shown=(Shown("spent", "Trials by outcome, and the time of all trainings together"),),
        unfolded=True,
    ),
)
