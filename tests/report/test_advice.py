"""Advice before training: its numbers, its commands, and what each reason stands on."""

import itertools
import json
import math
import re
import shlex
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tomli_w
import torch
from torch import nn

from sweeper.components.losses import LOSSES, Loss
from sweeper.data.data import Data
from sweeper.data.facts import target_facts
from sweeper.report.advice import Advice, Asked, advise
from sweeper.report.advice.show import WIDTH, combined, command, text, to_dict
from sweeper.study.data import data_of
from sweeper.study.settings import settings
from sweeper.study.study import Study
from sweeper.theory.mean_field import born_dead_probability, network_variances, predicted_profile
from sweeper.training.initial_profile import chain_widths, profile_network
from sweeper.training.output_range import adds_input
from sweeper.training.preflight import check_configurations
from sweeper.training.setup import Task, rows_of

BASES = re.compile(r"computed|measured on your data|rule of thumb \(.+\)")
SMALL = {"depth": 2, "width": 8}
X = np.random.default_rng(0).normal(size=(120, 3))
TARGETS = {
    "binary": (X[:, 0] > 0).astype(float),
    "shares": 1 / (1 + np.exp(-X[:, 0])),
    "counts": np.random.default_rng(1).poisson(np.exp(1 + X[:, 0])).astype(float),
    "positive": np.exp(3 + X[:, 0]),
    "bounded": np.tanh(3 * X[:, 0]),
    "real": 5 * X[:, 0],
}


def study_file(folder: Path, **sections: Any) -> Path:
    """A study on `folder`; sections as in a study file."""
    file = folder / "asked.toml"
    file.write_text(tomli_w.dumps({"name": "asked", "model": SMALL, **sections}), encoding="utf-8")
    return file


def with_targets(folder: Path, kind: str, **sections: Any) -> Path:
    """A study with targets of one kind, as floats, and mse."""
    np.savez(folder / "rows.npz", x=X, y=TARGETS[kind])
    given: dict[str, Any] = {"data": {"source": "rows.npz"}, "training": {"loss": "mse"}, **sections}
    return study_file(folder, **given)


def advice_on(file: Path, *overrides: str) -> dict[str, Advice]:
    """Advice by key."""
    return {one.key: one for one in advise(Study.load(file, overrides), profile_network)}


def said(one: Advice) -> str:
    """All reasons of one piece of advice."""
    return " ".join(reason.text for reason in one.reasons)


def check(advice: Mapping[str, Advice], file: Path) -> None:
    """Each reason names its basis, and every command parses to a valid study that can be trained."""
    asked = Asked(str(file))
    commands = [command(one, asked, "asked") for one in advice.values()]
    commands += [whole] if (whole := combined(list(advice.values()), asked, "asked")) else []
    for one in advice.values():
        assert one.what
        assert one.reasons
        assert all(BASES.fullmatch(reason.basis) for reason in one.reasons)
    for line in commands:
        words = shlex.split(line)
        assert words[:3] == ["sweeper", "run", str(file)]
        study = Study.load(words[2], tuple(b for a, b in itertools.pairwise(words) if a == "--set"))
        assert (study.name == "asked") is (len(words) == 3)
        assert set(check_configurations(Task(study, data_of(study)))) == {""}


@pytest.mark.parametrize("kind", TARGETS)
def test_targets_are_told_apart(kind: str) -> None:
    """Each kind of target is recognised from its values."""
    assert target_facts(Data(X, TARGETS[kind][:, None], None)).kind == kind


@pytest.mark.parametrize("kind", TARGETS)
def test_commands_of_regression_advice_run(tmp_path: Path, kind: str) -> None:
    """For every kind of target each command is a study that loads and trains."""
    file = with_targets(tmp_path, kind)
    check(advice_on(file), file)


def test_positive_targets_get_softplus(tmp_path: Path) -> None:
    """Softplus is proposed with its reason, and elu is said not to be positive; so in the command."""
    advice = advice_on(with_targets(tmp_path, "positive"))
    assert advice["softplus"].settings["model.output"] == "softplus"
    assert "elu is not positive, its range is (-1, inf)" in said(advice["softplus"])
    assert "softplus (0, inf)" in said(advice["softplus"])
    assert "logarithm" in advice["softplus"].what


