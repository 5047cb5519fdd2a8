"""Whether trainings ended too early, overfitted or broke, and what to do about it."""

import math
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from matplotlib.patches import Patch

from sweeper.answer.claim_words import Statement
from sweeper.answer.claims import CURVE, EXPLORATORY, Claim
from sweeper.answer.ranked import Ranked
from sweeper.answer.rows import best_trials, parameters_of, search_trials, tied_best
from sweeper.answer.seed_curves import seed_curves
from sweeper.drawing.scales import share_ticks
from sweeper.drawing.style import HUES, canvas, ink, themed
from sweeper.questions import convergence
from sweeper.questions.answer_curves import (
    ENDED,
    answer_curves,
    best_steps,
    of_the_answer,
    ranks_by_loss,
)
from sweeper.questions.convergence import SHOWN
from sweeper.questions.curve_advice import FALLING, Ended, advice, settable_by, slowed, unscheduled
from sweeper.questions.losses import of_search
from sweeper.questions.question import FigureSpec, Question, Shown, Tables
from sweeper.questions.range_edges import highest_rates_best
from sweeper.questions.run_data import RunData, once
from sweeper.statistics import curve_class as shapes
from sweeper.statistics.curve_class import DIVERGED, STUCK, UNSTABLE
from sweeper.study.settings import settings
from sweeper.wording import capital, count, every, listing, number, whole

COLUMNS = [
    "trial",
    "group",
    "class",
    "outcome",
    "points",
    "steps",
    "best_step",
    "settled_step",
    "objective_step",
    "objective",
    "metric",
    "lowest",
    "end",
    "gain",
    "gain_error",
    "noise",
    "advice",
]
BEST, REST = "best", "rest"
NOWHERE = (pd.NA, np.nan)
"""Step and score of a trial without an objective."""


@once
def curve_classes(run: RunData) -> pd.DataFrame:
    """One row per search trial that was evaluated; columns as in `COLUMNS`.

    best_step … noise: see `curve_class.Shape`. objective: the best score that ranks trials, of which `metric`
    is the name, and objective_step its step; null where it is not recorded, or the trial diverged. group:
    the `SHOWN` trials of lowest objective are ``best``, all others ``rest`` (the selection hides what goes
    wrong there). class: that of the validation loss, see `curve_class.shape`; trials that diverged or were
    pruned (``cut short``) are that, whatever their curve. Failed trials are left out.
    """
    search = search_trials(run.trials)
    search = search[search["outcome"] != "failed"]
    full = _full(run, search)
    outcomes = search.set_index("trial")[["outcome", "steps"]].to_dict("index")
    best = set(best_trials(run.trials, SHOWN)["trial"])
    ranked, by_loss = best_steps(run, search, run.curves), ranks_by_loss(run)
    rows, settable, above, slow = [], settable_by(run.study), _above_the_best(search), slowed(run, search)
    plain = unscheduled(search)
    for trial, _, (steps, losses, train) in seed_curves(of_search(search, run.curves)):
        found = shapes.shape(steps, losses, train)
        outcome, made = outcomes[trial]["outcome"], int(outcomes[trial]["steps"])
        name = {"diverged": shapes.DIVERGED, "pruned": shapes.CUT_SHORT}.get(outcome, found.name)
        group = BEST if trial in best else REST
        best_at = ranked.get(trial, NOWHERE) if outcome != "diverged" else NOWHERE  # it has no objective
        at = (found.best_step, found.settled_step, *best_at, run.objective)
        numbers = (found.lowest, found.end, found.gain, found.gain_error, found.noise)
        able = settable - {FALLING} if trial in plain else settable
        scored = ranked[trial][0] if trial in ranked else None
        ended = Ended(name, made, full, found, trial in above, by_loss, trial in slow, scored, able)
        text = advice(ended) if run.advises else ""
        rows.append((trial, group, name, outcome, len(steps), made, *at, *numbers, text))
    return pd.DataFrame(rows, columns=COLUMNS)


