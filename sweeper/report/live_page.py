"""The page of a run under way: what it says. Every sentence stays true when the run is stopped."""

import dataclasses
from collections.abc import Sequence
from concurrent.futures import Executor
from datetime import datetime
from typing import Any

import pandas as pd

from sweeper.answer.answer import Answer, answer
from sweeper.answer.outcomes import outcomes_in_words
from sweeper.answer.ranked import Ranked
from sweeper.answer.rows import as_costs, completed_search, leaderboard, search_trials, tied_best
from sweeper.command_line import command_line
from sweeper.components.metric_words import metric_words
from sweeper.passwords import masked_url
from sweeper.report.card import Card
from sweeper.report.facts import Fact
from sweeper.report.grid import grid
from sweeper.report.next_step import NextStep
from sweeper.report.progress import Progress
from sweeper.report.render import RenderedSection, render
from sweeper.report.use import settings
from sweeper.study.command_line import PLACEHOLDER, run_again
from sweeper.study.study import Study
from sweeper.wording import count, duration, number, span, whole

MOST = 10
"""Trials in the table."""
PHASES = {
    "explore": "settings spread evenly over the space",
    "exploit": "settings near those that scored well",
    "confirm": "the finalists are retrained on fresh seeds",
    "test": "the winner is scored on the test rows",
    "sharpness": "how sharp the loss was is measured",
}
LEFT = {
    "test": "; the winner was being scored on the test rows",
    "sharpness": "; the sharpness of the loss was being measured",
}
"""What was under way after the confirmations."""
AFTER_SEARCH = ("confirm", "test", "sharpness")
CONTINUES = "If the run stopped, start it again and it continues from here"
NOT_REPEATED = ("runs", "reports", "fresh", "quiet", "on_result")
"""Options that the command that goes on leaves out, or has already."""
WRITTEN = {"earlier": "from"}
"""Options whose name on the command line is another one."""


def live_page(
    study: Study,
    trials: pd.DataFrame,
    progress: Progress,
    figures: Sequence[RenderedSection],
    resume: str,
    refresh: int,
) -> str:
    """The page for the recorded `trials`: card, the best ten, and `figures` as they were last drawn.

    It loads itself again every `refresh` seconds; 0: the run was interrupted. `resume` is the command that
    goes on with the run. Every number of trainings is of `trials`: `progress` may know of some that are not
    on record yet.
    """
    best = answer(trials, None, objective=study.objective)  # as ``sweeper best`` has it
    told = _card(study, trials, progress, best, resume, datetime.now().astimezone(), ended=not refresh)
    sections = [_best_trials(study, trials), *figures]
    return render(study, told, sections, refresh=refresh, alone=not refresh)


def resume_command(study: Study, options: Any = None) -> str:
    """``sweeper run …``, with those of `options` (a dataclass) that differ from their defaults.

    The URL of a storage may hold a password, so it is not written out.
    """
    words: list[str] = []
    for field in dataclasses.fields(options) if options is not None else ():
        value = getattr(options, field.name)
        if value != field.default and field.name not in NOT_REPEATED and not isinstance(value, Executor):
            words += [
                f"--{WRITTEN.get(field.name, field.name)}",
                "URL" if field.name == "storage" else masked_url(str(value)),
            ]
    return " ".join([run_again(study), *([command_line(words)] if words else [])])


