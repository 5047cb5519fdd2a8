"""Kinds of operations by their names, as a flow of data tells them apart; where their tensors lie."""

from collections.abc import Iterator, Mapping
from dataclasses import fields, is_dataclass
from typing import Any

from torch import Tensor, nn

from sweeper import private_torch

CONTRACTIONS = {
    *("mm", "addmm", "bmm", "baddbmm", "addbmm", "mv", "addmv", "dot", "matmul", "linear", "einsum"),
    *("convolution", "_convolution", "mkldnn_convolution", "cudnn_convolution", "_slow_conv2d_forward"),
    *("slow_conv_dilated2d", "slow_conv3d", "conv1d", "conv2d", "conv3d", "mkldnn_linear"),
    *("mkldnn_rnn_layer", "_cudnn_rnn", "_thnn_fused_lstm_cell", "_thnn_fused_gru_cell"),
    *("_trilinear", "bilinear", "_native_multi_head_attention", "_transformer_encoder_layer_fwd"),
    *("embedding", "_embedding_bag", "_embedding_bag_forward_only"),
}
"""Operations that make new features from others with a weight: those of a layer with weights."""
LOOK_UPS = {"embedding", "_embedding_bag", "_embedding_bag_forward_only"}
"""Those of a table, whose row numbers may be fixed (positions)."""
INDEXING = {"index", "index_select", "gather"}
"""Look-ups too, where the row numbers come from the input."""
PRODUCTS = {"mul", "mul_", "div", "div_", "addcmul", "addcmul_", "lerp", "lerp_"}
SHARES = {"sigmoid", "sigmoid_", "hardsigmoid", "hardsigmoid_", "_softmax", "_safe_softmax"}
"""Their values lie between 0 and 1: what is multiplied with them passes a gate."""
SHAPE_ONLY = {"zeros_like", "ones_like", "empty_like", "full_like", "rand_like", "randn_like", "randint_like"}
SHAPE_ONLY |= {"new_zeros", "new_ones", "new_empty", "new_full", "new_empty_strided"}
BOUNDED = (nn.Sigmoid, nn.Hardsigmoid, nn.Tanh, nn.Hardtanh, nn.Softsign, nn.LogSigmoid)
BOUNDED_FUNCTIONS = {"sigmoid", "sigmoid_", "tanh", "tanh_", "hardtanh", "softsign", "logsigmoid"}
BOUNDED_FUNCTIONS |= {
    "log_sigmoid",
    "hardtanh_",
    "hardsigmoid",
    "hardsigmoid_",
    "special_expit",
    "log_sigmoid_forward",
}
"""May be gates or the squashed half of a gated unit; the others are features where they meet a gate."""
RECURRENT = {"rnn_tanh", "rnn_relu", "lstm", "gru", "rnn_tanh_cell", "rnn_relu_cell", "lstm_cell", "gru_cell"}
"""Functions that are whole layers, with activations inside."""


def tensors_in(value: Any) -> Iterator[Tensor]:
    """The tensors in a value, also in its lists, tuples, dictionaries and dataclasses."""
    if isinstance(value, Tensor):
        yield value
    elif is_dataclass(value) and not isinstance(value, type):
        for item in fields(value):
            yield from tensors_in(getattr(value, item.name))
    elif isinstance(value, Mapping):
        for item in value.values():
            yield from tensors_in(item)
    elif isinstance(value, list | tuple):
        for item in value:
            yield from tensors_in(item)


def has_memory(tensor: Tensor) -> bool:
    """Whether `tensor` has numbers of its own: it is not wrapped then, and whatever torch is like says so."""
    try:
        tensor.untyped_storage()
    except (NotImplementedError, RuntimeError):
        return False
    return True


def unwrapped(tensor: Tensor) -> Tensor:
    """The tensor itself where `tensor` stands for a part of it, inside of vmap."""
    while not has_memory(tensor) and private_torch.is_wrapped(tensor):
        tensor = private_torch.inner(tensor)
    return tensor


def is_batched(tensor: Tensor) -> bool:
    """Whether `tensor` stands for one row of many, inside of vmap."""
    while not has_memory(tensor) and private_torch.is_wrapped(tensor):
        if private_torch.is_one_row(tensor):
            return True
        tensor = private_torch.inner(tensor)
    return False


def memory(tensor: Tensor) -> int:
    """What tensors on the same memory have in common."""
    tensor = unwrapped(tensor)
    try:
        return tensor.untyped_storage().data_ptr() or -id(tensor)
    except (NotImplementedError, RuntimeError):  # sparse ones have no single memory
        return -id(tensor)
