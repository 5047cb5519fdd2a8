"""Models of sequences, stacked and one by one: python benchmarks/sequences.py [--repeats 3].

One process of one thread; the processor's time of a training step, without measurements and evaluations.
"""

import argparse
import math
import platform
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median
from types import SimpleNamespace

import numpy as np
import torch
from encoder import FEATURES, UNITS, Encoder
from encoder import TOKENS as TIMES
from torch import Tensor, nn

from sweeper.data.load import load
from sweeper.study.study import Study
from sweeper.training import compiling, planning
from sweeper.training.setup import Task
from sweeper.training.stacked.refusal import NotCompiled

BATCH, SLOTS = 32, 32
HERE = Path(__file__).parent


class Reads(nn.Module):
    """A recurrent layer, a hidden layer on its last output, a linear layer."""

    def __init__(
        self, layer: Callable[..., nn.Module], activation: Callable[[], nn.Module], classes: int
    ) -> None:
        super().__init__()
        self.layer = layer(FEATURES, UNITS, batch_first=True)
        self.head = nn.Sequential(nn.Linear(UNITS, UNITS), activation(), nn.Linear(UNITS, classes))

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.layer(x)[0][:, -1])


MODELS: dict[str, Callable[..., nn.Module]] = {
    "LSTM": lambda out_features, activation: Reads(nn.LSTM, activation, out_features),
    "GRU": lambda out_features, activation: Reads(nn.GRU, activation, out_features),
    "RNN": lambda out_features, activation: Reads(nn.RNN, activation, out_features),
    "encoder": lambda out_features, activation: Encoder(activation, out_features),
    "encoder, dropout 0.1": lambda out_features, activation: Encoder(activation, out_features, 0.1),
}


def data() -> tuple[np.ndarray, np.ndarray]:
    """400 sequences in 4 classes."""
    generator = np.random.default_rng(0)
    return generator.standard_normal((400, TIMES, FEATURES)), generator.integers(4, size=400)


def measured(name: str, dtype: str) -> tuple[planning.Measured, float]:
    """Seconds a step of one trial, one by one and in stacks, and as machine code, NaN without."""
    study = Study(
        name="sequences",
        data=data,
        model=MODELS[name],
        training={"steps": 1000, "batch_size": BATCH, "dtype": dtype, "device": "cpu"},
        search={
            "space": {"optimizer": ["momentum", "adam"], "activation": ["relu", "tanh"]},
            "trials": SLOTS,
        },
    )
    task = Task(study, load(data, loss_task="classification"))
    trials = planning.sample(study.space, SLOTS, 0)
    found = planning.measure(task, trials, processes=1)
    try:
        return found, compiling.measure(task, trials, processes=1).seconds
    except NotCompiled:
        return found, math.nan


def typical(name: str, dtype: str, repeats: int) -> tuple[float, float, int, float]:
    """Milliseconds a step alone, in the best stack, its size, and as machine code; medians of the repeats."""
    both = [measured(name, dtype) for _ in range(repeats)]
    runs = [run for run, _ in both]
    sizes = set.intersection(*(set(run.stacked) for run in runs))
    stacked = {size: median(run.stacked[size] for run in runs) for size in sizes}
    size = min(stacked, key=lambda size: stacked[size])
    compiled = median(seconds for _, seconds in both)
    return 1e3 * median(run.one_by_one for run in runs), 1e3 * stacked[size], size, 1e3 * compiled


def main() -> None:
    """Measure, print, write."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--repeats", type=int, default=3)
    repeats = parser.parse_args().repeats
    torch.set_num_threads(1)
    planning.time = SimpleNamespace(perf_counter=time.process_time)  # type: ignore[assignment]
    lines = [
        "# Models of sequences, stacked and one by one",
        "",
        f"{platform.processor() or 'CPU'}, one process of one thread, torch {torch.__version__}. Sequences "
        f"of {TIMES} × {FEATURES}, batches of {BATCH}, {UNITS} units (encoder: 2 layers, 4 heads). The "
        f"processor's time of a training step, medians of {repeats} repeats.",
        "",
        "| | precision | alone, ms a step | recorded operations, ms a step and trial | trials a stack | × "
        "| machine code, ms a step and trial | × |",
        "|---|---|---:|---:|---:|---:|---:|---:|",
    ]
    for name in MODELS:
        for dtype in ("float32", "float64"):
            alone, stacked, size, compiled = typical(name, dtype, repeats)
            lines.append(
                f"| {name} | {dtype} | {alone:.2f} | {stacked:.2f} | {size} | {alone / stacked:.1f} "
                f"| {compiled:.2f} | {alone / compiled:.1f} |"
            )
            print(lines[-1], flush=True)
    (HERE / "sequences.md").write_text("\n".join(lines) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
