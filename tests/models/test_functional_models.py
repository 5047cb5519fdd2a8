"""Activations that models call as functions: swapped in a stack as alone, and in the script."""

from dataclasses import replace
from typing import Any

import functional_models
import pytest
import torch
from equivalence import by_reference, by_stack, distance, numbered, task_of
from functional_models import Attention, Blocks, Checkpointed, HardSwish, InPlace, Plain, Recomputed
from printed_curves import printed, recorded
from torch import nn

from sweeper.components.build import Built, build
from sweeper.errors import ModelError
from sweeper.training.setup import Task
from sweeper.trial import Outcome

pytestmark = pytest.mark.usefixtures("one_thread")
MODELS = [Plain, Blocks, Checkpointed, Attention, InPlace]
SPACE = {"activation_penalty": {"low": 0.01, "high": 1.0}}


def study_of(of: type[nn.Module], **space: Any) -> Task:
    """Six steps of a small training."""
    model = {"source": f"{functional_models.__name__}:{of.__name__}"}
    return task_of(model=model, space={**SPACE, **space}, steps=6, evaluations=3, batch_size=8)


def made(of: type[nn.Module], activation: str | None = "elu", **patterns: Any) -> Built:
    """The model with its hidden activations swapped."""
    row = torch.linspace(0, 1, 16)[None]
    return build(of, row=row, out_features=3, activation=activation, init=None, options={}, **patterns)


@pytest.mark.filterwarnings("ignore:There is a performance drop")
@pytest.mark.parametrize("of", MODELS)
def test_stacked_alone_and_script_are_equal(of: type[nn.Module]) -> None:
    """Curves, layers, parameters and buffers to 1e-9; the script to the last bit, with penalty and without.

    Activations of one trial differ from those of the next; one of them learns.
    """
    task = study_of(of, activation=["tanh", "prelu", "relu"])
    trials = [
        {"optimizer": "adam", "learning_rate": 0.01, "activation": "prelu"},
        {"optimizer": "momentum", "learning_rate": 0.01, "activation": "tanh", "activation_penalty": 0.1},
    ]
    runs = [replace(trial, seed=seed) for seed, trial in enumerate(numbered(trials))]
    alone = [by_reference(task, trial) for trial in runs]
    stacked = by_stack(task, runs, 2) if of is not Checkpointed else {}  # torch computes again one by one
    compiled = by_stack(task, runs, 2, compiled=True) if of in (Plain, InPlace) else {}
    for trial, one in zip(runs, alone, strict=True):
        assert one.result.outcome == Outcome.COMPLETED
        assert one.result.layers
        assert not stacked or distance(one, stacked[trial.number, trial.seed]) < 1e-9
        assert not compiled or distance(one, compiled[trial.number, trial.seed]) < 1e-9
        assert printed(task, trial) == recorded(one.result)


def test_modules_in_place_write_what_replaces_them_where_others_see_it() -> None:
    """ReLU for ReLU leaves the model's own numbers; tanh gives those of the model written out with it."""
    x = torch.linspace(-1, 1, 32).reshape(2, 16)
    for activation, function in (("relu", torch.relu), ("tanh", torch.tanh)):
        torch.manual_seed(0)
        built = made(InPlace, activation)
        own = InPlace(16, 3)
        own.load_state_dict(built.model.state_dict())
        with torch.no_grad():
            a = function(own.a(x))
            h = own.b(a) + a
            plain = function(own.b(h))
            expected = own.out(function(own.c(plain)) + h)
            torch.testing.assert_close(built.model(x), expected, rtol=0, atol=0)
        assert built.swapped is not None
        assert built.swapped.line() == "swapped: act, plain; kept: none"
        assert [type(built.model.get_submodule(name)).__name__ for name in ("act", "plain")] == [
            "WritesBack",
            type(built.hidden[0]).__name__,
        ]


def test_a_formula_around_a_formula_is_one_activation() -> None:
    """As a sigmoid made of ReLU6 in a swish: nothing of it stays."""
    parts = [nn.Linear(16, 8), HardSwish(), nn.Linear(8, 8), HardSwish(), nn.Linear(8, 3)]
    built = made(lambda in_features, out_features: nn.Sequential(*parts), "tanh")
    assert built.swapped is not None
    assert built.swapped.line() == "swapped: 1, 3; kept: none"


