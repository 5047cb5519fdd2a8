"""Each finalist against the winner: who is tied, and what the simplest of them would cost."""

import math
from collections.abc import Mapping, Sequence
from typing import Any, cast

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.layout_engine import ConstrainedLayoutEngine
from matplotlib.lines import Line2D
from matplotlib.ticker import MaxNLocator

from sweeper.answer.baseline import ROUNDING
from sweeper.answer.bounds import STRICTER, stricter
from sweeper.answer.claim_words import NO_RANKING, Statement
from sweeper.answer.claims import HOLLOW, best_values
from sweeper.answer.comparison import Verdict, marked
from sweeper.answer.comparison import comparison as of_finalists
from sweeper.answer.placing import apart, at_worst, same_scores, seeds_won
from sweeper.answer.ranked import Ranked
from sweeper.answer.rows import retrained
from sweeper.drawing.scales import share_ticks
from sweeper.drawing.style import HUES, canvas, legend_below, themed
from sweeper.questions.question import FigureSpec, Shown, Tables
from sweeper.questions.run_data import RunData
from sweeper.questions.simplest import difference_words, guess_of, interval_words, simplest
from sweeper.statistics.race import ENOUGH_SEEDS
from sweeper.wording import capital, count, every, listing, number, some_of, whole


def comparison(run: RunData) -> pd.DataFrame:
    """Each finalist against the winner, see `sweeper.answer.comparison`; `optimism` is fresh minus search."""
    return called(run, of_finalists(run.trials, run.ranked, run.defaults))


def called(run: RunData, frame: pd.DataFrame) -> pd.DataFrame:
    """`frame` with the verdicts of the run: nothing is ranked where the answer is `hollow`."""
    if not hollow(run):
        return frame
    ranked = frame["verdict"].isin(
        [Verdict.TIED, Verdict.WORSE, Verdict.ON_AVERAGE, Verdict.BETTER, Verdict.LEFT]
    )
    first = frame["verdict"] == Verdict.WINNER
    kept = {
        name: frame[name].astype(bool) & first for name in ("tied", "better", "simplest") if name in frame
    }
    return frame.assign(verdict=frame["verdict"].mask(ranked, Verdict.UNRANKED), **kept)


def hollow(run: RunData) -> bool:
    """Whether the answer is not shown to have learned, or not to beat guessing."""
    return run.answer is not None and run.answer.standing in HOLLOW


def of_values(run: RunData) -> tuple[Statement, ...]:
    """What the finalists show of the compared values; where nothing is ranked, that."""
    if not hollow(run):
        return tuple(best_values(run.trials, run.study.search.scientific, "confirmation", run.defaults))
    why = run.answer.why_nothing_is_advised if run.answer is not None else ""
    return (NO_RANKING.format(detail=why),) if why else ()


COLORS = {
    Verdict.TIED: HUES[2],
    Verdict.WORSE: HUES[1],
    Verdict.ON_AVERAGE: HUES[5],
    Verdict.FAILS: HUES[7],
    Verdict.LEFT: HUES[6],
}
COLORS |= {Verdict.BETTER: HUES[4], Verdict.UNRANKED: HUES[0], Verdict.UNSTEADY: HUES[3]}
LEGEND = {
    Verdict.TIED: "tied with the winner",
    Verdict.WORSE: "worse, on average and on most seeds",
    Verdict.ON_AVERAGE: "worse on average",
    Verdict.FAILS: "diverged or failed on more seeds",
    Verdict.UNSTEADY: "lost more seeds, not shown to be worse",
    Verdict.LEFT: "left the race, not shown to be worse",
    Verdict.BETTER: "better where shared",
    Verdict.UNRANKED: "not ranked",
}

TICKS = 3
"""At most so many steps between the ticks of the differences, whose labels are long beside long names."""


