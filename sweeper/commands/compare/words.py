"""What a comparison of two runs says first: the card, and a short text for the terminal."""

import math
import textwrap
from collections.abc import Sequence

from sweeper.answer.bounds import CUT_OFF, HIGH, LOW, cut_ends, in_words
from sweeper.answer.claims import CONFIRMED, GUESS, PROVISIONAL, UNLEARNED
from sweeper.answer.ranked import Ranked
from sweeper.commands.compare.comparison import Comparison
from sweeper.commands.compare.next_step import next_step
from sweeper.commands.compare.pairing import Run, shared_seeds
from sweeper.commands.compare.tables import winner_label
from sweeper.commands.compare.winners import Compared, as_read
from sweeper.report.card import SAME, UNDECIDED, Card
from sweeper.report.doubts import doubt
from sweeper.report.facts import Fact
from sweeper.statistics.race import ENOUGH_SEEDS
from sweeper.statistics.standing import OFTEN
from sweeper.trial import from_cost
from sweeper.wording import count, distinct, fixed, listing, number, percent

WIDTH = 100


def card(side: Comparison) -> Card:
    """The answer."""
    standing = PROVISIONAL
    if hollow := side.hollow:
        standing = _least(hollow)
    elif side.found.verdict == "same":
        standing = SAME
    elif min(side.seeds) >= ENOUGH_SEEDS and side.found.verdict != "unconfirmed":
        standing = CONFIRMED if side.found.verdict in ("a", "b") else UNDECIDED
    facts = [*_scores(side), *_difference(side)]
    return Card(
        standing,
        headline(side),
        _lead(side),
        {},
        tuple(facts),
        next_step(side),
        tuple(f"{run.name}: {text}" for run in (side.a, side.b) for text in run.answer.warnings),
    )


def headline(side: Comparison) -> str:
    """Who is better, or that it is not known."""
    a, b = side.a.name, side.b.name
    if hollow := side.hollow:
        what = "have learned" if _least(hollow) == UNLEARNED else f"beat guessing{_where_not(hollow)}"
        if len(hollow) == 2:
            return f"Neither {a} nor {b} is shown to {what}."
        return f"{hollow[0].name} is ahead, but is not shown to {what}."
    if side.found.verdict == "same":
        return f"The winners of {a} and {b} have the same settings."
    if side.found.verdict == "undecided" and min(side.seeds) < ENOUGH_SEEDS:
        return f"{count(min(side.seeds), 'fresh seed')} cannot rank {a} and {b}."
    if side.found.verdict == "undecided" and side.found.other_rows:
        return f"{a} and {b} were scored on other rows, which ranks neither."
    if side.found.verdict == "undecided" and (side.found.low > 0 or side.found.high < 0):
        first, second = (a, b) if side.found.low > 0 else (b, a)
        return f"{first} is better than {second} on average, but not shown to be on most seeds."
    return {
        "a": f"{a} is better than {b}.",
        "b": f"{b} is better than {a}.",
        "undecided": f"These seeds do not show a difference between {a} and {b}.",
        "unconfirmed": f"No claim: {a} and {b} are not both confirmed.",
    }[side.found.verdict]


def _where_not(hollow: Sequence[Run]) -> str:
    """By which scores and on which rows guessing is not beaten, where that is the same in all of them."""
    found = [doubt(run.study, run.answer) for run in hollow]
    where = {"" if each is None or each.standing != GUESS else each.where for each in found}
    return f" {where.pop()}" if len(where) == 1 and "" not in where else ""


def _least(hollow: Sequence[Run]) -> str:
    """The status that they share."""
    return UNLEARNED if all(run.answer.standing == UNLEARNED for run in hollow) else GUESS


def _lead(side: Comparison) -> str:
    found = side.found
    if found.verdict == "same" and found.difference == 0:
        on = f" on the {count(found.pairs, 'fresh seed')} of both" if found.paired else ""
        return f"They are trained in the same way, and their mean scores{on} are the same."
    if found.verdict == "same":
        rows = f"by their rows ({why}), " if (why := found.other_rows) else ""
        return f"They are trained in the same way, so they differ {rows}by luck and rounding alone."
    if found.verdict == "unconfirmed":
        flattering = "search scores are the best of many on one seed each, so they do not compare"
        return f"There are {found.why}; {flattering}."
    if found.difference == 0:
        return f"The winners have the same mean {side.ranked.metric}. The comparison is {found.why}."
    mean, low, high = in_words(abs(found.difference), *_turned(found, side.ranked), CUT_OFF)
    first, second = (side.a.name, side.b.name) if found.difference >= 0 else (side.b.name, side.a.name)
    most = max(int(run.scores.notna().sum()) for run in (side.a, side.b))
    on = f" on the {count(found.pairs, 'seed')} of both" if found.paired and found.pairs < most else ""
    text = (
        f"The mean {side.ranked.metric} of the winner of {first} is {mean} {side.ranked.better} than that of "
        f"{second}{on} (95 % interval: {_from_to(low, high, side.ranked)}). "
    )
    alone = "; other rows alone may make such a difference" if found.other_rows else ""
    return f"{text}The comparison is {found.why}{alone}."


def _from_to(low: str, high: str, ranked: Ranked) -> str:
    """``0.1 to 0.3 lower``, ``0.1 higher to 0.3 lower``: an interval of how much better one of both is."""
    if low.startswith("−"):
        return f"{low[1:]} {ranked.worse} to {high} {ranked.better}"
    return f"{low} to {high} {ranked.better}"


