"""The answer as Markdown for the dashboard, and as plain text for the terminal."""

import re
import textwrap

from sweeper.answer.answer import Answer
from sweeper.records.store import Records
from sweeper.report.card import Card, card
from sweeper.study.study import Study

WIDTH = 100


def note(study: Study, answer: Answer | None, records: Records) -> str:
    """Markdown; what users wrote is escaped."""
    summary = card(study, answer, records.trials)
    lines = [f"# {_escaped(summary.headline)}", ""]
    if study.question:
        lines += [f"*{_escaped(study.question)}*", ""]
    lines += [_escaped(summary.lead), ""]
    if summary.warnings:
        lines += [*(f"- **Warning.** {_escaped(text)}" for text in summary.warnings), ""]
    if summary.settings:
        lines += ["| Setting | Value |", "| --- | --- |"]
        lines += [f"| {_escaped(label)} | {_escaped(value)} |" for label, value in summary.settings.items()]
        lines.append("")
    for fact in summary.facts:
        value = _escaped("; ".join(fact.value.splitlines()))
        lines.append(f"- {_escaped(fact.label)}: **{value}** ({_escaped(fact.meaning)})")
    lines += [
        "",
        f"**Next step.** {_escaped(summary.next_step.text)}",
        "",
        *_fenced(summary.next_step.command),
    ]
    return "\n".join(lines) + "\n"


def plain_answer(study: Study, answer: Answer | None, records: Records) -> str:
    """A few lines: settings, confirmed score, test score, ties, outcomes, next step."""
    summary = card(study, answer, records.trials)
    lines = [summary.headline, *_wrapped(summary.lead), ""]
    for text in summary.warnings:
        lines += textwrap.wrap(f"Warning: {text}", WIDTH, subsequent_indent="  ")
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
        lines += textwrap.wrap(
            text, WIDTH, initial_indent=f"  {fact.label:{width}}  ", subsequent_indent=" " * (width + 4)
        )
    return lines


def _columns(pairs: dict[str, str]) -> list[str]:
    width = max(map(len, pairs), default=0)
    return [f"  {label:{width}}  {value}" for label, value in pairs.items()]


def _wrapped(text: str) -> list[str]:
    return textwrap.wrap(text, WIDTH)


def _escaped(text: str) -> str:
    """Markdown's own characters with a backslash, newlines as spaces; nothing in `text` is markup then."""
    return re.sub(r"([\\`*_{}\[\]<>#|~!&])", r"\\\1", " ".join(text.split()))


def _fenced(code: str) -> list[str]:
    fence = "`" * max([3, *(len(run) + 1 for run in re.findall("`+", code))])
    return [f"{fence}sh", code, fence]
