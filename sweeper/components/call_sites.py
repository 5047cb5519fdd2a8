"""Activations that a model calls as functions (``F.relu(x)``): where, and modules in their places.

A call site is the way from the call of a module to the call of the function: file, lines and columns of every
call in between, so that it is the same in each forward pass and in each process. A script outlives edits of
the file: it has functions, and the names of what they call, in place of lines. Nothing here needs the rest of
this package: scripts get a copy.
"""

import inspect
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, field
from dis import get_instructions, opmap
from functools import lru_cache, partial, update_wrapper
from itertools import islice
from pathlib import Path
from types import CodeType, FrameType
from typing import Any

from torch import Tensor, nn
from torch.nn import functional as F
from torch.overrides import TorchFunctionMode, handle_torch_function

from sweeper.private_torch import children_of

Place = tuple[str, str, str, int, int]
"""One call wherever its lines move: file, qualified name of the function that makes it, name of what it
calls, which of the calls of that name in the function it is, from 0, and how many there are."""
Position = tuple[str, int, int, int, int, Place]
"""One call: file, first line, first column, last line, last column, place."""
CallPath = tuple[Any, ...]
"""Name of the module that is called, then the positions (in scripts: places) that lead to the function, the
innermost first, each with the name of the module whose method it is in."""

MODULE_FILE = sys.modules[nn.Module.__module__].__file__
FILES_OF_TORCH = {F.relu.__code__.co_filename, handle_torch_function.__code__.co_filename}
"""Functions that the user calls are called through these."""


CALLS = ("CALL", "PRECALL")
"""Operations that call. Python 3.11 has two for each call, and once it has run a few times the first of them
calls functions written in C."""


