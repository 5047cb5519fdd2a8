"""Private parts of torch: as expected in this version, and one sentence where they are not."""

import ast
import pickle
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
from equivalence import numbered, task_of
from import_graph import called, nodes_of
from torch import nn

from sweeper import private_torch
from sweeper.components.optimizers import OPTIMIZERS
from sweeper.private_torch import ChangedTorch
from sweeper.training import planning
from sweeper.training.reference import train

X = torch.arange(6.0).reshape(2, 3)


def close_doors() -> None:
    """They are checked when they are used next."""
    for function in vars(private_torch).values():
        if hasattr(function, "cache_clear"):
            function.cache_clear()


@pytest.fixture(autouse=True)
def _checked_anew() -> Iterator[None]:
    """Every test opens the doors itself."""
    close_doors()
    yield
    close_doors()


def test_modules_and_tensors() -> None:
    """Tables, one name too many included; versions; what a view is."""
    shared = nn.Linear(1, 1)
    model = nn.Sequential(shared, nn.BatchNorm1d(1), shared)
    assert list(private_torch.children_of(model)) == ["0", "1", "2"]
    assert set(private_torch.parameters_of(shared)) == {"weight", "bias"}
    assert set(private_torch.buffers_of(model[1])) == {"running_mean", "running_var", "num_batches_tracked"}
    assert private_torch.apply_to_tensors(model, lambda t: t + 1)[1].num_batches_tracked == 1
    tensor = torch.zeros(2)
    before = private_torch.version_of(tensor)
    assert private_torch.version_of(tensor.add_(1)) == before + 1
    assert not private_torch.is_zeros_without_memory(tensor)
    assert private_torch.negative_view(tensor).tolist() == [-1, -1]


def test_operations() -> None:
    """A mode sees them; their arguments have names; each knows the others of its name."""

    class Names(private_torch.SeesOperations):
        def __torch_dispatch__(self, operation, types, args=(), kwargs=None):  # type: ignore[no-untyped-def]
            seen.append(operation)
            return operation(*args, **(kwargs or {}))

    seen: list[object] = []
    with Names():
        X + 1
    (add,) = seen
    assert private_torch.schema_of(add).name == "aten::add"
    assert add in list(private_torch.overloads_of(add))
    assert torch.equal(private_torch.unchecked(add)(X, 1), X + 1)


@pytest.mark.parametrize("name", sorted(OPTIMIZERS))
def test_optimizers_step_as_their_classes_do(name: str) -> None:
    """To the last bit, groups and accumulated gradients included."""
    entry, weights = OPTIMIZERS[name], (torch.ones(3, 2), torch.arange(4.0).reshape(2, 2))
    ours, theirs = ([nn.Parameter(w.clone()) for w in weights] for _ in range(2))
    pair = entry.make(ours, lr=0.05), entry.optimizer_class(theirs, lr=0.05, **entry.defaults)
    for step in range(3):
        for optimizer, parameters in zip(pair, (ours, theirs), strict=True):
            optimizer.zero_grad()
            for parameter in parameters:
                (parameter.sin().sum() * (step + 1)).backward()
            optimizer.step()
    for own, other in zip(ours, theirs, strict=True):
        assert torch.equal(own, other)


def test_inside_of_vmap() -> None:
    """A tensor tells whether it stands for one of many."""
    found = []

    def look(row: torch.Tensor) -> torch.Tensor:
        found.append(
            (private_torch.is_wrapped(row), private_torch.is_one_row(row), private_torch.inner(row).shape)
        )
        return row

    torch.vmap(look)(X)
    assert found == [(True, True, (2, 3))]
    assert not private_torch.is_wrapped(X)


def test_checks_leave_no_trace() -> None:
    """No random number is drawn, and no open mode sees them: a trial's numbers do not depend on them."""

    class Sees(private_torch.SeesOperations):
        def __torch_dispatch__(self, operation, types, args=(), kwargs=None):  # type: ignore[no-untyped-def]
            seen.append(operation)
            return operation(*args, **(kwargs or {}))

    seen: list[object] = []
    enabled = private_torch.mkldnn_switch()[0]
    state, before = torch.get_rng_state(), enabled()
    with Sees():
        for check in ("_module_tables", "_versions", "_zero_tensors", "_negation", "_schemas", "_overloads"):
            getattr(private_torch, check)()
        private_torch.is_wrapped(X)
        private_torch.mkldnn_switch.cache_clear()
        private_torch.mkldnn_switch()
    assert seen == []
    assert torch.equal(torch.get_rng_state(), state)
    assert enabled() == before


