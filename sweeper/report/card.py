"""The answer in words: one card, rendered as HTML (page), Markdown (dashboard) and plain text (terminal)."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from sweeper.answer.answer import Answer
from sweeper.answer.bounds import STRICTER
from sweeper.answer.claims import (
    AHEAD,
    ALONE,
    BEATS,
    CONFIRMED,
    GUESS,
    HOLLOW,
    LEARNED,
    MIXED,
    NONE,
    PROVISIONAL,
    STANDING,
    TIES,
    UNLEARNED,
    YES,
    Claim,
)
from sweeper.answer.comparison import Verdict, marked
from sweeper.answer.gain import LABEL, gained, power
from sweeper.answer.luck import ends_in_words
from sweeper.answer.outcomes import outcomes_in_words, reasons
from sweeper.answer.placing import at_worst, better_means, placing, same_scores
from sweeper.answer.ranked import Ranked
from sweeper.answer.rows import search_trials
from sweeper.answer.summary import Summary, summarize
from sweeper.report.against_words import guessing
from sweeper.report.doubts import Doubt, doubt
from sweeper.report.facts import Fact, in_no_finalist, off_scale, other_scores, scores_of, unit_of
from sweeper.report.next_step import NextStep, next_step
from sweeper.report.use import headline_of, in_words, settings
from sweeper.search.starts import unheld
from sweeper.statistics.race import ENOUGH_SEEDS
from sweeper.study.study import Study
from sweeper.wording import capital, count, duration, ended, every, given, listing, percent, whole

FOLDED = ("In no finalist", "Guessing", "Other scores", "Trials", "Made on")
TIED, UNRANKED, OPEN = "Tied with the winner", "Not ranked", "Not shown to be worse"
WHY_UNSHOWN = {
    Verdict.UNSTEADY: "diverged or failed on more seeds, which luck alone may do",
    Verdict.LEFT: "left the race behind the leader of that time",
    Verdict.BETTER: "better on the seeds that both completed",
}
UNDECIDED, SAME = "undecided", "same"
"""Status of two runs that their fresh seeds do not rank."""
BADGES: Mapping[str, str] = {
    CONFIRMED: "Confirmed on fresh seeds",
    TIES: "First on fresh seeds; others may be as good",
    AHEAD: "First on fresh seeds, but not shown to be better than every other finalist",
    ALONE: "Measured on fresh seeds, compared with no other setting",
    PROVISIONAL: "Provisional",
    UNLEARNED: "Not shown to have learned",
    GUESS: "Not shown to be better than guessing",
    UNDECIDED: "Not settled by these fresh seeds",
    SAME: "Nothing to compare",
    "none": "No answer",
    "running": "Not finished",
    "predicted": "Predicted from other sizes",
}
"""The status of an answer in words, one for each `Card.standing`; every surface says it."""


@dataclass(frozen=True)
class Card:
    """What to use, how sure that is, what to do next."""

    standing: str
    """A key of `BADGES`."""
    headline: str
    lead: str
    settings: Mapping[str, str]
    """Label -> value; empty without an answer."""
    facts: tuple[Fact, ...]
    next_step: NextStep
    warnings: tuple[str, ...] = ()
    claims: tuple[Claim, ...] = ()
    """That guessing is beaten; that nothing was learned, or nothing beyond guessing: then no section ranks
    anything."""

    unstable: str = ""
    """``lost 4 of 10 seeds``, where the winner lost many of its fresh seeds."""

    @property
    def badge(self) -> str:
        """The status in words; of an answer that does not beat guessing the headline, which says where."""
        if self.standing == GUESS:
            return self.headline.rstrip(".")
        return "; ".join(part for part in (BADGES[self.standing], self.unstable) if part)

    @property
    def status(self) -> str:
        """The same as a sentence; empty where the headline says it itself."""
        return "" if self.standing in (*HOLLOW, "none") else f"{self.badge}. "

    @property
    def folded(self) -> tuple[Fact, ...]:
        """Facts that the page folds away where there is an answer; the terminal prints all."""
        answers = self.standing in (CONFIRMED, TIES, AHEAD, ALONE, PROVISIONAL)
        return tuple(fact for fact in self.facts if answers and fact.label in FOLDED)


def card(
    study: Study,
    answer: Answer | None,
    trials: pd.DataFrame,
    folder: Path | None = None,
    curves: pd.DataFrame | None = None,
) -> Card:
    """The answer of `trials` in words; `folder`: that of the report, if there is one; `curves`: theirs."""
    unscaled = off_scale(study, curves, answer)
    counted = _counts(study, trials)
    if answer is None:
        step = next_step(study, None, trials, None, None, folder, unscaled)
        return Card("none", _no_headline(trials), _why_none(trials), {}, counted, step)
    summary, doubted = summarize(study, answer, trials), doubt(study, answer)
    ranked = Ranked(study.objective, answer.least_loss)
    facts = (
        *scores_of(study, answer, summary),
        *unit_of(study),
        *(() if doubted else _tied(ranked, answer, summary)),
        *(() if doubted else _unshown(ranked, answer, summary)),
        *(() if doubted else _gained(study, ranked, answer)),
        *(() if doubted else _sure(ranked, answer, summary)),
        *(() if doubted else in_no_finalist(study, trials)),
        Fact("Guessing", *guessing(answer, ranked)),
        *other_scores(ranked, answer),
        *counted,
        *_made(answer, trials),
    )
    headline, lead = headline_of(study, answer), _lead(ranked, answer, summary, trials)
    standing, warnings = answer.standing, answer.warnings
    if doubted is not None:
        lead = f"{doubted.lead} The winner has {in_words(study, answer)}. {lead}"
        standing, headline = doubted.standing, doubted.headline
        warnings = tuple(text for text in warnings if text != doubted.warning)
    edge, nearly = summary.edge, summary.nearly_worse
    step = next_step(study, answer, trials, doubted, edge, folder, unscaled, nearly)
    chosen, claims = settings(answer.parameters, study), _claims(answer, doubted)
    unstable = f"lost {sum(answer.lost.values())} of {count(answer.tried, 'seed')}" if answer.unstable else ""
    return Card(standing, headline, lead, chosen, facts, step, warnings, claims, unstable)


def _claims(answer: Answer, doubted: Doubt | None) -> tuple[Claim, ...]:
    """What the card says of learning: some scores may not beat guessing where training did learn."""
    found = []
    if answer.baseline is not None and answer.baseline.beaten:
        found.append(Claim(BEATS, "answer", YES, CONFIRMED, "answer", detail="the answer beats guessing"))
    if doubted is not None:
        direction = NONE if doubted.standing == UNLEARNED else MIXED
        guess = f"the answer is {doubted.compared}"
        detail = guess if doubted.standing == GUESS else answer.why_nothing_is_advised
        found.append(Claim(LEARNED, "answer", direction, CONFIRMED, "answer", detail=detail))
    standing = answer.standing if doubted is None else doubted.standing
    seeds = answer.confirmed.seeds if answer.confirmed else 1
    badge = doubted.headline.rstrip(".") if doubted and standing == GUESS else BADGES[standing]
    found.append(Claim(STANDING, "answer", standing, CONFIRMED, "answer", seeds=seeds, detail=badge))
    return tuple(found)


def _lead(ranked: Ranked, answer: Answer, summary: Summary, trials: pd.DataFrame) -> str:
    if answer.confirmed is None:
        why = (
            "no finalist completed a fresh seed"
            if (trials["phase"] == "confirm").any()
            else "it was not retrained on fresh seeds"
        )
        done = count(len(summary.completed), "completed trial")
        best = f"the {ranked.best} {ranked.metric} of {done}, one seed each"
        if len(summary.completed) == 1:
            best = "the only trial that completed, on one seed"
        return f"{capital(best)}; {why}, so it may be luck."
    finalists = summary.finalists
    text = "; ".join([placing(finalists, ranked, "these settings", "have"), *better_means(finalists, ranked)])
    if answer.tied and answer.standing not in HOLLOW:
        tied = len(answer.tied)
        text += f"; {count(tied, 'other')} {'is' if tied == 1 else 'are'} tied with these settings"
    if answer.unranked:
        few = count(answer.confirmed.seeds, "seed is", "seeds are")
        others = count(len(answer.unranked), "other is", "others are")
        others = "the other is" if len(finalists) == 2 else others
        text += f"; {few} too few to tell whether {others} worse"
    return f"{text}."


def _gained(study: Study, ranked: Ranked, answer: Answer) -> tuple[Fact, ...]:
    """What was gained over the published defaults, and which of them the space lacks where none was tried."""
    if answer.confirmed is None:
        return ()
    value, meaning = gained(answer.gain, ranked)
    missing = unheld(study.space) if answer.gain is None else []
    return (Fact(LABEL, value, "; ".join([meaning, *missing])),)


def _tied(ranked: Ranked, answer: Answer, summary: Summary) -> tuple[Fact, ...]:
    """What is as good as far as these seeds show, each with how much worse it may be."""
    if answer.confirmed is None or not (summary.tied or summary.unranked):
        return ()
    seeds = answer.confirmed.seeds
    if not summary.tied:
        these, they = ("it", "it") if len(summary.unranked) == 1 else ("these", "they")
        meaning = f"{seeds} seeds are too few to rank {these} behind the winner; {they} may still be worse"
        meaning = "one seed cannot rank two settings" if seeds == 1 else meaning
        return (Fact(UNRANKED, "\n".join(summary.unranked), meaning),)
    rows = summary.rows.to_dict("records")
    lines = [
        f"{name}: {at_worst(row, ranked, remarked=False)}"
        + (f", on {count(int(row['pairs']), 'seed')} of both" if row["pairs"] < seeds else "")
        for name, row in zip(marked(summary.rows), rows, strict=True)
        if row["verdict"] == Verdict.TIED
    ]
    told = any(math.isfinite(row["difference_low"]) and not same_scores(row) for row in rows[1:])
    shared = "; a tie of few shared seeds says little" if summary.few_pairs else ""
    meaning = f"{count(seeds, 'fresh seed does', 'fresh seeds do')} not show that the winner is better"
    meaning += f"; the numbers are in {ranked.metric}" * told + shared
    if beside := summary.nearly_worse:
        several = "each" if len(lines) > 1 else "it"
        names = several if len(beside) == len(lines) else listing([f"#{trial}" for trial in beside])
        meaning += f"; the interval of the difference to {names} {STRICTER}"
    return (Fact(TIED, "\n".join(lines), meaning),)


def _unshown(ranked: Ranked, answer: Answer, summary: Summary) -> tuple[Fact, ...]:
    """Of an answer that is only `AHEAD`: the finalists that it is not shown to be better than, and why."""
    if answer.standing != AHEAD:
        return ()
    rows = [row for row in summary.rows.to_dict("records") if row["verdict"] in WHY_UNSHOWN]
    lines = [
        f"{row['label']}: {WHY_UNSHOWN[row['verdict']]}"
        + (f"; {at_worst(row, ranked)}" if math.isfinite(row["difference_low"]) else "")
        for row in rows
    ]
    meaning = "the winner comes first, but its fresh seeds do not show that it is better"
    return (Fact(OPEN, "\n".join(lines), meaning),)


def _sure(ranked: Ranked, answer: Answer, summary: Summary) -> tuple[Fact, ...]:
    """What these seeds would have shown, and how much of the spread is luck."""
    if answer.confirmed is None or answer.confirmed.seeds < ENOUGH_SEEDS:
        return ()
    tied = summary.ranking[summary.ranking["tied"]]
    value, *said = (power(tied, ranked) if len(tied) > 1 else ()) or ("",)
    if answer.luck is not None:
        share, low, high, complete, retrained = answer.luck
        interval_words = "95 % interval " * (low != high) + ends_in_words(low, high)
        ends = f"luck is {percent(share)} ({interval_words})"
        if not value:
            reach = " to ".join(dict.fromkeys((percent(low), percent(high))))
            value = f"{reach} of the differences on a seed are luck"
            value += " (95 % interval)" if low != high else ""
            ends = f"luck is {percent(share)} by the best estimate" if low != high else ends
        some = f"the {complete} of {retrained} finalists that completed every fresh seed of the winner"
        who = f"{every(retrained, 'finalist')} on fresh seeds" if complete == retrained else some
        rest = "" if percent(high) == percent(1.0) else "; the rest is due to settings"
        said.append(f"of the differences on one seed between the scores of {who}, {ends}{rest}")
    return (Fact("How sure", value, "; ".join(said)),) if said else ()


def _made(answer: Answer, trials: pd.DataFrame) -> tuple[Fact, ...]:
    """Where it was trained, on what, with which seeds and in what time."""
    made = answer.made
    if not made:
        return ()
    seeds = trials["seed"].drop_duplicates()
    parts = [made.get("versions", "")]
    parts += [f"commit {made['commit']}"] if made.get("commit") else []
    parts += [f"data {made['data']} (SHA-256)"] if made.get("data") else []
    parts += [f"seed {int(seeds.iloc[0])}"] if len(seeds) == 1 else []
    joined = "and" if len(seeds) == 2 else "to"
    parts += [f"seeds {int(seeds.min())} {joined} {int(seeds.max())}"] if len(seeds) > 1 else []
    parts += [f"{duration(float(trials['seconds'].sum()))} of training"]
    where = f"{made.get('device', '')}, {made.get('processor', '')}".strip(", ")
    return (Fact("Made on", where, "; ".join(part for part in parts if part)),)


def _counts(study: Study, trials: pd.DataFrame) -> tuple[Fact, ...]:
    search, confirm = search_trials(trials), trials[trials["phase"] == "confirm"]
    if search.empty:
        return ()
    meaning, size = outcomes_in_words(search), study.space.size()
    if size is not None and len(search) >= size and len(search) < study.search.trials:
        asked = whole(study.search.trials)
        meaning += f"; the space has {count(size, 'configuration')}, so no more of the {asked} asked for"
    elif (minutes := study.search.minutes) is not None and len(search) < study.search.trials:
        asked = f"{study.search.trials:,}"
        meaning += f"; of {asked} asked for, as search.minutes = {given(minutes)} ended the search"
    if len(confirm):
        meaning += f"; then {count(len(confirm), 'training')} of finalists: {outcomes_in_words(confirm)}"
    return (Fact("Trials", f"{len(search):,}", meaning),)


def _no_headline(trials: pd.DataFrame) -> str:
    if trials.empty:
        return "Nothing has been trained yet."
    return "No answer: no trial completed."


def _why_none(trials: pd.DataFrame) -> str:
    if trials.empty:
        return "This page fills as trials finish."
    counts = trials["outcome"].value_counts()
    which = f"{counts.iloc[0]:,} of {count(len(trials), 'training')} {counts.index[0]}"
    early = reasons(trials[trials["outcome"] == counts.index[0]])
    why = "No reason is on record"
    if len(early) and (worst := early.iloc[0])["reason"]:
        tied = int((early["trainings"] == worst["trainings"]).sum()) > 1
        kind = "One of the most frequent reasons" if tied else "The most frequent reason"
        kind = "The reason" if len(early) == 1 else kind
        who = f"{count(worst['trainings'], 'training')}, trial #{worst['first_trial']} first"
        why = f"{kind} ({who}): {worst['reason']}"
    return f"{which} ({percent(counts.iloc[0] / len(trials))}). {ended(why)}"
