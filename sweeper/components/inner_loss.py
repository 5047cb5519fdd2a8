"""Losses that are computed by the model: of the whole batch, or in the training step that its class has.

`InnerForward` stands in the place of a model's ``forward``. It takes inputs and targets and puts out the loss
beside what the model itself puts out, so that engines stack, evaluate and measure it as any other model.
Nothing here needs the rest of this package: scripts get a copy.
"""

import inspect
import re
from collections.abc import Callable, Mapping
from typing import Any, NoReturn

import torch
from torch import Tensor, nn

IS_PASSED_THROUGH = True
"""Call sites of activation functions do not tell of this file, which is another one in a script."""
STEP = "training_step"
PREFIX = re.compile(r"\A(train(ing)?|val(id(ation)?)?|test)[^A-Za-z0-9]+")
"""What names of logged scores begin with: curves are called by the part already."""
BY_NAME = "*"
"""Stands for the name of the target where there are several in a dict, each with its own."""
BATCH_INDEX = 1
"""The number of the batch that a step is told; it must not decide what is learned."""


class NoPlainStep(Exception):
    """A training step needs more than a model and a batch."""


def arranged(inputs: Any, target: Any, names: tuple[str, str] = ("", "")) -> Any:
    """A batch as a loader gives it: ``[input, …, target]``, or a dict where `names` says that of the target.

    `names`: those of an only input and of the target in a dict; empty where there is none.
    """
    only, of_target = names
    if isinstance(inputs, Mapping) or only:
        named = {only: inputs} if only else dict(inputs)
        if of_target == BY_NAME:
            return {**named, **target}
        return {**named, of_target or "target": target}
    return [*inputs, target] if isinstance(inputs, tuple) else [inputs, target]


def rows_of(inputs: Any) -> int:
    """Length of the first axis of the first tensor."""
    while not isinstance(inputs, Tensor):
        inputs = next(iter(inputs.values() if isinstance(inputs, Mapping) else inputs))
    return len(inputs)


class InnerForward:
    """``forward`` of `model` that takes inputs and targets, and puts out loss, parts of it and the output."""

    def __init__(self, model: nn.Module, step: Callable[..., Any], stars: str) -> None:
        """`step`: (model, inputs, target) -> loss and parts; `stars`: how the model takes its inputs."""
        self.model, self.forward, self.step, self.stars = model, model.forward, step, stars
        self.inside, self.seen = False, list[Any]()

    def __call__(self, *args: Any, **named: Any) -> Any:
        """What the model puts out, where the step calls it; else a dict of all."""
        if self.inside:
            self.seen.append(self.forward(*args, **named))
            return self.seen[-1]
        return self.with_loss(**named)

    def with_loss(self, inputs: Any, target: Any) -> dict[str, Any]:
        """``output`` (of the first call of the model), and of shape (1,) ``loss``, ``rows`` and ``parts``."""
        self.inside = True
        try:
            loss, parts = self.step(self, inputs, target)
            output = self.seen[0] if self.seen else None
        finally:
            self.inside, self.seen = False, []
        rows = torch.full((1,), float(rows_of(inputs)), dtype=loss.dtype, device=loss.device)
        shaped = {name: part.detach().to(loss.dtype).reshape(1) for name, part in parts.items()}
        found = {"output": output, "loss": loss.reshape(1), "rows": rows, "parts": shaped}
        return found if isinstance(target, Tensor) else {**found, "target": target}

    def call(self, inputs: Any) -> Any:
        """The model's own output."""
        if self.stars:
            return self.model(*inputs) if self.stars == "*" else self.model(**inputs)
        return self.model(inputs)


def inner_loss(output: Any, target: Any) -> tuple[Tensor, dict[str, Tensor]]:
    """Loss and parts among what `InnerForward` puts out, means over the rows of all passes."""
    shares = output["rows"] / output["rows"].sum()
    parts = {name: (part * shares).sum() for name, part in output["parts"].items()}
    return (output["loss"] * shares).sum(), parts


def of_batch(
    function: Callable[..., Any],
    asks: tuple[str, ...],
    target_asked: bool,
    names: tuple[str, str],
    form: Callable[[Any], Any] | None,
    forward: InnerForward,
    inputs: Any,
    target: Any,
) -> tuple[Tensor, Mapping[str, Tensor]]:
    """Loss and parts of a function that asks for more than output and target, by name."""
    output, target = forward.call(inputs), target if form is None else form(target)
    known = {**(inputs if isinstance(inputs, Mapping) else {}), "inputs": inputs, "model": forward.model}
    known["batch"] = arranged(inputs, target, names) if "batch" in asks else None
    given = (output, target) if target_asked else (output,)
    value = function(*given, **{name: known[name] for name in asks})
    return value if isinstance(value, tuple) else (value, {})


