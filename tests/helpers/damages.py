"""Ways in which a file is damaged, each by a random generator."""

import random
import shutil
from collections.abc import Callable
from pathlib import Path


def flip(file: Path, draw: random.Random) -> None:
    """Some bits."""
    content = bytearray(file.read_bytes())
    for _ in range(draw.choice([1, 1, 3, 20])):
        if content:
            content[draw.randrange(len(content))] ^= 1 << draw.randrange(8)
    file.write_bytes(content)


def truncate(file: Path, draw: random.Random) -> None:
    """The end is lost."""
    content = file.read_bytes()
    file.write_bytes(content[: draw.randrange(len(content) + 1)])


def cut(file: Path, draw: random.Random) -> None:
    """Some bytes in the middle are lost."""
    content = file.read_bytes()
    first = draw.randrange(len(content) + 1)
    file.write_bytes(content[:first] + content[first + draw.randrange(1, 40) :])


def insert(file: Path, draw: random.Random) -> None:
    """Some bytes come twice, or from nowhere."""
    content = file.read_bytes()
    first = draw.randrange(len(content) + 1)
    more = draw.choice([content[first : first + 40], draw.randbytes(9)])
    file.write_bytes(content[:first] + more + content[first:])


def delete(file: Path, draw: random.Random) -> None:
    """The file is gone."""
    file.unlink()


def duplicate(file: Path, draw: random.Random) -> None:
    """A copy under another name, of which some are taken for the program's own."""
    names = [f"{file.stem} (1){file.suffix}", f"{file.name}.bak", file.name.replace("00000", "00009")]
    if (name := draw.choice(names)) != file.name:
        shutil.copy(file, file.with_name(name))


def swap(file: Path, draw: random.Random) -> None:
    """Its content changes places with that of another file of its kind."""
    alike = sorted(path for path in file.parent.glob(f"*{file.suffix}") if path.is_file())
    other = draw.choice(alike)
    mine, theirs = file.read_bytes(), other.read_bytes()
    file.write_bytes(theirs)
    other.write_bytes(mine)


def as_folder(file: Path, draw: random.Random) -> None:
    """A folder in its place."""
    file.unlink()
    file.mkdir()


def as_loop(file: Path, draw: random.Random) -> None:
    """A link to itself in its place."""
    file.unlink()
    file.symlink_to(file.name)


DAMAGE: list[Callable[[Path, random.Random], None]] = [
    flip, flip, flip, truncate, cut, insert, delete, duplicate, swap, as_folder, as_loop,
]  # fmt: skip
