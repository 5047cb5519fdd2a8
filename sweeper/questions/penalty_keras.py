"""The winner's penalty in the convention of Keras."""

from inspect import signature

import numpy as np
import pandas as pd

from sweeper.answer.answer import Answer
from sweeper.components.models import MODELS
from sweeper.components.penalties import DEFAULT_KIND
from sweeper.questions.run_data import RunData
from sweeper.study.study import Study
from sweeper.wording import count, listing, number

OF_ONE_WIDTH = ("mlp", "residual_mlp")
"""Built-in models whose `depth` hidden layers put out `width` activations each."""
KERAS_COLUMNS = ["layer", "size", "kind", "weight", "keras_weight"]


def keras_weights(run: RunData) -> pd.DataFrame:
    """The winner's weight for each hidden layer, as ``activity_regularizer`` of Keras takes it.

    Here the penalty is weight · mean over rows and activations; Keras sums over the `size` activations of a
    row and divides by the batch size, so keras_weight = weight / size, and the same weight is another one
    in each layer of another size. Columns as in `KERAS_COLUMNS`; `kind` is l1 or l2. Empty where layer sizes
    are not known or the winner has no penalty that Keras has.
    """
    parameters = run.answer.parameters if run.answer else {}
    weight, kind = (
        float(parameters.get("activation_penalty", 0.0)),
        str(parameters.get("penalty_kind", DEFAULT_KIND)),
    )
    sizes = np.asarray(layer_sizes(run.study, run.answer))
    if weight <= 0 or kind not in ("l1", "l2") or not len(sizes):
        return pd.DataFrame(columns=KERAS_COLUMNS)
    frame = pd.DataFrame({"layer": range(len(sizes)), "size": sizes})
    return frame.assign(kind=kind, weight=weight, keras_weight=weight / sizes)[KERAS_COLUMNS]


def layer_sizes(study: Study, answer: Answer | None) -> tuple[int, ...]:
    """Activations of each hidden layer of the winner; empty where the model is none of `OF_ONE_WIDTH`."""
    source = study.model.source
    if answer is None or not isinstance(source, str) or source not in OF_ONE_WIDTH:
        return ()
    defaults = {key: value.default for key, value in signature(MODELS[source]).parameters.items()}
    searched = answer.parameters.items()
    chosen = {key.removeprefix("model."): value for key, value in searched if key.startswith("model.")}
    given = {**defaults, **study.model.options, **chosen}
    return (int(given["width"]),) * int(given["depth"])


def in_keras(frame: pd.DataFrame) -> tuple[str, ...]:
    """A sentence of `keras_weights`; none where it is empty."""
    if frame.empty:
        return ()
    parts = [
        f"{number(row['keras_weight'])} for layers of {count(int(row['size']), 'unit')}"
        for row in frame.drop_duplicates("size").to_dict("records")
    ]
    first = frame.iloc[0]
    return (
        f"The winner's {first['kind']} weight, {number(first['weight'])}, as activity_regularizer of Keras: "
        f"{listing(parts)}.",
    )