def test_a_model_that_keeps_its_own_functions_is_measured_and_penalised() -> None:
    """Its hidden functions are looked at as layers; nothing of what it computes changes."""
    task = study_of(Plain)
    plain, penalised = numbered(
        [
            {"optimizer": "adam", "learning_rate": 0.01},
            {"optimizer": "adam", "learning_rate": 0.01, "activation_penalty": 0.1},
        ]
    )
    alone, stacked = by_reference(task, penalised), by_stack(task, [penalised], 1)
    assert distance(alone, stacked[penalised.number, penalised.seed]) < 1e-9
    assert printed(task, penalised) == recorded(alone.result)
    assert {measure for _, _, measure, _ in alone.result.layers} >= {"gradient_norm", "dead"}
    torch.manual_seed(0)
    model = Plain(16, 3)
    torch.manual_seed(0)
    built = made(Plain, None)
    x = torch.rand(5, 16)
    assert built.hidden
    assert torch.equal(model(x), built.model(x))
    assert printed(task, plain) == recorded(by_reference(task, plain).result)


FILE = "functional_models.py"


def lines(text: str) -> list[int]:
    """Numbers of the lines of the models' file that have `text`."""
    with open(functional_models.__file__, encoding="utf-8") as code:
        return [number for number, line in enumerate(code, 1) if text in line]


def test_calls_are_listed_with_file_and_line() -> None:
    """Calls of one line are told apart; gates and outputs are kept."""
    swapped = made(Plain).swapped
    assert swapped is not None
    (two,), (silu,), (gate,) = lines("F.relu(self.b(F.relu("), lines("F.silu("), lines("torch.sigmoid(")
    (relu,), (out,) = lines("h.relu_()"), lines("torch.tanh(self.out(")
    first = f"{FILE}:{two} relu in the model"
    hidden = [
        first,
        f"{first} #2",
        f"{FILE}:{silu} silu",
        f"{FILE}:{relu} relu_",
        f"{FILE}:{out} tanh in the model",
    ]
    assert swapped.line() == (
        f"swapped: {', '.join(hidden)}; kept: {FILE}:{gate} sigmoid, {FILE}:{out} tanh in the model #2"
    )


def test_a_call_counts_once_in_each_module_that_makes_it() -> None:
    """In a loop it is one layer; a method's call is one for each place that calls the method."""
    built = made(Blocks)
    (loop,), (method,) = lines("torch.relu(layer(x))"), lines("F.leaky_relu(")
    found = [name for name, module in built.model.named_modules() if module in built.hidden]
    block = [f"relu_{loop}", f"leaky_relu_{method}", f"leaky_relu_{method}_2"]
    assert sorted(found) == sorted(
        [f"{k}.{name}" for k in (1, 2) for name in block] + ["relu_" + str(lines("if number == 0")[0])]
    )
    assert {type(module) for module in built.hidden} == {nn.ELU}


@pytest.mark.parametrize(
    ("patterns", "count"),
    [
        ({"left": [f"{FILE}:*leaky_relu*"]}, 3),
        ({"left": ["1"]}, 4),
        ({"left": ["2.*"]}, 4),
        ({"chosen": ["*torch*", "1.relu"]}, 0),
        ({"chosen": ["1.relu"]}, 1),
    ],
)
def test_patterns_fit_lines_and_modules(patterns: dict[str, Any], count: int) -> None:
    """`keep` and `swap` take ``file.py:31*``, ``file.py:31 relu`` and the module that calls."""
    if count == 0:
        with pytest.raises(ModelError, match="fits no activation layer"):
            made(Blocks, **patterns)
    else:
        assert len(made(Blocks, **patterns).hidden) == count


def test_a_call_that_a_checkpoint_makes_alone_is_refused() -> None:
    """The gradient would be that of the old function."""
    (line,) = lines("return self[1](F.elu(")
    with pytest.raises(ModelError, match=rf"its activation at {FILE}:{line} again in the backward pass"):
        made(Recomputed)
    assert len(made(Recomputed, left=[f"{FILE}:{line}*"]).hidden) == 6


COLD = """import torch
from torch import nn
from torch.nn import functional as F


class Cold(nn.Module):
    def __init__(self, in_features, out_features):
        super().__init__()
        self.branches = nn.ModuleList(nn.Linear(in_features, 5) for _ in range(3))
        self.out = nn.Linear(5, out_features)

    def forward(self, x):
        hs = [b(x) for b in self.branches]
        return self.out({expression})
"""
CALLED_IN_C = {
    "sum": "sum(F.relu(h) for h in hs)",
    "list": "torch.stack(list(F.relu(h) for h in hs)).sum(0)",
    "tuple": "torch.stack(tuple(torch.relu(h) for h in hs)).sum(0)",
    "map": "torch.stack(list(map(F.relu, hs))).sum(0)",
    "sorted": "sum(sorted((F.relu(h) for h in hs), key=lambda h: 0))",
    "list comprehension": "sum([F.relu(h) for h in hs])",
}


