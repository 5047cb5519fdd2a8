"""Array files: .npz and .pt, found beside the study; nothing is unpickled."""

import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from sweeper.data.files import find, read_arrays
from sweeper.data.load import load
from sweeper.errors import DataError

N = 12
X, Y = np.arange(N * 3.0).reshape(N, 3), np.arange(N) % 3
TX, TY = torch.from_numpy(X), torch.from_numpy(Y)


def saved(folder: Path, name: str, **arrays: Any) -> Path:
    """An archive of numpy, or tensors of torch."""
    file = folder / name
    np.savez(file, **arrays) if name.endswith("npz") else torch.save(arrays, file)
    return file


@pytest.mark.parametrize("ending", ["npz", "pt"])
@pytest.mark.parametrize("names", [("inputs", "targets"), ("x", "y"), ("X", "y"), ("data", "target")])
def test_pairs_in_array_files(names: tuple[str, str], ending: str, tmp_path: Path) -> None:
    """Under the names that people give them."""
    pair = (X, Y) if ending == "npz" else (TX, TY)
    file = saved(tmp_path, f"f.{ending}", **dict(zip(names, pair, strict=True)))
    data = load(file.name, folder=tmp_path, loss_task="classification")
    assert data.inputs.tolist() == X.tolist()
    assert data.targets.tolist() == Y.tolist()


@pytest.mark.parametrize("ending", ["npz", "pt"])
def test_parts_in_array_files(ending: str, tmp_path: Path) -> None:
    """x_train, y_train and so on are data that came split."""
    pair = (X, Y) if ending == "npz" else (TX, TY)
    named = {
        f"{kind}_{part}": a for part in ("train", "validation") for kind, a in zip("xy", pair, strict=True)
    }
    data = load(str(saved(tmp_path, f"f.{ending}", **named)), loss_task="classification")
    assert data.fixed["validation"].tolist() == list(range(N, 2 * N))


def test_a_pair_or_parts_of_tensors(tmp_path: Path) -> None:
    """A .pt file may hold a pair, or a dict of pairs by part."""
    torch.save((TX, TY), tmp_path / "pair.pt")
    assert load("pair.pt", folder=tmp_path, loss_task="classification").inputs.shape == (N, 3)
    torch.save({"train": (TX, TY), "validation": (TX, TY)}, tmp_path / "parts.pt")
    assert load("parts.pt", folder=tmp_path, loss_task="classification").inputs.shape == (2 * N, 3)


class Evil:
    """What runs code when it is unpickled."""

    def __reduce__(self) -> tuple[Any, ...]:
        return (Path.touch, (Path("pwned"),))


UNPICKLED = "it is damaged, or holds Python objects, which are never unpickled"


@pytest.mark.parametrize("how", ["npz", "torch", "pickle", "junk"])
def test_nothing_is_unpickled(how: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Files that hold code are refused, and the code does not run."""
    monkeypatch.chdir(tmp_path)
    file = tmp_path / ("f.npz" if how in ("npz", "junk") else "f.pt")
    if how == "npz":
        np.savez(file, x=np.array([Evil()] * 3, dtype=object), y=Y)
    elif how == "torch":
        torch.save((Evil(), TY), file)
    else:
        file.write_bytes(b"junk" if how == "junk" else pickle.dumps((Evil(), 1)))
    with pytest.raises(DataError) as caught:
        read_arrays(file)
    kind = ".npz file of plain arrays" if file.suffix == ".npz" else ".pt file of plain tensors"
    whole = f"not a readable {kind}: {UNPICKLED}"
    objects = "array 'x' cannot be read: it holds Python objects, which are never unpickled"
    assert str(caught.value) == f"{file}: {objects if how == 'npz' else whole}"
    assert not (tmp_path / "pwned").exists()


def test_array_files_that_are_none(tmp_path: Path) -> None:
    """Empty files, single arrays, lists of three and unknown names have their messages."""

    def message(file: Path) -> str:
        with pytest.raises(DataError) as caught:
            read_arrays(file)
        return str(caught.value).removeprefix(f"{file}: ")

    empty = tmp_path / "empty.npz"
    empty.write_bytes(b"")
    assert message(empty) == "not a readable .npz file of plain arrays: No data left in file"
    single = tmp_path / "single.npz"
    with single.open("wb") as sink:
        np.save(sink, X)
    assert message(single).endswith("it is a single array (.npy); use np.savez(file, inputs=…, targets=…)")
    torch.save([TX, TY, TY], tmp_path / "three.pt")
    assert message(tmp_path / "three.pt") == "must hold a pair or a dict of tensors, not list"
    assert message(saved(tmp_path, "odd.npz", a=X, b=Y)) == (
        "no inputs and targets in it; found: a, b; allowed: inputs and targets, x and y, or x_train, "
        "y_train, "
        "x_validation, y_validation, x_test, y_test"
    )


def test_files_are_looked_for_beside_the_study_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Then in the working directory; absolute paths are taken as they are."""
    beside, here = tmp_path / "beside", tmp_path / "here"
    for folder in (beside, here):
        folder.mkdir()
        (folder / "d.csv").touch()
    monkeypatch.chdir(here)
    assert find("d.csv", beside) == beside / "d.csv"
    assert find("d.csv", None) == here / "d.csv"
    assert find(str(here / "d.csv"), beside) == here / "d.csv"
    (beside / "d.csv").unlink()
    assert find("d.csv", beside) == here / "d.csv"
    with pytest.raises(DataError) as caught:
        find("other.npz", beside)
    assert str(caught.value) == f"no such file other.npz (looked in {beside} and {here})"
    (beside / "daten.csv").write_text("a,b\n1,2\n", encoding="utf-8")
    with pytest.raises(DataError, match=r"; did you mean 'daten\.csv'\?$"):
        find("datn.csv", beside)
    with pytest.raises(DataError, match=r"looked in .*no[/\\]place"):
        find(str(beside / "no" / "place" / "daten.csv"), beside)
    (here / "folder.csv").mkdir()
    with pytest.raises(DataError, match=r"^folder\.csv is a folder; give a file$"):
        find("folder.csv", beside)


def test_an_error_without_words_is_told_as_damage(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As the name of its class says nothing of the file."""
    file = saved(tmp_path, "f.npz", x=X, y=Y)

    def broken(*_: object, **__: object) -> None:
        raise AssertionError

    monkeypatch.setattr(np, "load", broken)
    with pytest.raises(DataError, match="plain arrays: it is damaged, or something else"):
        read_arrays(file)