def test_signed_targets_keep_a_linear_output(tmp_path: Path) -> None:
    """Nothing positive is proposed for numbers of both signs."""
    advice = advice_on(with_targets(tmp_path, "real"))
    assert advice["output"].settings == {}
    assert "softplus" not in advice


@pytest.mark.parametrize("kind", ["binary", "shares"])
def test_shares_get_bce(tmp_path: Path, kind: str) -> None:
    """Targets in 0 … 1 get bce with a linear output."""
    advice = advice_on(with_targets(tmp_path, kind))
    assert advice["loss"].settings == {"training.loss": "bce"}
    assert "linear" in advice["output"].what


def test_a_loss_that_does_not_fit_is_replaced(tmp_path: Path) -> None:
    """cross_entropy on real numbers is no error here but advice, with the reason of the refusal."""
    file = with_targets(tmp_path, "real", training={"loss": "cross_entropy"})
    advice = advice_on(file)
    assert advice["loss"].settings == {"training.loss": "mse"}
    assert "real values" in said(advice["loss"])


def test_double_softmax_floor(tmp_path: Path) -> None:
    """The loss below which softmax before cross_entropy cannot get is what torch gives for a sure output."""
    advice = advice_on(study_file(tmp_path, data="wine"))
    sure = nn.functional.cross_entropy(torch.tensor([[1.0, 0.0, 0.0]]), torch.tensor([0])).item()
    assert f"{sure:.3g}" in said(advice["output"])


def test_deep_sigmoid_vanishes(tmp_path: Path) -> None:
    """The decades that are told are those of mean field and of autograd on this network, and they agree."""
    space = {"activation": ["sigmoid", "relu"], "optimizer": ["adam"]}
    file = study_file(tmp_path, model={"depth": 8, "width": 64}, search={"space": space})
    advice = advice_on(file)
    widths = [64] * 9
    profile = predicted_profile("sigmoid", network_variances("xavier", widths))
    predicted = math.log10(profile[0])
    assert f"{predicted:+.2f}".replace("-", "−") in said(advice["no-sigmoid"])
    assert "no-relu" not in advice
    measured = re.search(r"sigmoid (−[\d.]+)", said(advice["residual"]))
    assert measured
    assert -float(measured.group(1)[1:]) == pytest.approx(predicted, abs=0.35)
    assert "sigmoid" not in advice["hidden"].settings["search.space.activation"]
    check(advice, file)


def test_a_class_of_the_users_is_computed_with_too(tmp_path: Path) -> None:
    """A sigmoid of the user's own is left out for the same computed reasons as torch's."""
    code = "from torch import nn\n\nclass Bent(nn.Sigmoid):\n    pass\n"
    (tmp_path / "bent.py").write_text(code, encoding="utf-8")
    own = "bent:Bent"
    space = {"activation": [own, "sigmoid"], "optimizer": ["adam"]}
    advice = advice_on(
        study_file(tmp_path, model={"depth": 8, "width": 64, "init": "xavier"}, search={"space": space})
    )
    assert said(advice["no-sigmoid"]) in said(advice[f"no-{own}"])


def test_a_torch_init_that_vanishes_is_replaced(tmp_path: Path) -> None:
    """ReLU with torch's default weights loses √6 a layer; init = auto is proposed."""
    space = {"activation": ["relu"], "optimizer": ["adam"]}
    model = {"depth": 12, "width": 32, "init": "torch"}
    file = study_file(tmp_path, model=model, search={"space": space})
    assert advice_on(file)["init"].settings == {"model.init": "auto"}


def test_narrow_deep_relu_may_be_born_dead(tmp_path: Path) -> None:
    """The probability is 1 − (1 − 2⁻ᴺ)ᴸ for the layers of this study."""
    space = {"activation": ["relu"], "optimizer": ["adam"]}
    advice = advice_on(study_file(tmp_path, model={"depth": 10, "width": 4}, search={"space": space}))
    assert born_dead_probability(4, 10) == pytest.approx(0.47554, abs=1e-5)
    assert "48 %" in said(advice["leaky"])
    assert advice["leaky"].settings == {"search.space.activation": ["relu", "leaky_relu"]}
    assert "leaky" not in advice_on(study_file(tmp_path, model=SMALL, search={"space": space}))


