"""The finalists on fresh seeds."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from sweeper.answer.bounds import cut_ends, in_words, reads_as
from sweeper.answer.claim_words import Statement
from sweeper.answer.comparison import Verdict, with_verdicts
from sweeper.answer.confirmed import confirmed
from sweeper.answer.placing import Finalist, better_means, losses, placing
from sweeper.answer.ranked import Ranked
from sweeper.answer.rows import completed_search, search_trials
from sweeper.components.metric_words import axis_words, metric_words
from sweeper.drawing.scales import cut_at_the_axis, loss_axis
from sweeper.drawing.style import HUES, canvas, legend_below, themed
from sweeper.questions import comparison, race
from sweeper.questions.last_evaluation import last_scores, leads_at_the_end
from sweeper.questions.question import ANSWER, FigureSpec, Question, Shown, Tables
from sweeper.questions.run_data import RunData
from sweeper.questions.seeds import ALL as DRAWN
from sweeper.questions.seeds import draws
from sweeper.questions.variance import FLATTERED, NO_BIAS, bias
from sweeper.statistics.race import ENOUGH_SEEDS
from sweeper.wording import capital, count, listing, number, same_on, some_of, whole

COLUMNS = [
    "rank",
    "trial",
    "label",
    "seed",
    "outcome",
    "objective",
    "last",
    "mean",
    "low",
    "high",
    "n",
    "failures",
    "cut",
    "tied",
    "verdict",
    "dropped",
    "difference",
    "search_objective",
    "metric",
]


def finalists(run: RunData) -> pd.DataFrame:
    """One row per finalist and fresh seed, the winner first; columns as in `COLUMNS`.

    `objective` is the score on that seed, `last` that at its last evaluation, `search_objective` the
    score in the search, the rest is repeated from `confirmed`. Finalists without one completed seed come
    last, with null means. Empty if no finalist completed a seed.
    """
    ranking = confirmed(run.trials)
    rows = run.trials[run.trials["phase"] == "confirm"]
    if ranking.empty:
        return pd.DataFrame(columns=COLUMNS)
    lost = sorted(set(rows["trial"]) - set(ranking["trial"]))
    failures = [int((rows["trial"] == trial).sum()) for trial in lost]
    last = pd.DataFrame({"trial": lost, "n": 0, "failures": failures, "tied": False, "dropped": False})
    ranking = comparison.called(run, with_verdicts(ranking))
    last = last.assign(verdict=Verdict.FAILS)
    ranking = pd.concat([ranking, last], ignore_index=True) if lost else ranking
    ranking = ranking.assign(rank=range(1, len(ranking) + 1), metric=run.objective)
    search = search_trials(run.trials)
    names = pd.DataFrame(
        {"trial": search["trial"], "label": run.labels.to_numpy(), "search_objective": search["objective"]}
    )
    seeds = rows[["trial", "seed", "outcome", "objective"]]
    frame = seeds.merge(ranking, on="trial").merge(names, on="trial", how="left")
    frame = frame.merge(last_scores(run), on=["trial", "seed"], how="left").assign(cut="")
    frame = frame.sort_values(["rank", "seed"], ignore_index=True)[COLUMNS]
    values = ("objective", "mean", "search_objective")
    frame = run.ranked.read(frame, *values, ends=[("low", "high")], differences=[("difference",)])
    ends = zip(frame["mean"], frame["low"], frame["high"], strict=True)
    return frame.assign(cut=[cut_ends(run.objective, *each, run.ranked.least_loss) for each in ends])


FIRST, SAME, OTHER = HUES[0], HUES[2], HUES[7]


@themed
def draw(frame: pd.DataFrame) -> Figure:
    """One line of dots for each finalist of `finalists`, the winner on top."""
    ranks = frame.groupby("rank", sort=True).first().reset_index().set_index("rank", drop=False)
    figure, (axes,) = canvas(height=1.7 + 0.5 * len(ranks))
    for rank, row in ranks.iterrows():
        seeds = frame.loc[frame["rank"] == rank, "objective"]
        _draw_finalist(axes, float(str(rank)), row, seeds)
    axes.set_yticks(list(ranks.index), [_name(row) for _, row in ranks.iterrows()])
    axes.set_ylim(len(ranks) + 0.6, 0.4)
    axes.grid(False, axis="y")
    axes.set_xlabel(f"best {axis_words(frame['metric'].iloc[0])}")
    points = [*frame["objective"], *frame["search_objective"]]
    loss_axis(axes.xaxis, points, highest=Ranked(frame["metric"].iloc[0]).highest)
    known = ranks[ranks["n"] > 0]
    colors = [_color(float(str(rank)), row) for rank, row in known.iterrows()]
    cut_at_the_axis(axes, known.index, known["low"], known["high"], colors)
    legend_below(figure, _entries(ranks), ncols=3)
    return figure


def _draw_finalist(axes: Axes, y: float, row: "pd.Series", seeds: "pd.Series") -> None:
    color = _color(y, row)
    below = [y + 0.2] * int(seeds.notna().sum())  # the axis points down
    axes.plot(seeds.dropna(), below, "o", color=color, alpha=0.6, markeredgewidth=0)
    axes.plot([row["search_objective"]], [y], "D", color="white", markeredgecolor="black", zorder=3)
    if row["n"]:
        axes.plot([row["low"], row["high"]], [y, y], "-", color=color, linewidth=2.5, zorder=3)
        axes.plot([row["mean"]], [y], "|", color=color, markersize=17, markeredgewidth=2.5, zorder=4)


def _color(rank: float, row: "pd.Series") -> str:
    return FIRST if rank == 1 else SAME if row["verdict"] == Verdict.TIED else OTHER


def _name(row: "pd.Series") -> str:
    lost = (
        f"\n{row['failures']} of {row['n'] + row['failures']} seeds diverged or failed"
        if row["failures"]
        else ""
    )
    standing = " (tied)" if row["verdict"] == Verdict.TIED else ""
    if row["dropped"]:
        standing = f" (out after {row['n'] + row['failures']})"
    return f"{row['label']}{standing}{lost}"


def _entries(ranks: pd.DataFrame) -> dict[str, Line2D]:
    interval: dict[str, Any] = {"marker": "|", "markersize": 12, "markeredgewidth": 2.5, "linewidth": 2.5}
    others = ranks.iloc[1:]
    entries = {
        "winner: mean, 95 % interval": Line2D([], [], color=FIRST, **interval),
        "tied with the winner": Line2D([], [], color=SAME, **interval),
        "other finalist": Line2D([], [], color=OTHER, **interval),
        "one fresh seed": Line2D([], [], color=OTHER, alpha=0.6, marker="o", linestyle="none"),
        "score in the search": Line2D(
            [], [], color="white", markeredgecolor="black", marker="D", linestyle="none"
        ),
    }
    tied = others["verdict"] == Verdict.TIED
    if not tied.any():
        del entries["tied with the winner"]
    if tied.all():
        del entries["other finalist"]
    return entries


def alt(frame: pd.DataFrame) -> str:
    """Mean and interval of each finalist, and who is tied."""
    rows = frame.groupby("rank", sort=True).first()
    said = [
        f"{row['label']}: {_mean(row)} ({_spread(row)}"
        f"{', tied with the winner' if row['verdict'] == Verdict.TIED else ''})"
        if row["n"]
        else f"{row['label']}: no seed completed"
        for _, row in rows.iterrows()
    ]
    metric = metric_words(frame["metric"].iloc[0])
    what = f"Mean best {metric} of the finalists on fresh seeds with 95 % intervals, winner first"
    return f"{what}. {'; '.join(said)}."


def _mean(row: "pd.Series") -> str:
    """With the decimals of its interval."""
    return in_words(row["mean"], row["low"], row["high"])[0]


def _spread(row: "pd.Series") -> str:
    if math.isnan(row["low"]):
        return "1 seed" if row["n"] == 1 else same_on(int(row["n"]))
    _, low, high = in_words(row["mean"], row["low"], row["high"], row["cut"])
    return f"{low} to {high}, {row['n']} seeds"


def one_row_each(finalists: pd.DataFrame) -> pd.DataFrame:
    """Without the seeds: a row per finalist."""
    ranks = finalists.drop_duplicates("rank")
    columns = ["rank", "label", "mean", "low", "high", "n", "failures", "verdict", "search_objective"]
    return ranks[columns].rename(columns={"label": "finalist", "n": "seeds"})


def sentences(run: RunData, tables: Tables) -> tuple[Statement, ...]:
    """Who won, who is tied and by how much, what was lost, how far the search had flattered the winner."""
    ranks = tables["finalists"].drop_duplicates("rank").to_dict("records")
    first, others = ranks[0], ranks[1:]
    ranked = run.ranked
    finalists = [_finalist(row, tables["finalists"], ranked) for row in ranks]
    placed = placing(finalists, ranked, first["label"], "has")
    said = [
        f"{placed}: {_score(first)}."
        if _plain(finalists)
        else f"{placed}; the winner's mean {ranked.metric} over "
        f"{count(first['n'], 'seed')} is {_score(first)}."
    ]
    said += [f"{clause}." for clause in better_means(finalists, ranked)]
    tied, few = (
        [row["label"] for row in others if row["verdict"] == name]
        for name in (Verdict.TIED, Verdict.UNRANKED)
    )
    if comparison.hollow(run):
        pass  # nothing is ranked, whatever the seeds
    elif few and first["n"] == 1:
        said.append(f"One seed cannot rank it against {some_of(few)}.")
    elif few:
        text = f"{count(first['n'], 'seed')} are too few to rank it against {some_of(few)}"
        said.append(f"{capital(text)}, which may still be worse.")
    elif tied:
        said.append(comparison.not_shown_better(tables["comparison"]))
    lost = [
        f"{row['label']} {losses(finalist)} of {finalist.tried}"
        for row, finalist in zip(ranks, finalists, strict=True)
        if finalist.lost
    ]
    if lost:
        said.append(f"Seeds lost: {listing(lost)}.")
    own = tables["finalists"].query("rank == 1")["objective"].dropna()
    searched = len(completed_search(run.trials))
    said.append(_flattery(first, own.tolist(), tables["comparison"], ranked, searched))
    said += leads_at_the_end(run, tables["finalists"])
    return (*said, *comparison.of_values(run), *comparison.sentences(run, tables))


def _finalist(row: Mapping[Any, Any], finalists: pd.DataFrame, ranked: Ranked) -> Finalist:
    own = finalists[finalists["rank"] == row["rank"]]
    diverged = int((own["outcome"] == "diverged").sum())
    lost = (diverged, row["failures"] - diverged)
    return Finalist(
        row["label"],
        ranked.cost(row["mean"]),
        row["n"],
        *lost,
        bool(row["dropped"]),
        ranked.behind(row["difference"]),
    )


def _plain(finalists: Sequence[Finalist]) -> bool:
    """Several finalists on the same seeds, none of them lost: what was said of the mean goes for all."""
    one = len({finalist.completed for finalist in finalists}) == 1
    return len(finalists) > 1 and one and not any(finalist.lost for finalist in finalists)


def _score(row: Mapping[Any, Any]) -> str:
    if not math.isfinite(row["low"]):
        return f"{number(row['mean'])} ({same_on(int(row['n']))}, so its spread is unknown)"
    mean, low, high = in_words(row["mean"], row["low"], row["high"], row["cut"])
    return f"{mean} (95 % interval {low} to {high})"


def _flattery(
    first: Mapping[Any, Any], scores: Sequence[float], comparison: pd.DataFrame, ranked: Ranked, searched: int
) -> str:
    """The winner's score among `searched` beside its `scores` on fresh seeds, and what `comparison` shows."""
    search, mean, shown = first["search_objective"], first["mean"], bias(comparison)
    fresh = "mean on fresh seeds" if len(scores) > 1 else "score on the fresh seed"
    sides = {"lower": "below", "higher": "above"}
    printed = in_words(mean, first["low"], first["high"])[0]
    if reads_as(search, printed) or number(search) == number(mean):
        where = "fresh seeds on average" if len(scores) > 1 else "the fresh seed"
        return f"In the search the winner scored {printed} on one seed, as on {where}."
    if ranked.cost(search) < ranked.cost(mean):
        relation = f"{sides[ranked.better]} its {fresh}"
        together = "the finalists together do not" if len(comparison) > 1 else "its fresh seeds do not"
        if len(comparison) > comparison["optimism_finalists"].iloc[0] == 1:
            together = "the one finalist picked by search score does not"
        every = min(map(ranked.cost, scores))
        if shown == FLATTERED:
            reason = "; the search was optimistic, so trust the fresh seeds"
        elif shown == NO_BIAS and len(scores) >= ENOUGH_SEEDS and ranked.cost(search) < every:
            relation = f"{sides[ranked.better]} its score on each of {len(scores)} fresh seeds"
            reason = (
                f"; by luck alone that happens to one seed in {len(scores) + 1}, so the search may have been "
                f"optimistic, though {together} show it"
            )
        elif shown:
            reason = f"; one seed can do that: {together} show that the search was optimistic"
        else:
            reason = f"; the {ranked.best} of {whole(searched)} may be luck, so trust the fresh seeds"
            reason = reason if searched > 1 else ""
    else:
        side = sides[ranked.worse] if search != mean else "equal to"
        relation = f"{side} its {fresh}"
        reason = ""
    return f"In the search the winner scored {number(search)} on one seed, {relation}{reason}."


