"""Slopes of gradients where values are mixed, networks shallow, or norms not finite."""

import math

from check_runs import source, verdict
from run_data import with_records


def slopes(depth: int, value: object, cells: list[object], norm: float = 2.5) -> str:
    """What is said of the gradients of two networks of so many layers, which began alike, with these values
    of a setting."""
    rows = [(trial, "explore", 0, "completed", 0.5, "sgd", 0.1, "sigmoid") for trial in range(2)]
    layers = [
        (trial, 0, 0, layer, "gradient_norm", norm if layer == 1 else 2.0**layer)
        for trial in range(2)
        for layer in range(depth)
    ]
    run = source(rows, (), layers)
    trials = run.trials.assign(**{"training.batch_size": cells})
    run = with_records(run, trials=trials)
    return verdict(run, "slope", parameter="training.batch_size", value=value, below=0.0).sentence


def test_values_of_a_mixed_setting_are_found() -> None:
    """Records hold 32 beside "full" as text."""
    assert "decades per layer" in slopes(6, 32, ["32", '"full"'])
    assert "were measured for no training.batch_size = 64" in slopes(6, 64, ["32", '"full"'])


def test_networks_of_two_layers_are_too_shallow_for_an_interval() -> None:
    """They were measured all the same."""
    assert "have one step from layer to layer at initialisation, too few" in slopes(2, 32, [32, 32])


def test_norms_that_are_not_finite_are_left_out() -> None:
    """One of them would make the mean infinite, and the verdict certain."""
    assert "∞" not in slopes(6, 32, [32, 32], norm=math.inf)