@themed
def draw(frame: pd.DataFrame) -> Figure:
    """Rivals of `comparison` downwards: paired differences left, shares of seeds right."""
    rivals = frame.iloc[1:] if len(frame) > 1 else frame
    ranked = Ranked(frame["metric"].iloc[0])
    figure, (left, right) = canvas(
        1, 2, height=1.9 + 0.45 * len(rivals), sharey=True, gridspec_kw={"width_ratios": (3, 2)}
    )
    columns = ("difference", "difference_low", "difference_high"), ("p_better", "p_low", "p_high")
    for axes, names, middle in zip((left, right), columns, (0.0, 0.5), strict=True):
        axes.axvline(middle, color="0.3", linewidth=1)
        for place, row in enumerate(rivals.to_dict("records")):
            _interval(axes, place, [row[name] for name in names], COLORS.get(row["verdict"], HUES[0]))
    left.set_yticks(range(len(rivals)), marked(frame)[-len(rivals) :])
    left.set_ylim(len(rivals) - 0.5, -0.5)
    apart = "minus" if ranked.highest else "above"
    left.set(xlabel=f"{ranked.metric} {apart} the winner's", title="paired difference")
    right.set(xlabel="share of seeds", title=f"winner is {ranked.better}", xlim=(-0.03, 1.03))
    left.xaxis.set_major_locator(MaxNLocator(TICKS))
    share_ticks(right.xaxis, parts=2)
    right.tick_params(left=False)
    cast(ConstrainedLayoutEngine, figure.get_layout_engine()).set(wspace=0.1)
    for axes in (left, right):
        axes.grid(False, axis="y")
    kinds = [kind for kind in COLORS if (rivals["verdict"] == kind).any()]
    if kinds:
        handles = {LEGEND[k]: Line2D([], [], color=COLORS[k], marker="o", linewidth=2.5) for k in kinds}
        legend_below(figure, handles, ncols=2)
    return figure


def _interval(axes: Axes, place: int, numbers: list[float], color: str) -> None:
    middle, low, high = numbers
    axes.plot([low, high], [place, place], "-", color=color, linewidth=2.5)
    axes.plot([middle], [place], "o", color=color, markersize=7)


def alt(frame: pd.DataFrame) -> str:
    """Difference with interval and verdict of each rival."""
    winner = frame.iloc[0]
    if len(frame) == 1:
        return (
            f"{winner['label']} is the only finalist with a completed seed, so there is nothing to compare."
        )
    said, ranked = [], Ranked(frame["metric"].iloc[0])
    for row in frame.iloc[1:].to_dict("records"):
        middle, low, high = interval_words(row)
        known = f"{middle} ({low} to {high})" if pd.notna(row["difference_low"]) else "not known"
        known = "the same score" if same_scores(row) else known
        won = f", {_won(row, ranked)}" if pd.notna(row["p_better"]) and not same_scores(row) else ""
        said.append(f"{row['label']}: {known}{won}, {row['verdict']}")
    about = f"Paired difference in {ranked.metric} to the winner, {winner['label']}, with intervals."
    return f"{about} {'; '.join(said)}."


def _won(row: Mapping[Any, Any], ranked: Ranked) -> str:
    """On how many of the shared seeds the winner is better, and on how many neither."""
    even = f", equal on {whole(row['even'])}" if row["even"] else ""
    return f"winner {ranked.better} on {whole(seeds_won(row))} of {count(row['pairs'], 'seed')}{even}"


VERDICTS = {
    Verdict.TIED: "tied with the winner",
    Verdict.WORSE: "did worse on average and on most seeds",
    Verdict.ON_AVERAGE: "did worse on average, but is not shown to do so on most seeds",
    Verdict.BETTER: "did better on the seeds that both completed, but worse over those that each completed",
    Verdict.LEFT: "left the race behind the leader of that time, without being shown to be worse than the "
    "winner",
    Verdict.FAILS: "diverged or failed on more seeds",
    Verdict.UNSTEADY: "lost more seeds, as luck alone may do, without being shown to be worse where both "
    "completed",
}
NAMED = 3
"""Finalists whose numbers are spelled out; the table has all."""


