"""Folders of images: what is read, in which order, and what is said of files that are none."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from sweeper.data.images import image_folder
from sweeper.data.load import load
from sweeper.errors import DataError, StudyError
from sweeper.study.study import Study

COLOURS = {"red": (250, 0, 0), "blue": (0, 0, 250)}


def fill(folder: Path, names: Any = range(6), size: tuple[int, int] = (12, 8)) -> None:
    """Images of one colour, in a subfolder for each."""
    for name, colour in COLOURS.items():
        (folder / name).mkdir(parents=True)
        for number in names:
            Image.new("RGB", size, colour).save(folder / name / f"{number}.png")


def read(folder: Path, **options: Any) -> Any:
    """The images as data."""
    return load(f"{folder}/", options=options, loss_task="classification")


def test_subfolders_are_classes(tmp_path: Path) -> None:
    """Bytes, channels first, of the size that is asked for; other and hidden files are left out."""
    fill(tmp_path)
    (tmp_path / "red" / "notes.txt").write_text("none", encoding="utf-8")
    (tmp_path / "red" / "._0.png").write_bytes(b"none")
    data = read(tmp_path, size=5)
    assert (data.inputs.shape, data.inputs.dtype) == ((12, 3, 5, 5), np.uint8)
    assert data.classes == ("blue", "red")
    assert data.targets.tolist() == [0] * 6 + [1] * 6
    assert data.inputs[0, :, 2, 2].tolist() == [0, 0, 250]
    assert read(tmp_path, channels=1).inputs.shape == (12, 1, 32, 32)


def test_images_are_cut_in_their_middle(tmp_path: Path) -> None:
    """A wide image loses its sides and keeps its proportions."""
    fill(tmp_path)
    wide = Image.new("L", (30, 10), 0)
    wide.paste(200, (10, 0, 20, 10))
    wide.save(tmp_path / "red" / "0.png")
    row = read(tmp_path, size=10, channels=1).inputs[6]
    assert row.min() == 200


def test_parts_are_folders(tmp_path: Path) -> None:
    """train, val and test keep their split."""
    for part, count in {"train": 5, "val": 3, "test": 2}.items():
        fill(tmp_path / part, range(count))
    data = read(tmp_path, size=4)
    assert {part: len(rows) for part, rows in data.fixed.items()} == {"train": 10, "validation": 6, "test": 4}


def test_unreadable_files_are_named(tmp_path: Path) -> None:
    """All are counted, five are named."""
    fill(tmp_path)
    for number in range(6):
        (tmp_path / "red" / f"{number}.png").write_bytes(b"no image")
    with pytest.raises(DataError, match=r"6 of 12 files in .* cannot be read .*: red/0\.png .* and 1 more"):
        read(tmp_path)


def test_a_folder_without_classes(tmp_path: Path) -> None:
    """It says what is needed."""
    Image.new("L", (3, 3)).save(tmp_path / "a.png")
    with pytest.raises(DataError, match="no images in subfolders of"):
        read(tmp_path)


def test_mistakes_of_the_study(tmp_path: Path) -> None:
    """The folder, the keys and their values are checked before anything is read."""
    fill(tmp_path / "photos")
    given = {"source": "photos/", "size": 0, "chanels": 3}
    with pytest.raises(StudyError) as caught:
        Study(name="a", folder=tmp_path, data=given)
    assert "data.size = 0: must be from 1 to 4096" in str(caught.value)
    assert "data.chanels = 3: unknown key; did you mean 'channels'?" in str(caught.value)
    with pytest.raises(StudyError, match="no such folder photo/"):
        Study(name="a", folder=tmp_path, data="photo/")
    with pytest.raises(DataError, match=r"data\.channels = 2: allowed are 1"):
        read(tmp_path / "photos", channels=2)


@pytest.mark.parametrize("channels", [1, 3])
def test_images_of_sixteen_bits_keep_their_shades(tmp_path: Path, channels: int) -> None:
    """Pillow itself would make white of everything above 255."""
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        for number, level in enumerate((3000, 30000)):
            Image.fromarray(np.full((4, 4), level, np.uint16)).save(tmp_path / name / f"{number}.png")
    images, _ = image_folder(tmp_path, 4, channels)
    assert sorted({int(image.max()) for image in images}) == [3000 >> 8, 30000 >> 8]
    Image.fromarray(np.full((4, 4), 0.5, np.float32)).save(tmp_path / "a" / "real.tiff")
    with pytest.raises(ValueError, match=r"real.tiff \(its pixels have 32 bits"):
        image_folder(tmp_path, 4, channels)


def test_two_folders_of_one_part_are_refused(tmp_path: Path) -> None:
    """One of them would be left out without a word."""
    for part in ("train", "val", "validation"):
        for name in ("a", "b"):
            (tmp_path / part / name).mkdir(parents=True)
            Image.fromarray(np.zeros((4, 4), np.uint8)).save(tmp_path / part / name / "0.png")
    with pytest.raises(ValueError, match="has the folders train, val, validation"):
        image_folder(tmp_path, 4, 1)


@pytest.mark.parametrize(("most", "kept"), [(180, 1), (4095, 16), (8191, 0), (65535, 0)])
def test_images_whose_upper_bits_are_empty_are_refused(tmp_path: Path, most: int, kept: int) -> None:
    """Of 16 bits the upper 8 are kept: of depths in the lower ones nothing would be left."""
    for name, level in (("near", most // 3), ("far", most)):
        (tmp_path / name).mkdir()
        Image.fromarray(np.full((4, 4), level, np.uint16)).save(tmp_path / name / "0.png")
    if not kept:
        assert image_folder(str(tmp_path), 4, 1)[0].max() == most >> 8
        return
    with pytest.raises(ValueError, match=f"up to {most:,} alone, of 65,535; .* {kept} of 256 levels"):
        image_folder(str(tmp_path), 4, 1)
