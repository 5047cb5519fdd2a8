"""Source code of this package's components, cut out so that it stands on its own.

The script of a run carries the very functions that trained it: they are read from the modules, never
written a second time, so they cannot drift.
"""

import ast
import inspect
import re
import sys
from collections.abc import Iterator, Sequence
from functools import cache
from types import ModuleType

Import = tuple[str, str | None, str | None]
"""``from module import name as alias``; name ``None`` for ``import module``."""

UNFENCED = {
    r"\bbuffers_of\((\w+)\)": r"\1._buffers",
    r"\bchildren_of\((\w+)\)": r"\1._modules",
    r"\bapply_to_tensors\((\w+), (\w+)\)": r"\1._apply(\2)",
}
"""Calls of `sweeper.private_torch` -> what they stand for: scripts run with the torch they were made with."""


def definitions(module: ModuleType, name: str) -> str:
    """Source of the function or class `name` of `module`, after everything of that module that it uses."""
    text, found = _defined(module)
    wanted: dict[str, ast.stmt] = {}
    waiting = [name]
    while waiting:
        used = waiting.pop()
        if used in found and used not in wanted:
            wanted[used] = found[used]
            waiting += _used_by(module, used)
    lines = text.splitlines()
    blocks = [(node, _lines_of(node, lines)) for node in found.values() if node in wanted.values()]
    code = ""
    for (before, _), (node, block) in zip([(None, ""), *blocks], blocks, strict=False):
        both_short = isinstance(before, ast.Assign) and isinstance(node, ast.Assign)
        code += ("\n" if both_short else "\n\n\n" if before else "") + block
    for call, plain in UNFENCED.items():
        code = re.sub(call, plain, code)
    return re.sub(r" *# type: ignore\[.*\]", "", code)


def each_once(blocks: Sequence[str]) -> list[str]:
    """Definitions, of which several may need the same ones, each at its first place."""
    found: dict[str, None] = {}
    for block in blocks:
        for one in block.split("\n\n\n"):
            found.setdefault(one)
    return list(found)


def renamed(code: str, old: str, new: str) -> str:
    """`code` with its function `old` called `new`: its role in the script, not its name in a catalogue."""
    return re.sub(rf"^def {old}\(", f"def {new}(", code, flags=re.MULTILINE)


def import_block(code: str, modules: Sequence[ModuleType], own: str) -> str:
    """The import statements that `code` needs, sorted: those of `own` (statements) and of `modules`."""
    given = [*(_imported(module) for module in reversed(modules)), _imports(own)]
    known = {bound: found for each in given for bound, found in each}
    used = {name for node in ast.parse(code).body for name in _used_outside(node)}
    return "\n".join(_statements([found for name, found in known.items() if name in used]))


@cache
def _defined(module: ModuleType) -> tuple[str, dict[str, ast.stmt]]:
    """Source of a module, and name -> statement of what it defines."""
    text = inspect.getsource(module)
    return text, {bound: node for node in ast.parse(text).body for bound in _bound(node)}


@cache
def _used_by(module: ModuleType, name: str) -> frozenset[str]:
    return frozenset(_used_outside(_defined(module)[1][name]))


@cache
def _imported(module: ModuleType) -> tuple[tuple[str, Import], ...]:
    return tuple(_imports(inspect.getsource(module)))


def _used_outside(node: ast.stmt) -> set[str]:
    """Names of a definition that are neither its arguments nor its own variables."""
    loaded: set[str] = set()
    own: set[str] = set()
    for part in ast.walk(node):
        if isinstance(part, ast.Name):
            (loaded if isinstance(part.ctx, ast.Load) else own).add(part.id)
        elif isinstance(part, ast.arg):
            own.add(part.arg)
    return loaded - own


def _bound(node: ast.stmt) -> list[str]:
    """Names that a statement at module level defines; imports aside."""
    if isinstance(node, ast.FunctionDef | ast.ClassDef):
        return [node.name]
    if isinstance(node, ast.Assign):
        return [target.id for target in node.targets if isinstance(target, ast.Name)]
    return []


def _lines_of(node: ast.stmt, lines: Sequence[str]) -> str:
    decorators = getattr(node, "decorator_list", [])
    first = min([node.lineno, *(decorator.lineno for decorator in decorators)])
    return "\n".join(lines[first - 1 : node.end_lineno])


def _imports(text: str) -> Iterator[tuple[str, Import]]:
    """Bound name and import, for every import at module level from outside this package."""
    for node in ast.parse(text).body:
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield alias.asname or alias.name.split(".")[0], (alias.name, None, alias.asname)
        elif isinstance(node, ast.ImportFrom) and not str(node.module).startswith("sweeper"):
            for alias in node.names:
                yield alias.asname or alias.name, (str(node.module), alias.name, alias.asname)


def _statements(found: Sequence[Import]) -> Iterator[str]:
    """Import lines: the standard library first, a blank line, the others."""
    standard = [one for one in found if one[0].split(".")[0] in sys.stdlib_module_names]
    others = [one for one in found if one not in standard]
    for group in (standard, others):
        if group is others and standard and others:
            yield ""
        whole = sorted(one for one in group if one[1] is None)
        yield from (f"import {module}" + _as(alias) for module, _, alias in whole)
        for module in sorted({one[0] for one in group if one[1] is not None}):
            names = sorted(
                str(name) + _as(alias) for source, name, alias in group if source == module and name
            )
            yield f"from {module} import {', '.join(names)}"


def _as(alias: str | None) -> str:
    return f" as {alias}" if alias else ""
