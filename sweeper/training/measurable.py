"""Whether the layers of a study's models can be measured; a model that trains need not allow that."""

from collections.abc import Mapping
from typing import Any

from sweeper.components.tree import applied, copied, taken
from sweeper.study.settings import settings as settings_of
from sweeper.training.capture import layers_if_possible
from sweeper.training.preflight import configurations
from sweeper.training.setup import Task, initial_model, leaving_no_trace, pick_loss, rows_of
from sweeper.user_code.calls import user_code

ROWS = 4


def unmeasured(task: Task) -> str:
    """Why layers are not measured, of the first configuration where they cannot be; empty where all can.

    Configurations that cannot be trained at all are left out: `check_configurations` tells of them.
    """
    tried = set()
    for parameters in configurations(task.study.space):
        shape = {k: v for k, v in parameters.items() if k == "activation" or k.startswith("model.")}
        if repr(shape) in tried:
            continue
        tried.add(repr(shape))
        try:
            with user_code():
                reason = _unmeasured(task, parameters)
        except Exception:  # reported by `check_configurations`, or by the trials that fail
            continue
        if reason:
            return reason
    return ""


def _unmeasured(task: Task, parameters: Mapping[str, Any]) -> str:
    settings, seed = settings_of(task.study, parameters), task.study.search.seed
    with leaving_no_trace(task, settings):
        rows, loss = rows_of(task, settings, seed), pick_loss(task, settings, seed).function
        built = initial_model(task, settings, seed)
        built.model.train()
        # A layer measurement compares the weights that it reaches with those that a training step reached.
        x, y = (taken(part, slice(ROWS)) for part in (rows.x_train, rows.y_train))
        loss(applied(built.model, copied(x)), y).backward()
        return layers_if_possible(built, loss, copied(x), y, None)[1]