def test_rates_by_optimizer(tmp_path: Path) -> None:
    """Each optimizer has its range and its source; what the study has already is kept."""
    space = {"optimizer": ["adam", "lion"], "learning_rate": {"low": 1e-5, "high": 0.1, "log": True}}
    advice = advice_on(study_file(tmp_path, data="wine", search={"space": space}))
    assert advice["rate-adam"].settings == {}
    assert advice["rate-lion"].settings == {} or "lion" in str(advice["rate-lion"].settings)
    assert any("Kingma" in reason.basis for reason in advice["rate-adam"].reasons)


def test_curvature_bounds_the_rates_of_gradient_descent(tmp_path: Path) -> None:
    """On least squares 2/λmax of the Hessian is told; rates end at the power of ten above it."""
    np.savez(tmp_path / "rows.npz", x=X, y=TARGETS["real"])
    sections = {
        "data": {"source": "rows.npz"},
        "training": {"loss": "mse"},
        "search": {"space": {"optimizer": "sgd", "learning_rate": 0.5}},
    }
    file = tmp_path / "asked.toml"
    file.write_text(tomli_w.dumps({"name": "asked", "model": "linear", **sections}), encoding="utf-8")
    study = Study.load(file)
    rows = rows_of(
        Task(study, data_of(study)), settings(study, {"optimizer": "sgd", "learning_rate": 1.0}), 0
    )
    inputs = np.column_stack([rows.x_train.double().numpy(), np.ones(len(rows.x_train))])
    steepest = float(np.linalg.eigvalsh(2 * inputs.T @ inputs / len(inputs)).max())
    advice = advice_on(file)["rate-sgd"]
    limit = re.search(r"2/λ = ([\d.]+)", said(advice))
    assert limit
    assert float(limit.group(1)) == pytest.approx(2 / steepest, rel=0.05)
    assert advice.settings["search.space.learning_rate.sgd"]["high"] == 10 ** math.ceil(
        math.log10(2 / steepest)
    )


def test_an_expectation_is_no_hindrance(tmp_path: Path) -> None:
    """Where the study expects something of an activation that is taken out, the command is still valid."""
    expected = {"finding": "f", "source": "s", "check": "better", "parameter": "activation"}
    space = {"activation": ["sigmoid", "relu"], "optimizer": ["adam"]}
    sections = {"model": {"depth": 8, "width": 32}, "search": {"space": space}}
    file = study_file(tmp_path, **sections, expect={**expected, "value": "relu", "than": "sigmoid"})
    advice = advice_on(file)
    assert advice["no-sigmoid"].settings == {"search.space.activation": ["relu"]}
    check(advice, file)


def test_chains_alone_are_predicted() -> None:
    """Widths are those of a plain chain; anything else has none."""
    chain: list[nn.Module] = [nn.Linear(3, 4), nn.ReLU(), nn.Linear(4, 5), nn.ReLU(), nn.Linear(5, 1)]
    assert chain_widths(nn.Sequential(*chain)) == (3, 4, 5)
    assert chain_widths(nn.Sequential(*chain[:2], nn.LayerNorm(4), *chain[2:])) is None
    assert chain_widths(nn.Bilinear(2, 2, 2)) is None


@pytest.mark.parametrize("model", ["linear", "rnn", "cnn", "residual_mlp"])
def test_other_models_get_advice(tmp_path: Path, model: str) -> None:
    """Sequences, images, residual and linear models are advised without mean-field numbers of chains."""
    file = study_file(tmp_path, model=model, data="digits")
    advice = advice_on(file)
    assert ("gates" in advice) is (model == "rnn")
    assert ("hidden" in advice) is (model != "linear")
    assert "mean-field theory for" not in " ".join(map(said, advice.values()))
    check(advice, file)


def test_text_fits_a_terminal(tmp_path: Path) -> None:
    """All but lines of one long setting have at most 80 columns, and the JSON says the same."""
    file = with_targets(tmp_path, "positive")
    found, asked, network = list(advice_on(file).values()), Asked("asked.toml"), {"model.blocks": 1}
    shown = text(found, asked, "asked", network, "validation_loss")
    assert "it is about the one with model.blocks = 1." in " ".join(shown.split())
    assert all(len(line) <= WIDTH for line in shown.splitlines() if "--set" not in line)
    flat = " ".join(shown.split())
    spoken = json.loads(json.dumps(to_dict(found, asked, "asked", network), allow_nan=False))
    assert spoken["network"] == network
    for one in spoken["advice"]:
        assert all(f"{why['text']} [{why['basis']}]" in flat for why in one["why"])