@pytest.mark.parametrize("how", CALLED_IN_C)
def test_functions_keep_their_replacement_however_often_the_model_has_run(how: str) -> None:
    """Python calls built-in functions by other operations once the code has run a few times."""
    space: dict[str, Any] = {"__name__": f"cold_{how.replace(' ', '_')}"}
    exec(compile(COLD.format(expression=CALLED_IN_C[how]), f"{space['__name__']}.py", "exec"), space)
    built = made(space["Cold"])
    x = torch.linspace(-1, 1, 64).view(4, 16)
    with torch.no_grad():
        wanted = built.model.out(sum(nn.functional.elu(b(x)) for b in built.model.branches))
        for _ in range(40):
            torch.testing.assert_close(built.model(x), wanted)


def test_a_function_in_the_place_of_others_is_not_swapped() -> None:
    """``sum(map(f, x))`` adds where it calls: what stands for one would stand for both."""
    space: dict[str, Any] = {"__name__": "mixed"}
    exec(compile(COLD.format(expression="sum(map(F.relu, hs))"), "mixed.py", "exec"), space)
    with pytest.raises(
        ModelError, match=r"in the same place as mixed\.py:14 relu.*write \[f\(h\) for h in x\]"
    ):
        made(space["Cold"])
    with pytest.raises(ModelError, match="in the same place as"):
        made(space["Cold"], chosen=["mixed.py:14*"])
    kept, x = made(space["Cold"], None), torch.linspace(-1, 1, 64).view(4, 16)
    wanted = kept.model.out(sum(torch.relu(b(x)) for b in kept.model.branches))
    torch.testing.assert_close(kept.model(x), wanted)
    assert kept.hidden == ()


class Late(nn.Module):
    """Later another line calls the same helper, or the function itself."""

    def __init__(self, in_features: int, out_features: int, direct: bool = False) -> None:
        super().__init__()
        self.a, self.out = nn.Linear(in_features, 5), nn.Linear(5, out_features)
        self.direct, self.late = direct, False

    def act(self, x: torch.Tensor) -> torch.Tensor:
        return nn.functional.relu(x)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        if not self.late:
            return self.out(self.act(self.a(x)))
        if self.direct:
            return self.out(nn.functional.relu(self.a(x)))
        return self.out(self.act(self.a(x) * 1.0))


@pytest.mark.parametrize("direct", [False, True])
def test_a_function_that_is_called_elsewhere_later_stops_the_training(direct: bool) -> None:
    """It would keep the model's own from there on; a model that keeps all of its own may."""
    row, x = torch.linspace(0, 1, 16)[None], torch.linspace(-1, 1, 64).view(4, 16)
    for activation in ("elu", None):
        made_so = {"row": row, "out_features": 3, "init": None, "options": {"direct": direct}}
        model = build(Late, activation=activation, **made_so).model
        function = nn.functional.elu if activation else nn.functional.relu
        torch.testing.assert_close(model(x), model.out(function(model.a(x))))
        model.late = True
        if activation:
            with pytest.raises(RuntimeError, match=r"calls relu by a way that was not there"):
                model(x)
        else:
            torch.testing.assert_close(model(x), model.out(torch.relu(model.a(x))))


class Sometimes(nn.Module):
    """A second head in training, at whose helper the same line calls the function."""

    def __init__(self, in_features: int, out_features: int) -> None:
        super().__init__()
        self.a, self.b, self.out = nn.Linear(in_features, 5), nn.Linear(5, 5), nn.Linear(5, out_features)

    def act(self, x: torch.Tensor) -> torch.Tensor:
        return nn.functional.relu(x)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        h = self.act(self.a(x))
        if self.training:
            h = h + 0 * self.act(self.b(h))
        return self.out(h)


def test_what_training_alone_calls_is_known_from_the_first_pass() -> None:
    """Passes in both modes come before: neither is stopped by what the other does not call."""
    model, x = made(Sometimes).model, torch.linspace(-1, 1, 64).view(4, 16)
    for training in (True, False, True):
        model.train(training)
        torch.testing.assert_close(model(x), model.out(nn.functional.elu(model.a(x))))
