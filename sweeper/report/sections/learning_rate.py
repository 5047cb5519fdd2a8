"""Loss against learning rate."""

import pandas as pd

from sweeper.answer.edges import edges
from sweeper.report.section import Evidence, Section, Shown
from sweeper.wording import count, listing, number


def best_of_each_bin(frame: pd.DataFrame) -> pd.DataFrame:
    """The lowest loss of each optimizer in each half decade."""
    columns = ["optimizer", "learning_rate", "loss", "activation", "outcome", "capped", "trial"]
    return frame[frame["best_in_bin"]][columns]


def answer(evidence: Evidence) -> tuple[str, ...]:
    """The best rate of each optimizer, where nothing learned any more, whether the range was wide enough."""
    frame = evidence.tables["learning_rate"]
    learned = frame[~frame["capped"]]
    if learned.empty:
        tried = f"{number(frame['learning_rate'].min())} to {number(frame['learning_rate'].max())}"
        return (
            f"None of the rates tried, {tried}, learned anything: every trial diverged or ended no better "
            "than before training. Try much smaller rates.",
        )
    best = learned.sort_values(["loss", "trial"]).drop_duplicates("optimizer")
    row = best.iloc[0]
    first = f"The lowest {evidence.metric} of the search, {number(row['loss'])}, came at a learning rate "
    first += f"of {number(row['learning_rate'])} with {row['optimizer']}."
    others = [
        f"{number(other['learning_rate'])} for {other['optimizer']} ({number(other['loss'])})"
        for other in best.iloc[1:].to_dict("records")
    ]
    said = [first]
    if others:
        said.append(f"Each optimizer has its own scale; the best of the others: {listing(others)}.")
    cliffs = [text for name, rows in frame.groupby("optimizer") if (text := _cliff(str(name), rows))]
    if cliffs:
        said.append(
            f"Nothing was learned {listing(cliffs)}: these trials diverged or ended no better than before."
        )
    return (*said, "One seed behind each of these points.", *_edge(evidence))


def _cliff(optimizer: str, rows: pd.DataFrame) -> str:
    """Where the rates begin from which on nothing was learned; empty for fewer than two such trials."""
    highest = rows.loc[~rows["capped"], "learning_rate"].max()
    if pd.isna(highest):
        return f"with {optimizer} at any rate ({count(len(rows), 'trial')})"
    above = int((rows["learning_rate"] > highest).sum())
    return f"above {number(highest)} with {optimizer} ({count(above, 'trial')})" if above > 1 else ""


def _edge(evidence: Evidence) -> tuple[str, ...]:
    parameters = evidence.answer.parameters if evidence.answer else {}
    found = [edge for edge in edges(evidence.study.space, parameters) if edge.parameter == "learning_rate"]
    return tuple(
        f"The winner's rate, {number(edge.value)}, lies at the {edge.side} end of the range that was "
        f"searched ({number(edge.bound)}); a better one may lie outside. Widen it with --set "
        f"search.space.{edge.key}.{edge.side}={edge.wider!r}."
        for edge in found
    )


SECTION = Section(
    key="learning-rate",
    question="Which learning rate?",
    answer=answer,
    figure="learning_rate",
    shown=(
        Shown("learning_rate", "The best of each half decade; the CSV has every trial", best_of_each_bin),
    ),
    how=(
        "One point per trial of the search; all other settings vary. A trial that diverged, or whose loss "
        "never fell below the one before training, is shown at that first loss: it learned nothing (Wortsman "
        "et al. 2023, arXiv 2309.14322).",
        "The best point of a half decade is the luckiest of several trials with one seed each. Read the "
        "shape of the valley rather than its lowest point.",
    ),
)
