"""What advice is based on: the study, its data, and its deepest network before training."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from sweeper.components.activations import ADVISED, initializer_of
from sweeper.components.losses import LOSSES
from sweeper.components.network import Network
from sweeper.components.optimizers import DEFAULT, OPTIMIZERS
from sweeper.data.data import Data
from sweeper.data.facts import InputFacts, TargetFacts, input_facts, target_facts
from sweeper.data.load import load
from sweeper.data.splits import rows_of_parts
from sweeper.errors import DataError, ModelError, SweeperError, UserError
from sweeper.study.settings import Settings, keys_of
from sweeper.study.settings import settings as settings_of
from sweeper.study.space import Range
from sweeper.study.study import Study
from sweeper.theory.mean_field import network_variances, predicted_profile
from sweeper.theory.scalar import scalar
from sweeper.user_code.calls import message_of, user_code
from sweeper.user_code.lookup import is_built_in

ProfileNetwork = Callable[
    [Study, Data, Mapping[str, Any], Sequence[str | None], Sequence[str | None]],
    Network,
]
"""`sweeper.training.initial_profile.profile_network`."""

LOSS_OF = {"classes": "cross_entropy", "binary": "bce", "shares": "bce"}
"""Kind of target -> loss; mse for all others."""


@dataclass(frozen=True)
class Facts:
    """Everything that advice speaks about."""

    study: Study
    """As asked, with a loss that fits the data."""
    looked: Study
    """`study` with inputs and targets standardized where that is advised: what `network` was seen with."""
    data: Data
    parameters: Mapping[str, Any]
    """The deepest configuration of the space, first choices otherwise."""
    settings: Settings
    inputs: InputFacts
    targets: TargetFacts
    network: Network
    asked_loss: Any
    """The loss of the study file."""
    misfit: str
    """Why that loss cannot be used with the data; empty if it can."""

    @property
    def scaling(self) -> dict[str, bool]:
        """Settings by which `looked` standardizes what the study does not."""
        keys = ("standardize", "standardize_target")
        ours, looked = self.study.data, self.looked.data
        return {f"data.{k}": True for k in keys if getattr(looked, k) and not getattr(ours, k)}

    @property
    def activations(self) -> tuple[str, ...]:
        """Those of the study; empty where the model keeps its own."""
        own = (self.settings.activation,) if self.settings.activation else ()
        return self.study.space.listed("activation") or own

    @property
    def layers(self) -> int:
        """Hidden activation layers of the deepest network."""
        return max((len(p.gradients) for p in self.network.profiles.values()), default=0)

    @property
    def builtin(self) -> bool:
        """Whether the model is one of this package."""
        return is_built_in(self.study.model.source)

    @property
    def training_rows(self) -> int:
        """Rows that a trial of the search trains on."""
        seed = self.study.search.seed
        train, *_ = rows_of_parts(self.data, self.study.data.split, seed=seed, test_seed=seed)
        return len(train)

    def scheme(self, activation: str) -> str:
        """Name of the initializer that this activation gets."""
        return initializer_of(self.settings.init, activation)

    def predicted(self, activation: str) -> np.ndarray | None:
        """Mean-field gradient norms by layer over that of the last one; ``None`` but for plain chains."""
        widths = self.network.widths
        if widths is None or len(widths) < 3:
            return None
        try:
            phi = scalar(activation)
            variances = network_variances(self.scheme(activation), widths)
        except UserError:  # of what is not elementwise, or starts with other weights, no theory speaks
            return None
        standard = self.looked.data.standardize and not self.inputs.tokens
        return predicted_profile(phi, variances, 1.0 if standard else self.inputs.mean_square)


def facts_about(study: Study, profile: ProfileNetwork, *, thorough: bool = True) -> Facts:
    """Load the data, build the deepest network, measure it before training.

    `thorough` looks at the candidates and at the curvature too, not at the study's activations alone.

    Raises:
        UserError: if data or model cannot be had.
    """
    data, misfit = readable(study)
    targets = target_facts(data)
    fitting = study if not misfit else with_loss(study, LOSS_OF.get(targets.kind, "mse"))
    inputs = input_facts(data)
    looked = rescaled(fitting, inputs, targets)
    parameters = deepest(fitting)
    settings = settings_of(fitting, parameters)
    own = _activations(fitting, settings)
    if thorough:
        network = _profiled(profile, looked, data, parameters, own)
    else:
        network = profile(looked, data, parameters, own, ())
    return Facts(
        fitting,
        looked,
        data,
        parameters,
        settings,
        inputs,
        targets,
        network,
        study.training.loss,
        misfit,
    )


def _activations(study: Study, settings: Settings) -> tuple[str | None, ...]:
    """The study's activations; ``(None,)`` where the model keeps its own, or has none."""
    return study.space.listed("activation") or (settings.activation,)