def _card(
    study: Study,
    trials: pd.DataFrame,
    progress: Progress,
    best: Answer | None,
    resume: str,
    now: datetime,
    *,
    ended: bool,
) -> Card:
    search, confirm = search_trials(trials), trials[trials["phase"] == "confirm"]
    done = len(confirm) - progress.others
    # an earlier call may have made more than is asked now
    of_all, of_confirm = max(progress.totals["search"], len(search)), max(progress.totals["confirm"], done)
    text = "Start it again and it continues from here" if ended else CONTINUES
    note = f" ({PLACEHOLDER} stands for your study file)" if PLACEHOLDER in resume.split() else ""
    at = f"Interrupted at {now:%H:%M}:" if ended else f"At {now:%H:%M}"
    if progress.name in AFTER_SEARCH:
        headline = f"{at} the search was over"
        headline += f", and {_were_done(done, of_confirm, 'confirmation')}" if of_confirm else ""
        headline += LEFT.get(progress.name, "")
    else:
        headline = f"{at}{'' if ended else ','} {_were_done(len(search), of_all, 'trial')}"
    again = "" if ended else "; new every 20 s while the run works, less often where that takes long"
    facts = (
        Fact("Written", f"{now:%H:%M:%S}", f"{now:%Y-%m-%d}{again}"),
        Fact("Phase", progress.name, PHASES.get(progress.name, "")),
        Fact("Trials", f"{len(search):,} of {of_all:,}", outcomes_in_words(search)),
        *_confirmations(confirm, done, of_confirm, progress),
        Fact("Rate", f"{number(progress.rate)} trainings/s", _left(study, progress)),
    )
    return Card(
        "running",
        f"{headline}.",
        _lead(study, search, confirm, best),
        settings(best.parameters, study) if best else {},
        facts,
        NextStep(f"{text}{note}:", resume),
    )


def _were_done(done: int, total: int, noun: str) -> str:
    return f"{done:,} of {count(total, noun)} {'was' if done == 1 else 'were'} done"


def _lead(study: Study, search: pd.DataFrame, confirm: pd.DataFrame, best: Answer | None) -> str:
    if best is None:
        return "No trial has completed yet, so there is nothing to rank."
    if best.confirmed is not None:
        mean, seeds = number(best.confirmed.mean), count(best.confirmed.seeds, "fresh seed")
        begun = confirm["trial"].nunique()
        asked = min(study.confirm.finalists, len(completed_search(search)))
        some = f", of the {begun} of {asked} finalists that have any so far" if begun < asked else ""
        return (
            f"First on fresh seeds so far: trial #{best.trial} with a mean {metric_words(study.objective)} "
            f"of {mean} over {seeds}{some}. The report says how sure that is once the run is done."
        )
    done, ranked = count(len(completed_search(search)), "completed trial"), Ranked(study.objective)
    tied = tied_best(as_costs(search, study.objective))
    place = f"the {ranked.best}" if tied < 2 else f"the first of {whole(tied)} that tie as the {ranked.best}"
    return (
        f"Best so far, not confirmed: trial #{best.trial} with a {ranked.metric} of "
        f"{number(best.objective)}. It is {place} of {done} with one seed each, so it may be luck."
    )


def _confirmations(confirm: pd.DataFrame, done: int, total: int, progress: Progress) -> tuple[Fact, ...]:
    """Those `done` are of the present finalists; an earlier call may have had others."""
    if not total:
        return ()
    meaning = outcomes_in_words(confirm) or "trainings of the finalists on fresh seeds, after the search"
    others = progress.others
    earlier = f"with {others:,} of finalists of an earlier call: " if others else ""
    spared = f"; {progress.not_needed}" if progress.spared else ""
    return (Fact("Confirmations", f"{done:,} of {total:,}", f"{earlier}{meaning}{spared}"),)


def _left(study: Study, progress: Progress) -> str:
    if progress.left is None:
        return ""
    most = "at most " if study.search.minutes else ""  # the clock may end the search first
    return f"{most}about {duration(progress.left)} of training left at this rate"


def _best_trials(study: Study, trials: pd.DataFrame) -> RenderedSection:
    board = leaderboard(trials, MOST, study.objective).drop(columns=["steps", "seconds"])
    caption = f"The best {len(board)} so far" if len(board) > 1 else "The best so far"
    scores = board["objective"]
    if board.empty:
        said = "No trial has completed yet."
    elif len(board) == 1:
        said = f"Only trial #{board['trial'].iloc[0]} has completed."
    else:
        said = (
            f"The best {len(board)} have a {metric_words(study.objective)} of "
            f"{span(scores.min(), scores.max())}, one seed each"
        )
        said += "." if (trials["phase"] == "confirm").any() else "; fresh seeds may reorder them."
    grids = (grid("leaderboard", caption, board),) if len(board) else ()
    return RenderedSection(
        "trials", "Which trials are best in the search so far?", (said,), grids=grids, unfolded=True
    )
