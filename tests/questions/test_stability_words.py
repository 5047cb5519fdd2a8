"""What the page says of sharpness agrees with its tables, whatever was measured."""

import math
import re
from dataclasses import replace
from itertools import product

import pandas as pd
import pytest
from run_data import run_data

from sweeper.questions.run_data import RunData
from sweeper.questions.stability import QUESTION, missing, stability, stability_trials

INTACT, EXPLODED = 1.0, 9.0
"""Losses: the first one is `INTACT`."""


def made(*trials: tuple[str, str, list[tuple[float, float]]], confirmed: bool = False) -> RunData:
    """A run whose measured trials are (optimizer, outcome, (ratio, loss) at step 0, 1 …); a NaN is not on
    record. `confirmed`: whether the completed ones were trained on a fresh seed."""
    rows, curves = [], []
    for number, (optimizer, outcome, looks) in enumerate(trials):
        rows.append(
            {"trial": number, "seed": 0, "phase": "explore", "optimizer": optimizer, "outcome": outcome}
        )
        for step, (ratio, loss) in enumerate(looks):
            found = {"next_learning_rate": 1.0, "sharpness_loss": loss, "sharpness": 2 * ratio}
            found["preconditioned_sharpness"] = 38 * ratio if optimizer == "adam" else math.nan
            curves += [(number, 0, step, name, v) for name, v in found.items() if math.isfinite(v)]
    frame = pd.DataFrame(rows).assign(activation="relu", learning_rate=1.0, steps=9, reason="")
    frame["objective"] = frame["trial"].where(frame["outcome"] == "completed").astype(float)
    fresh = frame[frame["outcome"] == "completed"].assign(phase="confirm", seed=1)
    frame = pd.concat([frame, fresh], ignore_index=True) if confirmed else frame
    return run_data(
        frame, pd.DataFrame(curves, columns=["trial", "seed", "step", "metric", "value"]), pd.DataFrame()
    )


def said(run: RunData) -> str:
    """The sentences of the section."""
    tables = {"stability": stability(run), "stability_trials": stability_trials(run)}
    return " ".join(map(str, QUESTION.sentences(run, tables)))


@pytest.mark.parametrize("ratio", [0.5, 0.99, 1.0, 1.01, 1.035, 1.24, 1.26, 5.0])
def test_above_is_one_thing_in_table_and_sentences(ratio: float) -> None:
    """Over 1, of what is reached at the end, of what was reached before, and of what diverged."""
    lost = ("sgd", "diverged", [(ratio, INTACT)])
    run = made(
        ("sgd", "completed", [(ratio, INTACT), (0.1, INTACT)]), ("sgd", "completed", [(ratio, INTACT)]), lost
    )
    table, text = stability_trials(run), said(run)
    assert table["above_at"].notna().eq(ratio > 1).all()
    assert table["above_intact"].eq(ratio > 1).all()
    assert ("above it (over 1) before." in text) == (ratio > 1)
    assert bool(re.search(r"\(#1, (just )?above it\)", text)) == (ratio > 1)
    assert bool(re.search(r"(?<![\d.])1 \(#1", text)) == (ratio == 1), "1.01 is not 1"
    assert text.count("The diverged trial that was measured had a learning rate × sharpness above") == (
        ratio > 1
    )
    assert "2 trials that did not diverge were above it that early" in text or ratio <= 1


ABOVE = ("sgd", "diverged", [(3.0, INTACT), (9.0, EXPLODED)])
BELOW = ("sgd", "diverged", [(0.5, INTACT), (9.0, EXPLODED)])
UNKNOWN = ("adam", "diverged", [(math.nan, INTACT), (9.0, EXPLODED)])


@pytest.mark.parametrize("counts", [each for each in product(range(3), repeat=3) if sum(each)])
def test_of_diverged_trials_each_counts_for_what_was_measured(counts: tuple[int, int, int]) -> None:
    """Those of which nothing was measured before they exploded speak for no conclusion, and in any mixture
    of them the sentence is English."""
    above, below, unknown = counts
    run = made(*[ABOVE] * above, *[BELOW] * below, *[UNKNOWN] * unknown)
    found = stability_trials(run)["above_intact"]
    assert [found.eq(True).sum(), found.eq(False).sum(), found.isna().sum()] == list(counts)
    text = said(run)
    assert not re.search(r"\b0 (had|was|were)|[Oo]f (1|0) diverged|\b1 were|\b2 was", text)
    assert ("had a learning rate × sharpness above" in text) == (above > 0)
    assert ("the limit alone does not explain" in text) == (below > 0)
    assert text.count("at step 1, when its loss was 9 × the first") == below
    assert ("they may be why" in text) == (not below and not unknown)
    assert ("no ratio" in text.replace("no ratio above", "")) == (unknown > 0)
    if above and below and unknown:
        assert f"Of {sum(counts)} diverged trials that were measured, {above} had" in text
        assert f"; {below} w" in text
        assert f"; of {unknown} no ratio that early is known." in text


