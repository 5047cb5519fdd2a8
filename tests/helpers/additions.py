"""One of each thing that can be added, as `docs/architecture.md` says, into a copy of the package."""

import ast
import shutil
from collections.abc import Callable
from pathlib import Path
from textwrap import dedent
from typing import Any

ADDED = Path(__file__).with_name("added")
Add = Callable[[Path], None]
"""Edits files below the root of a copy of the package."""


def entry(file: str, registry: str, line: str, code: str = "") -> Add:
    """Put `code` before the literal dictionary or tuple `registry` of a file, and `line` at its end."""

    def add(root: Path) -> None:
        path = root / file
        text = path.read_text(encoding="utf-8")
        (node,) = [n for n in ast.parse(text).body if _names(n, registry)]
        value = node.value  # type: ignore[attr-defined]
        ends: Any = value.generators[0].iter if isinstance(value, ast.DictComp) else value
        lines = text.splitlines()
        end, column = ends.end_lineno - 1, ends.end_col_offset - 1
        last = lines[end]
        before = last[:column].rstrip()
        comma = "" if not before or before.endswith((",", "{", "(")) else ","
        lines[end] = f"{before}{comma} {line}, {last[column:]}"
        lines[node.lineno - 1 : node.lineno - 1] = dedent(code).strip().splitlines()
        path.write_text("\n".join(lines) + "\n", encoding="utf-8")

    return add


def _names(node: ast.stmt, registry: str) -> bool:
    target = node.target if isinstance(node, ast.AnnAssign) else None
    return isinstance(target, ast.Name) and target.id == registry


def new_file(file: str) -> Add:
    """A file that was not there: the one of its name in ``added/``."""

    def add(root: Path) -> None:
        assert not (root / file).exists()
        shutil.copy(ADDED / Path(file).name, root / file)

    return add


def imported(file: str, line: str) -> Add:
    """An import, after the docstring of a file."""

    def add(root: Path) -> None:
        path = root / file
        text = path.read_text(encoding="utf-8")
        lines = text.splitlines()
        lines.insert(ast.parse(text).body[0].end_lineno or 0, line)
        path.write_text("\n".join(lines) + "\n", encoding="utf-8")

    return add


def appended(file: str, code: str, before: str = "") -> Add:
    """`code` at the end of a file, or before the line that starts with `before`."""

    def add(root: Path) -> None:
        path = root / file
        text = path.read_text(encoding="utf-8")
        place = text.index(f"\n{before}") + 1 if before else len(text)
        path.write_text(text[:place] + dedent(code) + "\n\n" + text[place:], encoding="utf-8")

    return add


