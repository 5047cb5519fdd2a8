"""Images in folders, one subfolder a class: ``source = "photos/"``.

Depends on numpy and Pillow alone, so that the stand-alone script of a run can carry it.
"""

from pathlib import Path
from typing import Any

import numpy as np

IMAGES = (".bmp", ".gif", ".jpeg", ".jpg", ".pgm", ".png", ".ppm", ".tif", ".tiff", ".webp")
"""Endings of the files that are read; others, and hidden ones, are left out."""
PART_FOLDERS = {"train": "train", "validation": "validation", "val": "validation", "valid": "validation"}
PART_FOLDERS |= {"test": "test"}
MODES = {1: "L", 3: "RGB"}
"""Channels -> mode of Pillow."""
FEWEST_LEVELS = 32
"""Grey levels of 256 that the brightest image of 16 bits must reach, as only its upper 8 bits are kept."""
MOST_NAMED = 5
"""Files that a message names."""
LIMITS: dict[str, tuple[float, float]] = {"size": (1, 4096), "channels": (1, 3)}
"""Arguments that are numbers: lowest and highest."""


def image_folder(folder: str, size: int = 32, channels: int = 3, *, empty: Any = np.empty) -> Any:
    """(images, class names) of the class folders in `folder`, or a dict of such pairs by part.

    Images are cut to a square in their middle and brought to `size` × `size`: bytes (n, channels, size,
    size), 0 to 255. If there is a folder train, the parts are train, validation (or val, valid) and test.
    Files come in the order of their names. `empty` makes the arrays.

    Raises:
        ValueError: naming the files that are no images; for a folder without classes.
    """
    if channels not in MODES:
        raise ValueError(f"data.channels = {channels}: allowed are 1 (grey) and 3 (colour)")
    top = Path(folder)
    if not (top / "train").is_dir():
        return _images_of(top, size, channels, empty)
    found = [part for part in _folders_in(top) if part.name in PART_FOLDERS]
    parts = {PART_FOLDERS[part.name]: part for part in found}
    if len(parts) < len(found):
        names = ", ".join(part.name for part in found)
        raise ValueError(f"{top} has the folders {names}: of those that stand for one part, keep one")
    return {name: _images_of(part, size, channels, empty) for name, part in parts.items()}


def _folders_in(folder: Path) -> list[Path]:
    return sorted(path for path in folder.iterdir() if path.is_dir() and not path.name.startswith("."))


def _images_of(folder: Path, size: int, channels: int, empty: Any) -> tuple[np.ndarray, np.ndarray]:
    files = [
        (file, of_class.name)
        for of_class in _folders_in(folder)
        for file in sorted(of_class.rglob("*"))
        if file.suffix.lower() in IMAGES and not file.name.startswith(".")
    ]
    if not files:
        raise ValueError(
            f"no images in subfolders of {folder}; it needs a folder for each class, with files that end in "
            f"{', '.join(IMAGES)}"
        )
    images, wrong = empty((len(files), channels, size, size), np.uint8), []
    highest = []
    for number, (file, _) in enumerate(files):
        try:
            images[number], most = _image(file, size, channels)
            highest += [] if most is None else [most]
        except Exception as error:  # Pillow raises many kinds for what is no image
            why = str(error) if isinstance(error, ValueError) else type(error).__name__
            wrong.append(f"{file.relative_to(folder)} ({why})")
    if wrong:
        more = f" and {len(wrong) - MOST_NAMED} more" if len(wrong) > MOST_NAMED else ""
        raise ValueError(
            f"{len(wrong)} of {len(files)} files in {folder} cannot be read as images: "
            f"{', '.join(wrong[:MOST_NAMED])}{more}"
        )
    levels = (max(highest, default=0) >> 8) + 1
    if highest and levels < FEWEST_LEVELS:
        raise ValueError(
            f"images of 16 bits in {folder} hold numbers up to {max(highest):,} alone, of 65,535; as the "
            f"upper 8 bits are kept, {levels} of 256 levels are left: scale them up, or save them with 8 bits"
        )
    return images, np.array([name for _, name in files])


def _image(file: Path, size: int, channels: int) -> tuple[np.ndarray, int | None]:
    """The image, and the largest number of one of 16 bits."""
    # loaded late: few studies have images
    from PIL import Image, ImageOps

    with Image.open(file) as image:
        highest = int(np.asarray(image).max()) if image.mode.startswith("I;16") else None
        image.draft(MODES[channels], (size, size))  # of a JPEG file, only as many pixels as are needed
        upright = in_bytes(ImageOps.exif_transpose(image)).convert(MODES[channels])
        square = ImageOps.fit(upright, (size, size), Image.Resampling.BILINEAR)
    array = np.asarray(square)
    return (array[None] if channels == 1 else np.moveaxis(array, -1, 0)), highest


def in_bytes(image: Any) -> Any:
    """An image of Pillow's with 8 bits a number, of 16 the upper ones: its ``convert`` makes all above 255
    white.

    Raises:
        ValueError: if its numbers have more bits, or are real: where they end is not known.
    """
    if image.mode in ("I", "F"):
        raise ValueError("its pixels have 32 bits; save them with 8 or 16")
    if not image.mode.startswith("I;16"):
        return image
    # loaded late: few studies have images
    from PIL import Image

    return Image.fromarray((np.asarray(image) >> 8).astype(np.uint8))
