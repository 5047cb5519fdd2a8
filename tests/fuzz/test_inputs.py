"""Study files, ``--set`` and data files, mutated at random: each loads or is one message.

500 inputs of each kind; 5,000 where SWEEPER_SOAK is set (`make soak`). An input's number is its seed.
"""

import io
import random
import time
import warnings
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from soak import SOAK, patient

from sweeper.data.load import load as load_data
from sweeper.errors import UserError
from sweeper.study.find import builtin_studies
from sweeper.study.study import Study

COUNT = 5000 if SOAK else 500
SLOWEST = 10.0
"""Seconds that one input may take."""
VALUES = [
    "1",
    "-1",
    "0",
    "1e308",
    "5e-324",
    "-0.0",
    "nan",
    "inf",
    "true",
    "[]",
    "{}",
    '""',
    '"a"',
    "9" * 30,
    "1979-05-27",
    "[1, 1]",
    '["relu", 3]',
    "{low = 1, high = 0}",
    "{low = 0, high = 1, step = 1e-300}",
    "[[[[]]]]",
    '"\\u0000"',
    "'digits'",
    '"x.csv"',
    '"os:getcwd"',
    "{a = {b = {c = 1}}}",
    "0x7fffffffffffffff",
    "\ud800",
    "\x00",
    "1_000",
]
KEYS = [
    "name",
    "question",
    "data",
    "model",
    "training",
    "search",
    "search.space",
    "confirm",
    "expect",
    "data.source",
    "data.split",
    "data.target",
    "model.source",
    "model.depth",
    "model.init",
    "training.loss",
    "training.steps",
    "training.epochs",
    "training.batch_size",
    "training.device",
    "search.trials",
    "search.sampler",
    "search.allow_activations",
    "search.scientific",
    "search.space.optimizer",
    "search.space.learning_rate",
    "search.space.learning_rate.low",
    "search.space.learning_rate.sgd",
    "search.space.activation",
    "search.space.betas",
    "search.space.momentum",
    "search.space.training.steps",
    "search.space.model.depth",
    "search.space.nesterov",
    "expect.check",
    "expect.parameter",
    "confirm.seeds",
    '"a.b"',
    "''",
    "file",
    "folder",
    "trusted",
    "..",
    "a" * 300,
]
ROWS = "a,b,y\n" + "".join(f"{k},{k / 7:.3f},{'uvw'[k % 3]}\n" for k in range(20))


def mutated_text(text: str, draw: random.Random) -> str:
    """Lines taken out, doubled or swapped, values replaced, characters changed."""
    lines = text.splitlines()
    for _ in range(draw.randint(1, 4)):
        place = draw.randrange(len(lines))
        way = draw.randrange(6)
        if way == 0:
            del lines[place]
        elif way == 1:
            lines.insert(place, draw.choice(lines))
        elif way == 2:
            lines[place] = lines[place].partition("=")[0] + "= " + draw.choice(VALUES)
        elif way == 3:
            lines.insert(place, f"{draw.choice(KEYS)} = {draw.choice(VALUES)}")
        elif way == 4:
            lines[place] = f"[{draw.choice(KEYS)}]"
        else:
            at = draw.randrange(len(lines[place]) + 1)
            mark = draw.choice("[]{}\"'=.,#\\\n\r\t\x00é\u202e")
            lines[place] = lines[place][:at] + mark + lines[place][at + 1 :]
        lines = lines or [""]
    return "\n".join(lines)


def mutated_bytes(content: bytes, draw: random.Random) -> bytes:
    """Bytes changed, cut out, doubled or cut off."""
    found = bytearray(content)
    for _ in range(draw.randint(1, 6)):
        at = draw.randrange(len(found) + 1)
        way = draw.randrange(4)
        if way == 0:
            found[at : at + 1] = bytes([draw.randrange(256)])
        elif way == 1:
            del found[at : at + draw.randint(1, 50)]
        elif way == 2:
            found[at:at] = found[max(0, at - 20) : at]
        elif draw.random() < 0.2:
            del found[at:]
    return bytes(found)


def survives(call: Callable[[], object], what: str) -> bool:
    """Whether `call` was accepted; anything but a message of the product's own is an error here."""
    start = time.perf_counter()
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            call()
        accepted = True
    except UserError:
        accepted = False
    except Exception as error:
        raise AssertionError(f"{type(error).__name__} for {what}") from error
    assert time.perf_counter() - start < SLOWEST, what
    return accepted


@patient
def test_study_files(tmp_path: Path) -> None:
    """A mutated study file is a study or one message; nothing is written."""
    texts = [file.read_text(encoding="utf-8") for file in builtin_studies().values()]
    file, accepted = tmp_path / "s.toml", 0
    for seed in range(COUNT):
        draw = random.Random(seed)
        text = mutated_text(draw.choice(texts), draw)
        file.write_bytes(text.encode("utf-8", "surrogatepass"))
        accepted += survives(lambda: Study.load(file).to_toml().encode(), f"study file {seed}")
    assert list(tmp_path.iterdir()) == [file]
    assert 0 < accepted < COUNT


@patient
def test_overrides(tmp_path: Path) -> None:
    """So is a study with keys set at random."""
    accepted = 0
    for seed in range(COUNT):
        draw = random.Random(seed)
        given = [f"{draw.choice(KEYS)}={draw.choice(VALUES)}" for _ in range(draw.randint(1, 3))]
        accepted += survives(
            lambda given=given: Study.load("digits", tuple(given)).to_toml().encode(), f"--set {given!a}"
        )
    assert 0 < accepted < COUNT


def contents() -> dict[str, bytes]:
    """ending -> a valid data file."""
    x, y = np.arange(40.0).reshape(20, 2), np.arange(20) % 3
    archive, table, tensors = io.BytesIO(), io.BytesIO(), io.BytesIO()
    np.savez(archive, x=x, y=y)
    pd.DataFrame({"a": x[:, 0], "b": x[:, 1], "y": y}).to_parquet(table)
    torch.save({"x": torch.tensor(x), "y": torch.tensor(y)}, tensors)
    binary = {"npz": archive.getvalue(), "parquet": table.getvalue(), "pt": tensors.getvalue()}
    return {"csv": ROWS.encode(), **binary}


@patient
def test_data_files(tmp_path: Path) -> None:
    """A data file with changed bytes is data or one message."""
    accepted, valid = 0, contents()
    for seed in range(COUNT):
        draw = random.Random(seed)
        ending = draw.choice(sorted(valid))
        file = tmp_path / f"d.{ending}"
        file.write_bytes(mutated_bytes(valid[ending], draw))
        task = draw.choice(["classification", "regression"])
        accepted += survives(
            lambda file=file, task=task: load_data(str(file), target="y", loss_task=task), f"{ending} {seed}"
        )
    assert 0 < accepted < COUNT