def against_the_winner(frame: pd.DataFrame) -> pd.DataFrame:
    """Differences and what they cost, without the means, which stand in the section before."""
    columns = ["rank", "label", "verdict", "difference", "difference_low", "difference_high", "p_better"]
    columns += ["seen", "p_low", "p_high", "extras", "simplest", "expected_regret"]
    return frame[columns].rename(columns={"label": "finalist"})


def sentences(run: RunData, tables: Tables) -> tuple[str, ...]:
    """Verdicts, paired numbers of the next finalists, the simplest tied one, the expected cost.

    Nothing below `ENOUGH_SEEDS` seeds, or where only one finalist completed any; no price of a choice where
    the answer is not shown to be one.
    """
    frame = tables["comparison"]
    winner, *others = frame.to_dict("records")
    if not others or winner["n"] < ENOUGH_SEEDS:
        return ()
    verdicts = [
        f"{len(part)} {_verb(name, len(part))}{words}"
        for name, words in VERDICTS.items()
        if (part := [row for row in others if row["verdict"] == name])
    ]
    without = retrained(run.trials) - len(frame)
    scored = " that completed a seed" if without else ""
    said = [f"Of {len(others)} other finalists{scored}, {listing(verdicts)}."] if verdicts else []
    if len(verdicts) == 1 and len({row["verdict"] for row in others}) == 1:
        who = capital(every(len(others), "finalist", of="other "))
        verdict = others[0]["verdict"]
        said = [f"{who}{scored} {_verb(verdict, len(others))}{VERDICTS[verdict]}."]
    same = [row for row in others if same_scores(row)]
    if same and not all(same_scores(row) for row in others if row["verdict"] == Verdict.TIED):
        have = "has" if len(same) == 1 else "have"
        said.append(f"{_with_pairs(same, winner['n'])} {have} the scores of the winner on every seed.")
    said += [text for row in others[:NAMED] if (text := _numbers(row, winner["n"], run.ranked))]
    if hollow(run):
        return tuple(said)
    return (*said, *simplest(frame, run.metric, guess_of(run)), *_regret(frame, run.metric))


def not_shown_better(frame: pd.DataFrame) -> str:
    """That the winner is tied, with whom, and with whom although an interval leaves 0 out."""
    tied = [row for row in frame.to_dict("records") if row["verdict"] == Verdict.TIED]
    same = [row["label"] for row in tied if same_scores(row)]
    beside = [row["label"] for row in tied if not same_scores(row) and stricter(*apart(row)[1:3])]
    within = [row["label"] for row in tied if row["label"] not in (*same, *beside)]
    said = []
    if within:
        what = "such a difference" if len(within) == 1 else "such differences"
        said.append(f"{NOT_BETTER} {some_of(within)}: luck alone may make {what}.")
    if beside:
        begun = f"Nor do they show that it is better than {some_of(beside)}" if within else ""
        one = f"the interval of the difference {STRICTER}"
        many = f"the intervals of the differences {STRICTER.replace('leaves', 'leave')}"
        ends = one if len(beside) == 1 else many
        said.append(f"{begun or f'{NOT_BETTER} {some_of(beside)}'}; {ends}.")
    # of some that have the winner's scores another sentence tells
    return " ".join(said) or f"It has the same score as {listing(same)} on every seed."


NOT_BETTER = "These seeds do not show that it is better than"


def _verb(verdict: str, finalists: int) -> str:
    """Words on a tie have none of their own."""
    return ("is " if finalists == 1 else "are ") if verdict == Verdict.TIED else ""


