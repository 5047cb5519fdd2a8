"""Functions of the script for several inputs, and for data sets and loaders that a data function gives."""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from sweeper.components.tree import leaves
from sweeper.data.arrays import inputs_of
from sweeper.data.data import Data
from sweeper.data.data_modules import calls_of, is_data_module, parts_of
from sweeper.data.table_objects import LABELS
from sweeper.errors import UserError
from sweeper.user_code.observing import drawn_alike

EACH = '''\
def each(function, *inputs):
    """`function` of each input, arranged as these are: in a tuple or a dict."""
    first, *others = inputs
    if isinstance(first, tuple):
        return tuple(each(function, *some) for some in zip(*inputs))
    if isinstance(first, dict):
        return {name: each(function, value, *(one[name] for one in others)) for name, value in first.items()}
    return function(*inputs)'''

KINDS = '''\
def is_real(array):
    """Numbers, or bytes of images; else codes or truth values."""
    return array.dtype.kind == "f" or array.dtype == np.uint8


def as_tensor(array):
    """Numbers in the precision of the training, codes as integers, truth values as such."""
    whole = torch.bool if array.dtype.kind == "b" else torch.int64
    return torch.tensor(array, dtype=DTYPE if is_real(array) else whole, device=DEVICE)'''

STANDARDIZED = '''\
def rows_of_inputs(x, parts):
    """Inputs of each part: numbers standardized, codes, masks and padding as they are."""
    every = []
    each(every.append, x)

    def by_part(array):
        return standardized(array, every, parts) if is_real(array) else [array[rows] for rows in parts]

    found = each(by_part, x)
    return [each(lambda arrays: arrays[k], found) for k in range(len(parts))]'''

PAIR_OF = '''\
def pair_of(found):
    """(inputs, targets) of a pair, or of all items of a data set or loader, in their order."""
    collate, rows = torch.utils.data.default_collate, None
    if isinstance(found, torch.utils.data.DataLoader):
        rows = getattr(found.sampler, "indices", None)  # of a sampler that draws a part
        found, collate = found.dataset, found.collate_fn
    if isinstance(found, tuple | list) and len(found) == 2:
        return found
    rows = range(len(found)) if rows is None else sorted(map(int, rows))
    batch = collate([found[i] for i in rows])
{of_dicts}    *inputs, y = batch
    return inputs[0] if len(inputs) == 1 else tuple(inputs), y'''

OF_DICTS = """\
    if isinstance(batch, dict):
        batch = dict(batch)
        y = batch.pop(TARGET)
        inputs = list(batch.values())
        return inputs[0] if len(inputs) == 1 else batch, y
"""


def pair_of(target: str) -> str:
    """The function that reads pairs; `target`: its name in items that are dicts, empty for others."""
    return PAIR_OF.format(of_dicts=OF_DICTS if target else "")


def pairs_as_read(
    function: Callable[..., Any], options: Mapping[str, Any], data: Data, target: Any
) -> tuple[str, list[str]]:
    """Name of the target in items that are dicts, else an empty string, if `pair_of` reads what was read.

    And lines that make of `found`, a data module, the loaders of its parts.

    Raises:
        UserError: if it reads something else: images, items of unlike length, streams.
    """
    # loaded late: torch takes seconds
    import torch

    names: dict[str, Any] = {"torch": torch}
    exec(PAIR_OF.format(of_dicts=OF_DICTS), names)
    lines: list[str] = []
    try:
        found = function(**options)
        with drawn_alike():
            if is_data_module(found):
                lines, found = calls_of(found), parts_of(found)
                found = found if len(found) > 1 else found["train"]
            fixed = data.fixed
            parts = [found[part] for part in fixed if part in found] if fixed is not None else [found]
            with drawn_alike():  # nothing that it draws counts
                names["TARGET"] = target if isinstance(target, str) else _target(parts[0])
            pairs = [names["pair_of"](part) for part in parts]
        read = [leaves(inputs_of(x, "data", "inputs", len(y))) for x, y in pairs]
        again = [np.concatenate(arrays) for arrays in zip(*read, strict=True)]
        same = all(
            np.array_equal(a, b.reshape(a.shape)) for a, b in zip(leaves(data.inputs), again, strict=True)
        )
    except Exception:  # of items that need more than torch's own way of putting rows together
        same = False
    if not same:
        raise UserError(
            "data.source gives a data set that takes more to read than a script holds (images, streams, "
            "items of unlike length), or other rows at each call; let the function return arrays, and seed "
            "what it draws"
        )
    return str(names["TARGET"]), lines


def _target(found: Any) -> str:
    if not isinstance(found, tuple | list) and hasattr(found, "dataset") and hasattr(found, "collate_fn"):
        found = found.collate_fn([found.dataset[0]])
        return next((name for name in LABELS if name in found), "") if isinstance(found, Mapping) else ""
    item = found[0] if hasattr(found, "__getitem__") else None
    return next((name for name in LABELS if name in item), "") if isinstance(item, Mapping) else ""
