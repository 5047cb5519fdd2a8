"""The answer as Markdown for the dashboard, and as plain text for the terminal."""

import re
import textwrap

from sweeper.answer.answer import Answer
from sweeper.answer.ranked import Ranked
from sweeper.answer.rows import as_costs, best_trials, tied_best
from sweeper.records.store import Records
from sweeper.report.card import Card, card
from sweeper.statistics.race import ENOUGH_SEEDS
from sweeper.study.study import Study
from sweeper.wording import count, unbroken

WIDTH = 100


def note(study: Study, answer: Answer | None, records: Records) -> str:
    """Markdown; what users wrote is escaped."""
    summary = card(study, answer, records.trials, curves=records.curves)
    lines = [f"# {_escaped(summary.headline)}", ""]
    if study.question:
        lines += [f"*{_escaped(study.question)}*", ""]
    lines += [_escaped(f"{summary.status}{summary.lead}"), ""]
    if summary.warnings:
        lines += [*(f"- **Warning.** {_escaped(text)}" for text in summary.warnings), ""]
    if summary.settings:
        lines += ["| Setting | Value |", "| --- | --- |"]
        lines += [f"| {_escaped(label)} | {_escaped(value)} |" for label, value in summary.settings.items()]
        lines.append("")
    for fact in summary.facts:
        value = _escaped("; ".join(fact.value.splitlines()))
        lines.append(f"- {_escaped(fact.label)}: **{value}** ({_escaped(fact.meaning)})")
    if answer is not None:
        lines += ["", *_dashboard(study, answer, records)]
    lines += [
        "",
        f"**Next step.** {_escaped(summary.next_step.text)}",
        "",
        *_fenced(summary.next_step.command),
    ]
    return "\n".join(lines) + "\n"


def _dashboard(study: Study, answer: Answer, records: Records) -> list[str]:
    """Why the dashboard's best trial may be another one, and which importances it shows."""
    trials = as_costs(records.trials, study.objective)
    first, ranked = int(best_trials(trials, 1)["trial"].iloc[0]), Ranked(study.objective)
    text = (
        f"The dashboard's best trial, #{first}, has the {ranked.best} {ranked.metric} of the search, on one "
    )
    tied = tied_best(trials)
    text += "seed" + (f", the first of {tied:,} that score so" if tied > 1 else "")
    if answer.why_nothing_is_advised:
        text += f". It is no answer, as {answer.why_nothing_is_advised}."
    elif first == answer.trial:
        text += "; it is the answer too."
    elif answer.confirmed is None:
        text += f"; the answer is trial #{answer.trial}."
    elif answer.confirmed.seeds < ENOUGH_SEEDS:
        seeds = count(answer.confirmed.seeds, "fresh seed")
        text += (
            f". The provisional answer is trial #{answer.trial}, the best on {seeds}, too few to confirm it."
        )
    else:
        text += (
            f". The answer is trial #{answer.trial}: fresh seeds decide, and the best of many on one seed is "
        )
        text += "partly luck."
    shares = (
        "Its importances are of the search too, without intervals; the report has them beside the level of "
    )
    return [_escaped(text), "", _escaped(f"{shares}shuffled scores, below which nothing is ranked.")]


def plain_answer(study: Study, answer: Answer | None, records: Records) -> str:
    """A few lines: settings, confirmed score, test score, ties, outcomes, next step."""
    summary = card(study, answer, records.trials, curves=records.curves)
    lines = [*_wrapped(summary.headline), *_wrapped(f"{summary.status}{summary.lead}"), ""]
    for text in summary.warnings:
        lines += _wrapped(f"Warning: {text}", rest="  ")
    lines += [""] if summary.warnings else []
    lines += _columns(dict(summary.settings)) + ([""] if summary.settings else [])
    lines += _facts(summary) + ([""] if summary.facts else [])
    lines += [*_wrapped(f"Next: {summary.next_step.text}"), f"  {summary.next_step.command}"]
    return "\n".join(lines)


def _facts(summary: Card) -> list[str]:
    width = max((len(fact.label) for fact in summary.facts), default=0)
    lines = []
    for fact in summary.facts:
        text = f"{'; '.join(fact.value.splitlines())}  ({fact.meaning})"
        lines += _wrapped(text, f"  {fact.label:{width}}  ", " " * (width + 4))
    return lines


def _columns(pairs: dict[str, str]) -> list[str]:
    width = max(map(len, pairs), default=0)
    return [f"  {label:{width}}  {value}" for label, value in pairs.items()]


def _wrapped(text: str, first: str = "", rest: str = "") -> list[str]:
    """Lines that end between words, never between a number and its unit; `first` and `rest` indent them."""
    lines = textwrap.wrap(unbroken(text), WIDTH, initial_indent=first, subsequent_indent=rest)
    return [line.replace("\u00a0", " ") for line in lines]


def _escaped(text: str) -> str:
    """Markdown's own characters with a backslash, newlines as spaces; nothing in `text` is markup then."""
    return re.sub(r"([\\`*_{}\[\]<>#|~!&])", r"\\\1", " ".join(text.split()))


def _fenced(code: str) -> list[str]:
    fence = "`" * max([3, *(len(run) + 1 for run in re.findall("`+", code))])
    return [f"{fence}sh", code, fence]
