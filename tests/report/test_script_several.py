"""The script of the winner with several inputs, and with data sets that a data function gives."""

import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from script_cases import case, study_of
from standalone import outputs

from sweeper.errors import UserError
from sweeper.report import script as package
from sweeper.report.script import script
from sweeper.training.reference import train
from sweeper.training.setup import Task
from sweeper.trial import Outcome, Trial, TrialResult

FUNCTIONS = '''
"""Functions of a user."""
import numpy as np
import torch
from torch import nn


def arrays():
    draw = np.random.default_rng(5)
    codes = draw.integers(0, 9, (70, 4))
    return draw.normal(3, 2, (70, 3)), codes, codes > 2, codes.sum(axis=1) % 3


def positional():
    numbers, codes, mask, y = arrays()
    return (numbers.astype(np.float32), torch.tensor(codes), mask), y


def named():
    numbers, codes, mask, y = arrays()
    rows = {"train": slice(0, 40), "validation": slice(40, 60), "test": slice(60, 70)}
    inputs = {"mask": mask, "numbers": numbers, "codes": codes}
    return {part: ({k: v[some] for k, v in inputs.items()}, y[some]) for part, some in rows.items()}


class Items(torch.utils.data.Dataset):
    """Dicts whose numbers are disturbed at random."""

    def __init__(self):
        self.arrays = arrays()

    def __len__(self):
        return 70

    def __getitem__(self, i):
        numbers, codes, mask, y = (array[i] for array in self.arrays)
        numbers = numbers + np.random.rand(3)
        return {"codes": codes, "numbers": numbers, "label": y, "mask": torch.tensor(mask)}


def items():
    return Items()


def collate(rows):
    batch = torch.utils.data.default_collate(rows)
    return (batch["numbers"], batch["codes"], batch["mask"]), batch["label"]


def loaders():
    whole = Items()
    some = torch.utils.data.SubsetRandomSampler(range(40, 70))
    first = torch.utils.data.DataLoader(
        torch.utils.data.Subset(whole, range(40)), 8, shuffle=True, collate_fn=collate
    )
    return {
        "train": first,
        "validation": torch.utils.data.DataLoader(whole, 8, sampler=some, collate_fn=collate),
    }


def tensors():
    numbers, _, _, y = arrays()
    return torch.utils.data.TensorDataset(torch.tensor(numbers), torch.tensor(y))


def unlike():
    return [(np.arange(1 + i % 4), i % 2) for i in range(40)]


class Mixed(nn.Module):
    """Numbers, and the sum of the embeddings of codes that the mask leaves."""

    def __init__(self, width, outputs):
        super().__init__()
        self.embedding, self.numbers, self.act = nn.Embedding(9, 6), nn.Linear(width, 6), nn.ReLU()
        self.drop, self.out = nn.Dropout(0.2), nn.Linear(6, outputs)

    def forward(self, numbers, codes, mask):
        some = self.embedding(codes) * mask.unsqueeze(-1)
        return self.out(self.drop(self.act(self.numbers(numbers) + some.sum(1))))


def mixed(in_features, out_features):
    return Mixed(in_features["numbers"] if isinstance(in_features, dict) else in_features[0], out_features)


class Whole(Mixed):
    """The same of a dict; numbers through a layer that learns its width."""

    def __init__(self, outputs):
        super().__init__(3, outputs)
        self.numbers = nn.LazyLinear(6)

    def forward(self, batch):
        return super().forward(**batch)


def whole(out_features):
    return Whole(out_features)
'''


def user(name: str) -> str:
    """A function of the user's module."""
    return f"several_case_functions:{name}"


CASES: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "by position": case(
        {"activation": "tanh", "activation_penalty": 0.1}, data=user("positional"), model=user("mixed")
    ),
    "by name": case({}, data=user("named"), model=user("mixed"), batch_size="full", steps=7),
    "as a dict, lazy layers": case({}, data=user("named"), model=user("whole")),
    "items": case({}, data=user("items"), model=user("mixed"), dtype="float64"),
    "loaders": case({}, data={"source": user("loaders"), "standardize": False}, model=user("mixed")),
    "tensors": case({}, data=user("tensors")),
    "images in folders": case(
        {}, data={"source": "photos/", "size": 8, "channels": 1}, model={"source": "cnn", "channels": [3, 4]}
    ),
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of the study files, with the user's module in it."""
    folder = tmp_path_factory.mktemp("several")
    (folder / "several_case_functions.py").write_text(FUNCTIONS, encoding="utf-8")
    grey = np.random.default_rng(6).integers(0, 200, (40, 9, 11))
    for number, values in enumerate(grey):
        of_class = folder / "photos" / ("light" if number % 2 else "dark")
        of_class.mkdir(parents=True, exist_ok=True)
        Image.fromarray((values + 20 * (number % 2)).astype(np.uint8)).save(of_class / f"{number}.png")
    return folder


@pytest.fixture(scope="module")
def runs(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, tuple[TrialResult, str]]:
    """Every case, trained by the reference engine and by its script."""
    scripts, empty, before = folder / "scripts", tmp_path_factory.mktemp("empty"), torch.get_num_threads()
    scripts.mkdir()
    torch.set_num_threads(1)  # as in the workers of a sweep
    trained, calls = {}, {}
    for number, (name, (sections, parameters)) in enumerate(CASES.items()):
        study = study_of(sections, folder)
        data = package.load_data(study)
        trained[name] = train(Task(study, data), Trial(0, "explore", 3, parameters, test=True))
        file = scripts / f"best{number}.py"
        file.write_text(script(study, parameters, 3, data=data), encoding="utf-8")
        calls[name] = [str(file)]
    torch.set_num_threads(before)
    said = outputs(calls, empty)
    return {name: (trained[name], said[name]) for name in calls}


@pytest.mark.parametrize("name", CASES)
def test_script_prints_the_recorded_curve(name: str, runs: dict[str, tuple[TrialResult, str]]) -> None:
    """Validation losses of the script equal the reference engine's, bit by bit."""
    result, said = runs[name]
    assert result.outcome == Outcome.COMPLETED, result.reason
    recorded = {step: value for step, metric, value in result.curves if metric == "validation_loss"}
    printed = re.findall(r"^step (\d+): validation_loss ([^,]+)", said, flags=re.MULTILINE)
    assert len(recorded) > 3
    assert {int(step): float(value) for step, value in printed} == recorded


def test_what_a_script_cannot_read_is_said(folder: Path) -> None:
    """Items that take padding are read by the sweep alone."""
    sections, parameters = case({}, data=user("unlike"), model=user("mixed"))
    with pytest.raises(UserError, match="takes more to read than a script holds"):
        script(study_of(sections, folder), parameters, 3)
