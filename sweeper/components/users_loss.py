"""Losses of the user: functions of output and target, and those that the model itself computes."""

import inspect
import re
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

from torch import Tensor, nn

from sweeper.components.inner_loss import STEP, InnerForward, NoPlainStep, OwnStep, inner_loss, of_batch
from sweeper.components.outputs import copied
from sweeper.components.target_form import TargetForm
from sweeper.components.tree import Tree, arguments
from sweeper.errors import ModelError, shown
from sweeper.wording import listing


@dataclass(frozen=True)
class UsersLoss:
    """A loss function of the user, which gets copies, as it may write into them; what it gives is checked.

    It gives the mean, or the mean and a dict of named scalars that are recorded beside it.
    """

    name: str
    function: Callable[..., Any]
    form: TargetForm | None = None
    """Of targets; ``None``: as they are."""

    def __call__(self, output: Any, target: Any) -> Tensor:
        """The scalar mean.

        Raises:
            ModelError: if the function gives something else.
        """
        return self.with_parts(output, target)[0]

    def with_parts(self, output: Any, target: Any) -> tuple[Tensor, dict[str, Tensor]]:
        """`of_given`, with the target in its form."""
        return self.of_given(output, target if self.form is None else self.form(target))

    def of_given(self, *given: Any, **asked: Any) -> tuple[Tensor, dict[str, Tensor]]:
        """The scalar mean and the named scalars, detached; of copies of output and target.

        Raises:
            ModelError: if the function gives something else.
        """
        value = self.function(*map(copied, given), **asked)
        parts: Mapping[Any, Any] = {}
        if isinstance(value, tuple) and len(value) == 2 and isinstance(value[1], Mapping):
            value, parts = value
        if not isinstance(value, Tensor) or value.numel() != 1 or value.is_complex():
            raise ModelError(not_scalar(self.name, value))
        for name, part in parts.items():
            if problem := wrong_part(self.name, name, part):
                raise ModelError(problem)
        return value, {name: part.detach().reshape(()) for name, part in parts.items()}


def not_scalar(name: str, value: Any) -> str:
    """What is wrong with a loss that is no real number in a tensor."""
    return f"training.loss = {name!r} must return the mean, a scalar tensor, not {_what(value)}"


PART = re.compile(r"[A-Za-z_]\w{0,59}")
RESERVED_PARTS = ("loss", "error")
"""Names of curves that are there already."""


def wrong_part(name: str, part: Any, value: Any) -> str:
    """What is wrong with a named scalar that a loss gives beside the mean; empty if nothing is."""
    returned = f"training.loss = {name!r} may return (mean, parts), parts being a dict of names and scalars"
    if not isinstance(part, str) or not PART.fullmatch(part) or part in RESERVED_PARTS:
        return (
            f"{returned}; the name {part!r} is not allowed: a name begins with a letter or _, has at most 60 "
            f"letters, digits and _, and is neither {listing(RESERVED_PARTS, 'nor')}"
        )
    if not isinstance(value, Tensor) or value.numel() != 1 or value.is_complex():
        return f"{returned}; part {part!r} must be a scalar tensor of a real number, not {_what(value)}"
    return ""


def taken_part(name: str, part: str) -> str:
    """Why a named scalar may not have the name of a metric that is computed as well."""
    return (
        f"training.loss = {name!r} returns a part {part!r}, which is the name of a metric that is computed "
        "anyway: give the part another name, or leave it out"
    )


def _what(value: Any) -> str:
    if isinstance(value, Tensor) and value.is_complex():
        return "complex numbers"
    return f"a tensor of shape {tuple(value.shape)}" if isinstance(value, Tensor) else type(value).__name__


ASKED = ("inputs", "model", "batch")
"""What a loss may ask for by name, beside single inputs."""


@dataclass(frozen=True)
class InnerLoss:
    """A loss that the model computes in its forward pass: of what its function asks for, or its own step."""

    name: str
    function: Callable[..., Any] | None
    """``None``: the model's ``training_step``."""
    asks: tuple[str, ...] = ()
    """Arguments of `function`, given by name."""
    target_asked: bool = True
    """Whether `function` takes the target in second place."""
    names: tuple[str, str] = ("", "")
    """Of an only input and of the target, where items are dicts; see `inner_loss.arranged`."""
    form: TargetForm | None = None
    """Of targets; ``None``: as they are."""

    def __call__(self, output: Any, target: Any) -> Tensor:
        """The scalar mean."""
        return self.with_parts(output, target)[0]

    def with_parts(self, output: Any, target: Any) -> tuple[Tensor, dict[str, Tensor]]:
        """The scalar mean and the named scalars, as the model computed them.

        Raises:
            ModelError: for an output without them.
        """
        if not isinstance(output, Mapping) or "rows" not in output:
            raise ModelError(f"{self._of_more}, so no constant has one")
        return inner_loss(output, target)

    @property
    def _of_more(self) -> str:
        """Why outputs and targets that are one tensor each do not make this loss."""
        if self.function is None:
            return f"the loss is that of the model's own {STEP}"
        what = [f"the {name}" if name in ASKED else f"the input {name}" for name in self.asks]
        return f"the loss {shown(self.name)} takes {listing(what) if what else 'several targets or outputs'}"

    def put_into(self, model: nn.Module, inputs: Tree) -> None:
        """Let the ``forward`` of `model` take inputs and targets, and compute the loss.

        Raises:
            NoPlainStep: if it has no step that can be called so.
        """
        step: Callable[..., Any]
        if self.function is None:
            step = OwnStep(model, self.names, self.form)
        else:
            checked = UsersLoss(self.name, self.function).of_given
            step = partial(of_batch, checked, self.asks, self.target_asked, self.names, self.form)
        stars = "*" if isinstance(inputs, tuple) else "**" if arguments(model, inputs)[1] else ""
        model.forward = InnerForward(model, step, stars)  # type: ignore[method-assign]


def asked_of(function: Callable[..., Any], inputs: Collection[str]) -> tuple[tuple[str, ...], bool]:
    """What a loss asks for by name beside output and target, and whether it takes the target at all.

    `inputs`: names of single inputs; they count where the function has no default for them.
    """
    try:
        given = inspect.signature(
            function.forward if isinstance(function, nn.Module) else function
        ).parameters
    except (ValueError, TypeError):  # written in C
        return (), True
    fixed = [p for p in given.values() if p.kind not in (p.VAR_POSITIONAL, p.VAR_KEYWORD)][1:]
    asks = tuple(p.name for p in fixed if p.name in ASKED or (p.name in inputs and p.default is p.empty))
    return asks, not (fixed and fixed[0].name in asks)


WITHOUT_A_STEP = (
    "a sweep trains many models at once and has no trainer: keep to self(x), losses and self.log, or name "
    "training.loss, and the layers are trained with that"
)


def no_plain_step(error: NoPlainStep) -> str:
    """Why a model cannot be trained by its own step, and what to do."""
    return f"cannot be trained by its own {STEP}: {error}; {WITHOUT_A_STEP}"