def test_the_study_itself_is_left_alone() -> None:
    """The default study is advised whole, and its object is not changed."""
    before = (study := Study(name="kept", data="wine", model={**SMALL})).to_dict()
    advise(study, profile_network)
    assert study.to_dict() == before


def test_nothing_is_advised_from_gradients_that_are_not_measured(tmp_path: Path) -> None:
    """One piece of advice, with the reason, instead of activations to search."""

    def blind(*asked: Any) -> Any:
        return replace(profile_network(*asked), unmeasured="the model takes no second pass")

    advice = [one for one in advise(Study.load(study_file(tmp_path)), blind) if one.key == "hidden"]
    assert [one.what for one in advice] == [
        "Nothing is advised from gradients: the layers of this model are not measured, though it trains."
    ]
    assert advice[0].reasons[0].text == "the model takes no second pass"


def test_guessing_is_scored_in_the_loss_of_the_study(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever loss it is, also an added one: what the best constant has, and the floor behind softmax."""

    def focal(output: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
        log_p = output.log_softmax(dim=1).gather(1, target[:, None])[:, 0]
        return -((1 - log_p.exp()).square() * log_p).mean()

    monkeypatch.setitem(LOSSES, "focal", Loss("focal", focal, "classification", inside="softmax"))
    study = study_file(tmp_path, data="wine", training={"loss": "focal"})
    advice = advice_on(study)
    loss, output = said(advice["loss"]), said(advice["output"])
    assert "cross" not in loss + output
    shares = torch.bincount(torch.tensor(data_of(Study.load(study)).targets)).double()
    best = float(re.findall(r"focal loss of ([\d.]+)", loss)[0])
    assert 0.4 < best < focal(shares.log()[None].expand(3, 3), torch.arange(3)).item() * 1.01
    sure = focal(torch.eye(3), torch.arange(3)).item()
    assert f"no loss below {sure:.3g} could be reached with 3 classes" in output


@pytest.mark.parametrize("kinds", [["l1"], ["l2"], ["l1", "l2"]])
def test_weights_are_sized_by_the_penalties_of_the_study(tmp_path: Path, kinds: list[str]) -> None:
    """Of each kind the weight at which it is as large as the loss; no word of others."""
    study = study_file(tmp_path, data="wine", search={"space": {"penalty_kind": kinds}})
    one = advice_on(study)["penalty"]
    named = dict(re.findall(r"the (\w+) penalty, summed .*? weight of ([\d.e-]+)", said(one)))
    assert set(named) == set(kinds)
    network = profile_network(
        loaded := Study.load(study), data_of(loaded), {"optimizer": "adam", "learning_rate": 1e-3}, ["relu"]
    )
    (profile,) = network.profiles.values()
    for kind, weight in named.items():
        assert profile.loss / profile.penalties[kind] == pytest.approx(float(weight), rel=3)


class Block(nn.Module):
    """x + f(x), or f(x) alone."""

    def __init__(self, adds: bool) -> None:
        super().__init__()
        self.inner, self.adds = nn.Sequential(nn.Linear(4, 6), nn.Tanh(), nn.Linear(6, 4)), adds

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Of the shape of x."""
        return x + self.inner(x) if self.adds else self.inner(x) + x.new_ones(4)


class Branches(nn.Module):
    """Two branches of the same input, and a formula that adds without weights."""

    def __init__(self) -> None:
        super().__init__()
        self.one, self.other = nn.Linear(4, 4), nn.Linear(4, 4)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """a(x) + b(x), then y + tanh y."""
        y = self.one(x) + self.other(x)
        return y + torch.tanh(y)


@pytest.mark.parametrize(
    ("middle", "adds"), [(Block(True), True), (Block(False), False), (Branches(), False), (nn.Tanh(), False)]
)
def test_what_a_model_adds_is_seen(middle: nn.Module, adds: bool) -> None:
    """A residual block is one that adds f(x), with weights, to its own input, whatever its name is."""
    output = nn.Sequential(nn.Linear(3, 4), middle, nn.Linear(4, 2))(torch.randn(5, 3))
    assert adds_input(output) is adds
    assert adds_input({"a": output, "b": torch.zeros(2)}) is adds
