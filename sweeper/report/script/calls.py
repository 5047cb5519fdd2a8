"""Lines of the script that make a model ready: shapes of lazy layers, modules in place of calls."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from sweeper.components import call_sites
from sweeper.components.call_sites import CallPath
from sweeper.components.called import Called, plain_name
from sweeper.components.tree import Tree, mapped
from sweeper.data.data import Data, is_real
from sweeper.errors import UserError
from sweeper.report.script.functions import literal, named, quoted
from sweeper.report.script.source import definitions

if TYPE_CHECKING:
    from torch import nn


def call_code(own_functions: bool) -> list[str]:
    """What the lines need."""
    wanted = ["call_modules", "changes_in", "place_in", *(["FunctionLayer"] if own_functions else [])]
    return [definitions(call_sites, name) for name in wanted]


def call_lines(called: Sequence[tuple[Called, "nn.Module"]], expression: str | None) -> list[str]:
    """Lines that put the layers in; `expression` makes one, ``None``: they are the model's own functions."""
    if not called:
        return []
    lines = [
        "calls = call_modules(  # these layers stand for activation functions that the model calls",
        "    model,",
    ]
    lines.append("    [")
    for (one, layer), path in zip(called, _paths([one for one, _ in called]), strict=True):
        code = ", ".join(map(_code, (path, one.owner, one.part)))
        lines.append(f"        ({code}, {expression or _function(layer)}),")
    lines.append("    ],")
    if written := _paths([one for one, _ in called if one.written]):
        lines.append(f"    written={_code(tuple(written))},")
    return [*lines, "    where=place_in,", ")"]


def _paths(called: Sequence[Called]) -> list[CallPath]:
    """Their call sites, with places where positions are.

    Raises:
        UserError: if lines alone tell two of them apart.
    """
    paths = [(p[0], *((position[-1], name) for position, name in p[1:])) for p in (c.path for c in called)]
    for path in paths:
        if paths.count(path) > 1:
            file, function, name, *_ = path[1][0]
            raise UserError(
                f"{file}: several functions {function} call {name} at one place of the model, which a script "
                "cannot tell apart: give them names of their own"
            )
    return paths


def _function(layer: Any) -> str:
    """The call that makes a `FunctionLayer`."""
    name = plain_name(layer.function.__name__)
    options = named({key: literal(value, key) for key, value in layer.kwargs.items()})
    given = [f"F.{name}", *(literal(value, name) for value in layer.args), *options]
    return f"FunctionLayer({', '.join(given)})"


def _code(value: Any) -> str:
    """A call site as code."""
    if isinstance(value, tuple):
        return f"({', '.join(map(_code, value))}{',' * (len(value) == 1)})"
    return quoted(value) if isinstance(value, str) else repr(value)


def first_look(data: Data, inner: bool) -> list[str]:
    """A forward pass on zeros; `inner`: of a model that computes its loss."""
    zeros = _tree_code(mapped(_zeros, data.example))
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


def _tree_code(tree: Tree) -> str:
    """Code of a tuple or dict whose leaves are code."""
    if isinstance(tree, tuple):
        return f"({', '.join(map(_tree_code, tree))},)"
    if isinstance(tree, dict):
        return f"{{{', '.join(f'{quoted(key)}: {_tree_code(part)}' for key, part in tree.items())}}}"
    return str(tree)
