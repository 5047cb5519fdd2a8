"""What is advised for deep networks follows from what their models take and do, not from their names."""

from collections.abc import Mapping
from typing import Any

import pytest

from sweeper.components.models import MODELS, mlp
from sweeper.report.advice import changed
from sweeper.report.advice.depth import advise_depth
from sweeper.report.advice.facts import Facts, facts_about
from sweeper.study.study import Study
from sweeper.training.initial_profile import profile_network


@pytest.mark.parametrize(("source", "keys"), [("mlp", ["residual", "norm"]), ("deep_net", ["norm"])])
def test_what_rescues_a_deep_network_is_asked_of_its_model(
    source: str, keys: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A built-in model that takes `norm` hears of it by any name; residual blocks need a twin with them."""
    monkeypatch.setitem(MODELS, "deep_net", mlp)
    study = Study(
        name="deep",
        data="wine",
        model={"source": source, "depth": 6, "width": 8, "init": "torch"},
        search={"space": {"activation": ["relu"], "optimizer": ["adam"]}},
    )

    def change(settings: Mapping[str, Any]) -> Facts:
        return facts_about(changed(study, settings), profile_network, thorough=False)

    advice = {one.key: one for one in advise_depth(change({}), change)}
    assert [key for key in advice if key != "init"] == keys
    assert advice["norm"].settings == {"model.norm": "layer"}
