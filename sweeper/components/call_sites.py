"""Activations that a model calls as functions (``F.relu(x)``): where, and modules in their places.

A call site is the way from the call of a module to the call of the function: file, lines and columns of every
call in between, so that it is the same in each forward pass and in each process. Nothing here needs the rest
of this package: scripts get a copy.
"""

import inspect
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, field
from functools import lru_cache, partial, update_wrapper
from itertools import islice
from pathlib import Path
from types import CodeType, FrameType
from typing import Any

from torch import Tensor, nn
from torch.nn import functional as F
from torch.overrides import TorchFunctionMode, handle_torch_function

from sweeper.private_torch import children_of

Position = tuple[str, int, int, int, int]
"""One call: file, first line, first column, last line, last column."""
CallPath = tuple[Any, ...]
"""Name of the module that is called, then the positions that lead to the function, the innermost first, each
with the name of the module whose method it is in."""

MODULE_FILE = sys.modules[nn.Module.__module__].__file__
FILES_OF_TORCH = {F.relu.__code__.co_filename, handle_torch_function.__code__.co_filename}
"""Functions that the user calls are called through these."""


@lru_cache(maxsize=4096)
def position_in(code: CodeType, instruction: int) -> Position:
    """Of the call that an instruction makes."""
    line, end, column, last = next(islice(code.co_positions(), instruction // 2, None))
    return Path(code.co_filename).name, line or 0, column or 0, end or 0, last or 0


def caller(frame: FrameType | None) -> FrameType | None:
    """The innermost frame that is the user's: no part of torch's functions, of a mode, or of what says so."""
    while frame is not None and (
        frame.f_code.co_filename in FILES_OF_TORCH
        or frame.f_code.co_filename == caller.__code__.co_filename
        or frame.f_code.co_name == "__torch_function__"
        or "IS_PASSED_THROUGH" in frame.f_globals
    ):
        frame = frame.f_back
    return frame


def path_of(frame: FrameType | None, names: Mapping[nn.Module, str]) -> CallPath:
    """The call site of what is called in `frame`; `names` of the model's modules."""
    steps: list[tuple[Position, str]] = []
    while (frame := caller(frame)) is not None:
        code = frame.f_code
        is_call = code.co_filename == MODULE_FILE  # of a module: ``module(x)`` and what that goes through
        first = frame.f_locals.get("self" if is_call else (*code.co_varnames, "")[0])
        name = names.get(first) if isinstance(first, nn.Module) else None
        if is_call and name is not None:
            return name, *steps
        if not is_call:
            steps.append((position_in(code, frame.f_lasti), name or ""))
        frame = frame.f_back
    return "", *steps


@dataclass(frozen=True)
class Site:
    """Where a model calls an activation function, and which; sites are equal where their paths are."""

    path: CallPath
    name: str = field(compare=False)
    """Of the function."""
    arguments: Sequence[Any] = field(compare=False)
    """Further ones."""
    options: Mapping[str, Any] = field(compare=False)

    @property
    def owner(self) -> str:
        """Name of the module whose method calls it."""
        called, *steps = self.path
        return next((name for _, name in steps if name), called)

    @property
    def files(self) -> tuple[str, ...]:
        """``net.py:31`` of every call that leads to it, the innermost first."""
        return tuple(dict.fromkeys(f"{file}:{line}" for (file, line, *_), _ in self.path[1:]))


class FunctionLayer(nn.Module):
    """A function as an activation layer, with the further arguments that the model gives it."""

    def __init__(self, function: Callable[..., Tensor], *args: Any, **kwargs: Any) -> None:
        super().__init__()
        self.function, self.args, self.kwargs = function, args, kwargs

    def forward(self, x: Tensor) -> Tensor:
        """φ(x)"""
        return self.function(x, *self.args, **self.kwargs)


class CalledModules(TorchFunctionMode):
    """While it is at work, modules are called where the model calls activation functions."""

    def __init__(self, modules: Mapping[CallPath, nn.Module], names: Mapping[nn.Module, str]) -> None:
        super().__init__()
        self.modules, self.names = modules, names
        self.positions = {path[1][0] for path in modules}
        self.written: frozenset[CallPath] = frozenset()
        """Call sites that write into their input, of which others see it."""
        self.waiting = {*modules}
        """Call sites that were never reached."""
        self.at_work = False

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        """The function of torch, or the module that stands for it."""
        frame, module, path = caller(inspect.currentframe()), None, None
        if frame is not None and position_in(frame.f_code, frame.f_lasti) in self.positions:
            path = path_of(frame, self.names)
            module = self.modules.get(path)
            self.waiting.discard(path)
        self.at_work = False  # torch closes the mode while it is here
        try:
            if module is None:
                return func(*args, **(kwargs or {}))
            x = args[0] if args else (kwargs or {})["input"]
            return x.copy_(module(x.clone())) if path in self.written else module(x)
        finally:
            self.at_work = True

    @contextmanager
    def opened(self) -> Iterator[None]:
        """At work while open."""
        with self:
            self.at_work = True
            try:
                yield
            finally:
                self.at_work = False


def call_modules(
    model: nn.Module, places: Sequence[tuple[CallPath, str, str, nn.Module]], written: Sequence[CallPath] = ()
) -> CalledModules:
    """Let `model` call modules where it calls functions; returns what does it.

    They become parts of the modules that call them, out of their sight while these are at work: some go
    through their parts.

    Args:
        model: changed in place.
        places: call site, name of the module that calls, name of the new part of it, the part.
        written: those of the call sites that write into their input.
    """
    names = {module: name for name, module in model.named_modules()}
    mode = CalledModules({path: new for path, _, _, new in places}, names)
    mode.written = frozenset(written)
    parts: dict[str, dict[str, nn.Module]] = {"": {}}
    for _, owner, name, new in places:
        parts.setdefault(owner, {})[name] = new
    for owner, new_parts in parts.items():
        module = model.get_submodule(owner)
        forward = module.forward  # which arguments it takes is asked of what stands in its place, too
        module.forward = update_wrapper(partial(_forward, mode, module, forward, tuple(new_parts)), forward)
        for name, new in new_parts.items():
            module.add_module(name, new)
    return mode


def _forward(
    mode: CalledModules,
    module: nn.Module,
    forward: Callable[..., Any],
    parts: Sequence[str],
    *args: Any,
    **kwargs: Any,
) -> Any:
    """`forward` of a module that has such parts. Also a checkpoint calls it, from outside of the model."""
    table = children_of(module)
    kept = {name: table.pop(name) for name in parts if name in table}
    try:
        with nullcontext() if mode.at_work else mode.opened():
            return forward(*args, **kwargs)
    finally:
        table.update(kept)