def _full(run: RunData, search: pd.DataFrame) -> int:
    """Steps of a whole training: the most that any made or, where none came to its end, as planned."""
    made = int(search["steps"].max()) if len(search) else 0
    if not made or (search["outcome"] == "completed").any() or "train" not in run.rows:
        return made
    return max(made, settings(run.study, parameters_of(search.iloc[0])).total_steps(run.rows["train"]))


def curve_summary(run: RunData) -> pd.DataFrame:
    """Columns group, class, trials, share (of the group); best first, classes in the order of `CLASSES`."""
    frame = curve_classes(run)
    counts = frame.groupby(["group", "class"]).size().rename("trials").reset_index()
    order = {name: place for place, name in enumerate(shapes.CLASSES)}
    counts = counts.sort_values("class", key=lambda names: names.map(order), kind="stable")
    counts = counts.sort_values("group", kind="stable", ignore_index=True)
    share = counts["trials"] / counts.groupby("group")["trials"].transform("sum")
    return counts.assign(share=share)


def _above_the_best(search: pd.DataFrame) -> frozenset[int]:
    """Trials at a higher rate than the best of their optimizer and activation: they lack no higher one."""
    alike = [name for name in ("optimizer", "activation") if search[name].notna().all()]
    done = search[search["outcome"] == "completed"].sort_values(["objective", "trial"])
    best = done.drop_duplicates(alike)[[*alike, "learning_rate"]]
    rates = search[[*alike]].merge(best, on=alike, how="left")["learning_rate"].to_numpy(float)
    return frozenset(search.loc[search["learning_rate"].to_numpy(float) > rates, "trial"])


COLORS = {
    shapes.IMPROVING: HUES[6],
    shapes.SATURATED: HUES[2],
    shapes.HIGHER: "#BFE0C4",
    shapes.UNCLEAR: "#C9D8E8",
    shapes.OVERFITTING: HUES[5],
    shapes.RISING: "#F0C8A0",
    shapes.UNSTABLE: HUES[3],
    shapes.NOISY: "#D6C3E0",
    shapes.MEMORIZED: "#F4E3A1",
    shapes.STUCK: "#BBBBBB",
    shapes.ROSE: "#D9A58C",
    shapes.DIVERGED: HUES[1],
    shapes.CUT_SHORT: "#DDDDDD",
    shapes.TOO_SHORT: "#F2F2F2",
}
NARROW = 0.05
"""Share of a bar below which a number does not fit into it."""


@themed
def draw(frame: pd.DataFrame) -> Figure:
    """A bar for each group of `curve_summary`, cut by class."""
    groups = list(dict.fromkeys(frame["group"]))
    figure, (axes,) = canvas(height=1.5 + 0.55 * len(groups))
    for place, group in enumerate(groups):
        start = 0.0
        for row in frame[frame["group"] == group].to_dict("records"):
            color = COLORS[row["class"]]
            axes.barh(place, row["share"], left=start, height=0.7, color=color, edgecolor="white")
            if row["share"] >= NARROW:
                text: dict[str, Any] = {"ha": "center", "va": "center", "color": ink(color)}
                axes.text(start + row["share"] / 2, place, str(row["trials"]), **text)
            start += row["share"]
    totals = frame.groupby("group")["trials"].sum()
    axes.set_yticks(range(len(groups)), [f"{group} (n = {totals[group]})" for group in groups])
    axes.set_ylim(len(groups) - 0.5, -0.5)
    axes.set(xlabel="share of trials; numbers count them", xlim=(0, 1))
    share_ticks(axes.xaxis)
    axes.grid(False, axis="y")
    present = [name for name in COLORS if (frame["class"] == name).any()]
    patches = [Patch(facecolor=COLORS[name], edgecolor="0.4", linewidth=0.5) for name in present]
    figure.legend(patches, present, loc="outside lower left", ncols=4, handlelength=1.4)
    return figure


def alt(frame: pd.DataFrame) -> str:
    """Counts of each class, group by group."""
    said = []
    for group, rows in frame.groupby("group", sort=False):
        counts = ", ".join(f"{whole(row['trials'])} {row['class']}" for row in rows.to_dict("records"))
        said.append(f"{group}: {counts}")
    return f"Classes of the validation curves. {'; '.join(said)}."


