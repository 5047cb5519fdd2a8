"""A recorded pass of one slot as machine code, run for one slot after the other."""

from collections.abc import Callable, Iterable, Sequence
from functools import partial
from typing import TypeVar

import numpy as np
import torch
from torch import Tensor

from sweeper.training.stacked.kernel import AnyKernel
from sweeper.training.stacked.native import target
from sweeper.training.stacked.native.layout import ARENA, FLAG, Layout
from sweeper.training.stacked.native.library import activation_functions
from sweeper.training.stacked.native.operation import ALIGNED
from sweeper.training.stacked.native.pointwise import name_of
from sweeper.training.stacked.native.products import Machine
from sweeper.training.stacked.native.program import program_of
from sweeper.training.stacked.recording import MOVES, Call, of_fewer_digits
from sweeper.training.stacked.refusal import NotCompiled

Given = TypeVar("Given")
Made = TypeVar("Made")


def once_each(function: Callable[[Given], Made], given: Iterable[Given]) -> list[Made]:
    """`function` of each, called once for an object that comes again: most slots share what they read."""
    given = list(given)
    keys = list(map(id, given))
    made = {key: function(each) for key, each in dict(zip(keys, given, strict=True)).items()}
    return list(map(made.__getitem__, keys))


def addresses(tensors: Sequence[Tensor]) -> list[int]:
    """Where their numbers begin in memory."""
    return [t.data_ptr() for t in tensors]


def each_row(matrix: Tensor) -> np.ndarray:
    """Where the rows of a tensor begin in memory."""
    return matrix.data_ptr() + np.arange(len(matrix)) * matrix.stride(0) * matrix.element_size()


class SlotProgram:
    """What a slot reads and where it writes to stands in a line of pointers, see `lines`."""

    def __init__(self, layout: Layout, calls: Sequence[Call], inputs: Sequence[Tensor]) -> None:
        """Compile; `layout.outside` holds what is read beside the rows of a batch, as it was recorded.

        Raises:
            NotCompiled: if an operation has no translation, or this machine cannot compile.
        """
        self.layout, self.given = layout, list(layout.outside)
        if layout.results[0].device.type != "cpu":
            raise NotCompiled("a device that is not the CPU")
        if any(leaf.tensor.ndim < 2 for leaf in layout.leaves):
            raise NotCompiled("inputs that are not rows")
        _check_digits(calls, layout.results[0])
        self._learned = _learned(calls, layout)
        text = _translated(layout, calls, inputs)
        self._program = target.program(text, ["run"])
        self._run = target.callable_at(self._program.addresses["run"], 3)
        self.dtype = layout.results[0].dtype
        item, gradients = layout.results[0].element_size(), layout.gradients
        own = 0 if gradients is None else gradients.numel()
        self._arena = torch.zeros((layout.arena + 2 * ALIGNED) // item + own + ALIGNED, dtype=self.dtype)
        self._flag = np.zeros(1, dtype=np.int64)
        self._start = -(-self._arena.data_ptr() // ALIGNED) * ALIGNED
        self._offsets = [t.storage_offset() * t.element_size() for t in self.given]
        self._at_outside, self._at_sites, self._at_results = (
            layout.at_outside,
            layout.at_sites,
            layout.at_results,
        )

    @property
    def private(self) -> int:
        """Address of memory for gradients that nobody else reads."""
        return self._start + self.layout.arena

    def lines(self, count: int) -> np.ndarray:
        """A table of `count` lines, each for one slot; see `read` and `write`."""
        layout = self.layout
        table = np.zeros((count, layout.entries), dtype=np.int64)
        table[:, FLAG], table[:, ARENA] = self._flag.ctypes.data, self._start
        constants = [t.untyped_storage().data_ptr() for t in layout.outside[len(self.given) :]]
        table[:, layout.entries - len(constants) :] = constants
        return table

    def read(self, line: np.ndarray, given: Sequence[Tensor]) -> None:
        """Point at what one slot reads, in the order of what was given when the pass was recorded."""
        pairs = zip(given, self._offsets, strict=False)  # `rows` may follow
        line[self._at_outside : self._at_outside + len(given)] = [t.data_ptr() - o for t, o in pairs]

    def write(self, table: np.ndarray, results: Sequence[Tensor]) -> None:
        """Point each line at what its slot writes to: a row of each of `results`."""
        for k, result in enumerate(results, self._at_results):
            table[:, k] = each_row(result)

    def rows(self, table: np.ndarray, sources: Sequence[Sequence[Tensor]]) -> None:
        """Point each line at the rows that a pass without batches reads, the last of what was given.

        Raises:
            NotCompiled: for arrays with gaps.
        """

        def whole(tensors: Sequence[Tensor]) -> list[int]:
            if not all(t.is_contiguous() for t in tensors):
                raise NotCompiled("rows with gaps")
            return addresses(tensors)

        stop = self._at_outside + len(self.given)
        table[:, stop - len(sources[0]) : stop] = once_each(whole, sources)

    def activations(self, table: np.ndarray, kernels: Sequence[Sequence[AnyKernel]]) -> None:
        """Point at the activations: `kernels` site by site, line by line.

        Raises:
            NotCompiled: for activations that cannot be compiled.
        """
        if not len(table):
            return
        for site, (each, learned) in enumerate(zip(kernels, self._learned, strict=True)):
            functions = partial(activation_functions, dtype=self.dtype, learned=learned)
            at = self._at_sites + 2 * site
            table[:, at : at + 2] = once_each(functions, each)

    def run(self, table: np.ndarray, passes: int = 1) -> None:
        """So many passes of every line.

        Raises:
            IndexError: for a class or an index beyond what it points into.
        """
        table = np.ascontiguousarray(table)
        self._flag[0] = 0
        self._run(table.ctypes.data, len(table), passes)
        if self._flag[0]:
            raise IndexError("a class or an index lies beyond what it points into")


def _check_digits(calls: Sequence[Call], like: Tensor) -> None:
    """Functions and sums of fewer digits are other ones as machine code; what is only moved or drawn is not.

    Raises:
        NotCompiled: if some operation computes with real numbers of fewer digits than `like` has.
    """
    for call in calls:
        none = call.name in MOVES or call.constant or call.random
        # the first result: attention keeps another one beside it
        if not none and of_fewer_digits(call.results[:1], like):
            raise NotCompiled(f"{call.name} of numbers of fewer digits than the others have")


def _learned(calls: Sequence[Call], layout: Layout) -> list[int]:
    """How many tensors each hidden activation of the pass learns.

    Raises:
        NotCompiled: for one of numbers of another precision than the slot's, which its function takes.
    """
    found = [0] * layout.sites
    for call in calls:
        if name_of(call.operation) == "activate":
            if call.results[0].dtype != layout.results[0].dtype:
                raise NotCompiled("an activation of numbers of another precision")
            found[call.arguments[3]] = len(call.arguments[1])
    return found


def _translated(layout: Layout, calls: Sequence[Call], inputs: Sequence[Tensor]) -> str:
    machine = Machine(target.register_bytes(), target.registers(), target.is_x86())
    try:
        return program_of(layout, calls, inputs, machine)
    except NotCompiled:
        raise
    except Exception as error:  # whatever a translation trips over costs speed, no trial
        raise NotCompiled(f"the pass cannot be translated ({type(error).__name__})") from error


def pass_layout(
    data: Sequence[Tensor], results: Sequence[Tensor], given: Sequence[Tensor], sites: int
) -> Layout:
    """Of a pass over all rows of `data`, without an update; `given`: what it reads beside them."""
    return Layout([], list(results), sites, outside=[*given, *data])