DOTS = (
    "Each small mark is one fresh seed, with {draws} of its own. The bar is the mean and the line its 95 % "
    "interval (one seed has none, nor have two or three of the same score; an arrow marks where the axis "
    "cuts it). The diamond is the score in the search, on one seed."
)
HOW = (
    "Finalists are completed trials of the search, at most as many as confirm.finalists says: the two of the "
    "best scores, of equal ones those of the best mean over their evaluations; then of each combination of "
    "the compared values that has none the best trial, or where there is none left, the next best; in place "
    "of the last of two and more the best published default, where one completed and is not among them. A "
    "trial that differs from a finalist only in numbers, each by a fiftieth of its range at most, is passed "
    "over while others are left. So a finalist need not be one of the best of the search. Where a search "
    "goes on, its earlier finalists stay. Each is trained again on fresh seeds, where the study asks for "
    "any. A fresh seed draws "
    f"{DRAWN}. Finalists have the same seeds, and are compared pair by pair on those that both have. A "
    "published default is not tuned: what is better than it need not be better than its optimizer, or "
    "activation, at other rates.",
    "Finalists race. After 6, 8, 10, 13 … seeds, a finalist drops out if it is called worse than the leader, "
    "or lost two seeds more; its seeds go to the others. The race ends when one is left, when the rest "
    "differ by less than confirm.matters (of a loss below 0 or a score without a best value, there is no "
    "share), or when what is left of the budget is less than a seed for each. Intervals hold at any end.",
    "Each mean has its own 95 % interval; that of a winner with ties allows, where it must be wider for "
    "it, for the pick among them. Intervals of paired differences hold together. They assume that the "
    "seeds have shown what luck can do: of a setting with one bad seed in twenty, ten seeds often show "
    "none. A finalist that failed on more seeds ranks after those that failed on fewer.",
    "The winner is the one of best mean among the finalists that lasted the race and lost the fewest "
    "seeds, so its own mean is slightly optimistic. Where no finalist completed a fresh seed, it is the "
    "trial of the best score in the search, which flatters more.",
    *comparison.HOW,
)
QUESTION = Question(
    key="confirmation",
    question="Which settings win on fresh seeds, and by how much?",
    part=ANSWER,
    unfolded=True,
    tables={"finalists": finalists, **comparison.TABLES, **race.TABLES},
    figure=FigureSpec(
        name="confirmation",
        table="finalists",
        title="Finalists on fresh seeds",
        caption=DOTS.format(draws=DRAWN),
        of_run=lambda run: DOTS.format(draws=draws(run)),
        missing="No finalist completed a fresh seed, so there is nothing to compare.",
        draw=draw,
        alt=alt,
    ),
    how_of=lambda run: tuple(text.replace(DRAWN, draws(run)) for text in HOW),
    sentences=sentences,
    more=(comparison.FIGURE, race.FIGURE),
    shown=(
        Shown("finalists", "One row per finalist; the CSV has every seed", one_row_each),
        *comparison.TABLES_SHOWN,
    ),
    how=HOW,
)