def _numbers(row: Mapping[Any, Any], seeds: int, ranked: Ranked) -> str:
    """Difference with its interval; empty where seeds are too few, or all scores those of the winner. What
    else is known of it stands in the table. Seeds of both are named where they are fewer than the winner's
    `seeds`."""
    if not math.isfinite(row["difference_low"]) or same_scores(row):
        return ""
    shared = f", on {count(row['pairs'], 'seed')} of both" if row["pairs"] < seeds else ""
    text = f"{row['label']}: {difference_words(row, ranked.metric)}{shared}"
    if row["verdict"] == Verdict.TIED:
        text += f"; it {at_worst(row, ranked)}"
    return f"{text}."


def _with_pairs(rows: Sequence[Mapping[Any, Any]], seeds: int) -> str:
    """Labels, and on how many seeds of both where these are fewer than the winner's `seeds`."""
    pairs = [f" (on {count(row['pairs'], 'seed')} of both)" if row["pairs"] < seeds else "" for row in rows]
    return listing([f"{row['label']}{on}" for row, on in zip(rows, pairs, strict=True)])


def _regret(frame: pd.DataFrame, metric: str) -> tuple[str, ...]:
    cost = frame["expected_regret"].iloc[0]
    if not math.isfinite(cost) or cost <= ROUNDING * abs(frame["mean"].iloc[0]):
        return ()
    seeds, of = count(int(frame["regret_seeds"].iloc[0]), "fresh seed"), frame["expected_regret"].notna()
    some = f"the {of.sum()} finalists that lasted the race and lost the fewest seeds"
    who = f"{'all finalists' if of.all() else some}, over their {seeds}"
    return (f"Expected regret of picking the winner among {who}: {number(cost, 2)} of {metric}.",)


TABLES = {"comparison": comparison}
FIGURE = FigureSpec(
    name="comparison",
    table="comparison",
    title="Finalists against the winner",
    caption=(
        "Left: what each finalist scored minus what the winner scored on the same seeds, as mean and "
        "interval; all intervals hold together in 95 % of races. One that contains 0 does not show the "
        "finalist to be worse. One that leaves 0 out need not show it either, as a call takes more: colours "
        "and table have the verdicts. Right: the share of seeds on which the winner was better, equal "
        "scores counted half, with its 95 % interval; one half is a toss-up."
    ),
    missing="No finalist completed a fresh seed, so there is nothing to compare.",
    draw=draw,
    alt=alt,
)
TABLES_SHOWN = (Shown("comparison", "Paired differences to the winner", against_the_winner),)
HOW = (
    "Differences are taken seed by seed. In 95 % of races, all their intervals contain the truth together: "
    "the same numbers picked the winner, so each rival is compared with the largest statistic that identical "
    "settings would show (step-down). Calling a finalist worse takes more than an interval that leaves 0 "
    "out: of identical settings, at most 3 % of races call one worse, over all interim checks. False calls "
    "stay rare even where one setting has a skewed distribution or rare bad seeds. No interval can allow for "
    "what no seed has shown. An end is limited where one of the two scores can go no further. A finalist "
    f"that lasted the race and is not called worse is tied, where the winner completed {ENOUGH_SEEDS} seeds "
    "or more; fewer rank nobody. The detectable difference is the one that 80 % of races with as many seeds "
    "and as much noise would call. P(winner is better) counts seeds, those of equal scores half, with "
    "Wilson's 95 % interval; “on most seeds” takes at least 75 % and an interval above one half (Bouthillier "
    "et al. 2021, arXiv 2103.03098).",
    "Simplest: the smallest searched model (by depth and width; not told where those tied differ in other "
    "arguments of the model, whose size is not known), then the fewest parts beyond plain gradient descent "
    "on ReLU layers (penalty, decay, dropout, schedule, momentum, an activation that is not made of "
    "straight lines, numbers that the optimizer stores for each weight). The expected regret averages over "
    "the means that the seeds leave possible (Student’s t of the paired differences); where all finalists "
    "are nearly alike, it is rather too high than too low.",
)