ADDITIONS: dict[str, tuple[Add, ...]] = {
    "activation": (
        entry(
            "components/activations.py",
            "ACTIVATIONS",
            'Activation("sharp_softplus", "nn.Softplus(beta=3)")',
        ),
    ),
    "learned activation": (
        entry(
            "components/activations.py",
            "OWN",
            '"ScaledTanh": ScaledTanh',
            '''
            class ScaledTanh(nn.Module):
                """a·tanh(b·x) with learned a and b."""

                def __init__(self) -> None:
                    super().__init__()
                    self.scales = nn.Parameter(torch.tensor([[1.0, 0.5]]))

                def forward(self, x: Tensor) -> Tensor:
                    """Of the shape of x."""
                    return self.scales[0, 0] * torch.tanh(self.scales[0, 1] * x)


            ''',
        ),
        entry(
            "components/activations.py", "ACTIVATIONS", 'Activation("scaled_tanh", "ScaledTanh()", "xavier")'
        ),
    ),
    "optimizer": (
        new_file("components/optimizers/sign_descent.py"),
        imported(
            "components/optimizers/__init__.py",
            "from sweeper.components.optimizers.sign_descent import SIGN_DESCENT",
        ),
        entry("components/optimizers/__init__.py", "OPTIMIZERS", '"sign_descent": SIGN_DESCENT'),
    ),
    "schedule": (
        entry(
            "components/schedules.py",
            "SCHEDULES",
            '"linear_decay": linear_decay',
            '''
            def linear_decay(step: int, steps: int) -> float:
                """1 − step / steps"""
                return 1 - step / steps


            ''',
        ),
    ),
    "loss": (
        entry(
            "components/losses.py",
            "LOSSES",
            'Loss("log_cosh", cosh_loss, "regression")',
            '''
            def cosh_loss(output: Tensor, target: Tensor) -> Tensor:
                """log cosh(output − target), mean over elements."""
                difference = output.view_as(target) - target
                return (F.softplus(-2 * difference) + difference - math.log(2)).mean()


            ''',
        ),
        imported("components/losses.py", "import math"),
    ),
    "metric": (
        entry(
            "components/metrics.py",
            "METRICS",
            'Metric("within_one", "regression", within_one, 1.0, 0.0)',
            '''
            def within_one(output: Tensor, target: Tensor) -> Tensor:
                """Share of elements that are off by less than 1."""
                return ((output.view_as(target) - target).abs() < 1).double().mean()


            ''',
        ),
        entry(
            "components/metrics.py",
            "METRICS",
            'Metric("log_precision", "regression", log_precision, math.inf, -math.inf, on_request=True)',
            '''
            def log_precision(output: Tensor, target: Tensor) -> Tensor:
                """−log of the mean square difference"""
                return -(output.view_as(target) - target).double().square().mean().log()


            ''',
        ),
    ),
    "penalty": (
        entry(
            "components/penalties.py",
            "PENALTIES",
            '"huber": huber',
            '''
            def huber(activation: Tensor) -> Tensor:
                """mean of sqrt(1 + a²) − 1 over all elements"""
                return ((1 + activation.square()).sqrt() - 1).mean()


            ''',
        ),
    ),
    "initializer": (
        entry(
            "components/initializers.py",
            "INITIALIZERS",
            '"tenth": tenth',
            '''
            def tenth(module: nn.Module, activation: str | None = None) -> None:
                """Uniform on ±0.1"""
                for layer in module.modules():
                    if isinstance(layer, nn.Linear):
                        nn.init.uniform_(layer.weight, -0.1, 0.1)
                        nn.init.zeros_(layer.bias)


            ''',
        ),
    ),
    "model": (
        entry(
            "components/models.py",
            "MODELS",
            '"two_layers": shallow',
            '''
            def shallow(
                in_features: int, out_features: int, activation: Callable[[], nn.Module], width: int = 5
            ) -> nn.Module:
                """One hidden layer."""
                return nn.Sequential(
                    nn.Linear(in_features, width), activation(), nn.Linear(width, out_features)
                )


            ''',
        ),
    ),
    "data source": (
        entry(
            "data/sources.py",
            "DATASETS",
            '"parabola": squares',
            '''
            def squares(rows: int = 60) -> tuple[np.ndarray, np.ndarray]:
                """y = Σ x² of three uniform columns."""
                inputs = np.random.default_rng(0).uniform(-1, 1, size=(rows, 3))
                return inputs, np.square(inputs).sum(axis=1)


            ''',
        ),
    ),
    "measure": (
        new_file("measures/moved.py"),
        imported("measures/__init__.py", "from sweeper.measures.moved import moved"),
        entry("measures/__init__.py", "MEASURES", '"moved": moved'),
        entry("report/columns.py", "MEANINGS", '"moved": "share of weights that moved"'),
    ),
    "question": (
        new_file("questions/fastest.py"),
        imported("questions/__init__.py", "from sweeper.questions import fastest"),
        entry("questions/__init__.py", "QUESTIONS", "fastest.QUESTION"),
        entry("report/columns.py", "MEANINGS", '"median_seconds": "median over trainings"'),
    ),
    "pool": (
        new_file("training/pool/single.py"),
        imported("training/pool/registry.py", "from sweeper.training.pool.single import single_pool"),
        entry(
            "training/pool/registry.py",
            "POOLS",
            '"single": Scheme("single:N", r"single:(\\d+)", single_pool)',
        ),
    ),
    "export tool": (
        new_file("commands/export/losses.py"),
        imported("commands/export/tools.py", "from sweeper.commands.export.losses import LOSSES"),
        entry("commands/export/tools.py", "TOOLS", '"losses": LOSSES'),
    ),
    "command": (
        new_file("commands/greet.py"),
        imported("cli.py", "from sweeper.commands.greet import greet"),
        appended("cli.py", '    "greet": greet,', before='    "doctor": doctor,'),
    ),
}
"""What is added, as the table of `docs/architecture.md` names it -> the edits."""
