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
    told = card(study, answer, records.trials)
    lines = [f"# {_escaped(told.headline)}", ""]
    if study.question:
        lines += [f"*{_escaped(study.question)}*", ""]
    lines += [_escaped(told.lead), ""]
    if told.warnings:
        lines += [*(f"- **Warning.** {_escaped(text)}" for text in told.warnings), ""]
    if told.settings:
        lines += ["| Setting | Value |", "| --- | --- |"]
        lines += [f"| {_escaped(label)} | {_escaped(value)} |" for label, value in told.settings.items()]
        lines.append("")
    for fact in told.facts:
        value = _escaped("; ".join(fact.value.splitlines()))
        lines.append(f"- {_escaped(fact.label)}: **{value}** ({_escaped(fact.meaning)})")
    lines += ["", f"**Next step.** {_escaped(told.next_step.text)}", "", *_fenced(told.next_step.command)]
    return "\n".join(lines) + "\n"


def plain_answer(study: Study, answer: Answer | None, records: Records) -> str:
    """A few lines: settings, confirmed score, test score, ties, outcomes, next step."""
    told = card(study, answer, records.trials)
    lines = [told.headline, *_wrapped(told.lead), ""]
    for text in told.warnings:
        lines += textwrap.wrap(f"Warning: {text}", WIDTH, subsequent_indent="  ")
    lines += [""] if told.warnings else []
    lines += _columns(dict(told.settings)) + ([""] if told.settings else [])
    lines += _facts(told) + ([""] if told.facts else [])
    lines += [*_wrapped(f"Next: {told.next_step.text}"), f"  {told.next_step.command}"]
    return "\n".join(lines)


def _facts(told: Card) -> list[str]:
    width = max((len(fact.label) for fact in told.facts), default=0)
    lines = []
    for fact in told.facts:
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
