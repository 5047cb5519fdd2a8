"""Data as the study names them, whole, and split into parts."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from sweeper.components.target_form import TargetForm
from sweeper.components.tree import Tree, leaves, mapped, rows_in, taken
from sweeper.data.column import Column
from sweeper.data.disk import adopted, is_streamed, packed, unpacked

if TYPE_CHECKING:  # it loads scikit-learn
    from sweeper.data.encoding import Encoding

Division = tuple[np.ndarray, np.ndarray, np.ndarray]
"""Row numbers of train, validation and test."""


@dataclass(frozen=True)
class Data:
    """All rows of a data set."""

    inputs: Tree
    """(n, …): real numbers (float64; float32 and uint8 as they came), or int64 for codes such as tokens. A
    tuple or dict of such arrays for several inputs, among them also truth values (masks). With an `encoding`
    the cells of the table, see `Encoding.raw`. What does not fit into memory is mapped: `numpy.memmap`."""
    targets: np.ndarray
    """(n,) int64 class numbers, or (n, k) float64."""
    classes: tuple[str, ...] | None
    """Class names by number; ``None`` for real-valued targets."""
    fixed: Mapping[str, np.ndarray] | None = None
    """Row numbers of train, validation and test where the data came split."""
    name: str = "data"
    feature_names: tuple[str, ...] = ()
    columns: tuple[Column, ...] = ()
    """Those of a table that are inputs."""
    target_how: Mapping[str, str] = field(default_factory=dict)
    """Those of a table that are predicted, and how they are read: ``text``, or as `as_numbers` names it."""
    order_how: str = ""
    """How the column is read by which the rows of a table are split in order."""
    order_note: str = ""
    """How else it could be read."""
    encoding: "Encoding | None" = None
    """How the columns of a table become inputs, where they are more than numbers."""
    groups: np.ndarray | None = None
    """(n,) numbers; rows of one number stay in one part."""
    strata: np.ndarray | None = None
    """(n,) numbers; each part gets about the same share of each. ``None``: of the classes."""
    stratified: bool = True
    """Whether rows are split by strata at all."""

    divided: Mapping[Any, Division] = field(default_factory=dict, compare=False, repr=False)
    """Row numbers of replicates, by the other arguments of `splits.rows_of_parts`, where known."""

    read: str = "arrays"
    """``arrays``; ``items`` where some came item by item; ``table`` where it is one and no file."""

    item_names: tuple[str, str] = ("", "")
    """Of an only input and of the target, where items are dicts."""
    several: Tree | None = None
    """All targets as they came, (n, …) each, in a dict or a tuple where there are more than one; `targets` is
    the first of them."""
    target_form: TargetForm | None = None
    """Of one target as it came; ``None``: as in `targets`."""
    truth: tuple[str, str] | None = None
    """The words for 0 and 1 in a target that is read as truth values, where there are two."""

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "inputs": mapped(packed, self.inputs)}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update({**state, "inputs": mapped(unpacked, state["inputs"])})

    @property
    def is_streamed(self) -> bool:
        """Whether some inputs stay on disk: rows are read where they are needed."""
        return any(map(is_streamed, leaves(self.inputs)))

    @property
    def example(self) -> Tree:
        """The first row as a batch of one, as a model gets it but for the scale."""
        return taken(self.inputs, slice(0, 1)) if self.encoding is None else self.encoding.example

    @property
    def code_sizes(self) -> tuple[int, ...]:
        """How many codes there are in each column of codes; these are the last columns of the inputs."""
        return () if self.encoding is None else self.encoding.code_sizes

    @property
    def classes_are_numbers(self) -> bool:
        """Whether all names of classes are whole numbers; of data without classes, too."""
        return all(re.fullmatch("-?[0-9]+", name) for name in self.classes or ())

    @property
    def rows(self) -> int:
        """How many there are."""
        return rows_in(self.inputs)

    @property
    def has_real_inputs(self) -> bool:
        """Whether any input is real numbers, which are standardized."""
        return any(map(is_real, leaves(self.inputs)))


@dataclass(frozen=True)
class Parts:
    """Rows by use; inputs as in `Data`, real ones in float64 where they are standardized."""

    x_train: Tree
    y_train: np.ndarray
    x_validation: Tree
    y_validation: np.ndarray
    x_test: Tree
    y_test: np.ndarray


def is_real(array: np.ndarray) -> bool:
    """Real numbers, or grey values; else codes or truth values."""
    return array.dtype.kind == "f" or array.dtype == np.uint8


def of_this_process(data: Data) -> Data:
    """`data`, whose files in the cache are deleted when this process needs them no more."""
    return replace(data, inputs=adopted(data.inputs)) if data.is_streamed else data