def _turned(found: Compared, ranked: Ranked) -> tuple[float, float, str]:
    """The interval of a difference that is written as positive, and which of its ends were cut."""
    turned = {LOW: HIGH, HIGH: LOW}.get(found.cut, found.cut)
    of_costs, other = (turned, found.cut) if ranked.highest else (found.cut, turned)
    positive = found.difference >= 0
    return (found.low, found.high, of_costs) if positive else (-found.high, -found.low, other)


def _scores(side: Comparison) -> tuple[Fact, ...]:
    """Both means in as many digits as tell them apart: the higher one has to look so."""
    both = [sure.mean for run in (side.a, side.b) if (sure := run.answer.confirmed) is not None]
    means = distinct(both) if len(both) == 2 else ["", ""]
    return tuple(_score(run, mean) for run, mean in zip((side.a, side.b), means, strict=True))


def _score(run: Run, given: str) -> Fact:
    sure = run.answer.confirmed
    if sure is None:
        return Fact(
            run.name,
            number(run.answer.objective),
            f"{winner_label(run)}; search score, one seed, not confirmed",
        )
    cut = cut_ends(run.study.objective, sure.mean, sure.low, sure.high, run.answer.least_loss)
    mean, low, high = in_words(sure.mean, sure.low, sure.high, cut)
    failures = int(run.scores.isna().sum())
    lost = f"; {count(failures, 'seed')} diverged or failed" if failures else ""
    ends = f"95 % interval {low} to {high}, " if math.isfinite(sure.low) else ""
    return Fact(
        run.name, given or mean, f"{winner_label(run)}; {ends}{count(sure.seeds, 'fresh seed')}{lost}"
    )


def _difference(side: Comparison) -> tuple[Fact, ...]:
    found = side.found
    if found.verdict in ("same", "unconfirmed"):
        return ()
    read = as_read(found, side.ranked)
    mean, low, high = in_words(read.difference, read.low, read.high, read.cut, CUT_OFF)
    name, p, p_low, p_high = more_often_better(side)
    ends = f"95 % interval {percent(p_low)} to {percent(p_high)}"
    return (
        Fact(
            "Difference",
            mean,
            f"{side.b.name} − {side.a.name}{_on_shared(side)}, 95 % interval {low} to {high}; "
            f"{side.ranked.better} is better",
        ),
        Fact(
            f"P({name} is {side.ranked.better})",
            percent(p),
            f"on a fresh seed, {ends}{_lacking(side)}",
        ),
    )


def _lacking(side: Comparison) -> str:
    """What else better takes, of seeds, rows, the difference and P; empty where it has all."""
    found, few = side.found, min(run.scores.notna().sum() for run in (side.a, side.b)) < ENOUGH_SEEDS
    high, low = max(found.p_better, 1 - found.p_better), max(found.p_low, 1 - found.p_high)
    lacking = [f"{ENOUGH_SEEDS} fresh seeds of each"] if few else []
    lacking += ["the same rows"] if found.other_rows else []
    lacking += [] if found.low > 0 or found.high < 0 else ["an interval of the difference without 0"]
    lacking += [] if high >= OFTEN else [f"at least {percent(OFTEN)} here"]
    lacking += [] if low > 0.5 else ["an interval here above 50 %"]
    return f"; to be called better, it lacks {listing(lacking)}" if lacking else ""


def more_often_better(side: Comparison) -> tuple[str, float, float, float]:
    """The run whose winner is better on more seeds (A of a draw), the probability, and its interval."""
    found = side.found
    if found.p_better >= 0.5:
        return side.a.name, found.p_better, found.p_low, found.p_high
    return side.b.name, 1 - found.p_better, 1 - found.p_high, 1 - found.p_low


def _on_shared(side: Comparison) -> str:
    """The two means on the shared seeds, where those above are also of others and so differ otherwise."""
    scores = [run.scores.dropna() for run in (side.a, side.b)]
    if not side.found.paired or max(map(len, scores)) == side.found.pairs:
        return ""
    shared = shared_seeds(side.a, side.b)
    means = [from_cost(side.a.study.objective, each[shared].mean()) for each in reversed(scores)]
    apart = abs(means[0] - means[1])
    decimals = min(max(1 - math.floor(math.log10(apart)), 0), 8) if apart else 3
    b, a = (fixed(mean, decimals) for mean in means)
    return f", on the {side.found.pairs} shared seeds: {b} − {a}"


def what_differs(side: Comparison) -> str:
    """The keys of the study files, in a sentence."""
    keys = list(side.tables["differences"]["key"])
    if not keys:
        return "The two study files differ at most in name and question."
    shown = listing(keys if len(keys) <= 6 else [*keys[:5], f"{len(keys) - 5} more keys"])
    return f"The studies differ in {shown}."


def text(side: Comparison) -> str:
    """A few lines for the terminal."""
    summary = card(side)
    width = max(len(fact.label) for fact in summary.facts)
    lines = [*textwrap.wrap(summary.headline, WIDTH), *textwrap.wrap(summary.lead, WIDTH), ""]
    for warning in summary.warnings:
        lines += textwrap.wrap(f"Warning: {warning}", WIDTH, subsequent_indent="  ")
    lines += [""] if summary.warnings else []
    for fact in summary.facts:
        words, ahead = f"{fact.value}  ({fact.meaning})", f"  {fact.label:{width}}  "
        lines += textwrap.wrap(words, WIDTH, initial_indent=ahead, subsequent_indent=" " * len(ahead))
    lines += [
        "",
        *textwrap.wrap(what_differs(side), WIDTH),
        "",
        *textwrap.wrap(f"Next: {summary.next_step.text}", WIDTH),
    ]
    return "\n".join([*lines, *(f"  {line}" for line in summary.next_step.command.splitlines())])
