"""How large a stack may be: an estimate of what a trial takes in it."""

import torch

from sweeper.components.operations import tensors_in
from sweeper.components.tree import applied, rows_in, taken
from sweeper.memory import free_memory
from sweeper.study.settings import settings as settings_of
from sweeper.training.setup import Task, initial_model, rows_of
from sweeper.trial import Trial

RECURRENT_SHARE = 3
"""What a recurrent layer keeps for its backward pass, in units of what other layers do for their outputs."""
COPIES_OF_PARAMETERS = 8
"""Weights, their gradients, two buffers of an optimizer, snapshots for the best evaluation, scratch."""
COPIES_OF_OUTPUTS = 3
"""Output, its gradient, and what the next layer makes of them."""
VALIDATION_ROWS = 1024
"""Rows of validation that count, at most: the outputs of all of them are seldom held at once."""
MEMORY_SHARE = 0.3
"""Share of the free memory that all stacks together may take."""


def largest_stack(task: Task, trial: Trial, processes: int) -> int:
    """Slots for trials like `trial` that the memory allows, which `processes` share."""
    limit = MEMORY_SHARE * free_memory() / processes
    return int(max(limit / _bytes_a_slot(task, trial), 1))


def _bytes_a_slot(task: Task, trial: Trial) -> float:
    """Parameters, gradients and state, and what layers put out for a batch and for the rows of validation."""
    settings = settings_of(task.study, trial.parameters)
    model = initial_model(task, settings, trial.seed).model
    rows = rows_of(task, settings, trial.seed)
    sample, outputs = taken(rows.x_train, slice(2)), list[int]()
    hooks = [m.register_forward_hook(lambda m, x, y: outputs.append(_size(m, y))) for m in model.modules()]
    model.eval()
    try:
        with torch.no_grad(), torch.random.fork_rng(devices=[]):
            applied(model, sample)
    finally:
        for hook in hooks:
            hook.remove()
    batch = rows_in(rows.x_train) if settings.batch_size == "full" else int(settings.batch_size)
    of_a_row = sum(outputs) / rows_in(sample)
    of_outputs = COPIES_OF_OUTPUTS * batch + min(rows_in(rows.x_validation), VALIDATION_ROWS)
    size = next(model.parameters()).element_size()
    parameters = sum(p.numel() for p in model.parameters())
    return size * (COPIES_OF_PARAMETERS * parameters + of_a_row * of_outputs)


def _size(module: torch.nn.Module, output: object) -> int:
    """Numbers that a module puts out; a recurrent layer keeps its gates as well."""
    kept = RECURRENT_SHARE * module.num_layers if isinstance(module, torch.nn.RNNBase) else 1
    return kept * sum(tensor.numel() for tensor in tensors_in(output))
