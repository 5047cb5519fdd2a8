"""What is advised of the output of a model that has one other than a linear one."""

import numpy as np
import pytest

from sweeper.report.advice import advise
from sweeper.study.study import Study
from sweeper.training.initial_profile import profile_network

X = np.random.default_rng(0).standard_normal((200, 4))


@pytest.mark.parametrize(("output", "targets"), [("softplus", np.exp(X[:, 0])), ("tanh", np.sin(X[:, 0]))])
def test_an_output_with_the_bounds_of_the_targets_is_kept(output: str, targets: np.ndarray) -> None:
    """A study that has it is neither told to make it linear nor to try what it has."""
    study = Study(
        name="bounds",
        data=lambda: (X, targets),
        model={"source": "mlp", "depth": 1, "width": 8, "output": output},
        training={"loss": "mse"},
    )
    advice = {one.key: one for one in advise(study, profile_network)}
    assert advice["output"].what.startswith(f"Keep the {output} output if")
    assert advice["output"].settings == {"model.output": "linear"}
    assert advice["output"].alternative
    assert output not in advice