def test_a_changed_torch_is_one_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    """It names both versions, whether the part is missing or works otherwise."""
    told = (
        f"torch {torch.__version__} has no tensors inside of vmap as torch {private_torch.TESTED} has, "
        "with which sweeper is tested"
    )
    monkeypatch.setattr(torch._C._functorch, "is_batchedtensor", lambda tensor: True)
    for _ in range(2):
        with pytest.raises(ChangedTorch) as caught:
            private_torch.is_wrapped(X)
        assert str(caught.value) == str(pickle.loads(pickle.dumps(caught.value))) == told
        monkeypatch.delattr(torch._C._functorch, "is_batchedtensor", raising=False)


def test_stacks_are_left_out_where_torch_has_changed(monkeypatch: pytest.MonkeyPatch) -> None:
    """What only they need is the plan's reason; the reference engine trains as ever."""
    task = task_of(steps=3)
    expected = train(task, numbered([{}])[0])
    monkeypatch.delattr(torch._C._functorch, "is_batchedtensor")
    close_doors()
    refused = planning.refusals(task)
    assert refused
    for reason in refused.values():
        assert reason.startswith(f"torch {torch.__version__} has no ")
        assert reason.endswith(f"as torch {private_torch.TESTED} has, with which sweeper is tested")
    again = train(task, numbered([{}])[0])
    assert (again.outcome, again.objective, again.curves) == (
        expected.outcome,
        expected.objective,
        expected.curves,
    )


def test_the_version_is_that_of_the_constraints() -> None:
    """What is said to be tested is tested."""
    lines = (Path(__file__).parents[1] / "constraints.txt").read_text("utf-8").splitlines()
    (torch_line,) = (line for line in lines if line.startswith("torch=="))
    assert torch_line.removeprefix("torch==").startswith(private_torch.TESTED + ".")


PACKAGE = Path(private_torch.__file__).parent
PRIVATE = ("torch.fx.experimental",)


def private_uses(source: str) -> list[str]:
    """Members with an underscore of what is not this module's own, by name, import or text."""
    nodes = nodes_of(source)
    own = {node.name for node in nodes if isinstance(node, ast.FunctionDef | ast.ClassDef)}
    own |= {
        n.attr
        for n in nodes
        if isinstance(n, ast.Attribute) and isinstance(n.value, ast.Name) and n.value.id in ("self", "cls")
    }
    own |= {n.target.id for n in nodes if isinstance(n, ast.AnnAssign) and isinstance(n.target, ast.Name)}
    found = []
    for node in nodes:
        if isinstance(node, ast.Attribute) and is_private(node.attr):
            base = ast.unparse(node.value)
            if base not in ("self", "cls", "os") and node.attr not in own:
                found.append(ast.unparse(node))
        elif isinstance(node, ast.Import | ast.ImportFrom):
            origin = getattr(node, "module", None) or ""
            names = [f"{origin}.{alias.name}".strip(".") for alias in node.names]
            found += [n for n in names if any(map(is_private, n.split("."))) or n.startswith(PRIVATE)]
        elif isinstance(node, ast.Call) and called(node) in (
            "getattr",
            "setattr",
            "hasattr",
            "import_module",
        ):
            texts = [a.value for a in node.args if isinstance(a, ast.Constant) and isinstance(a.value, str)]
            found += [
                text for text in texts if any(map(is_private, text.split("."))) or text.startswith(PRIVATE)
            ]
    return found


def is_private(name: str) -> bool:
    """``_name``, not ``__name__``, nor ``_fields``, by which Python documents named tuples."""
    return name != "_fields" and name.startswith("_") and not name.startswith("__") and name != "_"


POOL = PACKAGE / "training" / "pool"
DOORS = {Path(private_torch.__file__), POOL / "descendants.py", POOL / "private_ray.py"}


def test_nobody_else_opens_a_private_door() -> None:
    """No other module touches a private member of torch, optuna, joblib, pandas or anybody else."""
    found = {
        str(file.relative_to(PACKAGE)): uses
        for file in sorted(PACKAGE.rglob("*.py"))
        if file not in DOORS and (uses := private_uses(file.read_text("utf-8")))
    }
    assert found == {}


@pytest.mark.parametrize(
    "source",
    [
        "import torch._dynamo",
        "from torch._C import _functorch",
        "from torch.fx.experimental.proxy_tensor import make_fx",
        "study._storage",
        "tensor._is_zerotensor()",
        "getattr(tensor, '_version')",
        "import_module('torch._dynamo')",
        "from pandas.core._x import y",
    ],
)
def test_a_private_door_is_seen(source: str) -> None:
    """Whichever way it is opened."""
    assert len(private_uses(source)) == 1


@pytest.mark.parametrize(
    "source",
    [
        "self._x",
        "os._exit(1)",
        "import __future__",
        "x.__dict__",
        "class A:\n    def _f(self): ...\n\nA()._f()",
    ],
)
def test_own_members_pass(source: str) -> None:
    """The module's own, and those that Python documents."""
    assert private_uses(source) == []