@lru_cache(maxsize=4096)
def position_in(code: CodeType, instruction: int) -> Position:
    """Of the call that an instruction makes."""
    line, end, column, last = next(islice(code.co_positions(), instruction // 2, None))
    place = place_in(code, instruction)
    return place[0], line or 0, column or 0, end or 0, last or 0, place


@lru_cache(maxsize=4096)
def place_in(code: CodeType, instruction: int) -> Place:
    """Of the call that an instruction makes."""
    calls = calls_in(code)
    at = max((offset for offset in calls if offset <= instruction), default=0)
    return Path(code.co_filename).name, code.co_qualname, *calls.get(at, ("", 0, 0))


@lru_cache(maxsize=1024)
def calls_in(code: CodeType) -> dict[int, tuple[str, int, int]]:
    """Of each instruction of a function: name of what it calls, which of these calls it is, of how many.

    What calls nothing by a name, an operator say, has the name of its operation.
    """
    named: dict[int, tuple[str, Any]] = {}
    loaded: dict[Any, str] = {}  # where an expression begins -> the name that was loaded there last
    for step in get_instructions(code):
        line, _, column, _ = span = step.positions or (None,) * 4
        is_call = step.opname.startswith(CALLS)
        named[step.offset] = loaded.get((line, column), "") if is_call else step.opname, span
        if not is_call and isinstance(step.argval, str):
            loaded[line, column] = step.argval
    spans: dict[str, list[Any]] = {}
    for name, span in dict.fromkeys(named.values()):  # code of `finally` is there twice
        spans.setdefault(name, []).append(span)
    return {at: (name, spans[name].index(span), len(spans[name])) for at, (name, span) in named.items()}


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


def path_of(
    frame: FrameType | None,
    names: Mapping[nn.Module, str],
    where: Callable[[CodeType, int], Any] = position_in,
) -> CallPath:
    """The call site of what is called in `frame`; `names` of the model's modules."""
    steps: list[tuple[Any, str]] = []
    while (frame := caller(frame)) is not None:
        code = frame.f_code
        is_call = code.co_filename == MODULE_FILE  # of a module: ``module(x)`` and what that goes through
        first = frame.f_locals.get("self" if is_call else (*code.co_varnames, "")[0])
        name = names.get(first) if isinstance(first, nn.Module) else None
        if is_call and name is not None:
            return name, *steps
        if not is_call:
            steps.append((where(code, frame.f_lasti), name or ""))
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


class WritesBack(nn.Module):
    """An activation that also writes what it puts out into its input, as ``nn.ReLU(inplace=True)`` does."""

    def __init__(self, activation: nn.Module) -> None:
        super().__init__()
        self.activation = activation

    def forward(self, x: Tensor) -> Tensor:
        """φ(x), which is x from then on."""
        return x.copy_(self.activation(x.clone()))


class CalledModules(TorchFunctionMode):
    """While it is at work, modules are called where the model calls activation functions."""

    def __init__(
        self,
        modules: Mapping[CallPath, nn.Module],
        names: Mapping[nn.Module, str],
        where: Callable[[CodeType, int], Any] = position_in,
    ) -> None:
        super().__init__()
        self.modules, self.names, self.where = modules, names, where
        self.positions = {path[1][0] for path in modules}
        self.written: frozenset[CallPath] = frozenset()
        """Call sites that write into their input, of which others see it."""
        self.waiting = {*modules}
        """Call sites that were never reached."""
        self.met = set[Any]()
        """Where the model calls functions of torch."""
        self.kept: set[CallPath | None] = {None}
        """Call sites that share a position with such a path, and keep their function."""
        self.sealed = frozenset[str]()
        """Names of functions that may be called nowhere else from now on, see `seal`."""
        self.at_work = False

    def seal(self, functions: Sequence[str]) -> None:
        """From now on, these are called where they have been called so far, and nowhere else.

        A call from a new place, after so many steps say, would keep the model's own function.
        """
        self.sealed = frozenset(functions)

    def _keep(self, func: Any, position: Position | Place | None, path: CallPath | None) -> None:
        """Note that a function is called as it is; once it is sealed, it may not be in a new place."""
        if not self.sealed:
            self.kept.add(path)
        elif getattr(func, "__name__", "") in self.sealed and not (
            position in self.met and path in self.kept
        ):
            where = "code that was made" if position is None else f"{position[0]}:{position[1]}"
            raise RuntimeError(
                f"{where} calls {func.__name__} by a way that was not there when activations were swapped: "
                "it would keep its own; call it so in every forward pass, or use a module such as nn.ReLU()"
            )

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        """The function of torch, or the module that stands for it."""
        frame, module, path = caller(inspect.currentframe()), None, None
        position = None if frame is None else self.where(frame.f_code, frame.f_lasti)
        if not self.sealed:
            self.met.add(position)
        if position in self.positions:
            path = path_of(frame, self.names, self.where)
            module = self.modules.get(path)
            self.waiting.discard(path)
        if module is None:
            self._keep(func, position, path)
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
    model: nn.Module,
    places: Sequence[tuple[CallPath, str, str, nn.Module]],
    written: Sequence[CallPath] = (),
    where: Callable[[CodeType, int], Any] = position_in,
) -> CalledModules:
    """Let `model` call modules where it calls functions; returns what does it.

    They become parts of the modules that call them, out of their sight while these are at work: some go
    through their parts.

    Args:
        model: changed in place.
        places: call site, name of the module that calls, name of the new part of it, the part.
        written: those of the call sites that write into their input.
        where: what the steps of the call sites are, `position_in` or `place_in`.
    """
    names = {module: name for name, module in model.named_modules()}
    mode = CalledModules({path: new for path, _, _, new in places}, names, where)
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


def changes_in(calls: CalledModules) -> str:
    """What has changed in the code of a model since its call sites were written down as places."""
    (_, ((file, function, name, _, of), owner), *_), *_ = sorted(calls.waiting)
    here = sorted({place[2:] for place in calls.met if place and place[:2] == (file, function)})
    now = max((total for other, _, total in here if other == name), default=0)
    others = ", ".join(dict.fromkeys(other for other, _, _ in here if other and other not in opmap))
    if now == of:
        what = (
            f"the call of {name} in {function} is not reached as before, in module {owner or 'the model'!r}"
        )
    else:
        what = f"{function} had {of} call{'s' * (of > 1)} of {name} and has {now or 'none'} now"
    return f"{file} has changed since the sweep: {what}; it calls {others or 'no function of torch'}"


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