class NoTrainer:
    """What stands where Lightning has a trainer: one process, without loggers and callbacks."""

    is_global_zero, sanity_checking, fast_dev_run = True, False, False
    global_rank = local_rank = node_rank = 0
    world_size = num_devices = num_nodes = 1
    logger, loggers = None, ()

    def __getattr__(self, name: str) -> NoReturn:
        raise NoPlainStep(f"its step uses self.trainer.{name} (or self.{name})")


class OwnStep:
    """Loss and scores of a model's own ``training_step``; in evaluation mode of its ``validation_step``."""

    def __init__(self, model: nn.Module, names: tuple[str, str], form: Callable[[Any], Any] | None) -> None:
        """`names`: see `arranged`; `form`: makes targets as they came, ``None``: they are.

        Raises:
            NoPlainStep: if the model steps its optimizers itself.
        """
        if not callable(getattr(model, STEP, None)):
            raise NoPlainStep(f"{type(model).__name__} has no method {STEP}")
        if not getattr(model, "automatic_optimization", True):
            raise NoPlainStep("its step optimizes by hand (automatic_optimization = False)")
        self.names, self.form, self.logged = names, form, dict[str, Any]()
        self.index = BATCH_INDEX
        for name in ("optimizers", "lr_schedulers", "manual_backward"):
            setattr(model, name, self.refusal(name))
        model.log, model.log_dict = self.log, self.log_dict  # type: ignore[assignment]
        if isinstance(getattr(type(model), "trainer", None), property):
            model.trainer, model.print = NoTrainer(), self.say  # type: ignore[assignment]

    @staticmethod
    def refusal(name: str) -> Callable[..., NoReturn]:
        """A method that a sweep does not have."""

        def refuse(*args: Any, **named: Any) -> NoReturn:
            raise NoPlainStep(f"its step calls self.{name}()")

        return refuse

    def say(self, *args: Any, **named: Any) -> None:
        """Nothing: many trials at once would say it."""

    def log(self, name: str, value: Any, *args: Any, **named: Any) -> None:
        """Keep a score for the curves; of a metric object what it computes of this batch."""
        if callable(getattr(value, "compute", None)):
            metric, value = value, value.compute()
            metric.reset()
        short = re.sub(r"\W", "_", PREFIX.sub("", str(name), count=1))[:60]
        self.logged[short if short[:1].isalpha() else f"_{short}"] = value

    def log_dict(self, values: Mapping[str, Any], *args: Any, **named: Any) -> None:
        """`log` of each."""
        for name, value in values.items():
            self.log(name, value)

    def __call__(self, forward: InnerForward, inputs: Any, target: Any) -> tuple[Tensor, dict[str, Tensor]]:
        """Loss and logged scores on a batch. A loss of validation is what its step gives, or logs as such."""
        model, batch, found = forward.model, self.batch(inputs, target), None
        self.logged.clear()
        validates: Any = None if model.training else getattr(model, "validation_step", None)
        if callable(validates):
            found = loss_in(self.called(validates, batch))
            found = self.logged.get("loss") if found is None else found
        of_validation = dict(self.logged)
        if found is None:
            found = loss_in(self.called(getattr(model, STEP), batch))
        logged = {**self.logged, **of_validation}
        self.logged.clear()
        if not isinstance(found, Tensor) or found.numel() != 1:
            kind = type(found).__name__
            raise NoPlainStep(f"its {STEP} gives {kind}; it must give the loss, a scalar tensor")
        parts = {name: torch.as_tensor(value, device=found.device) for name, value in logged.items()}
        return found, {n: p for n, p in parts.items() if p.numel() == 1 and n not in ("loss", "error")}

    def batch(self, inputs: Any, target: Any) -> Any:
        """As the step's own loader would give it."""
        return arranged(inputs, target if self.form is None else self.form(target), self.names)

    def called(self, step: Callable[..., Any], batch: Any) -> Any:
        """What a step gives; the number of the batch is always the same."""
        given = inspect.signature(step).parameters.values()
        by_place = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
        takes = [p for p in given if p.default is p.empty and p.kind in by_place]
        both = len(takes) > 1 or any(p.kind is p.VAR_POSITIONAL for p in given)
        return step(batch, self.index) if both else step(batch)


def loss_in(found: Any) -> Any:
    """The loss that a step gives, as such or in a dict."""
    return found.get("loss") if isinstance(found, Mapping) else found
