"""Advice as text of 80 columns, and as dictionaries for programs."""

import textwrap
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from sweeper.answer.units import sets_the_unit
from sweeper.report.advice.item import Advice, Asked, together
from sweeper.wording import listing, shown

WIDTH = 80


def to_dict(advice: Sequence[Advice], asked: Asked, name: str, network: Mapping[str, Any]) -> dict[str, Any]:
    """``{"network": {...}, "advice": [...], "together": command or null}``, safe for JSON; `network`: the
    settings of the model that the study searches, as it was looked at."""
    return {
        "network": dict(network),
        "advice": [
            {
                "key": one.key,
                "topic": one.topic,
                "what": one.what,
                "why": [{"text": reason.text, "basis": reason.basis} for reason in one.reasons],
                "change": bool(one.settings),
                "alternative": one.alternative,
                "settings": dict(one.settings),
                "command": command(one, asked, name),
            }
            for one in advice
        ],
        "together": combined(advice, asked, name),
    }


def command(one: Advice, asked: Asked, name: str) -> str:
    """What tests it: the study as STUDY-key with its settings; the study itself if it has them."""
    return asked.command(f"{name}-{one.key}", one.settings)


def combined(advice: Sequence[Advice], asked: Asked, name: str) -> str | None:
    """All main changes in one run; ``None`` where there are none."""
    settings = together(advice)
    return asked.command(f"{name}-advised", settings) if settings else None


def text(
    advice: Sequence[Advice], asked: Asked, name: str, network: Mapping[str, Any], objective: str
) -> str:
    """Topic by topic; commands are broken before ``--set`` with a backslash, as a shell takes them."""
    lines = [f"Advice on the study {name}, before anything is trained", ""]
    if network:
        has = listing([f"{key} = {shown(value)}" for key, value in network.items()])
        about = f"Of the networks that the study searches, it is about the one with {has}."
        lines += [*textwrap.wrap(about, WIDTH), ""]
    topic = ""
    for one in advice:
        if one.topic != topic:
            topic = one.topic
            lines += [topic[0].upper() + topic[1:], "-" * len(topic)]
        lines += [*_paragraph(one), *(_broken(command(one, asked, name)) if one.settings else ()), ""]
    whole = combined(advice, asked, name)
    if whole is not None:
        lines += ["All main changes in one run", "-" * 27, *_broken(whole), ""]
    if after := _afterwards(advice, asked, name, objective):
        lines += textwrap.wrap(after, WIDTH, break_long_words=False, break_on_hyphens=False)
    return "\n".join(lines).rstrip()


def _afterwards(advice: Sequence[Advice], asked: Asked, name: str, objective: str) -> str:
    """What compares the new runs with the study; where scores are in another unit, that nothing does."""
    changed = {f"{name}-{one.key}": one.settings for one in advice if one.settings}
    if whole := together(advice):
        changed[f"{name}-advised"] = whole
    other = [new for new, keys in changed.items() if any(sets_the_unit(objective, key) for key in keys)]
    if not changed:
        return ""
    if len(other) == len(changed):
        return f"{objective} is in another unit in each of the new runs: compare their scores on test rows."
    ranked = [new for new in other if "search.objective" in changed[new]]
    but = f"; not {listing(ranked)}, which ranks by another score" if ranked else ""
    units = [new for new in other if new not in ranked]
    but += f"; not {listing(units)}, where {objective} is in another unit" if units else ""
    compared = asked.comparison(name, "NAME")
    return f"Afterwards: {compared}, where NAME is that of the new run{but}."


def _paragraph(one: Advice) -> Iterator[str]:
    yield from textwrap.wrap(one.what, WIDTH)
    for reason in one.reasons:
        yield from textwrap.wrap(
            f"{reason.text} [{reason.basis}]",
            WIDTH,
            initial_indent="  - ",
            subsequent_indent="    ",
            break_long_words=False,
            break_on_hyphens=False,
        )


def _broken(command: str) -> Iterator[str]:
    """``sweeper run STUDY \\`` and each ``--set`` on a line of its own where it does not fit one line."""
    first, *rest = command.split(" --set ")
    if len(command) <= WIDTH - 2 or not rest:
        yield f"  {command}"
        return
    yield f"  {first} \\"
    yield from (f"    --set {part} \\" for part in rest[:-1])
    yield f"    --set {rest[-1]}"
