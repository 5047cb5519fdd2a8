"""Models that are made already: copied, and drawn anew for every seed."""

from dataclasses import replace

import pytest
import torch
from equivalence import by_reference, by_stack, distance, numbered, task_of
from torch import Tensor, nn

from sweeper.components.instance import Anew, why_not_reset
from sweeper.errors import StudyError, UserError
from sweeper.report.script import script
from sweeper.study.study import Study
from sweeper.user_code.calls import source_of


class Gain(nn.Module):
    """Parameters of its own, and nothing that resets them."""

    def __init__(self, values: Tensor, *, trained: bool = True) -> None:
        super().__init__()
        self.gain = nn.Parameter(values, requires_grad=trained)

    def forward(self, x: Tensor) -> Tensor:
        """x · gain"""
        return x * self.gain


def net(*parts: nn.Module) -> nn.Module:
    """13 inputs, 3 outputs."""
    return nn.Sequential(nn.Linear(13, 8), nn.ReLU(), *parts, nn.Linear(8, 3))


def encoder() -> nn.Module:
    """Torch's own layers."""
    layer = nn.TransformerEncoderLayer(8, 2, 8, 0.0, activation="gelu", batch_first=True)
    return net(
        nn.Unflatten(1, (1, 8)), nn.TransformerEncoder(layer, 2, enable_nested_tensor=False), nn.Flatten()
    )


@pytest.mark.parametrize("make", [net, lambda: net(nn.BatchNorm1d(8), nn.PReLU()), encoder])
def test_weights_are_those_of_a_model_made_with_the_seed(make: type[nn.Module]) -> None:
    """A copy is reset as the constructor draws; the instance stays as it is."""
    model = make().eval()
    before = {name: value.clone() for name, value in model.state_dict().items()}
    assert why_not_reset(model) == ""
    torch.manual_seed(5)
    made = Anew(model)().state_dict()
    torch.manual_seed(5)
    expected = make().state_dict()
    if make is encoder:  # its layers are copies of one: drawn anew they differ
        assert made.keys() == expected.keys()
        assert not torch.equal(made["3.layers.0.linear1.weight"], made["3.layers.1.linear1.weight"])
        assert float(made["3.layers.0.self_attn.in_proj_weight"].std()) == pytest.approx(0.25, rel=0.3)
    else:
        assert all(torch.equal(made[name], expected[name]) for name in made)
    assert all(torch.equal(before[name], value) for name, value in model.state_dict().items())


@pytest.mark.filterwarnings("ignore:There is a performance drop")
@pytest.mark.parametrize("make", [net, encoder])
def test_an_instance_trains_alone_and_stacked(make: type[nn.Module]) -> None:
    """Equal to 1e-9, another seed from other weights; there is no script, and the reason is said."""
    task = task_of(model=make(), space={"activation": ["tanh", "prelu"]}, steps=6, evaluations=3)
    each = {"optimizer": "adam", "learning_rate": 0.01}
    trials = numbered([{**each, "activation": name} for name in ("tanh", "prelu")])
    trials[1] = replace(trials[1], seed=1)
    stacked = by_stack(task, trials, 2)
    starts = set()
    for trial in trials:
        alone = by_reference(task, trial)
        assert distance(alone, stacked[trial.number, trial.seed]) < 1e-9
        starts.add(alone.result.curves[0])
    assert len(starts) == 2
    with pytest.raises(UserError, match="a module that was made already, which no script can make again"):
        script(task.study, trials[0].parameters, 0, data=task.data)


def test_marks_on_parameters_and_ties_are_copied() -> None:
    """What code sets on parameters stays on them; one parameter in two places stays one."""
    model = net(nn.Linear(8, 8), nn.Linear(8, 8))
    model[3].weight = model[2].weight
    model[0].weight._optim = {"weight_decay": 0.0}
    made = Anew(model)()
    assert made[3].weight is made[2].weight
    assert made[0].weight._optim == {"weight_decay": 0.0}


@pytest.mark.parametrize(
    ("part", "message"),
    [
        (Gain(torch.ones(8)), ""),
        (Gain(torch.rand(8), trained=False), ""),
        (nn.LazyBatchNorm1d(), "cannot be copied: a lazy layer has no weights before its first"),
        (Gain(torch.rand(8)), "2.gain belongs to no module with reset_parameters()"),
        (nn.utils.parametrizations.weight_norm(nn.Linear(8, 8)), "2.parametrizations.weight.original0"),
        (
            type("Asks", (Gain,), {"reset_parameters": lambda self, std: None})(torch.ones(8)),
            "of 2 raises TypeError",
        ),
        (
            type("Kept", (Gain,), {"__deepcopy__": lambda self, memo: 1 / 0})(torch.ones(8)),
            "cannot be copied",
        ),
    ],
)
def test_what_cannot_be_drawn_anew_is_named(part: nn.Module, message: str) -> None:
    """Parameters without a method that draws them; those of one number, and frozen ones, stay as they are."""
    if not message:
        assert Study(name="a", model=net(part)).model.source is not None
        return
    with pytest.raises(StudyError, match="model") as caught:
        Study(name="a", model=net(part))
    assert message in str(caught.value)


def test_keys_of_a_function_are_no_keys_of_an_instance() -> None:
    """Its sizes are what they are."""
    with pytest.raises(StudyError, match="no argument of Sequential"):
        Study(name="a", model={"source": net(), "width": 8})


def test_a_study_is_kept_with_a_mark_of_the_instance() -> None:
    """So that a run is not resumed with another model of the same class."""
    assert source_of(net()) == source_of(net())
    assert source_of(net()) != source_of(net(nn.Tanh()))
    assert (
        Study(name="a", model=net())
        .to_dict()["model"]["source"]
        .startswith("torch.nn.modules.container:<Seq")
    )
