"""What the columns of the report's tables mean, and how their headings read."""

from collections.abc import Mapping

HEADINGS: Mapping[str, str] = {
    "best_in_bin": "best of half decade",
    "decades_per_layer": "decades per layer",
    "n": "seeds",
    "capped": "learned nothing",
    "best_loss": "best",
    "loss": "score",
    "initial": "before training",
}
"""Where underscores turned into spaces would not do."""

MEANINGS: Mapping[str, str] = {
    "activation_size": "root mean square of all activations at the end of training",
    "capped": "diverged, or ended no better than before training",
    "compared": "the middle half of the trials compared with that of the reference (the first row)",
    "decades_per_layer": "change of log10 of the norm per layer towards the input, mean over networks",
    "depth": "number of layers with activations",
    "basis": "data behind the number",
    "expected": "what the study file says",
    "expected_by": "paper or closed form",
    "failures": "fresh seeds that diverged or failed",
    "first_trial": "the first trial with this ending, and its reason verbatim",
    "high": "upper end: of the 95 % interval for means, upper quartile for medians",
    "importance": "share; all sum to 1",
    "low": "lower end: of the 95 % interval for means, lower quartile for medians",
    "mean": "mean score over the fresh seeds that completed",
    "moment": "before the first step, or after the last",
    "objective": "the score that ranks trials: the best at its evaluation points",
    "rank": "rank among completed trials, 1 is best",
    "search_objective": "score in the search, on one seed",
    "searched": "trials of the value in the whole search",
    "seconds": "wall time of the training, s",
    "seen": "difference that 80 % of such races would call worse",
    "seen_share": "the same over the winner's mean",
    "size_compared": "the same for the activation size",
    "steps": "optimizer steps made",
    "tied": "these seeds do not show that the winner is better",
    "trial": "number in the order of the search",
    "trials": "trials behind the row",
    "weight": "of the activation penalty",
}

OF_TABLE: Mapping[str, Mapping[str, str]] = {
    "basins": {
        "low": "lowest rate whose score is within 10 % of the best",
        "high": "highest rate whose score is within 10 % of the best",
    },
    "comparison": {"verdict": "tied: the difference is too small for a call; else by how much it is worse"},
    "finding": {
        "verdict": "found: the interval lies on the expected side; contrary: on the other; else not found"
    },
    "gradient_verdicts": {
        "verdict": "vanishing, exploding: the norm changes tenfold or more from the last layer to the first",
        "slope": "change of log10 of the norm per layer towards the input, mean over networks",
    },
    "heatmap": {"best": "best score of the pair's completed trials"},
    "isolation": {"best": "best score of the whole search"},
    "range_edges": {
        "best": "value in the best trial",
        "low": "lower bound of the searched range",
        "high": "upper bound of the searched range",
    },
}
"""Columns that mean something else in one table."""


def meaning(table: str, column: str) -> str:
    """What a column means in a table; empty where its heading says it."""
    return OF_TABLE.get(table, {}).get(column) or MEANINGS.get(column, "")


def heading(column: str) -> str:
    """A column's name for people; parameters of the study file keep theirs."""
    return HEADINGS.get(column, column if "." in column else column.replace("_", " "))
