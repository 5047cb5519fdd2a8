"""The forward and backward pass of a stack through ``torch.compile``: an alternative to a tape.

The pass is traced below autograd and vmap, as for a tape; what lies between the products is then compiled to
C++ (or, on a GPU, to Triton kernels). Hidden activations stay one operation that knows the trials in the
slots,
so trials come and go without compiling anew.
"""

import importlib
import threading
from collections.abc import Callable, Sequence
from contextlib import suppress

import torch
from torch import Tensor
from torch.fx import GraphModule

from sweeper import private_torch
from sweeper.training.stacked.activation_dispatch import ActivationDispatch, present
from sweeper.training.stacked.refusal import NotCompiled

Pass = Callable[..., Sequence[Tensor]]

_known: dict[tuple[object, ...], Callable[..., object]] = {}
"""Compiled passes of this process: a stack of the same model and size needs no second compilation."""


class CompiledPass:
    """Like a `Tape`: `run` fills the same `outputs` again from inputs that have changed."""

    def __init__(
        self,
        function: Pass,
        inputs: Sequence[Tensor],
        outputs: Sequence[Tensor],
        dispatch: ActivationDispatch,
    ) -> None:
        """Trace `function(*inputs)` and compile it; what it returns goes to `outputs`.

        Raises:
            NotCompiled: without a C++ compiler, for models that draw random numbers, and for whatever else
                ``torch.compile`` refuses.
        """
        self.inputs, self.outputs, self.dispatch = inputs, outputs, dispatch

        def writing(*arguments: Tensor) -> None:
            count = len(inputs)
            results = function(*arguments[:count])
            for target, result in zip(arguments[count:], results, strict=True):
                target.copy_(result.detach())

        with present(dispatch):
            graph = _traced(writing, (*inputs, *outputs))
            shapes = tuple((t.shape, t.stride(), t.dtype, t.device) for t in (*inputs, *outputs))
            key = (graph.code, shapes)
            if key not in _known:
                _known[key] = _compiled(graph, (*inputs, *outputs))
        self._run = _known[key]

    def run(self) -> None:
        """Do it all again."""
        with present(self.dispatch):
            self._run(*self.inputs, *self.outputs)


def _traced(function: Callable[..., None], arguments: Sequence[Tensor]) -> GraphModule:
    with torch.enable_grad():
        graph = private_torch.traced(function, *arguments)
    for node in graph.graph.nodes:
        if torch.Tag.nondeterministic_seeded in getattr(node.target, "tags", ()):
            raise NotCompiled(f"{node.target} draws random numbers, trial by trial")
    return graph


def _compiled(graph: GraphModule, arguments: Sequence[Tensor]) -> Callable[..., object]:
    private_torch.compile_in_this_process()
    # Its progress bars would leave a semaphore of the system behind in a worker that is ended.
    with suppress(ImportError):
        importlib.import_module("tqdm").tqdm.set_lock(threading.RLock())
    run = torch.compile(
        graph,
        fullgraph=True,
        dynamic=False,
        options={"guard_filter_fn": torch.compiler.skip_all_guards_unsafe},
    )
    kept = [t.clone() for t in arguments]
    try:
        with torch.no_grad():
            run(*arguments)
    except Exception as error:  # whatever compiler and C++ toolchain raise is the reason
        raise NotCompiled(_first_line(error)) from error
    for tensor, value in zip(arguments, kept, strict=True):
        tensor.copy_(value)
    return run


def _first_line(error: BaseException) -> str:
    error = getattr(error, "inner_exception", error)  # what torch wraps
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return f"{type(error).__name__}: {lines[0][:200]}" if lines else type(error).__name__
