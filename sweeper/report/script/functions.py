"""Functions of the user: imported by the script, so they must have a module and a name."""

import ast
import inspect
import json
import keyword
import re
import sys
import sysconfig
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from sweeper.errors import UserError
from sweeper.printable import HIDDEN, escape
from sweeper.user_code.lookup import resolve


@dataclass(frozen=True)
class Imported:
    """A function of the user, and how the script gets it."""

    function: Callable[..., Any]
    statement: str
    """``from module import function as role``"""
    aliases: tuple[str, ...]
    """``role = Class.function``, where that is needed."""
    module: str
    folder: Path | None
    """Where the module lies; ``None`` if it is installed."""


def imported(source: str | Callable[..., Any], key: str, role: str, folder: Path | None) -> Imported:
    """The function that `key` of the study names, imported under the name `role`.

    Raises:
        UserError: if no other program can import it: a lambda, a function inside a function, in a notebook.
    """
    module, name = reachable(source, key)
    try:
        function = resolve(f"{module}:{name}", folder if isinstance(source, str) else None)
    except UserError as error:
        raise UserError(f"{key} = '{module}:{name}': {error}") from None
    if callable(source) and function is not source:
        raise UserError(f"{key} is not what {module}:{name} names; give it a name of its own in its module")
    head, _, rest = name.partition(".")
    statement = f"from {module} import {head}" + ("" if rest else f" as {role}")
    aliases = (f"{role} = {name}",) if rest else ()
    return Imported(function, statement, aliases, module, _folder(module))


def call(name: str, arguments: Mapping[str, Any], key: str) -> str:
    """``name(a=1, b=2)``"""
    written = {argument: literal(value, f"{key}.{argument}") for argument, value in arguments.items()}
    return f"{name}({', '.join(named(written))})"


def named(written: Mapping[str, str]) -> list[str]:
    """Arguments of a call, of which `written` holds the code: a name that is none in Python is quoted."""
    return [
        f"{name}={text}"
        if name.isidentifier() and not keyword.iskeyword(name)
        else f"**{{{quoted(name)}: {text}}}"
        for name, text in written.items()
    ]


def literal(value: Any, key: str) -> str:
    """`value` as Python code.

    Raises:
        UserError: if it is an object that no literal stands for.
    """
    plain = value.item() if isinstance(value, np.generic) else value
    if type(plain) is str:
        return quoted(plain)
    try:
        if ast.literal_eval(repr(plain)) == plain:
            return repr(plain)
    except (ValueError, SyntaxError):
        pass  # said below, with the key
    raise UserError(
        f"{key} = {value!r} cannot be written into a script; use numbers, strings or lists of them"
    )


def quoted(text: str | list[str]) -> str:
    """A string, or a list of them, as code, in double quotes; what cannot be seen is escaped."""
    return re.sub(HIDDEN, lambda found: escape(found[0]), json.dumps(text, ensure_ascii=False))


def reachable(source: str | Callable[..., Any], key: str) -> tuple[str, str]:
    """Module and name of the function; nothing is imported.

    Raises:
        UserError: if no other program can import it.
    """
    if isinstance(source, str):
        module, _, name = source.partition(":")
    else:
        module, name = str(getattr(source, "__module__", "")), str(getattr(source, "__qualname__", ""))
    reason = _unreachable(module, name)
    if reason:
        raise UserError(f"{key} {reason}; define it with `def` in a module of its own")
    return module, name


def _unreachable(module: str, name: str) -> str:
    """Why nobody else can import it, or an empty string."""
    if "<lambda>" in name:
        return "is a lambda, which has no name to import it by"
    if "<locals>" in name:
        return f"is {name.rpartition('.')[2]!r}, defined inside another function, where no import reaches it"
    if module == "__main__":
        return f"is {name!r}, defined in a notebook or in the script that was run, not in a module"
    if not module or not name:
        return "is an object without a name to import it by"
    if module.split(".")[0] == "sweeper":
        return f"is {module}:{name}, a part of sweeper, which the script must do without"
    return ""


def _folder(module: str) -> Path | None:
    """What must be on ``sys.path`` for the module; ``None`` if it is already for everybody."""
    top = sys.modules[module.split(".")[0]]
    places = [getattr(top, "__file__", None), *getattr(top, "__path__", [])]
    file = next((Path(place).resolve() for place in places if place), None)
    if file is None:  # built in
        return None
    folder = file.parent.parent if file.name == "__init__.py" else file.parent
    installed = folder.name in ("site-packages", "dist-packages")
    return None if installed or folder == Path(sysconfig.get_path("stdlib")).resolve() else folder


def asked(function: Callable[..., Any]) -> set[str]:
    """Names of the arguments that `function` takes; none where it is written in C and does not tell."""
    try:
        return set(inspect.signature(function).parameters)
    except (ValueError, TypeError):
        return set()
