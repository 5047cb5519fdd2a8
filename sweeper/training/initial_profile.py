"""A model before its first step: how gradients, activations and curvature look on the data."""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from sweeper.components.build import Built
from sweeper.components.hidden import KINDS
from sweeper.components.losses import Loss
from sweeper.components.network import Network, Profile
from sweeper.components.penalties import PENALTIES
from sweeper.components.tree import Tree, applied, copied, rows_in, taken
from sweeper.data.data import Data
from sweeper.measures import MEASURES
from sweeper.study.settings import Settings
from sweeper.study.settings import settings as settings_of
from sweeper.study.study import Study
from sweeper.training.capture import layers_if_possible, weights_of
from sweeper.training.guessing import best_constant_loss
from sweeper.training.output_range import adds_input, last_operation
from sweeper.training.setup import Rows, Task, initial_model, pick_loss, rows_of
from sweeper.training.sharpness import sharpness

PROFILE_ROWS, PROFILE_SEEDS = 256, 3
SHARPNESS_TOLERANCE = 1e-3
"""Of the sharpness; strict, since near an eigenvalue that is not the largest a loose one stops too early."""
CHAIN = (nn.Linear, nn.Flatten, nn.Identity, nn.Dropout, *KINDS)
"""Layers of a network that mean-field theory is about."""


def profile_network(
    study: Study,
    data: Data,
    parameters: Mapping[str, Any],
    activations: Iterable[str | None],
    curved: Sequence[str | None] = (),
) -> Network:
    """The model of `parameters` with each of `activations` (``None``: the model's own), on training rows.

    The sharpness is measured for those in `curved`. Nothing is trained.

    Raises:
        ModelError: if the model cannot be made with one of them.
    """
    task = Task(study, data)
    chosen = replace(settings_of(study, parameters), device="cpu")
    rows = rows_of(task, chosen, study.search.seed)
    kinds = penalty_kinds(study, chosen)
    loss, profiles, built, reasons = pick_loss(task, chosen, task.study.search.seed), {}, None, list[str]()
    for name in activations:
        settings = replace(chosen, activation=name)
        per_seed = []
        for seed in range(study.search.seed, study.search.seed + PROFILE_SEEDS):
            built = initial_model(task, settings, seed)
            sharp = name in curved and seed == study.search.seed
            profile, reason = _profile(built, loss, rows, kinds, sharp=sharp)
            per_seed.append(profile)
            reasons += [reason] if reason else []
        profiles[name] = _median(per_seed)
    built = built or initial_model(task, chosen, study.search.seed)
    if reasons:  # what could be measured of some activations alone compares nothing
        profiles = {name: replace(each, gradients=()) for name, each in profiles.items()}
    guess = best_constant_loss(task, loss, chosen)
    return replace(_network(built, loss, rows, profiles), unmeasured="".join(reasons[:1]), guess=guess)


def penalty_kinds(study: Study, settings: Settings) -> tuple[str, ...]:
    """Kinds of activation penalties that the study tries, or would."""
    return tuple(map(str, study.space.listed("penalty_kind") or (settings.penalty_kind,)))


def _network(built: Built, loss: Loss, rows: Rows, profiles: Mapping[str | None, Profile]) -> Network:
    weights = torch.cat(weights_of(built) or [torch.zeros(1)])
    output = loss.of_model(applied(built.model, copied(taken(rows.x_train, slice(4)))))
    return Network(
        parameters=sum(p.numel() for p in built.model.parameters()),
        weight_size=weights.double().square().mean().sqrt().item(),
        widths=chain_widths(built.model),
        last=last_operation(output),
        rows=min(rows_in(rows.x_train), PROFILE_ROWS),
        swapped=built.swapped.line() if built.swapped else "",
        recurrent=recurrent_layers(built.model),
        adds_input=adds_input(output),
        normalizes=any("norm" in type(module).__name__.lower() for module in built.model.modules()),
        profiles=profiles,
    )


def _profile(
    built: Built, loss: Loss, rows: Rows, kinds: Sequence[str], *, sharp: bool
) -> tuple[Profile, str]:
    """The profile, and why layers cannot be measured, see `layers_if_possible`."""
    x, y = (taken(part, slice(PROFILE_ROWS)) for part in (rows.x_train, rows.y_train))
    layers, reason = layers_if_possible(built, loss.function, copied(x), copied(y), None)
    measured = [
        {name: MEASURES[name](layer) for name in ("gradient_norm", "dead")}
        for layer in layers
        if layer.activation is not None
    ]
    activations = [layer.activation for layer in layers if layer.activation is not None]
    penalties = {kind: _penalty(kind, activations) for kind in kinds}
    dead = [float(m["dead"]) for m in measured if m["dead"] is not None]
    with torch.no_grad():
        value = loss.function(applied(built.model.eval(), copied(x)), copied(y)).item()
    profile = Profile(
        gradients=tuple(float(m["gradient_norm"]) for m in measured if m["gradient_norm"] is not None),
        dead=float(np.mean(dead)) if dead else 0.0,
        penalties=penalties,
        loss=value,
        sharpness=_sharpness(built.model, loss, copied(x), copied(y)) if sharp else None,
        in_time=bool(activations) and all(a.ndim == 3 for a in activations),
    )
    return profile, reason


def _penalty(kind: str, activations: Sequence[Tensor]) -> float:
    """Σ over layers; NaN of activations that this kind has no value of."""
    try:
        return float(sum(PENALTIES[kind](a).item() for a in activations))
    except ValueError:  # differences over time need a time axis
        return math.nan


def _median(per_seed: Sequence[Profile]) -> Profile:
    gradients = [one.gradients for one in per_seed if one.gradients]
    return Profile(
        gradients=tuple(np.median(gradients, axis=0).tolist()) if gradients else (),
        dead=float(np.median([one.dead for one in per_seed])),
        penalties={
            kind: float(np.median([one.penalties[kind] for one in per_seed]))
            for kind in per_seed[0].penalties
        },
        loss=float(np.median([one.loss for one in per_seed])),
        sharpness=per_seed[0].sharpness,
        in_time=all(one.in_time for one in per_seed),
    )


def _sharpness(model: nn.Module, loss: Loss, x: Tree, y: Tree) -> float | None:
    """Largest curvature; ``None`` where an operation has no second derivative, or the loss is not finite."""
    try:
        largest = sharpness(model, loss.function, x, y, tolerance=SHARPNESS_TOLERANCE)
    except RuntimeError:
        return None
    return largest if math.isfinite(largest) else None


def recurrent_layers(model: nn.Module) -> tuple[str, ...]:
    """``LSTM``, ``GRU``, ``RNN``: what torch's recurrent layers and cells in `model` are, each once."""
    layers = [m for m in model.modules() if isinstance(m, nn.RNNBase | nn.RNNCellBase)]
    classes = (nn.LSTM, nn.LSTMCell), (nn.GRU, nn.GRUCell), (nn.RNN, nn.RNNCell)
    return tuple(of[0].__name__ for of in classes if any(isinstance(m, of) for m in layers))


def chain_widths(model: nn.Module) -> tuple[int, ...] | None:
    """Input features and units of the hidden layers, if `model` is linear layers and activations in a row."""
    leaves = [module for module in model.modules() if not list(module.children())]
    nested = all(isinstance(m, nn.Sequential) for m in model.modules() if list(m.children()))
    linear = [leaf for leaf in leaves if isinstance(leaf, nn.Linear)]
    if not nested or len(linear) < 2 or not all(isinstance(leaf, CHAIN) for leaf in leaves):
        return None
    return (linear[0].in_features, *(layer.out_features for layer in linear[:-1]))