ONE_SEED = "One seed behind each curve."
BROKEN = (DIVERGED, shapes.ROSE, UNSTABLE, shapes.NOISY, shapes.RISING, shapes.MEMORIZED, STUCK)
"""Classes whose advice does not hang on the steps of one trial."""


def sentences(run: RunData, tables: Tables) -> tuple[Statement, ...]:
    """The best curve, the classes of the best and of the others, what the answer's own curves advise (first
    where they are of several seeds), and what went wrong elsewhere."""
    summary, classes = tables["curve_summary"], tables["curve_classes"]
    first = tables["convergence"]["trial"].head(1)
    rows = classes[classes["trial"].isin(first)].to_dict("records")
    tied = tied_best(run.trials)
    said: list[Statement] = [_best(row, run.ranked, tied) for row in rows]
    groups = [(group, rows) for group in (BEST, REST) if len(rows := summary[summary["group"] == group])]
    said += [_counts(rows, group, tied, alone=len(groups) == 1) for group, rows in groups]
    if run.answer is not None and (why := run.answer.why_nothing_is_advised):
        return (*said, f"These curves advise nothing, as {why}.", ONE_SEED)
    own = tables["answer_curves"]
    answers = run.trials[run.trials["trial"].isin(own["trial"])]
    advised = of_the_answer(
        own,
        settable_by(run.study) - ({FALLING} if unscheduled(answers) else set()),
        by_loss=ranks_by_loss(run),
        slow=bool(slowed(run, answers)),
        best_high=highest_rates_best(run),
        fresh=bool((answers["phase"] == "confirm").any()),
    )
    among = "" if len(groups) == 1 else "Of the other trials, "
    rest = classes[(classes["group"] == REST) & (classes["advice"] != "")]
    if advised:
        said.insert(0 if len(own) > 1 else len(said), advised)  # what more seeds show comes first
    totals = classes.loc[classes["group"] == REST, "class"].value_counts()
    return (*said, *_usual(rest, among, totals.to_dict()), ONE_SEED)


def _best(row: Mapping[Any, Any], ranked: Ranked, tied: int) -> Claim:
    how = ENDED.get(row["class"], row["class"])
    if row["class"] == shapes.SATURATED and _is_vague(row):
        how += ", as far as its noise shows"
    which = "the best" if tied < 2 else f"the first of {whole(tied)} that tie as the best"
    text = f"Trial #{row['trial']}, {which} of the search, {how}: its "
    text += f"validation loss was lowest, {number(row['lowest'])}, at step {row['best_step']:,} of "
    text += f"{row['steps']:,}"
    if row["best_step"] < row["steps"]:
        text += f"; the median of its last three evaluations is {number(row['end'])}"
    if ranked.metric != "validation loss" and math.isfinite(row["objective"]):
        text += (
            f". Its {ranked.metric}, which ranks trials, was {ranked.best}, {number(row['objective'])}, at "
        )
        text += f"step {row['objective_step']:,}"
    name = f"#{row['trial']}"
    return Claim(CURVE, name, row["class"], EXPLORATORY, "curves", "one seed", detail=text)


def _is_vague(row: Mapping[Any, Any]) -> bool:
    """Whether a curve without a trend fell or rose at its end by an amount that a surer one is judged by."""
    return bool(max(row["gain"], row["end"] - row["lowest"]) > shapes.GAIN * abs(row["end"]))


def _counts(rows: pd.DataFrame, group: str, tied: int, *, alone: bool) -> str:
    total, of = int(rows["trials"].sum()), "" if alone else "best " if group == BEST else "other "
    among = f" (of {whole(tied)} that tie)" if of == "best " and tied > total else ""
    if len(rows) == 1:
        who, name = f"{capital(every(total, 'trial', of=of))}{among}", rows["class"].iloc[0]
        return f"{who} diverged." if name == DIVERGED else f"{who}: {name}."
    parts = [_class(row) for row in rows.to_dict("records")]
    who = f"Best {count(total, 'trial')}{among}" if of == "best " else f"{whole(total)} {of}trials"
    return f"{who}: {listing(parts)}."


def _class(row: Mapping[Any, Any]) -> str:
    return f"{whole(row['trials'])} {row['class']}"


