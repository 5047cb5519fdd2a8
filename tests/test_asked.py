"""Code of the user that is needed before training: whatever it does to its process is one message."""

import pickle
from collections.abc import Collection
from pathlib import Path

import numpy as np
import pytest
from pools import SerialPool

from sweeper.asked import advice_on, load_data, load_study
from sweeper.errors import DataError, StudyError, UserError
from sweeper.study.find import names_code
from sweeper.study.study import Study
from sweeper.training.pool.interface import Call, Done, Lost, Pool

MODULE = """
import ctypes
import numpy as np

def data(way="fine"):
    if way == "crash":
        ctypes.string_at(0)
    return np.arange(40.0).reshape(20, 2), np.arange(20) % 2
"""
STUDY = """
name = "asked"
[data]
source = "asked_well:data"
[search.space]
optimizer = "sgd"
learning_rate = 0.1
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A module and a study."""
    folder = tmp_path_factory.mktemp("asked")
    (folder / "asked_well.py").write_text(MODULE, encoding="utf-8")
    (folder / "asked_well.toml").write_text(STUDY, encoding="utf-8")
    return folder


@pytest.fixture(scope="module")
def pool(one_worker: Pool) -> Pool:
    """One worker process."""
    return one_worker


class DyingPool(SerialPool):
    """Loses every call."""

    def next_done(self, calls: Collection[Call]) -> Done:
        """`Pool.next_done`"""
        return Done(next(iter(calls)), lost=Lost("its worker process ended: exit code 0"))


def test_data_come_from_a_worker_as_they_are(folder: Path, pool: Pool) -> None:
    """And the next data function, which crashes there, is one message that names it and its line."""
    study = Study(name="asked", folder=folder, data={"source": "asked_well:data", "way": "fine"})
    np.testing.assert_array_equal(load_data(pool, study).inputs, np.arange(40.0).reshape(20, 2))
    crashing = Study(name="asked", folder=folder, data={"source": "asked_well:data", "way": "crash"})
    with pytest.raises(DataError) as caught:
        load_data(pool, crashing)
    reason = "its worker process ended: signal SIGSEGV (asked_well.py:7)"
    assert str(caught.value) == f"data function 'asked_well:data' failed: {reason}"


def test_a_process_that_ends_is_told(folder: Path) -> None:
    """While modules are imported, or in the look at the model that advice takes."""
    file = folder / "asked_well.toml"
    with pytest.raises(UserError) as caught:
        load_study(DyingPool(), str(file), ())
    told = "while the modules that it names were imported, its worker process ended: exit code 0"
    assert str(caught.value) == f"{file}: {told}"
    with pytest.raises(UserError, match="asked: data or model cannot be inspected: its worker process ended"):
        advice_on(DyingPool(), Study(name="asked", folder=folder, data="asked_well:data"))


def test_mistakes_travel_between_processes() -> None:
    """All of them, as they were."""
    with pytest.raises(StudyError) as caught:
        Study(name="asked", search={"trials": 0}, training={"steps": -1})
    copy = pickle.loads(pickle.dumps(caught.value))
    assert (str(copy), copy.mistakes) == (str(caught.value), caught.value.mistakes)


def test_which_studies_need_a_worker(folder: Path) -> None:
    """Those that name a module, in the file or on the command line."""
    assert names_code(folder / "asked_well.toml")
    assert names_code("digits", ("model.source=mine:model",))
    assert not names_code("digits", ("model.depth=3",))
    assert all(
        names_code("digits", (f"data.source={name}",)) for name in ("daten:über", "данные:laden", "模型:建")
    )
    assert not names_code("digits", ("training.dtype=12:30",))
    fixed = {"optimizer": "sgd", "learning_rate": 0.1}
    assert not Study(name="a", search={"space": fixed}).names_code
    of_one = {**fixed, "activation.sgd": "torch.nn:Tanh"}
    assert Study(name="a", search={"space": of_one, "scientific": []}).names_code
    assert Study(
        name="a", training={"loss": lambda output, y: output.mean()}, search={"space": fixed}
    ).names_code
