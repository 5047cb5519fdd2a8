"""Configurations and Optuna's parameters: there and back, for every kind of entry."""

import pytest
from made_up import MIXED, study
from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution

from sweeper.search import explore
from sweeper.search.distributions import compose, distribution, encode, groups
from sweeper.study.space import Choice, Range

SPACE = study(MIXED).space


def test_a_configuration_survives_the_way_there_and_back() -> None:
    """compose(encode(x)) is x, types included, for every configuration of a mixed space."""
    for parameters in explore.points(SPACE, (), 200, 3, "random"):
        params, distributions = encode(SPACE, parameters)
        assert params.keys() == distributions.keys()
        for name, kind in distributions.items():
            assert kind._contains(kind.to_internal_repr(params[name])), name
        back = compose(SPACE, params)
        assert list(map(repr, back.items())) == list(map(repr, parameters.items()))


def test_parameters_of_other_optimizers_are_left_out() -> None:
    """What a configuration does not have is not in it, even when a sampler has drawn it."""
    params, _ = encode(
        SPACE, next(p for p in explore.points(SPACE, (), 50, 0, "random") if p["optimizer"] == "sgd")
    )
    parameters = compose(SPACE, {**params, "learning_rate": 99.0, "betas": "[0.9, 0.999]"})
    assert parameters["learning_rate"] == params["learning_rate.sgd"]
    assert "betas" not in parameters


def test_an_exact_zero_is_a_switch_and_no_number() -> None:
    """At zero a range with a share of zeros has no value; above it it has one."""
    base = {
        "optimizer": "sgd",
        "learning_rate": 0.1,
        "activation": "relu",
        "model.depth": 1,
        "model.width": 4,
    }
    base |= {"training.batch_size": 32, "weight_decay": 0.0}
    off, _ = encode(SPACE, {**base, "activation_penalty": 0.0})
    on, _ = encode(SPACE, {**base, "activation_penalty": 1e-3})
    assert off["activation_penalty.zero"] is True
    assert "activation_penalty" not in off
    assert (on["activation_penalty.zero"], on["activation_penalty"]) == (False, 1e-3)


@pytest.mark.parametrize(
    ("values", "kind"),
    [
        (Choice(("a", "b")), CategoricalDistribution(["a", "b"])),
        (Choice(((0.9, 0.99), (0.8, 0.9))), CategoricalDistribution(["[0.9, 0.99]", "[0.8, 0.9]"])),
        (Range(1, 9, integer=True), IntDistribution(1, 9)),
        (Range(1, 512, log=True, integer=True), IntDistribution(1, 512, log=True)),
        (Range(0.0, 0.3, step=0.1), FloatDistribution(0.0, 0.3, step=0.1)),
        (Range(1e-4, 1.0, log=True), FloatDistribution(1e-4, 1.0, log=True)),
    ],
    ids=str,
)
def test_each_kind_of_entry_has_its_distribution(values: Choice | Range, kind: object) -> None:
    """Choices are categories, whole numbers integers, the rest floats."""
    assert distribution(values) == kind


def test_groups_hold_what_is_always_present_together() -> None:
    """Joint models: what all trials have; what some optimizers have; each number behind a switch."""
    found = [(set(group.distributions), group.optimizers, group.switch) for group in groups(SPACE)]
    everybody = {"sgd", "adam", "rmsprop"}
    shared = {"optimizer", "activation", "model.depth", "model.width", "training.batch_size"}
    assert (shared | {"activation_penalty.zero"}, everybody, None) in found
    assert ({"learning_rate"}, {"adam", "rmsprop"}, None) in found
    assert ({"learning_rate.sgd"}, {"sgd"}, None) in found
    assert ({"betas"}, {"adam"}, None) in found
    assert ({"activation_penalty"}, everybody, "activation_penalty.zero") in found
    assert len(found) == 5


def test_a_group_applies_where_its_conditions_hold() -> None:
    """The number behind a switch is drawn when the switch is off, an optimizer's only for it."""
    by_name = {name: group for group in groups(SPACE) for name in group.distributions}
    penalty, rate = by_name["activation_penalty"], by_name["learning_rate.sgd"]
    assert penalty.applies({"optimizer": "adam", "activation_penalty.zero": False})
    assert not penalty.applies({"optimizer": "adam", "activation_penalty.zero": True})
    assert rate.applies({"optimizer": "sgd"})
    assert not rate.applies({"optimizer": "adam"})


def test_truth_values_and_ones_are_other_choices() -> None:
    """Equal as numbers, and so as keys of a cache."""
    assert distribution(Choice((1, 0))).choices == (1, 0)
    kinds = {type(option) for option in distribution(Choice((True, False))).choices}
    assert kinds == {bool}
