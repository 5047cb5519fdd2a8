"""Studies of several inputs, and of data sets that a data function gives, for stand-alone scripts."""

from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image
from script_cases import case

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


def padded():
    draw = np.random.default_rng(7)
    mask = (np.arange(5) < draw.integers(1, 6, 70)[:, None]).astype(np.float32)
    x = draw.normal(4, 2, (70, 5, 3)) * mask[:, :, None]
    return (x, mask), x.sum((1, 2))


class Steps(nn.Module):
    """The mean over the steps that the mask leaves."""

    def __init__(self, width, outputs):
        super().__init__()
        self.layer, self.act, self.out = nn.Linear(width, 6), nn.ReLU(), nn.Linear(6, outputs)

    def forward(self, x, mask):
        return self.out((self.act(self.layer(x)) * mask.unsqueeze(-1)).sum(1) / mask.sum(1, keepdim=True))


def steps(in_features, out_features):
    return Steps(in_features[0], out_features)


def lists():
    return [np.ones((1 + i % 4, 3)) * i for i in range(40)], np.arange(40.0)


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


SEVERAL: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "by position": case(
        {"activation": "tanh", "activation_penalty": 0.1}, data=user("positional"), model=user("mixed")
    ),
    "by name": case({}, data=user("named"), model=user("mixed"), batch_size="full", steps=7),
    "as a dict, lazy layers": case({}, data=user("named"), model=user("whole")),
    "items": case({}, data=user("items"), model=user("mixed"), dtype="float64"),
    "loaders": case({}, data={"source": user("loaders"), "standardize": False}, model=user("mixed")),
    "padded, with a mask of numbers": case({}, data=user("padded"), model=user("steps"), loss="mse"),
    "tensors": case({}, data=user("tensors")),
    "images in folders": case(
        {}, data={"source": "photos/", "size": 8, "channels": 1}, model={"source": "cnn", "channels": [3, 4]}
    ),
}


def write_several(folder: Path) -> None:
    """The user's module, and images in folders of their classes."""
    (folder / "several_case_functions.py").write_text(FUNCTIONS, encoding="utf-8")
    grey = np.random.default_rng(6).integers(0, 200, (40, 9, 11))
    for number, values in enumerate(grey):
        of_class = folder / "photos" / ("light" if number % 2 else "dark")
        of_class.mkdir(parents=True, exist_ok=True)
        Image.fromarray((values + 20 * (number % 2)).astype(np.uint8)).save(of_class / f"{number}.png")
