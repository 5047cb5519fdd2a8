"""Whether values want a logarithmic axis, without anything that draws."""

import math
from collections.abc import Iterable

LOG_FROM = 8.0
"""Factor between the largest and the smallest value above which a linear axis would hide the small ones."""


def spans_decades(values: Iterable[float], *, highest: bool = False) -> bool:
    """Whether all finite `values` are positive and span more than a factor of `LOG_FROM`.

    Never where the `highest` are best: a logarithm would stretch the worst ones.
    """
    known = [float(value) for value in values if math.isfinite(value)]
    return not highest and bool(known) and min(known) > 0 and max(known) / min(known) > LOG_FROM
