"""Names of losses and scores in words."""

import re

from sweeper.components.metrics import METRICS


def metric_words(metric: str) -> str:
    """``validation_auc`` -> ``validation AUC``; without the direction of an objective."""
    short = {each.name: each.abbreviation for each in METRICS if each.abbreviation} | {"kl": "KL"}
    longest_first = "|".join(sorted(map(re.escape, short), key=len, reverse=True))
    name = metric.partition(" (")[0]
    written = re.sub(rf"(?<![^_ ])({longest_first})(?![^_ ])", lambda found: short[found[1]], name)
    return written.replace("_", " ")


def axis_words(metric: str) -> str:
    """The same with the side that is better, for an axis: ``validation AUC (higher is better)``."""
    return f"{metric_words(metric)} ({'higher' if 'higher is better' in metric else 'lower'} is better)"
