"""Data in hand as the source of a study: what is taken for data, how it is named, and that it stays here."""

import pickle
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from torch.utils.data import DataLoader, TensorDataset

from sweeper.data.in_memory import InMemory, is_data
from sweeper.data.load import load
from sweeper.errors import DataError, StudyError
from sweeper.report.script import script
from sweeper.study.data import data_of
from sweeper.study.study import Study

N = 12
X, Y = np.arange(N * 3.0).reshape(N, 3), np.arange(N) % 3
SET = TensorDataset(torch.from_numpy(X), torch.from_numpy(Y))


@pytest.mark.parametrize(
    "data",
    [
        (X, Y),
        [X, Y],
        (X.tolist(), Y.tolist()),
        SET,
        DataLoader(SET, batch_size=5),
        {"source": SET},
        {"source": (X, Y), "standardize": False},
        [(x, y) for x, y in zip(X, Y, strict=True)],
        {"train": (X, Y), "validation": SET},
        InMemory((X, Y)),
    ],
)
def test_a_study_takes_the_data_themselves(data: Any) -> None:
    """Pairs, data sets, loaders, lists of items and parts, alone or as the source of the section."""
    study = Study(name="mine", data=data)
    read = data_of(study)
    assert read.inputs[:N].tolist() == X.tolist()
    assert read.targets[:N].tolist() == Y.tolist()
    assert read.classes == ("0", "1", "2")


@pytest.mark.parametrize("data", [5, [], ["a", "b"], [[1, 2], [3, 4]], {"train": "file.csv"}, None])
def test_what_a_study_file_can_say_is_no_data(data: Any) -> None:
    """Lists and tables of plain values come from files, where they are mistakes."""
    assert not is_data(data)
    with pytest.raises(StudyError):
        Study(name="mine", data=data)


def test_other_keys_are_mistakes() -> None:
    """Data take no arguments; a key that is none of the section is named."""
    with pytest.raises(StudyError, match=r"data\.rows = 3: unknown key"):
        Study(name="mine", data={"source": SET, "rows": 3})


def test_the_study_is_kept_without_its_data() -> None:
    """The file of a run says what they were; other arrays have other words."""
    words = Study(name="mine", data=(X, Y)).to_dict()["data"]["source"]
    assert words.startswith("in memory (ndarray 12 x 3 float64 ")
    assert words != Study(name="mine", data=(X + 1, Y)).to_dict()["data"]["source"]
    assert Study(name="mine", data=SET).to_dict()["data"]["source"] == "in memory (TensorDataset of 12)"
    frame = pd.DataFrame(X)
    assert Study(name="mine", data=frame).to_dict()["data"]["source"] == "in memory (DataFrame of 12)"


def test_other_processes_get_no_data() -> None:
    """What is sent is small, and reading it there says why there is nothing."""
    study = Study(name="mine", data=(np.zeros((100_000, 3)), np.zeros(100_000)))
    sent = pickle.dumps(study)
    assert len(sent) < 10_000
    with pytest.raises(DataError, match="they stayed in the process that made the study"):
        load(pickle.loads(sent).data.source)


def test_the_script_says_that_it_has_no_data() -> None:
    """A script cannot hold objects of another program."""
    with pytest.raises(Exception, match="which no other program has; name a data function or a file"):
        script(Study(name="mine", data=(X, Y)), {"optimizer": "sgd", "learning_rate": 0.1}, 0)
