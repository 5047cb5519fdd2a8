"""Only the files of `components/optimizers` name an optimizer in code; all others ask the entries."""

import ast
import re
from collections.abc import Iterable, Iterator
from pathlib import Path

import pytest
from import_graph import nodes_of

from sweeper.components.optimizers import OPTIMIZER_OPTIONS, OPTIMIZERS

PACKAGE = Path(__file__).resolve().parents[2] / "sweeper"
HOME = PACKAGE / "components" / "optimizers"
PLAIN = OPTIMIZERS.keys() - OPTIMIZER_OPTIONS.keys()
"""Names that mean nothing else; ``momentum`` and ``nesterov`` are options, too, and words."""
BOTH = OPTIMIZERS.keys() & OPTIMIZER_OPTIONS.keys()
WORDS = re.compile(rf"(?<![\w-])({'|'.join(PLAIN)})(?![\w-])", re.IGNORECASE)
CLASSES = {entry.expression.rpartition(".")[2] for entry in OPTIMIZERS.values()}


def named(source: str) -> list[str]:
    """Optimizers that code names: in strings that are no docstrings, and as attributes of ``torch.optim``."""
    nodes = nodes_of(source)
    quiet = {id(text) for text in documentation(nodes)}
    found = []
    for node in nodes:
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in quiet:
            found += WORDS.findall(node.value)
        elif isinstance(node, ast.Attribute) and node.attr in CLASSES and "optim" in ast.unparse(node.value):
            found.append(node.attr)
        elif isinstance(node, ast.Compare) and any("optimizer" in ast.unparse(part) for part in parts(node)):
            found += [text.value for text in strings(node) if text.value in BOTH and not key_of(node, text)]
        elif isinstance(node, ast.Tuple | ast.List | ast.Set):
            texts = {text.value for text in node.elts if isinstance(text, ast.Constant)}
            found += sorted(texts & BOTH) if len(texts & BOTH) > 1 else []
    return found


def documentation(nodes: Iterable[ast.AST]) -> Iterator[ast.Constant]:
    """Strings that are statements by themselves."""
    for node in nodes:
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
            yield node.value


def parts(node: ast.Compare) -> list[ast.expr]:
    """Both sides of a comparison."""
    return [node.left, *node.comparators]


def strings(node: ast.AST) -> list[ast.Constant]:
    """All strings in it."""
    return [n for n in ast.walk(node) if isinstance(n, ast.Constant) and isinstance(n.value, str)]


def key_of(node: ast.Compare, text: ast.Constant) -> bool:
    """Whether it is an option: a key, as in ``"momentum" in options``, or part of a call or an index."""
    if text is node.left and isinstance(node.ops[0], ast.In | ast.NotIn):
        return True
    inside = [n for n in ast.walk(node) if isinstance(n, ast.Call | ast.Subscript)]
    return any(text in ast.walk(n) for n in inside)


def test_nobody_else_names_an_optimizer() -> None:
    """Every module and template of the package, but for the optimizers' own."""
    files = [file for file in sorted(PACKAGE.rglob("*.py")) if HOME not in file.parents]
    found = {str(f.relative_to(PACKAGE)): named(f.read_text(encoding="utf-8")) for f in files}
    assert {file: names for file, names in found.items() if names} == {}
    templates = {f.name: WORDS.findall(f.read_text(encoding="utf-8")) for f in PACKAGE.rglob("*.j2")}
    assert {file: names for file, names in templates.items() if names} == {}


@pytest.mark.parametrize(
    ("code", "names"),
    [
        ('if name == "sgd": pass', ["sgd"]),
        ('x = f"as {y} under Adam"', ["Adam"]),
        ("torch.optim.AdamW(p)", ["AdamW"]),
        ('if settings.optimizer == "momentum": pass', ["momentum"]),
        ('if optimizer in ("nesterov", other): pass', ["nesterov"]),
        ('LINEAR = ("momentum", "nesterov")', ["momentum", "nesterov"]),
        ('"""Adam."""', []),
        ('options.get("momentum", 0.9)', []),
        ('if "momentum" in optimizer.options: pass', []),
        ('if optimizer.published.get("momentum") == 0: pass', []),
        ("torch.optim.LBFGS(p)", []),
        ('"lionise, madame and sgdm"', []),
    ],
)
def test_an_option_is_no_name(code: str, names: list[str]) -> None:
    """A name is seen in words, in comparisons and lists; an option of the same name is not one."""
    assert named(code) == names
