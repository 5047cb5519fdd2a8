"""A network before its first step, as one forward and one backward pass on the data show it."""

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class Profile:
    """The network with one activation; medians over a few seeds of the initial weights."""

    gradients: tuple[float, ...]
    """‖dL/da‖₂ at each hidden activation layer, input side first."""
    dead: float
    """Share of hidden units with φ′ = 0 on every row looked at, mean over layers."""
    penalties: Mapping[str, float]
    """Each kind of activation penalty of the study -> its sum over the layers, before it is weighted."""
    loss: float
    sharpness: float | None
    """Largest eigenvalue of the Hessian of the loss; ``None`` where it was not asked for, or the model has no
    second derivative."""
    in_time: bool = False
    """Whether its activations are (batch, time, units) in every layer."""


@dataclass(frozen=True)
class Network:
    """What all activations of one model share, and a `Profile` for each that was tried."""

    parameters: int
    weight_size: float
    """Root mean square of the elements of all weight matrices."""
    widths: tuple[int, ...] | None
    """Input features, then units of each hidden layer, where the model is a plain chain of linear layers
    and activations, which mean-field theory is about; else ``None``."""
    last: str
    """Last operation of the model: ``Addmm`` (linear), ``Softmax`` …; see `sweeper.training.output_range`."""
    rows: int
    """Rows checked."""
    swapped: str
    """Which activation layers of the model are swapped and which are kept; empty where none is."""
    profiles: Mapping[str | None, Profile]
    """Activation -> profile; ``None`` stands for the model's own activations."""
    recurrent: tuple[str, ...] = ()
    """Kinds of its recurrent layers: ``LSTM``, ``GRU``, ``RNN``, each once."""
    guess: float | None = None
    """Loss of the best constant output on the training rows; ``None`` where it is not known."""
    adds_input: bool = False
    """Whether it adds to some of its values what layers have made of them: x + f(x)."""
    normalizes: bool = False
    """Whether it has normalization layers."""
    unmeasured: str = ""
    """Why layers are not measured; empty where they are."""
