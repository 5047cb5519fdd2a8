"""Steps of stacks as machine code give what the reference engine gives."""

import importlib.util
import os
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from equivalence import assert_engines_agree, by_stack, numbered, task_of

from sweeper.data import disk
from sweeper.training.stacked import cache, engine
from sweeper.training.stacked.kernel import kernel_for
from sweeper.training.stacked.native import formulas, library, steps, target
from sweeper.training.stacked.native.measuring import NativeMeasurements
from sweeper.training.stacked.native.scoring import NativeScorePass
from sweeper.training.stacked.refusal import NotCompiled

needs_llvm = pytest.mark.skipif(
    importlib.util.find_spec("llvmlite") is None, reason="machine code needs llvmlite"
)
OPTIMIZERS = ["sgd", "momentum", "adam", "adamw", "rmsprop", "muon"]
ACTIVATIONS = ["tanh", "relu", "gelu", "silu", "prelu", "elu"]
SPACE = {"optimizer": OPTIMIZERS, "activation": ACTIVATIONS, "weight_decay": [0.0, 0.01]}
TRIALS = numbered(
    [
        {
            "optimizer": optimizer,
            "activation": activation,
            "learning_rate": 0.01,
            "activation_penalty": 0.01 * (k % 2),
            "weight_decay": 0.01 * (k % 3 == 0),
        }
        for k, (optimizer, activation) in enumerate(zip(OPTIMIZERS, ACTIVATIONS, strict=True))
    ],
    seeds=[0, 3],
)
BESIDE: list[str] = []
"""What machine code has done beside steps in the test that runs."""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where these tests keep compiled code."""
    return tmp_path_factory.mktemp("code")


@pytest.fixture(autouse=True)
def calls(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[list[int]]:
    """Slots of each call of machine code; stacks run natively, nothing is kept from other tests."""
    made: list[int] = []
    train = steps.NativeSteps.train
    for what, kind in (("scores", NativeScorePass), ("layers", NativeMeasurements)):
        monkeypatch.setattr(kind, "run", _counted(kind.run, what))
    BESIDE.clear()

    def noted(self: Any, sources: Any, *rest: Any, **options: Any) -> Any:
        made.append(len(sources))
        return train(self, sources, *rest, **options)

    monkeypatch.setenv(disk.PLACE, str(folder))
    monkeypatch.setattr(steps.NativeSteps, "train", noted)
    cache._kept.clear()
    library.update_function.cache_clear()
    yield made
    cache._kept.clear()


def _counted(run: Any, what: str) -> Any:
    def counted(self: Any, *given: Any) -> Any:
        BESIDE.append(what)
        return run(self, *given)

    return counted


@needs_llvm
@pytest.mark.parametrize("training", [{}, {"loss": "mse", "data": "diabetes", "batch_size": "full"}])
def test_mixed_trials_agree_with_the_reference(training: dict[str, Any], calls: list[int]) -> None:
    """Rules, activations, penalties, losses, refilled slots: equal to 1e-9; what is not known, by tape."""
    assert_engines_agree(
        task_of(space=SPACE, steps=12, evaluations=3, **training),
        TRIALS,
        slots=3,
        most_chaotic=2,
        compiled=True,
    )
    assert max(calls) == 3
    assert set(BESIDE) == {"scores", "layers"}


@needs_llvm
@pytest.mark.parametrize("learned", ["prelu", "swish_learned", "translated_models:ThreeNumbers"])
def test_activations_learn(learned: str, calls: list[int]) -> None:
    """Beside others, one number or several: losses, what is learned and its measures equal to 1e-9."""
    space = {**SPACE, "activation": [learned, "tanh", "relu"]}
    sizes = {"model": {"depth": 2, "width": 19}, "batch_size": 13}  # full vectors of numbers, and a rest
    task = task_of(space=space, steps=12, evaluations=3, **sizes)
    names = [learned, "tanh", learned, "relu"]
    trials = [
        replace(trial, parameters={**trial.parameters, "activation": name})
        for trial, name in zip(TRIALS[1:5], names, strict=True)
    ]
    assert_engines_agree(task, trials, slots=4, most_chaotic=1, compiled=True)
    assert set(calls) == {4}
    assert len(calls) > 6  # three compare it with trials alone


@needs_llvm
def test_objectives_do_not_depend_on_the_stack(calls: list[int]) -> None:
    """Two slots and ten: the same to the last bit, in float32."""
    task, trials = (
        task_of(space=SPACE, dtype="float32", steps=20),
        engine.translatable(task_of(space=SPACE), TRIALS)[0],
    )
    few, many = by_stack(task, trials, 2, True), by_stack(task, trials, len(trials), True)
    assert {k: t.result.objective for k, t in few.items()} == {k: t.result.objective for k, t in many.items()}
    assert {2, len(trials)} <= set(calls)


@needs_llvm
@pytest.mark.parametrize("source", ["picture", "sentence", "encoder"])
def test_layers_of_every_kind_are_translated(source: str, calls: list[int]) -> None:
    """Convolutions, pools, norms, embeddings, attention, recurrence, dropout: equal to 1e-9."""
    model = {"source": f"translated_models:{source}"}
    task = task_of(model=model, data="digits", space=SPACE, steps=5, evaluations=2, batch_size=8)
    assert_engines_agree(task, TRIALS[1:4], slots=2, most_chaotic=1, compiled=True)
    assert max(calls) == 2
    assert set(BESIDE) == {"scores", "layers"}
    assert len(calls) > 6  # what differs from a trial that trains alone is compared, and trains otherwise


@needs_llvm
def test_a_wrong_formula_is_found(monkeypatch: pytest.MonkeyPatch, calls: list[int]) -> None:
    """Stacks are compared with a trial that trains alone before they train: a wrong kernel trains nothing."""
    wrong = {**formulas.FORMULAS, "silu": lambda x: x * 0.5}
    monkeypatch.setattr("sweeper.training.stacked.native.pointwise.FORMULAS", wrong)
    task, trials = task_of(space=SPACE, steps=6), [t for t in TRIALS if t.parameters["activation"] == "silu"]
    kernel_for.cache_clear()
    found = assert_engines_agree(task, trials, slots=1, compiled=True, translated=False)
    kernel_for.cache_clear()
    assert len(found) == 1
    assert set(calls) == {1}
    assert len(calls) <= 3


def test_without_llvmlite_the_tape_runs(monkeypatch: pytest.MonkeyPatch, calls: list[int]) -> None:
    """A missing or broken llvmlite changes no number and fails no trial."""
    target.llvm.cache_clear()
    monkeypatch.setitem(sys.modules, "llvmlite.binding", None)
    try:
        with pytest.raises(NotCompiled, match=r"^llvmlite cannot be used \(ModuleNotFoundError\)$"):
            target.llvm()
        task = task_of(space=SPACE, steps=8)
        assert_engines_agree(task, TRIALS[:2], slots=2, compiled=True, translated=False)
    finally:
        target.llvm.cache_clear()
    assert not calls


@needs_llvm
def test_damaged_code_is_compiled_anew(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Kept code of which a byte changed is not run, and is replaced."""
    monkeypatch.setenv(disk.PLACE, str(tmp_path))
    text = "define void @nothing(ptr %p) {\nentry:\n  ret void\n}\n"
    target.program(text, ["nothing"])
    (file,) = (tmp_path / "native").glob("*.o")
    right = file.read_bytes()
    file.write_bytes(right[:-1] + bytes([right[-1] ^ 1]))
    again = target.program(text, ["nothing"])
    target.callable_at(again.addresses["nothing"], 1)(0)
    assert file.read_bytes() == right


@needs_llvm
def test_what_was_not_used_for_longest_goes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of more programs than are kept, an old one that is used again stays, and one that is not goes."""
    monkeypatch.setenv(disk.PLACE, str(tmp_path))
    monkeypatch.setattr(target, "MAX_FILES", 2)
    files: dict[str, Path] = {}
    for second, name in enumerate(["old", "unused", "old", "new"]):
        target.program(f"define void @{name}(ptr %p) {{\nentry:\n  ret void\n}}\n", [name])
        for made in set((tmp_path / "native").glob("*.o")) - set(files.values()):
            files[name] = made
            os.utime(made, (second, second))
    assert {name for name, file in files.items() if file.exists()} == {"old", "new"}
