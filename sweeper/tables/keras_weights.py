"""The activation penalty in the convention of Keras."""

import numpy as np
import pandas as pd

from sweeper.answer.answer import answer
from sweeper.tables.source import Source

COLUMNS = ["layer", "size", "kind", "weight", "keras_weight"]


def keras_weights(source: Source) -> pd.DataFrame:
    """The winner's weight for each hidden layer, as ``activity_regularizer`` of Keras takes it.

    Here the penalty is weight · mean over rows and activations; Keras sums over the `size` activations of a
    row and divides by the batch size, so keras_weight = weight / size, and the same weight is another one
    in each layer of another size. Columns as in `COLUMNS`; `kind` is l1 or l2. Empty where layer sizes
    are not known or the winner has no penalty that Keras has.
    """
    found = answer(source.trials, None)
    weight = float(found.parameters.get("activation_penalty", 0.0)) if found else 0.0
    kind = str(found.parameters.get("penalty_kind", "l2")) if found else ""
    if weight <= 0 or kind not in ("l1", "l2") or not len(source.layer_sizes):
        return pd.DataFrame(columns=COLUMNS)
    sizes = np.asarray(source.layer_sizes)
    frame = pd.DataFrame({"layer": range(len(sizes)), "size": sizes})
    return frame.assign(kind=kind, weight=weight, keras_weight=weight / sizes)[COLUMNS]