def _profiled(
    profile: ProfileNetwork,
    study: Study,
    data: Data,
    parameters: Mapping[str, Any],
    own: Sequence[str | None],
) -> Network:
    """The study's activations and the candidates; only the former where the model has none to swap."""
    profile = _guarded(profile)
    descends = any(OPTIMIZERS[name].linear for name in study.space.entries["optimizer"].values or ())
    curved = own if descends else ()
    if own == (None,):
        try:
            return profile(study, data, parameters, (None, *ADVISED), curved)
        except ModelError:
            return profile(study, data, parameters, own, curved)
    return profile(study, data, parameters, tuple(dict.fromkeys([*own, *ADVISED])), curved)


def _guarded(profile: ProfileNetwork) -> ProfileNetwork:
    """`profile`, whose model's own failures are messages."""

    def guarded(*given: Any) -> Network:
        try:
            with user_code():
                return profile(*given)
        except SweeperError:
            raise
        except Exception as error:
            raise ModelError(f"the model cannot be inspected: {message_of(error)}") from error

    return guarded


def readable(study: Study) -> tuple[Data, str]:
    """The data, and why the study's loss does not fit them (empty if it does).

    Raises:
        DataError: if they cannot be read with any loss.
    """
    named = LOSSES.get(study.training.loss) if isinstance(study.training.loss, str) else None
    tasks = dict.fromkeys([named.task if named else None, None, "regression"])
    faults: list[DataError] = []
    for task in tasks:
        try:
            return loaded(study, task), str(faults[0]) if faults else ""
        except DataError as fault:
            faults.append(fault)
    raise faults[0]


def loaded(study: Study, task: str | None) -> Data:
    """The study's data for a loss of this `task`; see `sweeper.data.load.load`."""
    section = study.data
    return load(
        section.source,
        target=section.target,
        folder=study.folder,
        options=section.options,
        loss_task=task,
        keys=keys_of(study),
    )


def with_loss(study: Study, loss: str) -> Study:
    """The study with another loss; the objective with it where that one would not fit."""
    raw = study.to_dict()
    raw["training"]["loss"] = loss
    if LOSSES[loss].task == "regression" and raw["search"]["objective"] == "validation_error":
        raw["search"]["objective"] = "validation_loss"
    return Study(folder=study.folder, trusted=True, **raw)


def off_scale(study: Study, targets: TargetFacts) -> bool:
    """Real targets far from mean 0 and deviation 1 that are trained on as they come."""
    if targets.kind in LOSS_OF or study.data.standardize_target:
        return False
    return not (0.3 < targets.std < 3 and abs(targets.mean) < 3 * targets.std)


def unstandard(study: Study, inputs: InputFacts) -> bool:
    """Inputs of unlike scales that are trained on as they come."""
    return not (study.data.standardize or inputs.standard or inputs.tokens)


def rescaled(study: Study, inputs: InputFacts, targets: TargetFacts) -> Study:
    """`study`, inputs and targets standardized where they had better be."""
    wanted = {"standardize": unstandard(study, inputs), "standardize_target": off_scale(study, targets)}
    if not any(wanted.values()):
        return study
    raw = study.to_dict()
    raw["data"] |= {key: True for key, value in wanted.items() if value}
    return Study(folder=study.folder, trusted=True, **raw)


def looked_at(study: Study) -> dict[str, Any]:
    """The settings of the model that are searched, as the network has them that the advice is about."""
    return {name: value for name, value in deepest(study).items() if name.startswith("model.")}


def deepest(study: Study) -> dict[str, Any]:
    """The first value of every parameter, but the largest ``model.depth``."""
    space = study.space
    optimizer = str((space.entries["optimizer"].values or (DEFAULT,))[0])
    active = space.active(optimizer)
    found = {"optimizer": optimizer, **{name: values.at(0.0) for name, (_, values) in active.items()}}
    if "model.depth" in active:
        depth = active["model.depth"][1]
        found["model.depth"] = depth.at(1.0) if isinstance(depth, Range) else max(depth.values or (1,))
    return found