@pytest.mark.parametrize(
    ("looks", "words"),
    [
        (
            [(0.9, 1.0), (1.8, 2.15), (0.1, 0.5), (3.8, 0.4), (0.1, 2.5)],
            "× its first value, only later (#0 at step 1, when its loss was 2.15 × the first, and again at "
            "step 3, when it was 0.4 ×). The limit is",
        ),
        (
            [(0.9, 1.0), (1.8, 2.15), (5.0, 30.0)],
            ", only later (#0 at step 1, when its loss was 2.15 × the first): the limit alone does not "
            "explain it. The",
        ),
        (
            [(0.9, 1.0), (0.8, 9.0)],
            "while the loss was still below 2 × its first value: the limit alone does not explain it. The",
        ),
        (
            [(0.9, 1.0), (0.8, 1.0)],
            "× its first value: it may have passed it between two measurements, or the limit alone does not "
            "explain it. The",
        ),
    ],
)
def test_when_a_diverged_trial_was_above_the_limit_later_is_said(
    looks: list[tuple[float, float]], words: str
) -> None:
    """With its loss then, as the table has it; what nobody measured is guessed at only where updates lie
    between two measurements."""
    text = said(made(("sgd", "diverged", looks)))
    assert text.startswith("No measurement of the diverged trial that was measured was above the limit of")
    assert words in text
    both = said(made(ABOVE, ("sgd", "diverged", looks)))
    assert "; 1 was measured that early and not above it" in both
    assert words.removeprefix("while the loss was still below 2 ").removeprefix("× its first value").replace(
        "#0", "#1"
    ) in both  # fmt: skip


def test_a_trial_of_which_no_ratio_is_finite_is_one_of_which_nothing_is_known() -> None:
    """It has a limit and a row; without any ratio there is no sentence on where finalists ended."""
    gone = ("adam", "diverged", [(math.nan, INTACT), (math.nan, EXPLODED)])
    run = made(("adam", "completed", [(math.nan, INTACT)]), gone)
    assert stability_trials(run)["points"].tolist() == [0, 0]
    text = said(run)
    assert text.startswith("Of the diverged trial that was measured, no ratio was found while")
    assert said(made(ABOVE, ("lion", "diverged", [(3.0, INTACT)]))).startswith(
        "The diverged trial that was measured and whose optimizer has a limit had"
    )


@pytest.mark.parametrize("confirmed", [True, False])
def test_those_measured_are_called_what_they_are(confirmed: bool) -> None:
    """Finalists, where fresh seeds made them that; never the best, which they need not be."""
    fine = ("sgd", "completed", [(0.5, INTACT)])
    noun = "finalist" if confirmed else "completed trial"
    for count, who in ((1, f"the {noun} measured, #0, was 0.5"), (2, f"the 2 {noun}s measured was 0.5")):
        text = said(made(*[fine] * count, confirmed=confirmed))
        assert who in text
        assert "best" not in text


@pytest.mark.parametrize(
    ("outcomes", "words"),
    [
        (["completed"], "No trial of the search diverged."),
        (["diverged"], "1 trial of the search diverged; it was not measured."),
        (["diverged"] * 2, "2 trials of the search diverged; none was measured."),
    ],
)
def test_why_no_diverged_trial_is_compared(outcomes: list[str], words: str) -> None:
    """None diverged, none was measured, or none has a limit."""
    fine = ("sgd", "completed", [(0.5, INTACT)])
    assert words in said(made(fine, *(("sgd", outcome, []) for outcome in outcomes)))
    lion = ("lion", "diverged", [(0.5, INTACT)])
    assert "No diverged trial that was measured has an optimizer with a limit." in said(made(fine, lion))


def test_of_a_run_that_is_not_finished_sharpness_may_still_come() -> None:
    """That is why it is missing, rather than what trials cost; what is there may not be all."""
    run = made(("sgd", "completed", [(0.5, INTACT)]))
    assert run.answer is not None
    assert "not finished" not in missing(run) + said(run)
    begun = replace(run, answer=replace(run.answer, unfinished="the race of the finalists is not over"))
    for text in (missing(begun), said(begun)):
        assert (
            "The run is not finished: the race of the finalists is not over. Sharpness is measured at" in text
        )
    assert missing(begun).startswith("No sharpness is on record yet.")
    assert "second derivatives" not in missing(begun)
    assert "completed" in missing(made(("sgd", "diverged", [])))
