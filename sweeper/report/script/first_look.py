"""The lines of the script in which lazy layers get their shapes."""

import numpy as np

from sweeper.components.tree import Tree, mapped
from sweeper.data.data import Data, is_real
from sweeper.report.script.functions import quoted


def first_look(data: Data, inner: bool) -> list[str]:
    """A forward pass on zeros; `inner`: of a model that computes its loss."""
    zeros = _code(mapped(_zeros, data.example))
    stars = "*" if isinstance(data.inputs, tuple) else ""
    if inner:
        stars, zeros = "", f"inputs={zeros}, target={_zeros(data.targets[:1])}"
    return [
        "with torch.no_grad(), torch.random.fork_rng(devices=[]):",
        f"    model.eval()({stars}{zeros})  # lazy layers get their shapes",
        "model.train()",
    ]


def _zeros(array: np.ndarray) -> str:
    kind = (
        "" if is_real(array) else ", dtype=torch.bool" if array.dtype.kind == "b" else ", dtype=torch.int64"
    )
    return f"torch.zeros({(1, *array.shape[1:])}{kind})"


def _code(tree: Tree) -> str:
    """Code of a tuple or dict whose leaves are code."""
    if isinstance(tree, tuple):
        return f"({', '.join(map(_code, tree))},)"
    if isinstance(tree, dict):
        return f"{{{', '.join(f'{quoted(key)}: {_code(part)}' for key, part in tree.items())}}}"
    return str(tree)
