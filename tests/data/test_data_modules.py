"""Data modules give the loaders of their parts, as a trainer asks for them; scripts ask in the same way."""

from typing import Any

import numpy as np
import pytest
import torch
from torch.utils.data import DataLoader, TensorDataset, random_split

from sweeper.data.data_modules import calls_of, is_data_module, parts_of
from sweeper.data.load import load
from sweeper.errors import DataError
from sweeper.study.study import Study


class Rows:
    """As a LightningDataModule; `setup` draws the split."""

    several = False

    def __init__(self, rows: int = 60) -> None:
        self.rows, self.seen = rows, list[str]()

    def prepare_data(self) -> None:
        """What a trainer calls first."""
        self.seen.append("prepare")

    def setup(self, stage: str) -> None:
        """Before each stage."""
        self.seen.append(stage)
        x = torch.arange(self.rows * 2.0).reshape(-1, 2)
        part = self.rows // 3
        self.parts = random_split(TensorDataset(x, x[:, 0].long() % 3), [part, part, self.rows - 2 * part])

    def train_dataloader(self) -> DataLoader[Any]:
        """Shuffled, as it should be."""
        return DataLoader(self.parts[0], batch_size=7, shuffle=True)

    def val_dataloader(self) -> Any:
        """One loader, or two."""
        loader = DataLoader(self.parts[1], batch_size=7)
        return [loader, loader] if self.several else loader


class WithTest(Rows):
    """With rows to test on."""

    def test_dataloader(self) -> DataLoader[Any]:
        """The third part."""
        return DataLoader(self.parts[2])


@pytest.mark.parametrize(("kind", "parts"), [(Rows, 2), (WithTest, 3)])
def test_parts_are_those_of_the_loaders(kind: type[Rows], parts: int) -> None:
    """Each part has its rows once; the same code in a script gives the same rows."""
    data, again = load(kind, loss_task="classification"), load(kind, loss_task="classification")
    assert data.fixed is not None
    assert [len(rows) for rows in data.fixed.values()] == [20, 20, 20 * (parts - 2)]
    assert np.array_equal(data.inputs, again.inputs)
    module = kind()
    stages = ["prepare", "fit", "test"][:parts]
    assert list(parts_of(module)) == ["train", "validation", "test"][:parts]
    scope = {"found": kind()}
    found = scope["found"]
    exec("\n".join(calls_of(found)), scope)
    assert found.seen == module.seen == stages
    assert list(scope["found"]) == ["train", "validation", "test"][:parts]  # type: ignore[call-overload]


def test_in_hand_and_with_arguments() -> None:
    """From Python a module will do, and a class gets the further keys of the section."""
    study = Study(name="a", data=Rows())
    assert study.data.source.words == "in memory (Rows)"
    assert load(Rows, options={"rows": 90}, loss_task="classification").rows == 60
    assert not is_data_module(torch.nn.Linear(1, 1))


def test_several_loaders_for_a_part_are_refused() -> None:
    """The method is named."""
    module = Rows()
    module.several = True
    with pytest.raises(DataError, match="val_dataloader gives several loaders"):
        load(lambda: module, loss_task="classification")
