"""Which trials of a stack are compared with training alone."""

from types import SimpleNamespace
from typing import Any

from equivalence import numbered, task_of
from torch import Tensor, nn

from sweeper.study.settings import settings as settings_of
from sweeper.training.stacked.kinds import MOST, compared_first, furthest, kind_of, new_kinds, of_other_rows

OWN = (f"{__name__}:Sine", f"{__name__}:Cube")
NAMES = ["relu", "tanh", "gelu", "silu", "elu"]


class Sine(nn.Module):
    """sin x"""

    def forward(self, x: Tensor) -> Tensor:
        return x.sin()


class Cube(nn.Module):
    """x³"""

    def forward(self, x: Tensor) -> Tensor:
        return x * x * x


def slots(*names: str | None, penalty: float = 0.0) -> list[Any]:
    """Trials with these activations; ``None``: an empty slot."""
    settings = [SimpleNamespace(activation=name, activation_penalty=penalty) for name in names]
    return [SimpleNamespace(settings=each) if each.activation else None for each in settings]


def test_some_built_in_activations_and_all_of_the_user_are_compared() -> None:
    """However many others there are, and whoever sits before them; one trial each."""
    found = new_kinds(slots(*NAMES, None, *OWN, *OWN), set())
    assert [slot for (_, name), slot in found.items() if name in OWN] == [6, 7]
    assert len(found) == MOST + len(OWN)


def test_what_was_compared_counts() -> None:
    """Kinds that this process knows are not compared again, and use up the places of built-in ones."""
    known = {(False, name) for name in (*NAMES[:MOST], OWN[0])}
    assert new_kinds(slots(*NAMES, *OWN), known) == {(False, OWN[1]): len(NAMES) + 1}
    assert set(new_kinds(slots(NAMES[0], penalty=0.1), known)) == {(True, NAMES[0])}


def test_one_of_each_activation_of_the_user_begins() -> None:
    """Only trials that begin are compared; the others stay in their order."""
    names = [*NAMES, *OWN, *NAMES, *OWN]
    task = task_of(space={"activation": names[:7]})
    trials = numbered([{"activation": name} for name in names])
    kinds = [kind_of(settings_of(task.study, trial.parameters)) for trial in trials]
    found = [trial.number for trial in compared_first(trials, kinds)]
    assert found[:2] == [5, 6]
    assert found[2:] == [k for k in range(len(names)) if k not in (5, 6)]


def ended(*seeds: int | None) -> list[Any]:
    """Trials of these seeds that have ended; ``None``: a slot without one."""
    return [None if seed is None else SimpleNamespace(trial=SimpleNamespace(seed=seed)) for seed in seeds]


def test_other_rows_are_compared_once() -> None:
    """A trial of each seed, up to a number; where all seeds have the same rows, one."""
    slots = ended(None, 3, 3, 5, 0, 7)
    assert of_other_rows(slots, {0}, lambda seed: seed, None) == {3: 1, 5: 3, 7: 5}
    assert of_other_rows(slots, {0}, lambda seed: seed, 2) == {3: 1}
    assert of_other_rows(slots, set(), lambda seed: 0, None) == {0: 1}
    assert of_other_rows(slots, {0}, lambda seed: 0, None) == {}


def test_the_furthest_of_each_activation_is_compared() -> None:
    """And again where one goes far beyond it; of built-in activations some, of the user's all."""
    names = ["relu", "relu", None, OWN[0], "tanh"]
    reach = {0: 1.0, 1: 3.0, 3: 2.0, 4: 5.0}
    assert furthest(slots(*names), {}, reach.__getitem__) == {
        "relu": (1, 3.0),
        OWN[0]: (3, 2.0),
        "tanh": (4, 5.0),
    }
    assert furthest(slots(*names), {"relu": 2.0, "tanh": 1.0}, reach.__getitem__) == {
        OWN[0]: (3, 2.0),
        "tanh": (4, 5.0),
    }
    full = dict.fromkeys(NAMES[:MOST], 0.1)
    assert set(furthest(slots("elu", OWN[1], NAMES[0]), full, lambda slot: 9.0)) == {OWN[1], NAMES[0]}