def _usual(rest: pd.DataFrame, among: str, totals: Mapping[str, int]) -> Iterator[str]:
    """What the trials of each class in `BROKEN` are advised, most of them first; classes that ask for the
    same share a clause. `totals`: how many each class has, with those that nothing is advised."""
    asked: dict[str, list[str]] = {}
    for name in BROKEN:
        texts = rest.loc[rest["class"] == name, "advice"].value_counts()
        those = "that diverged" if name == DIVERGED else f"called {name}"
        total = totals.get(name, 0)
        called = f"of the {whole(total)} {those}" if len(texts) > 1 or texts.sum() < total else name
        for text, times in texts.items():
            asked.setdefault(str(text), []).append(f"{whole(times)} {called}")
    if asked:
        said = "; ".join(f"{listing(names)}: {text}" for text, names in asked.items())
        yield f"{among}{said}."


QUESTION = Question(
    key="curves",
    question="Did trainings end too early, overfit, or break?",
    tables={
        **convergence.TABLES,
        "curve_classes": curve_classes,
        "curve_summary": curve_summary,
        "answer_curves": answer_curves,
    },
    figure=convergence.FIGURE,
    more=(
        FigureSpec(
            name="curve_classes",
            table="curve_summary",
            title="Classes of validation curves",
            caption=(
                f"Validation curves of the best trials (up to {SHOWN}), and of all others. Still improving: "
                "train longer. Unclear end: too noisy there to show a trend. Saturated or ending "
                "higher: no more steps needed, unless a schedule lowered the rate towards the end, which "
                "levels off any training. Overfitting or not generalising: regularize. Unstable, noisy or "
                "rising again: use a lower or decaying rate. Rose or diverged: use a lower rate or a "
                "warm-up. Pruned trials are cut short and not judged."
            ),
            missing="No trial of the search was evaluated, so there is no curve to judge.",
            draw=draw,
            alt=alt,
        ),
    ),
    sentences=sentences,
    shown=(
        Shown("curve_summary", "Trials of each class"),
        Shown("answer_curves", "Curves of the answer, one row per seed"),
        Shown("curve_classes", "One row per trial"),
        *convergence.TABLES_SHOWN,
    ),
    how=(
        *convergence.HOW,
        "Each validation curve is put in one class. Its lowest is the least running median of three "
        "points, as one lucky point is no minimum; its end is the median of the last three. It rises where "
        "it ends more than 10 %, three times its noise and a hundredth of its fall above that lowest, and "
        "had its lowest point in the first four fifths; of the answer, where the mean over its seeds "
        "rises, so do the seeds that end more than 3 % above their lowest, and one class is told of it "
        "where more than half of all seeds would end so (one-sided sign test at 5 %) or all did. One that "
        "fell by less than 5 %: overfitting where it rises and the train loss fell, rose where it rises "
        "otherwise, noisy where its noise is above 5 % of the loss, not generalising where the train loss "
        "fell on from its first point, or by half, and by twice what the validation loss fell, not "
        "learning otherwise. Of the others, noisy: the fall is below three times the noise. Unstable: "
        "noise above 20 % of the loss, or ups that come down again above a quarter of the fall. "
        "Overfitting: it rises while the train loss fell; rising again: it rises while that rose too. "
        "Still improving: a straight line through the last quarter of the points, five at least, falls by "
        "more than 3 % of the end over a quarter of the steps, and by more than three times the standard "
        "error of that fall (gain and gain error); the lowest point lies in that quarter (of fewer than 20 "
        "points, it is one of the last two). Ending higher: the end lies more than 3 % and three times its "
        "noise above the lowest, which is none of the last three points. Unclear end: a quarter or more of "
        "the changes of the second half are rises, and the end lies more than 10 % below the median of the "
        "three points before it while that line falls by 1.5 to 3 times its error, or more than 10 % above "
        "the lowest. Else saturated. With fewer than 6 points nothing is said.",
        "The best and the others are counted separately, because picking the best hides what goes wrong. "
        "Pruned trials are “cut short” and not judged. Advice is a starting point, not a result of the "
        "search.",
    ),
)
