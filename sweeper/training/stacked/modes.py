"""Whether an activation is one function: a stack records it once, for training and evaluation."""

from collections.abc import Callable, Sequence
from typing import Any

from torch import Tensor, nn

from sweeper.training.stacked.recording import Call, record, replaced, storage_of
from sweeper.training.stacked.refusal import NotStackable
from sweeper.user_code.calls import message_of

ANOTHER = "a hidden activation that computes otherwise in evaluation than in training"


def refuse_another_in_evaluation(module: nn.Module, function: Callable[[], Sequence[Tensor]]) -> None:
    """Raise `NotStackable` if `function`, which runs `module`, does other operations in evaluation mode.

    Operations are compared, not values: at which numbers these differ is not known before. The module is left
    as it is.
    """
    modes = [(each, each.training) for each in module.modules()]
    usual, _ = record(function)
    try:
        module.eval()
        evaluated, _ = record(function)
    except Exception as error:  # whatever the user's code raises in evaluation alone
        raise NotStackable(f"{ANOTHER}: {message_of(error)}") from error
    finally:
        for each, mode in modes:
            each.training = mode
    shared = _read(usual) & _read(evaluated)  # the same memory, as all of both are held
    if _described(usual, shared) != _described(evaluated, shared):
        raise NotStackable(ANOTHER)


def _read(calls: Sequence[Call]) -> set[int]:
    return {storage_of(t) for call in calls for t in call.inputs}


def _described(calls: Sequence[Call], shared: set[int]) -> list[str]:
    """Every operation with what it is given.

    A tensor is told by its place in memory that is `shared`, or that a call has made, else by its values.
    """
    names: dict[int, object] = {where: where for where in shared}

    def label(tensor: Tensor) -> Any:
        name = names.get(storage_of(tensor))
        place = tensor.shape, tensor.stride(), tensor.storage_offset()
        return tensor.dtype, *((name, place) if name is not None else (tensor.tolist(),))

    texts = []
    for call in calls:
        texts.append(repr((str(call.operation), *replaced((call.arguments, dict(call.options)), label))))
        for tensor in call.results:
            names.setdefault(storage_of(tensor), f"result {len(texts)}")
    return texts
