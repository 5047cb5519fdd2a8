"""What modules of the package import, read off their code."""

import ast
from collections.abc import Iterator
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PACKAGE = ROOT / "sweeper"
MODULES = sorted(PACKAGE.rglob("*.py"))


def name_of(file: Path) -> str:
    """Dotted name of a module of the package."""
    parts = file.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


@cache
def is_module(name: str) -> bool:
    """A module or package of sweeper has this dotted name."""
    path = ROOT.joinpath(*name.split("."))
    return path.with_suffix(".py").is_file() or (path / "__init__.py").is_file()


def imports(name: str, source: str, *, at_top: bool = False) -> Iterator[str]:
    """Dotted names that a module imports, also inside functions, under TYPE_CHECKING or by `import_module`.

    Args:
        name: dotted name of the module, which relative imports start from.
        source: its code.
        at_top: only what is imported when the module itself is.
    """
    package = name if (ROOT.joinpath(*name.split(".")) / "__init__.py").is_file() else name.rpartition(".")[0]
    for node in at_import_time(parsed(source)) if at_top else nodes_of(source):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = package.split(".")[: len(package.split(".")) - node.level + 1] if node.level else []
            origin = ".".join([*base, *([node.module] if node.module else [])])
            deeper = [f"{origin}.{alias.name}" for alias in node.names]
            yield from (module if is_module(module) else origin for module in deeper)
        elif isinstance(node, ast.Call) and called(node) in {"import_module", "__import__"}:
            yield from (str(word.value) for word in node.args[:1] if isinstance(word, ast.Constant))


parsed = cache(ast.parse)
"""The code of a module as a tree, read once."""


@cache
def nodes_of(source: str) -> tuple[ast.AST, ...]:
    """All nodes of that tree, in the order of `ast.walk`, walked once."""
    return tuple(ast.walk(parsed(source)))


def at_import_time(tree: ast.AST) -> Iterator[ast.AST]:
    """Nodes that run when the module is imported: not function bodies, not what only type checkers read."""
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
            continue
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test):
            yield from (below for child in node.orelse for below in (child, *at_import_time(child)))
            continue
        yield node
        yield from at_import_time(node)


def called(node: ast.Call) -> str:
    """The last word of what is called."""
    if isinstance(node.func, ast.Name):
        return node.func.id
    if isinstance(node.func, ast.Attribute):
        return node.func.attr
    return ast.unparse(node.func).rpartition(".")[2]
